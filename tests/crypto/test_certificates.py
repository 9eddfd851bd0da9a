"""keystead.crypto.certificates."""

from __future__ import annotations

import datetime
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from keystead.crypto.certificates import certificate_facts
from keystead.kmip.enums import CryptographicAlgorithm, DigitalSignatureAlgorithm, RecommendedCurve, ResultReason

A = CryptographicAlgorithm
D = DigitalSignatureAlgorithm
R = ResultReason

NAME = x509.Name(
    x509.NameAttribute(oid, value)
    for oid, value in (
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.STATE_OR_PROVINCE_NAME, "Bayern"),
        (NameOID.LOCALITY_NAME, "München"),
        (NameOID.ORGANIZATION_NAME, "Example"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "One"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "Two"),
        (NameOID.COMMON_NAME, "example.org"),
        (NameOID.EMAIL_ADDRESS, "a@example.org"),
        (NameOID.USER_ID, "alice"),
        (NameOID.SERIAL_NUMBER, "42"),
        (NameOID.TITLE, "Dr"),
        (NameOID.DOMAIN_COMPONENT, "org"),
        (NameOID.DN_QUALIFIER, "q"),
    )
)
ISSUER = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")])
NOT_BEFORE = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
ALTERNATIVES = x509.SubjectAlternativeName(
    [
        x509.DNSName("example.org"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
        x509.RFC822Name("a@example.org"),
        x509.UniformResourceIdentifier("https://example.org/"),
        x509.DirectoryName(ISSUER),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3.4")),
        x509.OtherName(x509.ObjectIdentifier("1.2.3.5"), b"\x05\x00"),
    ]
)


def certificate(key, *, extension=None, algorithm=None, **options):
    builder = (
        x509.CertificateBuilder(ISSUER, NAME, key.public_key(), 2**63 + 5)
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_BEFORE + datetime.timedelta(days=90))
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, algorithm, **options).public_bytes(Encoding.DER)


def test_everything_that_the_attributes_want_is_read():
    key = ec.generate_private_key(ec.SECP256R1())
    facts = certificate_facts(certificate(key, extension=ALTERNATIVES, algorithm=hashes.SHA256()))
    subject = facts.subject
    assert (subject.cn, subject.o, subject.ou) == (("example.org",), ("Example",), ("One", "Two"))
    assert (subject.c, subject.st, subject.l) == (("DE",), ("Bayern",), ("München",))
    assert (subject.email, subject.uid, subject.serial_number) == (("a@example.org",), ("alice",), ("42",))
    assert (subject.title, subject.dc, subject.dn_qualifier) == (("Dr",), ("org",), ("q",))
    assert subject.der == NAME.public_bytes()
    assert (facts.issuer.text, facts.issuer.cn, facts.issuer.o) == ("CN=CA", ("CA",), ())
    assert facts.serial_number == 2**63 + 5
    assert facts.serial_number_bytes.hex() == "008000000000000005"
    assert (facts.cryptographic_algorithm, facts.cryptographic_length) == (A.EC, 256)
    assert facts.recommended_curve is RecommendedCurve.P_256
    assert facts.digital_signature_algorithm is D.ECDSA_WITH_SHA256
    assert (facts.not_before, facts.not_after) == (1767323045, 1767323045 + 90 * 86400)
    assert facts.public_key == key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert facts.subject_alternative_names[0] == b"\x82\x0bexample.org"
    assert facts.subject_alternative_texts == (
        "DNS:example.org",
        "IP:192.0.2.1",
        "email:a@example.org",
        "URI:https://example.org/",
        "DirName:CN=CA",
        "RID:1.2.3.4",
        "otherName:1.2.3.5",
    )
    assert facts.issuer_alternative_names == facts.issuer_alternative_texts == ()


def test_the_digital_signature_algorithm_is_named_where_kmip_has_a_name():
    key = rsa.generate_private_key(65537, 2048)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    assert certificate_facts(certificate(key, algorithm=hashes.SHA384())).digital_signature_algorithm is (
        D.SHA_384_WITH_RSA_ENCRYPTION
    )
    signed = certificate(key, algorithm=hashes.SHA256(), rsa_padding=pss)
    assert certificate_facts(signed).digital_signature_algorithm is D.RSASSA_PSS
    edwards = certificate_facts(certificate(ed25519.Ed25519PrivateKey.generate()))
    assert edwards.digital_signature_algorithm is None
    assert edwards.cryptographic_algorithm is A.ED25519


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"certificate", bytes(100)])
def test_what_is_no_certificate_is_refused(refused, data):
    with refused(R.INVALID_FIELD):
        certificate_facts(data)


def test_a_certificate_that_is_cut_is_refused_at_every_length(refused):
    whole = certificate(ec.generate_private_key(ec.SECP256R1()), extension=ALTERNATIVES, algorithm=hashes.SHA256())
    for cut in range(0, len(whole), 7):
        with refused(R.INVALID_FIELD):
            certificate_facts(whole[:cut])

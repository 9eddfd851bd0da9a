"""Certify, Re-certify and Validate: K37 of the catalogue of hostile inputs, and chains at a date."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from keystead.kmip.enums import (
    CertificateRequestType,
    CertificateType,
    KeyFormatType,
    ObjectType,
    ResultReason,
    RevocationReasonCode,
    ValidityIndicator,
)
from keystead.kmip.objects import Certificate, KeyBlock, KeyValue, PrivateKey
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.certify import CertifyRequest, ReCertifyRequest, ValidateRequest
from keystead.kmip.payloads.create import CreateKeyPairRequest, RegisterRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import RevokeRequest
from keystead.kmip.structures import Name, RevocationReason
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_4
from keystead.pki.ca import Authority
from tests.engine.keys import A, M, attributes
from tests.engine.world import START, World

R = ResultReason
DAY = 86_400
PKCS_10 = CertificateRequestType.PKCS_10


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("Keystead test", "P-256", START - DAY)


@pytest.fixture
def ca(world: World, authority: Authority) -> World:
    world.engine.authority = authority
    return world


def key_pair(world: World, **more: Any) -> tuple[str, str]:
    made = world.do(
        CreateKeyPairRequest(
            common_attributes=attributes(cryptographic_algorithm=A.EC, cryptographic_length=256, activation_date=1),
            private_key_attributes=attributes(cryptographic_usage_mask=M.SIGN),
            public_key_attributes=attributes(cryptographic_usage_mask=M.VERIFY),
        )
    )
    return str(made.private_key_unique_identifier), str(made.public_key_unique_identifier)


def certificate(world: World, unique_identifier: str) -> x509.Certificate:
    value = world.do(GetRequest(unique_identifier=unique_identifier)).object.certificate_value
    return x509.load_der_x509_certificate(value)


def csr(
    common_name: str = "alice", *extensions: x509.ExtensionType, key: Any = None, harm: Callable[[bytes], bytes] = bytes
) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    signed = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return harm(signed.public_bytes(Encoding.DER))


def names(*dns: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(name) for name in dns])


class TestCertify:
    def test_a_public_key_of_the_caller(self, ca: World, authority: Authority) -> None:
        _, public = key_pair(ca)
        made = ca.do(CertifyRequest(unique_identifier=public)).unique_identifier
        issued = certificate(ca, made)
        issued.verify_directly_issued_by(authority.certificate)
        assert issued.subject.rfc4514_string() == "CN=alice"
        assert issued.serial_number.bit_length() > 64
        assert not issued.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        links = ca.do(GetAttributesRequest(unique_identifier=public)).attributes
        assert links.all(Tag.CERTIFICATE_LINK) == [made]
        assert ca.do(GetAttributesRequest(unique_identifier=made)).attributes.get(Tag.PUBLIC_KEY_LINK) == public

    def test_a_certificate_request(self, ca: World) -> None:
        request = CertifyRequest(certificate_request_type=PKCS_10, certificate_request_value=csr())
        assert certificate(ca, ca.do(request).unique_identifier)

    def test_it_never_outlives_its_issuer(self, ca: World, authority: Authority) -> None:
        _, public = key_pair(ca)
        asked = attributes(activation_date=START, deactivation_date=START + 100_000 * DAY)
        issued = certificate(ca, ca.do(CertifyRequest(unique_identifier=public, attributes=asked)).unique_identifier)
        assert issued.not_valid_after_utc == authority.certificate.not_valid_after_utc
        assert issued.not_valid_before_utc == datetime.fromtimestamp(START, UTC)

    @pytest.mark.parametrize(
        ("request_value", "reason"),
        [
            (lambda: csr("bob"), R.PERMISSION_DENIED),
            (lambda: csr("alice", names("www.example.org")), R.PERMISSION_DENIED),
            (
                lambda: csr("alice", x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("10.0.0.1"))])),
                R.PERMISSION_DENIED,
            ),
            (lambda: csr("alice", x509.BasicConstraints(ca=True, path_length=None)), R.PERMISSION_DENIED),
            (
                lambda: csr("alice", x509.KeyUsage(False, False, False, False, False, True, False, False, False)),
                R.PERMISSION_DENIED,
            ),
            (lambda: csr("alice", names(*(f"h{n}.example.org" for n in range(100)))), R.PERMISSION_DENIED),
            (lambda: csr("alice", x509.OCSPNoCheck()), R.INVALID_CSR),
            (lambda: csr(harm=lambda value: value[:-1] + bytes((value[-1] ^ 1,))), R.INVALID_CSR),
            (lambda: csr(harm=lambda value: value[:50]), R.INVALID_CSR),
            (lambda: b"", R.INVALID_CSR),
            (lambda: csr(key=rsa.generate_private_key(65537, 1024)), R.PERMISSION_DENIED),
        ],
    )
    def test_k37_what_is_not_certified(self, ca: World, request_value: Callable[[], bytes], reason: R) -> None:
        request = CertifyRequest(certificate_request_type=PKCS_10, certificate_request_value=request_value())
        assert ca.refused(request) is reason

    def test_k37_the_request_must_be_of_the_key(self, ca: World) -> None:
        _, public = key_pair(ca)
        request = CertifyRequest(
            unique_identifier=public, certificate_request_type=PKCS_10, certificate_request_value=csr()
        )
        assert ca.refused(request) is R.INVALID_CSR

    def test_without_an_authority(self, world: World) -> None:
        _, public = key_pair(world)
        assert world.refused(CertifyRequest(unique_identifier=public)) is R.FEATURE_NOT_SUPPORTED

    def test_a_foreign_key_is_not_there(self, ca: World) -> None:
        _, public = key_pair(ca)
        assert ca.refused(CertifyRequest(unique_identifier=public), who="bob") is R.ITEM_NOT_FOUND


@pytest.fixture
def own(world: World, authority: Authority) -> tuple[str, str]:
    """An authority of alice's own: (certificate, private key)."""
    material = authority.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    block = KeyBlock(key_format_type=KeyFormatType.PKCS_8, key_value=KeyValue(key_material=material))
    private = world.do(
        RegisterRequest(
            object_type=ObjectType.PRIVATE_KEY,
            attributes=attributes(
                cryptographic_usage_mask=M.CERTIFICATE_SIGN, activation_date=1, cryptographic_algorithm=A.EC
            ),
            object=PrivateKey(key_block=block),
        )
    ).unique_identifier
    return register_certificate(world, authority.certificate, private_key_link=private), str(private)


def register_certificate(world: World, one: x509.Certificate, **more: Any) -> str:
    value = one.public_bytes(Encoding.DER)
    return str(
        world.do(
            RegisterRequest(
                object_type=ObjectType.CERTIFICATE,
                attributes=attributes(activation_date=1, **more),
                object=Certificate(certificate_type=CertificateType.X_509, certificate_value=value),
            )
        ).unique_identifier
    )


class TestOwnAuthority:
    def test_it_certifies_what_its_owner_says(self, world: World, own: tuple[str, str]) -> None:
        request = CertifyRequest(
            certificate_request_type=PKCS_10,
            certificate_request_value=csr("web", names("www.example.org")),
            attributes=attributes(certificate_link=own[0]),
        )
        made = world.do(request).unique_identifier
        found = world.do(GetAttributesRequest(unique_identifier=made)).attributes
        assert found.all(Tag.CERTIFICATE_LINK) == [own[0]]
        san = certificate(world, made).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert list(san) == [x509.DNSName("www.example.org")]

    def test_it_needs_the_key_and_its_bit(self, world: World, own: tuple[str, str], authority: Authority) -> None:
        _, public = key_pair(world)
        lonely = register_certificate(world, authority.certificate)
        for issuer in (lonely, public):
            request = CertifyRequest(unique_identifier=public, attributes=attributes(certificate_link=issuer))
            assert world.refused(request) is R.INVALID_OBJECT_TYPE
        private, _ = key_pair(world)
        wrong = register_certificate(world, authority.certificate, private_key_link=private)
        request = CertifyRequest(unique_identifier=public, attributes=attributes(certificate_link=wrong))
        assert world.refused(request) is R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK


class TestReCertify:
    def test_the_new_certificate_takes_over(self, ca: World) -> None:
        _, public = key_pair(ca)
        asked = attributes(name=Name(name_value="mine"), activation_date=START, deactivation_date=START + 10 * DAY)
        old = ca.do(CertifyRequest(unique_identifier=public, attributes=asked)).unique_identifier
        ca.clock.move(5 * DAY)
        new = ca.do(ReCertifyRequest(unique_identifier=old, offset=0)).unique_identifier
        issued, before = certificate(ca, new), certificate(ca, old)
        assert issued.public_key() == before.public_key()
        assert issued.serial_number != before.serial_number
        after = ca.do(GetAttributesRequest(unique_identifier=new)).attributes
        past = ca.do(GetAttributesRequest(unique_identifier=old)).attributes
        assert (after.get(Tag.ACTIVATION_DATE), after.get(Tag.DEACTIVATION_DATE)) == (
            START + 5 * DAY,
            START + 15 * DAY,
        )
        assert after.get(Tag.REPLACED_OBJECT_LINK) == old
        assert past.get(Tag.REPLACEMENT_OBJECT_LINK) == new
        assert (after.get(Tag.NAME), past.get(Tag.NAME)) == (Name(name_value="mine"), None)
        assert ca.do(GetAttributesRequest(unique_identifier=public)).attributes.all(Tag.CERTIFICATE_LINK) == [new]

    def test_k34_an_offset_beyond_all_time_changes_nothing(self, ca: World) -> None:
        _, public = key_pair(ca)
        asked = attributes(activation_date=START, deactivation_date=253_402_300_000)
        old = ca.do(CertifyRequest(unique_identifier=public, attributes=asked)).unique_identifier
        before = ca.do(GetAttributesRequest(unique_identifier=old)).attributes
        assert ca.refused(ReCertifyRequest(unique_identifier=old, offset=2**32 - 1)) is R.INVALID_FIELD
        assert ca.do(GetAttributesRequest(unique_identifier=old)).attributes == before

    def test_a_certificate_of_another_authority_is_not_renewed(self, ca: World) -> None:
        other = Authority.create("Other", "P-256", START - DAY)
        foreign = register_certificate(ca, other.issue_client("alice", now=START).certificate)
        assert ca.refused(ReCertifyRequest(unique_identifier=foreign)) is R.PERMISSION_DENIED


class TestValidate:
    def verdict(self, world: World, *chain: Any, at: int | None = None, **how: Any) -> ValidityIndicator:
        values = tuple(
            Certificate(certificate_type=CertificateType.X_509, certificate_value=one.public_bytes(Encoding.DER))
            for one in chain
            if not isinstance(one, str)
        )
        request = ValidateRequest(
            certificate=values,
            unique_identifier=tuple(one for one in chain if isinstance(one, str)),
            validity_date=at,
        )
        indicator: ValidityIndicator = world.do(request, **how).validity_indicator
        return indicator

    def test_a_certificate_of_the_servers_authority(self, ca: World, authority: Authority) -> None:
        leaf = authority.issue_client("x", now=START, days=30).certificate
        assert self.verdict(ca, leaf) is ValidityIndicator.VALID
        assert self.verdict(ca, leaf, authority.certificate, version=V1_4) is ValidityIndicator.VALID
        assert self.verdict(ca, leaf, at=START + 31 * DAY) is ValidityIndicator.INVALID
        assert self.verdict(ca, leaf, at=START - DAY) is ValidityIndicator.INVALID

    def test_without_an_anchor_nobody_knows(self, world: World, authority: Authority) -> None:
        leaf = authority.issue_client("x", now=START).certificate
        assert self.verdict(world, leaf) is ValidityIndicator.UNKNOWN
        assert self.verdict(world, leaf, authority.certificate) is ValidityIndicator.UNKNOWN

    def test_a_registered_root_is_an_anchor_of_its_owner_only(
        self, world: World, own: tuple[str, str], authority: Authority
    ) -> None:
        leaf = authority.issue_client("x", now=START).certificate
        assert self.verdict(world, leaf) is ValidityIndicator.VALID
        assert self.verdict(world, leaf, own[0]) is ValidityIndicator.VALID
        assert self.verdict(world, leaf, who="bob") is ValidityIndicator.UNKNOWN

    def test_a_revoked_certificate(self, ca: World, authority: Authority) -> None:
        leaf = register_certificate(ca, authority.issue_client("x", now=START).certificate)
        assert self.verdict(ca, leaf) is ValidityIndicator.VALID
        reason = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
        ca.do(RevokeRequest(unique_identifier=leaf, revocation_reason=reason))
        assert self.verdict(ca, leaf) is ValidityIndicator.INVALID

    def test_one_that_is_no_authority_issues_nothing(self, ca: World, authority: Authority) -> None:
        middle = authority.issue_client("middle", now=START)
        below = Authority(middle.certificate, middle.private_key).issue_client("below", now=START).certificate
        assert self.verdict(ca, below, middle.certificate) is ValidityIndicator.INVALID

    def test_certificates_that_are_no_chain(self, ca: World, authority: Authority) -> None:
        one, other = (authority.issue_client(name, now=START).certificate for name in ("one", "other"))
        assert self.verdict(ca, one, other) is ValidityIndicator.INVALID

    def test_what_is_no_certificate(self, ca: World) -> None:
        junk = Certificate(certificate_type=CertificateType.X_509, certificate_value=b"junk")
        assert ca.refused(ValidateRequest(certificate=(junk,))) is R.INVALID_FIELD
        assert ca.refused(ValidateRequest()) is R.INVALID_FIELD

"""What a certificate says, as KMIP's attributes want it.

Source: KMIP 1.4 sections 3.8 to 3.16; 2.1 sections 4.5 to 4.12, 4.61 to 4.63; RFC 5280.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from keystead.crypto import der
from keystead.crypto.formats import load_public
from keystead.crypto.keys import PublicKey, describe
from keystead.crypto.texts import readable
from keystead.errors import OperationFailed
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    KeyFormatType,
    RecommendedCurve,
    ResultReason,
)

D = DigitalSignatureAlgorithm
S = SignatureAlgorithmOID

SIGNATURES: Final[dict[str, DigitalSignatureAlgorithm]] = {
    oid.dotted_string: algorithm
    for oid, algorithm in (
        (S.RSA_WITH_MD5, D.MD5_WITH_RSA_ENCRYPTION),
        (S.RSA_WITH_SHA1, D.SHA_1_WITH_RSA_ENCRYPTION),
        (S.RSA_WITH_SHA224, D.SHA_224_WITH_RSA_ENCRYPTION),
        (S.RSA_WITH_SHA256, D.SHA_256_WITH_RSA_ENCRYPTION),
        (S.RSA_WITH_SHA384, D.SHA_384_WITH_RSA_ENCRYPTION),
        (S.RSA_WITH_SHA512, D.SHA_512_WITH_RSA_ENCRYPTION),
        (S.RSA_WITH_SHA3_256, D.SHA3_256_WITH_RSA_ENCRYPTION),
        (S.RSA_WITH_SHA3_384, D.SHA3_384_WITH_RSA_ENCRYPTION),
        (S.RSA_WITH_SHA3_512, D.SHA3_512_WITH_RSA_ENCRYPTION),
        (S.RSASSA_PSS, D.RSASSA_PSS),
        (S.DSA_WITH_SHA1, D.DSA_WITH_SHA_1),
        (S.DSA_WITH_SHA224, D.DSA_WITH_SHA224),
        (S.DSA_WITH_SHA256, D.DSA_WITH_SHA256),
        (S.ECDSA_WITH_SHA1, D.ECDSA_WITH_SHA_1),
        (S.ECDSA_WITH_SHA224, D.ECDSA_WITH_SHA224),
        (S.ECDSA_WITH_SHA256, D.ECDSA_WITH_SHA256),
        (S.ECDSA_WITH_SHA384, D.ECDSA_WITH_SHA384),
        (S.ECDSA_WITH_SHA512, D.ECDSA_WITH_SHA512),
    )
}
"""Object identifier of a signature → Digital Signature Algorithm."""


@dataclass(frozen=True, slots=True)
class DistinguishedName:
    """A name in DER and in words; each part may come several times.  Source: KMIP 2.1 section 4.6."""

    der: bytes
    text: str
    cn: tuple[str, ...]
    o: tuple[str, ...]
    ou: tuple[str, ...]
    email: tuple[str, ...]
    c: tuple[str, ...]
    st: tuple[str, ...]
    l: tuple[str, ...]  # noqa: E741 - the standard's letter
    uid: tuple[str, ...]
    serial_number: tuple[str, ...]
    title: tuple[str, ...]
    dc: tuple[str, ...]
    dn_qualifier: tuple[str, ...]


_PARTS: Final = {
    "cn": NameOID.COMMON_NAME,
    "o": NameOID.ORGANIZATION_NAME,
    "ou": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "email": NameOID.EMAIL_ADDRESS,
    "c": NameOID.COUNTRY_NAME,
    "st": NameOID.STATE_OR_PROVINCE_NAME,
    "l": NameOID.LOCALITY_NAME,
    "uid": NameOID.USER_ID,
    "serial_number": NameOID.SERIAL_NUMBER,
    "title": NameOID.TITLE,
    "dc": NameOID.DOMAIN_COMPONENT,
    "dn_qualifier": NameOID.DN_QUALIFIER,
}


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says.

    Attributes:
        subject_alternative_names, issuer_alternative_names: each a GeneralName in DER.
        subject_alternative_texts, issuer_alternative_texts: the same as text, for example "DNS:example.org".
        serial_number_bytes: the contents of the DER INTEGER.
        cryptographic_algorithm, cryptographic_length, recommended_curve: of the public key; None if it is of a kind
            that is not known.
        digital_signature_algorithm: None if KMIP has no name for it.
        not_before, not_after: POSIX seconds.
        public_key: SubjectPublicKeyInfo in DER.
    """

    subject: DistinguishedName
    issuer: DistinguishedName
    subject_alternative_names: tuple[bytes, ...]
    issuer_alternative_names: tuple[bytes, ...]
    subject_alternative_texts: tuple[str, ...]
    issuer_alternative_texts: tuple[str, ...]
    serial_number: int
    serial_number_bytes: bytes
    cryptographic_algorithm: CryptographicAlgorithm | None
    cryptographic_length: int | None
    recommended_curve: RecommendedCurve | None
    digital_signature_algorithm: DigitalSignatureAlgorithm | None
    not_before: int
    not_after: int
    public_key: bytes


def _name(name: x509.Name) -> DistinguishedName:
    parts = {
        part: tuple(readable(str(attribute.value)) for attribute in name.get_attributes_for_oid(oid))
        for part, oid in _PARTS.items()
    }
    return DistinguishedName(name.public_bytes(), readable(name.rfc4514_string()), **parts)


_PREFIXES: Final[dict[type[x509.GeneralName], str]] = {
    x509.DNSName: "DNS",
    x509.RFC822Name: "email",
    x509.UniformResourceIdentifier: "URI",
    x509.IPAddress: "IP",
    x509.RegisteredID: "RID",
}


def _general_name(name: x509.GeneralName) -> str:
    if isinstance(name, x509.DirectoryName):
        return f"DirName:{name.value.rfc4514_string()}"
    if isinstance(name, x509.OtherName):
        return f"otherName:{name.type_id.dotted_string}"
    value: Any = name.value
    return f"{_PREFIXES[type(name)]}:{getattr(value, 'dotted_string', value)}"


def _alternative_names(
    certificate: x509.Certificate, kind: type[x509.SubjectAlternativeName | x509.IssuerAlternativeName]
) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    try:
        names: Any = certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return (), ()
    encoded = tuple(der.encode(tag, content) for tag, content in der.sequence(names.public_bytes()))
    return encoded, tuple(readable(_general_name(name)) for name in names)


def _public_key(spki: bytes) -> PublicKey | None:
    """Load the key, checked or not: a certificate is stored for what it says."""
    try:
        return load_public(KeyFormatType.X_509, spki, trusted=True)
    except OperationFailed:
        return None


def certificate_facts(certificate_der: bytes) -> CertificateFacts:
    """Read a certificate in DER.

    Raises:
        OperationFailed: Invalid Field if it is no X.509 certificate, or its names are not what they look like.
    """
    try:
        with warnings.catch_warnings():
            # What the library only warns of, such as a serial number that is not positive, RFC 5280 does not allow.
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            certificate = x509.load_der_x509_certificate(certificate_der)
        subject_names, subject_texts = _alternative_names(certificate, x509.SubjectAlternativeName)
        issuer_names, issuer_texts = _alternative_names(certificate, x509.IssuerAlternativeName)
        tbs = der.sequence(certificate.tbs_certificate_bytes)
        # version [0] is absent in version 1; then serialNumber, signature, issuer, validity, subject, the key.
        first = 1 if tbs[0][0] == 0xA0 else 0
        spki = der.encode(der.SEQUENCE, tbs[first + 5][1])
        key = _public_key(spki)
        facts = None if key is None else describe(key)
        return CertificateFacts(
            subject=_name(certificate.subject),
            issuer=_name(certificate.issuer),
            subject_alternative_names=subject_names,
            issuer_alternative_names=issuer_names,
            subject_alternative_texts=subject_texts,
            issuer_alternative_texts=issuer_texts,
            serial_number=int.from_bytes(tbs[first][1], "big", signed=True),
            serial_number_bytes=tbs[first][1],
            cryptographic_algorithm=None if facts is None else facts.cryptographic_algorithm,
            cryptographic_length=None if facts is None else facts.cryptographic_length,
            recommended_curve=None if facts is None else facts.recommended_curve,
            digital_signature_algorithm=SIGNATURES.get(certificate.signature_algorithm_oid.dotted_string),
            not_before=int(certificate.not_valid_before_utc.timestamp()),
            not_after=int(certificate.not_valid_after_utc.timestamp()),
            public_key=spki,
        )
    except (
        ValueError,
        TypeError,
        IndexError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        CryptographyDeprecationWarning,
    ):
        raise OperationFailed(
            ResultReason.INVALID_FIELD, "the certificate is not an X.509 certificate in DER"
        ) from None

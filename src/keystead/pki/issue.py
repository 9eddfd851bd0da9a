"""Certificates for others: what a request may ask for, and the certificate that it gets.

Source: RFC 2986 (PKCS#10); RFC 5280 sections 4.1 and 4.2; CA/Browser Forum Baseline Requirements 2.0 section 7.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtensionOID, NameOID

from keystead.crypto import checks
from keystead.errors import OperationFailed
from keystead.kmip.enums import CertificateRequestType, ResultReason
from keystead.pki.profiles import BACKDATE_SECONDS, CLIENT, DAY_SECONDS, SERVER, Profile, key_usage

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

MOST_NAMES: Final = 20
"""Subject Alternative Names in one certificate."""
SMALLEST_RSA_BITS: Final = 2048
_TAKEN: Final = frozenset(
    {
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    }
)
"""The extensions that may be asked for; what becomes of them is the profile's."""


def _invalid(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.INVALID_CSR, message)


def _denied(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.PERMISSION_DENIED, message)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a certificate is asked for: a subject, a public key, other names."""

    subject: x509.Name
    public_key: PublicKey
    names: tuple[x509.GeneralName, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What an authority certifies.

    Attributes:
        common_name: the only one that a subject may have; None for any.
        dns_suffixes: where the DNS names may lie that a certificate is good for, as "example.org"; None for anywhere.
        smallest_rsa_bits: of a public key.
    """

    common_name: str | None = None
    dns_suffixes: frozenset[str] | None = field(default_factory=frozenset)
    smallest_rsa_bits: int = SMALLEST_RSA_BITS

    def check(self, wish: Wish) -> None:
        """Refuse what a request may not ask for (K37).

        Raises:
            OperationFailed: Permission Denied, Invalid CSR.
        """
        common_names = [str(a.value) for a in wish.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if len(common_names) > 1 or not len(list(wish.subject)):
            raise _invalid("a subject has attributes, and one common name at most")
        if self.common_name is not None and common_names != [self.common_name]:
            raise _denied("this authority certifies its clients under their own name only")
        if len(wish.names) > MOST_NAMES:
            raise _denied(f"a certificate has at most {MOST_NAMES} alternative names")
        for name in wish.names:
            if not isinstance(name, x509.DNSName):
                raise _denied("only DNS names are certified as alternative names")
            if not self._allows(name.value):
                raise _denied("this authority does not certify one of the alternative names")
        key = wish.public_key
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < self.smallest_rsa_bits:
            raise _denied(f"RSA keys are certified from {self.smallest_rsa_bits} bits on")

    def _allows(self, name: str) -> bool:
        labels = name.split(".")
        plain = all(label and label.isascii() and label.replace("-", "").isalnum() for label in labels)
        return plain and (
            self.dns_suffixes is None
            or any(name == suffix or name.endswith(f".{suffix}") for suffix in self.dns_suffixes)
        )


def read_request(value: bytes, request_type: CertificateRequestType) -> Wish:
    """Read a certificate request and check that its sender has the private key.

    Raises:
        OperationFailed: Invalid CSR; Permission Denied if it asks to be an authority.
    """
    readers: dict[CertificateRequestType, Callable[[bytes], x509.CertificateSigningRequest]] = {
        CertificateRequestType.PKCS_10: x509.load_der_x509_csr,
        CertificateRequestType.PEM: x509.load_pem_x509_csr,
    }
    if request_type not in readers:
        raise OperationFailed(ResultReason.FEATURE_NOT_SUPPORTED, f"{request_type} requests are not supported")
    try:
        request = readers[request_type](value)
        public_key: Any = request.public_key()
        sound = request.is_signature_valid
        extensions = {extension.oid: extension.value for extension in request.extensions}
        subject = request.subject
    except (ValueError, UnsupportedAlgorithm, InvalidSignature, x509.DuplicateExtension):
        raise _invalid("this is no certificate request that can be read") from None
    if not sound or not isinstance(public_key, PublicKey):
        raise _invalid("the certificate request is not signed with the key that it names")
    try:
        checks.public_key(public_key)
    except ValueError as error:
        raise _invalid(f"the key in the certificate request is unfit: {error}") from None
    if extensions.keys() - _TAKEN:
        raise _invalid("the certificate request asks for an extension that is not given")
    constraints: Any = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
    usage: Any = extensions.get(ExtensionOID.KEY_USAGE)
    if (constraints is not None and constraints.ca) or (usage is not None and (usage.key_cert_sign or usage.crl_sign)):
        raise _denied("no authority is certified here")
    names: Any = extensions.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ())
    return Wish(subject, public_key, tuple(names))


def issue(
    issuer: x509.Certificate,
    key: SigningKey,
    wish: Wish,
    not_before: int,
    not_after: int | None = None,
) -> bytes:
    """Issue the certificate of an end entity; it never outlives its issuer.

    Args:
        not_before: POSIX seconds.
        not_after: POSIX seconds; as long as the profile says if None.

    Returns: the certificate in DER.

    Raises:
        OperationFailed: Invalid Field if there is no time in which it would be good; Permission Denied if the issuer is
            no authority.
    """
    _check_authority(issuer)
    profile = SERVER if wish.names else CLIENT
    begin = datetime.fromtimestamp(not_before, UTC)
    end = datetime.fromtimestamp(
        not_before + profile.validity_days * DAY_SECONDS if not_after is None else not_after, UTC
    )
    end = min(end, issuer.not_valid_after_utc)
    begin = max(begin, issuer.not_valid_before_utc)
    if begin >= end:
        raise OperationFailed(ResultReason.INVALID_FIELD, "there is no time in which the certificate would be good")
    builder = (
        x509.CertificateBuilder()
        .subject_name(wish.subject)
        .issuer_name(issuer.subject)
        .public_key(wish.public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(profile, wish.public_key), critical=True)
        .add_extension(x509.ExtendedKeyUsage(profile.extended), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(wish.public_key), critical=False)
        .add_extension(_authority_key_identifier(issuer), critical=False)
    )
    if wish.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(wish.names), critical=False)
    return builder.sign(key, _hash(key)).public_bytes(serialization.Encoding.DER)


def first_second(now: int) -> int:
    """From when a certificate that is asked for now is good: clocks differ."""
    return now - BACKDATE_SECONDS


def subject_of(parts: Iterable[tuple[x509.ObjectIdentifier, str]]) -> x509.Name:
    """A subject of (kind, value) pairs.

    Raises:
        OperationFailed: Invalid Attribute Value.
    """
    try:
        return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])
    except ValueError:
        raise OperationFailed(
            ResultReason.INVALID_ATTRIBUTE_VALUE, "a part of the subject is too long, empty or of the wrong form"
        ) from None


def _usage(profile: Profile, key: PublicKey) -> x509.KeyUsage:
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key_usage(profile, key)
    return x509.KeyUsage(True, False, False, False, False, False, False, False, False)


def _check_authority(issuer: x509.Certificate) -> None:
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        raise _denied("the issuer's certificate does not say that it is an authority") from None
    if not constraints.ca or not usage.key_cert_sign:
        raise _denied("the issuer is no authority")


def _authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except (x509.ExtensionNotFound, ValueError):
        key: Any = issuer.public_key()
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _hash(key: SigningKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA512() if key.curve.key_size > 384 else hashes.SHA384()
    return hashes.SHA256()

"""What each kind of certificate says: one row per kind.

Source: RFC 5280 sections 4.2.1.3 (key usage), 4.2.1.9 (basic constraints), 4.2.1.12 (extended key usage).
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

DAY_SECONDS = 86_400
# Clocks differ; a certificate is good a little before it was asked for.
BACKDATE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of certificate.

    Args:
        name: what it is called in messages.
        path_length: how many authorities may stand below; None for an end entity.
        usages: key usages that are set, by the names of `x509.KeyUsage`.
        rsa_usages: those that are set too where the key is RSA.
        extended: extended key usages.
        validity_days: how long it is good unless asked for otherwise.
    """

    name: str
    path_length: int | None
    usages: frozenset[str]
    rsa_usages: frozenset[str]
    extended: tuple[ObjectIdentifier, ...]
    validity_days: int

    @property
    def authority(self) -> bool:
        """Whether certificates of this kind issue others."""
        return self.path_length is not None


AUTHORITY = Profile("authority", 0, frozenset({"key_cert_sign", "crl_sign"}), frozenset(), (), 3650)
SERVER = Profile(
    "server",
    None,
    frozenset({"digital_signature"}),
    frozenset(),  # ECDHE suites only: an RSA key signs and never deciphers
    (ExtendedKeyUsageOID.SERVER_AUTH,),
    397,
)
CLIENT = Profile(
    "client",
    None,
    frozenset({"digital_signature"}),
    frozenset({"key_encipherment"}),
    (ExtendedKeyUsageOID.CLIENT_AUTH,),
    397,
)

PROFILES = {profile.name: profile for profile in (AUTHORITY, SERVER, CLIENT)}

_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def key_usage(profile: Profile, public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> x509.KeyUsage:
    """Give the key usage extension of a profile for a kind of key."""
    usages = profile.usages | (profile.rsa_usages if isinstance(public_key, rsa.RSAPublicKey) else frozenset())
    return x509.KeyUsage(**{name: name in usages for name in _USAGES})

"""A certificate authority of one level: makes itself, servers' and clients' certificates.

Source: RFC 5280; CA/Browser Forum Baseline Requirements 2.0 section 7.1 (serial numbers).
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from keystead.errors import ConfigError
from keystead.pki.files import PrivateKey, read_certificate, read_private_key, write_certificates, write_private_key
from keystead.pki.profiles import AUTHORITY, BACKDATE_SECONDS, CLIENT, DAY_SECONDS, SERVER, Profile, key_usage

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

KEYS: dict[str, Callable[[], PrivateKey]] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RSA-2048": lambda: rsa.generate_private_key(65537, 2048),
    "RSA-3072": lambda: rsa.generate_private_key(65537, 3072),
}
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with the key that was made for it."""

    certificate: x509.Certificate
    private_key: PrivateKey = field(repr=False)

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def write(self, certificate: Path, private_key: Path, *chain: x509.Certificate) -> None:
        """Write both as PEM, the certificate with those above it; the key first, so that none stands without it."""
        write_private_key(private_key, self.private_key)
        write_certificates(certificate, (self.certificate, *chain))


def generate_key(kind: str) -> PrivateKey:
    """Make a private key.

    Raises:
        ConfigError: the kind is none of `KEYS`.
    """
    if kind not in KEYS:
        raise ConfigError(f"{kind} is no kind of key; there are {', '.join(KEYS)}")
    return KEYS[kind]()


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority: its certificate and its key."""

    certificate: x509.Certificate
    private_key: PrivateKey = field(repr=False)

    @classmethod
    def create(cls, name: str, key: str = "P-256", now: float | None = None) -> Authority:
        """Make a new, self-signed authority.

        Args:
            name: its common name.
            key: its kind of key, one of `KEYS`.  Each handshake checks a signature made with it: with P-384 a
                connection costs the server half as much again.
            now: POSIX seconds.
        """
        private_key = generate_key(key)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = _certificate(
            AUTHORITY, subject, private_key.public_key(), (), subject, private_key, private_key.public_key(), now
        )
        return cls(certificate, private_key)

    @classmethod
    def load(cls, certificate: Path, private_key: Path) -> Authority:
        """Read an authority from its two PEM files.

        Raises:
            ConfigError: a file is missing or wrong, readable by others, or the two do not belong together.
        """
        authority = cls(read_certificate(certificate), read_private_key(private_key))
        if authority.certificate.public_key() != authority.private_key.public_key():
            raise ConfigError(f"{private_key}: this is not the key of {certificate}")
        return authority

    def write(self, certificate: Path, private_key: Path) -> None:
        """Write both as PEM."""
        Issued(self.certificate, self.private_key).write(certificate, private_key)

    def issue(
        self,
        profile: Profile,
        public_key: PublicKey,
        name: str,
        names: Iterable[str] = (),
        now: float | None = None,
        days: int | None = None,
    ) -> x509.Certificate:
        """Issue a certificate for a key.

        Args:
            profile: what kind it is.
            public_key: whose certificate it is.
            name: the common name of its subject, 1 to 64 characters.
            names: DNS names and IP addresses it is good for.
            now: POSIX seconds.
            days: how long; the profile's if None, and never past the authority's own end.

        Raises:
            ConfigError: a name that no certificate may carry.
        """
        if not 1 <= len(name) <= 64:
            raise ConfigError("a certificate's common name has 1 to 64 characters")
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = self.certificate
        return _certificate(
            profile,
            subject,
            public_key,
            tuple(names),
            issuer.subject,
            self.private_key,
            self.private_key.public_key(),
            now,
            days,
            issuer.not_valid_after_utc,
        )

    def issue_server(self, names: Iterable[str] = (), key: str = "P-256", now: float | None = None) -> Issued:
        """Issue a server's certificate for the local names and those given, with a new key."""
        every = tuple(dict.fromkeys((*names, *LOCAL_NAMES)))
        private_key = generate_key(key)
        return Issued(self.issue(SERVER, private_key.public_key(), every[0][:64], every, now), private_key)

    def issue_client(self, name: str, key: str = "P-256", now: float | None = None, days: int | None = None) -> Issued:
        """Issue a client's certificate with a new key."""
        private_key = generate_key(key)
        return Issued(self.issue(CLIENT, private_key.public_key(), name, (), now, days), private_key)


def _certificate(
    profile: Profile,
    subject: x509.Name,
    public_key: PublicKey,
    names: tuple[str, ...],
    issuer: x509.Name,
    issuer_key: PrivateKey,
    issuer_public_key: PublicKey,
    now: float | None,
    days: int | None = None,
    last: datetime | None = None,
) -> x509.Certificate:
    begin = int(time.time() if now is None else now)
    end = datetime.fromtimestamp(begin + (days or profile.validity_days) * DAY_SECONDS, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())  # 159 bits from the system's random numbers
        .not_valid_before(datetime.fromtimestamp(begin - BACKDATE_SECONDS, UTC))
        .not_valid_after(min(end, last) if last else end)
        .add_extension(x509.BasicConstraints(profile.authority, profile.path_length), critical=True)
        .add_extension(key_usage(profile, public_key), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_public_key), critical=False)
    )
    if profile.extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(profile.extended), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), critical=False)
    strong = isinstance(issuer_key, ec.EllipticCurvePrivateKey) and issuer_key.curve.key_size > 256
    return builder.sign(issuer_key, hashes.SHA384() if strong else hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError:
        raise ConfigError(f"{name!r} is neither a DNS name nor an IP address") from None

"""TLS: who we are, whom we let in, and what a client's certificate must be.

TLS 1.2 and newer, ECDHE with AEAD only, no compression, no renegotiation; and no session is ever resumed: a resumed
one would bring back a client whose certificate has been revoked since.

Source: RFC 9325 sections 3.1, 3.4, 4.2; KMIP Profiles 2.1 section 3; NIST SP 800-57 Part 1 table 2 (key sizes).
"""

from __future__ import annotations

import functools
import math
import ssl
from _ssl import ENCODING_DER
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from keystead.config import ServerConfig
from keystead.errors import ConfigError
from keystead.pki.files import read_certificate, refuse_if_others_read

# Security level 2 refuses SHA-1 signatures and RSA under 2048 bits in any certificate of a chain.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2"
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
MINIMUM_RSA_BITS, MINIMUM_EC_BITS = 2048, 224
WEAK_HASHES = frozenset({"md5", "sha1"})


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificates that a client showed, checked by the handshake up to an authority.

    Attributes:
        leaf: its own, in DER.
        authority: the last of them, which is one of the authorities that clients are let in by.
        named: issuer (DER) and serial number of each, as revocation lists name them.
        until: POSIX seconds, when the first of them expires.
        fault: what is wrong with its own; "" if nothing is.
    """

    leaf: bytes
    authority: bytes
    named: frozenset[tuple[bytes, int]]
    until: float
    fault: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """What the revocation lists say.

    Attributes:
        named: issuer (DER) and serial number of each certificate that is revoked.
        until: POSIX seconds, when the first of the lists has to have been renewed.
    """

    named: frozenset[tuple[bytes, int]] = frozenset()
    until: float = math.inf


@dataclass(frozen=True, slots=True)
class Contexts:
    """The TLS contexts of both listeners, from one state of the files.

    Attributes:
        kmip: asks for a client's certificate and, unless it is optional, lets nobody in without.
        https: lets anybody in to ask for health; the certificate is checked if there is one.
        authorities: the certificates, in DER, of those that clients must come from.
        revoked: what the revocation lists name.
        stamp: tells this state of the files from another.
    """

    kmip: ssl.SSLContext
    https: ssl.SSLContext
    authorities: frozenset[bytes]
    revoked: Revoked
    stamp: tuple[object, ...]

    @classmethod
    def load(cls, config: ServerConfig) -> Contexts:
        """Build the contexts.

        Raises:
            ConfigError: a file is missing or wrong, a secret is readable by others, key and certificate do not belong
                together, or the certificate has expired or is weak; names the key of the configuration.
        """
        stamp = file_stamp(config)
        _check_server(config)
        with _names("client_crl"):
            revoked = revoked_by(config.client_crl)
        optional = config.client_certificate == "optional"
        kmip = _context(config, ssl.CERT_OPTIONAL if optional else ssl.CERT_REQUIRED)
        https = _context(config, ssl.CERT_OPTIONAL)
        https.set_alpn_protocols(["http/1.1"])
        return cls(kmip, https, frozenset(kmip.get_ca_certs(binary_form=True)), revoked, stamp)

    @property
    def until(self) -> float:
        """POSIX seconds: until then, and no longer, the revocation lists are good."""
        return self.revoked.until

    def refuses(self, shown: Shown, now: float) -> str:
        """Say why a client with these certificates is not let in, or may not stay; "" if it is, and may.

        The handshake asks the lists about the leaf alone, and about nobody who is connected already.
        """
        if shown.fault:
            return shown.fault
        if shown.authority not in self.authorities:
            return "its authority is trusted no more"
        if now > shown.until:
            return "it has expired"
        if now > self.revoked.until:
            return "the revocation list has expired"
        return "" if self.revoked.named.isdisjoint(shown.named) else "it is revoked"


def file_stamp(config: ServerConfig) -> tuple[object, ...]:
    """Tell one state of the configured files from another."""
    files = (config.certificate, config.private_key, config.client_ca, config.client_crl)
    return tuple(_stamp(file) for file in files if file is not None)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def _context(config: ServerConfig, client_certificate: ssl.VerifyMode) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[config.tls_minimum]
    context.set_ciphers(CIPHERS)
    context.options |= (
        ssl.OP_NO_COMPRESSION
        | ssl.OP_NO_RENEGOTIATION
        | ssl.OP_NO_TICKET
        | ssl.OP_CIPHER_SERVER_PREFERENCE
        | ssl.OP_SINGLE_ECDH_USE
    )
    context.num_tickets = 0
    context.sni_callback = _remember
    with _names("private_key"):
        context.load_cert_chain(config.certificate, config.private_key, password=_no_password)
    context.verify_mode = client_certificate
    with _names("client_ca"):
        context.load_verify_locations(config.client_ca)
    _check_authorities(context, config.client_ca)
    if config.client_crl is not None:
        with _names("client_crl"):
            context.load_verify_locations(config.client_crl)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    # An authority that is named is one, though another one stands above it.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context


_NAMED: Final[WeakSet[object]] = WeakSet()
"""The TLS connections whose client named the server that it wants."""


def _remember(tls: object, name: str | None, context: ssl.SSLContext) -> None:
    if name is not None:
        _NAMED.add(tls)


def names_server(tls: object) -> bool:
    """Whether the client named the server that it wants (RFC 6066 section 3)."""
    return tls in _NAMED


def shown(tls: ssl.SSLObject) -> Shown | None:
    """The certificates that the other end of a connection showed; None if none."""
    leaf = tls.getpeercert(True)
    if leaf is None:
        return None
    return _shown(tuple(_verified_chain(tls)) or (leaf,))


def _verified_chain(tls: Any) -> Iterator[bytes]:
    """The leaf and what was found above it; public from Python 3.13 on."""
    if hasattr(tls, "get_verified_chain"):
        yield from tls.get_verified_chain()
    else:
        yield from (one.public_bytes(ENCODING_DER) for one in tls._sslobj.get_verified_chain())


@functools.lru_cache(maxsize=1024)
def _shown(chain: tuple[bytes, ...]) -> Shown:
    """What there is to know of a chain of which the handshake approved."""
    try:
        certificates = [x509.load_der_x509_certificate(one) for one in chain]
        named = frozenset((one.issuer.public_bytes(), one.serial_number) for one in certificates)
        until = min(one.not_valid_after_utc.timestamp() for one in certificates)
    except ValueError:
        return Shown(chain[0], chain[-1], frozenset(), math.inf, "it cannot be read")
    return Shown(chain[0], chain[-1], named, until, leaf_fault(chain[0]))


def _no_password() -> str:
    raise ConfigError("[server] private_key: the key is encrypted; this server cannot ask for its password")


def _check_server(config: ServerConfig) -> None:
    with _names("private_key"):
        refuse_if_others_read(config.private_key)
    with _names("certificate"):
        certificate = read_certificate(config.certificate)
        if certificate.not_valid_after_utc <= datetime.now(UTC):
            raise ConfigError(f"{config.certificate}: expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
        if fault := _strength_fault(certificate):
            raise ConfigError(f"{config.certificate}: {fault}")
        if ExtendedKeyUsageOID.SERVER_AUTH not in _extended_usages(certificate, (ExtendedKeyUsageOID.SERVER_AUTH,)):
            raise ConfigError(f"{config.certificate}: this is not a certificate for a server")


def _check_authorities(context: ssl.SSLContext, file: Path) -> None:
    """Refuse a file of authorities that has none, or has anything else: with that one would let in whoever it is."""
    with _names("client_ca"):
        named = x509.load_pem_x509_certificates(file.read_bytes())
        if any(not _is_authority(certificate) for certificate in named):
            raise ConfigError(f"{file}: a certificate in this file is not an authority's")
        if not context.get_ca_certs():
            raise ConfigError(f"{file}: there is no authority's certificate in this file")


@contextmanager
def _names(key: str) -> Iterator[None]:
    """Turn what goes wrong with a file into an error that names its key."""
    try:
        yield
    except ssl.SSLError as error:
        words = {"KEY_VALUES_MISMATCH": "this is not the key of the certificate"}
        reason = words.get(error.reason or "", (error.reason or "cannot be read").replace("_", " ").lower())
        raise ConfigError(f"[server] {key}: {reason}") from None
    except ConfigError as error:
        message = str(error)
        raise ConfigError(message if message.startswith("[server]") else f"[server] {key}: {message}") from None
    except OSError as error:
        raise ConfigError(f"[server] {key}: {error.strerror or 'cannot be read'}") from None
    except ValueError:
        raise ConfigError(f"[server] {key}: this file cannot be read as PEM") from None


def revoked_by(file: Path | None) -> Revoked:
    """Read the revocation lists of a file.

    Raises:
        ConfigError, ValueError, OSError: the file holds no revocation list, or is not there.
    """
    if file is None:
        return Revoked()
    _head, *rest = file.read_bytes().split(b"-----BEGIN X509 CRL-----")
    if not rest:
        raise ConfigError(f"{file}: there is no revocation list in this file")
    lists = [x509.load_pem_x509_crl(b"-----BEGIN X509 CRL-----" + part) for part in rest]
    ends = [crl.next_update_utc.timestamp() for crl in lists if crl.next_update_utc is not None]
    named = frozenset((crl.issuer.public_bytes(), entry.serial_number) for crl in lists for entry in crl)
    return Revoked(named, min(ends, default=math.inf))


def leaf_fault(certificate_der: bytes) -> str:
    """Say what is wrong with a client's own certificate; "" if nothing is.

    The chain, its dates and its critical extensions have been checked by the handshake.
    """
    try:
        certificate = x509.load_der_x509_certificate(certificate_der)
        if fault := _strength_fault(certificate):
            return fault
        if _is_authority(certificate):
            return "it is an authority's certificate"
        if ExtendedKeyUsageOID.CLIENT_AUTH not in _extended_usages(certificate):
            return "it is not a certificate for a client"
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return "it cannot be read"
    return ""


def _strength_fault(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    match key:
        case rsa.RSAPublicKey():
            weak = key.key_size < MINIMUM_RSA_BITS
        case ec.EllipticCurvePublicKey():
            weak = key.curve.key_size < MINIMUM_EC_BITS
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            weak = False
        case _:
            weak = True
    if weak:
        return "its key is too weak"
    algorithm = certificate.signature_hash_algorithm  # None: the signature scheme has its own hash
    return "it is signed with a weak hash" if algorithm is not None and algorithm.name in WEAK_HASHES else ""


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        if certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return True
    except x509.ExtensionNotFound:
        pass
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return False


def _extended_usages(certificate: x509.Certificate, absent: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    try:
        return tuple(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return absent

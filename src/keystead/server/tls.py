"""TLS: who we are, whom we let in, and what a client's certificate must be.

TLS 1.2 and newer, ECDHE with AEAD only, no compression, no renegotiation; and no session is ever resumed: a resumed
one would bring back a client whose certificate has been revoked since.

Source: RFC 9325 sections 3.1, 3.4, 4.2; KMIP Profiles 2.1 section 3; NIST SP 800-57 Part 1 table 2 (key sizes).
"""

from __future__ import annotations

import ssl
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
class Contexts:
    """The TLS contexts of both listeners, from one state of the files.

    Attributes:
        kmip: asks for a client's certificate and lets nobody in without.
        https: lets anybody in to ask for health; the certificate is checked if there is one.
        revoked: issuer (DER) and serial number of every certificate that the revocation lists name.
        stamp: tells this state of the files from another.
    """

    kmip: ssl.SSLContext
    https: ssl.SSLContext
    revoked: frozenset[tuple[bytes, int]]
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
        return cls(_context(config, ssl.CERT_REQUIRED), _context(config, ssl.CERT_OPTIONAL), revoked, stamp)

    def refuses(self, certificate_der: bytes) -> str:
        """Say why a client with this leaf certificate is not let in; "" if it is."""
        return leaf_fault(certificate_der, self.revoked)


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
    if not context.get_ca_certs():
        raise ConfigError("[server] client_ca: there is no authority's certificate in this file")
    if config.client_crl is not None:
        with _names("client_crl"):
            context.load_verify_locations(config.client_crl)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    if client_certificate is ssl.CERT_OPTIONAL:
        context.set_alpn_protocols(["http/1.1"])
    return context


_NAMED: Final[WeakSet[object]] = WeakSet()
"""The TLS connections whose client named the server that it wants."""


def _remember(tls: object, name: str | None, context: ssl.SSLContext) -> None:
    if name is not None:
        _NAMED.add(tls)


def names_server(tls: object) -> bool:
    """Whether the client named the server that it wants (RFC 6066 section 3)."""
    return tls in _NAMED


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


def revoked_by(file: Path | None) -> frozenset[tuple[bytes, int]]:
    """Read what revocation lists name: issuer (DER) and serial number each.

    Raises:
        ValueError, OSError: the file holds no revocation list, or is not there.
    """
    if file is None:
        return frozenset()
    _head, *rest = file.read_bytes().split(b"-----BEGIN X509 CRL-----")
    if not rest:
        raise ConfigError(f"{file}: there is no revocation list in this file")
    lists = [x509.load_pem_x509_crl(b"-----BEGIN X509 CRL-----" + part) for part in rest]
    return frozenset((crl.issuer.public_bytes(), entry.serial_number) for crl in lists for entry in crl)


def leaf_fault(certificate_der: bytes, revoked: frozenset[tuple[bytes, int]] = frozenset()) -> str:
    """Say what is wrong with a client's own certificate; "" if nothing is.

    The chain, its dates and its critical extensions have been checked by the handshake.
    """
    try:
        certificate = x509.load_der_x509_certificate(certificate_der)
        if (certificate.issuer.public_bytes(), certificate.serial_number) in revoked:
            return "it is revoked"
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

"""PEM files: written whole or not at all, private ones readable by their owner only."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from keystead.errors import ConfigError

PRIVATE, PUBLIC = 0o600, 0o644

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def write_atomic(path: Path, content: bytes, mode: int) -> None:
    """Replace a file in one step: a reader, or a crash, meets the old content or the new, durable one.

    Args:
        path: the file; its directory must exist.
        content: the whole of it.
        mode: its permission bits, set before the first byte is written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)  # whatever the umask is
            if os.geteuid() == 0 and path.exists():  # root may look after a server that runs as another user
                before = path.stat()
                with suppress(PermissionError):
                    os.fchown(descriptor, before.st_uid, before.st_gid)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)  # the rename itself
    finally:
        os.close(directory)


def private_directory(path: Path) -> Path:
    """Make a directory, with its parents, that only its owner may enter; leave one that exists as it is."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_certificates(path: Path, certificates: Iterable[x509.Certificate]) -> None:
    """Write certificates as PEM, readable by all."""
    pems = (certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)
    write_atomic(path, b"".join(pems), PUBLIC)


def write_private_key(path: Path, key: PrivateKey) -> None:
    """Write a private key as unencrypted PKCS#8 PEM, readable by its owner only."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_atomic(path, pem, PRIVATE)


def read_certificate(path: Path) -> x509.Certificate:
    """Read the first certificate of a PEM file, or a DER file.

    Raises:
        ConfigError: there is no such file, or no certificate in it.
    """
    content = _read(path)
    try:
        if b"-----BEGIN CERTIFICATE-----" in content:
            return x509.load_pem_x509_certificates(content)[0]
        return x509.load_der_x509_certificate(content)
    except ValueError:
        raise ConfigError(f"{path}: there is no certificate in this file") from None


def read_private_key(path: Path) -> PrivateKey:
    """Read an unencrypted EC or RSA private key from a PEM file that nobody else can read.

    Raises:
        ConfigError: no such file, others may read it, or it is no such key.
    """
    refuse_if_others_read(path)
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError):
        # The library's message may quote the file, so it does not travel on.
        raise ConfigError(f"{path}: there is no unencrypted private key in this file") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ConfigError(f"{path}: the key is neither EC nor RSA")
    return key


def refuse_if_others_read(path: Path) -> None:
    """Refuse a secret file that its group or others may read.

    Raises:
        ConfigError: there is no such file, or its permissions are too wide.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path}: this is not a file")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{path}: others may read this secret (mode {status.st_mode & 0o777:04o}); chmod 600 it")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None

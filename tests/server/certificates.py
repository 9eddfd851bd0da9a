"""Certificates and revocation lists as a test wants them, right or wrong."""

from __future__ import annotations

import datetime
import warnings
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from keystead.pki.ca import Authority, Issued


def named(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    """A subject, whatever is in it."""
    with warnings.catch_warnings(action="ignore"):
        return x509.Name([x509.NameAttribute(kind, value, _validate=False) for kind, value in parts])


def common_name(name: str) -> x509.Name:
    return named((NameOID.COMMON_NAME, name))


def certificate(
    issuer: Authority | None,
    *,
    subject: x509.Name | str = "alice",
    key: Any = None,
    usages: tuple[Any, ...] | None = (ExtendedKeyUsageOID.CLIENT_AUTH,),
    begin: float = -86_400,
    end: float = 30 * 86_400,
    ca: bool = False,
    path_length: int | None = None,
    names: tuple[str, ...] = (),
    permitted: str | None = None,
    critical: bool = False,
    padding: int = 0,
    digest: hashes.HashAlgorithm | None = None,
) -> Issued:
    """A certificate; self-signed if there is no issuer.

    Args:
        begin, end: seconds from now.
        names: DNS names.
        permitted: as an authority, the only DNS name below which names may lie.
        critical: with a critical extension that nobody knows.
        padding: bytes that make it long.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = common_name(subject) if isinstance(subject, str) else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(seconds=begin))
        .not_valid_after(now + datetime.timedelta(seconds=end))
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    )
    if usages is not None and not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(alternatives, critical=False)
    if permitted is not None:
        constraints = x509.NameConstraints([x509.DNSName(permitted)], None)
        builder = builder.add_extension(constraints, critical=True)
    if critical:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
        builder = builder.add_extension(unknown, critical=True)
    if padding:
        comment = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), bytes(padding))
        builder = builder.add_extension(comment, critical=False)
    return Issued(builder.sign(key if issuer is None else issuer.private_key, digest or hashes.SHA256()), key)


def authority(issuer: Authority | None, name: str, **how: Any) -> Authority:
    """An authority under another one, or of its own."""
    made = certificate(issuer, subject=name, ca=True, **how)
    return Authority(made.certificate, made.private_key)


def write_chain(path: Path, *certificates: x509.Certificate) -> Path:
    """Write certificates into one PEM file."""
    path.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates))
    return path


def write_lists(path: Path, *lists: bytes) -> Path:
    """Write revocation lists into one PEM file, in one step."""
    draft = path.with_suffix(".new")
    draft.write_bytes(b"".join(lists))
    draft.replace(path)
    return path


def revocation_list(issuer: Authority, *serials: int, last: float = 0, end: float = 30 * 86_400) -> bytes:
    """A revocation list in PEM.

    Args:
        last, end: when it was made and until when it is good, seconds from now.
    """
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now + datetime.timedelta(seconds=last))
        .next_update(now + datetime.timedelta(seconds=end))
    )
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        builder = builder.add_revoked_certificate(entry)
    signed: Any = builder.sign(issuer.private_key, hashes.SHA256())
    return bytes(signed.public_bytes(serialization.Encoding.PEM))

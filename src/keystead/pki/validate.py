"""Is a certificate good at a time?  Builds the path to an anchor and checks each step of it.

Source: RFC 5280 section 6.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

MOST_CERTIFICATES: Final = 16
"""In one path."""
_KNOWN: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)
"""The critical extensions that are understood."""
_BROKEN: Final = frozenset({"md2", "md4", "md5", "sha1"})


class Verdict(Enum):
    """What is known of a certificate."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


def validate(
    chain: Sequence[x509.Certificate],
    anchors: Iterable[x509.Certificate],
    moment: int,
    revoked: Collection[bytes] = (),
    more: Iterable[x509.Certificate] = (),
) -> Verdict:
    """Say whether every certificate of a chain is good at a time.

    Args:
        chain: in any order.
        anchors: what is trusted.
        moment: POSIX seconds.
        revoked: certificates in DER that are good no more.
        more: certificates that may complete the path.

    Returns: Unknown if no path leads to an anchor.
    """
    if not chain or len(chain) > MOST_CERTIFICATES:
        return Verdict.INVALID
    at = datetime.fromtimestamp(moment, UTC)
    trusted = {_der(anchor) for anchor in anchors}
    pool = {_der(certificate): certificate for certificate in (*chain, *more, *anchors)}
    if any(_der(certificate) in revoked or not _good_alone(certificate, at) for certificate in chain):
        return Verdict.INVALID
    path = _path(_leaf(chain), list(pool.values()))
    if any(certificate not in path for certificate in chain):
        return Verdict.INVALID  # not one chain
    for number, certificate in enumerate(path):
        if _der(certificate) in revoked or not _good_alone(certificate, at):
            return Verdict.INVALID
        if number and not _may_issue(certificate, path[:number]):
            return Verdict.INVALID
        if _der(certificate) in trusted:
            return Verdict.VALID
    return Verdict.UNKNOWN


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _leaf(chain: Sequence[x509.Certificate]) -> x509.Certificate:
    """The certificate that issued none of the others."""
    return next((one for one in chain if not any(_issued(one, other) for other in chain if other is not one)), chain[0])


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _path(leaf: x509.Certificate, pool: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The certificates from the leaf upwards, as far as the pool reaches."""
    path = [leaf]
    while len(path) < MOST_CERTIFICATES:
        last = path[-1]
        issuer = next((other for other in pool if other not in path and _issued(other, last)), None)
        if issuer is None:
            break
        path.append(issuer)
    return path


def _good_alone(certificate: x509.Certificate, at: datetime) -> bool:
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        return False
    try:
        extensions = list(certificate.extensions)
        algorithm = certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return False
    if any(extension.critical and extension.oid not in _KNOWN for extension in extensions):
        return False
    # The signature of a root is not relied on: it is trusted or not.
    is_root = certificate.issuer == certificate.subject
    return is_root or algorithm is None or algorithm.name not in _BROKEN


def _may_issue(issuer: x509.Certificate, below: Sequence[x509.Certificate]) -> bool:
    """Whether an authority may stand over a path."""
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    if not constraints.ca:
        return False
    intermediate = sum(certificate.issuer != certificate.subject for certificate in below[1:])
    if constraints.path_length is not None and intermediate > constraints.path_length:
        return False
    try:
        if not issuer.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign:
            return False
    except x509.ExtensionNotFound:
        pass
    try:
        permitted = issuer.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    return all(_within(permitted, certificate) for certificate in below)


def _within(constraints: x509.NameConstraints, certificate: x509.Certificate) -> bool:
    """Whether the DNS names of a certificate lie where they may; constraints of other names are not understood."""
    try:
        names: Any = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = ()
    for name in names:
        permitted = [base for base in constraints.permitted_subtrees or () if type(base) is type(name)]
        excluded = [base for base in constraints.excluded_subtrees or () if type(base) is type(name)]
        if not permitted and not excluded:
            continue
        if not isinstance(name, x509.DNSName):
            return False
        if permitted and not any(_under(name.value, str(base.value)) for base in permitted):
            return False
        if any(_under(name.value, str(base.value)) for base in excluded):
            return False
    return True


def _under(name: str, base: str) -> bool:
    name, base = name.lower(), base.lower().lstrip(".")
    return not base or name == base or name.endswith(f".{base}")

"""Who is enrolled: clients by the issuer and the public key of their certificates, byte exact.

Names are for people and are never compared to decide anything; an identity is a random number, so that one who is
enrolled again under an old name inherits nothing.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keystead.errors import OperationFailed
from keystead.kmip.enums import ResultReason
from keystead.policy.access import Caller
from keystead.store import Transaction

CLIENT: Final = "client"
_PEER: Final = "peer"
_EPOCH: Final = ("setting", "identity-epoch")


@dataclass(frozen=True, slots=True)
class Client:
    """An enrolled client.

    Attributes:
        peer: the fingerprint of its issuer and public key.
        not_after, enrolled: POSIX seconds.
    """

    identity: str
    name: str
    domain: str
    groups: tuple[str, ...]
    peer: str
    subject: str
    not_after: int
    enrolled: int
    disabled: bool = False

    def caller(self, address: str) -> Caller:
        return Caller(self.identity, self.name, self.domain, self.groups, address)


def peer_of(certificate_der: bytes) -> str:
    """The fingerprint of a certificate's issuer and public key.  Raises: ValueError if it is no certificate."""
    certificate = x509.load_der_x509_certificate(certificate_der)
    public_key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    issuer = certificate.issuer.public_bytes()
    return hashlib.sha256(len(issuer).to_bytes(4, "big") + issuer + public_key).hexdigest()


def enroll(
    transaction: Transaction, name: str, certificate_der: bytes, domain: str, groups: tuple[str, ...], now: int
) -> Client:
    """Bind a certificate to a new identity.

    Raises:
        OperationFailed: Object Already Exists; the certificate, or the name in its domain, is enrolled already.
        ValueError: it is no certificate.
    """
    if not name or not name.isprintable() or name != name.strip() or len(name) > 128:
        raise OperationFailed(ResultReason.INVALID_FIELD, "a client's name is 1 to 128 printable characters")
    certificate = x509.load_der_x509_certificate(certificate_der)
    client = Client(
        identity=secrets.token_hex(16),
        name=name,
        domain=domain,
        groups=groups,
        peer=peer_of(certificate_der),
        subject=certificate.subject.rfc4514_string(),
        not_after=int(certificate.not_valid_after_utc.timestamp()),
        enrolled=now,
    )
    if transaction.entry(_PEER, client.peer) is not None:
        raise OperationFailed(ResultReason.OBJECT_ALREADY_EXISTS, "this certificate is enrolled already")
    if any(other.name == name and other.domain == domain for other in clients(transaction)):
        raise OperationFailed(ResultReason.OBJECT_ALREADY_EXISTS, "a client of this name is enrolled already")
    transaction.put_entry(_PEER, client.peer, client.identity.encode(), version=0)
    _put(transaction, client)
    return client


def find(transaction: Transaction, peer: str) -> Client | None:
    """The client of a fingerprint, if it is enrolled and not disabled."""
    identity = transaction.entry(_PEER, peer)
    return None if identity is None else by_identity(transaction, identity.decode())


def by_identity(transaction: Transaction, identity: str) -> Client | None:
    """The client of an identity, if it is not disabled."""
    found = transaction.entry(CLIENT, identity)
    if found is None:
        return None
    client = _load(found)
    return None if client.disabled else client


def clients(transaction: Transaction) -> list[Client]:
    """All clients."""
    return [_load(value) for _, value in transaction.entries(CLIENT)]


def epoch(transaction: Transaction) -> int:
    """A number that changes whenever any client's standing does."""
    return transaction.entry_version(*_EPOCH)


def _put(transaction: Transaction, client: Client) -> None:
    transaction.put_entry(CLIENT, client.identity, json.dumps(asdict(client)).encode())
    transaction.put_entry(*_EPOCH, b"")


def _load(value: bytes) -> Client:
    fields = json.loads(value)
    return Client(**{**fields, "groups": tuple(fields["groups"])})

"""Who is enrolled: clients by the issuer and the public key of their certificates, byte exact.

Names are for people and are never compared to decide anything; an identity is a random number, so that one who is
enrolled again under an old name inherits nothing.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keystead.errors import OperationFailed
from keystead.kmip.enums import ResultReason
from keystead.policy.access import ADMINISTRATORS, Caller
from keystead.store import Transaction

CLIENT: Final = "client"
_PEER: Final = "peer"
_NAMED: Final = "client-name"
_GROUP: Final = "group"
_GROUP_NAME: Final = "group-name"
_EPOCH: Final = ("setting", "identity-epoch")


@dataclass(frozen=True, slots=True)
class Client:
    """An enrolled client.

    Attributes:
        groups: the identities of groups.
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
    attests: bool = False

    def as_dict(self) -> dict[str, Any]:
        """What operators are shown."""
        return asdict(self)

    def caller(self, address: str) -> Caller:
        return Caller(self.identity, self.name, self.domain, self.groups, address, attests=self.attests)


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
        groups=tuple(join(transaction, domain, group) for group in groups),
        peer=peer_of(certificate_der),
        subject=certificate.subject.rfc4514_string(),
        not_after=int(certificate.not_valid_after_utc.timestamp()),
        enrolled=now,
    )
    if transaction.entry(_PEER, client.peer) is not None:
        raise OperationFailed(ResultReason.OBJECT_ALREADY_EXISTS, "this certificate is enrolled already")
    if by_name(transaction, domain, name) is not None:
        raise OperationFailed(ResultReason.OBJECT_ALREADY_EXISTS, "a client of this name is enrolled already")
    transaction.put_entry(_PEER, client.peer, client.identity.encode(), version=0)
    transaction.put_entry(_NAMED, f"{domain}/{name}", client.identity.encode(), version=0)
    return put(transaction, client)


def rebind(transaction: Transaction, client: Client, certificate_der: bytes) -> Client:
    """Let a client in by another certificate, and by the one before no more.

    Raises:
        OperationFailed: Object Already Exists; the certificate lets somebody in already.
        ValueError: it is no certificate.
    """
    certificate, peer = x509.load_der_x509_certificate(certificate_der), peer_of(certificate_der)
    if transaction.entry(_PEER, peer) is not None:
        raise OperationFailed(ResultReason.OBJECT_ALREADY_EXISTS, "this certificate is enrolled already")
    transaction.delete_entry(_PEER, client.peer)
    transaction.put_entry(_PEER, peer, client.identity.encode(), version=0)
    not_after = int(certificate.not_valid_after_utc.timestamp())
    touch(transaction)
    return put(
        transaction, replace(client, peer=peer, subject=certificate.subject.rfc4514_string(), not_after=not_after)
    )


def bind(transaction: Transaction, peer: str, domain: str, identity: str) -> None:
    """Let the account of an identity in by a certificate of its own.

    Raises:
        OperationFailed: Object Already Exists; the certificate lets somebody else in.
    """
    if transaction.entry(_PEER, peer) is not None:
        raise OperationFailed(ResultReason.OBJECT_ALREADY_EXISTS, "this certificate is enrolled already")
    transaction.put_entry(_PEER, peer, f"{identity}/{domain}".encode(), version=0)
    touch(transaction)


def bound(transaction: Transaction, peer: str) -> tuple[str, str] | None:
    """The identity and the domain of the account that a certificate lets in; None if it is a client's, or nobody's."""
    found = transaction.entry(_PEER, peer)
    identity, account, domain = found.decode().partition("/") if found else ("", "", "")
    return (identity, domain) if account else None


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


def by_name(transaction: Transaction, domain: str, name: str) -> Client | None:
    """The client that people call so, disabled or not."""
    identity = transaction.entry(_NAMED, f"{domain}/{name}")
    found = transaction.entry(CLIENT, identity.decode()) if identity is not None else None
    return None if found is None else _load(found)


def remove(transaction: Transaction, client: Client) -> None:
    """Forget a client."""
    transaction.delete_entry(_PEER, client.peer)
    transaction.delete_entry(_NAMED, f"{client.domain}/{client.name}")
    transaction.delete_entry(CLIENT, client.identity)
    touch(transaction)


def join(transaction: Transaction, domain: str, name: str) -> str:
    """The identity of the group that people call so; made, if there is none."""
    if name == ADMINISTRATORS:
        return name
    if not name or not name.isprintable() or name != name.strip() or len(name) > 128:
        raise OperationFailed(ResultReason.INVALID_FIELD, "a group's name is 1 to 128 printable characters")
    found = transaction.entry(_GROUP, f"{domain}/{name}")
    if found is not None:
        return found.decode()
    identity = secrets.token_hex(16)
    transaction.put_entry(_GROUP, f"{domain}/{name}", identity.encode(), version=0)
    transaction.put_entry(_GROUP_NAME, identity, name.encode(), version=0)
    return identity


def group_named(transaction: Transaction, domain: str, name: str) -> str | None:
    """The identity of the group that people call so."""
    found = name.encode() if name == ADMINISTRATORS else transaction.entry(_GROUP, f"{domain}/{name}")
    return None if found is None else found.decode()


def group_name(transaction: Transaction, identity: str) -> str:
    """What people call a group."""
    found = transaction.entry(_GROUP_NAME, identity)
    return identity if found is None else found.decode()


def groups(transaction: Transaction, domain: str) -> dict[str, str]:
    """The identities of the groups of a domain, by name."""
    prefix = f"{domain}/"
    return {key[len(prefix) :]: value.decode() for key, value in transaction.entries(_GROUP, prefix)}


def remove_group(transaction: Transaction, domain: str, name: str, identity: str) -> None:
    """Forget a group."""
    transaction.delete_entry(_GROUP, f"{domain}/{name}")
    transaction.delete_entry(_GROUP_NAME, identity)


def clients(transaction: Transaction) -> list[Client]:
    """All clients."""
    return [_load(value) for _, value in transaction.entries(CLIENT)]


def epoch(transaction: Transaction) -> int:
    """A number that changes whenever any client's standing does."""
    return transaction.entry_version(*_EPOCH)


def touch(transaction: Transaction) -> None:
    """Have everybody who is connected looked up anew."""
    transaction.put_entry(*_EPOCH, b"")


def put(transaction: Transaction, client: Client) -> Client:
    """Keep a client, new or changed."""
    transaction.put_entry(CLIENT, client.identity, json.dumps(asdict(client)).encode())
    touch(transaction)
    return client


def _load(value: bytes) -> Client:
    fields = json.loads(value)
    return Client(**{**fields, "groups": tuple(fields["groups"])})

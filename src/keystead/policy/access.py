"""Who may do what: deny by default, the owner, and explicit grants.

An object that a caller may not see answers exactly as one that does not exist.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from keystead.kmip.enums import Operation


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        identity: the random identifier of an enrolled client or user; "" if nobody is known by it.
        name: what people call it; never compared.
        groups: the identifiers of the groups that it is in.
        address: where it asks from, for the audit.
        client: the identity of the client over whose certificate a user speaks; "" where the client speaks for itself.
        by_credential: the identity is that of a user or device, known by a credential in the message.
        attests: it has to attest the state of its machine.
        names_server: its TLS names the server that it wants, as every stack of today does.
    """

    identity: str
    name: str
    domain: str
    groups: tuple[str, ...] = ()
    address: str = ""
    names_server: bool = True
    client: str = ""
    by_credential: bool = False
    attests: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What an owner lets others do with an object.

    Attributes:
        grantee: the identity of a client or a group.
        operations: what it may do; empty means whatever the owner may do.
    """

    grantee: str
    operations: frozenset[Operation] = frozenset()


ADMINISTRATORS: Final = "administrators"
"""The group whose members arrange things for a whole domain: its users, groups, defaults and constraints."""

ANYONE: Final = frozenset({Operation.DISCOVER_VERSIONS, Operation.QUERY, Operation.PING})
"""What needs no identity."""


def permitted(caller: Caller, owner: str, domain: str, operation: Operation, grants: Iterable[Grant] = ()) -> bool:
    """Whether a caller may do an operation on an object of an owner.

    A grant of any operation lets its grantee see that the object is there; what it was not granted is refused.
    """
    if not caller.identity or caller.domain != domain:
        return False
    if caller.identity == owner:
        return True
    names: Collection[str] = (caller.identity, *caller.groups)
    return any(grant.grantee in names and (not grant.operations or operation in grant.operations) for grant in grants)

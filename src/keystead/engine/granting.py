"""What an owner lets others do with its objects, and which keys others may have Sensitive keys wrapped by."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from keystead.engine import identities
from keystead.engine.accounts import ACCOUNT, Accounts
from keystead.engine.administration import method
from keystead.engine.context import Context, Turn
from keystead.errors import OperationFailed
from keystead.kmip.enums import Operation, ResultReason
from keystead.kmip.version import NEWEST
from keystead.policy.access import ADMINISTRATORS, Caller
from keystead.policy.wrapping import History
from keystead.store import ALL, GrantRow, Transaction

if TYPE_CHECKING:
    from keystead.engine.admin import Administration

_PAGE: Final = 1000


@method
def grant(
    administration: Administration,
    owner: str,
    grantee: str,
    unique_identifier: str = ALL,
    operations: Collection[Operation] = (),
) -> None:
    """Let a client, a user or a group do operations (none named: all) on an object of another, or on all of them.

    Args:
        owner, grantee: names; of several that have one, a client comes before a user, and a user before a group.

    Raises:
        OperationFailed: Object Not Found, for a name that nobody has, or an object that is not the owner's.
    """

    def work(turn: Turn) -> str:
        numbers = [int(operation) for operation in operations]
        holder, receiver = administration.identity_of(turn, owner), administration.identity_of(turn, grantee)
        _check_owned(turn, administration.domain, holder, unique_identifier)
        turn.transaction.grant(administration.domain, holder, unique_identifier, receiver, numbers)
        return unique_identifier

    what = ", ".join(operation.title for operation in operations) or "all operations"
    administration.do("Grant", work, lambda uid: uid, f"{grantee}: {what}, on objects of {owner}")


@method
def revoke_grant(administration: Administration, owner: str, grantee: str, unique_identifier: str = ALL) -> None:
    """Take a grant back.

    Raises:
        OperationFailed: Object Not Found; there is no such grant.
    """

    def work(turn: Turn) -> str:
        holder, receiver = administration.identity_of(turn, owner), administration.identity_of(turn, grantee)
        _check_owned(turn, administration.domain, holder, unique_identifier)
        if not turn.transaction.revoke_grant(administration.domain, holder, unique_identifier, receiver):
            raise OperationFailed(ResultReason.OBJECT_NOT_FOUND, "there is no such grant")
        return unique_identifier

    administration.do("Revoke Grant", work, lambda uid: uid, f"{grantee}, on objects of {owner}")


@method(reads=True)
def grants(
    administration: Administration, owner: str | None = None, grantee: str | None = None
) -> list[dict[str, Any]]:
    """The grants of the domain: who may do what on which objects of whom.

    Args:
        owner, grantee: names; only the grants of these.
    """
    with administration.engine.store.begin(write=False) as transaction:
        names = _names(transaction, Accounts(transaction, administration.engine.vault, administration.domain))
        found: list[dict[str, Any]] = [
            {
                "owner": names.get(row.owner, row.owner),
                "grantee": names.get(row.grantee, row.grantee),
                "unique_identifier": row.unique_identifier,
                "operations": [Operation(number) for number in sorted(row.operations)],
            }
            for row in all_grants(transaction, administration.domain)
            if owner in (None, names.get(row.owner)) and grantee in (None, names.get(row.grantee))
        ]
    return sorted(found, key=lambda row: (row["owner"], row["grantee"], row["unique_identifier"]))


@method
def trust_wrapping_key(administration: Administration, unique_identifier: str, trusted: bool = True) -> None:
    """Say that whoever has a key may have the Sensitive keys that it wraps, for example that of a partner's HSM.

    Raises:
        OperationFailed: Object Not Found.
    """

    def work(turn: Turn) -> str:
        managed = turn.fetch(unique_identifier)
        if managed is None or managed.domain != administration.domain:
            raise OperationFailed(ResultReason.OBJECT_NOT_FOUND, "there is no such object")
        context = Context(turn, Caller("", administration.operator, administration.domain), NEWEST)
        kept = managed.history & ~History.TRUSTED
        context.save(managed.with_history(kept | History.TRUSTED if trusted else kept), touch=False)
        return unique_identifier

    operation = "Trust Wrapping Key" if trusted else "Distrust Wrapping Key"
    administration.do(operation, work, lambda uid: uid, "")


def all_grants(transaction: Transaction, domain: str) -> Iterator[GrantRow]:
    """The grants of a domain, each with the identity of the owner."""
    seen = 0
    while rows := transaction.grant_rows(seen, _PAGE):
        seen += len(rows)
        for row in rows:
            if row.domain == domain:
                record = None if row.unique_identifier == ALL else transaction.get(row.unique_identifier)
                yield row if record is None else replace(row, owner=record.owner)


def _names(transaction: Transaction, accounts: Accounts) -> dict[str, str]:
    """What people call everybody in a domain, by identity."""
    found = {identity: name for name, identity in identities.groups(transaction, accounts.domain).items()}
    found[ADMINISTRATORS] = ADMINISTRATORS
    found |= {account.identity: account.name for account in accounts.all(transaction.entries(ACCOUNT))}
    return found | {client.identity: client.name for client in identities.clients(transaction)}


def _check_owned(turn: Turn, domain: str, owner: str, unique_identifier: str) -> None:
    if unique_identifier != ALL:
        managed = turn.fetch(unique_identifier)
        if managed is None or (managed.domain, managed.owner) != (domain, owner):
            raise OperationFailed(ResultReason.OBJECT_NOT_FOUND, "the owner has no such object")

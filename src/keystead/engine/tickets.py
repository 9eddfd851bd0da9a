"""Tickets: Login, Delegated Login, Logout, and what a ticket still permits.

The store keeps a digest of each ticket, so that nobody can use what is found there.  A ticket of Login belongs to the
client that it was given to; a delegated one to whoever has it.  What a ticket has left is counted in the transaction
that spends it: a request counts when it is let in, an operation when it is done.

Source: KMIP 2.1 sections 6.1.12, 6.1.30, 6.1.31, 7.34, 7.35, 7.39 and 9.11.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from keystead.engine.context import Context, Turn
from keystead.engine.handlers import handles
from keystead.engine.managed import Managed
from keystead.engine.sealed import Sealed
from keystead.errors import OperationFailed
from keystead.kmip.enums import Operation, ResultReason, TicketType, UsageLimitsUnit
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.session import (
    DelegatedLoginRequest,
    DelegatedLoginResponse,
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    LogoutResponse,
)
from keystead.kmip.schema import dump, load
from keystead.kmip.structures import Right, Rights, Ticket, UsageLimits
from keystead.kmip.tags import Tag
from keystead.kmip.version import Version
from keystead.policy.access import Caller

TICKET_BYTES: Final = 32
USUAL_LEASE_SECONDS: Final = 8 * 3600
LONGEST_LEASE_SECONDS: Final = 24 * 3600
MAXIMUM_RIGHTS: Final = 64
_R = ResultReason


@handles(LoginRequest, changes=True)
def login(context: Context, request: LoginRequest) -> LoginResponse:
    """Give a ticket for requests to come.  Source: KMIP 2.1 §6.1.30."""
    return LoginResponse(ticket=_given(context, request, None))


@handles(DelegatedLoginRequest, changes=True)
def delegated_login(context: Context, request: DelegatedLoginRequest) -> DelegatedLoginResponse:
    """Give a ticket that another may use, for some of the caller's rights.  Source: KMIP 2.1 §6.1.12."""
    if len(request.rights.right) > MAXIMUM_RIGHTS:
        raise OperationFailed(_R.SERVER_LIMIT_EXCEEDED, f"a ticket has at most {MAXIMUM_RIGHTS} Rights")
    rights = Rights(right=tuple(_resolved(context, right) for right in request.rights.right))
    return DelegatedLoginResponse(ticket=_given(context, request, rights))


@handles(LogoutRequest, changes=True)
def logout(context: Context, request: LogoutRequest) -> LogoutResponse:
    """End a ticket of the caller's.  Source: KMIP 2.1 §6.1.31.

    Raises:
        OperationFailed: Invalid Ticket, of another's as of one that never was.
    """
    entries, key = _entries(context.turn, context.caller.domain), _key(request.ticket)
    found = entries.get(key)
    record = json.loads(found) if found else None
    held = context.delegation
    if record is None or record["ended"] or record["identity"] != context.caller.identity:
        raise invalid()
    if held is not None and held.key != key and held.rights is not None:
        raise invalid()
    record["ended"] = True
    entries.put(key, json.dumps(record).encode(), record["until"])
    return LogoutResponse()


def _given(context: Context, request: LoginRequest | DelegatedLoginRequest, rights: Rights | None) -> Ticket:
    if context.delegation is not None:
        raise OperationFailed(_R.PERMISSION_DENIED, "a ticket does not buy another one")
    limits, count = request.usage_limits, request.request_count or 0
    if count < 0 or (limits is not None and limits.usage_limits_total < 0):
        raise OperationFailed(_R.INVALID_FIELD, "a Request Count and a Usage Limits Total are not negative")
    lease = min(request.lease_time or USUAL_LEASE_SECONDS, LONGEST_LEASE_SECONDS)
    caller = context.caller
    ticket = Ticket(ticket_type=TicketType.LOGIN, ticket_value=secrets.token_bytes(TICKET_BYTES))
    record = {
        "identity": caller.identity,
        "name": caller.name,
        "client": caller.client if caller.by_credential else caller.identity,
        "by_credential": caller.by_credential,
        "until": context.now + lease,
        "left": count or None,
        "usage": _usage(limits),
        "rights": None if rights is None else [int(context.version), dump(rights, context.version).hex()],
        "spent": [_usage(right.usage_limits) for right in rights.right] if rights is not None else [],
        "ended": False,
    }
    _entries(context.turn, caller.domain).put(_key(ticket), json.dumps(record).encode(), context.now + lease)
    return ticket


def _usage(limits: UsageLimits | None) -> list[int] | None:
    """How much is left, and of what."""
    return None if limits is None else [limits.usage_limits_total, int(limits.usage_limits_unit)]


def _resolved(context: Context, right: Right) -> Right:
    """A Right that names its objects by their unique identifiers, as they are now."""
    if right.objects is None:
        return right
    named = tuple(context.resolve(identifier) for identifier in right.objects.unique_identifier)
    return replace(right, objects=replace(right.objects, unique_identifier=named))


# --- using a ticket ---------------------------------------------------------------------------------------------------


def spend(turn: Turn, through: Caller, ticket: Ticket) -> tuple[Caller, Delegation]:
    """Take one request off a ticket; who asks with it, and what it permits.

    Raises:
        OperationFailed: Invalid Ticket, Usage Limit Exceeded.
    """
    entries, key = _entries(turn, through.domain), _key(ticket)
    found = entries.get(key)
    record = json.loads(found) if found else None
    if record is None or record["ended"] or record["until"] <= turn.now:
        raise invalid()
    # A ticket of Login is of no use to another client; one that was delegated is meant for others.
    if record["rights"] is None and through.identity not in ("", record["client"]):
        raise invalid()
    before = replace(
        through,
        identity=record["identity"],
        name=record["name"],
        client=record["client"] if record["by_credential"] else "",
        by_credential=record["by_credential"],
    )
    caller = turn.engine.standing(turn.transaction, before)
    if caller is None:
        raise invalid()
    if record["left"] is not None:
        if not record["left"]:
            raise exceeded()
        record["left"] -= 1
        entries.put(key, json.dumps(record).encode(), record["until"])
    return caller, Delegation(entries, key, record)


class Delegation:
    """What a ticket permits: what at least one of its Rights does; everything, if it has none.

    Attributes:
        key: of the ticket in the store.
        rights: None where nothing but the usage limits of the whole narrows what the caller may do.
    """

    def __init__(self, entries: Sealed, key: str, record: dict[str, Any]) -> None:
        self.key = key
        self._entries = entries
        self._record = record
        self.rights: tuple[Right, ...] | None = None
        if record["rights"] is not None:
            version, rights = record["rights"]
            self.rights = load(Rights, bytes.fromhex(rights), Version(version)).right
        self._candidates: list[int] = []

    @property
    def operations(self) -> frozenset[Operation] | None:
        """The operations that it permits at all; None for every one."""
        if self.rights is None or any(right.operations is None for right in self.rights):
            return None
        return frozenset(one for right in self.rights if right.operations for one in right.operations.operation)

    def begin(self, operation: Operation) -> None:
        """Refuse an operation that no Right permits.

        Raises:
            OperationFailed: Not Authorised, Usage Limit Exceeded.
        """
        usage = self._record["usage"]
        if usage is not None and usage[0] <= 0:
            raise exceeded()
        if self.rights is None or operation is Operation.LOGOUT:
            self._candidates = [] if self.rights is None else list(range(len(self.rights)))
            return
        permitting = [
            number
            for number, right in enumerate(self.rights)
            if right.operations is None or operation in right.operations.operation
        ]
        if not permitting:
            raise denied()
        spent = self._record["spent"]
        self._candidates = [n for n in permitting if spent[n] is None or spent[n][0] > 0]
        if not self._candidates:
            raise exceeded()

    def permits(self, unique_identifier: str, managed: Managed | None) -> bool:
        """Whether a Right that permits the operation extends to an object."""
        return self.rights is None or any(
            _extends(self.rights[n], unique_identifier, managed) for n in self._candidates
        )

    def cover(self, unique_identifier: str, managed: Managed | None) -> None:
        """Go on with the Rights that extend to an object, or to one that is not there.

        Raises:
            OperationFailed: Not Authorised.
        """
        if self.rights is None:
            return
        self._candidates = [n for n in self._candidates if _extends(self.rights[n], unique_identifier, managed)]
        if not self._candidates:
            raise denied()

    @property
    def narrow(self) -> bool:
        """Whether it extends to some objects only."""
        return self.rights is not None and all(
            self.rights[n].objects is not None or self.rights[n].object_groups is not None for n in self._candidates
        )

    def charge(self, request: Request) -> None:
        """Take an operation that was done off what is left.

        Raises:
            OperationFailed: Usage Limit Exceeded; it was more than that.
        """
        counts = [self._record["usage"]] if self._record["usage"] is not None else []
        spent = self._record["spent"]
        if self._candidates and all(spent[n] is not None for n in self._candidates):
            counts.append(spent[max(self._candidates, key=lambda n: spent[n][0])])
        if not counts:
            return
        for count in counts:
            data = getattr(request, "data", None)
            amount = len(data) if count[1] == UsageLimitsUnit.BYTE and isinstance(data, bytes) else 1
            if amount > count[0]:
                raise exceeded()
            count[0] -= amount
        self._entries.put(self.key, json.dumps(self._record).encode(), self._record["until"])


def _extends(right: Right, unique_identifier: str, managed: Managed | None) -> bool:
    if right.objects is not None and unique_identifier not in right.objects.unique_identifier:
        return False
    if right.object_groups is None:
        return True
    groups = right.object_groups
    return managed is not None and not _groups(managed).isdisjoint((*groups.object_group, *map(str, groups.group_link)))


def _groups(managed: Managed) -> set[str]:
    found: Iterable[Any] = (*managed.all(Tag.OBJECT_GROUP), *managed.all(Tag.GROUP_LINK))
    return {str(group) for group in found}


def _entries(turn: Turn, domain: str) -> Sealed:
    return Sealed(turn.transaction, turn.engine.vault, "ticket", domain)


def _key(ticket: Ticket) -> str:
    return sha256(int(ticket.ticket_type).to_bytes(4, "big") + ticket.ticket_value).hexdigest()


def invalid() -> OperationFailed:
    """The one answer for a ticket that never was, is over, or is another's."""
    return OperationFailed(_R.INVALID_TICKET, "the ticket is not valid")


def exceeded() -> OperationFailed:
    return OperationFailed(_R.USAGE_LIMIT_EXCEEDED, "the ticket is used up")


def denied() -> OperationFailed:
    return OperationFailed(_R.NOT_AUTHORISED, "the ticket does not permit this")

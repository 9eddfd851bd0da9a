"""Notify and Put: what the server tells clients of its own accord.

Each change of an object is filed for the clients that have an endpoint and may see the object, in the transaction of
the change; `keystead.server.outbox` delivers it: once at least, in order, again and again with growing pauses until
the client has answered.

What is filed says which object and which attributes, never a value.  A message is made when it is to be sent, from
what the client may read then, and no message leaves before the event that tells of it is durable.

Source: KMIP 1.4 sections 5.1 and 5.2; 2.1 sections 6.2.2 and 6.2.3.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Final

from keystead.engine import identities
from keystead.engine.context import Context, Turn
from keystead.engine.endpoints import OUTBOX, Endpoint, endpoints
from keystead.engine.managed import HISTORY, Managed
from keystead.engine.sealed import Sealed
from keystead.errors import CodecError, OperationFailed
from keystead.kmip.attributes import Attribute, AttributeName, Attributes, VendorAttributeName
from keystead.kmip.enums import Operation, PutFunction, ResultReason, ResultStatus
from keystead.kmip.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    dump_message,
    load_response,
    protocol_version,
)
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.session import NotifyRequest, PutRequest
from keystead.kmip.tags import Tag
from keystead.kmip.version import V2_0, V3_0
from keystead.policy.access import Caller, Grant, permitted

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

MOST_WAITING: Final = 1000
"""Notices that wait for one client; what comes then is not filed, and the audit says so."""
MOST_AT_ONCE: Final = 16
"""Notices that are sent over one connection."""
LEASE_SECONDS: Final = 60
"""So long a notice is left to the process that is sending it."""
FIRST_PAUSE_SECONDS: Final = 2
LONGEST_PAUSE_SECONDS: Final = 3600
MOST_ATTEMPTS: Final = 20
"""About half a day."""
MOST_REFUSALS: Final = 3
"""Answers of a client that it will not have a notice."""
QUIET: Final[frozenset[AttributeName]] = frozenset({Tag.FRESH, Tag.LAST_CHANGE_DATE, HISTORY})
"""Attributes whose change alone is no news, or nobody's."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told of an object.

    Attributes:
        operation: Notify or Put.
        since_us: when it was filed first, POSIX microseconds.
        changed, deleted: names of attributes.
        replaced: the object in whose place it comes.
        due: when it is to be sent, POSIX seconds.
    """

    operation: Operation
    unique_identifier: str
    since_us: int
    changed: tuple[AttributeName, ...] = ()
    deleted: tuple[AttributeName, ...] = ()
    replaced: str | None = None
    attempts: int = 0
    refusals: int = 0
    due: int = 0

    def key(self, endpoint: Endpoint) -> str:
        """One for an object and an operation: what was not sent yet is sent together."""
        return f"{endpoint.key}:{self.operation.name}:{self.unique_identifier}"

    def with_later(self, other: Notice) -> Notice:
        """This notice and one that came after it, as one."""
        changed = dict.fromkeys(name for name in (*self.changed, *other.changed) if name not in other.deleted)
        deleted = dict.fromkeys(name for name in (*self.deleted, *other.deleted) if name not in other.changed)
        return replace(self, changed=tuple(changed), deleted=tuple(deleted))

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Notice:
        fields = json.loads(data)
        names = {part: tuple(_name(name) for name in fields[part]) for part in ("changed", "deleted")}
        return cls(**{**fields, **names, "operation": Operation(fields["operation"])})


def _name(value: int | Sequence[str]) -> AttributeName:
    return Tag(value) if isinstance(value, int) else VendorAttributeName(*value)


# --- filing -----------------------------------------------------------------------------------------------------------


def post(turn: Turn) -> None:
    """File what this turn changed, for all who are to be told."""
    if not turn.changed:
        return
    known = endpoints(turn)
    if not known:
        return
    for endpoint in known.values():
        caller = _caller(turn, endpoint)
        if caller is None:
            continue
        for identifier, managed in turn.changed.items():
            notice = None if managed is None else _notice(turn, endpoint, turn.originals.get(identifier), managed)
            if notice is not None and managed is not None and _concerns(turn, caller, managed, notice.operation):
                _file(turn, endpoint, caller, notice)


def _notice(turn: Turn, endpoint: Endpoint, before: Managed | None, after: Managed) -> Notice | None:
    """What there is to tell of an object that was changed or is new."""
    if before is None:
        replaced = after.get(Tag.REPLACED_OBJECT_LINK)
        notice = Notice(Operation.PUT, after.unique_identifier, turn.now_us, replaced=replaced)
        return notice if endpoint.put and after.envelope is not None else None
    names = before.attributes.keys() | after.attributes.keys()
    differ = {name for name in names if before.attributes.get(name) != after.attributes.get(name)}
    if before.state(turn.now) is not after.state(turn.now):
        differ.add(Tag.STATE)
    if not endpoint.notify or differ <= QUIET:
        return None
    deleted = {name for name in differ - QUIET if name is not Tag.STATE and name not in after.attributes}
    changed = (differ - deleted - QUIET) | {Tag.LAST_CHANGE_DATE}
    return Notice(
        Operation.NOTIFY, after.unique_identifier, turn.now_us, tuple(_sorted(changed)), tuple(_sorted(deleted))
    )


def _sorted(names: Iterable[AttributeName]) -> list[AttributeName]:
    return sorted(names, key=lambda name: (isinstance(name, VendorAttributeName), name))


def _caller(turn: Turn, endpoint: Endpoint) -> Caller | None:
    client = identities.by_identity(turn.transaction, endpoint.identity)
    return None if client is None else client.caller(endpoint.host)


def _concerns(turn: Turn, caller: Caller, managed: Managed, operation: Operation) -> bool:
    """Whether a client may read what it would be told."""
    if caller.identity == managed.owner and caller.domain == managed.domain:
        return True
    grants = [
        Grant(grantee, frozenset(map(Operation, operations)))
        for grantee, operations in turn.transaction.grants(managed.unique_identifier, managed.owner, managed.domain)
    ]
    reads = Operation.GET if operation is Operation.PUT else Operation.GET_ATTRIBUTES
    return permitted(caller, managed.owner, managed.domain, reads, grants)


def _file(turn: Turn, endpoint: Endpoint, caller: Caller, notice: Notice) -> None:
    outbox, key = _outbox(turn, endpoint), notice.key(endpoint)
    found = outbox.get(key)
    if found is not None:
        outbox.put(key, Notice.decode(found).with_later(notice).encode())
    elif len(turn.transaction.entries(OUTBOX, f"{endpoint.key}:")) >= MOST_WAITING:
        full = OperationFailed(ResultReason.SERVER_LIMIT_EXCEEDED, "too many notices wait for this client")
        _record(turn, endpoint, caller, notice, ResultStatus.OPERATION_FAILED, full)
    else:
        outbox.put(key, notice.encode())


def _outbox(turn: Turn, endpoint: Endpoint) -> Sealed:
    return Sealed(turn.transaction, turn.engine.vault, OUTBOX, endpoint.domain)


# --- sending ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message for an endpoint.

    Attributes:
        key, put: which notice it is of, and how often that had been put.
    """

    endpoint: Endpoint
    key: str
    put: int
    message: bytes = field(repr=False)


def claim(engine: Engine) -> list[Delivery]:
    """The messages that are to be sent now, in the order in which an endpoint is to get them.

    Raises:
        StoreError, CustodyError, TamperError.
    """
    if engine.sealed:
        return []
    with engine.store.begin(write=False) as transaction:
        if not transaction.entries(OUTBOX):
            return []
    return engine.turn(
        lambda turn: [found for endpoint in endpoints(turn).values() for found in _claim(turn, endpoint)]
    )


def _claim(turn: Turn, endpoint: Endpoint) -> Iterator[Delivery]:
    outbox, caller = _outbox(turn, endpoint), _caller(turn, endpoint)
    waiting = [
        (key, Notice.decode(outbox.get(key) or b"")) for key, _ in turn.transaction.entries(OUTBOX, f"{endpoint.key}:")
    ]
    waiting.sort(key=lambda found: found[1].since_us)
    for key, notice in waiting[:MOST_AT_ONCE]:
        if caller is None:
            outbox.delete(key)
            continue
        if notice.due > turn.now:  # it is being sent, or the endpoint is left in peace: what follows waits too
            return
        try:
            message = _message(turn, endpoint, caller, notice)
        except OperationFailed as refused:
            outbox.delete(key)
            _record(turn, endpoint, caller, notice, ResultStatus.OPERATION_FAILED, refused)
            continue
        outbox.put(key, replace(notice, attempts=notice.attempts + 1, due=turn.now + LEASE_SECONDS).encode())
        _record(turn, endpoint, caller, notice, ResultStatus.OPERATION_PENDING)
        yield Delivery(endpoint, key, outbox.version(key), message)


def _message(turn: Turn, endpoint: Endpoint, caller: Caller, notice: Notice) -> bytes:
    """The Request Message of a notice, of what the client may read now.

    Raises:
        OperationFailed: it may not, or the object cannot be handed out.
    """
    version, identifier = endpoint.version, notice.unique_identifier
    context = Context(turn, caller, version)
    context.operation = Operation.GET_ATTRIBUTES
    managed = context.object(identifier)
    if notice.operation is Operation.NOTIFY:
        changed = [one for name in notice.changed for one in managed.instances(name, turn.now)]
        if version < V2_0:
            changed += [Attribute(name, None) for name in notice.deleted]
        payload: NotifyRequest | PutRequest = NotifyRequest(
            unique_identifier=identifier,
            attributes=Attributes(tuple(changed)),
            attribute_reference=notice.deleted if version >= V2_0 else (),
        )
    else:
        context.operation = Operation.GET
        got = turn.engine.perform(context, GetRequest(unique_identifier=identifier))
        payload = PutRequest(
            unique_identifier=identifier,
            put_function=PutFunction.NEW if notice.replaced is None else PutFunction.REPLACE,
            replaced_unique_identifier=notice.replaced,
            object=got.object,  # type: ignore[attr-defined]
            attributes=Attributes(tuple(managed.everything(turn.now))),
        )
    header = RequestHeader(
        protocol_version=protocol_version(version), time_stamp=turn.now, batch_count=1 if version < V3_0 else None
    )
    item = RequestBatchItem(operation=notice.operation, request_payload=payload)
    return dump_message(RequestMessage(request_header=header, batch_item=(item,)), version)


def refusal(answer: bytes) -> str:
    """Why an answer says that a notice was not taken; "" if it was."""
    try:
        items = load_response(answer)[0].batch_item
    except CodecError as error:
        return f"the answer is no Response Message: {error}"
    if len(items) == 1 and items[0].result_status is ResultStatus.SUCCESS:
        return ""
    reason = items[0].result_reason if items else None
    return f"the client refused it: {reason.title if reason is not None else 'no reason given'}"


def settle(engine: Engine, delivery: Delivery, fault: str, *, answered: bool) -> None:
    """Note what became of a delivery: it is done, or will be tried again, or is given up.

    Args:
        fault: what went wrong; "" if nothing did.
        answered: whether the client itself said so.

    Raises:
        StoreError, CustodyError, TamperError.
    """

    def note(turn: Turn) -> None:
        endpoint, key = delivery.endpoint, delivery.key
        outbox = _outbox(turn, endpoint)
        found, caller = outbox.get(key), _caller(turn, endpoint)
        if found is None:
            return
        notice = Notice.decode(found)
        later = outbox.version(key) != delivery.put  # more happened to the object since it was claimed
        status = ResultStatus.OPERATION_FAILED if fault else ResultStatus.SUCCESS
        refused = OperationFailed(ResultReason.GENERAL_FAILURE, fault) if fault else None
        notice = replace(notice, refusals=notice.refusals + (1 if fault and answered else 0))
        given_up = fault and (notice.attempts >= MOST_ATTEMPTS or notice.refusals >= MOST_REFUSALS)
        if fault and not given_up:
            outbox.put(key, replace(notice, due=turn.now + pause(notice.attempts)).encode())
        elif later:
            outbox.put(key, replace(notice, attempts=0, refusals=0, due=0).encode())
        else:
            outbox.delete(key)
        if caller is not None:
            _record(turn, endpoint, caller, notice, status, refused, "given up" if given_up else "")

    engine.turn(note)


def pause(attempts: int) -> int:
    """How long to leave an endpoint in peace after so many attempts, in seconds; not to the second."""
    seconds = min(FIRST_PAUSE_SECONDS * 2 ** min(attempts - 1, 16), LONGEST_PAUSE_SECONDS)
    return int(seconds * random.uniform(0.8, 1.2))  # noqa: S311  nothing is secret about it


def _record(
    turn: Turn,
    endpoint: Endpoint,
    caller: Caller,
    notice: Notice,
    status: ResultStatus,
    refused: OperationFailed | None = None,
    note: str = "",
) -> None:
    context = Context(turn, caller, endpoint.version)
    context.subjects = [notice.unique_identifier]
    item = ResponseBatchItem(
        operation=notice.operation,
        result_status=status,
        result_reason=None if refused is None else ResultReason(refused.reason),
        result_message=None if refused is None else refused.message,
    )
    turn.engine.record(context, item, note or "to the client's endpoint")

"""Requests that are answered later: how they are kept, and how they are done.

A request that is to wait is kept, sealed, as it came, and answered Operation Pending with a correlation value: 16
random bytes that mean something to the caller alone that they were given to.  `Engine.upkeep` carries out what waits
through `Engine.perform`, as the same caller, whose standing is looked up anew.  What a request changes, its result and
the event that tells of it are one transaction: it is done once, or not yet, whatever happens to the server meanwhile.

The result is kept until it was fetched, and for a while after, so that an answer that was lost can be asked for again.
The items of one batch are done in their order, and one hands its ID Placeholder on to the next.

Source: KMIP 1.4 sections 6.7 and 6.8; 2.1 sections 9.1, 9.2 and 11.3.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from keystead.custody.zones import Kind
from keystead.engine import preparing
from keystead.engine.context import Context, Result, Turn
from keystead.errors import CodecError, OperationFailed, TamperError
from keystead.kmip.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    Operation,
    ResultReason,
    ResultStatus,
)
from keystead.kmip.messages import RequestBatchItem, RequestHeader, ResponseBatchItem
from keystead.kmip.reasons import for_version
from keystead.kmip.schema import dump, load
from keystead.kmip.version import V2_0, Version
from keystead.policy.access import Caller

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

log = logging.getLogger("keystead.engine")

SLOW: Final = frozenset({Operation.ARCHIVE, Operation.RECOVER})
"""What waits if the client leaves it to the server.  Source: KMIP 1.4 sections 4.22 and 4.23; 2.1 6.1.4 and 6.1.42."""
SLOW_IN_1_X: Final = SLOW | {Operation.LOCATE}
"""The same up to 1.4, where the one way to ask for an answer later is to leave it to the server.  Source: 1.4 §6.7."""
NEVER: Final = frozenset({Operation.POLL, Operation.CANCEL, Operation.PROCESS, Operation.QUERY_ASYNCHRONOUS_REQUESTS})
"""What is answered at once, whatever the client says.  Source: KMIP 2.1 sections 6.1.5 and 6.1.38."""
CORRELATION_BYTES: Final = 16
HANDS_OUT: Final = frozenset({Operation.GET, Operation.EXPORT})
"""Of what is asked so no result is kept, as the key may be destroyed meanwhile: it is handed out when it is fetched."""
MOST_WAITING: Final = 256
"""Requests and results of one caller that wait to be done or fetched, and their bytes."""
MOST_BYTES: Final = 8 << 20
KEPT_SECONDS: Final = 86_400
FETCHED_SECONDS: Final = 600
MOST_SECONDS: Final = 0.05
"""Of one upkeep: what is left waits for the next."""

# Kinds of entries.  What waits, and results nobody has fetched, by caller and correlation value; what is to be done
# next, by time; results that were fetched.
KEPT: Final = "asynchronous"
_DUE: Final = "asynchronous-due"
FETCHED: Final = "asynchronous-fetched"
_WAITS, _DONE = 1, 2
_WHO: Final = ("identity", "name", "domain", "address", "client", "by_credential")
"""What is kept of a caller: what else there is to it is looked up."""
_I, _R = AsynchronousIndicator, ResultReason


# --- taking a request on ----------------------------------------------------------------------------------------------


class Submission:
    """What a message says of waiting, and which of its items was the last that waits."""

    __slots__ = ("_indicator", "_option", "_several", "_slow", "last", "stops")

    def __init__(self, header: RequestHeader, items: int, version: Version) -> None:
        self._slow = SLOW if version >= V2_0 else SLOW_IN_1_X
        self._indicator = header.asynchronous_indicator
        self._option = header.batch_error_continuation_option
        self._several = items > 1
        self.stops = self._option is not BatchErrorContinuationOption.CONTINUE
        self.last: str | None = None

    def waits(self, operation: Operation) -> bool:
        """Whether an item is to wait: what follows one that waits does too, as the order of a batch is kept.

        Raises:
            OperationFailed: Feature Not Supported; a batch that is to be undone is done at once, or not at all.
        """
        if self._indicator in (None, _I.PROHIBITED) or operation in NEVER:
            return False
        if self._several and self._option is BatchErrorContinuationOption.UNDO:
            if self._indicator is _I.MANDATORY:
                raise OperationFailed(_R.FEATURE_NOT_SUPPORTED, "a batch that is to be undone cannot be asynchronous")
            return False
        return self._indicator is _I.MANDATORY or operation in self._slow or self.last is not None


@dataclass(frozen=True, slots=True)
class Kept:
    """A request that was taken on; once it is done, its result.

    Attributes:
        caller: who asked; what it may do is looked up when it matters.
        correlation: the correlation value in hexadecimal.
        submitted_us: when it came, POSIX microseconds.
        item: the batch item, of the request and then of the response, in TTLV of the version; of what is handed out
            only when it is fetched, of the request.
        placeholder: the ID Placeholder before it, and then after it; results likewise.
        after: the correlation of the item of its batch that is to be done before it.
        stops: whether it is not to be done if that one fails.
        status: of the result; None as long as it waits.
    """

    caller: Caller
    correlation: str
    operation: Operation
    version: Version
    submitted_us: int
    item: bytes
    placeholder: str | None = None
    results: tuple[Result, ...] = ()
    after: str | None = None
    stops: bool = True
    status: ResultStatus | None = None

    @property
    def key(self) -> str:
        return f"{self.caller.identity}:{self.correlation}"

    @property
    def value(self) -> bytes:
        return bytes.fromhex(self.correlation)

    def encode(self) -> bytes:
        caller = self.caller
        head = json.dumps(
            {
                "caller": {name: getattr(caller, name) for name in _WHO},
                "operation": self.operation,
                "version": self.version,
                "submitted": self.submitted_us,
                "placeholder": self.placeholder,
                "results": self.results,
                "after": self.after,
                "stops": self.stops,
                "status": self.status,
            }
        ).encode()
        return len(head).to_bytes(4, "big") + head + self.item

    @classmethod
    def decode(cls, correlation: str, data: bytes) -> Kept:
        end = 4 + int.from_bytes(data[:4], "big")
        head = json.loads(data[4:end])
        status = head["status"]
        return cls(
            caller=Caller(**head["caller"]),
            correlation=correlation,
            operation=Operation(head["operation"]),
            version=Version(head["version"]),
            submitted_us=head["submitted"],
            item=data[end:],
            placeholder=head["placeholder"],
            results=tuple((Operation(operation), tuple(names)) for operation, names in head["results"]),
            after=head["after"],
            stops=head["stops"],
            status=None if status is None else ResultStatus(status),
        )


def submit(context: Context, submission: Submission, asked: RequestBatchItem) -> bytes:
    """Keep a batch item to be done later; its correlation value.

    Raises:
        OperationFailed: Server Limit Exceeded; Authentication Not Successful for one whom nobody knows.
    """
    caller, transaction = context.caller, context.transaction
    if not caller.identity:
        raise OperationFailed(_R.AUTHENTICATION_NOT_SUCCESSFUL, "only a client that is known can ask asynchronously")
    item = dump(asked, context.version)
    waiting = [len(value) for _, value in transaction.entries(KEPT, f"{caller.identity}:")]
    if len(waiting) >= MOST_WAITING or sum(waiting) + len(item) > MOST_BYTES:
        raise OperationFailed(_R.SERVER_LIMIT_EXCEEDED, "too many of your asynchronous requests wait; Poll some first")
    kept = Kept(
        caller=caller,
        correlation=secrets.token_hex(CORRELATION_BYTES),
        operation=asked.operation,
        version=context.version,
        submitted_us=context.turn.now_us,
        item=item,
        placeholder=context.placeholder,
        results=tuple(context.results),
        after=submission.last,
        stops=submission.stops,
    )
    put(context.turn, kept)
    # Items of one message have one time: the number of those before them keeps their order.
    due = f"{kept.submitted_us:016x}{len(waiting):04x}{kept.correlation}"
    where = {"caller": caller.identity, "domain": caller.domain, "correlation": kept.correlation}
    transaction.put_entry(_DUE, due, json.dumps({**where, "operation": kept.operation}).encode())
    submission.last = kept.correlation
    return kept.value


def put(turn: Turn, kept: Kept, expires: int | None = None, kind: str = KEPT) -> None:
    caller = kept.caller
    stage = _WAITS if kept.status is None else _DONE
    envelope = turn.engine.vault.seal(
        caller.domain, Kind.SECRET, f"asynchronous {kept.correlation}", caller.identity, stage, kept.encode()
    )
    turn.transaction.put_entry(kind, kept.key, bytes((stage,)) + envelope, expires)


def find(turn: Turn, identity: str, domain: str, correlation: str) -> Kept | None:
    """What is kept for a caller under a correlation value.  Raises: TamperError."""
    key = f"{identity}:{correlation}"
    found = turn.transaction.entry(KEPT, key) or turn.transaction.entry(FETCHED, key)
    return None if found is None else open_kept(turn, identity, domain, correlation, found)


def open_kept(turn: Turn, identity: str, domain: str, correlation: str, value: bytes) -> Kept:
    sealed_as = f"asynchronous {correlation}"
    data = turn.engine.vault.open(domain, Kind.SECRET, sealed_as, identity, value[0], value[1:])
    return Kept.decode(correlation, data)


# --- doing it ---------------------------------------------------------------------------------------------------------


def carry_out(engine: Engine) -> int:
    """Do what waits, for a short time; how many requests were done.

    Raises:
        StoreError, CustodyError: it goes on waiting.
    """
    with engine.store.begin(write=False) as transaction:
        due = transaction.entries(_DUE)
    found = [(key, json.loads(value)) for key, value in due]
    for correlation in engine.rehearsals.keys() - {where["correlation"] for _, where in found}:
        del engine.rehearsals[correlation]
    ready = [(key, where) for key, where in found if _is_prepared(engine, where)]
    return engine.turn(lambda turn: _carry_out(turn, ready)) if ready else 0


def _is_prepared(engine: Engine, where: dict[str, Any]) -> bool:
    """Whether the slow work of a request, if it has any, was done in another thread; begin it if not."""
    if where["operation"] not in preparing.OPERATIONS:
        return True
    correlation = where["correlation"]
    if correlation not in engine.rehearsals:
        engine.rehearsals[correlation] = engine.workshop.submit(_prepare, engine, where)
    return engine.rehearsals[correlation].done()


def _prepare(engine: Engine, where: dict[str, Any]) -> preparing.Results:
    with engine.store.begin(write=False) as transaction:
        turn = Turn(engine, transaction, int(engine.clock() * 1_000_000))
        kept = find(turn, where["caller"], where["domain"], where["correlation"])
        caller = None if kept is None else engine.standing(transaction, kept.caller)
    if kept is None or caller is None or kept.status is not None:
        return preparing.NOTHING
    asked = load(RequestBatchItem, kept.item, kept.version)
    return preparing.prepare(engine, caller, kept.version, [asked], kept.placeholder)


def _carry_out(turn: Turn, ready: list[tuple[str, dict[str, Any]]]) -> int:
    began, done = time.monotonic(), 0
    for key, where in ready:
        identity, domain, correlation = where["caller"], where["domain"], where["correlation"]
        try:
            kept = find(turn, identity, domain, correlation)
            before = kept and kept.after and find(turn, identity, domain, kept.after)
        except TamperError:
            log.critical("integrity check failed", extra={"fields": {"asynchronous": correlation}})
            turn.transaction.delete_entry(KEPT, f"{identity}:{correlation}")
            kept = before = None
        if before and before.status is None:
            continue
        if turn.transaction.delete_entry(_DUE, key) and kept is not None and kept.status is None:
            do(turn, kept, before or None)
            done += 1
        if time.monotonic() - began > MOST_SECONDS:
            break
    return done


def do(turn: Turn, kept: Kept, before: Kept | None) -> Kept:
    """Do a request in this turn and keep its result."""
    engine, version = turn.engine, kept.version
    rehearsal: Future[preparing.Results] | None = engine.rehearsals.get(kept.correlation)
    caller = engine.standing(turn.transaction, kept.caller)
    context = Context(turn, caller or kept.caller, version)
    context.operation = kept.operation
    context.placeholder = before.placeholder if before else kept.placeholder
    context.results = list((before or kept).results)
    try:
        asked = load(RequestBatchItem, kept.item, version)
        if before and before.status is not ResultStatus.SUCCESS and kept.stops:
            raise OperationFailed(
                _R.OPERATION_CANCELED_BY_REQUESTER, "an item before it failed, and the batch was to stop there"
            )
        if caller is None:
            raise OperationFailed(_R.PERMISSION_DENIED, "you were disabled before this was done")
    except (OperationFailed, CodecError) as error:
        answer = refused(kept, error)
    else:
        if rehearsal is not None and rehearsal.done() and rehearsal.exception() is None:
            turn.prepared = {key: list(results) for key, results in rehearsal.result().items()}
        turn.weight = 0
        answer = engine.run(context, asked)
        turn.prepared = {}
    engine.record(context, answer, f"asynchronous request {kept.correlation[:8]}")
    return finish(turn, kept, answer, context)


def answer_of(context: Context, kept: Kept) -> ResponseBatchItem:
    """The answer to a request that was done, for the caller who fetches it."""
    if kept.operation not in HANDS_OUT or kept.status is not ResultStatus.SUCCESS:
        return load(ResponseBatchItem, kept.item, kept.version)
    again = Context(context.turn, context.caller, kept.version)
    again.operation, again.placeholder, again.results = kept.operation, kept.placeholder, list(kept.results)
    again.delegation = context.delegation  # a ticket to poll by is none to what it does not extend to
    answer = context.engine.run(again, load(RequestBatchItem, kept.item, kept.version))
    context.subjects += again.subjects
    return answer


def refused(kept: Kept, error: OperationFailed | CodecError) -> ResponseBatchItem:
    reason = error.reason or _R.INVALID_MESSAGE
    return ResponseBatchItem(
        operation=kept.operation,
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=for_version(ResultReason(reason), kept.version),
        result_message=error.message if isinstance(error, OperationFailed) else str(error),
    )


def finish(turn: Turn, kept: Kept, answer: ResponseBatchItem, context: Context | None = None) -> Kept:
    later = kept.operation in HANDS_OUT and answer.result_status is ResultStatus.SUCCESS
    done = replace(
        kept,
        item=kept.item if later else dump(replace(answer, unique_batch_item_id=None), kept.version),
        status=answer.result_status,
        placeholder=context.placeholder if context else None,
        results=tuple(context.results) if context else (),
    )
    put(turn, done, expires=turn.now + KEPT_SECONDS)
    return done

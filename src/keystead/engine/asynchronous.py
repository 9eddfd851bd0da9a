"""Requests that are answered later: Poll, Cancel, Process, Query Asynchronous Requests.

A request that is to wait is kept, sealed, as it came, and answered Operation Pending with a correlation value: 16
random bytes that mean something to the caller alone that they were given to.  `Engine.upkeep` carries out what waits
through `Engine.perform`, as the same caller, whose standing is looked up anew.  What a request changes, its result and
the event that tells of it are one transaction: it is done once, or not yet, whatever happens to the server meanwhile.

The result is kept until it was fetched, and for a while after, so that an answer that was lost can be asked for again.
The items of one batch are done in their order, and one hands its ID Placeholder on to the next.

Source: KMIP 1.4 sections 4.27, 4.28, 6.7 and 6.8; 2.1 sections 6.1.5, 6.1.38, 6.1.39, 6.1.41, 9.1, 9.2 and 11.3.
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
from keystead.engine.context import Context, Turn
from keystead.engine.handlers import handles
from keystead.errors import CodecError, OperationFailed, Pending, TamperError
from keystead.kmip.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    CancellationResult,
    Operation,
    ProcessingStage,
    ResultReason,
    ResultStatus,
)
from keystead.kmip.messages import RequestBatchItem, RequestHeader, ResponseBatchItem
from keystead.kmip.payloads import Response
from keystead.kmip.payloads.session import (
    CancelRequest,
    CancelResponse,
    PollRequest,
    ProcessRequest,
    ProcessResponse,
    QueryAsynchronousRequestsRequest,
    QueryAsynchronousRequestsResponse,
)
from keystead.kmip.reasons import for_version
from keystead.kmip.schema import dump, load
from keystead.kmip.structures import AsynchronousRequest
from keystead.kmip.version import Version
from keystead.policy.access import Caller

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

log = logging.getLogger("keystead.engine")

SLOW: Final = frozenset({Operation.ARCHIVE, Operation.RECOVER})
"""What waits if the client leaves it to the server.  Source: KMIP 1.4 sections 4.22 and 4.23; 2.1 6.1.4 and 6.1.42."""
NEVER: Final = frozenset({Operation.POLL, Operation.CANCEL, Operation.PROCESS, Operation.QUERY_ASYNCHRONOUS_REQUESTS})
"""What is answered at once, whatever the client says.  Source: KMIP 2.1 sections 6.1.5 and 6.1.38."""
CORRELATION_BYTES: Final = 16
MOST_WAITING: Final = 256
"""Requests and results of one caller that wait to be done or fetched, and their bytes."""
MOST_BYTES: Final = 8 << 20
KEPT_SECONDS: Final = 86_400
FETCHED_SECONDS: Final = 600
MOST_SECONDS: Final = 0.05
"""Of one upkeep: what is left waits for the next."""

# Kinds of entries.  What waits, and results nobody has fetched, by caller and correlation value; what is to be done
# next, by time; results that were fetched.
_KEPT: Final = "asynchronous"
_DUE: Final = "asynchronous-due"
_FETCHED: Final = "asynchronous-fetched"
_WAITS, _DONE = 1, 2
_WHO: Final = ("identity", "name", "domain", "address", "client", "by_credential")
"""What is kept of a caller: what else there is to it is looked up."""
_I, _R, _C = AsynchronousIndicator, ResultReason, CancellationResult


# --- taking a request on ----------------------------------------------------------------------------------------------


class Submission:
    """What a message says of waiting, and which of its items was the last that waits."""

    __slots__ = ("_indicator", "_option", "_several", "last", "stops")

    def __init__(self, header: RequestHeader, items: int) -> None:
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
        return self._indicator is _I.MANDATORY or operation in SLOW or self.last is not None


@dataclass(frozen=True, slots=True)
class Kept:
    """A request that was taken on; once it is done, its result.

    Attributes:
        caller: who asked; what it may do is looked up when it matters.
        correlation: the correlation value in hexadecimal.
        submitted_us: when it came, POSIX microseconds.
        item: the batch item, of the request and then of the response, in TTLV of the version.
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
    results: tuple[tuple[int, str], ...] = ()
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
            results=tuple((operation, identifier) for operation, identifier in head["results"]),
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
    waiting = [len(value) for _, value in transaction.entries(_KEPT, f"{caller.identity}:")]
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
        results=tuple((int(operation), identifier) for operation, identifier in context.results),
        after=submission.last,
        stops=submission.stops,
    )
    _put(context.turn, kept)
    # Items of one message have one time: the number of those before them keeps their order.
    due = f"{kept.submitted_us:016x}{len(waiting):04x}{kept.correlation}"
    where = {"caller": caller.identity, "domain": caller.domain, "correlation": kept.correlation}
    transaction.put_entry(_DUE, due, json.dumps({**where, "operation": kept.operation}).encode())
    submission.last = kept.correlation
    return kept.value


def _put(turn: Turn, kept: Kept, expires: int | None = None, kind: str = _KEPT) -> None:
    caller = kept.caller
    stage = _WAITS if kept.status is None else _DONE
    envelope = turn.engine.vault.seal(
        caller.domain, Kind.SECRET, f"asynchronous {kept.correlation}", caller.identity, stage, kept.encode()
    )
    turn.transaction.put_entry(kind, kept.key, bytes((stage,)) + envelope, expires)


def _find(turn: Turn, identity: str, domain: str, correlation: str) -> Kept | None:
    """What is kept for a caller under a correlation value.  Raises: TamperError."""
    key = f"{identity}:{correlation}"
    found = turn.transaction.entry(_KEPT, key) or turn.transaction.entry(_FETCHED, key)
    return None if found is None else _open(turn, identity, domain, correlation, found)


def _open(turn: Turn, identity: str, domain: str, correlation: str, value: bytes) -> Kept:
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
        kept = _find(turn, where["caller"], where["domain"], where["correlation"])
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
            kept = _find(turn, identity, domain, correlation)
            before = kept and kept.after and _find(turn, identity, domain, kept.after)
        except TamperError:
            log.critical("integrity check failed", extra={"fields": {"asynchronous": correlation}})
            turn.transaction.delete_entry(_KEPT, f"{identity}:{correlation}")
            kept = before = None
        if before and before.status is None:
            continue
        if turn.transaction.delete_entry(_DUE, key) and kept is not None and kept.status is None:
            _do(turn, kept, before or None)
            done += 1
        if time.monotonic() - began > MOST_SECONDS:
            break
    return done


def _do(turn: Turn, kept: Kept, before: Kept | None) -> Kept:
    """Do a request in this turn and keep its result."""
    engine, version = turn.engine, kept.version
    rehearsal: Future[preparing.Results] | None = engine.rehearsals.get(kept.correlation)
    caller = engine.standing(turn.transaction, kept.caller)
    context = Context(turn, caller or kept.caller, version)
    context.operation = kept.operation
    context.placeholder = before.placeholder if before else kept.placeholder
    context.results = [(Operation(operation), own) for operation, own in (before or kept).results]
    try:
        asked = load(RequestBatchItem, kept.item, version)
        if before and before.status is not ResultStatus.SUCCESS and kept.stops:
            raise OperationFailed(
                _R.OPERATION_CANCELED_BY_REQUESTER, "an item before it failed, and the batch was to stop there"
            )
        if caller is None:
            raise OperationFailed(_R.PERMISSION_DENIED, "you were disabled before this was done")
    except (OperationFailed, CodecError) as error:
        answer = _refused(kept, error)
    else:
        if rehearsal is not None and rehearsal.done() and rehearsal.exception() is None:
            turn.prepared = {key: list(results) for key, results in rehearsal.result().items()}
        answer = engine.run(context, asked)
        turn.prepared = {}
    engine.record(context, answer, f"asynchronous request {kept.correlation[:8]}")
    return _finish(turn, kept, answer, context)


def _refused(kept: Kept, error: OperationFailed | CodecError) -> ResponseBatchItem:
    reason = error.reason or _R.INVALID_MESSAGE
    return ResponseBatchItem(
        operation=kept.operation,
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=for_version(ResultReason(reason), kept.version),
        result_message=error.message if isinstance(error, OperationFailed) else str(error),
    )


def _finish(turn: Turn, kept: Kept, answer: ResponseBatchItem, context: Context | None = None) -> Kept:
    done = replace(
        kept,
        item=dump(replace(answer, unique_batch_item_id=None), kept.version),
        status=answer.result_status,
        placeholder=context.placeholder if context else None,
        results=tuple((int(operation), own) for operation, own in context.results) if context else (),
    )
    _put(turn, done, expires=turn.now + KEPT_SECONDS)
    return done


# --- asking for it ----------------------------------------------------------------------------------------------------


class Settled(Response):
    """Stands for the response to the request that was asked before."""

    __slots__ = ("item",)

    def __init__(self, item: ResponseBatchItem) -> None:
        self.item = item


def _mine(context: Context, correlation_value: bytes) -> Kept:
    """What the caller asked under a correlation value; another's is none.  (K10)"""
    kept = None
    if len(correlation_value) == CORRELATION_BYTES:
        kept = _find(context.turn, context.caller.identity, context.caller.domain, correlation_value.hex())
    if kept is None:
        raise OperationFailed(
            _R.INVALID_ASYNCHRONOUS_CORRELATION_VALUE, "there is no request with this Asynchronous Correlation Value"
        )
    return kept


def _fetched(context: Context, kept: Kept) -> None:
    """A result that its caller has is kept only for a while."""
    if context.transaction.delete_entry(_KEPT, kept.key):
        _put(context.turn, kept, expires=context.now + FETCHED_SECONDS, kind=_FETCHED)


@handles(PollRequest, changes=True)
def poll(context: Context, request: PollRequest) -> Response:
    """Give the result as if it had been given at once, or say that it is not there yet.

    Source: KMIP 1.4 §4.28; 2.1 §6.1.38.

    Raises:
        OperationFailed: Invalid Asynchronous Correlation Value; Operation Not Supported in a version without it.
        Pending: it waits still.
    """
    kept = _mine(context, request.asynchronous_correlation_value)
    if kept.status is None:
        raise Pending(kept.value)
    if not kept.operation.since <= context.version <= kept.operation.until:
        raise OperationFailed(_R.OPERATION_NOT_SUPPORTED, f"poll in KMIP {kept.version}, in which it was asked")
    _fetched(context, kept)
    item = load(ResponseBatchItem, kept.item, kept.version)
    if item.result_reason is not None:
        item = replace(item, result_reason=for_version(item.result_reason, context.version))
    return Settled(item)


@handles(CancelRequest, changes=True)
def cancel(context: Context, request: CancelRequest) -> CancelResponse:
    """Drop a request that waits; say how it ended if it does not.  Source: KMIP 1.4 §4.27; 2.1 §6.1.5."""
    kept = _mine(context, request.asynchronous_correlation_value)
    if kept.status is None:
        refusal = OperationFailed(_R.OPERATION_CANCELED_BY_REQUESTER, "the operation was canceled")
        kept = _finish(context.turn, kept, _refused(kept, refusal))
        result = _C.CANCELED
    else:
        result = _C.COMPLETED if kept.status is ResultStatus.SUCCESS else _C.FAILED
    _fetched(context, kept)
    return CancelResponse(asynchronous_correlation_value=kept.value, cancellation_result=result)


@handles(ProcessRequest, changes=True)
def process(context: Context, request: ProcessRequest) -> ProcessResponse:
    """Do a request now, so that the next Poll has its result; those of its batch before it come first.

    Source: KMIP 2.1 §6.1.39.

    Raises:
        OperationFailed: Invalid Asynchronous Correlation Value; Duplicate Process Request, it is done.
    """
    kept = _mine(context, request.asynchronous_correlation_value)
    if kept.status is not None:
        raise OperationFailed(_R.DUPLICATE_PROCESS_REQUEST, "the request was processed already")
    chain = [kept]
    while chain[-1].after is not None:
        before = _find(context.turn, kept.caller.identity, kept.caller.domain, chain[-1].after)
        if before is None:
            break
        chain.append(before)
        if before.status is not None:
            break
    done: Kept | None = None
    for waiting in reversed(chain):
        done = waiting if waiting.status is not None else _do(context.turn, waiting, done)
    return ProcessResponse()


@handles(QueryAsynchronousRequestsRequest)
def query_asynchronous_requests(
    context: Context, request: QueryAsynchronousRequestsRequest
) -> QueryAsynchronousRequestsResponse:
    """List the caller's requests whose results were not fetched, oldest first.  Source: KMIP 2.1 §6.1.41."""
    caller = context.caller
    values, operations = request.asynchronous_correlation_values, request.operations
    found = []
    for key, value in context.transaction.entries(_KEPT, f"{caller.identity}:"):
        kept = _open(context.turn, caller.identity, caller.domain, key.rpartition(":")[2], value)
        if values is not None and kept.value not in values.asynchronous_correlation_value:
            continue
        if operations is not None and kept.operation not in operations.operation:
            continue
        found.append(kept)
    found.sort(key=lambda kept: kept.submitted_us)
    return QueryAsynchronousRequestsResponse(
        asynchronous_request=tuple(
            AsynchronousRequest(
                asynchronous_correlation_value=kept.value,
                operation=kept.operation,
                submission_date=kept.submitted_us,
                processing_stage=_stage(context.engine, kept),
            )
            for kept in found
        )
    )


def _stage(engine: Engine, kept: Kept) -> ProcessingStage:
    if kept.status is not None:
        return ProcessingStage.COMPLETED
    return ProcessingStage.IN_PROCESS if kept.correlation in engine.rehearsals else ProcessingStage.SUBMITTED

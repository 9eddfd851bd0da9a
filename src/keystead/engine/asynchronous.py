"""Asking for what is answered later: Poll, Cancel, Process, Query Asynchronous Requests.

How requests are kept and done stands in `waiting`.

Source: KMIP 1.4 sections 4.27 and 4.28; 2.1 sections 6.1.5, 6.1.38, 6.1.39 and 6.1.41.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keystead.engine.context import Context
from keystead.engine.handlers import handles
from keystead.engine.waiting import (
    CORRELATION_BYTES,
    FETCHED,
    FETCHED_SECONDS,
    KEPT,
    Kept,
    answer_of,
    do,
    find,
    finish,
    open_kept,
    put,
    refused,
)
from keystead.errors import OperationFailed, Pending
from keystead.kmip.enums import CancellationResult, ProcessingStage, ResultReason, ResultStatus
from keystead.kmip.messages import ResponseBatchItem
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
from keystead.kmip.structures import AsynchronousRequest

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

_R, _C = ResultReason, CancellationResult


class Settled(Response):
    """Stands for the response to the request that was asked before."""

    __slots__ = ("item",)

    def __init__(self, item: ResponseBatchItem) -> None:
        self.item = item


def _mine(context: Context, correlation_value: bytes) -> Kept:
    """What the caller asked under a correlation value; another's is none.  (K10)"""
    kept = None
    if len(correlation_value) == CORRELATION_BYTES:
        kept = find(context.turn, context.caller.identity, context.caller.domain, correlation_value.hex())
    if kept is None:
        raise OperationFailed(
            _R.INVALID_ASYNCHRONOUS_CORRELATION_VALUE, "there is no request with this Asynchronous Correlation Value"
        )
    return kept


def _fetched(context: Context, kept: Kept) -> None:
    """A result that its caller has is kept only for a while."""
    if context.transaction.delete_entry(KEPT, kept.key):
        put(context.turn, kept, expires=context.now + FETCHED_SECONDS, kind=FETCHED)


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
    item = answer_of(context, kept)
    if item.result_reason is not None:
        item = replace(item, result_reason=for_version(item.result_reason, context.version))
    return Settled(item)


@handles(CancelRequest, changes=True)
def cancel(context: Context, request: CancelRequest) -> CancelResponse:
    """Drop a request that waits; say how it ended if it does not.  Source: KMIP 1.4 §4.27; 2.1 §6.1.5."""
    kept = _mine(context, request.asynchronous_correlation_value)
    if kept.status is None:
        refusal = OperationFailed(_R.OPERATION_CANCELED_BY_REQUESTER, "the operation was canceled")
        kept = finish(context.turn, kept, refused(kept, refusal))
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
        before = find(context.turn, kept.caller.identity, kept.caller.domain, chain[-1].after)
        if before is None:
            break
        chain.append(before)
        if before.status is not None:
            break
    done: Kept | None = None
    for waiting in reversed(chain):
        done = waiting if waiting.status is not None else do(context.turn, waiting, done)
    return ProcessResponse()


@handles(QueryAsynchronousRequestsRequest)
def query_asynchronous_requests(
    context: Context, request: QueryAsynchronousRequestsRequest
) -> QueryAsynchronousRequestsResponse:
    """List the caller's requests whose results were not fetched, oldest first.  Source: KMIP 2.1 §6.1.41."""
    caller = context.caller
    values, operations = request.asynchronous_correlation_values, request.operations
    found = []
    for key, value in context.transaction.entries(KEPT, f"{caller.identity}:"):
        kept = open_kept(context.turn, caller.identity, caller.domain, key.rpartition(":")[2], value)
        if values is not None and kept.value not in values.asynchronous_correlation_value:
            continue
        if operations is not None and kept.operation not in operations.operation:
            continue
        if not kept.operation.since <= context.version <= kept.operation.until:
            continue  # it is polled in the version in which it was asked
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

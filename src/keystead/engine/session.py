"""What a client arranges for itself: Ping, Log, Interop."""

from __future__ import annotations

from keystead.engine.context import Context
from keystead.engine.handlers import handles
from keystead.kmip.payloads.session import (
    InteropRequest,
    InteropResponse,
    LogRequest,
    LogResponse,
    PingRequest,
    PingResponse,
)


@handles(PingRequest)
def ping(context: Context, request: PingRequest) -> PingResponse:
    """Be there.  Source: KMIP 2.1 §6.1.36."""
    return PingResponse()


@handles(InteropRequest)
def interop(context: Context, request: InteropRequest) -> InteropResponse:
    """Mark where a test begins, ends or is reset: the event that records the request is the mark.

    Source: KMIP 2.1 §6.1.27.
    """
    return InteropResponse()


@handles(LogRequest)
def log(context: Context, request: LogRequest) -> LogResponse:
    """Keep a client's message in the audit.  Source: KMIP 2.1 §6.1.29."""
    context.note = request.log_message
    return LogResponse()

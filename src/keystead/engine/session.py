"""What a client arranges for itself: Ping, Log, Interop, Set Endpoint Role."""

from __future__ import annotations

from typing import Final

from keystead.engine.context import Context
from keystead.engine.handlers import handles
from keystead.errors import OperationFailed
from keystead.kmip.enums import EndpointRole, ResultReason
from keystead.kmip.payloads.session import (
    InteropRequest,
    InteropResponse,
    LogRequest,
    LogResponse,
    PingRequest,
    PingResponse,
    SetEndpointRoleRequest,
    SetEndpointRoleResponse,
)

MAXIMUM_TEXT: Final = 4096
"""Characters of a log message or of the name of a test."""


@handles(PingRequest)
def ping(context: Context, request: PingRequest) -> PingResponse:
    """Be there.  Source: KMIP 2.1 §6.1.36."""
    return PingResponse()


@handles(InteropRequest)
def interop(context: Context, request: InteropRequest) -> InteropResponse:
    """Mark where a test begins, ends or is reset: the event that records the request is the mark.

    A test changes nothing but by its requests, so a reset has nothing to undo.  A production server does not answer it.

    Raises:
        OperationFailed: Operation Not Supported, Invalid Field.

    Source: KMIP 2.1 §6.1.26.
    """
    if not context.engine.interop:
        raise OperationFailed(ResultReason.OPERATION_NOT_SUPPORTED, "Interop is for test servers")
    _mark(context, f"{request.interop_function.title} {request.interop_identifier}")
    return InteropResponse()


@handles(LogRequest)
def log(context: Context, request: LogRequest) -> LogResponse:
    """Keep a client's message in the audit.  Source: KMIP 2.1 §6.1.29."""
    _mark(context, request.log_message)
    return LogResponse()


def _mark(context: Context, text: str) -> None:
    if not text or len(text) > MAXIMUM_TEXT:
        raise OperationFailed(ResultReason.INVALID_FIELD, f"the text has 1 to {MAXIMUM_TEXT} characters")
    context.note = f"{context.note}; {text}" if context.note else text


@handles(SetEndpointRoleRequest)
def set_endpoint_role(context: Context, request: SetEndpointRoleRequest) -> SetEndpointRoleResponse:
    """Stay the server of the connection: requests to clients go to the endpoints that the operator entered for them.

    Raises:
        OperationFailed: Permission Denied.

    Source: KMIP 2.1 §6.1.54.
    """
    if request.endpoint_role is not EndpointRole.SERVER:
        raise OperationFailed(ResultReason.PERMISSION_DENIED, "this end of the connection stays the server")
    return SetEndpointRoleResponse(endpoint_role=EndpointRole.SERVER)

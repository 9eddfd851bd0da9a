"""What a client arranges for itself: logins, asynchronous requests, endpoint roles, interoperability tests, the log."""

from __future__ import annotations

from keystead.kmip.attributes import AttributeReference, FlatAttributeList
from keystead.kmip.enums import (
    CancellationResult,
    EndpointRole,
    InteropFunction,
    Operation,
    PKCS11Function,
    PKCS11ReturnCode,
    PutFunction,
)
from keystead.kmip.identifiers import UniqueIdentifier
from keystead.kmip.objects import AnyObject
from keystead.kmip.payloads.base import Request, Response, request, response
from keystead.kmip.schema import Integer, Interval, item
from keystead.kmip.structures import (
    AsynchronousCorrelationValues,
    AsynchronousRequest,
    Operations,
    Rights,
    Ticket,
    UsageLimits,
)
from keystead.kmip.version import V2_0


@request(Operation.LOGIN)
class LoginRequest(Request):
    """Obtain a ticket for the requests to come.  Source: KMIP 2.1 §6.1.30."""

    lease_time: Interval | None = None
    request_count: Integer | None = None
    usage_limits: UsageLimits | None = None


@response(Operation.LOGIN)
class LoginResponse(Response):
    """The answer to LoginRequest."""

    ticket: Ticket


@request(Operation.DELEGATED_LOGIN)
class DelegatedLoginRequest(Request):
    """Obtain a ticket that another may use, for some rights only.  Source: KMIP 2.1 §6.1.12."""

    lease_time: Interval | None = None
    request_count: Integer | None = None
    usage_limits: UsageLimits | None = None
    rights: Rights


@response(Operation.DELEGATED_LOGIN)
class DelegatedLoginResponse(Response):
    """The answer to DelegatedLoginRequest."""

    ticket: Ticket


@request(Operation.LOGOUT)
class LogoutRequest(Request):
    """Give a ticket back.  Source: KMIP 2.1 §6.1.31."""

    ticket: Ticket


@response(Operation.LOGOUT)
class LogoutResponse(Response):
    """The answer to LogoutRequest."""


@request(Operation.POLL)
class PollRequest(Request):
    """Ask for the result of an asynchronous request.  Source: KMIP 1.4 §4.28; 2.1 §6.1.38."""

    asynchronous_correlation_value: bytes


@response(Operation.POLL)
class PollResponse(Response):
    """The answer to PollRequest."""


@request(Operation.CANCEL)
class CancelRequest(Request):
    """Cancel an asynchronous request.  Source: KMIP 1.4 §4.27; 2.1 §6.1.5."""

    asynchronous_correlation_value: bytes


@response(Operation.CANCEL)
class CancelResponse(Response):
    """The answer to CancelRequest."""

    asynchronous_correlation_value: bytes
    cancellation_result: CancellationResult


@request(Operation.PROCESS)
class ProcessRequest(Request):
    """Have an asynchronous request be done now.  Source: KMIP 2.1 §6.1.39."""

    asynchronous_correlation_value: bytes


@response(Operation.PROCESS)
class ProcessResponse(Response):
    """The answer to ProcessRequest."""


@request(Operation.QUERY_ASYNCHRONOUS_REQUESTS)
class QueryAsynchronousRequestsRequest(Request):
    """List asynchronous requests.  Source: KMIP 2.1 §6.1.41."""

    asynchronous_correlation_values: AsynchronousCorrelationValues | None = None
    operations: Operations | None = None


@response(Operation.QUERY_ASYNCHRONOUS_REQUESTS)
class QueryAsynchronousRequestsResponse(Response):
    """The answer to QueryAsynchronousRequestsRequest."""

    asynchronous_request: tuple[AsynchronousRequest, ...] = ()


@request(Operation.SET_ENDPOINT_ROLE)
class SetEndpointRoleRequest(Request):
    """Change which end of the connection asks.  Source: KMIP 2.1 §6.1.54."""

    endpoint_role: EndpointRole


@response(Operation.SET_ENDPOINT_ROLE)
class SetEndpointRoleResponse(Response):
    """The answer to SetEndpointRoleRequest."""

    endpoint_role: EndpointRole


@request(Operation.INTEROP)
class InteropRequest(Request):
    """Begin, end or reset an interoperability test.  Source: KMIP 2.1 §6.1.26."""

    interop_function: InteropFunction
    interop_identifier: str


@response(Operation.INTEROP)
class InteropResponse(Response):
    """The answer to InteropRequest."""


@request(Operation.LOG)
class LogRequest(Request):
    """Write a line to the log of the server.  Source: KMIP 2.1 §6.1.29."""

    log_message: str


@response(Operation.LOG)
class LogResponse(Response):
    """The answer to LogRequest."""


@request(Operation.PING)
class PingRequest(Request):
    """Ask whether the server is there.  Source: KMIP 2.1 §6.1.36."""


@response(Operation.PING)
class PingResponse(Response):
    """The answer to PingRequest."""


@request(Operation.PKCS_11)
class PKCS11Request(Request):
    """Call a function of PKCS#11.  Source: KMIP 2.1 §6.1.37."""

    pkcs_11_interface: str | None = None
    pkcs_11_function: PKCS11Function
    correlation_value: bytes | None = None
    pkcs_11_input_parameters: bytes | None = item(secret=True)


@response(Operation.PKCS_11)
class PKCS11Response(Response):
    """The answer to PKCS11Request."""

    pkcs_11_interface: str | None = None
    pkcs_11_function: PKCS11Function
    correlation_value: bytes | None = None
    pkcs_11_output_parameters: bytes | None = item(secret=True)
    pkcs_11_return_code: PKCS11ReturnCode


@request(Operation.NOTIFY)
class NotifyRequest(Request):
    """Tell a client of a change (server to client).  Source: KMIP 1.4 §5.1; 2.1 §6.2.2."""

    unique_identifier: UniqueIdentifier
    attributes: FlatAttributeList | None = None
    attribute_reference: tuple[AttributeReference, ...] = item(default=(), since=V2_0)


@response(Operation.NOTIFY)
class NotifyResponse(Response):
    """The answer to NotifyRequest."""


@request(Operation.PUT)
class PutRequest(Request):
    """Push an object to a client (server to client).  Source: KMIP 1.4 §5.2; 2.1 §6.2.3."""

    unique_identifier: UniqueIdentifier
    put_function: PutFunction
    replaced_unique_identifier: UniqueIdentifier | None = None
    object: AnyObject
    attributes: FlatAttributeList | None = None


@response(Operation.PUT)
class PutResponse(Response):
    """The answer to PutRequest."""

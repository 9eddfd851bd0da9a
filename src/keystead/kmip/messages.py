"""Request and Response Messages: the header, the batch, and how a message is read and written.

A message is read in the version that its header names.  A payload that cannot be read does not spoil its message: its
batch item carries an `Unreadable` in its place, so that only this item is refused.

Source: KMIP 1.4 sections 6 and 7; 2.1 sections 8 and 9; 3.0 CSD01 section 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from struct import Struct
from struct import error as StructError
from typing import Final

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.attributes import AnyValue
from keystead.kmip.enums import (
    AsynchronousIndicator,
    AttestationType,
    BatchErrorContinuationOption,
    Enumeration,
    Ephemeral,
    Mask,
    Operation,
    ResultReason,
    ResultStatus,
)
from keystead.kmip.payloads import REQUESTS, RESPONSES, Request, Response
from keystead.kmip.schema import (
    Chosen,
    DateTime,
    Enumerated,
    Form,
    Integer,
    Kind,
    Reader,
    Scalar,
    Structure,
    dump,
    dump_into,
    item,
    load,
    reader,
    structure,
)
from keystead.kmip.structures import Authentication, Nonce, ProtocolVersion
from keystead.kmip.tags import Tag
from keystead.kmip.version import NEWEST, OLDEST, V1_2, V1_4, V2_0, V2_1, V3_0, Version


class _ThenEnumeration(Kind):
    """A Boolean in older versions that became an enumeration.

    Args:
        since: the version that made it one.
        no, yes: what the Boolean meant.
    """

    def __init__(self, since: Version, no: AsynchronousIndicator | Ephemeral, yes: AsynchronousIndicator | Ephemeral):
        self.since, self.no, self.yes = since, no, yes

    def forms(self, version: Version) -> Sequence[Form]:
        if version >= self.since:
            return Enumerated(type(self.no)).forms(version)
        form = Scalar(ttlv.BOOLEAN, bool).forms(version)[0]
        uses = {f"NO_{self.no.name}": self.no, f"YES_{self.yes.name}": self.yes}
        read = f"{form.read}\nx = YES_{self.yes.name} if x else NO_{self.no.name}"
        write = f"v = v is not NO_{self.no.name}\n{form.write}"
        return (Form(form.wire, read, write, uses=uses),)

    def python_types(self) -> tuple[type, ...]:
        return (type(self.no),)

    def enumerations(self) -> tuple[type[Enumeration] | type[Mask], ...]:
        return (type(self.no),)


_ASYNCHRONOUS = _ThenEnumeration(V2_0, AsynchronousIndicator.PROHIBITED, AsynchronousIndicator.OPTIONAL)
NOT_EPHEMERAL: Final = Ephemeral.unlisted(0)
"""What false meant before 3.0."""
_EPHEMERAL = _ThenEnumeration(V3_0, NOT_EPHEMERAL, Ephemeral.DATA)


class Unreadable(Request):
    """A request payload that is not what its operation prescribes."""

    __slots__ = ("error",)

    def __init__(self, error: CodecError) -> None:
        self.error = error


class _RequestPayload(Chosen):
    """The payload of a request: what cannot be read becomes Unreadable."""

    def __init__(self) -> None:
        super().__init__("operation", lambda operation, version: REQUESTS[operation])

    def reader(self, value: Operation, version: Version) -> Reader:
        return _request_payload(int(value), version)


@cache
def _known_payload(operation: int, version: Version) -> Reader:
    read = reader(REQUESTS[Operation(operation)], version)

    def read_payload(data: bytes, start: int, end: int) -> Request:
        try:
            request: Request = read(data, start, end)
            return request
        except CodecError as error:
            return Unreadable(error)
        except StructError:
            return Unreadable(CodecError("the payload is cut short", end))

    return read_payload


def _request_payload(operation: int, version: Version) -> Reader:
    if operation in REQUESTS:
        return _known_payload(operation, version)
    return lambda data, start, end: Unreadable(CodecError("no such operation", start))


def _response_payload(operation: Operation | None, version: Version) -> type[Structure]:
    if operation not in RESPONSES:
        raise CodecError(f"no response payload is known for {operation}")
    return RESPONSES[operation]


@structure
class MessageExtension(Structure):
    """A vendor's part of a batch item.  Source: 1.4 §6.16; 2.1 §9.13."""

    vendor_identification: str
    criticality_indicator: bool
    vendor_extension: AnyValue | None = None


@structure
class RequestHeader(Structure):
    """Source: 1.4 §7.2, table 284; 2.1 §8.2."""

    protocol_version: ProtocolVersion
    maximum_response_size: Integer | None = None
    client_correlation_value: str | None = item(since=V1_4)
    server_correlation_value: str | None = item(since=V1_4)
    asynchronous_indicator: AsynchronousIndicator | None = item(kind=_ASYNCHRONOUS)
    attestation_capable_indicator: bool | None = item(since=V1_2)
    attestation_type: tuple[AttestationType, ...] = item(default=(), since=V1_2)
    authentication: Authentication | None = item(secret=True)
    batch_error_continuation_option: BatchErrorContinuationOption | None = None
    batch_order_option: bool | None = item(until=V2_1)
    time_stamp: DateTime | None = None
    batch_count: Integer | None = item(until=V2_1)


@structure
class RequestBatchItem(Structure):
    """Source: 1.4 §7.2, table 285; 2.1 §8.3."""

    TAG = Tag.BATCH_ITEM
    operation: Operation = item(kind=Enumerated(Operation, lenient=True), required=True)
    ephemeral: Ephemeral | None = item(kind=_EPHEMERAL, since=V2_0)
    unique_batch_item_id: bytes | None = item(until=V2_1)
    request_payload: Request = item(kind=_RequestPayload(), required=True)
    message_extension: tuple[MessageExtension, ...] = ()


@structure
class RequestMessage(Structure):
    """Source: 1.4 §7.1; 2.1 §8.1."""

    request_header: RequestHeader
    batch_item: tuple[RequestBatchItem, ...] = ()


@structure
class ResponseHeader(Structure):
    """Source: 1.4 §7.2, table 286; 2.1 §8.5."""

    protocol_version: ProtocolVersion
    time_stamp: DateTime
    nonce: Nonce | None = item(since=V1_2)
    server_hashed_password: bytes | None = item(since=V2_0)
    attestation_type: tuple[AttestationType, ...] = item(default=(), since=V1_2)
    client_correlation_value: str | None = item(since=V1_4)
    server_correlation_value: str | None = item(since=V1_4)
    batch_count: Integer | None = item(until=V2_1)


@structure
class ResponseBatchItem(Structure):
    """Source: 1.4 §7.2, table 287; 2.1 §8.6."""

    TAG = Tag.BATCH_ITEM
    operation: Operation | None = item(kind=Enumerated(Operation, lenient=True))
    unique_batch_item_id: bytes | None = item(until=V2_1)
    result_status: ResultStatus
    result_reason: ResultReason | None = None
    result_message: str | None = None
    asynchronous_correlation_value: bytes | None = None
    response_payload: Response | None = item(kind=Chosen("operation", _response_payload))
    message_extension: tuple[MessageExtension, ...] = ()


@structure
class ResponseMessage(Structure):
    """Source: 1.4 §7.1; 2.1 §8.4."""

    response_header: ResponseHeader
    batch_item: tuple[ResponseBatchItem, ...] = ()


class UnsupportedVersion(CodecError):
    """The header names a version that is not spoken here.

    Attributes:
        answer_in: the version in which to say so.
    """

    def __init__(self, major: int, minor: int) -> None:
        self.answer_in = next((v for v in reversed(Version) if (v.major, v.minor) <= (major, minor)), OLDEST)
        super().__init__(
            f"KMIP {major}.{minor} is not spoken here; Discover Versions tells which are",
            reason=ResultReason.UNSUPPORTED_PROTOCOL_VERSION,
        )


_VERSIONS = {(version.major, version.minor): version for version in Version}
_PREFIX = Struct(">II II II IIi4x IIi4x".replace(" ", ""))
_INTEGERS = (Tag.PROTOCOL_VERSION_MAJOR << 8 | ttlv.INTEGER, 4), (Tag.PROTOCOL_VERSION_MINOR << 8 | ttlv.INTEGER, 4)


def version_of(message: bytes) -> Version:
    """The version that a Request or Response Message names.

    Raises:
        UnsupportedVersion: Unsupported Protocol Version.
        CodecError: Invalid Message; it does not begin as a message does.
    """
    try:
        whole, _, header, _, version, _, major_head, n, major, minor_head, m, minor = _PREFIX.unpack_from(message)
    except StructError:
        raise CodecError("the message is cut short", len(message)) from None
    if (
        (whole >> 8, header >> 8)
        not in ((Tag.REQUEST_MESSAGE, Tag.REQUEST_HEADER), (Tag.RESPONSE_MESSAGE, Tag.RESPONSE_HEADER))
        or version != Tag.PROTOCOL_VERSION << 8 | ttlv.STRUCTURE
        or ((major_head, n), (minor_head, m)) != _INTEGERS
    ):
        raise CodecError("the message does not begin with a header and its Protocol Version", 8)
    return spoken(major, minor)


def spoken(major: int, minor: int) -> Version:
    """The version of two numbers.  Raises: UnsupportedVersion."""
    found = _VERSIONS.get((major, minor))
    if found is None:
        raise UnsupportedVersion(major, minor)
    return found


def load_request(message: bytes) -> tuple[RequestMessage, Version]:
    """Read a Request Message.

    Raises:
        UnsupportedVersion: Unsupported Protocol Version.
        CodecError: Invalid Message, or the reason that it carries.
    """
    known = _MESSAGES.get(message)
    if known is not None:
        return known
    found = _load_request(message)
    if len(message) <= _LONGEST_KEPT and _comes_again(found[0]):
        if len(_MESSAGES) >= _MOST_KEPT:
            _MESSAGES.clear()
        _MESSAGES[message] = found
    return found


def _comes_again(message: RequestMessage) -> bool:
    """Whether a message may well come again byte by byte, and nothing of it is secret."""
    header = message.request_header
    return (
        header.authentication is None
        and header.time_stamp is None
        and all(
            item.operation in _REPEATED and not item.message_extension and type(item.request_payload) is not Unreadable
            for item in message.batch_item
        )
    )


def _load_request(message: bytes) -> tuple[RequestMessage, Version]:
    # A client says the same in every header, so most were read before.
    after = 16 + int.from_bytes(message[12:16], "big")
    head = message[8:after]
    known = _HEADERS.get(head)
    if known is None or message[:8] != _REQUEST + (len(message) - 8).to_bytes(4, "big"):
        version = version_of(message)
        whole = load(RequestMessage, message, version)
        header = whole.request_header
        if len(head) <= _LONGEST_KEPT and header.authentication is None and header.time_stamp is None:
            if len(_HEADERS) >= _MOST_KEPT:
                _HEADERS.clear()
            _HEADERS[head] = header, version
        return whole, version
    header, version = known
    ttlv.check_items(message)
    try:
        batch = _batch_items(version)(message, after, len(message))
    except StructError:
        raise CodecError("the RequestMessage is cut short", len(message)) from None
    return RequestMessage(request_header=header, batch_item=batch.batch_item), version


@structure
class _BatchItems(Structure):
    """What follows the header of a Request Message."""

    batch_item: tuple[RequestBatchItem, ...] = ()


@cache
def _batch_items(version: Version) -> Reader:
    return reader(_BatchItems, version)


_REQUEST = (Tag.REQUEST_MESSAGE << 8 | ttlv.STRUCTURE).to_bytes(4, "big")
_REPEATED: Final = frozenset(
    {
        Operation.GET, Operation.GET_ATTRIBUTES, Operation.GET_ATTRIBUTE_LIST, Operation.CHECK, Operation.OBTAIN_LEASE,
        Operation.QUERY, Operation.DISCOVER_VERSIONS, Operation.PING,
    }
)  # fmt: skip
"""What clients ask again and again: a volume for its key at each start, a driver whether the server lives."""
_MESSAGES: dict[bytes, tuple[RequestMessage, Version]] = {}
_HEADERS: dict[bytes, tuple[RequestHeader, Version]] = {}
_LONGEST_KEPT, _MOST_KEPT = 256, 1024


def load_response(message: bytes) -> tuple[ResponseMessage, Version]:
    """Read a Response Message.  Raises: as `load_request`."""
    version = version_of(message)
    return load(ResponseMessage, message, version, most_items=ttlv.MAXIMUM_ITEMS_OF_RESPONSE), version


def dump_message(message: RequestMessage | ResponseMessage, version: Version) -> bytes:
    """Write a message in a version; what the version lacks is left out."""
    return dump(message, version)


def dump_response(header: bytes, items: Sequence[ResponseBatchItem], version: Version) -> bytes:
    """Write a Response Message of a header that is written already and its batch items."""
    out = bytearray(_RESPONSE + bytes(4) + header)
    for batch_item in items:
        dump_into(out, batch_item, version)
    out[4:8] = (len(out) - 8).to_bytes(4, "big")
    return bytes(out)


_RESPONSE = (Tag.RESPONSE_MESSAGE << 8 | ttlv.STRUCTURE).to_bytes(4, "big")


def protocol_version(version: Version) -> ProtocolVersion:
    return _PROTOCOL_VERSIONS[version]


_PROTOCOL_VERSIONS = {
    version: ProtocolVersion(protocol_version_major=version.major, protocol_version_minor=version.minor)
    for version in Version
}
__all__ = [
    "NEWEST",
    "MessageExtension",
    "RequestBatchItem",
    "RequestHeader",
    "RequestMessage",
    "ResponseBatchItem",
    "ResponseHeader",
    "ResponseMessage",
    "Unreadable",
    "UnsupportedVersion",
    "dump_message",
    "dump_response",
    "load_request",
    "load_response",
    "protocol_version",
    "spoken",
    "version_of",
]

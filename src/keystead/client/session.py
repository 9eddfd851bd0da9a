"""The sans-I/O core of the client: a conversation with the servers, without a socket.

A conversation is a generator.  It yields what is to be done, `Connect` or `Exchange`, and is sent the answer's bytes;
whoever drives it (`blocking.py`, `asynchronous.py`) throws back into it what went wrong on the way.  So there is one
text for negotiating the version, for going to the next server and for pairing answers with questions, and two drivers
of a few lines each.

Source: KMIP 1.4 sections 4.26, 6 and 7; 2.1 sections 6.1.16, 8 and 9; 3.0 CSD01 section 8.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from keystead.client.settings import Server, Settings
from keystead.client.values import FieldError, check_value
from keystead.errors import CodecError, OperationFailed, Pending
from keystead.kmip.attribute_codec import writable
from keystead.kmip.attributes import Attribute, Attributes, row_of, title_of, visible
from keystead.kmip.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    CredentialType,
    Mask,
    Operation,
    ResultReason,
    ResultStatus,
)
from keystead.kmip.identifiers import DataKind, Identifier
from keystead.kmip.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    dump_message,
    load_response,
    protocol_version,
)
from keystead.kmip.payloads import RESPONSES, Request, Response
from keystead.kmip.payloads.server import DiscoverVersionsRequest, DiscoverVersionsResponse
from keystead.kmip.schema import Kind, fields_of, walk
from keystead.kmip.structures import Authentication, Credential, UsernameAndPassword
from keystead.kmip.version import V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, V3_0, Version

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Connect:
    """Close the connection, if there is one, and connect to this server."""

    server: Server


@dataclass(frozen=True, slots=True)
class Exchange:
    """Send a Request Message and give back the Response Message."""

    message: bytes = field(repr=False)


class NothingSent(ConnectionError):
    """The connection was found dead before anything of the request had left."""


Outcome = Response | OperationFailed | Pending
"""What became of one request of a batch."""
Conversation = Generator[Connect | Exchange, bytes, T]
Talk = Generator[Sequence[Request], Sequence[Response], T]
"""Yields requests to send in one message and is sent their responses; the first refusal is thrown into it."""

REPEATABLE: Final = frozenset(
    {
        Operation.GET,
        Operation.EXPORT,
        Operation.GET_ATTRIBUTES,
        Operation.GET_ATTRIBUTE_LIST,
        Operation.GET_CONSTRAINTS,
        Operation.LOCATE,
        Operation.QUERY,
        Operation.QUERY_ASYNCHRONOUS_REQUESTS,
        Operation.DISCOVER_VERSIONS,
        Operation.PING,
    }
)
"""Reads that may be asked again, of another server, when an answer did not come: they change nothing."""
_ASK_IN: Final = (V1_1, V2_1, V1_4, V1_2, V1_3, V2_0, V3_0)
"""The versions in which Discover Versions is tried, until one is understood; 1.0 has no such operation."""


class Session:
    """What a client knows between its requests: the server in use and the version spoken with it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._place = 0
        self._connected = False
        self._versions: dict[Server, Version] = {}

    @property
    def server(self) -> Server:
        """The server in use, or to be tried next."""
        return self.settings.servers[self._place]

    @property
    def version(self) -> Version | None:
        """The version spoken with that server; None until it has been asked."""
        return self.settings.version or self._versions.get(self.server)

    def perform(self, talk: Talk[T]) -> Conversation[T]:
        """Carry on a talk and return its result.

        Raises:
            OperationFailed: a request was refused; the server's Result Reason and message.
            Pending: a request goes on, or waits for an approval.
            OSError: no server answers, or an answer did not come.
            CodecError: an answer cannot be read.
        """
        try:
            requests = next(talk)
            while True:
                outcomes = yield from self.batch(requests)
                failure = next((each for each in outcomes if not isinstance(each, Response)), None)
                requests = talk.throw(failure) if failure else talk.send([*_responses(outcomes)])
        except StopIteration as end:
            value: T = end.value
            return value

    def batch(
        self,
        requests: Sequence[Request],
        *,
        on_error: BatchErrorContinuationOption | None = None,
        asynchronous: bool = False,
    ) -> Conversation[list[Outcome]]:
        """Send requests in one message and return what became of each, in their order.

        A batch of reads is asked again when its answer does not come, of the next server if there are several; what
        changes something is not, for it may have been done.

        Args:
            on_error: what the server does after a refusal: Stop (unless given), Continue or Undo.
            asynchronous: the server may answer later; the outcome is then Pending.
        """
        if not requests:
            return []
        tries = len(self.settings.servers) + 1
        while True:
            tries -= 1
            version = yield from self._ready()
            message = self.message(requests, version, on_error, asynchronous)
            try:
                answer = yield Exchange(dump_message(message, version))
                return outcomes_of(message, answer)
            except NothingSent:
                self._connected = False
                if not tries:
                    raise
            except OSError:
                self._next()
                if not tries or any(request.OPERATION not in REPEATABLE for request in requests):
                    raise
            except BaseException:  # a later answer on this connection would be that to this question
                self._connected = False
                raise

    def _next(self) -> None:
        self._connected = False
        self._place = (self._place + 1) % len(self.settings.servers)

    def _ready(self) -> Conversation[Version]:
        """Be connected to a server and know its version; try each server once."""
        failures: list[tuple[Server, OSError]] = []
        while not (self._connected and self.version):
            try:
                yield Connect(self.server)
                self._connected = True
                if not self.version:
                    self._versions[self.server] = yield from self._negotiate()
            except OSError as error:
                failures.append((self.server, error))
                self._next()
                if len(failures) == len(self.settings.servers):
                    if len(failures) == 1:
                        raise
                    told = "; ".join(f"{server}: {failure}" for server, failure in failures)
                    raise ConnectionError(f"no server answers ({told})") from error
            except BaseException:
                self._connected = False
                raise
        assert self.version is not None
        return self.version

    def _negotiate(self) -> Conversation[Version]:
        """Find the newest version that both sides speak, by Discover Versions.  Source: 1.4 §4.26; 2.1 §6.1.16."""
        spoken = [version for version in reversed(Version) if version <= self.settings.newest]
        request = DiscoverVersionsRequest(protocol_version=tuple(map(protocol_version, spoken)))
        for version in _ASK_IN:
            message = self.message([request], version)
            try:
                (outcome,) = outcomes_of(message, (yield Exchange(dump_message(message, version))))
            except CodecError:
                continue  # refused in a version that is not spoken here
            if isinstance(outcome, DiscoverVersionsResponse):
                theirs = {(v.protocol_version_major, v.protocol_version_minor) for v in outcome.protocol_version}
                common = [version for version in spoken if (version.major, version.minor) in theirs]
                if not common:
                    raise OperationFailed(
                        ResultReason.UNSUPPORTED_PROTOCOL_VERSION, f"{self.server} speaks no version that we speak"
                    )
                return common[0]
            if isinstance(outcome, OperationFailed) and outcome.reason in _NOT_OF_THE_VERSION:
                raise outcome
            if isinstance(outcome, OperationFailed) and outcome.reason is ResultReason.OPERATION_NOT_SUPPORTED:
                break
        return V1_0

    def message(
        self,
        requests: Sequence[Request],
        version: Version,
        on_error: BatchErrorContinuationOption | None = None,
        asynchronous: bool = False,
    ) -> RequestMessage:
        """Make the Request Message of a batch.

        Raises:
            OperationFailed: Operation Not Supported, Feature Not Supported; the version cannot say this.
        """
        for request in requests:
            check(request, version)
        several = len(requests) > 1
        return RequestMessage(
            request_header=RequestHeader(
                protocol_version=protocol_version(version),
                asynchronous_indicator=AsynchronousIndicator.OPTIONAL if asynchronous else None,
                authentication=self._authentication(),
                batch_error_continuation_option=on_error,
                batch_order_option=True if several else None,
                batch_count=len(requests),
            ),
            batch_item=tuple(
                RequestBatchItem(
                    operation=request.OPERATION,
                    unique_batch_item_id=place.to_bytes(4, "big") if several and version < V3_0 else None,
                    request_payload=request,
                )
                for place, request in enumerate(requests)
            ),
        )

    def _authentication(self) -> Authentication | None:
        if self.settings.username is None:
            return None
        value = UsernameAndPassword(username=self.settings.username, password=self.settings.password)
        credential = Credential(credential_type=CredentialType.USERNAME_AND_PASSWORD, credential_value=value)
        return Authentication(credential=(credential,))


_NOT_OF_THE_VERSION: Final = frozenset({ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, ResultReason.PERMISSION_DENIED})
"""Refusals of Discover Versions that say nothing of versions: who asks is not welcome in any."""


def check(request: Request, version: Version) -> None:
    """Refuse a request that says what a version cannot: it would be left out on the wire, and so be lost unseen.

    Raises:
        OperationFailed: Feature Not Supported; names the field or the attribute.
        FieldError: a value is not one of its field's type, or more than that can hold; names the field.
    """
    operation = request.OPERATION
    if not operation.since <= version <= operation.until:
        raise OperationFailed(ResultReason.OPERATION_NOT_SUPPORTED, f"KMIP {version} has no operation {operation}")
    for structure in walk(request):
        for each in fields_of(type(structure)):
            value = getattr(structure, each.name)
            if value is None or value == each.default or value == ():
                continue
            parts = value if each.repeated else (value,)
            try:
                for part in parts:
                    check_value(each.kind, part)
            except FieldError as error:
                raise error.within(each.name) from None
            lost = _unsaid(value, version) if each.present_in(version) else each.name
            if any(_by_place(each.kind, part) for part in parts) and version < V2_0:
                lost = f"{each.name} that stands for the answer to an earlier request"
            for attribute in _attributes(value):
                name, said = title_of(attribute.name), attribute.value
                if not visible(attribute.name, version):
                    lost = lost or name
                elif list(writable((attribute,), version)) != [attribute]:
                    lost = lost or f"{name} {said}"
                elif (row := row_of(attribute.name)) and _by_place(row.kind, said) and version < V2_0:
                    lost = lost or f"{name} that stands for the answer to an earlier request"
                elif bit := _unsaid(said, version):
                    lost = lost or f"{name} {bit}"
            if lost:
                raise OperationFailed(ResultReason.FEATURE_NOT_SUPPORTED, f"{operation}: KMIP {version} has no {lost}")


def _by_place(kind: Kind, value: object) -> bool:
    """Whether a value stands for what an earlier batch item was answered.  Source: 2.1 §11.13 and §11.58."""
    return isinstance(kind, (Identifier, DataKind)) and isinstance(value, int)


def _unsaid(value: object, version: Version) -> str | None:
    """The first bit of a mask that a version does not write."""
    bits = [bit for bit in type(value) if bit & value] if isinstance(value, Mask) else []
    return next((bit.title for bit in bits if not bit.since <= version <= bit.until), None)


def _attributes(value: object) -> Sequence[Attribute]:
    return value.items if isinstance(value, Attributes) else (value,) if isinstance(value, Attribute) else ()


def outcomes_of(request: RequestMessage, answer: bytes) -> list[Outcome]:
    """Pair an answer's batch items with the requests: by Unique Batch Item ID where there are such, else by position.

    Raises:
        CodecError: the answer cannot be read, or is not one to this request.
    """
    found = load_response(answer)[0].batch_item
    asked = request.batch_item
    if len(found) == 1 and found[0].operation is None and found[0].unique_batch_item_id is None:
        return [_outcome(each, found[0]) for each in asked]  # the message as a whole was refused
    if len(found) > len(asked):
        raise CodecError("the answer has more batch items than the request")
    by_id = {item.unique_batch_item_id: item for item in found if item.unique_batch_item_id is not None}
    if len(by_id) == len(found) and by_id.keys() <= {each.unique_batch_item_id for each in asked}:
        return [_outcome(each, by_id.get(each.unique_batch_item_id or b"")) for each in asked]
    if by_id:
        raise CodecError("the answer has a Unique Batch Item ID that was not asked")
    return [_outcome(each, found[place] if place < len(found) else None) for place, each in enumerate(asked)]


def _outcome(asked: RequestBatchItem, found: ResponseBatchItem | None) -> Outcome:
    if found is None:
        return OperationFailed(
            ResultReason.OPERATION_CANCELED_BY_REQUESTER, f"{asked.operation} was not done: an earlier request failed"
        )
    if found.result_status is ResultStatus.OPERATION_PENDING:
        return Pending(found.asynchronous_correlation_value or b"", found.result_message or "")
    if found.result_status is ResultStatus.OPERATION_UNDONE:
        reason = found.result_reason or ResultReason.OPERATION_CANCELED_BY_REQUESTER
        return OperationFailed(reason, found.result_message or f"{asked.operation} was undone")
    if found.result_status is not ResultStatus.SUCCESS:
        reason = found.result_reason or ResultReason.GENERAL_FAILURE
        return OperationFailed(reason, found.result_message or f"{asked.operation} was refused")
    operation = found.operation or asked.operation
    if operation != asked.operation and asked.operation not in _ANSWERED_FOR_ANOTHER:
        raise CodecError(f"{asked.operation} was answered as {operation}")
    if found.response_payload is not None:
        return found.response_payload
    if any(each.required for each in fields_of(RESPONSES[operation])):
        raise CodecError(f"the answer to {operation} has no Response Payload")
    return RESPONSES[operation]()


_ANSWERED_FOR_ANOTHER: Final = frozenset({Operation.POLL, Operation.PROCESS})
"""Answered as the operation would have been that they ask about.  Source: 1.4 §4.28; 2.1 §6.1.38."""


def _responses(outcomes: Sequence[Outcome]) -> Sequence[Response]:
    return [each for each in outcomes if isinstance(each, Response)]

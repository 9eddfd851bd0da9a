"""What request and response payloads have in common, and how they are entered in the table of operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar, dataclass_transform

from keystead.kmip.enums import Operation
from keystead.kmip.schema import Structure, Written, structure
from keystead.kmip.tags import Tag


class Payload(Structure):
    """The base of all payloads."""

    __slots__ = ()
    OPERATION: ClassVar[Operation]


class Request(Payload):
    """What is asked."""

    __slots__ = ()


class Response(Payload):
    """What is answered."""

    __slots__ = ()


class WrittenResponse(Written, Response):
    """A response whose items are written already."""

    __slots__ = ("unique_identifier",)

    def __init__(self, content: bytes, unique_identifier: str) -> None:
        super().__init__(content)
        self.unique_identifier = unique_identifier


REQUESTS: dict[Operation, type[Request]] = {}
RESPONSES: dict[Operation, type[Response]] = {}

Q = TypeVar("Q", bound=Request)
R = TypeVar("R", bound=Response)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def request(operation: Operation) -> Callable[[type[Q]], type[Q]]:
    """Declare the request payload of an operation."""

    def declare(cls: type[Q]) -> type[Q]:
        made = structure(cls)
        made.TAG, made.OPERATION = Tag.REQUEST_PAYLOAD, operation
        REQUESTS[operation] = made
        return made

    return declare


@dataclass_transform(frozen_default=True, kw_only_default=True)
def response(operation: Operation) -> Callable[[type[R]], type[R]]:
    """Declare the response payload of an operation."""

    def declare(cls: type[R]) -> type[R]:
        made = structure(cls)
        made.TAG, made.OPERATION = Tag.RESPONSE_PAYLOAD, operation
        RESPONSES[operation] = made
        return made

    return declare

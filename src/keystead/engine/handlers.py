"""The table of operations: which function answers which request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from keystead.engine import outputs, storage
from keystead.engine.context import Context
from keystead.kmip.enums import Operation
from keystead.kmip.payloads import Request, Response

Q = TypeVar("Q", bound=Request)
Handler = Callable[[Context, Any], Response]


@dataclass(frozen=True, slots=True)
class Row:
    """A handler, and whether it may change anything.

    Attributes:
        changes: a savepoint is set before it.
        marks: it only marks what it has served, and sets the savepoint itself.
        keeps: the fields of the request that permit ways to keep what it makes.
        takes_data: its Data may be that of an earlier batch item.
    """

    handler: Handler
    changes: bool
    marks: bool = False
    keeps: tuple[str, ...] = ()
    takes_data: bool = False


HANDLERS: dict[type[Request], Row] = {}


def handles(
    request: type[Q], *, changes: bool = False, marks: bool = False
) -> Callable[[Callable[[Context, Q], Response]], Callable[[Context, Q], Response]]:
    """Enter a function as the handler of a request."""

    def enter(handler: Callable[[Context, Q], Response]) -> Callable[[Context, Q], Response]:
        HANDLERS[request] = Row(handler, changes, marks, storage.fields(request), outputs.takes_data(request))
        return handler

    return enter


_DRAFT: Final = frozenset({Operation.ENCAPSULATE, Operation.DECAPSULATE})
"""Operations of 3.0 CSD02, whose numbers a client of CSD01 does not know: answered, but Query does not name them."""


def operations() -> list[Operation]:
    """The operations that this server answers and names, in the order of their numbers."""
    return sorted(request.OPERATION for request in HANDLERS if request.OPERATION not in _DRAFT)

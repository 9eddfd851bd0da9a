"""Data in parts: the first request says Init Indicator and gets a Correlation Value, which the next ones carry until
one says Final Indicator.

A stream belongs to its caller, its object and its operation, and expires.  Each part is a use of the key like any
other, so the key must still allow it.  A stream whose part was refused, or taken back, is over.

What a worker has taken it cannot give back, but a turn may be tried again.  So a stream keeps what its worker gave
until the turn is committed; a turn that comes with the same parts again gets the same.

Source: KMIP 1.4 sections 4.29 to 4.34 and 4.37; 2.1 section 6.1.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from keystead.engine import use
from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicUsageMask, Operation, ResultReason

if TYPE_CHECKING:
    from keystead.engine.context import Context, Turn

_R = ResultReason
_M = CryptographicUsageMask
MAXIMUM_STREAMS: Final = 4096
MAXIMUM_STREAMS_PER_CALLER: Final = 64
MAXIMUM_HELD_BYTES: Final = 256 << 20
MAXIMUM_HELD_BYTES_PER_CALLER: Final = 16 << 20
"""Of data that waits for its end because the algorithm needs it whole."""
STREAM_SECONDS: Final = 300

USES: Final = {
    Operation.ENCRYPT: _M.ENCRYPT,
    Operation.DECRYPT: _M.DECRYPT,
    Operation.SIGN: _M.SIGN,
    Operation.SIGNATURE_VERIFY: _M.VERIFY,
    Operation.MAC: _M.MAC_GENERATE,
    Operation.MAC_VERIFY: _M.MAC_VERIFY,
}
"""The use that each part is; Hash uses no key."""


@dataclass(slots=True)
class Stream:
    """An operation under way.

    Attributes:
        worker: what takes the parts.
        expires: POSIX seconds.
        held: how many bytes wait for their end.
        given: what the worker was asked since the last commit, and what it gave: a value or a refusal.
        place: how much of that the turn has had again.
    """

    caller: str
    operation: Operation
    unique_identifier: str
    worker: Any = field(repr=False)
    expires: int
    held: int = 0
    given: list[tuple[tuple[Any, ...], Any]] = field(default_factory=list, repr=False)
    place: int = 0
    turn: Turn | None = field(default=None, repr=False)

    @property
    def is_ahead(self) -> bool:
        """Whether what comes next is new to the worker."""
        return self.place == len(self.given)

    def ask(self, *question: Any) -> Any:
        """Let the worker do something, unless it has in a turn that is being tried again."""
        if self.is_ahead:
            name, *arguments = question
            try:
                answer = getattr(self.worker, name)(*arguments)
            except OperationFailed as refusal:
                answer = refusal
            self.given.append((question, answer))
        asked, answer = self.given[self.place]
        self.place += 1
        if asked != question:
            raise _no_such()
        if isinstance(answer, OperationFailed):
            raise answer
        return answer


@dataclass(frozen=True, slots=True)
class Part:
    """One request of an operation in parts.

    Attributes:
        correlation_value: to answer with, None at the end.
        iv: that the server made, at the beginning.
    """

    stream: Stream
    data: bytes
    first: bool
    final: bool
    correlation_value: bytes | None
    iv: bytes | None

    @property
    def unique_identifier(self) -> str:
        return self.stream.unique_identifier

    def update(self) -> Any:
        return self.stream.ask("update", self.data)

    def finish(self, *last: Any) -> Any:
        return self.stream.ask("finish", *last)

    def digest(self) -> bytes:
        made: bytes = self.stream.ask("digest")
        return made


def part(context: Context, request: Any, start: Callable[[], tuple[str, Any]]) -> Part | None:
    """Find or open the stream of a request; None if it asks for the whole at once, as well by both Indicators.

    Args:
        start: checks the use; the object's unique identifier and the worker.

    Raises:
        OperationFailed: Invalid Correlation Value, Invalid Message, Server Limit Exceeded, those of `use.check` and of
            `start`.

    Source: KMIP 2.1 section 6.1.
    """
    value, iv, final = request.correlation_value, None, bool(request.final_indicator)
    if value is None and (final or not request.init_indicator):
        return None
    data = _data_of(request, final)
    first = value is None
    if value is None:
        _check_room(context)
        unique_identifier, worker = start()
        value, iv = secrets.token_bytes(16), getattr(worker, "iv", None)
        stream = Stream(context.caller.identity, context.operation, unique_identifier, worker, 0)
        context.turn.touched.append(value)
    else:
        stream = _resumed(context, value)
    stream.expires = context.now + STREAM_SECONDS
    if getattr(stream.worker, "holds", False) and stream.is_ahead:
        _hold(context, stream, len(data))
    context.turn.streams[value] = None if final else stream
    return Part(stream, data, first, final, None if final else value, iv)


def _data_of(request: Any, final: bool) -> bytes:
    if getattr(request, "digested_data", None) is not None:
        raise OperationFailed(_R.INVALID_MESSAGE, "a digest is not given in parts")
    if isinstance(request.data, bytes):
        return request.data
    if not final and not request.init_indicator:
        raise OperationFailed(_R.INVALID_MESSAGE, "a request between the first and the last has Data")
    return b""


def settle(turn: Turn) -> None:
    """Make what a turn did to streams last, now that it is committed; streams of objects that it destroyed are over."""
    streams = turn.engine.streams
    for value, stream in turn.streams.items():
        if stream is None:
            streams.pop(value, None)
        else:
            stream.given, stream.place, stream.turn = [], 0, None
            streams[value] = stream
    if streams:
        gone = {name for name, managed in turn.changed.items() if managed is None or managed.destroyed}
        forget(streams, gone, turn.now)


def forget(streams: dict[bytes, Stream], gone: Set[str], now: int) -> None:
    """Let go of streams that are over: their object is gone, or their time."""
    for value in [
        value for value, stream in streams.items() if stream.unique_identifier in gone or stream.expires <= now
    ]:
        del streams[value]


def end_shredded(turn: Turn) -> None:
    """End the streams whose object cannot be opened any more."""
    streams = turn.engine.streams
    names = {stream.unique_identifier for stream in streams.values() if stream.operation in USES}
    forget(streams, {name for name in names if not turn.opens(name)}, turn.now)


def _no_such() -> OperationFailed:
    return OperationFailed(_R.INVALID_CORRELATION_VALUE, "no operation in parts has this Correlation Value")


def _resumed(context: Context, value: bytes) -> Stream:
    turn = context.turn
    stream: Stream | None = turn.streams[value] if value in turn.streams else context.engine.streams.get(value)
    if (
        stream is None
        or stream.caller != context.caller.identity
        or stream.operation is not context.operation
        or stream.expires <= context.now
    ):
        raise _no_such()
    turn.touched.append(value)
    if stream.turn is not turn:
        stream.turn, stream.place = turn, 0
    if context.operation in USES:
        use.check(context, context.object(stream.unique_identifier), USES[context.operation])
    return stream


def _check_room(context: Context) -> None:
    streams = context.engine.streams
    forget(streams, frozenset(), context.now)
    live = [stream for stream in (streams | context.turn.streams).values() if stream is not None]
    own = sum(stream.caller == context.caller.identity for stream in live)
    if len(live) >= MAXIMUM_STREAMS or own >= MAXIMUM_STREAMS_PER_CALLER:
        raise OperationFailed(_R.SERVER_LIMIT_EXCEEDED, "too many operations in parts are under way")


def _hold(context: Context, stream: Stream, size: int) -> None:
    """Count bytes that wait for their end.

    Raises:
        OperationFailed: Server Limit Exceeded.
    """
    others = [one for one in context.engine.streams.values() if one is not stream]
    own = sum(one.held for one in others if one.caller == stream.caller)
    if (
        own + stream.held + size > MAXIMUM_HELD_BYTES_PER_CALLER
        or sum(one.held for one in others) + stream.held + size > MAXIMUM_HELD_BYTES
    ):
        raise OperationFailed(_R.SERVER_LIMIT_EXCEEDED, "too much data waits for its end: the algorithm needs it whole")
    stream.held += size

"""One commit for all that arrived: what comes in during a turn of the loop is answered together, in order.

A turn is short.  When more has arrived than fits in one, clients take part in the next ones by turns, and so do the
connections of each, so that nobody waits for all that another sends.

A message that asks for slow work takes a way of its own: threads do that work first, then the message takes its turn.
What its connection sends meanwhile is held back, so that a connection's messages are done and answered in order.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, Protocol

from keystead.engine.engine import Incoming
from keystead.engine.notices import Delivery
from keystead.engine.preparing import THREADS, give_way, heavy
from keystead.policy.access import Caller

log = logging.getLogger("keystead.server")

MAXIMUM_TURN: Final = 512
"""Messages of a turn."""
TURN_SECONDS: Final = 0.02
"""No message is begun in a turn that has lasted so long."""
LONGEST_WAIT_SECONDS: Final = 5.0
"""A message that has waited so long for its turn is refused: Server Limit Exceeded."""

Deliver = Callable[[bytes], None]


class Answers(Protocol):
    """What the server needs of the engine."""

    @property
    def sealed(self) -> bool:
        """Whether the root of trust is out of reach."""

    def answer(self, messages: Sequence[Incoming], seconds: float | None = None) -> list[bytes]:
        """Answer messages durably, in one transaction; in order, and at least the first; never raise."""

    def prepare(self, incoming: Incoming) -> Incoming:
        """Do the slow work in a message; in a thread of its own."""

    def caller_of(self, certificate_der: bytes, address: str) -> Caller | None:
        """Give the enrolled client of a certificate; None if there is none, or it is disabled."""

    def identity_epoch(self) -> int:
        """A number that changes when any client's standing does."""

    def start(self) -> None:
        """Look at what there is, before the first answer."""

    def upkeep(self) -> None:
        """Do what is due."""

    def labour(self) -> bool:
        """Do a slice of what takes long, for some milliseconds; whether there is more."""

    def deliveries(self) -> Sequence[Delivery]:
        """Give the messages for clients that are to be sent now."""

    def delivered(self, delivery: Delivery, fault: str, *, answered: bool) -> None:
        """Note what became of one."""

    def trouble(self) -> str:
        """Say why it cannot answer as it should, in words for anybody; "" if it can, or is sealed."""

    def weakness(self) -> str:
        """Tell what it lacks though it answers; "" if nothing."""

    def status(self) -> dict[str, Any]:
        """Tell how things stand."""

    def close(self) -> None:
        """Let go of the store."""


class Sender(Protocol):
    """The other end of a connection, whose messages are answered in their order."""

    caller: Caller | None

    @property
    def holder(self) -> str:
        """Whose connection it is."""


class Waiting(NamedTuple):
    """A message on its way to the engine."""

    incoming: Incoming
    deliver: Deliver
    sender: Sender | None
    since: float


class Queue:
    """Messages that wait, taken from every client by turns, and of a client from each of its connections by turns."""

    __slots__ = ("_clients",)

    def __init__(self) -> None:
        self._clients: dict[str, dict[Sender | None, deque[Waiting]]] = {}

    def __bool__(self) -> bool:
        return bool(self._clients)

    def put(self, waiting: Waiting) -> None:
        """Enter a message behind those of its connection."""
        self._of(waiting.sender).append(waiting)

    def put_back(self, waiting: Waiting) -> None:
        """Enter a message in front of those of its connection."""
        self._of(waiting.sender).appendleft(waiting)

    def take(self) -> Waiting:
        """Take out the message whose turn it is; there must be one."""
        holder = next(iter(self._clients))
        senders = self._clients.pop(holder)
        sender = next(iter(senders))
        messages = senders.pop(sender)
        waiting = messages.popleft()
        # Whoever has more goes behind the others.
        if messages:
            senders[sender] = messages
        if senders:
            self._clients[holder] = senders
        return waiting

    def drop(self, sender: Sender) -> bool:
        """Forget the messages of a connection; whether there were any."""
        senders = self._clients.get(sender.holder, {})
        found = senders.pop(sender, None) is not None
        if found and not senders:
            del self._clients[sender.holder]
        return found

    def _of(self, sender: Sender | None) -> deque[Waiting]:
        holder = "" if sender is None else sender.holder
        return self._clients.setdefault(holder, {}).setdefault(sender, deque())


class Turns:
    """Gathers messages and hands them to the engine once a turn of the loop.

    Attributes:
        answered: how many have been.
    """

    __slots__ = (
        "_engine", "_held", "_loop", "_next", "_queue", "_scheduled", "_threads", "_to_prepare", "_working", "answered",
    )  # fmt: skip

    def __init__(self, engine: Answers, loop: asyncio.AbstractEventLoop) -> None:
        self.answered = 0
        self._engine = engine
        self._loop = loop
        self._next: list[Waiting] = []  # the messages of the next turn
        self._queue = Queue()  # those that found no room in it
        self._scheduled = False
        self._held: dict[Sender | None, list[Waiting]] = {}  # behind a message that is being prepared
        self._to_prepare = Queue()
        self._working = 0  # messages that are being prepared
        self._threads: ThreadPoolExecutor | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing waits for its turn."""
        return not self._next and not self._queue and not self._held

    def submit(self, incoming: Incoming, deliver: Deliver, sender: Sender | None = None) -> None:
        """Have a message answered in the next turn, or as soon as its slow work is done.

        Args:
            incoming: the message.
            deliver: is called with the answer; with no bytes if there is none, because of a defect.
            sender: who sent it on one connection.
        """
        waiting = Waiting(incoming, deliver, sender, self._loop.time())
        if sender in self._held:
            self._held[sender].append(waiting)
        elif heavy(incoming.message, incoming.encoding):
            self._held[sender] = []
            self._to_prepare.put(waiting)
            self._prepare()
        else:
            self._enqueue(waiting)

    def forget(self, sender: Sender) -> None:
        """Drop what a connection that is over sent: as far as it has not begun, nobody will know."""
        self._queue.drop(sender)
        if self._to_prepare.drop(sender):
            del self._held[sender]
        elif sender in self._held:
            self._held[sender].clear()

    def close(self) -> None:
        """Begin no more slow work."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    # --- slow work ---

    def _prepare(self) -> None:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="keystead-prepare", initializer=give_way)
        while self._to_prepare and self._working < THREADS:
            waiting = self._to_prepare.take()
            self._working += 1
            done = self._loop.run_in_executor(self._threads, self._engine.prepare, waiting.incoming)
            done.add_done_callback(lambda done, waiting=waiting: self._prepared(done, waiting))  # type: ignore[misc]

    def _prepared(self, done: asyncio.Future[Incoming], waiting: Waiting) -> None:
        self._working -= 1
        if done.cancelled():
            return  # the server stops
        error = done.exception()
        if error is None:
            waiting = waiting._replace(incoming=done.result())
        else:  # then the work is done in the turn
            log.error("defect", exc_info=error, extra={"fields": {"id": secrets.token_hex(6)}})
        sender = waiting.sender
        held = self._held.pop(sender)
        if sender is not None and sender.caller is None:  # the client was disabled meanwhile
            for one in (waiting, *held):
                _give(one, b"")
        else:
            self._enqueue(waiting._replace(since=self._loop.time()))
            for one in held:
                self.submit(one.incoming, one.deliver, sender)
        self._prepare()

    # --- turns ---

    def _enqueue(self, waiting: Waiting) -> None:
        if self._queue or len(self._next) >= MAXIMUM_TURN:
            self._queue.put(waiting)
        else:
            self._next.append(waiting)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        turn, self._next = self._next, []
        try:
            answers = self._engine.answer([one.incoming for one in turn], TURN_SECONDS)
        except Exception:
            log.exception("defect", extra={"fields": {"id": secrets.token_hex(6), "messages": len(turn)}})
            answers = [b""] * len(turn)
        self.answered += len(answers)
        # First, because what is submitted while answers are given must come behind it.
        for one in reversed(turn[len(answers) :]):
            self._queue.put_back(one)
        for one, answer in zip(turn, answers, strict=False):
            _give(one, answer)
        self._refill()

    def _refill(self) -> None:
        """Let what found no room take part in the next turn."""
        overdue = self._loop.time() - LONGEST_WAIT_SECONDS
        while self._queue and len(self._next) < MAXIMUM_TURN:
            waiting = self._queue.take()
            if waiting.since < overdue:
                waiting = waiting._replace(incoming=waiting.incoming._replace(overdue=True))
            self._next.append(waiting)
        if self._next:
            self._schedule()


def _give(waiting: Waiting, answer: bytes) -> None:
    """Deliver an answer; what goes wrong with one connection is no other's trouble."""
    try:
        waiting.deliver(answer)
    except Exception:
        log.exception("defect", extra={"fields": {"id": secrets.token_hex(6)}})

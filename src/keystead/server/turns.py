"""One commit for all that arrived: what comes in during a turn of the loop is answered together, in order.

A message that asks for slow work takes a way of its own: threads do that work first, then the message takes its turn.
What its connection sends meanwhile is held back, so that a connection's messages are done and answered in order.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from keystead.engine.engine import Incoming
from keystead.engine.notices import Delivery
from keystead.engine.preparing import THREADS, heavy
from keystead.policy.access import Caller

log = logging.getLogger("keystead.server")

MAXIMUM_TURN = 512
"""Messages of a turn; more wait for the next one, so that no answer waits for thousands of others."""

Deliver = Callable[[bytes], None]


class Answers(Protocol):
    """What the server needs of the engine."""

    @property
    def sealed(self) -> bool:
        """Whether the root of trust is out of reach."""

    def answer(self, messages: Sequence[Incoming]) -> list[bytes]:
        """Answer messages durably, in one transaction; never raise."""

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

    def deliveries(self) -> Sequence[Delivery]:
        """Give the messages for clients that are to be sent now."""

    def delivered(self, delivery: Delivery, fault: str, *, answered: bool) -> None:
        """Note what became of one."""

    def status(self) -> dict[str, Any]:
        """Tell how things stand."""

    def close(self) -> None:
        """Let go of the store."""


class Sender(Protocol):
    """The other end of a connection, whose messages are answered in their order."""

    caller: Caller | None


class Turns:
    """Gathers messages and hands them to the engine once a turn of the loop."""

    __slots__ = ("_deliver", "_engine", "_held", "_incoming", "_loop", "_threads")

    def __init__(self, engine: Answers, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop
        self._incoming: list[Incoming] = []
        self._deliver: list[Deliver] = []
        self._held: dict[Sender | None, list[tuple[Incoming, Deliver]]] = {}  # behind a message that is being prepared
        self._threads: ThreadPoolExecutor | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing waits for its turn."""
        return not self._incoming and not self._held

    def submit(self, incoming: Incoming, deliver: Deliver, sender: Sender | None = None) -> None:
        """Have a message answered in the next turn, or as soon as its slow work is done.

        Args:
            incoming: the message.
            deliver: is called with the answer; with no bytes if there is none, because of a defect.
            sender: who sent it on one connection.
        """
        if sender in self._held:
            self._held[sender].append((incoming, deliver))
        elif heavy(incoming.message, incoming.encoding):
            self._prepare(incoming, deliver, sender)
        else:
            self._enqueue(incoming, deliver)

    def close(self) -> None:
        """Begin no more slow work."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _prepare(self, incoming: Incoming, deliver: Deliver, sender: Sender | None) -> None:
        self._held[sender] = []
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="keystead-prepare")
        done = self._loop.run_in_executor(self._threads, self._engine.prepare, incoming)
        done.add_done_callback(lambda done: self._prepared(done, incoming, deliver, sender))

    def _prepared(
        self, done: asyncio.Future[Incoming], incoming: Incoming, deliver: Deliver, sender: Sender | None
    ) -> None:
        if not done.cancelled():
            error = done.exception()
            if error is None:
                incoming = done.result()
            else:  # then the work is done in the turn
                log.error("defect", exc_info=error, extra={"fields": {"id": secrets.token_hex(6)}})
        held = self._held.pop(sender)
        if sender is not None and sender.caller is None:  # the client was disabled meanwhile
            for _, give in [(incoming, deliver), *held]:
                give(b"")
            return
        self._enqueue(incoming, deliver)
        for waiting in held:
            self.submit(*waiting, sender)

    def _enqueue(self, incoming: Incoming, deliver: Deliver) -> None:
        if not self._incoming:
            self._loop.call_soon(self._run)
        self._incoming.append(incoming)
        self._deliver.append(deliver)

    def _run(self) -> None:
        incoming, deliver = self._incoming, self._deliver
        if len(incoming) > MAXIMUM_TURN:
            self._incoming, self._deliver = incoming[MAXIMUM_TURN:], deliver[MAXIMUM_TURN:]
            incoming, deliver = incoming[:MAXIMUM_TURN], deliver[:MAXIMUM_TURN]
            self._loop.call_soon(self._run)
        else:
            self._incoming, self._deliver = [], []
        try:
            answers = self._engine.answer(incoming)
        except Exception:
            log.exception("defect", extra={"fields": {"id": secrets.token_hex(6), "messages": len(incoming)}})
            answers = [b""] * len(incoming)
        for give, answer in zip(deliver, answers, strict=True):
            give(answer)

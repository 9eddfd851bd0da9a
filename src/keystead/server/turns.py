"""One commit for all that arrived: what comes in during a turn of the loop is answered together, in order."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from keystead.engine.engine import Incoming
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

    def caller_of(self, certificate_der: bytes, address: str) -> Caller | None:
        """Give the enrolled client of a certificate; None if there is none, or it is disabled."""

    def identity_epoch(self) -> int:
        """A number that changes when any client's standing does."""

    def upkeep(self) -> None:
        """Do what is due."""

    def status(self) -> dict[str, Any]:
        """Tell how things stand."""

    def close(self) -> None:
        """Let go of the store."""


class Turns:
    """Gathers messages and hands them to the engine once a turn of the loop."""

    __slots__ = ("_deliver", "_engine", "_incoming", "_loop")

    def __init__(self, engine: Answers, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop
        self._incoming: list[Incoming] = []
        self._deliver: list[Deliver] = []

    @property
    def empty(self) -> bool:
        """Whether nothing waits for its turn."""
        return not self._incoming

    def submit(self, incoming: Incoming, deliver: Deliver) -> None:
        """Have a message answered in the next turn.

        Args:
            incoming: the message.
            deliver: is called with the answer; with no bytes if there is none, because of a defect.
        """
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

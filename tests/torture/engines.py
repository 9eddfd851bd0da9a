"""An engine in a process of its own, to be killed: it answers KMIP messages that come through socket pairs.

It is all of the server but TLS: what arrives together is answered in one transaction, and no answer leaves before it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection as Control
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

from keystead.engine.engine import Engine, Incoming
from keystead.engine.preparing import heavy
from keystead.kmip.connection import Connection
from keystead.policy.access import Caller
from tests.support import make_engine

Open = Callable[[Path], Engine]
BEAT_SECONDS = 0.02
"""Upkeep moves the log into the database: more often than in the server, so that it is met in the middle too."""
_PR_SET_PDEATHSIG = 1
_FAILED = 70


class EngineProcess:
    """The parent's side of it.

    Args:
        callers: who speaks on which connection.
        open_engine: is called in the child.
    """

    def __init__(self, directory: Path, callers: Sequence[Caller], open_engine: Open = make_engine) -> None:
        pairs = [socket.socketpair() for _ in callers]
        self._control, theirs = Pipe()
        self.status: int | None = None
        self.pid = os.fork()
        if not self.pid:
            status = _FAILED
            try:
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                for ours, _ in pairs:
                    ours.close()
                self._control.close()
                _serve(open_engine(directory), list(zip(callers, (pair[1] for pair in pairs), strict=True)), theirs)
                status = 0
            finally:
                os._exit(status)
        theirs.close()
        self.sockets = [ours for ours, _ in pairs]
        for _, other in pairs:
            other.close()

    def ready(self) -> bool:
        """Wait until it answers; False if it ended before."""
        with suppress(EOFError, ConnectionError):
            return bool(self._control.recv() == "ready")
        return False

    def events(self, after: int) -> list[tuple[int, bytes]]:
        """Ask for the events with a larger sequence number."""
        self._control.send(after)
        found: list[tuple[int, bytes]] = self._control.recv()
        return found

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Kill it; its wait status.  What it sent before is still in the sockets."""
        if self.status is None:
            os.kill(self.pid, number)
            self.status = os.waitpid(self.pid, 0)[1]
        return self.status

    def close(self) -> None:
        """Close the parent's ends."""
        for each in self.sockets:
            each.close()
        self._control.close()


def _serve(engine: Engine, connections: list[tuple[Caller, socket.socket]], control: Control) -> None:
    framers = {ours.fileno(): (ours, caller, Connection()) for caller, ours in connections}
    poll = select.poll()
    for each in (*framers, control.fileno()):
        poll.register(each, select.POLLIN)
    control.send("ready")
    beat = 0.0
    while True:
        incoming: list[tuple[Incoming, socket.socket]] = []
        for number, _ in poll.poll(BEAT_SECONDS * 1000):
            if number == control.fileno():
                control.send(_events(engine, control.recv()))
                continue
            ours, caller, framer = framers[number]
            data = ours.recv(1 << 16)
            if not data:
                return
            incoming += [(Incoming(message, caller), ours) for message in framer.receive(data)]
        if incoming:
            asked = [engine.prepare(each) if heavy(each.message, each.encoding) else each for each, _ in incoming]
            for (_, ours), answer in zip(incoming, engine.answer(asked), strict=True):
                ours.sendall(answer)
        if time.monotonic() > beat:
            engine.upkeep()
            beat = time.monotonic() + BEAT_SECONDS


def _events(engine: Engine, after: int) -> list[Any]:
    found: list[tuple[int, bytes]] = []
    with engine.store.begin(write=False) as transaction:
        while more := transaction.events(after, 10_000):
            found += more
            after = more[-1][0]
    return found

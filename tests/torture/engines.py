"""An engine in a process of its own, to be killed: it answers KMIP messages that come through socket pairs.

It is all of the server but TLS: what arrives together is answered in one transaction, and no answer leaves before it.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from keystead.engine.engine import Engine, Incoming
from keystead.engine.preparing import heavy
from keystead.errors import KeysteadError
from keystead.kmip.connection import Connection
from keystead.policy.access import Caller
from tests.support import make_engine

Open = Callable[[Path], Engine]
BEAT_SECONDS = 0.5
BEAT_TURNS = 8
"""Upkeep moves the log into the database: more often than in the server, so that it is met in the middle too."""
READY, DEFECT = "ready", "defect:"
_PR_SET_PDEATHSIG = 1
_FAILED = 70


class _Control:
    """Python objects through a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._file = connection.makefile("rb")
        self.fileno, self.close = connection.fileno, connection.close

    @classmethod
    def pair(cls) -> tuple[_Control, _Control]:
        ours, theirs = socket.socketpair()
        return cls(ours), cls(theirs)

    def send(self, value: object) -> None:
        self._socket.sendall(pickle.dumps(value))

    def recv(self) -> Any:
        """Raises: EOFError."""
        return pickle.load(self._file)  # noqa: S301 - from ourselves


class EngineProcess:
    """The parent's side of it.

    Args:
        callers: who speaks on which connection.
        open_engine: is called in the child.
        attend: is given the child's process id, while it waits to begin.

    Attributes:
        said: why it did not begin to answer.
    """

    def __init__(
        self,
        directory: Path,
        callers: Sequence[Caller],
        open_engine: Open = make_engine,
        attend: Callable[[int], None] | None = None,
    ) -> None:
        pairs = [socket.socketpair() for _ in callers]
        self._control, theirs = _Control.pair()
        self.status: int | None = None
        self.said = ""
        self.pid = os.fork()
        if not self.pid:
            status = _FAILED
            try:
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                for ours, _ in pairs:
                    ours.close()
                self._control.close()
                if attend is not None:
                    theirs.recv()
                _begin(open_engine, directory, list(zip(callers, (pair[1] for pair in pairs), strict=True)), theirs)
                status = 0
            finally:
                os._exit(status)
        theirs.close()
        self.sockets = [ours for ours, _ in pairs]
        for _, other in pairs:
            other.close()
        if attend is not None:
            attend(self.pid)
            self._control.send("begin")

    def ready(self) -> bool:
        """Wait until it answers; False if it ended before."""
        with suppress(EOFError, ConnectionError):
            self.said = self._control.recv()
        return self.said == READY

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


def _begin(
    open_engine: Open, directory: Path, connections: list[tuple[Caller, socket.socket]], control: _Control
) -> None:
    try:
        engine = open_engine(directory)
    except KeysteadError as error:
        control.send(f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001 - it is a defect, and said
        control.send(f"{DEFECT} {error!r}")
    else:
        _serve(engine, connections, control)


def _serve(engine: Engine, connections: list[tuple[Caller, socket.socket]], control: _Control) -> None:
    framers = {ours.fileno(): (ours, caller, Connection()) for caller, ours in connections}
    poll = select.poll()
    for each in (*framers, control.fileno()):
        poll.register(each, select.POLLIN)
    control.send(READY)
    beat, turns = 0.0, 0
    while True:
        incoming: list[tuple[Incoming, socket.socket]] = []
        for number, _ in poll.poll(BEAT_SECONDS * 100):
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
        turns += bool(incoming)
        if time.monotonic() > beat or turns % BEAT_TURNS == 0:
            with suppress(KeysteadError):  # as in the server: the next one may find the disk back
                engine.upkeep()
            beat = time.monotonic() + BEAT_SECONDS


def _events(engine: Engine, after: int) -> list[Any]:
    found: list[tuple[int, bytes]] = []
    with engine.store.begin(write=False) as transaction:
        while more := transaction.events(after, 10_000):
            found += more
            after = more[-1][0]
    return found

"""Accepts connections: limits and deadlines before, during and after the handshake.

Sockets are accepted here rather than by the loop's own server, because the caps must hold before a handshake has cost
anything, because the TLS context must be replaceable between two connections, and because a flood of half-open
handshakes must end the oldest of them and not keep honest clients out.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from keystead.config import ServerConfig

log = logging.getLogger("keystead.server")

ACCEPTED_PER_TURN = 64
PAUSE_SECONDS = 0.25
"""How long a listener rests when the process has no file descriptor left."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Connection(Protocol):
    """What a listener asks of the connections it opened."""

    def sweep(self, now: float) -> None:
        """End the connection if one of its deadlines has passed."""

    def recheck(self) -> None:
        """End the connection if its peer may not stay."""

    def stop(self) -> None:
        """Answer what arrived, then close."""

    def abort(self) -> None:
        """Close at once."""


class Slot:
    """A place among the connections of a listener, from accept to the end."""

    __slots__ = ("_connection", "_key", "_listener", "_socket")

    def __init__(self, listener: Listener, key: str, accepted: socket.socket) -> None:
        self._listener: Listener | None = listener
        self._key = key
        self._socket = accepted
        self._connection: Connection | None = None
        listener.per_address[key] += 1
        listener.count += 1

    @property
    def taken(self) -> bool:
        """Whether the handshake has come to its end, so that the connection itself says when it is over."""
        return self._connection is not None

    def opened(self, connection: Connection) -> None:
        """The handshake is done."""
        self._connection = connection
        # In TLS 1.3 nothing of ours follows the client's last flight, which the kernel would acknowledge late; and
        # until then many a client holds its request back (RFC 896).
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        if self._listener is not None:
            self._listener.connections.add(connection)

    def closed(self) -> None:
        """The connection is over; may be said twice."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.count -= 1
        listener.per_address[self._key] -= 1
        if not listener.per_address[self._key]:
            del listener.per_address[self._key]
        if self._connection is not None:
            listener.connections.discard(self._connection)


Factory = Callable[[Slot], asyncio.Protocol]


class Listener:
    """Accepts the connections of one port.

    Args:
        name: kmip or https, for the log.
        sockets: bound and listening.
        context: the TLS context for the next connection; `context` may be replaced.
        factory: makes the protocol of a connection.
        config: the limits and deadlines.
    """

    def __init__(
        self,
        name: str,
        sockets: Sequence[socket.socket],
        context: ssl.SSLContext,
        factory: Factory,
        config: ServerConfig,
    ) -> None:
        self.name = name
        self.context = context
        self.connections: set[Connection] = set()
        self.per_address: Counter[str] = Counter()
        self.count = 0
        self._sockets = sockets
        self._factory = factory
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._half_open: dict[str, dict[asyncio.Task[None], None]] = {}
        self._open = True
        self._refused: Counter[str] = Counter()
        self._last_refused = ""

    def start(self) -> None:
        """Begin to accept."""
        for one in self._sockets:
            one.setblocking(False)
            self._loop.add_reader(one.fileno(), self._accept, one)

    def stop_accepting(self) -> None:
        """Accept no more, and end the handshakes that are under way."""
        self._open = False
        for one in self._sockets:
            self._loop.remove_reader(one.fileno())
            one.close()
        for tasks in tuple(self._half_open.values()):
            for task in tuple(tasks):
                task.cancel()

    def sweep(self, now: float) -> None:
        """Hold all connections to their deadlines, and log in one line what was refused since the last time."""
        for connection in tuple(self.connections):
            connection.sweep(now)
        if self._refused:
            fields = {"listener": self.name, "last_address": self._last_refused, **self._refused}
            log.warning("connections refused", extra={"fields": fields})
            self._refused.clear()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTED_PER_TURN):
            try:
                accepted, peer = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._rest(listening)
                    return
                continue  # the peer was gone before it was accepted
            self._admit(accepted, str(peer[0]))

    def _rest(self, listening: socket.socket) -> None:
        log.error("out of file descriptors", extra={"fields": {"listener": self.name, "connections": self.count}})
        self._loop.remove_reader(listening.fileno())

        def resume() -> None:
            if self._open:
                self._loop.add_reader(listening.fileno(), self._accept, listening)

        self._loop.call_later(PAUSE_SECONDS, resume)

    def _admit(self, accepted: socket.socket, address: str) -> None:
        key = address_key(address)
        if self.count >= self._config.connections or self.per_address[key] >= self._config.connections_per_address:
            accepted.close()
            self._refuse("too_many_connections", address)
            return
        accepted.setblocking(False)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        half_open = self._half_open.setdefault(key, {})
        if len(half_open) >= self._config.half_open_per_address:
            oldest = next(iter(half_open))
            del half_open[oldest]
            oldest.cancel()
            self._refuse("too_many_handshakes", address)
        slot = Slot(self, key, accepted)
        task = self._loop.create_task(self._handshake(accepted, slot, address))
        half_open[task] = None

        def finished(_: asyncio.Task[None]) -> None:
            # Not in the task itself: one that is cancelled before its first step runs none of its own code.
            tasks = self._half_open.get(key, {})
            tasks.pop(task, None)
            if not tasks:
                self._half_open.pop(key, None)
            if not slot.taken:
                slot.closed()
                accepted.close()

        task.add_done_callback(finished)

    async def _handshake(self, accepted: socket.socket, slot: Slot, address: str) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._factory(slot),
                accepted,
                ssl=self.context,
                ssl_handshake_timeout=self._config.handshake_seconds,
                ssl_shutdown_timeout=min(1.0, self._config.stop_seconds),
            )
        except ssl.SSLError as error:
            self._refuse((error.reason or "handshake").lower(), address)
        except OSError as error:  # reset, or the deadline passed
            self._refuse(type(error).__name__, address)
        except Exception:
            log.exception("handshake defect")

    def _refuse(self, reason: str, address: str) -> None:
        self._refused[reason] += 1
        self._last_refused = address


def address_key(address: str) -> str:
    """Give what one peer counts as: its IPv4 address, or its IPv6 /64, which is what one site is given."""
    if ":" not in address:
        return address
    full = ipaddress.IPv6Address(address.partition("%")[0])
    if full.ipv4_mapped is not None:
        return str(full.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(full) >> 64 << 64, 64)).network_address)

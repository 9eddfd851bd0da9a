"""Accepts connections: limits and deadlines before, during and after the handshake.

Sockets are accepted here rather than by the loop's own server, because the limits must hold before a handshake has cost
anything, because the TLS context must be replaceable between two connections, and because whatever there is too much of
must end the oldest of it and not keep honest clients out.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import resource
import socket
import ssl
import types
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from typing import Any, Final, Protocol, TypeVar

from keystead.config import ServerConfig
from keystead.custody.memory import untouched

log = logging.getLogger("keystead.server")

ACCEPTED_PER_TURN: Final = 16
"""Connections that are accepted before others are served again: each brings a handshake's work."""
PAUSE_SECONDS: Final = 0.25
"""How long a listener rests when the process has no file descriptor left."""
RESERVED_DESCRIPTORS: Final = 256
"""Of the process's file descriptors, those that are not for connections."""
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Connection(Protocol):
    """What a listener asks of the connections it opened."""

    @property
    def holder(self) -> str:
        """Whose it is: a client's identity, or an address."""

    @property
    def used(self) -> float:
        """When it was last of use: since then no whole message came and no answer left."""

    @property
    def busy(self) -> bool:
        """Whether an answer is due."""

    @property
    def held(self) -> int:
        """How many bytes wait in it, received or to be sent."""

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

    __slots__ = ("_connection", "_held", "_listener", "_socket")

    def __init__(self, listener: Listener, accepted: socket.socket) -> None:
        self._listener: Listener | None = listener
        self._socket = accepted
        self._connection: Connection | None = None
        self._held = 0
        listener.count += 1

    @property
    def taken(self) -> bool:
        """Whether the handshake has come to its end, so that the connection itself says when it is over."""
        return self._connection is not None

    def opened(self, connection: Connection) -> None:
        """The handshake is done, and it is known whose the connection is."""
        self._connection = connection
        # In TLS 1.3 nothing of ours follows the client's last flight, which the kernel would acknowledge late; and
        # until then many a client holds its request back (RFC 896).
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        if self._listener is not None:
            self._listener.opened(connection)

    def holds(self, size: int) -> None:
        """So many bytes wait in the connection now."""
        more, self._held = size - self._held, size
        if self._listener is not None and more:
            self._listener.holds(more)

    def closed(self) -> None:
        """The connection is over; may be said twice."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.count -= 1
        listener.held -= self._held
        if self._connection is not None:
            listener.forget(self._connection)


T = TypeVar("T")
Factory = Callable[[Slot], asyncio.Protocol | asyncio.BufferedProtocol]


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
        self.count = 0
        self.held = 0
        self.most = connections_at_most(config)
        self._clients: dict[str, dict[Connection, None]] = {}  # by holder
        self._handshakes: dict[asyncio.Task[None], str] = {}  # the oldest first, with the site it comes from
        self._half_open: dict[str, dict[asyncio.Task[None], None]] = {}  # the same by site
        self._shaking: dict[asyncio.Task[None], socket.socket] = {}  # those that have not come to their end
        self._sockets = sockets
        self._factory = factory
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._refused: Counter[str] = Counter()
        self._last_refused = ""

    @property
    def connections(self) -> tuple[Connection, ...]:
        """All that are open, their handshakes done."""
        return tuple(connection for each in self._clients.values() for connection in each)

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
        # Not cancelled: the loop would be closed before it has let go of what they were about.
        for accepted in self._shaking.values():
            with contextlib.suppress(OSError):
                accepted.shutdown(socket.SHUT_RDWR)

    @property
    def shaking(self) -> bool:
        """Whether handshakes are under way."""
        return bool(self._shaking)

    def sweep(self, now: float) -> None:
        """Hold all connections to their deadlines, and log in one line what was refused since the last time."""
        for connection in self.connections:
            connection.sweep(now)
        if self._refused:
            fields = {"listener": self.name, "last_address": self._last_refused, **self._refused}
            log.warning("connections refused", extra={"fields": fields})
            self._refused.clear()

    # --- what slots tell ---

    def opened(self, connection: Connection) -> None:
        """Enter a connection; one more than its holder may have ends that which it used least lately."""
        of_holder = self._clients.setdefault(connection.holder, {})
        if len(of_holder) >= self._config.connections_per_client:
            self._end_one(of_holder, "too_many_connections_of_a_client")
        of_holder = self._clients.setdefault(connection.holder, {})
        of_holder[connection] = None

    def holds(self, more: int) -> None:
        """Count waiting bytes; too many of them end connections of whoever has the most of them waiting."""
        self.held += more
        while more > 0 and self.held > self._config.buffer_bytes:
            most = max(self._clients.values(), key=lambda each: sum(one.held for one in each), default={})
            before = self.held
            self._end_one((one for one in most if one.held), "too_many_bytes_waiting")
            if self.held >= before:
                return

    def forget(self, connection: Connection) -> None:
        """A connection is over, or about to be."""
        of_holder = self._clients.get(connection.holder, {})
        of_holder.pop(connection, None)
        if not of_holder:
            self._clients.pop(connection.holder, None)

    def _end_one(self, connections: Iterable[Connection], why: str) -> None:
        """End, of some connections, the one that was used least lately; one that awaits an answer only if all do."""
        ended = min(connections, key=lambda one: (one.busy, one.used), default=None)
        if ended is not None:
            self.forget(ended)
            ended.abort()
            self._refuse(why, ended.holder)

    # --- accepting ---

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
        site = site_of(address)
        accepted.setblocking(False)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        half_open = self._half_open.get(site, {})
        if len(half_open) >= self._config.half_open_per_address:
            self._break_off(next(iter(half_open)), "too_many_handshakes")
        if self.count >= self.most:
            self._make_room()
        slot = Slot(self, accepted)
        task = self._loop.create_task(self._handshake(accepted, slot, address))
        self._handshakes[task] = site
        self._half_open.setdefault(site, {})[task] = None
        self._shaking[task] = accepted

        def finished(_: asyncio.Task[None]) -> None:
            # Not in the task itself: one that is cancelled before its first step runs none of its own code.
            self._strike(task)
            del self._shaking[task]
            if not slot.taken:
                slot.closed()
                accepted.close()

        task.add_done_callback(finished)

    def _make_room(self) -> None:
        """End a handshake if they take up much of the room, else a connection of whoever has the most."""
        if len(self._handshakes) * 4 > self.most or not self._clients:
            self._break_off(next(iter(self._handshakes), None), "too_many_connections")
        else:
            most = max(self._clients.values(), key=len)
            self._end_one(most, "too_many_connections")

    def _break_off(self, task: asyncio.Task[None] | None, why: str) -> None:
        if task is not None:
            self._refuse(why, self._handshakes[task])
            self._strike(task)
            task.cancel()

    def _strike(self, task: asyncio.Task[None]) -> None:
        site = self._handshakes.pop(task, None)
        if site is not None:
            self._half_open[site].pop(task)
            if not self._half_open[site]:
                del self._half_open[site]

    async def _handshake(self, accepted: socket.socket, slot: Slot, address: str) -> None:
        try:
            await _begun_untouched(
                self._loop.connect_accepted_socket(
                    lambda: self._factory(slot),
                    accepted,
                    ssl=self.context,
                    ssl_handshake_timeout=self._config.handshake_seconds,
                    ssl_shutdown_timeout=min(1.0, self._config.stop_seconds),
                )
            )
        except ssl.SSLError as error:
            self._refuse((error.reason or "handshake").lower(), address)
        except OSError as error:  # reset, or the deadline passed
            self._refuse(type(error).__name__, address)
        except Exception:
            log.exception("handshake defect")

    def _refuse(self, reason: str, whose: str) -> None:
        self._refused[reason] += 1
        self._last_refused = whose


@types.coroutine
def _begun_untouched(coroutine: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """Run a coroutine whose first step, up to where it waits, makes large buffers: uvloop makes one of 256 KiB."""
    try:
        with untouched():
            waits = coroutine.send(None)
        while True:
            try:
                done = yield waits
            except BaseException as error:  # noqa: BLE001 - it is the coroutine's
                waits = coroutine.throw(error)
            else:
                waits = coroutine.send(done)
    except StopIteration as end:
        value: T = end.value
        return value


def connections_at_most(config: ServerConfig) -> int:
    """How many connections a listener may have: what the configuration says, if the system lets it have so many."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return config.connections
    return max(1, min(config.connections, (descriptors - RESERVED_DESCRIPTORS) // 2))


def site_of(address: str) -> str:
    """Give what one peer counts as: its IPv4 address, or its IPv6 /64, which is what one site is given."""
    if ":" not in address:
        return address
    full = ipaddress.IPv6Address(address.partition("%")[0])
    if full.ipv4_mapped is not None:
        return str(full.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(full) >> 64 << 64, 64)).network_address)

"""KMIP over TLS: a connection.

Messages are answered in the order in which they came.  A client that sends faster than it reads is not read from; one
that stands still in the middle of a message, or leaves its answers unread, is let go.

Source: KMIP Profiles 2.1 section 3.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Final, cast

from keystead.config import ServerConfig
from keystead.engine.engine import Incoming
from keystead.errors import CodecError
from keystead.kmip.connection import Connection as Framer
from keystead.server.listener import Slot
from keystead.server.peers import Peer, Peers
from keystead.server.turns import Turns

_ARRIVED: Final = memoryview(bytearray(1 << 16))
"""One for all connections of a process.  A buffer of each one's own, as large as the loop makes it, costs more than all
that is done here, and keeps what was in it."""
SHOWN_BYTES: Final = 64
"""Of what is no message, so much goes to the engine, which answers Invalid Message and records it."""
UNWEIGHED_BYTES: Final = 16_384
"""So much at a time is not worth counting where it does not wait."""


class KmipConnection(asyncio.BufferedProtocol):
    """One client's connection."""

    __slots__ = (
        "_began",
        "_config",
        "_ending",
        "_framer",
        "_in_flight",
        "_last",
        "_moved",
        "_peer",
        "_peers",
        "_silent",
        "_slot",
        "_stopping",
        "_transport",
        "_turns",
        "_unread_since",
        "_used",
        "_waiting",
        "held",
        "holder",
    )

    def __init__(self, slot: Slot, peers: Peers, turns: Turns, config: ServerConfig) -> None:
        self._slot = slot
        self._peers = peers
        self._turns = turns
        self._config = config
        self._framer = Framer(config.maximum_message_bytes)
        self._transport: asyncio.Transport | None = None
        self._peer: Peer | None = None
        self.holder = ""
        self.held = 0  # bytes that wait here
        self._waiting: deque[bytes] = deque()  # whole messages that have not been handed on
        self._in_flight: deque[int] = deque()  # the lengths of those that have been and have no answer yet
        self._began: float | None = None  # when the first byte of the unfinished message came
        self._last = 0.0  # and its latest
        self._unread_since: float | None = None  # since when the client leaves its answers unread
        self._used = 0.0
        self._moved = True  # a message or an answer has passed since the last sweep
        self._ending = False  # nothing more is read: close after the last answer
        self._silent = False  # and the last answer is not sent
        self._stopping = False  # the server stops: close at the next pause

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is done: no byte is read before it is known whose connection this is."""
        self._transport = cast(asyncio.Transport, transport)
        peer = self._peers.meet(transport)
        if peer is not None:
            self.holder = peer.holder
        self._slot.opened(self)
        if peer is None or peer.caller is None:
            self._close()
        else:
            self._peer = peer

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over; what was not handed on is forgotten."""
        self._transport = None
        self._forget()
        self._slot.closed()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where what arrives is put: it is taken from there before anything else happens."""
        return _ARRIVED

    def buffer_updated(self, nbytes: int) -> None:
        """Take what arrived, and leave no copy of it."""
        data = bytes(_ARRIVED[:nbytes])
        _ARRIVED[:nbytes] = bytes(nbytes)
        self.data_received(data)

    def data_received(self, data: bytes) -> None:
        """Hand on the messages that are whole."""
        if self._ending or self._peer is None:
            return
        framer = self._framer
        unfinished = not framer.idle
        try:
            messages = framer.receive(data)
        except CodecError:
            self._refuse(data, answer=unfinished or (len(data) >= 8 and data[0] == 0x42))
            return
        if messages:
            self._moved, self._began = True, None
            if len(messages) == 1 and not self._waiting and not self._in_flight and self._unread_since is None:
                self._submit(messages[0])
            else:
                self._waiting.extend(messages)
                self._hand_on()
        if not framer.idle:
            now = asyncio.get_running_loop().time()
            self._last = now
            if self._began is None:
                self._began = now
        if self.held or len(data) > UNWEIGHED_BYTES or not framer.idle:
            self._weigh()

    def eof_received(self) -> bool:
        """The client will send no more: what it sent in part is not done."""
        return False

    def pause_writing(self) -> None:
        """The client does not read its answers."""
        self._unread_since = asyncio.get_running_loop().time()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It does again."""
        self._unread_since = None
        self._hand_on()
        self._weigh()

    # --- the listener's side ---

    @property
    def used(self) -> float:
        """When it was last of use."""
        return math.inf if self._moved else self._used

    @property
    def busy(self) -> bool:
        """Whether an answer is due."""
        return bool(self._in_flight or self._waiting)

    def sweep(self, now: float) -> None:
        """End the connection if one of its deadlines has passed."""
        config = self._config
        if self._moved:
            self._moved, self._used = False, now
        if self._unread_since is not None:
            if now - self._unread_since > config.write_seconds:
                self.abort()
        elif self._began is not None and not self._waiting:
            if now - self._last > config.stall_seconds or now - self._began > config.message_seconds:
                self.abort()
        elif not self.busy and now - self._used > config.idle_seconds:
            self._close()

    def recheck(self) -> None:
        """End the connection if its client may not stay."""
        if self._peer is not None and not self._peers.recheck(self._peer):
            self.abort()

    def stop(self) -> None:
        """Answer what arrived, then close."""
        self._stopping = True
        self._close_if_done()

    def abort(self) -> None:
        """Close at once."""
        self._ending = True
        if self._transport is not None:
            self._transport.abort()
        self._forget()

    # --- messages ---

    def _submit(self, message: bytes) -> None:
        assert self._peer is not None
        assert self._peer.caller is not None
        self._in_flight.append(len(message))
        self._turns.submit(Incoming(message, self._peer.caller), self._answered, self._peer)

    def _hand_on(self) -> None:
        """Hand on what the pipeline takes; read on only when nothing is left waiting."""
        waiting = self._waiting
        while waiting and len(self._in_flight) < self._config.pipeline and self._unread_since is None:
            self._submit(waiting.popleft())
        if self._transport is None or self._transport.is_closing():
            return
        if waiting or self._unread_since is not None:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _answered(self, answer: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._in_flight.popleft()
        if not answer:
            self.abort()
            return
        self._moved = True
        if not (self._silent and not self._in_flight):
            self._transport.write(answer)
        if self._waiting:
            self._hand_on()
        if self.held or self._unread_since is not None:
            self._weigh()
        if self._ending or self._stopping:
            self._close_if_done()

    def _refuse(self, data: bytes, *, answer: bool) -> None:
        """What came is no message, so nothing after it can be one either."""
        self._began = None
        self._ending = True
        self._silent = not answer
        self._waiting.append(data[:SHOWN_BYTES])
        self._hand_on()

    def _close_if_done(self) -> None:
        if not self.busy and (self._ending or self._framer.idle):
            self._close()

    def _weigh(self) -> None:
        """Say how much waits here; more than is borne may end this connection, or another one."""
        waiting = self._framer.unfinished_bytes + sum(map(len, self._waiting)) + sum(self._in_flight)
        unread = 0 if self._transport is None else self._transport.get_write_buffer_size()
        self.held = 0 if self._ending else waiting + unread
        self._slot.holds(self.held)

    def _forget(self) -> None:
        """Drop what came and has not begun."""
        if self._peer is not None:
            self._turns.forget(self._peer)
        self._waiting.clear()
        self._in_flight.clear()
        self._framer = Framer(self._config.maximum_message_bytes)
        self._weigh()

    def _close(self) -> None:
        self._ending = True
        if self._transport is not None:
            self._transport.close()

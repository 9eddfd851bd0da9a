"""KMIP over TLS: a connection.

Messages are answered in the order in which they came.  A client that sends faster than it reads is not read from; one
that stands still in the middle of a message, or leaves its answers unread, is let go.

Source: KMIP Profiles 2.1 section 3.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

from keystead.config import ServerConfig
from keystead.engine.engine import Incoming
from keystead.errors import CodecError
from keystead.kmip.connection import Connection as Framer
from keystead.server.listener import Slot
from keystead.server.peers import Peer, Peers
from keystead.server.turns import Turns

SHOWN_BYTES = 64
"""Of what is no message, so much goes to the engine, which answers Invalid Message and records it."""


class KmipConnection(asyncio.Protocol):
    """One client's connection."""

    __slots__ = (
        "_began",
        "_config",
        "_ending",
        "_framer",
        "_last",
        "_moved",
        "_peer",
        "_peers",
        "_pending",
        "_silent",
        "_slot",
        "_stopping",
        "_transport",
        "_turns",
        "_unread_since",
        "_used",
        "_waiting",
    )

    def __init__(self, slot: Slot, peers: Peers, turns: Turns, config: ServerConfig) -> None:
        self._slot = slot
        self._peers = peers
        self._turns = turns
        self._config = config
        self._framer = Framer(config.maximum_message_bytes)
        self._transport: asyncio.Transport | None = None
        self._peer: Peer | None = None
        self._waiting: deque[bytes] = deque()  # whole messages that have not been handed on
        self._pending = 0  # those handed on that have no answer yet
        self._began: float | None = None  # when the first byte of the unfinished message came
        self._last = 0.0  # and its latest
        self._unread_since: float | None = None  # since when the client leaves its answers unread
        self._used = 0.0
        self._moved = True
        self._ending = False  # nothing more is read: close after the last answer
        self._silent = False  # and the last answer is not sent
        self._stopping = False  # the server stops: close at the next pause

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is done: no byte is read before it is known whose connection this is."""
        self._transport = cast(asyncio.Transport, transport)
        self._slot.opened(self)
        peer = self._peers.meet(transport)
        if peer is None or peer.caller is None:
            self._ending = True
            self._transport.close()
            return
        self._peer = peer

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over; what was not handed on is forgotten."""
        self._transport = None
        self._waiting.clear()
        self._slot.closed()

    def data_received(self, data: bytes) -> None:
        """Hand on the messages that are whole."""
        self._moved = True
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
            self._began = None
            if len(messages) == 1 and not self._waiting and not self._pending and self._unread_since is None:
                self._submit(messages[0])
            else:
                self._waiting.extend(messages)
                self._hand_on()
        if not framer.idle:
            now = asyncio.get_running_loop().time()
            self._last = now
            if self._began is None:
                self._began = now

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

    # --- the listener's side ---

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
        elif not self._pending and not self._waiting and now - self._used > config.idle_seconds:
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
        self._waiting.clear()
        if self._transport is not None:
            self._transport.abort()

    # --- messages ---

    def _submit(self, message: bytes) -> None:
        assert self._peer is not None
        assert self._peer.caller is not None
        self._pending += 1
        self._turns.submit(Incoming(message, self._peer.caller), self._answered, self._peer)

    def _hand_on(self) -> None:
        """Hand on what the pipeline takes; read on only when nothing is left waiting."""
        waiting = self._waiting
        while waiting and self._pending < self._config.pipeline and self._unread_since is None:
            self._submit(waiting.popleft())
        if self._transport is None or self._transport.is_closing():
            return
        if waiting or self._unread_since is not None:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _answered(self, answer: bytes) -> None:
        self._pending -= 1
        if self._transport is None or self._transport.is_closing():
            return
        if not answer:
            self.abort()
            return
        if not (self._silent and not self._pending):
            self._transport.write(answer)
        if self._waiting:
            self._hand_on()
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
        if not self._pending and not self._waiting and (self._ending or self._framer.idle):
            self._close()

    def _close(self) -> None:
        self._ending = True
        if self._transport is not None:
            self._transport.close()

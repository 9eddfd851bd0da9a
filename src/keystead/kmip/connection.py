"""A sans-I/O end of a connection: bytes in, whole messages out.

Source: KMIP 1.4 section 9.1.1 (an item's header tells its length); Profiles 2.1 section 3 (one message after another).
"""

from __future__ import annotations

from keystead.errors import CodecError
from keystead.kmip.ttlv import MAXIMUM_MESSAGE_BYTES

_REQUEST_HEAD = b"\x42\x00\x78\x01"
_RESPONSE_HEAD = b"\x42\x00\x7b\x01"


class Connection:
    """Cuts what arrives into messages.

    Args:
        maximum_bytes: the largest message, header included; a longer one is refused at its header.
        requests: True on a server, which reads Request Messages; False on a client.
    """

    __slots__ = ("_broken", "_buffer", "_head", "_maximum_bytes", "_need")

    def __init__(self, maximum_bytes: int = MAXIMUM_MESSAGE_BYTES, *, requests: bool = True) -> None:
        self._broken: CodecError | None = None
        self._buffer = bytearray()
        self._maximum_bytes = maximum_bytes
        self._head = _REQUEST_HEAD if requests else _RESPONSE_HEAD
        self._need = 8

    @property
    def idle(self) -> bool:
        """No part of a message is waiting for its rest."""
        return not self._buffer

    @property
    def unfinished_bytes(self) -> int:
        """How much is waiting for its rest."""
        return len(self._buffer)

    def receive(self, data: bytes) -> list[bytes]:
        """Take what arrived and return the messages that are whole now, in order.

        Raises:
            CodecError: this is not KMIP, or a message is too long; nothing after it can be read.  What was whole before
                it is returned first, and the next call raises.
        """
        if self._broken is not None:
            raise self._broken
        buffer = self._buffer
        # The usual case: one message in one piece.
        if (
            not buffer
            and 8 <= len(data) <= self._maximum_bytes
            and data[:4] == self._head
            and len(data) == 8 + int.from_bytes(data[4:8], "big")
            and not len(data) & 7
        ):
            return [data]
        buffer += data
        messages: list[bytes] = []
        try:
            self._cut(buffer, messages)
        except CodecError as error:
            self._broken = error
            if not messages:
                raise
        return messages

    def _cut(self, buffer: bytearray, messages: list[bytes]) -> None:
        while len(buffer) >= self._need:
            if self._need == 8:
                if not buffer.startswith(self._head):
                    raise CodecError("this is not a KMIP message", 0)
                self._need = 8 + int.from_bytes(buffer[4:8], "big")
                if self._need > self._maximum_bytes:
                    raise CodecError(f"a message is longer than {self._maximum_bytes} bytes", 4)
                if self._need & 7:
                    raise CodecError("a message's length is not a multiple of 8", 4)
                if len(buffer) < self._need:
                    break
            messages.append(bytes(buffer[: self._need]))
            del buffer[: self._need]
            self._need = 8
        if len(buffer) < 8 and not self._head.startswith(buffer[:4]):
            raise CodecError("this is not a KMIP message", 0)

"""Events: what was asked, by whom, of what, and how it ended; never a secret.

An event is kept as bytes that decode to it and to nothing else.  Its sequence number is the place where it stands, and
is not among them.  A text that is too long is cut, and a digest of the whole stands behind what is left: no event is
lost for what somebody sent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from struct import Struct, error
from typing import Any, Final, NamedTuple

from keystead.errors import TamperError

FORMAT: Final = 1
MOST_TEXT_BYTES: Final = 512
"""The longest text that is kept whole."""
MOST_IDENTIFIERS: Final = 256
_HEAD: Final = Struct(">Bq11HH")
"""Format, time, the lengths of eleven texts, how many unique identifiers."""
_FIRST: Final = Struct(">Bq")
_LENGTHS: Final = Struct(">11H")
_LENGTH: Final = Struct(">H")
_DAMAGED: Final = "an event of the audit is damaged"


class Event(NamedTuple):
    """One request's outcome, or something that was done to the server.

    Attributes:
        time: microseconds since 1970-01-01 UTC.
        caller: the identity that asked; "" if none is known.
        name: what people call it.
        address: where it asked from.
        operation: KMIP's name for it, or that of something KMIP has no words for.
        unique_identifiers: the objects it was about.
        status: the Result Status; `reason`, the Result Reason, "" on success.
        message: what the caller was told.
        version: the protocol version.
        client_correlation: the Client Correlation Value; `server_correlation`, the server's.
        sequence: its number in the log, from 1; 0 before it is there.
    """

    time: int
    operation: str
    status: str
    caller: str = ""
    name: str = ""
    domain: str = ""
    address: str = ""
    reason: str = ""
    message: str = ""
    version: str = ""
    client_correlation: str = ""
    server_correlation: str = ""
    unique_identifiers: tuple[str, ...] = ()
    sequence: int = 0

    def encode(self) -> bytes:
        """The bytes that are kept."""
        lengths, texts = _texts(self[1:12])
        identifiers = self.unique_identifiers
        if len(identifiers) > MOST_IDENTIFIERS:
            identifiers = _few(identifiers)
        parts = [_FIRST.pack(FORMAT, self.time), lengths, _LENGTH.pack(len(identifiers)), texts]
        for identifier in identifiers:
            text = _bytes(identifier)
            parts += (_LENGTH.pack(len(text)), text)
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes, sequence: int = 0) -> Event:
        """Read an event.  Raises: TamperError, if these bytes are not what `encode` gives."""
        try:
            version, time, *lengths, number = _HEAD.unpack_from(data)
            if version != FORMAT:
                raise TamperError(_DAMAGED)
            position = _HEAD.size
            texts = []
            for length in lengths:
                texts.append(_text(data, position, length))
                position += length
            identifiers = []
            for _ in range(number):
                (length,) = _LENGTH.unpack_from(data, position)
                identifiers.append(_text(data, position + _LENGTH.size, length))
                position += _LENGTH.size + length
        except (error, UnicodeDecodeError):
            raise TamperError(_DAMAGED) from None
        if position != len(data):
            raise TamperError(_DAMAGED)
        (operation, status, caller, name, domain, address, reason, message, spoken, client, server) = texts
        return cls(
            time=time,
            operation=operation,
            status=status,
            caller=caller,
            name=name,
            domain=domain,
            address=address,
            reason=reason,
            message=message,
            version=spoken,
            client_correlation=client,
            server_correlation=server,
            unique_identifiers=tuple(identifiers),
            sequence=sequence,
        )

    def as_dict(self) -> dict[str, Any]:
        """The fields that say something, for people and programs."""
        fields: dict[str, Any] = {"sequence": self.sequence, "time": rfc3339(self.time)}
        for name in _NAMED:
            if value := getattr(self, name):
                fields[name] = list(value) if isinstance(value, tuple) else value
        return fields

    def json(self) -> str:
        """One line of canonical JSON: keys in order, no blanks, ASCII only, so that no field can break the line."""
        return json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    def line(self) -> str:
        """One line for a terminal; what could steer the terminal or break the line is escaped."""
        outcome = self.status if not self.reason else f"{self.status} ({self.reason})"
        parts = [
            str(self.sequence),
            rfc3339(self.time),
            self.name or self.caller or "-",
            self.address,
            self.operation or "-",
            " ".join(self.unique_identifiers),
            outcome,
            self.message,
        ]
        return "  ".join(_printable(part) for part in parts if part)


_NAMED: Final = (
    "caller", "name", "domain", "address", "operation", "unique_identifiers", "status", "reason", "message", "version",
    "client_correlation", "server_correlation",
)  # fmt: skip


def rfc3339(microseconds: int) -> str:
    """A time as text, in UTC; a number if no calendar has it."""
    try:
        seconds, rest = divmod(microseconds, 1_000_000)
        moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
    except (ValueError, OverflowError, OSError):
        return str(microseconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def export(events: Iterable[tuple[int, bytes]]) -> Iterator[str]:
    """A log as lines of JSON, each with the bytes that the tree was made of, for a verifier elsewhere."""
    for sequence, data in events:
        fields = Event.decode(data, sequence).as_dict()
        fields["leaf"] = data.hex()
        yield json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _texts(texts: tuple[str, ...]) -> tuple[bytes, bytes]:
    """The texts of an event, as lengths and bytes; what a client does, it mostly does again."""
    found = _KNOWN.get(texts)
    if found is None:
        encoded = [_bytes(text) for text in texts]
        found = _LENGTHS.pack(*map(len, encoded)), b"".join(encoded)
        if len(found[1]) < MOST_TEXT_BYTES // 2:  # so nothing was cut, and what is kept is small
            if len(_KNOWN) >= _MOST_KNOWN:
                _KNOWN.clear()
            _KNOWN[texts] = found
    return found


_KNOWN: dict[tuple[str, ...], tuple[bytes, bytes]] = {}
_MOST_KNOWN: Final = 1024


def _bytes(text: str) -> bytes:
    data = text.encode("utf-8", "backslashreplace")
    if len(data) <= MOST_TEXT_BYTES:
        return data
    digest = f"… sha256:{hashlib.sha256(data).hexdigest()} ({len(data)} bytes)".encode()
    kept = data[: MOST_TEXT_BYTES - len(digest)].decode("utf-8", "ignore").encode()
    return kept + digest


def _few(identifiers: tuple[str, ...]) -> tuple[str, ...]:
    """The first of very many, and a digest of all."""
    digest = hashlib.sha256(b"\0".join(_bytes(identifier) for identifier in identifiers)).hexdigest()
    return (*identifiers[: MOST_IDENTIFIERS - 1], f"… sha256:{digest} ({len(identifiers)} in all)")


def _text(data: bytes, position: int, length: int) -> str:
    part = data[position : position + length]
    if len(part) != length:
        raise TamperError(_DAMAGED)
    return part.decode()


def _printable(text: str) -> str:
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )

"""What the rows of a database add up to, and the codes that values and events carry.

A row's part of a sum, and a code, can be made only by who has the keys (`custody.zones.Vault.blind`).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from hmac import compare_digest
from struct import Struct
from typing import Final

from keystead.audit.log import Event
from keystead.custody.anchor import Mark
from keystead.custody.zones import Vault
from keystead.errors import TamperError
from keystead.store import EventRow, Transaction

SYSTEM: Final = ""
"""The domain of the server itself: no client can be enrolled in it."""
STATE: Final = ("integrity", "state")
OBJECT_PARTS: Final = 64
ENTRY_PARTS: Final = 32
PARTS: Final = OBJECT_PARTS + ENTRY_PARTS
SUM_BYTES: Final = 16
_NO_SUMS: Final = bytes(PARTS * SUM_BYTES)
_STATE: Final = Struct(f">QQQ{PARTS // 8}s{len(_NO_SUMS)}s")
_COUNTER: Final = Struct(">Q")
_ENTRY: Final = Struct(">qQ16s")
"""In front of a small value: when it expires (-1: never), the count of changes when it was put, and its code."""
_MARK: Final = Struct(">QQ16s")
# What is hashed, so that a value of one can never pass for that of another.
_OBJECT, _ENTRY_CODE, _ENTRY_ROW, _TAG, _SEAL, _EVENTS = range(1, 7)


@dataclass(frozen=True, slots=True)
class State:
    """What the database holds, in sum.

    Attributes:
        counter: how often it was changed.
        objects: how many there are.
        keks: how often the keys of a zone were.
        quarantine: a bit for each part that is not as it was left.
        sums: of each part, first those of objects, then those of entries.
    """

    counter: int = 0
    objects: int = 0
    keks: int = 0
    quarantine: int = 0
    sums: bytes = _NO_SUMS

    def encode(self) -> bytes:
        quarantine = self.quarantine.to_bytes(PARTS // 8, "big")
        return _STATE.pack(self.counter, self.objects, self.keks, quarantine, self.sums)

    @classmethod
    def decode(cls, data: bytes) -> State:
        counter, objects, keks, quarantine, sums = _STATE.unpack(data)
        return cls(counter, objects, keks, int.from_bytes(quarantine, "big"), sums)

    def seal(self, vault: Vault) -> bytes:
        """As it lies in the database.  Raises: CustodyError."""
        sealed = vault.seal_attributes(SYSTEM, STATE[1], STATE[0], self.counter, self.encode())
        return _COUNTER.pack(self.counter) + sealed

    @classmethod
    def unseal(cls, vault: Vault, found: bytes) -> State:
        """Open what `seal` gave.  Raises: TamperError, CustodyError."""
        counter = int.from_bytes(found[: _COUNTER.size], "big")
        return cls.decode(vault.open_attributes(SYSTEM, STATE[1], STATE[0], counter, found[_COUNTER.size :]))


def part_of(unique_identifier: str) -> int:
    """The part that an object belongs to."""
    return zlib.crc32(unique_identifier.encode(errors="surrogatepass")) % OBJECT_PARTS


def part_of_entry(kind: str, key: str) -> int:
    """The part that an entry belongs to."""
    return OBJECT_PARTS + zlib.crc32(f"{kind}\0{key}".encode(errors="surrogatepass")) % ENTRY_PARTS


class Ledger:
    """What rows add to the sums."""

    __slots__ = ("_vault",)

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def object(self, unique_identifier: str, generation: int, sealed: bytes) -> int:
        """Of an object: its sealed attributes end in a tag that all of them, and who it is, went into."""
        data = b"%d %b" % (generation, sealed[-16:]) + unique_identifier.encode(errors="surrogatepass")
        return int.from_bytes(self._vault.blind(SYSTEM, _OBJECT, data), "big")

    def entry(self, kind: str, key: str, version: int, stored: bytes) -> int:
        """Of a small value as it is stored."""
        data = b"%d %b" % (version, stored[: _ENTRY.size]) + f"{kind}\0{key}".encode(errors="surrogatepass")
        return int.from_bytes(self._vault.blind(SYSTEM, _ENTRY_ROW, data), "big")

    def close(self, kind: str, key: str, value: bytes, expires: int | None, at: int) -> bytes:
        """A small value with its code, as it is stored."""
        until = -1 if expires is None else expires
        return _ENTRY.pack(until, at, self._code(kind, key, value, until, at)) + value

    def open(self, kind: str, key: str, stored: bytes) -> tuple[bytes, int | None, int]:
        """A small value, when it expires, and the count of changes when it was put.  Raises: TamperError."""
        if type(stored) is bytes and len(stored) >= _ENTRY.size:
            until, at, code = _ENTRY.unpack_from(stored)
            value = stored[_ENTRY.size :]
            if compare_digest(code, self._code(kind, key, value, until, at)):
                return value, None if until < 0 else until, at
        raise TamperError(f"a value of the kind {kind} is not what was kept")

    def events(self, last: int, number: int, batch: bytes) -> bytes:
        """The code of events that were appended together."""
        return self._vault.blind(SYSTEM, _EVENTS, b"%d %d %b" % (last, number, batch))

    def _code(self, kind: str, key: str, value: bytes, until: int, at: int) -> bytes:
        name = f"{kind}\0{key}".encode(errors="surrogatepass")
        return self._vault.blind(SYSTEM, _ENTRY_CODE, b"%d %d %d %b%b" % (until, at, len(name), name, value))

    def tag(self, state: State) -> bytes:
        """16 bytes that stand for a state."""
        return self._vault.blind(SYSTEM, _TAG, state.encode())

    def mark(self, state: State, events: int) -> Mark:
        """The note of how far a database has come."""
        tag = self.tag(state)
        seal = self._vault.blind(SYSTEM, _SEAL, _MARK.pack(state.counter, events, tag))
        return Mark(state.counter, events, tag, seal)

    def genuine(self, mark: Mark) -> bool:
        """Whether a note was made here."""
        seal = self._vault.blind(SYSTEM, _SEAL, _MARK.pack(mark.counter, mark.events, mark.tag))
        return compare_digest(mark.seal, seal)


def by_operators(transaction: Transaction, row: EventRow) -> bool:
    """Whether somebody without the keys can have appended it: then it is one event, and tells of no client."""
    if not row.sound or row.number != 1:
        return False
    try:
        ((_, data),) = transaction.events(row.last - 1, 1)
        event = Event.decode(data)
    except TamperError:
        return False
    return not (event.caller or event.domain or event.version or event.unique_identifiers)

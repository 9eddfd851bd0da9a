"""How far the database had come: a small file beside the keys, apart from the database.

Whoever holds the database can put an old copy of it in its place, and every row of that copy is genuine.  So the place
that it had reached is noted where the database is not.  The note follows the database: at once where something is no
longer as it was, about each second otherwise, and at the end.  What it says was durable in the database before, so that
a database which has not come as far is an older one.

The file has two slots that are written in turn, so that one is whole whenever the power fails.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Final

from keystead.custody.files import belong, make_directory
from keystead.errors import CustodyError

ANCHOR_FILE: Final = "anchor"
TAG_BYTES: Final = 16
_SLOT: Final = Struct(f">QQQ{TAG_BYTES}s{TAG_BYTES}s")
_SLOT_BYTES: Final = 512
"""A sector: the slots do not share one, so that writing one cannot spoil the other."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the life of a database.

    Attributes:
        counter: of its changes.
        events: the last event's sequence number.
        tag: of all that it held then.
        seal: proves that the holder of the keys wrote this.
    """

    counter: int
    events: int
    tag: bytes
    seal: bytes


Genuine = Callable[[Mark], bool]
"""Whether the holder of the keys made a mark."""


class Anchor:
    """The file in a directory.  Several processes may write it; the furthest mark stays."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / ANCHOR_FILE

    def read(self) -> list[Mark]:
        """The marks in the file, the last written first; whether they are genuine is the reader's to check.

        Raises:
            CustodyError: it cannot be read, or others may read or write it.
        """
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise CustodyError(f"{ANCHOR_FILE} may be read or written by others; make its mode 0600")
                data = file.read(2 * _SLOT_BYTES)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CustodyError(f"{ANCHOR_FILE} cannot be read: {error.strerror}") from None
        return [mark for _, mark in sorted(_slots(data), key=lambda slot: slot[0], reverse=True)]

    def write(self, mark: Mark, genuine: Genuine, force: bool = False, durable: bool = True) -> None:
        """Note a mark, unless one that is further stands there.

        Args:
            genuine: tells whether a mark that stands there counts; one that does not is written over.
            force: though it is not further: a person has accepted an older state.
            durable: else the end of the process does it no harm, but that of the power may.

        Raises:
            CustodyError: it cannot be written.
        """
        try:
            make_directory(self._path.parent)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                belong(descriptor, self._path.parent)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                slots = [slot for slot in _slots(os.pread(descriptor, 2 * _SLOT_BYTES, 0)) if genuine(slot[1])]
                turn, last = max(slots, key=lambda slot: slot[0], default=(0, None))
                if last is None or force or (mark.counter, mark.events) > (last.counter, last.events):
                    data = _SLOT.pack(turn + 1, mark.counter, mark.events, mark.tag, mark.seal)
                    os.pwrite(descriptor, data, (turn + 1) % 2 * _SLOT_BYTES)
                if durable:
                    os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise CustodyError(f"{ANCHOR_FILE} cannot be written: {error.strerror}") from None


def _slots(data: bytes) -> list[tuple[int, Mark]]:
    """The slots that were written, with the number of the writing."""
    found = []
    for start in (0, _SLOT_BYTES):
        slot = data[start : start + _SLOT.size]
        if len(slot) == _SLOT.size and any(slot):
            turn, counter, events, tag, seal = _SLOT.unpack(slot)
            found.append((turn, Mark(counter, events, tag, seal)))
    return found

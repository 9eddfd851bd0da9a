"""Where an object is filed: what the writing and the searching side of the store agree on.

An object lies on a shelf: the pair of a space (what one reader owns, or was granted) and a standing (compromised,
archived, destroyed).  Everything that Locate can ask for equality is a row of `postings`, everything it can ask for a
range is a row of `numbers`, and both begin with the shelf: what others own, or what was destroyed long ago, lies
elsewhere and costs nothing.  Objects are numbered as they come, so that newest first is the order of an index.

States are not filed, for time changes them.  Of what is neither compromised nor destroyed, it is dates that decide:
OPEN_ENDED and UNTIL are filed so that each state is one or two ranges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from keystead.store import BLIND_BYTES, Record

NEVER: Final = (1 << 63) - 1
"""Stands for a date that there is none of, and for no limit."""
ALWAYS: Final = -(1 << 63)

EVERY, TYPE, NAME = 0, 1, 2
"""Postings of the store itself (attributes have larger numbers): all on the shelf, those of a type, with a name."""
OPEN_ENDED, UNTIL = 0, 1
"""Numbers of the store itself: the Activation Date of what has no Deactivation Date (NEVER if it has neither); the
Deactivation Date."""

COMPROMISED, ARCHIVED, DESTROYED = 1, 2, 4
"""The bits of a standing."""
STANDINGS: Final = 8
"""A shelf is its space times this, plus its standing."""


class Connection(Protocol):
    """What a transaction asks of a database."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement; its rows.  Raises: StoreError, TamperError."""

    def many(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each of the parameters.  Raises: StoreError, TamperError."""

    def commit(self) -> None:
        """Make it durable.  Raises: StoreError, TamperError, Conflict."""


def standing_of(record: Record) -> int:
    """The standing of an object: what operations made of it, and time does not change."""
    return (
        (COMPROMISED if record.compromise_date is not None else 0)
        | (ARCHIVED if record.archive_date is not None else 0)
        | (DESTROYED if record.destroy_date is not None else 0)
    )


def type_value(object_type: int) -> bytes:
    """What an object of a type is posted under."""
    return object_type.to_bytes(4, "big")


def name_value(name: str) -> bytes:
    """What an object with a name is posted under."""
    return hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=BLIND_BYTES).digest()

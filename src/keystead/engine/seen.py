"""How far objects and values had come when this process saw them last: an older one is refused, though nobody has
looked for it yet.

The sums (`integrity`) tell of every row that was put back, but only when they are added up anew.  Until then this
keeps what was revoked, disabled or taken back from being used again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeVar

from keystead.errors import TamperError
from keystead.store import Record

MOST: Final = 200_000
"""So many objects, and so many values, are remembered; of objects those only that were changed since they were made."""
STANDING: Final = frozenset(
    {
        "account", "account-name", "attestation", "client", "client-name", "endpoint", "grant", "group", "group-name",
        "peer", "rules",
    }
)  # fmt: skip
"""The kinds of values that say who may do what."""

_Name = TypeVar("_Name")


class Seen:
    """What one process has seen of a database."""

    __slots__ = ("_objects", "_values")

    def __init__(self) -> None:
        self._objects: dict[str, int] = {}
        self._values: dict[tuple[str, str], int] = {}

    def note(self, objects: Mapping[str, int], values: Collection[tuple[str, str]], counter: int) -> None:
        """Remember what was committed: objects and their generations, 0 for none; values that were put or removed."""
        for unique_identifier, generation in objects.items():
            self._note_object(unique_identifier, generation)
        for place in values:
            _keep(self._values, place, counter)

    def _note_object(self, unique_identifier: str, generation: int) -> None:
        if generation > 1:
            _keep(self._objects, unique_identifier, generation)
        elif self._objects:
            self._objects.pop(unique_identifier, None)

    def check_object(self, record: Record, newest: bool, is_gone: Callable[[str], bool]) -> None:
        """Refuse a record that is older than one that was seen.

        Args:
            newest: nothing newer than the transaction was seen.
            is_gone: tells of an object whether it was obliterated once.

        Raises:
            TamperError, CustodyError.
        """
        name, generation = record.unique_identifier, record.generation
        before = self._objects.get(name, 0)
        if generation == before:
            return
        if type(generation) is not int:
            raise TamperError("the row of an object is damaged")
        if generation < before:
            if not newest:
                return
            if not is_gone(name):  # else another one was brought under its identifier, to another process
                raise TamperError("an object was put back to an older state")
        self._note_object(name, generation)

    def check_value(self, kind: str, key: str, at: int | None, counter: int, newest: bool) -> None:
        """Refuse a value that is older than one that was seen.

        Args:
            at: the count of changes when it was put; None if it is not there.
            counter: that of the transaction.
            newest: nothing newer than the transaction was seen.

        Raises:
            TamperError.
        """
        before = self._values.get((kind, key))
        if at is None:
            if before is not None and before < counter:  # whatever is put there later is newer
                self._values[kind, key] = counter
        elif before is None or at > before:
            _keep(self._values, (kind, key), at)
        elif at < before and newest:
            raise TamperError(f"a value of the kind {kind} was put back to an older state")


def _keep(known: dict[_Name, int], name: _Name, number: int) -> None:
    if len(known) >= MOST:
        known.clear()
    known[name] = number


__all__ = ["STANDING", "Seen"]

"""Tombstones on their way: what was destroyed is noted in the transaction that destroys it.

From there they are carried to where the keys of the zones lie, and no restore undoes them (`custody.keks`): about each
second, and after a crash too.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from keystead.custody.keks import Tombstone
from keystead.engine.guard import GuardedStore
from keystead.engine.records import tag_of
from keystead.errors import KeysteadError, StoreError, TamperError
from keystead.store import Transaction

if TYPE_CHECKING:
    from keystead.engine.context import Turn
    from keystead.engine.engine import Engine

log = logging.getLogger("keystead.engine")

KIND: Final = "grave"
SCRUB_SECONDS: Final = 5.0
"""After a destruction the database's log is emptied about so soon; not for each, since all have to wait for that."""


def note(turn: Turn) -> list[Tombstone]:
    """Note what a turn destroyed, with the rest of what it does."""
    stones = []
    for unique_identifier, managed in turn.changed.items():
        before = turn.originals.get(unique_identifier)
        if managed is None or (managed.destroyed and not (before is not None and before.destroyed)):
            tag = b"" if before is None or before.envelope is None else tag_of(before.envelope)
            stones.append(Tombstone("gone" if managed is None else "object", unique_identifier, turn.now, tag=tag))
    for stone in stones:
        turn.transaction.put_entry(KIND, *_encoded(stone))
    return stones


def bury(engine: Engine) -> bool:
    """Carry over what was noted, by whatever process; whether there was anything.

    Raises:
        StoreError, CustodyError, TamperError: it stays noted.
    """
    with engine.store.begin(write=False) as transaction:
        found = transaction.entries(KIND)
    if found:
        engine.vault.bury([_decoded(key, value) for key, value in found])
        with engine.store.begin() as transaction:
            for key, value in found:
                if transaction.entry(KIND, key) == value:
                    transaction.delete_entry(KIND, key)
            transaction.commit()
    return bool(found)


class Shredder:
    """Sees to it that of what an engine destroyed only tombstones are left.

    Attributes:
        due: when the database's log is to be emptied, by `time.monotonic`; 0 if nothing of it is there.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.due = 0.0

    def start(self) -> None:
        """Begin: what was destroyed just before a crash may be in the log."""
        self.due = time.monotonic()

    def entomb(self, stones: list[Tombstone]) -> None:
        """Bury what is gone before the answer leaves: the store has no trace of it.  What is destroyed it knows."""
        self._schedule()
        gone = [stone for stone in stones if stone.what == "gone"]
        if gone:
            try:
                self._engine.vault.bury(gone)
            except KeysteadError as error:  # it is done, and noted: it is tried again
                log.error("tombstones not written", extra={"fields": {"said": str(error)}})

    def bury(self) -> None:
        """Carry over what was noted.  Raises: StoreError, CustodyError, TamperError; it stays noted."""
        if bury(self._engine):
            self._schedule()

    def empty_log(self) -> None:
        """Leave nothing of what was destroyed in the database's log, if it is time."""
        if self.due and time.monotonic() >= self.due:
            try:
                self._engine.store.scrub()
            except StoreError:  # somebody still reads
                self.due = time.monotonic() + SCRUB_SECONDS
            else:
                self.due = 0.0

    def finish(self) -> None:
        """Do what is left, at once.  Raises: as `bury`."""
        self.bury()
        self.due = self.due and time.monotonic()
        self.empty_log()

    def _schedule(self) -> None:
        self.due = self.due or time.monotonic() + SCRUB_SECONDS


def noted(store: GuardedStore, transaction: Transaction) -> list[Tombstone]:
    """What is noted in a database that may have been tampered with."""
    stones = []
    for key, stored in transaction.entries(KIND):
        with suppress(TamperError):
            stones.append(_decoded(key, store.ledger.open(KIND, key, stored)[0]))
    return stones


def _encoded(stone: Tombstone) -> tuple[str, bytes]:
    """The key and the value of an entry."""
    return f"{stone.what} {stone.tag.hex()} {stone.name}", b"%d" % stone.at


def _decoded(key: str, value: bytes) -> Tombstone:
    what, tag, name = key.split(" ", 2)
    return Tombstone(what, name, int(value), tag=bytes.fromhex(tag))

"""Tombstones on their way: what was destroyed is noted in the transaction that destroys it.

From there they are carried to where the keys of the zones lie, and no restore undoes them (`custody.keks`): about each
second, and after a crash too.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from keystead.custody.keks import Tombstone
from keystead.engine.guard import GuardedStore
from keystead.errors import TamperError
from keystead.store import Transaction

if TYPE_CHECKING:
    from keystead.engine.context import Turn
    from keystead.engine.engine import Engine

KIND: Final = "grave"


def note(turn: Turn) -> list[Tombstone]:
    """Note what a turn destroyed, with the rest of what it does."""
    stones = [
        Tombstone("gone" if managed is None else "object", unique_identifier, turn.now)
        for unique_identifier, managed in turn.changed.items()
        if managed is None or managed.destroyed
    ]
    for stone in stones:
        turn.transaction.put_entry(KIND, stone.name, _encode(stone))
    return stones


def bury(engine: Engine) -> bool:
    """Carry over what was noted, by whatever process; whether there was anything.

    Raises:
        StoreError, CustodyError, TamperError: it stays noted.
    """
    with engine.store.begin(write=False) as transaction:
        found = transaction.entries(KIND)
    if found:
        engine.vault.bury([_decode(name, value) for name, value in found])
        with engine.store.begin() as transaction:
            for name, value in found:
                if transaction.entry(KIND, name) == value:
                    transaction.delete_entry(KIND, name)
            transaction.commit()
    return bool(found)


def noted(store: GuardedStore, transaction: Transaction) -> list[Tombstone]:
    """What is noted in a database that may have been tampered with."""
    stones = []
    for name, stored in transaction.entries(KIND):
        with suppress(TamperError):
            stones.append(_decode(name, store.ledger.open(KIND, name, stored)[0]))
    return stones


def _encode(stone: Tombstone) -> bytes:
    return b"%b %d" % (stone.what.encode(), stone.at)


def _decode(name: str, value: bytes) -> Tombstone:
    what, at = value.decode().split()
    return Tombstone(what, name, int(at))

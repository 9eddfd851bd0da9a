"""Backups verified and restored.

What is restored is put in the place of what is there in one transaction: after a crash it is all there or nothing of
it.  What was destroyed since the backup was made stays destroyed: the tombstones that lie beside the keys say so, and
so does the database that the restored one replaces.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from keystead.audit.log import Event
from keystead.custody import RootOfTrust, archive
from keystead.custody.keks import Tombstone, context_of, open_keks, zone_name
from keystead.custody.zones import Vault
from keystead.engine import backup
from keystead.engine.backup import Progress, silent
from keystead.engine.grants import GRANT
from keystead.engine.graves import noted
from keystead.engine.guard import Floor
from keystead.engine.integrity import add_up
from keystead.engine.ledger import ENTRY_PARTS, OBJECT_PARTS, STATE, SUM_BYTES, Ledger, State, part_of, part_of_entry
from keystead.engine.records import destroyed, indexed, open_record, tag_of
from keystead.errors import OperationFailed, TamperError
from keystead.kmip.enums import ResultReason
from keystead.kmip.tags import Tag
from keystead.store import GrantRow, Record, Transaction

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

_STEP: Final = 1000


@dataclass(slots=True)
class Found:
    """What is in a backup.

    Attributes:
        header: what it says of itself, by now known to be true.
        opened: how many objects were opened.
        damaged: objects that do not open.
    """

    header: Mapping[str, Any]
    files: int = 0
    keks: int = 0
    objects: int = 0
    entries: int = 0
    events: int = 0
    opened: int = 0
    damaged: list[str] = field(default_factory=list)


def verify(path: Path, root: RootOfTrust, *, deep: bool = False, progress: Progress = silent) -> Found:
    """Read a backup to its end, and add up what the database in it holds.

    Args:
        root: which sealed it.
        deep: open every object, as a restore would: a rehearsal.

    Raises:
        TamperError: it was altered, cut short, or put together; or what is in it does not add up.
        CustodyError: the root is sealed.
        StoreError: it cannot be read.
    """
    header = backup.read_header(path)
    key, found = archive.open_key(root, header), Found(header)
    sums, state = [0] * (OBJECT_PARTS + ENTRY_PARTS), None
    with tempfile.TemporaryDirectory() as directory, closing(Vault(root, open_keks(Path(directory)))) as vault:
        ledger = Ledger(vault)
        for what, fields in backup.items(path, key):
            if what == "kek":
                vault.bring(*fields)
                found.keks += 1
            elif what == "entry":
                entry = backup.entry_in(fields)
                if (entry.kind, entry.key) == STATE:
                    state = State.unseal(vault, entry.value)
                    continue
                ledger.open(entry.kind, entry.key, entry.value)
                sums[part_of_entry(entry.kind, entry.key)] ^= ledger.entry(
                    entry.kind, entry.key, entry.version, entry.value
                )
                found.entries += 1
            elif what == "object":
                record = backup.record_in(fields)
                seal = record.attributes[-SUM_BYTES:]
                sums[part_of(record.unique_identifier)] ^= ledger.object(
                    record.unique_identifier, record.generation, seal
                )
                found.objects += 1
                if deep:
                    _open(vault, record, found)
                if found.objects % _STEP == 0:
                    progress("objects", found.objects, int(header.get("objects", 0)))
            elif what == "event":
                found.events += 1
            elif what == "file":
                found.files += 1
    if backup.KEYS in header["classes"] and (state or State()).sums != b"".join(
        total.to_bytes(SUM_BYTES, "big") for total in sums
    ):
        raise TamperError("what the database of the backup holds does not add up")
    return found


def _open(vault: Vault, record: Record, found: Found) -> None:
    try:
        whole = indexed(vault, record) == record
        if record.material is not None:
            bound = (record.domain, record.material[0], record.unique_identifier, record.owner, 1)
            vault.open(*bound, record.material[1:])
    except TamperError:
        whole = False
    if whole:
        found.opened += 1
    else:
        found.damaged.append(record.unique_identifier)


@dataclass(frozen=True, slots=True)
class File:
    """A file in a backup: where it lay in its directory, what is in it, and its mode."""

    name: str
    content: bytes = field(repr=False)
    mode: int


def files(path: Path, root: RootOfTrust) -> dict[str, list[File]]:
    """The files in a backup by class, in their order, once it was read to its end.

    Raises:
        TamperError: it was altered, cut short, or put together; or a file is not to lie in the installation.
        CustodyError: the root is sealed.
        StoreError: it cannot be read.
    """
    key = archive.open_key(root, backup.read_header(path))
    names = {number: name for name, number in backup.SECTIONS.items()}
    found: dict[str, list[File]] = {name: [] for name in names.values()}
    for what, fields, section in backup.items_with_sections(path, key):
        if what == "file":
            one = File(*fields)
            if Path(one.name).is_absolute() or ".." in Path(one.name).parts:
                raise TamperError("a backup names a file outside the installation")
            found[names[section]].append(one)
    return found


# --- restoring --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Restored:
    """What became of a restore.

    Attributes:
        objects: how many there are now.
        kept_destroyed: how many were destroyed since the backup was made, and stay so.
        lost: how many that were made since are gone.
        replaced: how many there were before.
        older: by how many changes than the furthest state that is known here.
    """

    header: Mapping[str, Any]
    objects: int = 0
    kept_destroyed: int = 0
    lost: int = 0
    replaced: int = 0
    older: int = 0

    def __str__(self) -> str:
        said = f"{self.objects} objects as of {self.header['created']}"
        if self.older:
            said += f", a state that is older by {self.older} changes"
        if self.replaced:
            said += f", in the place of {self.replaced}; {self.lost} made since are gone"
        if self.kept_destroyed:
            said += f"; {self.kept_destroyed} destroyed since stay destroyed"
        return said


class _Graves:
    """What is not to come back.

    Args:
        stones: from beside the keys.
        dates: of what the database that is replaced knows to be destroyed.
    """

    def __init__(self, stones: list[Tombstone], dates: Mapping[str, int]) -> None:
        self._objects: dict[str, list[Tombstone]] = {}
        self._zones: dict[str, Tombstone] = {}
        for stone in (*stones, *(Tombstone("object", name, at) for name, at in dates.items())):
            if stone.what == "zone":
                self._zones[stone.name] = stone
            else:
                self._objects.setdefault(stone.name, []).append(stone)

    def zone(self, domain: str, kind: int, generation: int) -> Tombstone | None:
        """Of a key-encryption key that was destroyed."""
        stone = self._zones.get(zone_name(domain, kind))
        return stone if stone is not None and generation <= stone.generation else None

    def gone(self, vault: Vault, record: Record) -> bool:
        """Whether an object was obliterated after all."""
        stones = self._objects.get(record.unique_identifier, ())
        return any(stone.what == "gone" for stone in stones) and self._of(vault, record) is not None

    def object(self, vault: Vault, record: Record) -> int | None:
        """When an object, whose secret is in the backup, was destroyed after all."""
        if record.material is None:
            return None
        zone = self.zone(record.domain, record.material[0], vault.generation_of(record.material[1:]))
        return zone.at if zone is not None else self._of(vault, record)

    def _of(self, vault: Vault, record: Record) -> int | None:
        """When what a record holds was destroyed.

        What was imported again later under the same identifier is another secret.  Where there was none, its last
        change tells whether that came later.
        """
        stones = self._objects.get(record.unique_identifier, ())
        tag = tag_of(record.material or b"")
        of_it = [stone.at for stone in stones if stone.tag and stone.tag == tag]
        without = [stone.at for stone in stones if not stone.tag]
        if not of_it and without and open_record(vault, record).get(Tag.LAST_CHANGE_DATE, 0) <= max(without):
            return max(without)
        return max(of_it, default=None)


def restore(
    path: Path, root: RootOfTrust, engine: Engine, *, operator: str = "operator", progress: Progress = silent
) -> Restored:
    """Put the keys of a backup in the place of what a database holds.  No server may run on it.

    Args:
        root: which sealed the backup; that of the engine may be another by now.
        engine: over the database that is replaced.

    Raises:
        TamperError: the backup was altered, cut short, or put together; nothing was restored.
        CustodyError: a root is sealed, or the server has keys of its own that the backup does not know.
        StoreError: nothing was restored.
        OperationFailed: Item Not Found, if there are no keys in it.
    """
    header = backup.read_header(path)
    if backup.KEYS not in header["classes"]:
        raise OperationFailed(ResultReason.ITEM_NOT_FOUND, "there are no keys in this backup")
    verify(path, root, progress=lambda _, done, total: progress("verified", done, total))
    key, store, vault = archive.open_key(root, header), engine.store, engine.vault
    _bring(path, key, root, vault)
    with store.inner.begin() as transaction:
        before = store.state(transaction, Floor(), checked=False)
        known = _known(transaction)
        graves = _Graves(
            [*vault.tombstones(), *noted(store, transaction)],
            {name: at for name, at in known.items() if at is not None},
        )
        done = Restored(header, replaced=len(known))
        empty = transaction.last_event() == 0
        transaction.clear()
        state, stones, events = State(), [], []
        doomed: list[tuple[Record, int | None]] = []  # when it was destroyed; None if nothing is to be left of it
        for what, fields in backup.items(path, key):
            if what == "tombstone":
                stones.append(backup.tombstone_in(fields))
            elif what == "entry":
                entry = backup.entry_in(fields)
                if (entry.kind, entry.key) == STATE:
                    state = State.unseal(vault, entry.value)
                else:
                    transaction.keep_entry(entry)
            elif what == "object":
                record = backup.record_in(fields)
                if graves.gone(vault, record):
                    doomed.append((record, None))
                elif (at := graves.object(vault, record)) is not None:
                    doomed.append((record, at))
                transaction.add(record)
                known.pop(record.unique_identifier, None)
                done.objects += 1
                if done.objects % _STEP == 0:
                    progress("restored", done.objects, int(header["objects"]))
            elif what == "grant":
                _grant(transaction, backup.grant_in(fields))
            elif what == "event" and empty:
                events.append(fields[0])
                if len(events) == _STEP:
                    transaction.append_events(events, store.ledger.events)
                    events = []
        transaction.append_events(events, store.ledger.events)
        sums, objects, _ = add_up(store, transaction)
        if sums != state.sums or objects != state.objects:
            raise TamperError("what was restored does not add up; nothing was changed")
        for record, at in doomed:
            if at is None:
                _remove(transaction, record)
                done.objects -= 1
            else:
                transaction.save(destroyed(vault, record, at), record.generation)
            done.kept_destroyed += 1
        done.lost = len(known)
        furthest = max([before.counter, store.furthest, *(mark.counter for mark in store.marks())])
        done.older = max(0, furthest - state.counter)
        vault.bury(stones)  # before anything is there that they keep from coming back
        _settle(engine, transaction, max(furthest, state.counter), max(before.keks, state.keks), done, operator)
        transaction.commit()
    store.forget()
    engine.cache.clear()
    store.note(force=True)
    return done


def _known(transaction: Transaction) -> dict[str, int | None]:
    """The objects that there are, and when they were destroyed."""
    found: dict[str, int | None] = {}
    after = ""
    while page := transaction.records(after, _STEP):
        found.update({record.unique_identifier: record.destroy_date for record in page})
        after = page[-1].unique_identifier
    return found


def _bring(path: Path, key: bytes, root: RootOfTrust, vault: Vault) -> None:
    """Take in the key-encryption keys of a backup but those that were destroyed; before any other is made here."""
    graves = _Graves(vault.tombstones(), {})
    for what, fields in backup.items(path, key):
        if what not in ("file", "kek", "tombstone"):  # they come first
            break
        if what != "kek":
            continue
        domain, kind, generation, wrapped, created = fields
        if graves.zone(domain, kind, generation) is None:
            if root.identifier != vault.root.identifier:
                context = context_of(domain, kind, generation)
                wrapped = vault.root.wrap(root.unwrap(wrapped, context), context)
            vault.bring(domain, kind, generation, wrapped, created)


def _grant(transaction: Transaction, grant: GrantRow) -> None:
    on = transaction.get(grant.unique_identifier) if grant.owner == "" else None
    owner = grant.owner if on is None else on.owner
    transaction.grant(grant.domain, owner, grant.unique_identifier, grant.grantee, grant.operations)


def _remove(transaction: Transaction, record: Record) -> None:
    transaction.delete(record.unique_identifier)
    for key, _ in transaction.entries(GRANT, f"{record.unique_identifier}\0"):
        transaction.delete_entry(GRANT, key)


def _settle(engine: Engine, transaction: Transaction, counter: int, keks: int, done: Restored, operator: str) -> None:
    """Have the database say that it was restored, and what it holds now; it goes beyond any note of how far it was."""
    store = engine.store
    event = Event(
        time=int(engine.clock() * 1_000_000),
        name=operator,
        operation="Restore Backup",
        status="Success",
        message=f"backup {done.header['identifier']}: {done}",
    )
    transaction.append_events([event.encode()], store.ledger.events)
    sums, objects, _ = add_up(store, transaction)
    store.put_state(transaction, State(counter + 1, objects, keks + 1, 0, sums))


__all__ = ["File", "Found", "Restored", "files", "restore", "verify"]

"""The store, guarded: what somebody else writes to the database is noticed.

Each row is sealed, and bound to whose it is.  That leaves what needs no key: putting an old row back, taking one away,
or putting an old copy of the whole database in place of the new one.  So the engine keeps a sum over all rows, and
with it a counter, sealed, in the database; how far the counter had come is noted outside of it (`custody.anchor`).

- Each row adds 16 bytes, that only who has the keys can tell, to the sum of its part.  A change takes the old row's
  off and adds the new one's, in the same transaction.  `integrity` adds everything up anew, now and then: a part whose
  sum is wrong holds a row that is not as it was left, and is quarantined.
- Small values (`entry`) carry a code of their own, so that one which was edited, or put in the place of another, is
  refused when it is read.  Grants are kept as such values too, and a grant without one does not count.
- Events carry a code too.  Those of operators, who append them without the keys, get one within a second; any other
  that has none, or a wrong one, was tampered with.
- The counter never falls while a process lives, nor below the note of how far it had come.  An object, and a value
  that says who may do what, does not become older than the process has seen it (`seen`).

The note is made at once where something is changed or taken away, and each second.  So a rollback that is not noticed,
while the server is not running after a kill, takes away objects that were made in the last second; after the power
failed, whatever was done in it.  Who can write beside the keys as well can put back both;
against that stand the checkpoints of the audit, which others keep.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from hmac import compare_digest
from types import TracebackType
from typing import Final, NamedTuple

from keystead.custody.anchor import Anchor, Mark
from keystead.custody.zones import Vault
from keystead.engine.grants import GRANT, grant_key, grant_value
from keystead.engine.ledger import OBJECT_PARTS, STATE, SUM_BYTES, Ledger, State, by_operators, part_of, part_of_entry
from keystead.engine.seen import STANDING, Seen
from keystead.errors import CustodyError, TamperError
from keystead.store import (
    ALL,
    Count,
    Criteria,
    Entry,
    EventRow,
    GrantRow,
    Located,
    Record,
    Store,
    Stray,
    Transaction,
    Vouch,
)

log = logging.getLogger("keystead.engine")

_WHAT_NOW: Final = "restore a backup, or, if you have put it there yourself, keystead integrity accept"


class GuardedStore:
    """A store whose rows are added up.  See `keystead.store.Store`.

    Args:
        anchor: where it is noted how far the database has come; None for a database that nobody can put back.
    """

    def __init__(self, store: Store, vault: Vault, anchor: Anchor | None) -> None:
        self.inner = store
        self.vault = vault
        self.ledger = Ledger(vault)
        self._anchor = anchor
        self._known: tuple[object, State] = (None, State())
        self._furthest = -1
        self._keks: int | None = None
        self._noted: tuple[int, int] = (-1, -1)
        self.seen = Seen()
        self.last_event = 0
        """Of those that this process knows; the next one has a larger sequence number, so that a gap tells of a cut."""

    def begin(self, write: bool = True) -> _Begun:
        return _Begun(self, write)

    def epoch(self) -> object:
        return self.inner.epoch()

    def upkeep(self, now: int) -> None:
        with self.begin(write=False) as transaction:
            expired = transaction.expired(now)
        if expired:
            with self.begin() as transaction:
                for kind, key in expired:
                    try:
                        transaction.expire(kind, key, now)
                    except TamperError as error:  # it stays, and the others go
                        log.critical("integrity check failed", extra={"fields": {"said": str(error)}})
                transaction.commit()
        self.inner.tidy()

    def tidy(self) -> None:
        self.inner.tidy()

    def scrub(self) -> None:
        self.inner.scrub()

    def close(self) -> None:
        self.inner.close()

    def note(self, force: bool = False) -> None:
        """Note how far the database has come, where it cannot be put back; about each second, and at the end.

        Raises:
            StoreError, CustodyError, TamperError.
        """
        self._vouch()
        if self._anchor is None:
            return
        known = self.last_event = 0 if force else max(self.last_event, self.noted())
        with self.begin(write=False) as transaction:
            state, events = transaction.state, transaction.last_event()
        if events < known:
            log.critical("integrity check failed", extra={"fields": {"said": "the record of events was cut"}})
            events = known
        if force or (state.counter, events) != self._noted:
            self._anchor.write(self.ledger.mark(state, events), self.ledger.genuine, force)
            self._noted = state.counter, events

    def _vouch(self) -> None:
        """Vouch for events that a sealed server appended, or an operator beside a running one.

        From the next note on each event before it has a code, or was tampered with.
        """
        with self.begin(write=False) as transaction:
            waiting = transaction.unvouched()
            noted = self.noted() if waiting else 0
            waiting = [row for row in waiting if row.last > noted and by_operators(transaction, row)]
        if waiting:
            with self.begin() as transaction:
                for row in waiting:
                    transaction.vouch(row.last, self.ledger.events(row.last, row.number, row.batch))
                transaction.commit()

    def note_now(self, state: State, events: int) -> None:
        """Note what has just been committed, so that it outlives the process; `note` makes it durable."""
        if self._anchor is not None:
            try:
                self._anchor.write(
                    self.ledger.mark(state, max(events, self.last_event)), self.ledger.genuine, durable=False
                )
            except CustodyError as error:  # it is tried again each second
                log.error("the database's state is not noted", extra={"fields": {"said": str(error)}})

    @property
    def furthest(self) -> int:
        """The largest counter that this process has seen."""
        return self._furthest

    def floor(self) -> Floor:
        """What a transaction that begins now cannot fall short of.  Raises: CustodyError."""
        if self._furthest >= 0 or self._anchor is None or self.vault.sealed:
            return Floor(self._furthest)
        return Floor(marks=self._anchor.read())

    def state(self, transaction: Transaction, floor: Floor, checked: bool = True) -> State:
        """What the database holds as a transaction sees it.

        Args:
            floor: what there was before the transaction began.
            checked: refuse one that is not as it ought to be; False to look at it nevertheless.

        Raises:
            TamperError: somebody wrote to it, or put an older one in its place.
            CustodyError: sealed.
        """
        token, known = self.inner.epoch(), self._known
        if token == known[0]:
            return known[1]
        state = self._read(transaction, checked)
        if checked:
            if state.counter < floor.counter:
                raise TamperError("the database was put back to an older state while it was in use")
            if self._furthest < 0 and self._anchor is not None:
                marks = self._anchor.read() if floor.marks is None else floor.marks
                self._compare(state, transaction.last_event(), marks, self._anchor)
            self.remember(token, state)
        return state

    def fresh(self, transaction: Transaction, least: int) -> State:
        """What the database holds, read in this very transaction; `state` may know it from a moment before.

        Raises: as `state`.
        """
        state = self._read(transaction, True)
        if state.counter < least:
            raise TamperError("the database was put back to an older state while it was in use")
        return state

    def remember(self, token: object, state: State) -> None:
        """Note what is known of the database."""
        self._known = (token, state)
        self._furthest = max(self._furthest, state.counter)
        if state.keks != self._keks:
            if self._keks is not None:
                self.vault.refresh()
                self.seen, self.last_event = Seen(), 0  # so a person may have accepted an older state
            self._keks = state.keks

    def marks(self) -> list[Mark]:
        """The notes of how far the database had come that were made here.  Raises: CustodyError."""
        return [] if self._anchor is None else [mark for mark in self._anchor.read() if self.ledger.genuine(mark)]

    def noted(self) -> int:
        """How many events there were when it was noted last.  Raises: CustodyError."""
        return next((mark.events for mark in self.marks()), 0)

    def put_state(self, transaction: Transaction, state: State) -> None:
        """Write down what the database holds.  Raises: CustodyError."""
        transaction.put_entry(*STATE, state.seal(self.vault))

    def forget(self) -> None:
        """Know nothing of the database any more: it was put in order by hand."""
        self._known, self._furthest, self.seen, self.last_event = (None, State()), 0, Seen(), 0

    def _read(self, transaction: Transaction, checked: bool) -> State:
        found = transaction.entry(*STATE)
        if found is None:
            if checked and (transaction.seals("", 1) or transaction.all_entries(limit=1)):
                raise TamperError("the database has no record of what it holds")
            return State()
        try:
            return State.unseal(self.vault, found)
        except TamperError:
            if checked:
                raise
            return State()

    def _compare(self, state: State, events: int, marks: Sequence[Mark], anchor: Anchor) -> None:
        """Refuse a database that has not come as far as was noted."""
        if not marks and not state.counter:
            anchor.write(self.ledger.mark(state, 0), self.ledger.genuine)  # from now on there is always one
            return
        mark = next((mark for mark in marks if self.ledger.genuine(mark)), None)
        if mark is None:
            raise TamperError(
                "the note of how far the database had come is not genuine"
                if marks
                else f"there is no note of how far the database had come; {_WHAT_NOW}"
            )
        if state.counter < mark.counter or events < mark.events:
            raise TamperError(
                f"the database is older than it was: {max(0, mark.counter - state.counter)} changes and"
                f" {max(0, mark.events - events)} events are missing; {_WHAT_NOW}"
            )
        if state.counter == mark.counter and not compare_digest(self.ledger.tag(state), mark.tag):
            raise TamperError(f"the database is another one than it was; {_WHAT_NOW}")


class Floor(NamedTuple):
    """What the database had come to, as somebody looked before a transaction began.

    Attributes:
        counter: the largest that this process had seen.
        marks: the notes, for the first look that a process takes; None later.
    """

    counter: int = -1
    marks: Sequence[Mark] | None = None


class _Begun:
    """The block of a transaction."""

    __slots__ = ("_block", "_floor", "_store", "_write")

    def __init__(self, store: GuardedStore, write: bool) -> None:
        self._store = store
        self._write = write
        self._floor = store.floor()  # before: another process may go further between the two
        self._block: AbstractContextManager[Transaction] = store.inner.begin(write)

    def __enter__(self) -> GuardedTransaction:
        transaction = GuardedTransaction(self._store, self._block.__enter__(), self._floor)
        if self._write and not self._store.vault.sealed:
            try:
                _ = transaction.state  # before anything is sealed: under which keys, it says
            except BaseException:
                self._block.__exit__(None, None, None)
                raise
        return transaction

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._block.__exit__(kind, error, trace)


_Pending = tuple[dict[int, int], int, State | None, dict[str, int], set[tuple[str, str]]]


class _Savepoint:
    """Undoes what was added to the sums too."""

    __slots__ = ("_before", "_block", "_transaction")

    def __init__(self, transaction: GuardedTransaction, block: AbstractContextManager[None]) -> None:
        self._transaction = transaction
        self._block = block

    def __enter__(self) -> None:
        self._before = self._transaction.pending()
        self._block.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if error is not None:
            self._transaction.put_back(self._before)
        return self._block.__exit__(kind, error, trace)


class GuardedTransaction:
    """A transaction that adds up what it changes.  See `keystead.store.Transaction`."""

    __slots__ = (
        "_changed", "_floor", "_inner", "_last_event", "_objects", "_put", "_state", "_store", "_sums", "_touched",
    )  # fmt: skip

    def __init__(self, store: GuardedStore, inner: Transaction, floor: Floor) -> None:
        self._store = store
        self._inner = inner
        self._floor = floor
        self._state: State | None = None
        self._sums: dict[int, int] = {}
        self._objects = 0
        self._changed: dict[str, int] = {}
        self._put: set[tuple[str, str]] = set()
        self._touched: set[tuple[str, str]] = set()  # whether it was undone or not
        self._last_event = 0

    @property
    def state(self) -> State:
        """What the database held when the transaction began.  Raises: TamperError, CustodyError."""
        if self._state is None:
            self._state = self._store.state(self._inner, self._floor)
        return self._state

    @property
    def inner(self) -> Transaction:
        """The transaction, with nothing added up or looked at."""
        return self._inner

    def commit(self) -> None:
        if not self._sums and not self._objects:
            self._inner.commit()
            self._store.last_event = max(self._store.last_event, self._last_event)
            return
        state = self._summed()
        self._store.put_state(self._inner, state)
        token = self._store.inner.epoch()
        # Of what was only added somebody would miss it; what is no longer so would be so again.
        events = self._inner.last_event() if self._changed or max(self._sums) >= OBJECT_PARTS else None
        self._inner.commit()
        self._store.last_event = max(self._store.last_event, self._last_event)
        self._store.remember(token, state)
        if events is not None:
            self._store.note_now(state, events)
        self._store.seen.note(self._changed, self._put, state.counter)

    def _summed(self) -> State:
        state = self.state
        sums = bytearray(state.sums)
        for part, change in self._sums.items():
            place = slice(part * SUM_BYTES, (part + 1) * SUM_BYTES)
            sums[place] = (int.from_bytes(sums[place], "big") ^ change).to_bytes(SUM_BYTES, "big")
        return replace(state, counter=state.counter + 1, objects=state.objects + self._objects, sums=bytes(sums))

    def savepoint(self) -> AbstractContextManager[None]:
        return _Savepoint(self, self._inner.savepoint())

    def pending(self) -> _Pending:
        """What was added up so far."""
        return dict(self._sums), self._objects, self._state, dict(self._changed), set(self._put)

    def put_back(self, pending: _Pending) -> None:
        """Forget what was added up since."""
        self._sums, self._objects, self._state, self._changed, self._put = pending

    def set_state(self, **changes: int | bytes) -> None:
        """Change the state itself, with the next commit."""
        self._state = replace(self.state, **changes)  # type: ignore[arg-type]
        self._sums.setdefault(0, 0)

    def _toggle(self, part: int, *rows: int) -> None:
        total = self._sums.get(part, 0)
        for row in rows:
            total ^= row
        self._sums[part] = total

    # --- managed objects ---

    def get(self, unique_identifier: str) -> Record | None:
        if self.state.quarantine >> part_of(unique_identifier) & 1:
            raise TamperError("the object is in quarantine: it may not be as it was left")
        record = self._inner.get(unique_identifier)
        if record is not None and unique_identifier not in self._changed:
            newest = self.state.counter >= self._store.furthest
            self._store.seen.check_object(record, newest, self._store.vault.is_gone)
        return record

    def add(self, record: Record) -> None:
        self._inner.add(record)
        name = record.unique_identifier
        self._objects += 1
        if name in self._changed:  # it takes the place of one that was deleted
            self._changed[name] = record.generation
        self._toggle(part_of(name), self._store.ledger.object(name, record.generation, record.attributes))

    def save(self, record: Record, generation: int) -> bytes:
        before = self._inner.save(record, generation)
        name, ledger = record.unique_identifier, self._store.ledger
        self._changed[name] = record.generation
        self._toggle(
            part_of(name),
            ledger.object(name, generation, before),
            ledger.object(name, record.generation, record.attributes),
        )
        return before

    def reseal(self, unique_identifier: str, generation: int, attributes: bytes, material: bytes | None) -> bytes:
        before = self._inner.reseal(unique_identifier, generation, attributes, material)
        ledger = self._store.ledger
        self._toggle(
            part_of(unique_identifier),
            ledger.object(unique_identifier, generation, before),
            ledger.object(unique_identifier, generation, attributes),
        )
        return before

    def delete(self, unique_identifier: str) -> tuple[int, bytes] | None:
        before = self._inner.delete(unique_identifier)
        if before is not None:
            self._objects -= 1
            self._changed[unique_identifier] = 0
            self._toggle(part_of(unique_identifier), self._store.ledger.object(unique_identifier, *before))
            for key, _ in self._inner.entries(GRANT, grant_key("", "", unique_identifier, "")):
                self.delete_entry(GRANT, key)
        return before

    def locate(self, criteria: Criteria) -> Located:
        return self._inner.locate(criteria)

    def records(self, after: str = "", limit: int = 100) -> list[Record]:
        return self._inner.records(after, limit)

    def seals(self, after: str = "", limit: int = 1000) -> list[tuple[str, int, bytes]]:
        return self._inner.seals(after, limit)

    def misfiled(self, after: str = "", limit: int = 100) -> list[tuple[str, str]]:
        return self._inner.misfiled(after, limit)

    def strays(
        self, after: tuple[object, ...] = (), limit: int = 1000
    ) -> tuple[list[Stray], tuple[object, ...] | None]:
        return self._inner.strays(after, limit)

    def refile(self, record: Record) -> None:
        self._inner.refile(record)

    def remove_stray(self, stray: Stray) -> None:
        self._inner.remove_stray(stray)

    def object_count(self) -> int:
        return self._inner.object_count()

    def object_counts(self, now: int) -> list[Count]:
        return self._inner.object_counts(now)

    # --- grants ---

    def grant(
        self, domain: str, owner: str, unique_identifier: str, grantee: str, operations: Collection[int] = ()
    ) -> None:
        self._inner.grant(domain, owner, unique_identifier, grantee, operations)
        self.put_entry(GRANT, grant_key(domain, owner, unique_identifier, grantee), grant_value(operations))

    def revoke_grant(self, domain: str, owner: str, unique_identifier: str, grantee: str) -> bool:
        there = self._inner.revoke_grant(domain, owner, unique_identifier, grantee)
        self.delete_entry(GRANT, grant_key(domain, owner, unique_identifier, grantee))
        return there

    def grants(self, unique_identifier: str, owner: str, domain: str) -> list[tuple[str, frozenset[int]]]:
        found = self._inner.grants(unique_identifier, owner, domain)
        for grantee, operations in found:
            value = grant_value(operations)
            reaches = ((owner, unique_identifier), (owner, ALL), (ALL, ALL))
            if not any(self.entry(GRANT, grant_key(domain, of, name, grantee)) == value for of, name in reaches):
                raise TamperError("a grant is not what was granted")
        return found

    def grant_rows(self, after: int = 0, limit: int = 1000) -> list[GrantRow]:
        return self._inner.grant_rows(after, limit)

    # --- events ---

    def append_events(self, events: Sequence[bytes], vouch: Vouch | None = None, known: int = 0) -> int:
        known = max(known, self._store.last_event)
        first = self._inner.append_events(events, vouch or self._store.ledger.events, known)
        self._last_event = first + len(events) - 1
        return first

    def event_rows(self, after: int = 0, limit: int = 1000) -> list[EventRow]:
        return self._inner.event_rows(after, limit)

    def unvouched(self) -> list[EventRow]:
        return self._inner.unvouched()

    def vouch(self, last: int, code: bytes) -> None:
        self._inner.vouch(last, code)

    def events(self, after: int = 0, limit: int = 1000) -> list[tuple[int, bytes]]:
        return self._inner.events(after, limit)

    def last_event(self) -> int:
        return self._inner.last_event()

    # --- small values ---

    def entry(self, kind: str, key: str) -> bytes | None:
        found = self._inner.entry(kind, key)
        if self.state.quarantine >> part_of_entry(kind, key) & 1:
            raise TamperError(f"a value of the kind {kind} is in quarantine: it may not be as it was left")
        value, _, at = (None, None, None) if found is None else self._store.ledger.open(kind, key, found)
        self._check_seen(kind, key, at)
        return value

    def _check_seen(self, kind: str, key: str, at: int | None) -> None:
        if kind in STANDING and (kind, key) not in self._touched:
            counter = self.state.counter
            self._store.seen.check_value(kind, key, at, counter, counter >= self._store.furthest)

    def _touch(self, kind: str, key: str) -> None:
        if kind in STANDING:
            self._put.add((kind, key))
            self._touched.add((kind, key))

    def entry_version(self, kind: str, key: str) -> int:
        return self._inner.entry_version(kind, key)

    def put_entry(
        self, kind: str, key: str, value: bytes, expires: int | None = None, version: int | None = None
    ) -> int:
        ledger = self._store.ledger
        before = self._inner.entry(kind, key) if version != 0 else None
        self._touch(kind, key)
        stored = ledger.close(kind, key, value, expires, self.state.counter + 1)
        now = self._inner.put_entry(kind, key, stored, expires, version)
        rows = [ledger.entry(kind, key, now, stored)]
        if before is not None:
            rows.append(ledger.entry(kind, key, now - 1, before))
        self._toggle(part_of_entry(kind, key), *rows)
        return now

    def delete_entry(self, kind: str, key: str) -> bool:
        before, version = self._inner.entry(kind, key), self._inner.entry_version(kind, key)
        if before is None:
            return False
        self._touch(kind, key)
        self._toggle(part_of_entry(kind, key), self._store.ledger.entry(kind, key, version, before))
        return self._inner.delete_entry(kind, key)

    def entries(self, kind: str, prefix: str = "") -> list[tuple[str, bytes]]:
        opened, quarantine = self._store.ledger.open, self.state.quarantine
        found = self._inner.entries(kind, prefix)
        if quarantine and any(quarantine >> part_of_entry(kind, key) & 1 for key, _ in found):
            raise TamperError(f"a value of the kind {kind} is in quarantine: it may not be as it was left")
        values = []
        for key, stored in found:
            value, _, at = opened(kind, key, stored)
            self._check_seen(kind, key, at)
            values.append((key, value))
        return values

    def all_entries(self, after: tuple[str, str] = ("", ""), limit: int = 1000) -> list[Entry]:
        opened = self._store.ledger.open
        return [
            replace(entry, value=opened(entry.kind, entry.key, entry.value)[0])
            for entry in self._inner.all_entries(after, limit)
            if (entry.kind, entry.key) != STATE
        ]

    def keep_entry(self, entry: Entry) -> None:
        self.delete_entry(entry.kind, entry.key)
        ledger = self._store.ledger
        self._touch(entry.kind, entry.key)
        stored = ledger.close(entry.kind, entry.key, entry.value, entry.expires, self.state.counter + 1)
        self._inner.keep_entry(replace(entry, value=stored))
        row = ledger.entry(entry.kind, entry.key, entry.version, stored)
        self._toggle(part_of_entry(entry.kind, entry.key), row)

    def expired(self, now: int, limit: int = 1000) -> list[tuple[str, str]]:
        return self._inner.expired(now, limit)

    def expire(self, kind: str, key: str, now: int) -> None:
        """Remove an entry whose time has come.  Raises: TamperError, if it has not, whatever the database says."""
        found = self._inner.entry(kind, key)
        if found is not None:
            _, until, _ = self._store.ledger.open(kind, key, found)
            if until is None or until > now:
                raise TamperError(f"a value of the kind {kind} is made to expire before its time")
            self.delete_entry(kind, key)

    def clear(self) -> None:
        state = self.state
        self._inner.clear()
        self._sums, self._objects = {0: 0}, 0
        self._state = replace(state, objects=0, quarantine=0, sums=State().sums)


__all__ = ["GuardedStore", "GuardedTransaction"]

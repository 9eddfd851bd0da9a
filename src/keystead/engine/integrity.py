"""Everything added up anew: whether the database is as it was left.

What is used is checked whenever it is used; this finds what nobody uses: a row that was taken away or put back.  A
sweep adds up all rows, and looks into some of them, so that after some sweeps it has looked into all.  A part whose sum
is wrong is put in quarantine; an object whose index says otherwise than its sealed attributes is filed anew.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from keystead.audit.log import Event
from keystead.custody.files import belong
from keystead.engine.grants import GRANT, grant_key
from keystead.engine.guard import Floor, GuardedStore
from keystead.engine.ledger import (
    ENTRY_PARTS,
    OBJECT_PARTS,
    STATE,
    SUM_BYTES,
    Ledger,
    State,
    part_of,
    part_of_entry,
)
from keystead.engine.records import indexed
from keystead.errors import Conflict, KeysteadError, TamperError
from keystead.store import Entry, EventRow, Record, Stray, Transaction

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

log = logging.getLogger("keystead.engine")

PAUSE_SECONDS: Final = 45.0
"""Between two sweeps, unless one takes longer than this."""
SHARE: Final = 9
"""A sweep rests so many times as long as it works: what answers meanwhile has the same processor, and the same lock."""
LOOKED_INTO: Final = 20_000
"""So many objects a sweep looks into."""
AT_START: Final = 200_000
"""Up to so many objects are added up before the first answer; more after it."""
_PAGE: Final = 500
_ALL: Final = range(OBJECT_PARTS + ENTRY_PARTS)
LOCK_FILE: Final = "sweep.lock"
_NO_ROW: Final = 1
"""Added for a row that cannot be one of the server's."""
_MENDED: Final = ("misfiled", "strays")

Rest = Callable[[float], None]


@dataclass(slots=True)
class Report:
    """What was found.

    Attributes:
        objects, entries: how many were added up.
        looked_into: how many objects were opened.
        wrong: the parts whose sum is not what it ought to be.
        misfiled: objects that would not be found by what they are, or be found by what they are not.
        strays: what is filed without an object that says so.
        ungranted: grants that are on record and have no row.
        damaged: objects that are not what was sealed.
        unread: what could not be read, so that nobody knows what else is wrong there.
        events: sequence numbers in the record at which it is not as it was written.
        counter: of the state.
        seconds: how long it took.
        after: where the next look at objects goes on; `event_after`, that at events.
    """

    objects: int = 0
    entries: int = 0
    looked_into: int = 0
    wrong: list[int] = field(default_factory=list)
    misfiled: list[str] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    ungranted: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    counter: int = 0
    seconds: float = 0.0
    after: str = ""
    event_after: int = 0

    @property
    def sound(self) -> bool:
        """Whether all is as it was left."""
        return not self.findings()

    def findings(self) -> frozenset[tuple[str, object]]:
        """Each thing that is not as it was left."""
        names = ("wrong", "misfiled", "strays", "ungranted", "damaged", "unread", "events")
        return frozenset((name, each) for name in names for each in getattr(self, name))

    def __str__(self) -> str:
        if self.sound:
            return f"{self.objects} objects and {self.entries} values are as they were left"
        said = (
            f"{len(self.wrong)} parts do not add up" if self.wrong else "",
            f"{len(self.damaged)} objects are not what was sealed" if self.damaged else "",
            f"{len(self.misfiled)} objects are filed wrongly" if self.misfiled else "",
            f"{len(self.strays)} index rows say what is not so" if self.strays else "",
            f"{len(self.ungranted)} grants were taken away" if self.ungranted else "",
            "some of it cannot be read" if self.unread else "",
            f"the record of events is not as it was written, from event {self.events[0]} on" if self.events else "",
        )
        return "; ".join(filter(None, said))


def add_up(store: GuardedStore, transaction: Transaction, rest: Rest = lambda _: None) -> tuple[bytes, int, int]:
    """The sums over all rows; how many objects and entries there are.

    A row that is damaged adds something else than what it was: so its part does not add up, and the others do.

    Raises:
        TamperError: an identifier cannot be read.
    """
    sums, ledger, objects, entries = [0] * (OBJECT_PARTS + ENTRY_PARTS), store.ledger, 0, 0
    after = ""
    while page := transaction.seals(after, _PAGE):
        began = time.monotonic()
        for name, generation, seal in page:
            if type(name) is str:  # what is named otherwise nobody finds; it is counted
                sums[part_of(name)] ^= _of(ledger.object, name, generation, seal)
        objects, after = objects + len(page), page[-1][0]
        rest(time.monotonic() - began)
    last = ("", "")
    while values := transaction.all_entries(last, _PAGE):
        began = time.monotonic()
        for each in values:
            if (each.kind, each.key) != STATE:
                part, whole = part_of_entry(each.kind, each.key), _vouched(ledger, each)
                sums[part] ^= _of(ledger.entry, each.kind, each.key, each.version, each.value) if whole else _NO_ROW
                entries += 1
        last = values[-1].kind, values[-1].key
        rest(time.monotonic() - began)
    return b"".join(total.to_bytes(SUM_BYTES, "big") for total in sums), objects, entries


def _of(row: Callable[..., int], *columns: Any) -> int:
    """What a row adds to its sum."""
    try:
        return row(*columns)
    except TypeError:  # a column is of another type
        return _NO_ROW


def _vouched(ledger: Ledger, entry: Entry) -> bool:
    """Whether a value is what its code, which was added up, was made of."""
    try:
        ledger.open(entry.kind, entry.key, entry.value)
    except TamperError:
        return False
    return True


def examine(
    store: GuardedStore,
    *,
    after: str = "",
    event_after: int = 0,
    most: int | None = None,
    rest: Rest = lambda _: None,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Add everything up, and look into objects.

    Args:
        after: the unique identifier to begin after; `event_after`, the sequence number.
        most: so many objects are looked into; None for all, 0 for none.
        rest: is told how long each piece of work took.
        told: is told how many objects were looked into, and how many there are.

    Raises:
        StoreError, CustodyError; TamperError, if the database as a whole is not the one that it was.
    """
    began, report = time.monotonic(), Report(after=after, event_after=event_after)
    least = store.furthest
    with store.inner.begin(write=False) as transaction:
        state = store.fresh(transaction, least)
        report.counter = state.counter
        with _reading(report):
            report.wrong = list(_ALL)  # unless they add up
            sums, report.objects, report.entries = add_up(store, transaction, rest)
            report.wrong = _differing(state, sums)
            if report.objects != state.objects and not report.wrong:
                report.wrong = list(range(OBJECT_PARTS))  # XOR does not tell a row from none, if it is there twice
        with _reading(report):
            report.ungranted = _ungranted(transaction)
    if most != 0:
        with _reading(report):
            _look_into(store, report, most, rest, told)
        with _reading(report):
            _look_at_events(store, report, most, rest)
    report.seconds = time.monotonic() - began
    return report


@contextmanager
def _reading(report: Report) -> Iterator[None]:
    """Go on after what cannot be read: nobody is to hide one row behind another."""
    try:
        yield
    except TamperError as error:
        report.unread.append(str(error))


def _differing(state: State, sums: bytes) -> list[int]:
    return [
        part
        for part in _ALL
        if sums[part * SUM_BYTES : (part + 1) * SUM_BYTES] != state.sums[part * SUM_BYTES : (part + 1) * SUM_BYTES]
    ]


def _ungranted(transaction: Transaction) -> list[str]:
    """Grants that are on record and without effect: somebody took their row away."""
    known, after = {key for key, _ in transaction.entries(GRANT)}, 0
    while known and (page := transaction.grant_rows(after, _PAGE)):
        known -= {grant_key(row.domain, row.owner, row.unique_identifier, row.grantee) for row in page}
        after += len(page)
    return sorted(known)


def _look_into(
    store: GuardedStore, report: Report, most: int | None, rest: Rest, told: Callable[[int, int], None]
) -> None:
    while most is None or report.looked_into < most:
        with store.inner.begin(write=False) as transaction:  # a new one for each page: the log is not held back
            began = time.monotonic()
            page = _look_at_page(store, transaction, report)
        report.looked_into += len(page)
        told(report.looked_into, report.objects)
        report.after = page[-1] if len(page) == _PAGE else ""
        rest(time.monotonic() - began)
        if not report.after:
            break
    if not report.after:  # all objects were looked into, by this sweep or those before it
        place: tuple[object, ...] | None = ()
        while place is not None:
            with store.inner.begin(write=False) as transaction:
                began = time.monotonic()
                found, place = transaction.strays(place, _PAGE)
            report.strays += found
            rest(time.monotonic() - began)


def _look_at_page(store: GuardedStore, transaction: Transaction, report: Report) -> list[str]:
    """Look at the next objects; their unique identifiers."""
    try:
        page = transaction.records(report.after, _PAGE)
        report.misfiled += [name for name, _ in transaction.misfiled(report.after, _PAGE)]
    except TamperError:  # one of them cannot be read, and does not hide the others
        names = [name for name, *_ in transaction.seals(report.after, _PAGE)]
        for before, name in zip([report.after, *names], names, strict=False):
            try:
                page = transaction.records(before, 1)
                report.misfiled += [of for of, _ in transaction.misfiled(before, 1)]
            except TamperError:
                report.damaged.append(str(name))
            else:
                for record in page:
                    _look_at(store, record, report)
        return names
    for record in page:
        _look_at(store, record, report)
    return [record.unique_identifier for record in page]


def _look_at(store: GuardedStore, record: Record, report: Report) -> None:
    try:
        if indexed(store.vault, record) != record:
            report.misfiled.append(record.unique_identifier)
    except TamperError:
        report.damaged.append(str(record.unique_identifier))


def _look_at_events(store: GuardedStore, report: Report, most: int | None, rest: Rest) -> None:
    """Whether the record is as it was written, as far as it was noted; what is newer has a second to get its code."""
    noted, looked = store.noted(), 0
    ended = report.event_after >= noted
    while not ended and (most is None or looked < most):
        with store.inner.begin(write=False) as transaction:
            began = time.monotonic()
            page = transaction.event_rows(report.event_after, _PAGE)
        for row in page:
            if row.last > noted:
                break
            if not row.sound or row.code != _code(store.ledger, row, report.event_after):
                report.events.append(row.last)
            report.event_after = row.last
        looked += len(page)
        rest(time.monotonic() - began)
        ended = not page or page[-1].last >= noted
    if ended:
        if report.event_after < noted:
            report.events.append(noted)  # the end is missing
        report.event_after = 0


def _code(ledger: Ledger, row: EventRow, after: int) -> bytes:
    """The code of events that come after one of a sequence number; another one, by `accept`, if some are missing."""
    return ledger.events(row.last, row.number if row.last == after + row.number else -row.number, row.batch)


# --- what follows from it ---------------------------------------------------------------------------------------------


def act(engine: Engine, report: Report, known: Collection[tuple[str, object]] = ()) -> None:
    """Quarantine what does not add up, and file anew what is filed wrongly; an event of the audit, and an alarm.

    Args:
        known: what an alarm was raised for before.

    Raises:
        StoreError, CustodyError, TamperError.
    """
    # What was put in order once and is wrong again is put in order again; of the rest once is enough.
    if all(each in known and each[0] not in _MENDED for each in report.findings()):
        return
    log.critical("the database is not as it was left", extra={"fields": {"said": str(report)}})
    store = engine.store
    with store.begin() as transaction:
        quarantine = transaction.state.quarantine
        # A part that has changed since the sums were taken may be sound: it is added up again within the transaction.
        wrong: Collection[int] = ()
        if report.wrong:
            try:
                wrong = _differing(transaction.state, add_up(store, transaction.inner)[0])
            except TamperError:
                wrong = _ALL
        for part in wrong:
            quarantine |= 1 << part
        if quarantine != transaction.state.quarantine:
            transaction.set_state(quarantine=quarantine)
        transaction.append_events([_event(engine, "Integrity Check", "Operation Failed", str(report), report.damaged)])
        transaction.commit()
    engine.cache.clear()
    for name in dict.fromkeys(report.misfiled):  # each by itself: what cannot be mended does not keep others from it
        with suppress(TamperError, Conflict), store.inner.begin() as mending:
            _refile(engine, mending, name)
            mending.commit()
    if report.strays:
        with store.inner.begin() as mending:
            for stray in report.strays:
                mending.remove_stray(stray)
            mending.commit()


def _refile(engine: Engine, transaction: Transaction, unique_identifier: str) -> None:
    """File an object as its sealed attributes say; nothing that is added up changes."""
    record = transaction.get(unique_identifier)
    if record is not None:
        transaction.refile(indexed(engine.vault, record))


def accept(engine: Engine, operator: str = "operator") -> Report:
    """Take the database as it is for what it ought to be, whatever was done to it: a person has decided so.

    Raises:
        StoreError, CustodyError.
    """
    store = engine.store
    with store.inner.begin() as transaction:
        state = store.state(transaction, Floor(), checked=False)
        sums, objects, entries = add_up(store, transaction)
        said = f"{objects} objects and {entries} values are taken as they are"
        after = 0
        while page := transaction.event_rows(after, _PAGE):
            for row in page:
                if row.sound and row.code != (code := _code(store.ledger, row, after)):
                    transaction.vouch(row.last, code)
                after = row.last
        event = _event(engine, "Accept State", "Success", said, [], operator)
        transaction.append_events([event], store.ledger.events)
        # The counter goes beyond any that was noted, so that no note stands in the way.
        counter = max([state.counter, store.furthest, *(mark.counter for mark in store.marks())]) + 1
        accepted = State(counter, objects, state.keks + 1, 0, sums)
        store.put_state(transaction, accepted)
        transaction.commit()
    store.forget()
    engine.cache.clear()
    store.note(force=True)
    return Report(objects=objects, entries=entries, counter=counter)


def _event(
    engine: Engine, operation: str, status: str, message: str, names: list[str], name: str = "keystead"
) -> bytes:
    return Event(
        time=int(engine.clock() * 1_000_000), name=name, operation=operation, status=status,
        reason="" if status == "Success" else "Cryptographic Failure", message=message,
        unique_identifiers=tuple(names),
    ).encode()  # fmt: skip


class Sweeper:
    """Sweeps now and then, in a thread; of several processes one does.

    Args:
        directory: where they agree which; None if there is but one.
    """

    def __init__(self, engine: Engine, directory: Path | None) -> None:
        self._engine = engine
        self._directory = directory
        self._lock: int | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._due = time.monotonic() + PAUSE_SECONDS
        self._after, self._event_after = "", 0
        self._known: set[tuple[str, object]] = set()
        self.last: Report | None = None

    def start(self) -> None:
        """Add up what there is before the first answer, if it is little; else as soon as there is time.

        Raises:
            StoreError, CustodyError; TamperError, if the database as a whole is not the one that it was.
        """
        with self._engine.store.begin(write=False) as transaction:
            few = transaction.state.objects <= AT_START
        if few:
            self._look(0)  # whatever keeps it from looking keeps the server from answering
            self._due = time.monotonic() + PAUSE_SECONDS
        else:
            self._due = time.monotonic()

    def beat(self) -> None:
        """Begin a sweep if it is time; about each second."""
        if time.monotonic() < self._due or (self._thread is not None and self._thread.is_alive()):
            return
        if not self.alone():
            return
        self._thread = threading.Thread(target=self._sweep, args=(LOOKED_INTO,), name="keystead-sweep", daemon=True)
        self._due = float("inf")
        self._thread.start()

    def alone(self) -> bool:
        """Whether this process is the one that does what one alone ought to do."""
        if self._directory is None or self._lock is not None:
            return True
        descriptor = os.open(self._directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            belong(descriptor, self._directory)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    def close(self) -> None:
        """Stop, within a moment."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _rest(self, worked: float) -> None:
        if self._thread is not None and self._stop.wait(worked * SHARE):
            raise _Stopped

    def _sweep(self, most: int) -> None:
        began = time.monotonic()
        try:
            self._look(most)
        except (_Stopped, Conflict):
            pass
        except KeysteadError as error:
            log.critical("integrity not checked", extra={"fields": {"said": str(error)}})
        except Exception:
            log.exception("integrity not checked")
        finally:
            self._due = time.monotonic() + max(PAUSE_SECONDS, time.monotonic() - began)

    def _look(self, most: int) -> None:
        self.last = examine(
            self._engine.store, after=self._after, event_after=self._event_after, most=most, rest=self._rest
        )
        self._after, self._event_after = self.last.after, self.last.event_after
        act(self._engine, self.last, self._known)
        self._known = {each for each in self._known if each[0] != "wrong"} | self.last.findings()


class _Stopped(Exception):
    """The sweep ends before its end: never leaves this module."""


__all__ = ["Report", "Sweeper", "accept", "act", "add_up", "examine"]

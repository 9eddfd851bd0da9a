"""Where managed objects are kept: ciphertext, and the indexes that find it.

The store is small and untrusted.  It keeps what custody sealed, and blind values to search by; it does not know what
an attribute means.  Every backend passes one contract (tests/store/test_contract.py); nothing above this package knows
which one runs, or how many processes share it.

A database is named by a URL: `sqlite:PATH` (`sqlite:///PATH` too).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from keystead.errors import ConfigError, StoreError

ALL: Final = "*"
"""In a grant: every object of an owner, or every owner of a domain."""
BLIND_BYTES: Final = 16
"""The length of a value that an object is indexed under."""


class NameTaken(StoreError):
    """Another object of the same owner has this name."""


class IdentifierTaken(StoreError):
    """Another object has this unique identifier."""


@dataclass(frozen=True, slots=True)
class Record:
    """One managed object, as the store sees it.

    Attributes:
        unique_identifier: the same for all backends, byte exact.
        owner: the identity of its owner.
        generation: counts its changes, from 1.
        initial_date: POSIX seconds, as are the dates after it; None where there is none.
        attributes: sealed.
        material: the sealed object; None once it is destroyed, or if the server never had it.
        names: no other object of the same domain and owner has them.
        index: (attribute number, blind value of 16 bytes): what Locate finds it by, for equality.
        dates: (attribute number, a number of 64 bits), one for an attribute: what Locate finds it by, for ranges.
    """

    unique_identifier: str
    domain: str
    owner: str
    object_type: int
    generation: int
    initial_date: int
    activation_date: int | None
    deactivation_date: int | None
    compromise_date: int | None
    destroy_date: int | None
    archive_date: int | None
    attributes: bytes
    material: bytes | None
    names: tuple[str, ...] = ()
    index: frozenset[tuple[int, bytes]] = frozenset()
    dates: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What Locate looks for: all conditions must hold; an empty tuple of alternatives matches nothing.

    Attributes:
        visible_to: the identity of the caller, then those of its groups; only what the first owns or any of them was
            granted is found.
        now: POSIX seconds, at which `states` are meant.
        equal: (attribute number, blind value).
        lacking: attribute numbers under which nothing is posted for the object.
        not_before: (attribute number, from): the number is not smaller, or there is none.
        names: exact; the object has one of each of these.
        object_types: any of these; None for all.  `states` and `identifiers` likewise.
        dates: (attribute number, from, to), both inclusive.
        storage_status_mask: KMIP's: 1 on-line (neither archived nor destroyed), 2 archived (not destroyed), 4
            destroyed.
        maximum_items: None for no limit.
    """

    domain: str
    visible_to: tuple[str, ...]
    now: int = 0
    equal: tuple[tuple[int, bytes], ...] = ()
    lacking: tuple[int, ...] = ()
    not_before: tuple[tuple[int, int], ...] = ()
    names: tuple[tuple[str, ...], ...] = ()
    object_types: tuple[int, ...] | None = None
    states: tuple[int, ...] | None = None
    identifiers: tuple[str, ...] | None = None
    dates: tuple[tuple[int, int, int], ...] = ()
    storage_status_mask: int = 1
    maximum_items: int | None = None
    offset_items: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A small value under a kind and a key.

    Attributes:
        version: how often it was put.
        expires: POSIX seconds, from which it may be removed; None for never.
    """

    kind: str
    key: str
    value: bytes
    version: int
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant as it is kept.

    Attributes:
        owner: "" where it is on one object; ALL for every owner of the domain.
        unique_identifier: ALL where it is on every object of the owner; "" if the store has no such object.
    """

    domain: str
    owner: str
    unique_identifier: str
    grantee: str
    operations: frozenset[int]


class Count(NamedTuple):
    """How many objects are of one type, and alike in what their dates say at a time.

    Attributes:
        activated: the Activation Date has come; `deactivated`, the Deactivation Date.
    """

    object_type: int
    activated: bool
    deactivated: bool
    compromised: bool
    destroyed: bool
    number: int


@dataclass(frozen=True, slots=True)
class Stray:
    """A row of the index that is no object's, or says of one what is not so."""

    table: str
    row: tuple[Any, ...]

    def __str__(self) -> str:
        return f"one of the {self.table}"


@dataclass(frozen=True, slots=True)
class EventRow:
    """Events that were appended together, as they are kept.

    Attributes:
        last: the sequence number of the last one.
        number: how many there are.
        batch: all of them.
        code: proves who appended them; None if that is not known.
    """

    last: int
    number: int
    batch: bytes
    code: bytes | None

    @property
    def sound(self) -> bool:
        """Whether it can have been appended: a database keeps values of other types as well."""
        return type(self.number) is int and type(self.batch) is bytes


Vouch = Callable[[int, int, bytes], bytes]
"""What an `EventRow` says → its code."""


@dataclass(frozen=True, slots=True)
class Located:
    """What Locate found: unique identifiers, newest first, and how many match without any limit."""

    identifiers: tuple[str, ...]
    total: int


class Transaction(Protocol):
    """One unit of work: all of it is durable after `commit`, or nothing of it happened.

    Every verb raises StoreError if the database is out of reach, and TamperError if it is damaged; after that the
    transaction is over and can only be left.
    """

    def commit(self) -> None:
        """Make everything durable.  Raises: Conflict, if another transaction was first."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo everything within the block if it raises."""

    # --- managed objects ---

    def get(self, unique_identifier: str) -> Record | None:
        """The record of an object, or None."""

    def add(self, record: Record) -> None:
        """Keep a new object.  Raises: NameTaken, IdentifierTaken."""

    def save(self, record: Record, generation: int) -> bytes:
        """Replace the record of an object.

        Args:
            generation: that of the record it was made from.

        Returns:
            the sealed attributes that were there.

        Raises:
            Conflict: the store holds another generation, or no such object.
            NameTaken: another object of the same owner has one of the names.
        """

    def reseal(self, unique_identifier: str, generation: int, attributes: bytes, material: bytes | None) -> bytes:
        """Replace what is sealed of an object by the same under another key; nothing else of it changes.

        Returns:
            the sealed attributes that were there.

        Raises:
            Conflict: the store holds another generation, or no such object.
        """

    def delete(self, unique_identifier: str) -> tuple[int, bytes] | None:
        """Remove every trace of an object, its grants too.

        Returns:
            its generation and sealed attributes; None if there was no such object.
        """

    def locate(self, criteria: Criteria) -> Located:
        """Search; the work grows with the shortest list of objects that any one condition names."""

    def records(self, after: str = "", limit: int = 100) -> list[Record]:
        """All objects, in the order of their unique identifiers, beginning after one."""

    def seals(self, after: str = "", limit: int = 1000) -> list[tuple[str, int, bytes]]:
        """Of all objects: (unique identifier, generation, the last 16 bytes of the sealed attributes), as `records`."""

    def misfiled(self, after: str = "", limit: int = 100) -> list[tuple[str, str]]:
        """What is wrong with how objects are filed: (unique identifier, what), for the objects that `records` gives.

        A row in which the store's own copies contradict each other, or by which Locate would not find the object.
        """

    def strays(self, after: tuple[Any, ...] = (), limit: int = 1000) -> tuple[list[Stray], tuple[Any, ...] | None]:
        """What is filed without an object that says so: (what, where to go on; None at the end), a part at a time."""

    def refile(self, record: Record) -> None:
        """File an object anew, as its record says, whatever stood in the index before; what is sealed stays."""

    def remove_stray(self, stray: Stray) -> None:
        """Remove what is filed without an object that says so."""

    def object_count(self) -> int:
        """How many objects there are."""

    def object_counts(self, now: int) -> list[Count]:
        """How many there are of each type and with which dates; the work grows with their number."""

    # --- grants ---

    def grant(
        self, domain: str, owner: str, unique_identifier: str, grantee: str, operations: Collection[int] = ()
    ) -> None:
        """Let a client or a group do operations (none named: any) on an object.

        Args:
            owner: ALL for every owner in the domain; then `unique_identifier` is ALL too.
            unique_identifier: ALL for every object of the owner.

        Raises:
            StoreError: the owner has no such object.
        """

    def revoke_grant(self, domain: str, owner: str, unique_identifier: str, grantee: str) -> bool:
        """Take a grant back; whether it was there."""

    def grants(self, unique_identifier: str, owner: str, domain: str) -> list[tuple[str, frozenset[int]]]:
        """The grants that reach an object, as (grantee, operations)."""

    def grant_rows(self, after: int = 0, limit: int = 1000) -> list[GrantRow]:
        """All grants, in one order, beginning after so many."""

    # --- events ---

    def append_events(self, events: Sequence[bytes], vouch: Vouch | None = None, known: int = 0) -> int:
        """Append to the record of events; the sequence number of the first, dense from 1.

        Args:
            vouch: makes the code that is kept beside them.
            known: a sequence number that there was: none up to it is given again, though the record may end before it.
        """

    def event_rows(self, after: int = 0, limit: int = 1000) -> list[EventRow]:
        """The rows of the record whose last event has a larger sequence number, in order."""

    def unvouched(self) -> list[EventRow]:
        """The rows of the record that have no code, in order."""

    def vouch(self, last: int, code: bytes) -> None:
        """Keep a code beside the row of the record whose last event is of this sequence number."""

    def events(self, after: int = 0, limit: int = 1000) -> list[tuple[int, bytes]]:
        """Events with a sequence number larger than `after`, in order."""

    def last_event(self) -> int:
        """The sequence number of the last event; 0 if there is none."""

    # --- everything else: small values under a kind and a key ---

    def entry(self, kind: str, key: str) -> bytes | None:
        """A value, or None.  One that has expired may be seen until `Store.upkeep`."""

    def entry_version(self, kind: str, key: str) -> int:
        """How often the value was put; 0 if there is none."""

    def put_entry(
        self, kind: str, key: str, value: bytes, expires: int | None = None, version: int | None = None
    ) -> int:
        """Keep a value; its new version.

        Args:
            expires: POSIX seconds, from which `Store.upkeep` may remove it.
            version: that the value must have now; None for any, 0 for not there.

        Raises:
            Conflict: it has another version.
        """

    def delete_entry(self, kind: str, key: str) -> bool:
        """Remove a value; whether it was there."""

    def entries(self, kind: str, prefix: str = "") -> list[tuple[str, bytes]]:
        """The keys that begin with a prefix, in order, and their values."""

    def all_entries(self, after: tuple[str, str] = ("", ""), limit: int = 1000) -> list[Entry]:
        """All entries of all kinds, in the order of (kind, key), beginning after one."""

    def keep_entry(self, entry: Entry) -> None:
        """Keep an entry just as it is, its version too; what was there is replaced."""

    def expired(self, now: int, limit: int = 1000) -> list[tuple[str, str]]:
        """The (kind, key) of entries whose time has come."""

    def clear(self) -> None:
        """Remove everything but the events."""


class Store(Protocol):
    """A database.  Every thread may use it; each has at most one transaction at a time."""

    def begin(self, write: bool = True) -> AbstractContextManager[Transaction]:
        """Begin a transaction; leaving the block without `commit` undoes it.

        Raises:
            StoreError: the database is out of reach, or others kept it locked for too long.
        """

    def epoch(self) -> object:
        """A token that is another one after anyone else changed the database; ask within a transaction.

        What this thread read before is still true as long as the token stays the same.
        """

    def upkeep(self, now: int) -> None:
        """Remove what has expired, and `tidy`; about once a second, in any thread."""

    def tidy(self) -> None:
        """Do the housekeeping that need not be done while a caller waits."""

    def scrub(self) -> None:
        """Leave nothing of what was deleted, in no file of the database.

        Raises:
            StoreError: somebody reads an older state of it; ask again.
        """

    def close(self) -> None:
        """Close the database; no transaction may be open."""


def _sqlite(url: str) -> Store:
    from keystead.store.sqlite import SqliteStore

    return SqliteStore.open(url)


BACKENDS: Final[Mapping[str, Callable[[str], Store]]] = {"sqlite": _sqlite}
"""What opens a database, by the scheme of its URL."""


def open(url: str) -> Store:
    """Open a database; one that is not there is made.

    Open it in the process that uses it: a connection does not survive a fork.

    Raises:
        ConfigError: no backend has this scheme.
        StoreError: the database cannot be opened, is not Keystead's, or is of a newer version.
        TamperError: it is damaged.
    """
    scheme, colon, _ = url.partition(":")
    backend = BACKENDS.get(scheme)
    if backend is None or not colon:
        raise ConfigError(f"store url: begins with {' or '.join(f'{name}:' for name in BACKENDS)}")
    return backend(url)


__all__ = [
    "ALL",
    "BACKENDS",
    "BLIND_BYTES",
    "Count",
    "Criteria",
    "Entry",
    "EventRow",
    "GrantRow",
    "IdentifierTaken",
    "Located",
    "NameTaken",
    "Record",
    "Store",
    "Stray",
    "Transaction",
    "Vouch",
    "open",
]

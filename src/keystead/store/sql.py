"""The store in SQL that every dialect understands: the tables, numbered migrations, and a transaction.

An object lies on a shelf: the pair of a space (what one reader owns, or was granted) and a standing (compromised,
archived, destroyed).  Everything that Locate can ask for equality is a row of `postings`, everything it can ask for a
range is a row of `numbers`, and both begin with the shelf: what others own, or what was destroyed long ago, lies
elsewhere and costs nothing.  How a Locate is put together stands in `locate.py`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from struct import Struct
from typing import Any, Final

from keystead.errors import Conflict, StoreError, TamperError
from keystead.store import (
    ALL,
    Count,
    Criteria,
    Entry,
    EventRow,
    GrantRow,
    IdentifierTaken,
    Located,
    NameTaken,
    Record,
    Stray,
    Vouch,
)
from keystead.store.filing import misfiled, remove, strays
from keystead.store.locate import locate
from keystead.store.rows import (
    COLUMNS,
    FILED_COLUMNS,
    Filed,
    columns_of,
    filed_row,
    names_of,
    numbers_of,
    record_of,
    terms_of,
)
from keystead.store.shelves import (
    STANDINGS,
    Connection,
    standing_of,
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        # Who can see: what a reader of a domain owns (owned 1), and what it was granted (owned 0).
        "CREATE TABLE spaces (space {identity}, domain TEXT NOT NULL, reader TEXT NOT NULL, owned SMALLINT NOT NULL,"
        " UNIQUE (domain, reader, owned))",
        "CREATE TABLE objects (object {identity}, unique_identifier TEXT NOT NULL UNIQUE, space BIGINT NOT NULL,"
        " standing SMALLINT NOT NULL, domain TEXT NOT NULL, owner TEXT NOT NULL, object_type BIGINT NOT NULL,"
        " generation BIGINT NOT NULL, initial_date BIGINT NOT NULL, activation_date BIGINT, deactivation_date BIGINT,"
        " compromise_date BIGINT, destroy_date BIGINT, archive_date BIGINT, attributes {blob} NOT NULL,"
        " material {blob}, names TEXT NOT NULL, terms {blob} NOT NULL, dates {blob} NOT NULL)",
        "CREATE TABLE names (space BIGINT NOT NULL, name TEXT NOT NULL, object BIGINT NOT NULL,"
        " PRIMARY KEY (space, name)){clustered}",
        "CREATE TABLE postings (shelf BIGINT NOT NULL, attribute BIGINT NOT NULL, value {blob} NOT NULL,"
        " object BIGINT NOT NULL, PRIMARY KEY (shelf, attribute, value, object)){clustered}",
        "CREATE TABLE numbers (shelf BIGINT NOT NULL, attribute BIGINT NOT NULL, number BIGINT NOT NULL,"
        " object BIGINT NOT NULL, PRIMARY KEY (shelf, attribute, number, object)){clustered}",
        "CREATE INDEX numbers_of ON numbers (object, shelf, attribute, number)",
        # object 0 is every object of the owner; owner '*' is every owner; an object's own grants have owner ''.
        "CREATE TABLE grants (domain TEXT NOT NULL, grantee TEXT NOT NULL, owner TEXT NOT NULL, object BIGINT NOT NULL,"
        " operations TEXT NOT NULL, PRIMARY KEY (domain, grantee, owner, object)){clustered}",
        "CREATE INDEX grants_on ON grants (object, domain, owner)",
        # A row for each turn: the events of one commit, by the sequence number of the last.
        "CREATE TABLE events (last {identity}, number BIGINT NOT NULL, batch {blob} NOT NULL)",
        "CREATE TABLE entries (kind TEXT NOT NULL, key TEXT NOT NULL, value {blob} NOT NULL, version BIGINT NOT NULL,"
        " expires BIGINT, PRIMARY KEY (kind, key)){clustered}",
        "CREATE INDEX entries_expire ON entries (expires) WHERE expires IS NOT NULL",
    ),
    (
        "ALTER TABLE events ADD COLUMN code {blob}",
        "CREATE INDEX events_unvouched ON events (last) WHERE code IS NULL",
    ),
)
"""What makes schema n + 1 of schema n; a dialect fills in its words for {identity}, {blob} and {clustered}."""

_GET: Final = f"SELECT {COLUMNS} FROM objects WHERE unique_identifier = ?"
_WALK: Final = f"SELECT {COLUMNS} FROM objects WHERE unique_identifier > ? ORDER BY unique_identifier LIMIT ?"
_ADD: Final = (
    f"INSERT INTO objects ({COLUMNS}, space, standing) VALUES ({', '.join('?' * 18)})"
    " ON CONFLICT DO NOTHING RETURNING object"
)
_SAVE: Final = (
    "UPDATE objects SET domain = ?, owner = ?, object_type = ?, generation = ?, initial_date = ?, activation_date = ?,"
    " deactivation_date = ?, compromise_date = ?, destroy_date = ?, archive_date = ?, attributes = ?, material = ?,"
    " names = ?, terms = ?, dates = ?, space = ?, standing = ? WHERE object = ?"
)
_FILED: Final = f"SELECT object, generation, attributes, {FILED_COLUMNS} FROM objects WHERE unique_identifier = ?"
_RESEAL: Final = "UPDATE objects SET attributes = ?, material = ? WHERE object = ?"
_SEALS: Final = (
    "SELECT unique_identifier, generation, substr(attributes, -16) FROM objects WHERE unique_identifier > ?"
    " ORDER BY unique_identifier LIMIT ?"
)
_GRANTED_SPACES: Final = (
    "SELECT s.space FROM grants g JOIN spaces s ON s.domain = g.domain AND s.reader = g.grantee AND s.owned = 0"
    " WHERE g.object = ?"
)
_POST: Final = "INSERT INTO postings (shelf, attribute, value, object) VALUES (?, ?, ?, ?)"
_UNPOST: Final = "DELETE FROM postings WHERE shelf = ? AND attribute = ? AND value = ? AND object = ?"
_NUMBER: Final = "INSERT INTO numbers (shelf, attribute, number, object) VALUES (?, ?, ?, ?)"
_UNNUMBER: Final = "DELETE FROM numbers WHERE shelf = ? AND attribute = ? AND number = ? AND object = ?"
_NAME: Final = "INSERT INTO names (space, name, object) VALUES (?, ?, ?)"
_UNNAME: Final = "DELETE FROM names WHERE space = ? AND name = ?"

_COUNTS: Final = (
    "SELECT object_type, CASE WHEN activation_date <= ? THEN 1 ELSE 0 END,"
    " CASE WHEN deactivation_date <= ? THEN 1 ELSE 0 END, CASE WHEN compromise_date IS NULL THEN 0 ELSE 1 END,"
    " CASE WHEN destroy_date IS NULL THEN 0 ELSE 1 END, count(*)"
    " FROM objects GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"
)

_LENGTH: Final = Struct(">I")


class SqlTransaction:
    """A transaction over any SQL database.  See `keystead.store.Transaction`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection.rows
        self._many = connection.many
        self._depth = 0

    def commit(self) -> None:
        self._connection.commit()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._depth += 1
        name = f"s{self._depth}"
        try:
            self._rows(f"SAVEPOINT {name}")
            try:
                yield
            except BaseException:
                self._rows(f"ROLLBACK TO SAVEPOINT {name}")
                self._rows(f"RELEASE SAVEPOINT {name}")
                raise
            self._rows(f"RELEASE SAVEPOINT {name}")
        finally:
            self._depth -= 1

    # --- managed objects ---

    def get(self, unique_identifier: str) -> Record | None:
        found = self._rows(_GET, (unique_identifier,))
        return record_of(found[0]) if found else None

    def records(self, after: str = "", limit: int = 100) -> list[Record]:
        return [record_of(row) for row in self._rows(_WALK, (after, limit))]

    def add(self, record: Record) -> None:
        filed = self._filed(record)
        self._check_names(record.names, filed.space, 0)
        found = self._rows(_ADD, (*columns_of(record), filed.space, filed.standing))
        if not found:
            raise IdentifierTaken("another object has this unique identifier")
        self._refile(found[0][0], None, filed, ())

    def save(self, record: Record, generation: int) -> bytes:
        found = self._rows(_FILED, (record.unique_identifier,))
        if not found or found[0][1] != generation:
            raise Conflict("the object was changed by another transaction")
        number, before = found[0][0], filed_row(found[0][3:])
        filed = self._filed(record)
        if filed.space != before.space or not filed.names <= before.names:
            self._check_names(record.names, filed.space, number)
        self._rows(_SAVE, (*columns_of(record)[1:], filed.space, filed.standing, number))
        self._refile(number, before, filed, self._granted_spaces(number))
        sealed: bytes = found[0][2]
        return sealed

    def reseal(self, unique_identifier: str, generation: int, attributes: bytes, material: bytes | None) -> bytes:
        found = self._rows(_FILED, (unique_identifier,))
        if not found or found[0][1] != generation:
            raise Conflict("the object was changed by another transaction")
        self._rows(_RESEAL, (attributes, material, found[0][0]))
        sealed: bytes = found[0][2]
        return sealed

    def delete(self, unique_identifier: str) -> tuple[int, bytes] | None:
        found = self._rows(_FILED, (unique_identifier,))
        if not found:
            return None
        number = found[0][0]
        self._refile(number, filed_row(found[0][3:]), None, self._granted_spaces(number))
        self._rows("DELETE FROM grants WHERE object = ?", (number,))
        self._rows("DELETE FROM objects WHERE object = ?", (number,))
        return found[0][1:3]

    def locate(self, criteria: Criteria) -> Located:
        return locate(self._rows, criteria)

    def _filed(self, record: Record) -> Filed:
        return Filed(
            self._space(record.domain, record.owner, 1),
            standing_of(record),
            set(record.names),
            terms_of(record.object_type, record.names, record.index),
            numbers_of(record.activation_date, record.deactivation_date, record.dates),
        )

    def _check_names(self, names: Collection[str], space: int, number: int) -> None:
        for name in names:
            found = self._rows("SELECT object FROM names WHERE space = ? AND name = ?", (space, name))
            if found and found[0][0] != number:
                raise NameTaken("another object of the same owner has this name")

    def _refile(self, number: int, before: Filed | None, after: Filed | None, granted: Sequence[int]) -> None:
        """Bring names, postings and numbers from what they were to what they are to be."""
        old, new = names_of(before, number), names_of(after, number)
        self._change(_UNNAME, [row[:2] for row in old - new], _NAME, new - old)
        if before and after and (before.space, before.standing) == (after.space, after.standing):
            for space in (after.space, *granted):
                self._move(number, space * STANDINGS + after.standing, before, after)
            return
        for filed, posts in ((before, False), (after, True)):
            if filed:
                for space in (filed.space, *granted):
                    shelf = space * STANDINGS + filed.standing
                    self._move(number, shelf, None if posts else filed, filed if posts else None)

    def _move(self, number: int, shelf: int, before: Filed | None, after: Filed | None) -> None:
        """Change what an object is filed under on one shelf."""
        old_terms, new_terms = before.terms if before else set(), after.terms if after else set()
        old_numbers, new_numbers = before.numbers if before else set(), after.numbers if after else set()
        self._change(
            _UNPOST, [(shelf, *term, number) for term in old_terms - new_terms],
            _POST, [(shelf, *term, number) for term in new_terms - old_terms],
        )  # fmt: skip
        self._change(
            _UNNUMBER, [(shelf, *entry, number) for entry in old_numbers - new_numbers],
            _NUMBER, [(shelf, *entry, number) for entry in new_numbers - old_numbers],
        )  # fmt: skip

    def _change(self, remove: str, old: Collection[tuple[Any, ...]], insert: str, new: Collection[Any]) -> None:
        if old:
            self._many(remove, old)
        if new:
            self._many(insert, new)

    def _space(self, domain: str, reader: str, owned: int) -> int:
        """The number of a space; it is made if it is not there."""
        key = (domain, reader, owned)
        found = self._rows("SELECT space FROM spaces WHERE domain = ? AND reader = ? AND owned = ?", key)
        if not found:
            found = self._rows("INSERT INTO spaces (domain, reader, owned) VALUES (?, ?, ?) RETURNING space", key)
        space: int = found[0][0]
        return space

    def _granted_spaces(self, number: int) -> list[int]:
        return [row[0] for row in self._rows(_GRANTED_SPACES, (number,))]

    # --- grants ---

    def grant(
        self, domain: str, owner: str, unique_identifier: str, grantee: str, operations: Collection[int] = ()
    ) -> None:
        said = json.dumps(sorted(operations))
        number = 0
        if unique_identifier != ALL:
            number, filed = self._granted_object(domain, owner, unique_identifier)
            space = self._space(domain, grantee, 0)
            if space not in self._granted_spaces(number):
                self._move(number, space * STANDINGS + filed.standing, None, filed)
        self._rows(
            "INSERT INTO grants (domain, grantee, owner, object, operations) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (domain, grantee, owner, object) DO UPDATE SET operations = excluded.operations",
            (domain, grantee, "" if number else owner, number, said),
        )

    def revoke_grant(self, domain: str, owner: str, unique_identifier: str, grantee: str) -> bool:
        number = 0
        if unique_identifier != ALL:
            number, filed = self._granted_object(domain, owner, unique_identifier)
        removed = self._rows(
            "DELETE FROM grants WHERE domain = ? AND grantee = ? AND owner = ? AND object = ? RETURNING object",
            (domain, grantee, "" if number else owner, number),
        )
        if removed and number:
            self._move(number, self._space(domain, grantee, 0) * STANDINGS + filed.standing, filed, None)
        return bool(removed)

    def grants(self, unique_identifier: str, owner: str, domain: str) -> list[tuple[str, frozenset[int]]]:
        found = self._rows(
            "SELECT g.grantee, g.operations FROM objects o JOIN grants g ON g.object = o.object"
            " WHERE o.unique_identifier = ?"
            " UNION ALL SELECT grantee, operations FROM grants WHERE object = 0 AND domain = ? AND owner IN (?, ?)",
            (unique_identifier, domain, owner, ALL),
        )
        return [(grantee, _operations(operations)) for grantee, operations in found]

    def _granted_object(self, domain: str, owner: str, unique_identifier: str) -> tuple[int, Filed]:
        found = self._rows(_FILED, (unique_identifier,))
        if not found or found[0][3] != self._space(domain, owner, 1):
            raise StoreError("the owner has no such object")
        return found[0][0], filed_row(found[0][3:])

    # --- events ---

    def append_events(self, events: Sequence[bytes], vouch: Vouch | None = None, known: int = 0) -> int:
        first = max(self.last_event(), known) + 1
        if events:
            batch = b"".join([part for event in events for part in (_LENGTH.pack(len(event)), event)])
            last, number = first + len(events) - 1, len(events)
            code = None if vouch is None else vouch(last, number, batch)
            self._rows(
                "INSERT INTO events (last, number, batch, code) VALUES (?, ?, ?, ?)", (last, number, batch, code)
            )
        return first

    def event_rows(self, after: int = 0, limit: int = 1000) -> list[EventRow]:
        select = "SELECT last, number, batch, code FROM events WHERE last > ? ORDER BY last LIMIT ?"
        return [EventRow(*row) for row in self._rows(select, (after, limit))]

    def unvouched(self) -> list[EventRow]:
        select = "SELECT last, number, batch, code FROM events WHERE code IS NULL ORDER BY last"
        return [EventRow(*row) for row in self._rows(select)]

    def vouch(self, last: int, code: bytes) -> None:
        self._rows("UPDATE events SET code = ? WHERE last = ?", (code, last))

    def last_event(self) -> int:
        return int(self._rows("SELECT max(last) FROM events")[0][0] or 0)

    def events(self, after: int = 0, limit: int = 1000) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        while len(found) < limit:
            rows = self._rows("SELECT last, number, batch FROM events WHERE last > ? ORDER BY last LIMIT 64", (after,))
            if not rows:
                break
            for last, number, batch in rows:
                sequence = last - number
                for event in _split(batch):
                    sequence += 1
                    if sequence > after:
                        found.append((sequence, event))
                if sequence != last:
                    raise TamperError("the record of events is damaged")
            after = rows[-1][0]
        return found[:limit]

    # --- everything else ---

    def entry(self, kind: str, key: str) -> bytes | None:
        found = self._rows("SELECT value FROM entries WHERE kind = ? AND key = ?", (kind, key))
        return found[0][0] if found else None

    def entry_version(self, kind: str, key: str) -> int:
        found = self._rows("SELECT version FROM entries WHERE kind = ? AND key = ?", (kind, key))
        return int(found[0][0]) if found else 0

    def put_entry(
        self, kind: str, key: str, value: bytes, expires: int | None = None, version: int | None = None
    ) -> int:
        if version is not None and version != self.entry_version(kind, key):
            raise Conflict(f"the {kind} was changed by another transaction")
        found = self._rows(
            "INSERT INTO entries (kind, key, value, version, expires) VALUES (?, ?, ?, 1, ?)"
            " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, version = entries.version + 1,"
            " expires = excluded.expires RETURNING version",
            (kind, key, value, expires),
        )
        return int(found[0][0])

    def delete_entry(self, kind: str, key: str) -> bool:
        return bool(self._rows("DELETE FROM entries WHERE kind = ? AND key = ? RETURNING key", (kind, key)))

    def entries(self, kind: str, prefix: str = "") -> list[tuple[str, bytes]]:
        select = "SELECT key, value FROM entries WHERE kind = ?"
        if not prefix:
            return self._rows(f"{select} ORDER BY key", (kind,))
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return self._rows(f"{select} AND key >= ? AND key < ? ORDER BY key", (kind, prefix, end))

    def all_entries(self, after: tuple[str, str] = ("", ""), limit: int = 1000) -> list[Entry]:
        kind, key = after
        rows = self._rows(
            "SELECT kind, key, value, version, expires FROM entries WHERE kind > ? OR (kind = ? AND key > ?)"
            " ORDER BY kind, key LIMIT ?",
            (kind, kind, key, limit),
        )
        return [Entry(*row) for row in rows]

    def keep_entry(self, entry: Entry) -> None:
        self.delete_entry(entry.kind, entry.key)
        self._rows(
            "INSERT INTO entries (kind, key, value, version, expires) VALUES (?, ?, ?, ?, ?)",
            (entry.kind, entry.key, entry.value, entry.version, entry.expires),
        )

    def expired(self, now: int, limit: int = 1000) -> list[tuple[str, str]]:
        return self._rows("SELECT kind, key FROM entries WHERE expires <= ? LIMIT ?", (now, limit))

    def clear(self) -> None:
        for table in ("postings", "numbers", "names", "grants", "objects", "spaces", "entries"):
            self._rows(f"DELETE FROM {table}")

    # --- looking through everything ---

    def seals(self, after: str = "", limit: int = 1000) -> list[tuple[str, int, bytes]]:
        return self._rows(_SEALS, (after, limit))

    def misfiled(self, after: str = "", limit: int = 100) -> list[tuple[str, str]]:
        return misfiled(self._rows, after, limit)

    def strays(self, after: tuple[Any, ...] = (), limit: int = 1000) -> tuple[list[Stray], tuple[Any, ...] | None]:
        return strays(self._rows, after, limit)

    def refile(self, record: Record) -> None:
        found = self._rows(_FILED, (record.unique_identifier,))
        if not found:
            return
        number, filed, granted = found[0][0], self._filed(record), self._granted_spaces(found[0][0])
        for table in ("postings", "numbers", "names"):
            self._rows(f"DELETE FROM {table} WHERE object = ?", (number,))
        self._many(_UNNAME, [(filed.space, name) for name in filed.names])
        self._rows(_SAVE, (*columns_of(record)[1:], filed.space, filed.standing, number))
        self._refile(number, None, filed, granted)

    def remove_stray(self, stray: Stray) -> None:
        remove(self._rows, stray)

    def object_count(self) -> int:
        return int(self._rows("SELECT count(*) FROM objects")[0][0])

    def object_counts(self, now: int) -> list[Count]:
        rows = self._rows(_COUNTS, (now, now))
        return [Count(kind, bool(a), bool(d), bool(c), bool(x), number) for kind, a, d, c, x, number in rows]

    def grant_rows(self, after: int = 0, limit: int = 1000) -> list[GrantRow]:
        rows = self._rows(
            "SELECT g.domain, g.owner, g.object, o.unique_identifier, g.grantee, g.operations FROM grants g"
            " LEFT JOIN objects o ON o.object = g.object"
            " ORDER BY g.domain, g.grantee, g.owner, g.object LIMIT ? OFFSET ?",
            (limit, after),
        )
        return [
            GrantRow(domain, owner, ALL if number == 0 else on or "", grantee, _operations(operations))
            for domain, owner, number, on, grantee, operations in rows
        ]


def _operations(said: str) -> frozenset[int]:
    try:
        return frozenset(map(int, json.loads(said)))
    except (ValueError, TypeError):
        raise TamperError("a grant is damaged") from None


def _split(batch: bytes) -> Iterator[bytes]:
    """The events of a turn."""
    position = 0
    while position < len(batch):
        if position + 4 > len(batch):
            raise TamperError("the record of events is damaged")
        (length,) = _LENGTH.unpack_from(batch, position)
        position += 4 + length
        if position > len(batch):
            raise TamperError("the record of events is damaged")
        yield batch[position - length : position]

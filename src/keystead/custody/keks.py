"""Where key-encryption keys lie, each wrapped by the root of trust: a database of their own, apart from the store."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from keystead.custody.files import belong, make_directory
from keystead.errors import CustodyError, TamperError

APPLICATION_ID: Final = 0x4B53444B
FORMAT: Final = 4
"""1 had no facts, 2 no tombstones, 3 none that say which secret it was."""
KEK_FILE: Final = "kek.db"
MOST_TESTAMENT_SECONDS: Final = 30
"""A testament that was forgotten is of no use after so long, and is removed."""
_ROOT, _TESTAMENT = "root", "testament"
Rewrap = Callable[[bytes, bytes], bytes]
"""A wrapped key and its context → the same key wrapped anew."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What was destroyed, and is not to come back from a backup.

    Attributes:
        what: an object whose material was destroyed ("object"), one of which nothing was left ("gone"), or the keys of
            a zone up to a generation ("zone").
        name: the unique identifier, or the zone as `zone_name` gives it.
        at: POSIX seconds.
        generation: of a zone.
        tag: what the sealed material ended in, which no other has: what is imported later under the same identifier is
            another secret.  Empty if there was none.
    """

    what: str
    name: str
    at: int
    generation: int = 0
    tag: bytes = b""


def zone_name(domain: str, kind: int) -> str:
    """A zone in one text."""
    return f"{int(kind)}/{domain}"


class KekStore(Protocol):
    """Wrapped keys by domain, kind and generation; of one root.

    Attributes:
        directory: where they are, and with them what tells of the root.
    """

    @property
    def directory(self) -> Path: ...

    def generations(self, domain: str, kind: int) -> list[tuple[int, bytes]]:
        """The wrapped keys of a zone, oldest first.  Raises: CustodyError."""

    def made(self, domain: str, kind: int) -> list[tuple[int, bytes, int]]:
        """As `generations`, and when each was made, in POSIX seconds.  Raises: CustodyError."""

    def add(self, domain: str, kind: int, generation: int, wrapped: bytes, created: int, root: str) -> bool:
        """Keep a new generation, durably; False if it is there already, or another root wraps the keys by now."""

    def delete(self, domain: str, kind: int | None = None, generation: int | None = None) -> int:
        """Shred a key, the keys of a zone, or of a whole domain: nothing is left in the file.  How many there were."""

    def zones(self) -> list[tuple[str, int, int]]:
        """Every zone, as (domain, kind, newest generation)."""

    def bury(self, tombstones: Iterable[Tombstone]) -> None:
        """Note what was destroyed, durably, and when last; what is noted stays.  Raises: CustodyError."""

    def tombstones(self) -> list[Tombstone]:
        """All that was destroyed.  Raises: CustodyError."""

    def buried(self, names: Iterable[str]) -> set[str]:
        """Those of some objects that were destroyed.  Raises: CustodyError."""

    def is_buried(self, what: str, name: str) -> bool:
        """Whether there is a tombstone of one.  Raises: CustodyError."""

    def root(self) -> str | None:
        """The identifier of the root that wrapped every key; None if none did yet."""

    def claim(self, root: str) -> bool:
        """Note whose wrapping the keys are, if nobody did; whether it is this root's."""

    def rewrap(self, change: Rewrap, before: str, after: str, testament: bytes) -> int:
        """Replace the wrapping of every key, and leave a testament; all of it or nothing.  How many keys there are.

        Raises:
            CustodyError: another root wrapped them.
        """

    def testament(self) -> bytes | None:
        """What tells the holders of the root before this one of this one; for some seconds, then it is removed."""

    def forget_testament(self) -> None:
        """Remove it."""

    def close(self) -> None:
        """Close the database."""


class SqliteKekStore:
    """Wrapped keys in one SQLite file.  Used rarely: a key is unwrapped once for as long as the process runs."""

    def __init__(self, directory: Path) -> None:
        """Open `kek.db` in a directory; make it, readable by its owner alone, if it is not there.

        Raises: as `open_keks`.
        """
        path = directory / KEK_FILE
        self.directory = directory
        self._lock = threading.RLock()
        self._file: tuple[int, int] | None = None
        try:
            make_directory(directory)
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
                belong(path, directory)
            if path.stat().st_mode & 0o077:
                raise CustodyError(f"{KEK_FILE} may be read by others; make its mode 0600")
            quoted = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
            self._sqlite = sqlite3.connect(
                f"file:{quoted}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=4
            )
        except OSError as error:
            raise CustodyError(f"{KEK_FILE} cannot be opened: {error.strerror}") from None
        try:
            self._prepare()
            self.testament()
            self._file = _file_of(path)
        except BaseException:
            self._sqlite.close()
            raise

    def _prepare(self) -> None:
        # TRUNCATE rather than WAL: what was deleted is in no second file once the deletion is durable.
        for setting in ("journal_mode = TRUNCATE", "synchronous = FULL", "secure_delete = ON", "trusted_schema = OFF"):
            self._rows(f"PRAGMA {setting}")
        self._rows("BEGIN IMMEDIATE")
        try:
            fresh = not self._rows("SELECT 1 FROM sqlite_schema")
            if fresh:
                self._rows(
                    "CREATE TABLE keks (domain TEXT NOT NULL, kind INTEGER NOT NULL, generation INTEGER NOT NULL,"
                    " wrapped BLOB NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (domain, kind, generation))"
                )
                self._rows(f"PRAGMA application_id = {APPLICATION_ID}")
            if self._rows("PRAGMA application_id") != [(APPLICATION_ID,)]:
                raise CustodyError(f"{KEK_FILE} is a database of another program")
            if self._rows("PRAGMA user_version") == [(1,)] or fresh:
                self._rows("CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL, at INTEGER NOT NULL)")
                self._rows("PRAGMA user_version = 2")
            if self._rows("PRAGMA user_version") == [(2,)]:
                self._rows(
                    "CREATE TABLE tombstones (what TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL,"
                    " generation INTEGER NOT NULL, PRIMARY KEY (what, name)) WITHOUT ROWID"
                )
                self._rows("PRAGMA user_version = 3")
            if self._rows("PRAGMA user_version") == [(3,)]:
                self._rows("ALTER TABLE tombstones RENAME TO before")
                self._rows(
                    # The key comes first: else SQLite 3.40 finds damage where there is none.
                    "CREATE TABLE tombstones (what TEXT NOT NULL, name TEXT NOT NULL, tag BLOB NOT NULL,"
                    " at INTEGER NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (what, name, tag)) WITHOUT ROWID"
                )
                self._rows("INSERT INTO tombstones SELECT what, name, x'', at, generation FROM before")
                self._rows("DROP TABLE before")
                self._rows("CREATE INDEX tombstones_of ON tombstones (name)")
                self._rows(f"PRAGMA user_version = {FORMAT}")
            if self._rows("PRAGMA user_version") != [(FORMAT,)]:
                raise CustodyError(f"{KEK_FILE} was written by a newer version of Keystead")
            if self._rows("PRAGMA quick_check(1)") != [("ok",)]:
                raise TamperError(f"{KEK_FILE} is damaged")
            self._rows("COMMIT")
        finally:
            if self._sqlite.in_transaction:
                self._rows("ROLLBACK")

    def generations(self, domain: str, kind: int) -> list[tuple[int, bytes]]:
        return self._rows(
            "SELECT generation, wrapped FROM keks WHERE domain = ? AND kind = ? ORDER BY generation", (domain, kind)
        )

    def made(self, domain: str, kind: int) -> list[tuple[int, bytes, int]]:
        return self._rows(
            "SELECT generation, wrapped, created FROM keks WHERE domain = ? AND kind = ? ORDER BY generation",
            (domain, kind),
        )

    def add(self, domain: str, kind: int, generation: int, wrapped: bytes, created: int, root: str) -> bool:
        with self._transaction():
            self.claim(root)
            return bool(
                self._rows(
                    "INSERT INTO keks (domain, kind, generation, wrapped, created)"
                    " SELECT ?, ?, ?, ?, ? FROM facts WHERE name = ? AND value = ?"
                    " ON CONFLICT DO NOTHING RETURNING generation",
                    (domain, kind, generation, wrapped, created, _ROOT, root.encode()),
                )
            )

    def delete(self, domain: str, kind: int | None = None, generation: int | None = None) -> int:
        return len(
            self._rows(
                "DELETE FROM keks WHERE domain = ? AND (? IS NULL OR kind = ?) AND (? IS NULL OR generation = ?)"
                " RETURNING generation",
                (domain, kind, kind, generation, generation),
            )
        )

    def zones(self) -> list[tuple[str, int, int]]:
        return self._rows("SELECT domain, kind, max(generation) FROM keks GROUP BY domain, kind")

    def bury(self, tombstones: Iterable[Tombstone]) -> None:
        with self._transaction():
            for stone in tombstones:
                self._rows(
                    "INSERT INTO tombstones (what, name, at, generation, tag) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (what, name, tag)"
                    " DO UPDATE SET at = max(at, excluded.at), generation = max(generation, excluded.generation)",
                    (stone.what, stone.name, stone.at, stone.generation, stone.tag),
                )

    def tombstones(self) -> list[Tombstone]:
        return [Tombstone(*row) for row in self._rows("SELECT what, name, at, generation, tag FROM tombstones")]

    def buried(self, names: Iterable[str]) -> set[str]:
        sql = (
            "SELECT name FROM tombstones WHERE what IN ('object', 'gone') AND name IN (SELECT value FROM json_each(?))"
        )
        return {row[0] for row in self._rows(sql, (json.dumps(list(names)),))}

    def is_buried(self, what: str, name: str) -> bool:
        return bool(self._rows("SELECT 1 FROM tombstones WHERE what = ? AND name = ?", (what, name)))

    def root(self) -> str | None:
        found = self._rows("SELECT value FROM facts WHERE name = ?", (_ROOT,))
        return found[0][0].decode() if found else None

    def claim(self, root: str) -> bool:
        if self.root() is None:
            sql = "INSERT INTO facts (name, value, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
            self._rows(sql, (_ROOT, root.encode(), int(time.time())))
        return self.root() == root

    def rewrap(self, change: Rewrap, before: str, after: str, testament: bytes) -> int:
        # What takes long, as calls to an HSM do, comes first: a server that makes a key meanwhile must not wait for it.
        select = "SELECT domain, kind, generation, wrapped FROM keks"
        done = {(*zone, wrapped): change(wrapped, context_of(*zone)) for *zone, wrapped in self._rows(select)}
        with self._transaction():
            if not self.claim(before):
                raise CustodyError("the keys are wrapped by another root of trust")
            keys = self._rows(select)
            for *zone, wrapped in keys:
                changed = done.get((*zone, wrapped)) or change(wrapped, context_of(*zone))
                sql = "UPDATE keks SET wrapped = ? WHERE domain = ? AND kind = ? AND generation = ?"
                self._rows(sql, (changed, *zone))
            now = int(time.time())
            for name, value in ((_ROOT, after.encode()), (_TESTAMENT, testament)):
                self._rows("INSERT OR REPLACE INTO facts (name, value, at) VALUES (?, ?, ?)", (name, value, now))
            return len(keys)

    def testament(self) -> bytes | None:
        now = int(time.time())
        of_now = "SELECT value, at BETWEEN ? AND ? FROM facts WHERE name = ?"
        found = self._rows(of_now, (now - MOST_TESTAMENT_SECONDS, now, _TESTAMENT))
        if not found:
            return None
        value, in_time = found[0]
        if not in_time or type(value) is not bytes:
            self.forget_testament()
            return None
        return value

    def forget_testament(self) -> None:
        self._rows("DELETE FROM facts WHERE name = ?", (_TESTAMENT,))

    def close(self) -> None:
        with self._lock, suppress(sqlite3.Error):
            self._sqlite.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of the block or nothing.  Another thread's statements wait."""
        with self._lock:
            self._rows("BEGIN IMMEDIATE")
            try:
                yield
                self._rows("COMMIT")
            finally:
                if self._sqlite.in_transaction:
                    self._rows("ROLLBACK")

    def _rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        # What is written to a file that has no name any more is gone when the process ends: a key, or a tombstone.
        if self._file not in (None, _file_of(self.directory / KEK_FILE)) and not self._sqlite.in_transaction:
            raise TamperError(f"{KEK_FILE} was replaced")
        try:
            with self._lock, closing(self._sqlite.execute(sql, parameters)) as cursor:
                return cursor.fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:  # a name in the schema may be no text any more
            damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
            if damaged or isinstance(error, UnicodeDecodeError):
                raise TamperError(f"{KEK_FILE} is damaged") from None
            raise CustodyError(f"{KEK_FILE} cannot be used: {error}") from None


def open_keks(directory: Path) -> KekStore:
    """Open the wrapped keys of a directory; make their database if it is not there.

    Raises:
        CustodyError: it cannot be opened, is not Keystead's, is of a newer version, or others may read it.
        TamperError: it is damaged.
    """
    return SqliteKekStore(directory)


def _file_of(path: Path) -> tuple[int, int] | None:
    """Which file a name stands for; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def context_of(domain: str, kind: int, generation: int) -> bytes:
    """What a KEK is bound to, and with it what lies under it; generation 0 stands for the zone whatever its KEK."""
    name = domain.encode(errors="surrogatepass")
    return b"keystead zone 1" + len(name).to_bytes(4, "big") + name + bytes((kind,)) + generation.to_bytes(4, "big")

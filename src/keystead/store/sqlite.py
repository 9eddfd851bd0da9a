"""The store in one SQLite file, with the standard library's sqlite3.

Every commit is on the disk before it returns (WAL, synchronous=FULL).  A connection belongs to one thread; processes
and threads share the file, and one of them writes at a time.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

from keystead.errors import Conflict, StoreError, TamperError
from keystead.store.sql import MIGRATIONS, SqlTransaction

APPLICATION_ID: Final = 0x4B534453
"""Marks a file as Keystead's store ("KSDS").  Source: https://www.sqlite.org/pragma.html#pragma_application_id."""
BUSY_SECONDS: Final = 4
"""How long to wait for another writer."""
CACHE_KIB: Final = 65_536
_ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)
"""The second where an error is about a name of the schema that is no text any more."""
MOST_WAL_PAGES: Final = 20_000
"""Upkeep moves the log into the database; should it not run, a commit does at this length."""
RESTART_WAL_PAGES: Final = 5_000
"""From this length on, upkeep makes the log begin anew, for which it has to wait until nobody reads it."""
CHECKED_AT_OPEN_BYTES: Final = 16 << 20
"""Up to this size the whole file is checked when it is opened; a larger one when its pages are read."""

_WAL_MAGIC: Final = 0x377F0682

_NOTHING_WRITTEN: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_SHMMAP,
        sqlite3.SQLITE_IOERR_SHMLOCK,
        sqlite3.SQLITE_IOERR_LOCK,
        sqlite3.SQLITE_IOERR_RDLOCK,
        sqlite3.SQLITE_IOERR_NOMEM,
    }
)
"""Errors that are no failed write: of the index in memory, of which the next start makes a new one, and of locks."""

_DIALECT: Final = {
    "{identity}": "INTEGER PRIMARY KEY",
    "{blob}": "BLOB",
    "{clustered}": " WITHOUT ROWID",
}
_SETTINGS: Final = (
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA temp_store = MEMORY",
    f"PRAGMA cache_size = -{CACHE_KIB}",
    f"PRAGMA wal_autocheckpoint = {MOST_WAL_PAGES}",
    "PRAGMA journal_size_limit = 268435456",
)


class SqliteStore:
    """A store in a file.  See `keystead.store.Store`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[_Connection] = []
        self._numbers = count()
        self._lock = threading.Lock()
        self._closed = False
        self._failure: str | None = None
        self._files: dict[Path, tuple[int, int]] = {}

    @classmethod
    def open(cls, url: str) -> SqliteStore:
        """Open `sqlite:PATH` or `sqlite:///PATH`; make it, readable by its owner alone, if it is not there.

        Raises:
            StoreError: it cannot be opened, is of another program or of a newer version, or others may read it.
            TamperError: it is damaged.
        """
        name = url.removeprefix("sqlite:")
        path = Path(name[2:] if name.startswith("//") else name)
        if not path.name or "?" in name:
            raise StoreError("store url: names no file")
        store = cls(path)
        try:
            _make_file(path)
            with closing(_connect(path)) as connection:
                _check_ours(connection)
                _migrate(connection)
                _check_schema(connection)
                _check_pages(connection)
            store._files[path] = _identity(path)
        except _ERRORS as error:
            raise store.failure(error) from None
        except OSError as error:
            raise StoreError(f"the database cannot be opened: {error.strerror}") from None
        return store

    def begin(self, write: bool = True) -> _Begun:
        return _Begun(self._connection(), write)

    def epoch(self) -> object:
        connection = self._connection()
        return (connection.number, connection.rows("PRAGMA data_version")[0][0])

    def upkeep(self, now: int) -> None:
        with self.begin(write=False) as transaction:
            expired = transaction.expired(now)
        if expired:
            with self.begin() as transaction:
                for kind, key in expired:
                    transaction.delete_entry(kind, key)
                transaction.commit()
        self.tidy()

    def tidy(self) -> None:
        self._check_files()
        _, length, _ = self._connection().rows("PRAGMA wal_checkpoint(PASSIVE)")[0]
        if length > RESTART_WAL_PAGES:
            self._empty_log()

    def scrub(self) -> None:
        """See `Store.scrub`: deleted content is overwritten where it lay, what remains of it is in the log."""
        self._connection().rows("PRAGMA wal_checkpoint(PASSIVE)")
        if not self._empty_log():
            raise StoreError("the log of the database is being read; it could not be emptied")

    def _empty_log(self) -> bool:
        """Begin the log anew, unless somebody reads it: nobody is to wait for that, above all no writer."""
        connection = self._connection()
        connection.rows("PRAGMA busy_timeout = 0")
        try:
            busy, _, _ = connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0]
        except StoreError:
            return False
        finally:
            connection.rows(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        return not busy

    def close(self) -> None:
        with self._lock:
            self._closed = True
            connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()

    def failure(self, error: Exception) -> StoreError | TamperError:
        """What an error of SQLite means.

        After a failed write or sync nobody knows what the disk holds, so that the store refuses from then on; the next
        start recovers what is there.
        """
        extended = getattr(error, "sqlite_errorcode", 0)
        code = extended & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or isinstance(error, UnicodeDecodeError):
            return TamperError("the database is damaged")
        if extended in _NOTHING_WRITTEN:
            return StoreError("the disk did not let the database be opened; try again")
        if code == sqlite3.SQLITE_IOERR:
            self._failure = "the disk failed"
            return StoreError("the disk failed; the database is out of service until the next start")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreError("the database is locked by another")
        if code == sqlite3.SQLITE_FULL:
            return StoreError("the disk is full")
        if code == sqlite3.SQLITE_CONSTRAINT:
            return Conflict("another transaction was first")
        return StoreError(f"the database refused: {error}")

    def _connection(self) -> _Connection:
        """The connection of this thread."""
        if self._failure is not None:
            raise StoreError(f"{self._failure}; the database is out of service until the next start")
        found: _Connection | None = getattr(self._local, "connection", None)
        if found is not None and not self._closed and not found.read_only:
            return found
        with self._lock:
            if self._closed:
                raise StoreError("the database is closed")
            try:
                found = _Connection(self, _connect(self._path), next(self._numbers))
            except sqlite3.Error as error:
                raise self.failure(error) from None
            self._connections.append(found)
            stale: _Connection | None = getattr(self._local, "connection", None)
            if stale in self._connections:
                self._connections.remove(stale)
                stale.close()
        self._local.connection = found
        return found

    def _check_files(self) -> None:
        """Refuse to go on if somebody removed, replaced or emptied the file that was opened, or its log."""
        log = self._path.with_name(f"{self._path.name}-wal")
        if log not in self._files:
            with suppress(OSError):  # it is made by the first that reads
                self._files[log] = _identity(log)
        for path, opened in self._files.items():
            try:
                same = _identity(path) == opened and (path != log or _begins_as_log(path))
            except FileNotFoundError:
                same = False
            except OSError as error:  # this process cannot look now
                raise StoreError(f"the file {path.name} cannot be looked at: {error.strerror}") from None
            if not same:
                self._failure = f"the file {path.name} was replaced"
                raise TamperError(self._failure)


class _Begun:
    """The block of a transaction."""

    __slots__ = ("_connection", "_write")

    def __init__(self, connection: _Connection, write: bool) -> None:
        self._connection = connection
        self._write = write

    def __enter__(self) -> SqlTransaction:
        self._connection.begin(self._write)
        return SqlTransaction(self._connection)

    def __exit__(self, *_: object) -> None:
        self._connection.end()


class _Connection:
    """A connection of one thread, and the one transaction that it may have."""

    def __init__(self, store: SqliteStore, connection: sqlite3.Connection, number: int) -> None:
        self.number = number
        self._store = store
        self._sqlite = connection
        self._execute = connection.execute
        self._broken = False
        self.read_only = False
        """It could not be opened for writing, and would stay as it is: another one has to be opened."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if self._broken:
            raise StoreError("the transaction failed before")
        try:
            return self._execute(sql, parameters).fetchall()
        except (*_ERRORS, OverflowError, UnicodeEncodeError) as error:
            raise self._failed(error) from None

    def many(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        if self._broken:
            raise StoreError("the transaction failed before")
        try:
            self._sqlite.executemany(sql, parameters)
        except (*_ERRORS, OverflowError, UnicodeEncodeError) as error:
            raise self._failed(error) from None

    def begin(self, write: bool) -> None:
        if self._sqlite.in_transaction:
            raise StoreError("this thread has a transaction already")
        self.rows("BEGIN IMMEDIATE" if write else "BEGIN")

    def commit(self) -> None:
        self.rows("COMMIT")

    def end(self) -> None:
        """Undo what was not committed."""
        self._broken = False
        if self._sqlite.in_transaction:
            try:
                self._execute("ROLLBACK")
            except _ERRORS as error:
                raise self._store.failure(error) from None

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._sqlite.close()

    def _failed(self, error: Exception) -> StoreError | TamperError:
        if isinstance(error, sqlite3.OperationalError) and str(error).startswith("Could not decode"):
            return TamperError("a text in the database is damaged")  # it was read, and nothing was undone
        # SQLite may have undone the whole transaction: what came after would be committed by itself.
        self._broken = self._sqlite.in_transaction or self._broken
        if not isinstance(error, _ERRORS):
            return StoreError("a value cannot be kept")
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY:
            self.read_only = True
        return self._store.failure(error)


def _connect(path: Path) -> sqlite3.Connection:
    # mode=rw: a file that vanished is an error, not a new and empty database.
    connection = sqlite3.connect(
        f"file:{_quoted(path)}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
        timeout=BUSY_SECONDS,
    )
    try:
        for setting in _SETTINGS:
            connection.execute(setting).fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _begins_as_log(path: Path) -> bool:
    """Whether a log is empty or begins as one.  Source: https://www.sqlite.org/fileformat2.html#walformat."""
    with path.open("rb") as file:
        head = file.read(4)
    return not head or int.from_bytes(head, "big") & ~1 == _WAL_MAGIC


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _make_file(path: Path) -> None:
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True)
        _belong(path.parent)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _belong(path)
    if path.stat().st_mode & 0o077:
        raise StoreError("the file of the database may be read by others; make it readable by its owner only (0600)")


def _belong(made: Path) -> None:
    # Root may look after a server that runs as another user, which has to read it.
    if os.geteuid() == 0:
        owner = made.parent.stat()
        with suppress(PermissionError):
            os.chown(made, owner.st_uid, owner.st_gid)


def _value(connection: sqlite3.Connection, sql: str) -> Any:
    return connection.execute(sql).fetchone()[0]


def _check_ours(connection: sqlite3.Connection) -> None:
    found = _value(connection, "PRAGMA application_id")
    if found != APPLICATION_ID and _value(connection, "SELECT count(*) FROM sqlite_schema"):
        raise StoreError("the file is a database of another program")


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, a version at a time, each in a transaction of its own."""
    while (version := _value(connection, "PRAGMA user_version")) != len(MIGRATIONS):
        if version > len(MIGRATIONS):
            raise StoreError("the database was written by a newer version of Keystead")
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _value(connection, "PRAGMA user_version") == version:  # nobody else was faster
                for statement in _statements(version):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _statements(version: int) -> Iterator[str]:
    for statement in MIGRATIONS[version]:
        for word, meaning in _DIALECT.items():
            statement = statement.replace(word, meaning)
        yield statement


def _check_schema(connection: sqlite3.Connection) -> None:
    """Refuse tables, triggers or views that the migrations do not make."""
    select = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        for version in range(len(MIGRATIONS)):
            for statement in _statements(version):
                model.execute(statement)
        expected = model.execute(select).fetchall()
    if connection.execute(select).fetchall() != expected:
        raise TamperError("the schema of the database was changed")


def _check_pages(connection: sqlite3.Connection) -> None:
    size = _value(connection, "PRAGMA page_count") * _value(connection, "PRAGMA page_size")
    if size <= CHECKED_AT_OPEN_BYTES and _value(connection, "PRAGMA quick_check(1)") != "ok":
        raise TamperError("the database is damaged")

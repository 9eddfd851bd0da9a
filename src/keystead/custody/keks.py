"""Where key-encryption keys lie, each wrapped by the root of trust: a database of their own, apart from the store."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from keystead.custody.files import make_directory
from keystead.errors import CustodyError, TamperError

APPLICATION_ID: Final = 0x4B53444B
FORMAT: Final = 1
KEK_FILE: Final = "kek.db"


class KekStore(Protocol):
    """Wrapped keys by domain, kind and generation."""

    def generations(self, domain: str, kind: int) -> list[tuple[int, bytes]]:
        """The wrapped keys of a zone, oldest first.  Raises: CustodyError."""

    def add(self, domain: str, kind: int, generation: int, wrapped: bytes, created: int) -> bool:
        """Keep a new generation, durably; False if it is there already."""

    def delete(self, domain: str, kind: int | None = None) -> int:
        """Shred the keys of a zone, or of a whole domain: nothing of them is left in the file.  How many there were."""

    def zones(self) -> list[tuple[str, int, int]]:
        """Every zone, as (domain, kind, newest generation)."""

    def close(self) -> None:
        """Close the database."""


class SqliteKekStore:
    """Wrapped keys in one SQLite file.  Used rarely: a key is unwrapped once for as long as the process runs."""

    def __init__(self, directory: Path) -> None:
        """Open `kek.db` in a directory; make it, readable by its owner alone, if it is not there.

        Raises:
            CustodyError: it cannot be opened, is not Keystead's, is of a newer version, or others may read it.
            TamperError: it is damaged.
        """
        path = directory / KEK_FILE
        self._lock = threading.Lock()
        try:
            make_directory(directory)
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
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
        except BaseException:
            self._sqlite.close()
            raise

    def _prepare(self) -> None:
        # TRUNCATE rather than WAL: what was deleted is in no second file once the deletion is durable.
        for setting in ("journal_mode = TRUNCATE", "synchronous = FULL", "secure_delete = ON", "trusted_schema = OFF"):
            self._rows(f"PRAGMA {setting}")
        self._rows("BEGIN IMMEDIATE")
        try:
            if not self._rows("SELECT 1 FROM sqlite_schema"):
                self._rows(
                    "CREATE TABLE keks (domain TEXT NOT NULL, kind INTEGER NOT NULL, generation INTEGER NOT NULL,"
                    " wrapped BLOB NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (domain, kind, generation))"
                )
                self._rows(f"PRAGMA application_id = {APPLICATION_ID}")
                self._rows(f"PRAGMA user_version = {FORMAT}")
            if self._rows("PRAGMA application_id") != [(APPLICATION_ID,)]:
                raise CustodyError(f"{KEK_FILE} is a database of another program")
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

    def add(self, domain: str, kind: int, generation: int, wrapped: bytes, created: int) -> bool:
        return bool(
            self._rows(
                "INSERT INTO keks (domain, kind, generation, wrapped, created) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING RETURNING generation",
                (domain, kind, generation, wrapped, created),
            )
        )

    def delete(self, domain: str, kind: int | None = None) -> int:
        return len(
            self._rows(
                "DELETE FROM keks WHERE domain = ? AND (? IS NULL OR kind = ?) RETURNING generation",
                (domain, kind, kind),
            )
        )

    def zones(self) -> list[tuple[str, int, int]]:
        return self._rows("SELECT domain, kind, max(generation) FROM keks GROUP BY domain, kind")

    def close(self) -> None:
        with self._lock, suppress(sqlite3.Error):
            self._sqlite.close()

    def _rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._lock, closing(self._sqlite.execute(sql, parameters)) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise TamperError(f"{KEK_FILE} is damaged") from None
            raise CustodyError(f"{KEK_FILE} cannot be used: {error}") from None

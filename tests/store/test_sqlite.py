"""What only the SQLite store promises: durability, its file, and refusals."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from keystead import store as stores
from keystead.errors import StoreError, TamperError
from keystead.store import Criteria, Record
from keystead.store.sqlite import SqliteStore

Make = Callable[..., Record]

WRITER = """
import os, sys
from keystead import store as stores
from keystead.store import Record
store = stores.open(sys.argv[1])
number = int(sys.argv[2])
while True:
    with store.begin() as transaction:
        pair = []
        for part in "ab":
            name = f"{number:06d}{part}"
            sealed = os.urandom(200)
            transaction.add(Record(name, "default", "alice", 2, 1, number, None, None, None, None, None,
                                   sealed, sealed, (name,), frozenset({(7, b"x" * 16)}), ((9, number),)))
            pair.append(name.encode())
        transaction.append_events(pair)
        if number % 3 == 0:
            transaction.delete(f"{number - 3:06d}a")
        transaction.commit()
    os.write(1, b"%d\\n" % number)
    number += 1
    if number % 50 == 0:
        store.upkeep(0)
"""


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "keystead.db"


def test_nothing_acknowledged_is_lost_by_kill_9(path: Path) -> None:
    """C01 in small: a child acknowledges each commit over a pipe and is killed at a random moment."""
    acknowledged = 0
    chance = random.Random(7)
    for _ in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, f"sqlite:{path}", str(acknowledged + 1)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(chance.random() * 0.1)
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        child.stdout.close()
        assert child.wait() == -signal.SIGKILL
        acknowledged = int(rest[-1] if rest else first)
        store = stores.open(f"sqlite:{path}")
        with store.begin(write=False) as transaction:
            events = transaction.events(limit=100_000)
            records = {record.unique_identifier: record for record in transaction.records(limit=100_000)}
            located = transaction.locate(Criteria(domain="default", visible_to=("alice",), equal=((7, b"x" * 16),)))
        store.close()
        last = len(events) // 2
        assert acknowledged <= last <= acknowledged + 1
        acknowledged = last  # the last may have been committed and not acknowledged
        names = [f"{number:06d}{part}" for number in range(1, last + 1) for part in "ab"]
        assert events == [(sequence, name.encode()) for sequence, name in enumerate(names, 1)]
        deleted = {f"{number - 3:06d}a" for number in range(6, last + 1, 3)}
        kept = [name for name in names if name not in deleted]
        assert sorted(records) == kept
        assert sorted(located.identifiers) == kept


def test_the_database_is_for_its_owner_alone(path: Path) -> None:
    store = stores.open(f"sqlite://{path}")
    with store.begin() as transaction:
        transaction.put_entry("a", "b", b"c")
        transaction.commit()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file
    store.close()
    path.chmod(0o640)
    with pytest.raises(StoreError, match="others"):
        stores.open(f"sqlite:{path}")


def test_every_commit_is_synced_and_deleted_content_is_overwritten(path: Path) -> None:
    store = SqliteStore.open(f"sqlite:{path}")
    connection = store._connection()
    settings = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1, "trusted_schema": 0}
    for setting, value in settings.items():
        assert connection.rows(f"PRAGMA {setting}") == [(value,)], setting
    store.close()


def test_what_was_destroyed_is_in_no_file_after_scrubbing(path: Path, record: Make) -> None:
    store = SqliteStore.open(f"sqlite:{path}")
    secret = os.urandom(24).hex().encode()
    with store.begin() as transaction:
        for number in range(50):
            transaction.add(record(number, material=secret * 200 if number % 2 else secret))
        transaction.commit()
    with store.begin() as transaction:
        for number in range(50):
            transaction.save(record(number, generation=2, material=None, destroy_date=1), 1)
        transaction.commit()
    assert any(secret in file.read_bytes() for file in path.parent.iterdir())
    store.scrub()
    assert not any(secret in file.read_bytes() for file in path.parent.iterdir())
    store.close()


def test_scrubbing_says_so_when_somebody_still_reads(path: Path, record: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keystead.store.sqlite.BUSY_SECONDS", 0)
    monkeypatch.setattr("keystead.store.sqlite._SETTINGS", ("PRAGMA busy_timeout = 0", "PRAGMA journal_mode = WAL"))
    store, reader = SqliteStore.open(f"sqlite:{path}"), SqliteStore.open(f"sqlite:{path}")
    with reader.begin(write=False) as transaction:
        transaction.records()
        with store.begin() as writing:
            writing.add(record(1))
            writing.commit()
        with pytest.raises(StoreError):
            store.scrub()
    store.scrub()
    store.close()
    reader.close()


def test_upkeep_keeps_the_log_short(path: Path, record: Make) -> None:
    store = stores.open(f"sqlite:{path}")
    with store.begin() as transaction:
        for number in range(3_000):
            transaction.add(record(number, attributes=os.urandom(8_000)))
        transaction.commit()
    log = path.with_name("keystead.db-wal")
    assert log.stat().st_size > 20_000_000
    store.upkeep(0)
    assert log.stat().st_size == 0
    store.close()


def test_S07_a_database_of_a_newer_version_is_refused(path: Path) -> None:
    stores.open(f"sqlite:{path}").close()
    with connect(path) as raw:
        raw.execute("PRAGMA user_version = 1000")
    raw.close()
    with pytest.raises(StoreError, match="newer"):
        stores.open(f"sqlite:{path}")


def test_S07_a_migration_happens_whole_or_not_at_all(path: Path, record: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """At whichever statement it fails, the version before still opens."""
    from keystead.store import sql, sqlite

    store = stores.open(f"sqlite:{path}")
    with store.begin() as transaction:
        transaction.add(record(1))
        transaction.commit()
    store.close()
    new = (
        "CREATE TABLE more (a {blob})",
        "ALTER TABLE entries ADD COLUMN extra TEXT",
        "CREATE INDEX more_a ON more (a)",
    )
    for statement in range(len(new) + 1):
        broken = (*new[:statement], "CREATE NONSENSE", *new[statement:])
        monkeypatch.setattr(sqlite, "MIGRATIONS", (*sql.MIGRATIONS, broken))
        with pytest.raises(StoreError):
            stores.open(f"sqlite:{path}")
        monkeypatch.setattr(sqlite, "MIGRATIONS", sql.MIGRATIONS)
        stores.open(f"sqlite:{path}").close()
    monkeypatch.setattr(sqlite, "MIGRATIONS", (*sql.MIGRATIONS, new))
    store = stores.open(f"sqlite:{path}")
    with store.begin() as transaction:
        assert transaction.get(record(1).unique_identifier) == record(1)
    store.close()
    monkeypatch.setattr(sqlite, "MIGRATIONS", sql.MIGRATIONS)
    with pytest.raises(StoreError, match="newer"):
        stores.open(f"sqlite:{path}")


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with connect(path) as raw:
        raw.execute("CREATE TABLE other (a)")
    raw.close()
    path.chmod(0o600)
    with pytest.raises(StoreError, match="another program"):
        stores.open(f"sqlite:{path}")


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database at all" * 100)
    path.chmod(0o600)
    with pytest.raises(TamperError):
        stores.open(f"sqlite:{path}")


def test_a_planted_trigger_is_refused(path: Path) -> None:
    stores.open(f"sqlite:{path}").close()
    with connect(path) as raw:
        raw.execute("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events; END")
    raw.close()
    with pytest.raises(TamperError):
        stores.open(f"sqlite:{path}")


def test_s05_a_schema_whose_names_are_no_text_is_damage(path: Path) -> None:
    stores.open(f"sqlite:{path}").close()
    with closing(connect(path)) as raw:
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute("UPDATE sqlite_schema SET name = CAST(x'c5c5' AS TEXT), sql = 'CREATE TABLE' WHERE name = 'names'")
        raw.commit()
    with pytest.raises(TamperError, match="damaged"):
        stores.open(f"sqlite:{path}")


def test_a_damaged_page_never_gives_other_bytes_unnoticed_to_the_store(path: Path, record: Make) -> None:
    """S05 in small: the structure of every page is damaged in turn; it is refused, or every record is whole."""
    store = stores.open(f"sqlite:{path}")
    records = [record(number, names=(f"n{number}",)) for number in range(60)]
    with store.begin() as transaction:
        for each in records:
            transaction.add(each)
        transaction.append_events([b"event"] * 50)
        transaction.commit()
    store.upkeep(0)
    store.close()
    whole = path.read_bytes()
    refused = 0
    for page in range(len(whole) // 4096):
        damaged = bytearray(whole)
        damaged[page * 4096 + (100 if page == 0 else 0)] ^= 0xFF  # the type of the page
        path.write_bytes(damaged)
        try:
            again = stores.open(f"sqlite:{path}")
            with again.begin() as transaction:
                assert transaction.records(limit=1000) == records
            again.close()
        except (TamperError, StoreError):
            refused += 1
    assert refused >= len(whole) // 4096 - 2


def test_S04_a_file_put_in_the_place_of_the_database_is_not_served(path: Path, record: Make) -> None:
    store = stores.open(f"sqlite:{path}")
    path.rename(path.with_name("away.db"))
    other = stores.open(f"sqlite:{path}")
    with other.begin() as transaction:
        transaction.add(record(1))
        transaction.commit()
    other.close()
    with pytest.raises(TamperError):
        store.upkeep(0)
    with pytest.raises(StoreError), store.begin():
        pass
    store.close()


def test_S04_a_database_that_another_keeps_locked_is_an_error_in_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ("PRAGMA busy_timeout = 50", "PRAGMA journal_mode = WAL")
    monkeypatch.setattr("keystead.store.sqlite._SETTINGS", settings)
    first, second = stores.open(f"sqlite:{path}"), stores.open(f"sqlite:{path}")
    with first.begin():
        with pytest.raises(StoreError, match="locked"), second.begin():
            pass
        with second.begin(write=False) as transaction:
            assert transaction.records() == []
    with second.begin() as transaction:
        transaction.put_entry("a", "b", b"c")
        transaction.commit()
    first.close()
    second.close()


def test_a_full_disk_fails_the_transaction_and_no_more(path: Path, record: Make) -> None:
    """S01 in small: SQLite itself is told that the disk holds no more pages."""
    store = SqliteStore.open(f"sqlite:{path}")
    with store.begin() as transaction:
        transaction.add(record(1))
        transaction.commit()
    connection = store._connection()
    pages = connection.rows("PRAGMA page_count")[0][0]
    connection.rows(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="full"), store.begin() as transaction:  # noqa: PT012 - either may fail
        transaction.append_events([b"event"])
        transaction.add(record(2, material=bytes(100_000)))
    with store.begin() as transaction:
        assert transaction.records() == [record(1)]
        assert transaction.events() == []
    connection.rows("PRAGMA max_page_count = 1000000")
    with store.begin() as transaction:
        transaction.add(record(2, material=bytes(100_000)))
        transaction.commit()
    store.close()


def test_a_failed_transaction_takes_no_more_statements(path: Path, record: Make) -> None:
    store = SqliteStore.open(f"sqlite:{path}")
    with store.begin() as transaction:
        with pytest.raises(StoreError):
            transaction.put_entry("a", "b", b"", expires=1 << 70)
        with pytest.raises(StoreError, match="before"):
            transaction.add(record(1))
        with pytest.raises(StoreError, match="before"):
            transaction.commit()
    with store.begin() as transaction:
        assert transaction.records() == []
        transaction.add(record(1))
        transaction.commit()
    store.close()


def test_S02_after_a_failed_disk_the_store_refuses_until_the_next_start(path: Path) -> None:
    """Nobody syncs again and hopes."""
    store = SqliteStore.open(f"sqlite:{path}")
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    assert "out of service" in str(store.failure(error))
    with pytest.raises(StoreError, match="out of service"), store.begin():
        pass
    store.close()


def test_an_index_that_found_no_room_is_no_failed_disk(path: Path) -> None:
    store = SqliteStore.open(f"sqlite:{path}")
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    assert "try again" in str(store.failure(error))
    with store.begin():
        pass
    store.close()


def test_s03_a_connection_that_cannot_write_is_opened_anew(path: Path) -> None:
    store = SqliteStore.open(f"sqlite:{path}")
    store._connection()._sqlite.execute("PRAGMA query_only = ON")  # as if it could be opened for reading only
    with pytest.raises(StoreError, match="readonly"), store.begin() as transaction:
        transaction.put_entry("kind", "key", b"value")
    with store.begin() as transaction:
        transaction.put_entry("kind", "key", b"value")
        transaction.commit()
    store.close()


@pytest.mark.parametrize("url", ["sqlite:", "sqlite://", "sqlite:/", "sqlite:x?mode=memory"])
def test_a_url_names_a_file(url: str) -> None:
    with pytest.raises(StoreError):
        stores.open(url)


def test_a_place_that_cannot_be_written_is_a_clean_refusal(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        stores.open(f"sqlite:{tmp_path}/file/keystead.db")


def test_odd_paths_work(tmp_path: Path) -> None:
    path = tmp_path / "a #%20 b" / "k'\".db"
    stores.open(f"sqlite:{path}").close()
    assert path.exists()

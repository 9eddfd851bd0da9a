"""M7, S06: whoever writes to the database is noticed, whatever was written."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from keystead.engine import granting, identities, integrity
from keystead.engine.admin import Administration
from keystead.engine.unsealing import note
from keystead.errors import StoreError, TamperError
from keystead.kmip.enums import ResultReason, ResultStatus, RevocationReasonCode
from keystead.kmip.payloads.create import ImportRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import ActivateRequest, DestroyRequest, ObliterateRequest, RevokeRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.structures import Name, RevocationReason
from keystead.kmip.version import V3_0
from keystead.pki.ca import Authority
from keystead.store.sql import MIGRATIONS, SqlTransaction
from keystead.store.sqlite import _statements
from tests.engine.keys import DATA, attributes, create, symmetric
from tests.engine.world import World, create_request
from tests.support import make_engine

R = ResultReason
UNUSED = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
MATERIAL = 15  # its place among the columns of an object


def named(name: str) -> Name:
    return Name(name_value=name)


@pytest.fixture
def full(world: World) -> World:
    """A world with what every table can hold."""
    for at in range(12):
        create(world, name=named(f"key {at}"), object_group=f"group {at % 3}")
    bobs = create(world, who="bob")
    granting.grant(Administration(world.engine), "bob", "alice", bobs)
    create(world)
    world.do(ActivateRequest(unique_identifier=world.create()))
    world.engine.upkeep()
    return world


def write(world: World, *statements: str) -> int:
    """Write to the database behind the server's back; how many rows were changed."""
    with closing(sqlite3.connect(world.directory / "keystead.db")) as database:
        changed = 0
        for statement in statements:
            changed += database.execute(statement).rowcount
        database.commit()
        return changed


def row_of(world: World, key: str) -> tuple[object, ...]:
    with closing(sqlite3.connect(world.directory / "keystead.db")) as database:
        row = database.execute("SELECT * FROM objects WHERE unique_identifier = ?", (key,)).fetchone()
        return tuple(row)


def put_row(world: World, row: tuple[object, ...]) -> None:
    with closing(sqlite3.connect(world.directory / "keystead.db")) as database:
        database.execute(f"INSERT OR REPLACE INTO objects VALUES ({', '.join('?' * len(row))})", row)
        database.commit()


CHANGES = {
    "TEXT": "{c} || 'x'",
    "BIGINT": "coalesce({c}, 0) + 1",
    "SMALLINT": "{c} + 1",
    "INTEGER": "{c} + 1000",
    "BLOB": "CAST(substr({c}, 1, length({c}) - 1) || iif(substr({c}, -1) = x'55', x'AA', x'55') AS BLOB)",
}
ROWS = {
    "objects": "unique_identifier >= '{key}'",
    "names": "name = 'key 3'",
    "postings": "length(value) = 16 AND object = (SELECT max(object) FROM objects)",
    "numbers": "object = (SELECT max(object) FROM objects)",
    "entries": "kind NOT IN ('integrity')",
}


def state_of(world: World, uid: str) -> object:
    item = world.ask(GetRequest(unique_identifier=uid))
    return item.result_reason or item.response_payload


def noticed(world: World) -> bool:
    """Whether a sweep, or the start after it, sees that something was written."""
    try:
        report = integrity.examine(world.engine.store)
        if report.sound:
            return False
        integrity.act(world.engine, report)
    except TamperError:
        pass
    return True


def sweep(world: World) -> None:
    """Have the server look at its database as it does about each minute."""
    sweeper = world.engine.sweeper
    sweeper._due = 0.0
    world.engine.upkeep()
    assert sweeper._thread is not None
    sweeper._thread.join()


def one_row(world: World, table: str, where: str) -> str:
    """A condition that one row meets: by its whole content, since not every table has row numbers."""
    with closing(sqlite3.connect(world.directory / "keystead.db")) as database:
        database.row_factory = sqlite3.Row
        row = dict(database.execute(f"SELECT * FROM {table} WHERE {where} LIMIT 1").fetchone())
        quoted = {name: database.execute("SELECT quote(?)", (value,)).fetchone()[0] for name, value in row.items()}
    return " AND ".join(f"{name} IS {value}" for name, value in quoted.items())


def columns() -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as database:
        for version in range(len(MIGRATIONS)):
            for statement in _statements(version):
                database.execute(statement)
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return [
            (name, column[1], column[2]) for name in names for column in database.execute(f"PRAGMA table_info({name})")
        ]


@pytest.mark.parametrize(("table", "column", "kind"), columns())
def test_m7_every_column_of_every_table(full: World, table: str, column: str, kind: str) -> None:
    key = create(full, name=named("watched"))
    before = state_of(full, key)
    chosen = one_row(full, table, ROWS.get(table, "1").format(key=key))
    changed = write(full, f"UPDATE OR IGNORE {table} SET {column} = {CHANGES[kind].format(c=column)} WHERE {chosen}")
    assert changed == 1
    full.engine.cache.clear()
    after = state_of(full, key)
    assert after in (before, R.CRYPTOGRAPHIC_FAILURE, R.GENERAL_FAILURE, R.OBJECT_NOT_FOUND)
    assert noticed(full) or column == "expires"
    if column == "expires":  # an entry that would go before its time stays
        full.clock.move(10)
        with full.engine.store.inner.begin(write=False) as transaction:
            ((kind_of, of),) = transaction.expired(int(full.clock()))
        full.engine.upkeep()
        with full.engine.store.begin(write=False) as transaction:
            assert transaction.entry(kind_of, of) is not None


@pytest.mark.parametrize("table", sorted({row[0] for row in columns()}))
def test_m7_a_row_that_was_taken_away(full: World, table: str) -> None:
    chosen = one_row(full, table, ROWS.get(table, "1").format(key=""))
    assert write(full, f"DELETE FROM {table} WHERE {chosen}") == 1
    assert noticed(full)


def test_m7_a_row_in_the_place_of_another(full: World) -> None:
    one, other = create(full), create(full)
    pairs = [("attributes",), ("material",), ("attributes", "material"), ("attributes", "material", "generation")]
    for names in pairs:
        copied = ", ".join(f"{n} = (SELECT {n} FROM objects WHERE unique_identifier = '{other}')" for n in names)
        kept = row_of(full, one)
        write(full, f"UPDATE objects SET {copied} WHERE unique_identifier = '{one}'")
        full.engine.cache.clear()
        assert state_of(full, one) is R.CRYPTOGRAPHIC_FAILURE, names
        put_row(full, kept)
        full.engine.cache.clear()
        assert state_of(full, one) is not R.CRYPTOGRAPHIC_FAILURE


@pytest.mark.parametrize("destroyed", [False, True])
def test_m7_an_old_key_in_the_place_of_the_one_that_replaced_it(full: World, destroyed: bool) -> None:
    def brought(key: bytes) -> ImportRequest:
        asked = attributes(cryptographic_usage_mask=DATA)
        return ImportRequest(unique_identifier="own", replace_existing=True, object=symmetric(key), attributes=asked)

    full.do(brought(b"1" * 32))
    old = row_of(full, "own")
    if destroyed:
        full.do(DestroyRequest(unique_identifier="own"))
    full.do(brought(b"2" * 32))
    now = row_of(full, "own")
    put_row(full, (*now[:MATERIAL], old[MATERIAL], *now[MATERIAL + 1 :]))
    full.engine.cache.clear()
    assert state_of(full, "own") is R.CRYPTOGRAPHIC_FAILURE
    assert noticed(full)


def test_m7_an_old_row_put_back(full: World) -> None:
    key = create(full)
    old = row_of(full, key)
    full.do(RevokeRequest(unique_identifier=key, revocation_reason=UNUSED))
    put_row(full, old)
    assert noticed(full)
    full.engine.cache.clear()
    assert state_of(full, key) is R.CRYPTOGRAPHIC_FAILURE  # its part is in quarantine
    states = [state_of(full, uid) for uid in full.do(LocateRequest()).unique_identifier]
    assert any(state is not R.CRYPTOGRAPHIC_FAILURE for state in states), "the rest is served"
    integrity.accept(full.engine)
    assert integrity.examine(full.engine.store).sound
    assert state_of(full, key) is not R.CRYPTOGRAPHIC_FAILURE


def test_m7_an_old_row_is_not_used_though_nobody_looked(full: World) -> None:
    key, other = create(full), create(full, who="bob")
    old, olds = row_of(full, key), row_of(full, other)
    full.do(RevokeRequest(unique_identifier=key, revocation_reason=UNUSED))
    full.do(DestroyRequest(unique_identifier=key))
    put_row(full, old)
    put_row(full, olds)
    assert state_of(full, key) is R.CRYPTOGRAPHIC_FAILURE
    assert not isinstance(full.do(GetRequest(unique_identifier=other), who="bob"), ResultReason)


def test_an_object_that_takes_the_place_of_another_is_not_an_older_one(full: World) -> None:
    def brought(key: bytes, replace_existing: bool | None = None) -> ImportRequest:
        return ImportRequest(
            unique_identifier="own",
            object=symmetric(key),
            attributes=attributes(cryptographic_usage_mask=DATA),
            replace_existing=replace_existing,
        )

    with closing(make_engine(full.directory, full.clock)) as second:
        for _ in range(2):
            for engine in (full.engine, second):
                world = replace(full, engine=engine)
                world.do(brought(b"1" * 32, replace_existing=True))
                world.do(ActivateRequest(unique_identifier="own"))
                full.do(GetRequest(unique_identifier="own"))
            full.do(RevokeRequest(unique_identifier="own", revocation_reason=UNUSED))
        full.do(ObliterateRequest(unique_identifier="own"), version=V3_0)
        full.do(brought(b"2" * 32))
        replace(full, engine=second).do(GetRequest(unique_identifier="own"))
        full.do(GetRequest(unique_identifier="own"))
        assert integrity.examine(second.store).sound


def test_m7_a_client_that_was_enabled_again_by_somebody_else_does_not_stay(full: World) -> None:
    client = Administration(full.engine).enroll_client(
        "mallory", Authority.create("x", "P-256").issue_client("mallory").der
    )
    entry = f"kind = 'client' AND key = '{client.identity}'"
    full.engine.upkeep()
    with closing(sqlite3.connect(full.directory / "keystead.db")) as database:
        enabled = database.execute(f"SELECT * FROM entries WHERE {entry}").fetchone()
    Administration(full.engine).disable_client("mallory")
    epoch = full.engine.identity_epoch()
    with closing(sqlite3.connect(full.directory / "keystead.db")) as database:
        database.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", enabled)
        database.commit()
    sweep(full)
    assert full.engine.identity_epoch() != epoch  # by which open connections are looked at again
    with full.engine.store.begin(write=False) as transaction, pytest.raises(TamperError):
        identities.by_identity(transaction, client.identity)


def test_m7_an_old_copy_under_a_live_server(full: World) -> None:
    with closing(sqlite3.connect(full.directory / "keystead.db")) as database:
        old = "\n".join(database.iterdump())
    create(full)
    with closing(sqlite3.connect(full.directory / "keystead.db")) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        database.executescript("".join(f"DELETE FROM {table};\n" for table in tables))
        inserts = "\n".join(line for line in old.splitlines() if line.startswith("INSERT"))
        database.executescript(inserts)
        database.commit()
    item = full.ask(create_request())
    assert item.result_status is ResultStatus.OPERATION_FAILED
    assert item.result_reason is R.GENERAL_FAILURE


@pytest.mark.parametrize("after", ["nothing", "an event"])
def test_m7_an_old_copy_across_a_restart(full: World, after: str) -> None:
    full.engine.close()
    kept = full.directory / "kept.db"
    shutil.copy(full.directory / "keystead.db", kept)
    full.reopen()
    key = create(full) if after == "nothing" else ""
    full.do(LocateRequest())
    full.engine.close()
    for name in ("keystead.db-wal", "keystead.db-shm"):
        (full.directory / name).unlink(missing_ok=True)
    shutil.copy(kept, full.directory / "keystead.db")
    full.reopen()
    assert full.ask(create_request()).result_reason is R.GENERAL_FAILURE
    with pytest.raises(TamperError, match="older"):
        full.engine.start()
    integrity.accept(full.engine)
    assert integrity.examine(full.engine.store).sound
    full.engine.start()
    assert key == "" or state_of(full, key) is R.OBJECT_NOT_FOUND
    full.create()


def test_m7_what_was_taken_back_just_before_a_kill(full: World) -> None:
    key = create(full)
    full.engine.upkeep()
    with closing(sqlite3.connect(full.directory / "keystead.db")) as database:
        database.execute("VACUUM INTO ?", (str(full.directory / "kept.db"),))
    full.do(RevokeRequest(unique_identifier=key, revocation_reason=UNUSED))
    custody = shutil.copytree(full.directory / "custody", full.directory / "killed" / "custody")
    shutil.move(full.directory / "kept.db", custody.parent / "keystead.db")
    (custody.parent / "keystead.db").chmod(0o600)
    with closing(make_engine(custody.parent, full.clock)) as engine, pytest.raises(TamperError, match="older"):
        engine.start()


@pytest.mark.parametrize("slot", [0, 1])
def test_m7_a_note_that_is_not_genuine_does_not_keep_others_from_being_made(full: World, slot: int) -> None:
    full.engine.upkeep()
    with (full.directory / "custody" / "anchor").open("r+b") as file:
        file.seek(512 * slot)
        file.write(b"\xff" * 56)
    create(full)
    full.engine.upkeep()
    with full.engine.store.begin(write=False) as transaction:
        assert full.engine.store.marks()[0].counter == transaction.state.counter
    full.reopen()
    full.engine.start()


def test_m7_a_note_that_is_gone_or_not_genuine(full: World) -> None:
    full.engine.close()
    anchor = full.directory / "custody" / "anchor"
    for content in (None, bytes(len(anchor.read_bytes()) - 1) + b"\1"):
        anchor.unlink() if content is None else anchor.write_bytes(content)
        full.reopen()
        with pytest.raises(TamperError, match="note"):
            full.engine.start()
        integrity.accept(full.engine)
        full.engine.close()
    full.reopen()
    full.engine.start()


def test_a_sound_database_is_sound(full: World) -> None:
    report = integrity.examine(full.engine.store)
    assert report.sound, report
    assert report.objects == report.looked_into == full.engine.status()["objects"]


def test_what_is_filed_wrongly_is_filed_anew(full: World) -> None:
    key = create(full, name=named("lost"))
    write(full, "DELETE FROM names WHERE name = 'lost'", "DELETE FROM postings")
    assert noticed(full)
    assert integrity.examine(full.engine.store).sound
    assert key in full.do(LocateRequest()).unique_identifier


def test_events_of_a_sealed_server_are_vouched_for_within_a_second(full: World) -> None:
    note(full.engine.store.inner, "Unseal", "by hand", name="operator olga")
    full.engine.upkeep()
    assert integrity.examine(full.engine.store).sound
    with full.engine.store.inner.begin(write=False) as transaction:
        assert transaction.unvouched() == []


def test_m10_an_event_of_a_client_that_somebody_else_appended(full: World) -> None:
    create(full)
    full.engine.upkeep()
    write(full, "INSERT INTO events SELECT last + number, number, batch, NULL FROM events ORDER BY last DESC LIMIT 1")
    full.engine.upkeep()
    create(full)
    full.engine.upkeep()
    assert noticed(full)


def test_m7_the_end_of_the_record_is_missed(full: World) -> None:
    full.engine.upkeep()
    write(full, "DELETE FROM events WHERE last = (SELECT max(last) FROM events)")
    assert noticed(full)


@pytest.mark.parametrize("worker", ["the same", "another"])
def test_m7_the_end_of_the_record_is_missed_though_it_went_on(full: World, worker: str) -> None:
    with closing(make_engine(full.directory, full.clock)) as engine:
        for _ in range(5):
            create(full)
        full.engine.upkeep()
        other = full if worker == "the same" else replace(full, engine=engine)
        other.engine.upkeep()
        write(full, "DELETE FROM events WHERE last > (SELECT max(last) - 3 FROM events)")
        for _ in range(9):
            create(other)
        other.engine.upkeep()
        assert noticed(other)
        integrity.accept(other.engine)
        assert integrity.examine(other.engine.store).sound
        create(other)
        assert integrity.examine(other.engine.store).sound


def test_m10_one_event_does_not_hide_another(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "_PAGE", 2)
    full.engine.upkeep()
    assert write(full, "UPDATE events SET batch = x'00' WHERE last IN (1, (SELECT max(last) FROM events))") == 2
    report, found = integrity.Report(), []
    for _ in range(99):  # a sweep looks at some, and goes on where the one before it ended
        report = integrity.examine(full.engine.store, most=2, event_after=report.event_after)
        found += report.events
        if not report.event_after:
            break
    assert found == [1, full.engine.store.noted()]


def test_what_is_put_into_the_index_of_another_object_is_taken_out_again(full: World) -> None:
    named_so, wanted = create(full, name=named("wanted")), create(full, name=named("other"))
    assert full.do(LocateRequest(attributes=attributes(name=named("wanted")))).unique_identifier == (named_so,)
    write(
        full,
        "INSERT INTO postings SELECT shelf, attribute, value, (SELECT object FROM objects WHERE unique_identifier ="
        f" '{wanted}') FROM postings WHERE object = (SELECT object FROM objects WHERE unique_identifier = '{named_so}')"
        " ON CONFLICT DO NOTHING",
    )
    assert noticed(full)
    assert integrity.examine(full.engine.store).sound
    assert full.do(LocateRequest(attributes=attributes(name=named("wanted")))).unique_identifier == (named_so,)


@pytest.mark.parametrize("by", [{"name": named("wanted")}, {"object_group": "wanted"}], ids=["a name", "a group"])
def test_m7_what_is_not_searched_for_is_not_found(full: World, by: dict[str, object]) -> None:
    wanted, other = create(full, **by), create(full)
    asked = LocateRequest(attributes=attributes(**by))
    assert full.do(asked).unique_identifier == (wanted,)
    of = "(SELECT object FROM objects WHERE unique_identifier = '{}')"
    write(full, f"UPDATE OR IGNORE postings SET object = {of.format(other)} WHERE object = {of.format(wanted)}")
    assert full.do(asked).unique_identifier == ()
    assert noticed(full)
    assert full.do(asked).unique_identifier == (wanted,)


def test_new_objects_are_made_where_nothing_is_in_quarantine(full: World) -> None:
    write(full, "DELETE FROM objects WHERE object IN (SELECT object FROM objects LIMIT 9)")
    assert noticed(full)
    assert full.engine.status()["quarantine"] > 3
    for _ in range(30):
        assert state_of(full, create(full)) is not R.CRYPTOGRAPHIC_FAILURE


HIDES = {
    "names that are no list": "UPDATE objects SET names = '[' WHERE object = 1",
    "a date twice": "UPDATE objects SET dates = dates || dates WHERE object = 1",
    "a generation that is text": "UPDATE objects SET generation = 'x' WHERE object = 1",
    "attributes that are text": "UPDATE objects SET attributes = 'x' WHERE object = 1",
    "an identifier that is no text": "UPDATE objects SET unique_identifier = x'01' WHERE object = 1",
    "an identifier that is no UTF-8": "UPDATE objects SET unique_identifier = CAST(x'ff41' AS TEXT) WHERE object = 1",
    "an owner that is no UTF-8": "UPDATE objects SET owner = CAST(x'ff41' AS TEXT) WHERE object = 1",
    "a key that is no UTF-8": "INSERT INTO entries VALUES ('x', CAST(x'ff' AS TEXT), x'00', 1, NULL)",
    "a key that is no text": "INSERT INTO entries VALUES ('x', x'00', x'00', 1, NULL)",
    "a version that is text": "UPDATE entries SET version = 'x' WHERE kind = 'grant'",
    "a grant of nothing": "UPDATE grants SET operations = 'x'",
    "a name that is no UTF-8": "UPDATE names SET name = CAST(x'ff' AS TEXT) WHERE name = 'key 3'",
    "a shelf that is text": "INSERT INTO postings VALUES ('x', 5, x'00', 1)",
    "events that are text": "INSERT INTO events SELECT max(last) + 1, 1, 'x', NULL FROM events",
    "a number of events that is text": "INSERT INTO events SELECT max(last) + 1, 'y', x'00', NULL FROM events",
    "a request that waits": "INSERT INTO entries VALUES ('asynchronous-due', 'x', x'00', 1, NULL)",
    "a value that expires": "UPDATE entries SET expires = 5 WHERE kind = 'grant'",
}


@pytest.mark.parametrize("live", [True, False], ids=["live", "across a restart"])
@pytest.mark.parametrize("hides", HIDES)
def test_m7_one_row_does_not_hide_another(full: World, hides: str, live: bool) -> None:
    key = create(full)
    old = row_of(full, key)
    full.do(RevokeRequest(unique_identifier=key, revocation_reason=UNUSED))
    full.engine.upkeep()
    put_row(full, old)
    assert write(full, HIDES[hides]) == 1
    if live:
        sweep(full)
    else:
        full.reopen()
        full.engine.start()
    assert state_of(full, key) in (R.CRYPTOGRAPHIC_FAILURE, R.GENERAL_FAILURE)


def test_s06_a_server_that_cannot_look_does_not_answer(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> list[object]:
        raise StoreError("the disk did not let the database be opened; try again")

    monkeypatch.setattr(SqlTransaction, "seals", failing)
    with pytest.raises(StoreError):
        full.engine.start()


def entries_of(world: World, where: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(world.directory / "keystead.db")) as database:
        return database.execute(f"SELECT * FROM entries WHERE {where}").fetchall()


def put_entries(world: World, rows: list[tuple[object, ...]]) -> None:
    with closing(sqlite3.connect(world.directory / "keystead.db")) as database:
        database.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", rows)
        database.commit()


def test_m7_a_client_that_somebody_else_enabled_again_is_not_let_in_though_nobody_looked(full: World) -> None:
    certificate = Authority.create("x", "P-256").issue_client("mallory").der
    administration = Administration(full.engine)
    client = administration.enroll_client("mallory", certificate)
    enabled = entries_of(full, f"kind = 'client' AND key = '{client.identity}'")
    administration.disable_client("mallory")
    put_entries(full, enabled)
    with pytest.raises(TamperError, match="older"):
        full.engine.caller_of(certificate, "")


def test_m7_a_grant_that_was_taken_back_is_not_used_though_nobody_looked(full: World) -> None:
    key = create(full, who="bob")
    administration = Administration(full.engine)
    granting.grant(administration, "bob", "alice", key)
    assert full.do(GetRequest(unique_identifier=key))
    values = entries_of(full, f"kind = 'grant' AND key LIKE '{key}%'")
    of = f"object = (SELECT object FROM objects WHERE unique_identifier = '{key}')"
    with closing(sqlite3.connect(full.directory / "keystead.db")) as database:
        rows = database.execute(f"SELECT * FROM grants WHERE {of}").fetchall()
    granting.revoke_grant(administration, "bob", "alice", key)
    assert full.refused(GetRequest(unique_identifier=key)) is R.OBJECT_NOT_FOUND
    put_entries(full, values)
    with closing(sqlite3.connect(full.directory / "keystead.db")) as database:
        database.executemany("INSERT INTO grants VALUES (?, ?, ?, ?, ?)", rows)
        database.commit()
    assert full.refused(GetRequest(unique_identifier=key)) is R.CRYPTOGRAPHIC_FAILURE


def test_what_several_workers_put_and_remove_in_turn_is_not_older(full: World) -> None:
    with closing(make_engine(full.directory, full.clock)) as second:
        for _ in range(3):
            for one, other in ((full.engine, second), (second, full.engine)):
                for value in (b"1", b"2"):
                    with one.store.begin() as transaction:
                        transaction.put_entry("client", "x", value)
                        transaction.commit()
                    with other.store.begin(write=False) as reading:
                        assert reading.entry("client", "x") == value
                with other.store.begin() as transaction:
                    transaction.put_entry("client", "y", b"1")
                    with suppress(LookupError), transaction.savepoint():
                        transaction.put_entry("client", "x", b"3")
                        transaction.delete_entry("client", "y")
                        assert transaction.entry("client", "y") is None
                        raise LookupError
                    assert transaction.entry("client", "x") == b"2"
                    transaction.commit()
                for engine in (one, other):
                    with engine.store.begin(write=False) as reading:
                        assert (reading.entry("client", "x"), reading.entry("client", "y")) == (b"2", b"1")
                with one.store.begin() as transaction:
                    transaction.delete_entry("client", "x")
                    transaction.delete_entry("client", "y")
                    transaction.commit()
                with other.store.begin(write=False) as reading:
                    assert reading.entry("client", "x") is None
        assert integrity.examine(second.store).sound

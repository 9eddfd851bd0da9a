"""B01 to B08, M2: backups are whole, of one moment, and of use only to who holds the root of trust."""

from __future__ import annotations

import json
import os
import resource
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from keystead.audit.log import Event
from keystead.custody import archive
from keystead.custody.anchor import Anchor
from keystead.custody.keks import SqliteKekStore
from keystead.custody.rootfile import ROOT_FILE
from keystead.custody.software import SoftwareRoot
from keystead.custody.succession import succeed
from keystead.custody.zones import Kind, Vault
from keystead.engine import backup, granting, integrity, restore, rotation
from keystead.engine.admin import Administration
from keystead.engine.engine import Engine
from keystead.errors import CustodyError, KeysteadError, OperationFailed, StoreError, TamperError
from keystead.kmip.enums import ResultReason, RevocationReasonCode, State
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.create import ImportRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import DestroyRequest, ObliterateRequest, RevokeRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.structures import RevocationReason
from keystead.kmip.tags import Tag
from keystead.kmip.version import V3_0
from keystead.store import open as open_store
from tests.engine.keys import attributes, create, registered, symmetric
from tests.engine.world import World, payload
from tests.support import KEY_FILE

R = ResultReason
RESTORE = "Restore Backup"


def root_of(directory: Path) -> SoftwareRoot:
    return SoftwareRoot.open(directory / "custody", (directory / "custody" / KEY_FILE).read_bytes())


def make(world: World, name: str = "backup", **how: Any) -> Path:
    path = world.directory / f"{name}.keystead"
    custody = world.directory / "custody"
    with (
        closing(open_store(f"sqlite:{world.directory / 'keystead.db'}")) as store,
        closing(SqliteKekStore(custody)) as keks,
        closing(root_of(world.directory)) as root,
    ):
        files = backup.Files(custody={ROOT_FILE: custody / ROOT_FILE})
        backup.create(path, store, keks, lambda digest: archive.new_key(root, digest), files, **how)
    return path


@pytest.fixture
def full(world: World) -> World:
    for _ in range(20):
        create(world)
    bobs = registered(world, os.urandom(32), who="bob")
    granting.grant(Administration(world.engine), "bob", "alice", bobs)
    Administration(world.engine).add_user("ulla", "a password of hers")
    return world


def keys_of(world: World, who: str = "alice") -> dict[str, Any]:
    found = world.do(LocateRequest(storage_status_mask=7), who=who).unique_identifier
    return {uid: got(world, uid, who) for uid in found}


def got(world: World, uid: str, who: str = "alice") -> Any:
    item = world.ask(GetRequest(unique_identifier=uid), who=who)
    if item.result_reason is not None:
        return item.result_reason
    return payload(item).object.key_block.key_value.key_material


def state_of(world: World, uid: str) -> State:
    found = world.do(GetAttributesRequest(unique_identifier=uid)).attributes
    state: State = next(a.value for a in found if a.name is Tag.STATE)
    return state


@pytest.fixture
def fresh(world: World, tmp_path: Path) -> Iterator[World]:
    """Another machine, with the root file and the key file of the first and nothing else."""
    directory = tmp_path / "elsewhere"
    (directory / "custody").mkdir(parents=True, mode=0o700)
    for name in (ROOT_FILE, KEY_FILE):
        shutil.copy(world.directory / "custody" / name, directory / "custody" / name)
    vault = Vault(root_of(directory), SqliteKekStore(directory / "custody"))
    store = open_store(f"sqlite:{directory / 'keystead.db'}")
    engine = Engine(store, vault, world.clock, Anchor(directory / "custody"))
    yield World(directory, world.clock, engine, world.callers)
    engine.close()


def put_back(path: Path, world: World) -> restore.Restored:
    with closing(root_of(world.directory)) as root:
        return restore.restore(path, root, world.engine)


def test_what_was_backed_up_is_there_on_another_machine(full: World, fresh: World) -> None:
    path = make(full)
    done = put_back(path, fresh)
    assert done.objects == 21
    assert done.lost == done.kept_destroyed == done.replaced == 0
    assert "older" not in str(done)
    for who in ("alice", "bob"):
        assert keys_of(fresh, who) == keys_of(full, who)
    assert [user["name"] for user in Administration(fresh.engine).users()] == ["ulla"]
    assert integrity.examine(fresh.engine.store).sound
    with fresh.engine.store.begin(write=False) as transaction:
        events = [Event.decode(data) for _, data in transaction.events()]
    assert events[0].operation == "Enroll Client"
    assert any(event.operation == "Restore Backup" and "21 objects" in event.message for event in events)
    fresh.reopen()
    fresh.engine.start()
    assert fresh.create()


def test_b08_it_is_readable_by_its_owner_only_and_holds_nothing_in_the_clear(full: World) -> None:
    known = os.urandom(32)
    registered(full, known)
    path = make(full)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in full.directory.iterdir() if ".part" in file.name] == []
    content = path.read_bytes()
    for form in (known, known.hex().encode(), known[::-1]):
        assert form not in content
    with full.engine.store.inner.begin(write=False) as transaction:
        material = transaction.records()[0].material
    assert material is not None
    assert material not in content  # the ciphertext lies under one more key


def test_verify_reads_everything_and_deep_opens_everything(full: World) -> None:
    path = make(full)
    with closing(root_of(full.directory)) as root:
        found = restore.verify(path, root, deep=True)
        assert (found.objects, found.opened, found.damaged) == (21, 21, [])
        assert found.keks == len(full.engine.vault.wrapped())
        assert found.header["objects"] == 21


def test_b01_any_byte_flipped_is_refused_before_anything_is_written(full: World, fresh: World) -> None:
    path = make(full)
    content = path.read_bytes()
    places = sorted({*range(0, 2000, 37), *range(2000, len(content), max(1, len(content) // 97)), len(content) - 1})
    for place in places:
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(KeysteadError):
            put_back(path, fresh)
    assert fresh.engine.vault.wrapped() == []
    path.write_bytes(content)
    assert put_back(path, fresh).objects == 21


def test_b01_a_header_is_spelled_in_one_way(full: World) -> None:
    path = make(full)
    content = path.read_bytes()
    end = content.index(b"}", content.index(b"wrapped_key")) + 1
    length = slice(len(archive.MAGIC), len(archive.MAGIC) + 4)
    head, rest = content[length.stop : end], content[end:]
    assert json.loads(head)
    spelled = [head.replace(b": ", b":\n"), head.replace(b", ", b",\t"), head.replace(b'"created"', b'"\\u0063reated"')]
    spelled += [
        b'{"format": 1, ' + head[1:],
        head + b" ",
        json.dumps(dict(reversed(json.loads(head).items()))).encode(),
    ]
    with closing(root_of(full.directory)) as root:
        for each in spelled:
            path.write_bytes(archive.MAGIC + len(each).to_bytes(4, "big") + each + rest)
            with pytest.raises(TamperError):
                restore.verify(path, root)


def test_b01_cut_short_swapped_and_spliced(full: World, fresh: World) -> None:
    path, other = make(full), make(full, "other")
    content, others = path.read_bytes(), other.read_bytes()
    block = 4096
    bad = [content[:end] for end in range(0, len(content), block)] + [content[:-1], content + b"\0"]
    blocks = [content[at : at + block] for at in range(0, len(content), block)]
    if len(blocks) > 2:
        bad.append(b"".join([blocks[0], blocks[2], blocks[1], *blocks[3:]]))
    half = len(content) // 2
    bad += [content[:half] + others[half:], others[:half] + content[half:]]
    for each in bad:
        path.write_bytes(each)
        with pytest.raises(KeysteadError):
            put_back(path, fresh)
    assert fresh.engine.status()["objects"] == 0


def test_b02_what_was_destroyed_since_stays_destroyed_and_it_is_said(full: World) -> None:
    doomed, gone, kept = create(full), create(full), create(full)
    before = keys_of(full)
    path = make(full)
    full.clock.move(60)
    revoke_and_destroy(full, doomed)
    full.do(ObliterateRequest(unique_identifier=revoked(full, gone)), version=V3_0)
    made = create(full)
    full.engine.upkeep()
    done = put_back(path, full)
    assert done.kept_destroyed == 2
    assert done.lost == 1
    assert state_of(full, doomed) is State.DESTROYED
    assert got(full, doomed) is R.OBJECT_DESTROYED
    assert got(full, gone) is R.OBJECT_NOT_FOUND
    assert got(full, made) is R.OBJECT_NOT_FOUND
    assert got(full, kept) == before[kept]
    with full.engine.store.begin(write=False) as transaction:
        said = [event.message for _, data in transaction.events() if (event := Event.decode(data)).operation == RESTORE]
    assert len(said) == 1
    assert "older by" in said[0]
    assert "1 made since are gone" in said[0]
    assert "2 destroyed since stay destroyed" in said[0]
    assert integrity.examine(full.engine.store).sound


def revoked(world: World, uid: str) -> str:
    reason = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
    world.do(RevokeRequest(unique_identifier=uid, revocation_reason=reason))
    return uid


def revoke_and_destroy(world: World, uid: str) -> None:
    world.do(DestroyRequest(unique_identifier=revoked(world, uid)))


def lose_the_database(world: World) -> None:
    world.engine.close()
    for name in ("keystead.db", "keystead.db-wal", "keystead.db-shm"):
        (world.directory / name).unlink(missing_ok=True)
    world.reopen()


def test_b02_even_where_the_database_is_lost(full: World) -> None:
    doomed, gone = create(full), create(full)
    path = make(full)
    full.clock.move(60)
    revoke_and_destroy(full, doomed)
    full.do(ObliterateRequest(unique_identifier=revoked(full, gone)), version=V3_0)
    lose_the_database(full)
    done = put_back(path, full)
    assert done.lost == done.replaced == 0
    assert f"older by {done.older} changes" in str(done)  # though no database is left that is newer
    assert got(full, doomed) is R.OBJECT_DESTROYED
    assert got(full, gone) is R.OBJECT_NOT_FOUND
    full.reopen()
    full.engine.start()


@pytest.mark.parametrize("lost", [False, True], ids=["there", "lost"])
def test_b02_d01_a_clock_that_was_set_back_revives_nothing(full: World, lost: bool) -> None:
    doomed = create(full)
    path = make(full)
    full.clock.move(-3600)
    revoke_and_destroy(full, doomed)
    if lost:
        lose_the_database(full)
    done = put_back(path, full)
    assert done.kept_destroyed == 1
    assert got(full, doomed) is R.OBJECT_DESTROYED


def test_b02_a_shredded_zone_stays_shredded(full: World) -> None:
    doomed = create(full)
    path = make(full)
    full.clock.move(60)
    rotation.shred(full.engine, [("default", Kind.DATA_ENCRYPTION)], "olga")
    while full.engine.labour():
        pass
    put_back(path, full)
    assert got(full, doomed) is R.OBJECT_DESTROYED
    assert 1 not in full.engine.vault.generations("default", Kind.DATA_ENCRYPTION)
    assert got(full, create(full))


def test_one_that_was_imported_again_after_its_destruction_is_restored(full: World) -> None:
    uid = create(full)
    revoke_and_destroy(full, uid)
    full.engine.upkeep()
    full.clock.move(60)
    key = os.urandom(32)
    again = ImportRequest(
        unique_identifier=uid, replace_existing=True, object=symmetric(key), attributes=attributes(), key_wrap_type=None
    )
    full.do(again)
    path = make(full)
    put_back(path, full)
    assert got(full, uid) == key


def test_one_that_was_imported_again_after_it_was_obliterated_is_restored(full: World) -> None:
    uid = create(full)
    full.do(ObliterateRequest(unique_identifier=revoked(full, uid)), version=V3_0)
    old = make(full, "without")
    full.clock.move(60)
    key = os.urandom(32)
    full.do(ImportRequest(unique_identifier=uid, object=symmetric(key), attributes=attributes(), key_wrap_type=None))
    path = make(full)
    assert put_back(path, full).kept_destroyed == 0
    assert got(full, uid) == key
    assert put_back(old, full).lost == 1


def test_b02_one_that_was_destroyed_twice_stays_destroyed(full: World) -> None:
    uid = create(full)
    revoke_and_destroy(full, uid)
    full.engine.upkeep()
    full.clock.move(60)
    again = ImportRequest(
        unique_identifier=uid, replace_existing=True, object=symmetric(os.urandom(32)), attributes=attributes()
    )
    full.do(again)
    path = make(full)
    full.clock.move(60)
    full.do(DestroyRequest(unique_identifier=uid))
    lose_the_database(full)
    put_back(path, full)
    assert got(full, uid) is R.OBJECT_DESTROYED


def test_keys_that_were_rotated_since(full: World, fresh: World) -> None:
    keys = keys_of(full)
    path = make(full)
    rotation.rotate(full.engine, rotation.zones_of(full.engine, None, None), "olga")
    while full.engine.labour():
        pass
    put_back(path, full)
    assert keys_of(full) == keys
    assert integrity.examine(full.engine.store).sound
    put_back(path, fresh)
    assert keys_of(fresh) == keys


def test_a_root_that_was_rotated_since(full: World) -> None:
    keys = keys_of(full)
    path = make(full)
    custody, old = full.directory / "custody", root_of(full.directory)
    opener = os.urandom(32)
    with closing(SqliteKekStore(custody)) as keks:
        new = succeed(
            custody, keks, old, lambda file, seed: SoftwareRoot.create(custody, opener, signing=seed, file=file)
        )
        keks.forget_testament()
    new.close()
    full.engine.close()
    (custody / KEY_FILE).write_bytes(opener)
    full.reopen()
    done = restore.restore(path, old, full.engine)
    assert done.objects == len(keys)
    assert keys_of(full) == keys
    with closing(root_of(full.directory)) as now, pytest.raises(TamperError):
        restore.verify(path, now)


def test_one_that_is_made_while_the_root_is_rotated_is_refused(full: World, tmp_path: Path) -> None:
    custody = full.directory / "custody"
    path = tmp_path / "b.keystead"

    def rotate() -> None:
        opener = os.urandom(32)
        with closing(SqliteKekStore(custody)) as keks, closing(root_of(full.directory)) as old:
            succeed(
                custody, keks, old, lambda file, seed: SoftwareRoot.create(custody, opener, signing=seed, file=file)
            ).close()
            keks.forget_testament()
        (custody / KEY_FILE).write_bytes(opener)

    for late in (False, True):
        with (
            closing(open_store(f"sqlite:{full.directory / 'keystead.db'}")) as store,
            closing(SqliteKekStore(custody)) as keks,
            closing(root_of(full.directory)) as root,
        ):

            def seal(digest: bytes, root: SoftwareRoot = root, late: bool = late) -> archive.FileKey:
                key = archive.new_key(root, digest)
                rotate()
                if late:  # a server that has gone over already
                    with closing(root_of(full.directory)) as now:
                        key = archive.new_key(now, digest)
                return key

            files = backup.Files(custody={ROOT_FILE: custody / ROOT_FILE})
            with pytest.raises(StoreError, match="root of trust"):
                backup.create(path, store, keks, seal, files)
        assert list(tmp_path.glob("*b.keystead*")) == []


WRONG: tuple[tuple[str, Any], ...] = (
    ("identifier", 1), ("created", "\x1b[2J"), ("created", None), ("keystead", []), ("origin", {}), ("classes", "keys"),
    ("classes", [1]), ("objects", "many"), ("objects", True), ("events", None), ("root", 3), ("root_file", [1]),
)  # fmt: skip


def test_b01_a_header_is_not_believed_before_it_is_opened(full: World) -> None:
    path = make(full)
    with path.open("rb") as file:
        header = archive.read_header(file)
        rest = file.read()
    assert set(header) - {"format", "wrapped_key"} == {name for name, _ in WRONG}
    lacking = [{key: each for key, each in header.items() if key != name} for name, _ in WRONG]
    for changed in [{**header, name: value} for name, value in WRONG] + lacking:
        text = json.dumps(changed).encode()
        path.write_bytes(archive.MAGIC + len(text).to_bytes(4, "big") + text + rest)
        with pytest.raises(TamperError):
            backup.read_header(path)


def test_b05_m2_another_root_opens_nothing(full: World, tmp_path: Path) -> None:
    path = make(full)
    other = SoftwareRoot.create(tmp_path / "other", os.urandom(32))
    with pytest.raises(TamperError):
        restore.verify(path, other)
    other.seal()
    with pytest.raises(CustodyError):
        restore.verify(path, other)


def test_b03_a_crash_in_the_middle_leaves_what_was_there(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(full)
    made = create(full)
    before = keys_of(full)
    for at in (1, 10, 21, 30):
        count = 0
        items = backup.items

        def cut(path: Path, key: bytes, at: int = at, items: Any = items) -> Iterator[backup.Item]:
            nonlocal count
            for item in items(path, key):
                count += 1
                if count > 70 + at:  # beyond the verification
                    raise KeyboardInterrupt
                yield item

        monkeypatch.setattr(backup, "items", cut)
        with pytest.raises(KeyboardInterrupt):
            put_back(path, full)
        monkeypatch.setattr(backup, "items", items)
        assert keys_of(full) == before
        assert integrity.examine(full.engine.store).sound
    assert put_back(path, full).lost == 1
    assert got(full, made) is R.OBJECT_NOT_FOUND


def test_b04_one_that_is_made_under_load_is_of_one_moment(full: World) -> None:
    stop, made = threading.Event(), []

    def load() -> None:
        while not stop.is_set():
            made.append(create(full))
            if len(made) % 7 == 0:
                revoke_and_destroy(full, made[-1])
            if len(made) % 50 == 0:
                rotation.rotate(full.engine, rotation.zones_of(full.engine, "default", None), "olga")
            full.engine.labour()

    thread = threading.Thread(target=load)
    thread.start()
    try:
        while len(made) < 20:
            pass
        paths = [make(full, f"under load {number}") for number in range(4)]
    finally:
        stop.set()
        thread.join()
    with closing(root_of(full.directory)) as root:
        for path in paths:
            found = restore.verify(path, root, deep=True)
            assert found.opened == found.objects > 20


def test_b06_a_target_that_cannot_be_written(full: World, tmp_path: Path) -> None:
    custody = full.directory / "custody"
    with (
        closing(open_store(f"sqlite:{full.directory / 'keystead.db'}")) as store,
        closing(SqliteKekStore(custody)) as keks,
        closing(root_of(full.directory)) as root,
    ):
        for path in (tmp_path / "nowhere" / "b.keystead", make(full)):
            with pytest.raises(StoreError):
                backup.create(path, store, keks, lambda digest: archive.new_key(root, digest), backup.Files())
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))  # as a disk that is full
        try:
            with pytest.raises(StoreError, match="no part of it is left"):
                backup.create(
                    tmp_path / "b.keystead", store, keks, lambda digest: archive.new_key(root, digest), backup.Files()
                )
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not [file for file in tmp_path.iterdir() if "b.keystead" in file.name]


def test_b07_one_of_a_newer_version_is_refused(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "FORMAT", 2)
    path = make(full)
    monkeypatch.undo()
    with closing(root_of(full.directory)) as root, pytest.raises(StoreError, match="newer"):
        restore.verify(path, root)


def test_one_without_keys_restores_none(full: World) -> None:
    path = make(full, classes=(backup.CONFIGURATION,))
    assert backup.read_header(path)["root_file"]["kind"] == "key-file"  # it cannot be opened without
    with pytest.raises(OperationFailed):
        put_back(path, full)


def test_a_server_with_keys_of_its_own_is_not_overwritten(full: World, fresh: World) -> None:
    path = make(full)
    operators = Administration(fresh.engine)
    operators.add_user("somebody", "a password of theirs")
    with pytest.raises(CustodyError, match="of its own"):
        put_back(path, fresh)
    assert [user["name"] for user in operators.users()] == ["somebody"]


def test_it_goes_no_faster_than_is_asked_for(full: World) -> None:
    size = make(full).stat().st_size
    assert make(full, "slow", bytes_per_second=20 * size).stat().st_size == pytest.approx(size, rel=0.1)

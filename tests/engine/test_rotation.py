"""New keys for zones while clients are served; zones and objects shredded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from keystead.custody.keks import SqliteKekStore
from keystead.custody.zones import Kind
from keystead.engine import integrity, rotation
from keystead.engine.admin import Administration
from keystead.engine.engine import Engine
from keystead.errors import OperationFailed
from keystead.kmip.enums import ResultReason, State
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.create import CreateKeyPairRequest
from keystead.kmip.payloads.crypto import SignRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import DestroyRequest, ObliterateRequest
from keystead.kmip.payloads.rekey import ReKeyRequest
from keystead.kmip.tags import Tag
from keystead.kmip.version import V3_0
from tests.engine.keys import LONG_AGO, WRAP, A, M, attributes, create, registered
from tests.engine.world import World
from tests.support import make_engine

R = ResultReason
DOMAIN = "default"


def everything(world: World) -> dict[str, bytes]:
    """Keys of several kinds, by their identifiers; what Get gives of them."""
    uids = [create(world) for _ in range(130)]
    uids += [create(world, mask=WRAP) for _ in range(5)]
    uids += [registered(world, os.urandom(32)) for _ in range(5)]
    return {uid: got(world, uid) for uid in uids}


def got(world: World, uid: str) -> bytes:
    material = world.do(GetRequest(unique_identifier=uid)).object.key_block.key_value.key_material
    assert isinstance(material, bytes)
    return material


def finish(engine: Engine) -> int:
    slices = 0
    while engine.labour():
        slices += 1
    return slices


def make_keys(engine: Engine) -> None:
    """Go on until every zone has its new key."""
    while (job := rotation.progress(engine)) is not None and job.phase == rotation.KEYS:
        engine.labour()


def wrapped_keys(world: World) -> dict[tuple[str, int, int], bytes]:
    return {tuple(zone): key for *zone, key in world.engine.vault.wrapped()}  # type: ignore[misc]


def in_files(directory: Path, what: bytes) -> list[str]:
    return [str(file) for file in directory.rglob("*") if file.is_file() and what in file.read_bytes()]


def test_a_zone_gets_a_new_key_and_the_old_one_goes(world: World) -> None:
    keys = everything(world)
    Administration(world.engine).add_user("carol2", "a password of hers")
    before = wrapped_keys(world)
    job = rotation.rotate(world.engine, rotation.zones_of(world.engine, DOMAIN, None), "olga")
    assert job.total == len(keys)
    made = create(world)  # served meanwhile, under the new key
    finish(world.engine)
    assert rotation.progress(world.engine) is None
    after = wrapped_keys(world)
    for zone, key in before.items():
        if zone[0] != DOMAIN:
            continue
        kept = zone[1:] == (Kind.METADATA, 1)  # the blind index depends on it
        assert (zone in after) is kept
        assert bool(in_files(world.directory, key)) is kept
    assert {uid: got(world, uid) for uid in keys} == keys
    assert got(world, made)
    assert integrity.examine(world.engine.store).sound
    world.reopen()
    world.engine.start()
    assert {uid: got(world, uid) for uid in keys} == keys
    assert [user["name"] for user in Administration(world.engine).users()] == ["carol2"]


def test_another_process_goes_over_with_the_next_message(world: World) -> None:
    other = World(world.directory, world.clock, make_engine(world.directory, world.clock), world.callers)
    keys = {create(other): b"", create(world): b""}
    keys = {uid: got(other, uid) for uid in keys}
    rotation.rotate(world.engine, rotation.zones_of(world.engine, None, None), "olga")
    make_keys(world.engine)
    made = create(other)
    assert other.engine.vault.generations(DOMAIN, Kind.DATA_ENCRYPTION)[-1] == 2
    finish(world.engine)
    assert {uid: got(other, uid) for uid in keys} == keys
    assert got(world, made) == got(other, made)
    other.engine.close()


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 5])
def test_c03_it_goes_on_where_it_was_after_a_crash(world: World, tmp_path: Path, cut: int) -> None:
    keys = everything(world)
    rotation.MOST_SECONDS, kept = 0.0005, rotation.MOST_SECONDS  # type: ignore[misc]
    try:
        rotation.rotate(world.engine, rotation.zones_of(world.engine, DOMAIN, None), "olga")
        for _ in range(cut):
            world.engine.labour()
        copy = tmp_path / "copy"  # what a crash at this moment leaves
        shutil.copytree(world.directory, copy, ignore=shutil.ignore_patterns("copy"))
        after = World(copy, world.clock, make_engine(copy, world.clock), world.callers)
        after.engine.start()
        finish(after.engine)
    finally:
        rotation.MOST_SECONDS = kept  # type: ignore[misc]
    assert {uid: got(after, uid) for uid in keys} == keys
    assert after.engine.vault.generations(DOMAIN, Kind.DATA_ENCRYPTION) == (2,)
    assert integrity.examine(after.engine.store).sound
    after.engine.close()


def test_a_shredded_zone_is_destroyed_and_says_so(world: World) -> None:
    keys = everything(world)
    wrapping = [uid for uid in keys if world_mask(world, uid) == WRAP]
    old = wrapped_keys(world)[DOMAIN, Kind.DATA_ENCRYPTION, 1]
    envelope = world.engine.store.inner
    with envelope.begin(write=False) as transaction:
        record = transaction.get(next(iter(keys)))
    assert record is not None
    assert record.material is not None
    assert in_files(world.directory, record.material)
    rotation.shred(world.engine, [(DOMAIN, Kind.DATA_ENCRYPTION)], "olga")
    fresh = create(world)  # a key made at once after it lives
    assert not in_files(world.directory, old)
    finish(world.engine)
    world.engine.store.scrub()
    assert not in_files(world.directory, record.material[:64])
    assert got(world, fresh)
    for uid, key in keys.items():
        if uid in wrapping:
            assert got(world, uid) == key
            continue
        assert world.refused(GetRequest(unique_identifier=uid)) is R.OBJECT_DESTROYED
        found = world.do(GetAttributesRequest(unique_identifier=uid)).attributes
        assert next(a.value for a in found if a.name is Tag.STATE) is State.DESTROYED
    assert integrity.examine(world.engine.store).sound
    world.reopen()
    world.engine.start()
    finish(world.engine)
    assert got(world, fresh)


def world_mask(world: World, uid: str) -> object:
    found = world.do(GetAttributesRequest(unique_identifier=uid)).attributes
    return next(a.value for a in found if a.name is Tag.CRYPTOGRAPHIC_USAGE_MASK)


def test_a_rotation_after_a_shredding_spares_what_was_made_between(world: World) -> None:
    doomed = create(world)
    rotation.shred(world.engine, [(DOMAIN, Kind.DATA_ENCRYPTION)], "olga")
    between = create(world)
    rotation.rotate(world.engine, [(DOMAIN, Kind.DATA_ENCRYPTION)], "olga")
    finish(world.engine)
    assert got(world, between)
    assert world.refused(GetRequest(unique_identifier=doomed)) is R.OBJECT_DESTROYED


def test_the_metadata_and_what_is_not_there_are_not_shredded(world: World) -> None:
    create(world)
    with pytest.raises(OperationFailed) as refused:
        rotation.shred(world.engine, [(DOMAIN, Kind.METADATA)], "olga")
    assert refused.value.reason is R.INVALID_FIELD
    with pytest.raises(OperationFailed) as refused:
        rotation.rotate(world.engine, rotation.zones_of(world.engine, "nowhere", None), "olga")
    assert refused.value.reason is R.ITEM_NOT_FOUND


def test_what_is_loaded_goes_with_its_zone_in_every_process(world: World) -> None:
    other = World(world.directory, world.clock, make_engine(world.directory, world.clock), world.callers)
    asked = attributes(cryptographic_algorithm=A.EC, cryptographic_length=256, activation_date=LONG_AGO)
    made = world.do(
        CreateKeyPairRequest(
            common_attributes=asked,
            private_key_attributes=attributes(cryptographic_usage_mask=M.SIGN),
            public_key_attributes=attributes(cryptographic_usage_mask=M.VERIFY),
        )
    )
    sign = SignRequest(unique_identifier=made.private_key_unique_identifier, data=b"x")
    for each in (world, other):
        assert each.do(sign).signature_data
        assert each.engine.loaded_keys
    rotation.shred(world.engine, [(DOMAIN, Kind.PRIVATE)], "olga")
    for each in (world, other):
        assert each.refused(sign) in (R.CRYPTOGRAPHIC_FAILURE, R.OBJECT_DESTROYED)
        assert not each.engine.loaded_keys
    other.engine.close()


def test_what_is_destroyed_is_noted_apart_from_the_store(world: World) -> None:
    destroyed, gone, alive = world.create(), world.create(), world.create()
    world.do(DestroyRequest(unique_identifier=destroyed))
    world.do(ObliterateRequest(unique_identifier=gone), version=V3_0)
    world.refused(DestroyRequest(unique_identifier="nothing"))
    world.engine.upkeep()
    keks = SqliteKekStore(world.directory / "custody")
    assert {(stone.what, stone.name) for stone in keks.tombstones()} == {("object", destroyed), ("gone", gone)}
    keks.close()
    assert got(world, alive)


def test_the_bytes_of_a_destroyed_key_leave_the_files(world: World) -> None:
    uid = world.create()
    with world.engine.store.inner.begin(write=False) as transaction:
        record = transaction.get(uid)
    assert record is not None
    assert record.material is not None
    world.do(DestroyRequest(unique_identifier=uid))
    world.engine.shredder.due = 0.001
    world.engine.upkeep()
    assert not in_files(world.directory, record.material)


def test_a_damaged_object_keeps_the_key_that_it_lies_under(world: World) -> None:
    good, bad = create(world), create(world)
    with world.engine.store.inner.begin() as transaction:
        record = transaction.get(bad)
        assert record is not None
        assert record.material is not None
        altered = record.material[:30] + bytes([record.material[30] ^ 1]) + record.material[31:]  # what the KEK wraps
        transaction.reseal(bad, record.generation, record.attributes, altered)
        transaction.commit()
    kept = record.material
    rotation.rotate(world.engine, [(DOMAIN, Kind.DATA_ENCRYPTION)], "olga")
    finish(world.engine)
    assert got(world, good)
    assert world.refused(GetRequest(unique_identifier=bad)) is R.CRYPTOGRAPHIC_FAILURE
    assert world.engine.vault.generations(DOMAIN, Kind.DATA_ENCRYPTION) == (1, 2)
    with world.engine.store.inner.begin() as transaction:
        transaction.reseal(bad, record.generation, record.attributes, kept)
        transaction.commit()
    world.engine.cache.clear()
    assert got(world, bad)


def test_keys_that_are_made_anew_meanwhile(world: World) -> None:
    uid = create(world)
    rotation.rotate(world.engine, rotation.zones_of(world.engine, None, None), "olga")
    renewed = world.do(ReKeyRequest(unique_identifier=uid)).unique_identifier
    finish(world.engine)
    assert got(world, renewed)

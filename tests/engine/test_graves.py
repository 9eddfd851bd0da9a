"""C03, S04: what was destroyed stays so, and leaves nothing, though the server is killed at once."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from keystead.custody.keks import SqliteKekStore, Tombstone
from keystead.engine import graves
from keystead.errors import CustodyError
from keystead.kmip.enums import ResultStatus, RevocationReasonCode
from keystead.kmip.payloads.lifecycle import DestroyRequest, ObliterateRequest, RevokeRequest
from keystead.kmip.structures import RevocationReason
from keystead.kmip.version import V3_0
from tests.engine.keys import create
from tests.engine.world import World, create_request
from tests.support import make_engine

UNUSED = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)


def destroy(world: World) -> str:
    key = create(world)
    world.do(RevokeRequest(unique_identifier=key, revocation_reason=UNUSED))
    world.do(DestroyRequest(unique_identifier=key))
    return key


def obliterate(world: World) -> str:
    key = create(world)
    world.do(RevokeRequest(unique_identifier=key, revocation_reason=UNUSED))
    world.do(ObliterateRequest(unique_identifier=key), version=V3_0)
    return key


def as_after_a_crash(world: World, directory: Path) -> World:
    """What the disk holds now, and a server that starts on it."""
    shutil.copytree(world.directory, directory, ignore=shutil.ignore_patterns("*-shm"))
    found = replace(world, directory=directory, engine=make_engine(directory, world.clock))
    found.engine.start()
    found.engine.upkeep()
    return found


def buried(world: World) -> set[str]:
    with closing(SqliteKekStore(world.directory / "custody")) as keks:
        return {stone.name for stone in keks.tombstones()}


@pytest.mark.parametrize("end", [destroy, obliterate])
def test_c03_a_tombstone_outlives_a_crash(world: World, tmp_path: Path, end: object) -> None:
    key = end(world)  # type: ignore[operator]
    after = as_after_a_crash(world, tmp_path / "after")
    assert key in buried(after)
    with after.engine.store.begin(write=False) as transaction:
        assert transaction.entries("grave") == []
    after.engine.close()


def test_c03_the_log_is_emptied_though_the_worker_that_destroyed_something_is_killed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graves, "SCRUB_SECONDS", 0)
    key = create(world)
    with world.engine.store.begin(write=False) as transaction:
        record = transaction.get(key)
    assert record is not None
    assert record.material is not None
    killed = replace(world, engine=make_engine(world.directory, world.clock))
    killed.do(RevokeRequest(unique_identifier=key, revocation_reason=UNUSED))
    killed.do(DestroyRequest(unique_identifier=key))
    world.engine.upkeep()
    world.engine.upkeep()
    files = [path for path in world.directory.rglob("*") if path.is_file()]
    assert [path.name for path in files if record.material in path.read_bytes()] == []
    killed.engine.close()


def test_a_tombstone_that_cannot_be_written_is_written_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = create(world)
    world.do(RevokeRequest(unique_identifier=key, revocation_reason=UNUSED))

    def failing(_: SqliteKekStore, stones: list[Tombstone]) -> None:
        raise CustodyError("kek.db cannot be used: disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteKekStore, "bury", failing)
        answers = world.batch(create_request(), ObliterateRequest(unique_identifier=key), version=V3_0)
        assert [item.result_status for item in answers] == [ResultStatus.SUCCESS] * 2
        with pytest.raises(CustodyError):
            world.engine.upkeep()
    assert key not in buried(world)
    world.engine.upkeep()
    assert key in buried(world)

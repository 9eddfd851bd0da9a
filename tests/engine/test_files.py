"""S04: what becomes of a server whose files somebody takes away, empties or overwrites while it runs."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from keystead.errors import KeysteadError, StoreError, TamperError
from keystead.kmip.enums import ResultReason, ResultStatus
from keystead.kmip.payloads.get import GetRequest
from tests.engine.world import World, payload

Attack = Callable[[Path], None]


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def halved(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(os.urandom(size))


def key_of(world: World, name: str) -> bytes | None:
    """The bytes of a key; None if the server says that it cannot tell."""
    item = world.ask(GetRequest(unique_identifier=name))
    if item.result_status is ResultStatus.SUCCESS:
        return payload(item).object.key_block.key_value.key_material
    assert item.result_reason in (ResultReason.GENERAL_FAILURE, ResultReason.CRYPTOGRAPHIC_FAILURE), item
    return None


def made(world: World) -> dict[str, bytes | None]:
    """Keys of which some have been moved from the log into the database and some have not."""
    older = [world.create() for _ in range(5)]
    world.engine.upkeep()
    return {name: key_of(world, name) for name in (*older, *(world.create() for _ in range(5)))}


@pytest.mark.parametrize(
    ("end", "attack"),
    [
        *(("-wal", attack) for attack in (Path.unlink, emptied, halved, overwritten)),
        # Whoever cuts off a file that is mapped has the kernel end the process.
        *(("-shm", attack) for attack in (Path.unlink, overwritten)),
    ],
)
def test_S04_no_wrong_key_is_given_whatever_becomes_of_the_log(world: World, end: str, attack: Attack) -> None:
    keys = made(world)
    attack(world.directory / f"keystead.db{end}")
    world.engine.cache.clear()
    for name, key in keys.items():
        assert key_of(world, name) in (key, None)
    with suppress(KeysteadError):
        world.engine.upkeep()
    for name, key in keys.items():
        assert key_of(world, name) in (key, None)
    try:
        world.reopen()
        world.engine.start()
    except (StoreError, TamperError):
        return  # it says that it is not whole, and gives nothing
    for name, key in keys.items():
        assert key_of(world, name) == key


@pytest.mark.parametrize("attack", [Path.unlink, emptied])
def test_S04_without_its_log_the_server_is_out_of_service_by_the_next_upkeep(world: World, attack: Attack) -> None:
    keys = made(world)
    attack(world.directory / "keystead.db-wal")
    world.create()
    with pytest.raises(StoreError, match="replaced"):
        world.engine.upkeep()
    assert [key_of(world, name) for name in keys] == [None] * len(keys)


def test_S03_a_log_that_cannot_be_looked_at_for_a_moment_is_no_log_that_was_replaced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = made(world)
    with monkeypatch.context() as patch:

        def refuse(*_: object) -> None:
            raise OSError(errno.EMFILE, "too many open files")

        patch.setattr(Path, "open", refuse)
        with pytest.raises(StoreError, match="cannot be looked at"):
            world.engine.upkeep()
    world.engine.upkeep()
    assert {name: key_of(world, name) for name in keys} == keys


def test_S04_a_database_put_in_the_place_of_the_one_in_use_is_not_served(world: World, tmp_path: Path) -> None:
    keys = made(world)
    path = world.directory / "keystead.db"
    other = tmp_path / "other.db"
    other.write_bytes(path.read_bytes())
    other.chmod(0o600)
    other.rename(path)
    with pytest.raises(StoreError, match="replaced"):
        world.engine.upkeep()
    assert [key_of(world, name) for name in keys] == [None] * len(keys)

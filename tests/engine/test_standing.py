"""How an engine stands."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from keystead.errors import StoreError
from tests.engine.world import World


def test_s02_after_a_failed_disk_an_engine_says_that_it_is_out_of_service(world: World) -> None:
    engine: Any = world.engine
    assert engine.trouble() == ""
    assert engine.status()["objects"] == 0
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    engine.store.inner.failure(error)
    with pytest.raises(StoreError) as refused, engine.store.begin(write=False):
        pass
    assert engine.trouble() == str(refused.value)
    assert engine.trouble().startswith("the disk failed")
    assert engine.status() == {"sealed": False, "answered": 0}

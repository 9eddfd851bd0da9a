"""Records to keep, and a store of each backend to keep them in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keystead import store as stores
from keystead.store import Record, Store

GROUP = 0x420056
INITIAL = 0x420039


def make_record(number: int, **changes: Any) -> Record:
    """A record; whatever is not given follows from its number."""
    values: dict[str, Any] = {
        "unique_identifier": f"{number:08x}-0000-7000-8000-000000000000",
        "domain": "default",
        "owner": "alice",
        "object_type": 2,
        "generation": 1,
        "initial_date": number,
        "activation_date": None,
        "deactivation_date": None,
        "compromise_date": None,
        "destroy_date": None,
        "archive_date": None,
        "attributes": b"sealed attributes %d" % number,
        "material": b"sealed material %d" % number,
        "dates": ((INITIAL, number),),
    }
    return Record(**{**values, **changes})


def make_value(text: object) -> bytes:
    """A blind value."""
    return hashlib.sha256(str(text).encode()).digest()[:16]


@pytest.fixture
def record() -> Callable[..., Record]:
    return make_record


@pytest.fixture
def value() -> Callable[[object], bytes]:
    return make_value


@pytest.fixture(params=sorted(stores.BACKENDS))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a fresh database of each backend goes."""
    return {"sqlite": f"sqlite:{tmp_path}/store/keystead.db"}[request.param]


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = stores.open(url)
    yield opened
    opened.close()

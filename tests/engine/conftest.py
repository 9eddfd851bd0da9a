"""An engine on a real store and a real root of trust."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.pki.ca import Authority
from tests.engine.world import Clock, World
from tests.support import make_engine


@pytest.fixture(scope="session")
def certificates() -> dict[str, bytes]:
    """Certificates of clients, by name, in DER."""
    authority = Authority.create("test", "P-256")
    return {name: authority.issue_client(name).der for name in ("alice", "bob", "carol")}


@pytest.fixture
def world(tmp_path: Path, certificates: dict[str, bytes]) -> Iterator[World]:
    """A fresh engine with three enrolled clients of one domain, who share nothing."""
    clock = Clock()
    made = World(tmp_path, clock, make_engine(tmp_path, clock))
    for name, certificate in certificates.items():
        made.callers[name] = made.engine.enroll(name, certificate)
    yield made
    made.engine.close()

"""Fixtures of the server's tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from keystead.pki.ca import Authority

from .harness import Echo, Pki, Running, server_config


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """An authority, a server's certificate and two clients'."""
    directory = tmp_path_factory.mktemp("pki")
    authority = Authority.create("Test CA", "P-256")
    authority.write(directory / "ca.pem", directory / "ca.key")
    made = Pki(directory, authority)
    made.keep("server", authority.issue_server())
    for name in ("alice", "bob"):
        made.keep(name, authority.issue_client(name))
    return made


@pytest.fixture
def engine(pki: Pki) -> Echo:
    """An echo that knows alice and bob."""
    made = Echo()
    for name in ("alice", "bob"):
        made.enroll(name, pki.der(name))
    return made


@pytest.fixture
def start(pki: Pki, engine: Echo) -> Iterator[Callable[..., Running]]:
    """Start a server with changes of its configuration; it is stopped after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda **changes: stack.enter_context(Running(pki, server_config(pki, **changes), engine))

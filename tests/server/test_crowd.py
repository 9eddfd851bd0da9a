"""M15: what a crowd of connections takes up in a server that overwrites what it lets go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import dev
from tests.server.drills import crowd, memory_mib

CONNECTIONS = 300
MOST_KIB = 64
"""A connection, at the most: the loop gives each one a buffer of 256 KiB, of which little is used."""


@pytest.mark.parametrize("begun", [b"", b"\x42\x00\x78\x01\x00"], ids=["before the handshake", "within a message"])
def test_M15_a_connection_takes_up_little(tmp_path: Path, begun: bytes) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks", "--client", "alice") as server:
        with crowd(server, 20, begun):
            pass
        before = memory_mib(server)
        with crowd(server, CONNECTIONS, begun):
            assert (memory_mib(server) - before) * 1024 < CONNECTIONS * MOST_KIB

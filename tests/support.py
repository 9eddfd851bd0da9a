"""What several test suites begin with: an engine on a real store, with a real root of trust."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from keystead.custody.anchor import Anchor
from keystead.custody.keks import SqliteKekStore
from keystead.custody.software import SoftwareRoot
from keystead.custody.zones import Vault
from keystead.engine.engine import Engine
from keystead.store import open as open_store

KEY_FILE = "root.key"


def make_vault(directory: Path) -> Vault:
    """A vault under a software root, made if it is not there."""
    custody = directory / "custody"
    if not custody.exists():
        custody.mkdir(mode=0o700, parents=True)
        opener = os.urandom(32)
        (custody / KEY_FILE).write_bytes(opener)
        root = SoftwareRoot.create(custody, opener)
    else:
        root = SoftwareRoot.open(custody, (custody / KEY_FILE).read_bytes())
    return Vault(root, SqliteKekStore(custody))


def make_engine(directory: Path, clock: Callable[[], float] = time.time) -> Engine:
    """An engine whose data lie in a directory; again the same data if it is opened again."""
    directory.mkdir(exist_ok=True, parents=True)
    vault, anchor = make_vault(directory), Anchor(directory / "custody")
    return Engine(open_store(f"sqlite:{directory / 'keystead.db'}"), vault, clock, anchor)

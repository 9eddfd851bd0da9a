"""The folder of recorded messages, cases and tables, which is not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = os.environ.get("KEYSTEAD_SHARED")
    if not folder:
        pytest.skip("KEYSTEAD_SHARED does not name the folder of the specification's tables, cases and recordings")
    return Path(folder)

"""The front door is total: a slice of `make fuzz`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import fuzz


@pytest.mark.parametrize("seed", [1, 2])
def test_any_bytes_are_answered_by_a_well_formed_message_and_an_event(tmp_path: Path, seed: int) -> None:
    seen = fuzz.run(6_000, seed, tmp_path)
    assert seen["Success"] > 20, "the slice never reaches a handler"
    assert seen["Invalid Message"] > 1_000

"""The table of drills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.torture import kill, rotation
from tests.torture.drill import Drill

DRILLS: Final[Mapping[str, Drill]] = {
    drill.name: drill
    for drill in (
        Drill("kill", "C01-C03 C06 G1 G2", kill.run, full=20_000, slice=15),
        Drill("rotation", "C03", rotation.run, full=1_000_000, slice=1_000),
    )
}

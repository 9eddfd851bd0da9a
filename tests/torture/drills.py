"""The table of drills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.torture import clock, kill, memory, pages, power, rotation, scan, service, syscalls
from tests.torture.drill import Drill

DRILLS: Final[Mapping[str, Drill]] = {
    drill.name: drill
    for drill in (
        Drill("kill", "C01-C03 G1 G2", kill.run, full=20_000, slice=15),
        Drill("loop", "C06", kill.loop, full=50, slice=1),
        Drill("syscalls", "C01 S01-S03", syscalls.run, full=1_000_000, slice=20),
        Drill("service", "C04 R05 G1", service.run, full=300, slice=4),
        Drill("power", "C05 M13 G1", power.run, full=2_000, slice=3),
        Drill("pages", "S05", pages.run, full=5_000, slice=40),
        Drill("clock", "D01-D03 D06 D07", clock.run, full=80, slice=8),
        Drill("scan", "M1 M3", scan.run, full=10, slice=1),
        Drill("memory", "M11 G9", memory.run, full=1_000, slice=3),
        Drill("rotation", "C03", rotation.run, full=1_000_000, slice=1_000),
    )
}

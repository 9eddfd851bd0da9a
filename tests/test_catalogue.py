"""Each hostile input, fault and promise of the catalogue, and each advisory to learn from, has a test that names it.

The catalogue numbers what a key server must withstand: T, malformed messages; K, KMIP used with ill intent; S, C, H and
B, what befalls storage, processes, HSMs and backups; M, what it promises whom; and the advisories of other servers.  A
test carries the numbers of what it is about in its name, a drill in its row.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.torture.drills import DRILLS

CATALOGUE = {
    "t": range(1, 29),
    "k": range(1, 41),
    "s": range(1, 8),
    "c": range(1, 7),
    "h": range(1, 13),
    "b": range(1, 9),
    "m": (1, 2, 3, 7, 11, 13),
    "advisory": range(1, 11),
}
"""The numbers of each kind."""
_ID = re.compile(r"_(t|k|s|c|h|b|m|advisory_)(\d\d?)(?=_|$)", re.IGNORECASE)
_RANGE = re.compile(r"([A-Z])(\d+)(?:-[A-Z](\d+))?")


def names() -> list[str]:
    """The names of all tests, as they stand in the source."""
    return [
        node.name
        for path in Path(__file__).parent.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]


def drilled(kind: str) -> set[int]:
    """The numbers that drills name, one by one or as ranges."""
    return {
        number
        for drill in DRILLS.values()
        for found, first, last in _RANGE.findall(drill.ids)
        if found.lower() == kind
        for number in range(int(first), int(last or first) + 1)
    }


@pytest.mark.parametrize("kind", CATALOGUE)
def test_each_of_the_catalogue_has_a_test_that_names_it(kind: str) -> None:
    named = {
        int(number) for name in names() for found, number in _ID.findall(name) if found.lower().rstrip("_") == kind
    }
    assert set(CATALOGUE[kind]) <= named | drilled(kind)
    assert kind == "m" or named <= set(CATALOGUE[kind])

"""Each hostile input of the catalogue, and each advisory to learn from, has a test that names it.

The catalogue numbers what a key server must withstand: T, malformed messages; K, KMIP used with ill intent; and the
advisories of other servers.  A test carries the numbers of what it is about in its name.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

CATALOGUE = {"t": 28, "k": 40, "advisory": 10}
"""How many there are of each kind."""
_ID = re.compile(r"_(t|k|advisory_)(\d\d)(?=_|$)", re.IGNORECASE)


def names() -> list[str]:
    """The names of all tests, as they stand in the source."""
    return [
        node.name
        for path in Path(__file__).parent.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]


@pytest.mark.parametrize("kind", CATALOGUE)
def test_each_of_the_catalogue_has_a_test_that_names_it(kind: str) -> None:
    named = {
        int(number) for name in names() for found, number in _ID.findall(name) if found.lower().rstrip("_") == kind
    }
    assert named == set(range(1, CATALOGUE[kind] + 1))

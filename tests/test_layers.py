"""The imports between packages are those of the floor plan, and no others."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "keystead"

# What each package may import, besides `errors` and itself.  Source: docs/architecture.md.
MAY_IMPORT = {
    "errors": set(),
    "kmip": set(),
    "config": set(),
    "crypto": {"kmip"},
    "policy": {"kmip"},
    "store": {"kmip"},
    "custody": {"kmip", "crypto"},
    "pki": {"kmip", "crypto"},
    "audit": set(),
    "client": {"kmip"},
    "engine": {"kmip", "crypto", "policy", "store", "custody", "pki", "audit", "config"},
}
LOWER = set(MAY_IMPORT) - {"client"}
MAY_IMPORT["rest"] = LOWER
MAY_IMPORT["server"] = LOWER | {"rest"}
MAY_IMPORT["cli"] = LOWER | {"rest", "server", "client"}
# What the sans-I/O package may import of the standard library: nothing that has a clock, a socket or a file.
KMIP_MAY_NOT_IMPORT = {
    "asyncio",
    "datetime",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "sqlite3",
    "ssl",
    "threading",
    "time",
}

# The store and the custody of keys have a database each, which the rest reaches through a protocol.
OPENS_SQLITE = {"store/sqlite.py", "custody/keks.py"}
# A class, and the modules that alone name it: all others call what opens one (`keystead.store.open`, `open_keks`).
CONCRETE = {"SqliteStore": {"store/sqlite.py", "store/__init__.py"}, "SqliteKekStore": {"custody/keks.py"}}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE).parts[0].removesuffix(".py"), path


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            if node.module == "keystead":
                yield from (f"keystead.{alias.name}" for alias in node.names)
            else:
                yield str(node.module)


MODULES = list(modules())


@pytest.mark.parametrize(("package", "path"), MODULES, ids=[str(path.relative_to(SOURCE)) for _, path in MODULES])
def test_a_module_imports_only_what_its_package_may(package: str, path: Path) -> None:
    if package in ("__init__", "__main__", "py"):
        return
    assert package in MAY_IMPORT, f"{package} has no place in the floor plan"
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "keystead" or len(parts) == 1 or parts[1] in ("__version__", "errors", package):
            continue
        assert parts[1] in MAY_IMPORT[package], f"{path.relative_to(SOURCE)} imports {name}"


@pytest.mark.parametrize("path", [path for _, path in MODULES], ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_what_opens_a_database_knows_which_one_it_is(path: Path) -> None:
    module = str(path.relative_to(SOURCE))
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.name for node in nodes if isinstance(node, ast.alias)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    for name in imported(path):
        assert name.split(".")[0] != "sqlite3" or module in OPENS_SQLITE, f"{module} imports {name}"
    for concrete, homes in CONCRETE.items():
        assert concrete not in names or module in homes, f"{module} names {concrete}"


def test_what_opens_a_database_is_still_there() -> None:
    for module in OPENS_SQLITE:
        assert "sqlite3" in set(imported(SOURCE / module))
    for concrete, homes in CONCRETE.items():
        assert all(re.search(rf"\b{concrete}\b", (SOURCE / home).read_text()) for home in homes)


@pytest.mark.parametrize("path", [path for package, path in MODULES if package == "kmip"], ids=lambda path: path.name)
def test_the_protocol_package_does_no_input_or_output(path: Path) -> None:

    for name in imported(path):
        root = name.split(".")[0]
        assert root == "keystead" or root in sys.stdlib_module_names, f"{path.name} imports {name}"
        assert root not in KMIP_MAY_NOT_IMPORT, f"{path.name} imports {name}"

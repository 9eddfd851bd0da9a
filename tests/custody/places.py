"""Every place in the code that seals, derives or keeps something, found in its syntax."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import keystead

SOURCE: Final = Path(keystead.__file__).parent
ELSEWHERE: Final = frozenset({"crypto", "client", "kmip"})
"""Packages that work with the keys of clients, for clients, and keep nothing."""
METHODS: Final = frozenset(
    {"append_events", "blind", "blinded", "bury", "derive", "encrypt", "private_bytes", "put_entry", "rewrap",
     "seal_attributes", "wrap"}
)  # fmt: skip
"""Of whatever they are: of a vault, a root, a cipher, a transaction.  A reference counts: what is called may be a name
for it."""
FUNCTIONS: Final = frozenset(
    {"Sealed", "Writer", "hash_password", "generate_mnemonics", "make_key_file", "new_key", "write_private",
     "write_private_key", "writing"}
)  # fmt: skip
GENERIC: Final = frozenset({"custody.files:write_private", "engine.guard:GuardedTransaction.append_events"})
"""What others call to keep something, whatever it is."""


def places() -> dict[str, set[str]]:
    """Each "module:function", and what is called there."""
    found: dict[str, set[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        if module.split(".")[0] not in ELSEWHERE:
            for where, what in within(path.read_text("utf-8")):
                found.setdefault(f"{module}:{where}", set()).add(what)
    return found


def within(source: str) -> list[tuple[str, str]]:
    """The functions of a module that keep something, and what is called there."""
    tree = ast.parse(source)
    return list(_walk(tree, "", _of_crypto(tree)))


def _of_crypto(tree: ast.Module) -> frozenset[str]:
    """The names of modules that work with the keys of clients."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    of = [node for node in imports if (node.module or "").startswith("keystead.crypto")]
    return frozenset(alias.asname or alias.name for node in of for alias in node.names)


def _walk(node: ast.AST, where: str, crypto: frozenset[str]) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        inner = where
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{where}.{child.name}".lstrip(".")
        elif (what := _keeps(child, crypto)) is not None:
            yield where, what
        yield from _walk(child, inner, crypto)


def _keeps(node: ast.AST, crypto: frozenset[str]) -> str | None:
    """What a node has to do with keeping something; None if nothing."""
    if isinstance(node, ast.Attribute):
        of_crypto = isinstance(node.value, ast.Name) and node.value.id in crypto
        return node.attr if node.attr in METHODS and not of_crypto else None
    if isinstance(node, ast.Call):
        function = node.func
        name = getattr(function, "attr", getattr(function, "id", ""))
        if name == "seal" and (node.args or node.keywords):  # without, it is the root that is sealed
            return name
        if name == "new" and ast.unparse(function) == "hmac.new":
            return "hmac"
        return name if name in FUNCTIONS else None
    return None

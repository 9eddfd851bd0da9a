"""Files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from keystead.errors import CustodyError

PART_SECONDS: Final = 60.0
"""What is being written is younger."""
_PART: Final = re.compile(r"\..+\.[0-9a-f]{12}")


def make_directory(directory: Path) -> None:
    """Make a directory that only its owner may enter, if it is not there."""
    if not directory.exists():
        make_directory(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
        belong(directory, directory.parent)


def belong(made: Path | int, directory: Path) -> None:
    """Give what was made just now, a path or an open file, to the owner of its directory.

    Root may look after a server that runs as another user, which has to read what root makes.  A root that may not give
    files away, as in some containers, runs the server too.
    """
    if os.geteuid() == 0:
        owner = directory.stat()
        with suppress(PermissionError):
            os.chown(made, owner.st_uid, owner.st_gid)


@contextmanager
def writing(path: Path, replace: bool = False) -> Iterator[BinaryIO]:
    """Write a file with mode 0600, durably, which comes to its name once it is whole.

    Raises:
        FileExistsError: it is there already and is not to be replaced.
        OSError: it cannot be written; no part of it is left.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb", buffering=1 << 20) as file:
            os.fchmod(descriptor, 0o600)  # whatever the umask is
            yield file
            file.flush()
            os.fsync(descriptor)
        if replace:
            part.replace(path)
        else:
            os.link(part, path)
        sync_directory(path.parent)
    finally:
        with suppress(OSError):
            part.unlink()


def sync_directory(directory: Path) -> None:
    """See to it that what came to its name, or lost it, stays so if the power fails.  Raises: OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_private(path: Path, data: bytes, replace: bool = False) -> None:
    """Write a file with mode 0600, durably.

    Raises:
        CustodyError: it is there already and is not to be replaced, or cannot be written.
    """
    try:
        make_directory(path.parent)
        with writing(path, replace) as file:
            belong(file.fileno(), path.parent)
            file.write(data)
    except FileExistsError:
        raise CustodyError(f"{path.name} is there already") from None
    except OSError as error:
        raise CustodyError(f"{path.name} cannot be written: {error.strerror}") from None


def sweep(directory: Path) -> None:
    """Remove what a process that was killed had begun to write; it may be a key."""
    for path in directory.glob(".*"):
        with suppress(OSError):
            if _PART.fullmatch(path.name) and time.time() - path.stat().st_mtime > PART_SECONDS:
                shred(path)


def shred(path: Path) -> None:
    """Remove a file with a secret, if it is there, after its bytes were overwritten.

    Where they lie on the medium is the file system's affair: what it copied before is not reached.

    Raises:
        CustodyError: it cannot be removed.
    """
    try:
        with path.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            file.write(os.urandom(size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise CustodyError(f"{path.name} cannot be removed: {error.strerror}") from None


def read_private(path: Path, most_bytes: int) -> bytes:
    """Read a file that only its owner may read.

    Raises:
        CustodyError: it is not there, others may read or write it, or it is too large.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise CustodyError(f"{path.name} may be read or written by others; make its mode 0600")
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise CustodyError(f"{path.name} cannot be read: {error.strerror}") from None
    if len(data) > most_bytes:
        raise CustodyError(f"{path.name} is too large")
    return data

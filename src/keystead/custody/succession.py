"""One root of trust after another: rotation, and moving between kinds, while servers run.

A successor is made beside the root that holds (`root.next.json`).  Every KEK is wrapped anew in one transaction, which
also says whose wrapping it is; then the successor's file takes the place of the old one.  Whoever comes upon the two
files after a crash keeps the one that the KEKs are wrapped by.

Processes that hold the old root open learn of the successor through a testament, wrapped by the old root, that lies
beside the KEKs for some seconds.  One that misses them seals itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from keystead.custody import RootOfTrust
from keystead.custody.files import shred, sync_directory
from keystead.custody.keks import KekStore, open_keks
from keystead.custody.rootfile import NEXT_FILE, NEXT_KEY_FILE, ROOT_FILE, data, exclusive, kind_of, read_head
from keystead.errors import CustodyError, TamperError

HANDOVER_SECONDS: Final = 4.0
"""How long a testament lies where running servers find it; they look each second."""
_PROBE: Final = b"keystead succession probe"

Create = Callable[[str, bytes], RootOfTrust]
"""Makes a successor: under the name of a file, with a seed to sign by."""


def succeed(directory: Path, keks: KekStore, old: RootOfTrust, create: Create) -> RootOfTrust:
    """Put every KEK under a new root; nothing is left that the old one opens, but the testament.

    Take the testament away (`KekStore.forget_testament`) after HANDOVER_SECONDS, or at once if no server runs.

    Raises:
        CustodyError: a root is sealed or out of reach; the old one holds as before.
        TamperError: a KEK is not what the old root wrapped; the old one holds as before.
    """
    with exclusive(directory):
        settle(directory, held=True)
        new = create(NEXT_FILE, old.signing_key())
        try:
            if new.unwrap(new.wrap(_PROBE, _PROBE), _PROBE) != _PROBE:
                raise CustodyError("the new root of trust does not give back what it wrapped")
            testament = old.wrap(new.testament(), _context(new.identifier))
            keks.rewrap(
                lambda wrapped, context: new.wrap(old.unwrap(wrapped, context), context),
                old.identifier,
                new.identifier,
                testament,
            )
        except BaseException:
            new.close()
            settle(directory, held=True)
            raise
        _replace(directory)
    return new


def settle(directory: Path, held: bool = False) -> None:
    """Finish, or take back, a succession that a crash interrupted.

    Args:
        held: the caller keeps others away.
    """
    if not ((directory / NEXT_FILE).exists() or (directory / NEXT_KEY_FILE).exists()):
        return
    if not held:
        with exclusive(directory, wait=False) as alone:
            if alone:  # else one is under way
                settle(directory, held=True)
        return
    if not (directory / NEXT_FILE).exists():
        if kind_of(directory) != "key-file":  # else it may be the key of the root that there is
            shred(directory / NEXT_KEY_FILE)
        return
    try:
        identifier = read_head(directory, NEXT_FILE)["identifier"]
    except (CustodyError, ValueError, KeyError):
        identifier = None  # it was not written whole
    with closing(open_keks(directory)) as keks:
        wrapped_by = keks.root()
    if identifier is not None and wrapped_by == identifier:
        _replace(directory)
    else:
        (directory / NEXT_FILE).unlink(missing_ok=True)
        shred(directory / NEXT_KEY_FILE)  # the key of a root that is none


def heir(directory: Path, old: RootOfTrust, keks: KekStore) -> RootOfTrust:
    """The root that follows one that is still open here.

    Raises:
        CustodyError: no testament tells it.
    """
    testament, identifier = keks.testament(), keks.root()
    if testament is None or identifier is None:
        raise CustodyError("the root of trust was changed; it has to be opened again")
    try:
        found = json.loads(old.unwrap(testament, _context(identifier)))
        if found["kind"] == "pkcs11":
            from keystead.custody.pkcs11 import from_testament

            return from_testament(found, directory)
        from keystead.custody.software import SoftwareRoot

        wrapping = bytearray(data(found["wrapping"]))
        return SoftwareRoot(found["kind"], found["identifier"], wrapping, data(found["signing"]))
    except (TamperError, ValueError, KeyError):
        raise CustodyError("the root of trust was changed; it has to be opened again") from None


def _context(identifier: str) -> bytes:
    return b"keystead testament 1 " + identifier.encode()


def _replace(directory: Path) -> None:
    (directory / NEXT_FILE).replace(directory / ROOT_FILE)
    sync_directory(directory)

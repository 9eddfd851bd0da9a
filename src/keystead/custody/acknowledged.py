"""Who acknowledged a share: `custodians.json`, beside `root.json`, which says who holds which.

It is for people, and believed by nobody else: the audit has an event of each acknowledgement.  While a root is changed,
the custodians of the old set stand in it beside those of the new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from keystead.custody.files import write_private
from keystead.custody.shares import Custodians

CUSTODIANS_FILE: Final = "custodians.json"
_MOST_SETS: Final = 2


def acknowledged(directory: Path, custodians: Custodians) -> dict[str, str]:
    """When each custodian of a set acknowledged the share, by name; who did not is not there."""
    found = _read(directory).get(_set(custodians), {})
    return {name: str(when) for name, when in found.items() if name in custodians.names}


def acknowledge(directory: Path, custodians: Custodians, names: Iterable[str]) -> None:
    """Keep it on record that custodians of a set have their shares.  Raises: CustodyError."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    sets = _read(directory)
    known = sets.pop(_set(custodians), {})
    sets[_set(custodians)] = known | dict.fromkeys(names, now)
    document = {"acknowledged": dict(list(sets.items())[-_MOST_SETS:])}
    write_private(directory / CUSTODIANS_FILE, (json.dumps(document, indent=2) + "\n").encode(), replace=True)


def _set(custodians: Custodians) -> str:
    return custodians.digests[0].hex()


def _read(directory: Path) -> dict[str, Any]:
    try:
        found = json.loads((directory / CUSTODIANS_FILE).read_text())["acknowledged"]
        return {of: dict(names) for of, names in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}

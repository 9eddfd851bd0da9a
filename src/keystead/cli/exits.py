"""Exit statuses: one table.

Source: sysexits(3) of BSD, whose meanings service managers know.
"""

from __future__ import annotations

from collections.abc import Mapping

from keystead.errors import (
    CodecError,
    ConfigError,
    Conflict,
    CustodyError,
    KeysteadError,
    OperationFailed,
    OutOfReach,
    Pending,
    StoreError,
    TamperError,
)

EXITS: Mapping[type[BaseException], int] = {
    OperationFailed: 1,
    CodecError: 65,  # EX_DATAERR
    StoreError: 69,  # EX_UNAVAILABLE
    CustodyError: 69,
    OutOfReach: 69,
    KeysteadError: 70,  # EX_SOFTWARE
    OSError: 74,  # EX_IOERR
    Conflict: 75,  # EX_TEMPFAIL
    Pending: 75,
    TamperError: 76,  # EX_PROTOCOL: what was read is not what was written
    ConfigError: 78,  # EX_CONFIG
}
"""An exception → the status that the program ends with."""
MEANINGS: Mapping[int, str] = {
    0: "done",
    1: "refused, or not as it should be",
    2: "wrong command line",
    4: "not found",
    5: "exists already",
    6: "wrong state",
    7: "not supported",
    65: "not a KMIP message",
    69: "server, database or root of trust out of reach",
    70: "failed",
    74: "file cannot be read or written",
    75: "pending, or to be tried again",
    76: "tampered with",
    77: "not permitted",
    78: "wrong configuration",
    130: "interrupted",
}
"""What every status means; `keystead call` tells refusals apart (`call.REFUSALS`)."""
EXIT_STATUSES = f"Exit status: {'; '.join(f'{status} {meaning}' for status, meaning in MEANINGS.items())}."
"""The end of the help."""


def exit_status(error: BaseException) -> int:
    """Give the exit status of an exception: that of its nearest class in the table."""
    return next((EXITS[kind] for kind in type(error).__mro__ if kind in EXITS), 70)

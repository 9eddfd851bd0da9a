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
"""An exception → the status that the program ends with; 2 is a wrong command line, 130 an interrupt."""


def exit_status(error: BaseException) -> int:
    """Give the exit status of an exception: that of its nearest class in the table."""
    return next((EXITS[kind] for kind in type(error).__mro__ if kind in EXITS), 70)

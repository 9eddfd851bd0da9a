"""What a process can do so that keys stay in its memory only.

Python cannot promise that a key leaves no copy: `bytes` cannot be wiped.  What can be done is that no copy of the
memory leaves the process: no core dump, no debugger of the same user, no swap.
"""

from __future__ import annotations

import ctypes
import resource
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


def harden() -> tuple[str, ...]:
    """Forbid core dumps and debuggers, and lock the memory.

    Returns:
        what the system refused, in words for the log; locking needs a limit (RLIMIT_MEMLOCK) that many systems set low.

    Source: Linux prctl(2), mlockall(2), setrlimit(2).
    """
    refused = []
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        refused.append("the process can be dumped and debugged by its own user")
    # Locking what a limit does not allow would make later allocations fail, not this call.
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if limit != resource.RLIM_INFINITY or libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT):
        refused.append("the memory is not locked and may be swapped out; use encrypted swap, or none")
    return tuple(refused)


def wipe(secret: bytearray) -> None:
    """Overwrite a secret in place."""
    size = len(secret)
    if size:
        ctypes.memset((ctypes.c_char * size).from_buffer(secret), 0, size)

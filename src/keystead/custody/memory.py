"""What a process can do so that keys stay in its memory only.

Python cannot promise that a key leaves no copy: `bytes` cannot be wiped.  What can be done is that memory is
overwritten when it is let go, and that no copy of it leaves the process: no core dump, no debugger of the same user,
no swap.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4

_OVERWRITTEN_WITH: Final = 85
_TUNABLES: Final = ":".join(
    (
        f"glibc.malloc.perturb={_OVERWRITTEN_WITH}",
        "glibc.malloc.tcache_count=0",  # what lies in a cache is not overwritten
        "glibc.malloc.mmap_threshold=131072",  # what is larger goes back to the system, always
    )
)
_M_PERTURB: Final = -6
_NO_POOLS: Final = "malloc"  # Python's own pools, of pieces up to 512 bytes, keep what they get back as it is


def overwrite_what_is_freed(small: bool = True) -> None:
    """Begin this process anew, under the same number, so that memory is overwritten when it is let go.

    It returns in a process that does so, and where the C library is another one than glibc.

    Args:
        small: pieces of up to 512 bytes too.

    Source: Python, Command line and environment, PYTHONMALLOC; the GNU C Library, Memory Allocation Tunables.
    """
    if overwrites_what_is_freed(small) or "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        return
    tunables = (os.environ.get("GLIBC_TUNABLES"), _TUNABLES)
    environment = {**os.environ, "GLIBC_TUNABLES": ":".join(filter(None, tunables))}
    if small:
        environment["PYTHONMALLOC"] = _NO_POOLS
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def overwrites_what_is_freed(small: bool = True) -> bool:
    """Whether the allocator, which is told so when a process begins, does."""
    large = os.environ.get("GLIBC_TUNABLES", "").endswith(_TUNABLES)
    return large and (not small or os.environ.get("PYTHONMALLOC") == _NO_POOLS)


@contextmanager
def untouched() -> Iterator[None]:
    """Leave memory as the system gives it, within: else a buffer is written to, and takes up room, before it is used.

    What is let go meanwhile, in any thread, is not overwritten: make it short.

    Source: Linux mallopt(3), M_PERTURB.
    """
    if not overwrites_what_is_freed(small=False):
        yield
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_M_PERTURB, 0)
    try:
        yield
    finally:
        mallopt(_M_PERTURB, _OVERWRITTEN_WITH)


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
    if not overwrites_what_is_freed(small=False):
        refused.append("memory is not overwritten when it is let go")
    return tuple(refused)


def wipe(secret: bytearray) -> None:
    """Overwrite a secret in place."""
    size = len(secret)
    if size:
        ctypes.memset((ctypes.c_char * size).from_buffer(secret), 0, size)

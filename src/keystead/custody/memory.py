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
from pathlib import Path
from typing import Final

from keystead.errors import ConfigError

_PR_SET_DUMPABLE: Final = 4
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4

SWAPS = Path("/proc/swaps")
"""What the system swaps to."""
NOT_LOCKED: Final = "the memory is not locked and may be swapped out; use encrypted swap, or none"

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
    _, limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if limit == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
    if limit != resource.RLIM_INFINITY or libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT):
        refused.append(NOT_LOCKED)
    if not overwrites_what_is_freed(small=False):
        refused.append("memory is not overwritten when it is let go")
    return tuple(refused)


def harden_server(swap: str) -> tuple[str, ...]:
    """Harden a process that holds keys for long: its memory is locked, or nothing is swapped, or swap is allowed.

    Args:
        swap: "refused" or "allowed", as [custody] swap says.

    Returns:
        as `harden`.

    Raises:
        ConfigError: the memory cannot be locked, and the system swaps, or does not tell whether it does.
    """
    refused = harden()
    if NOT_LOCKED in refused and swap != "allowed":
        try:
            there = active_swap(SWAPS.read_text("utf-8", "replace"))
        except OSError as error:
            there = [f"what {SWAPS} would tell ({error.strerror})"]
        if there:
            raise ConfigError(
                f"the memory cannot be locked, and the system swaps to {', '.join(there)}: keys could come to lie"
                " there. Raise the limit of locked memory (RLIMIT_MEMLOCK; for systemd LimitMEMLOCK=infinity), or turn"
                ' swap off, or encrypt it and say [custody] swap = "allowed"'
            )
    return refused


def active_swap(swaps: str) -> list[str]:
    """Name what the system swaps to.

    Args:
        swaps: the text of /proc/swaps: a heading, then a line for each.

    Source: Linux proc_swaps(5).
    """
    return [line.split()[0] for line in swaps.splitlines()[1:] if line.strip()]


def wipe(secret: bytearray) -> None:
    """Overwrite a secret in place."""
    size = len(secret)
    if size:
        ctypes.memset((ctypes.c_char * size).from_buffer(secret), 0, size)

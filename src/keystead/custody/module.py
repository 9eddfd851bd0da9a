"""A PKCS#11 module in this process: the one thread that makes every call to it, each within its time.

Vendors' modules, and the library's way to open them, are not safe with several threads.

Source: PKCS#11 3.0 sections 5.4 and 5.5.
"""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar, cast

import pkcs11
from pkcs11.exceptions import PKCS11Error

from keystead.errors import CustodyError, OutOfReach

log = logging.getLogger("keystead.custody")

T = TypeVar("T")

_ALREADY_INITIALIZED: Final = 0x191


class Module:
    """A vendor's shared library.

    Attributes:
        path: the library.
        epoch: grows when the module is begun anew: sessions of before are no more.
        users: how many connections there are.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.epoch = 0
        self.users = 0
        self._pid = os.getpid()
        self._library: Any = None
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._late: Future[Any] | None = None
        # A daemon: a call that never comes back does not keep the process from ending.
        Thread(target=_work_off, args=(self._work,), name="keystead-hsm", daemon=True).start()

    @property
    def foreign(self) -> bool:
        """Whether this process was forked from the one that made it: no thread came along."""
        return self._pid != os.getpid()

    def do(self, work: Callable[[], T], seconds: float) -> T:
        """Do work in the thread.  Raises: OutOfReach, if it takes too long or what took too long is not back yet."""
        if self._late is not None:
            if not self._late.done():
                raise OutOfReach("the token does not answer")
            self._late = None
        future = self.begin(work)
        try:
            return future.result(seconds)
        except FutureTimeout:
            if not future.cancel():  # what has not begun never will: nobody waits for it any more
                self._late = future
            log.critical("the token does not answer", extra={"fields": {"seconds": seconds}})
            raise OutOfReach(f"the token did not answer within {seconds:g} s") from None

    def begin(self, work: Callable[[], T]) -> Future[T]:
        """Have work done in the thread, when its turn comes."""
        future: Future[T] = Future()
        self._work.put((future, work))
        return future

    def library(self, lost: int) -> Any:
        """Load the module, or begin it anew if nobody did since a session was lost.  In the thread.

        Args:
            lost: the epoch of that session; 0 for none.

        Raises:
            CustodyError: there is no such file.
            OutOfReach: it cannot be loaded or begun.
        """
        if self._library is None:
            if not self.path.exists():
                raise CustodyError(f"there is no PKCS#11 module at {self.path}")
            known = str(self.path) in _known
            with _told():
                library = pkcs11.lib(str(self.path))
            if known:  # it was let go of, or this is a child of the process that began it
                self._begin_anew(library)
            _known.add(str(self.path))
            self._library = library
            self.epoch += 1
        elif lost == self.epoch:
            self._begin_anew(self._library)
            self.epoch += 1
        return self._library

    def leave(self) -> None:
        """Let go of the module if nobody uses it any more.  In the thread."""
        if self._library is not None and not self.users:
            self._end(self._library)
            self._library = None

    def _begin_anew(self, library: Any) -> None:
        self._end(library)
        if (initialize := self._function("C_Initialize")) is None:
            with _told():
                library.initialize()
        elif (result := initialize(None)) not in (0, _ALREADY_INITIALIZED):
            raise OutOfReach(f"the PKCS#11 module cannot be begun anew (0x{result:x})")

    def _end(self, library: Any) -> None:
        # The library holds on to Python's lock while C_Finalize runs: one that hangs would stop the whole process.
        if (finalize := self._function("C_Finalize")) is None:
            with suppress(PKCS11Error):
                library.finalize()
        else:
            finalize(None)

    def _function(self, name: str) -> Callable[[None], int] | None:
        """A function that the module exports by its name, as most do."""
        function: Any = getattr(ctypes.CDLL(str(self.path)), name, None)
        if function is not None:
            function.argtypes, function.restype = (ctypes.c_void_p,), ctypes.c_ulong
        return cast("Callable[[None], int] | None", function)


@contextmanager
def _told() -> Iterator[None]:
    """Tell that the module cannot be opened."""
    try:
        yield
    except PKCS11Error as error:
        raise OutOfReach(f"the PKCS#11 module cannot be opened: {error or type(error).__name__}") from None


def _work_off(queue: SimpleQueue[tuple[Future[Any], Callable[[], Any]]]) -> None:
    while True:
        future, work = queue.get()
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            future.set_exception(error)
        del future, work  # what they hold may be secret


_modules: dict[str, Module] = {}
_known: set[str] = set()
"""Modules that this process, or one that it was forked from, has loaded; the library keeps them loaded."""


def module_of(path: Path) -> Module:
    """The module at a path in this process, with its one thread."""
    with suppress(OSError):
        path = path.resolve()
    found = _modules.get(str(path))
    if found is None or found.foreign:
        found = _modules[str(path)] = Module(path)
    return found

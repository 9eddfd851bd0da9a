"""The one thread that makes every call to a PKCS#11 module, each within its time."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from keystead.errors import CustodyError

log = logging.getLogger("keystead.custody")

T = TypeVar("T")


class Owner:
    """Makes every call, one after the other, each within its time."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._late: Future[Any] | None = None
        # A daemon: a call that never comes back does not keep the process from ending.
        Thread(target=_work_off, args=(self._work,), name="keystead-hsm", daemon=True).start()

    @property
    def foreign(self) -> bool:
        """Whether this process was forked from the one that made it: no thread came along."""
        return self._pid != os.getpid()

    def do(self, work: Callable[[], T], seconds: float) -> T:
        """Do work in the thread.  Raises: CustodyError, if it takes too long or what took too long is not back yet."""
        if self._late is not None:
            if not self._late.done():
                raise CustodyError("the token does not answer")
            self._late = None
        future: Future[T] = Future()
        self._work.put((future, work))
        try:
            return future.result(seconds)
        except FutureTimeout:
            self._late = future
            log.critical("the token does not answer", extra={"fields": {"seconds": seconds}})
            raise CustodyError(f"the token did not answer within {seconds:g} s") from None


def _work_off(queue: SimpleQueue[tuple[Future[Any], Callable[[], Any]]]) -> None:
    while True:
        future, work = queue.get()
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            future.set_exception(error)
        del future, work  # what they hold may be secret


_owners: dict[str, Owner] = {}


def owner_of(module: Path) -> Owner:
    """The one thread of a module in this process."""
    name = str(module.resolve())
    if name not in _owners or _owners[name].foreign:
        _owners[name] = Owner()
    return _owners[name]

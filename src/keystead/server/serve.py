"""Assemble the server: sockets and TLS first, then one process, or several and one that watches over them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop

from keystead import __version__
from keystead.config import Config
from keystead.custody.memory import harden_server
from keystead.custody.rootfile import kind_of
from keystead.errors import KeysteadError
from keystead.server.admin import AdminSocket
from keystead.server.sockets import close_all, listen
from keystead.server.tally import Tally
from keystead.server.tls import Contexts
from keystead.server.turns import Answers
from keystead.server.worker import BEAT_SECONDS, MakeAdmin, work

log = logging.getLogger("keystead.server")

OpenEngine = Callable[[], Answers]
Ports = Mapping[str, int]
WATCHED = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD})
_ENDS = frozenset({signal.SIGTERM, signal.SIGINT})
RESTART_SECONDS = 1.0
"""A worker that dies sooner than this after its start is started again only after as long a pause."""
FAILED_START, FAILED = 78, 70


def serve(
    config: Config,
    open_engine: OpenEngine,
    ready: Callable[[Ports], None] = lambda ports: None,
    leave: Callable[[], bool] = lambda: False,
) -> int:
    """Serve until SIGTERM or SIGINT.

    Args:
        config: the configuration.
        open_engine: opens the engine; called in each process that answers, after it was forked.
        ready: is called with the ports, by name, once all workers accept connections.
        leave: is asked each second, in each process, whether to stop.

    Returns:
        The exit status: 0 after a stop that was asked for.

    Raises:
        ConfigError: an address, certificate or key is wrong.
    """
    _raise_file_limit()
    contexts = Contexts.load(config.server)
    workers = config.server.workers
    kmip_port, kmip = listen(config.server.kmip_host, config.server.kmip_port, workers, "kmip_port")
    try:
        https_port, https = listen(config.server.https_host, config.server.https_port, workers, "https_port")
    except KeysteadError:
        close_all(kmip)
        raise
    ports = {"kmip": kmip_port, "https": https_port}
    began = time.monotonic()

    tally = Tally(workers)

    def admin(engine: Answers, worker: int) -> AdminSocket:
        return AdminSocket(config.custody.directory, engine, facts, tally, worker)

    def facts() -> dict[str, Any]:
        return {
            "version": __version__,
            "uptime_seconds": int(time.monotonic() - began),
            "root": kind_of(config.custody.directory),
            "workers": workers,
            **{f"{name}_port": port for name, port in ports.items()},
        }

    def announce() -> None:
        log.info("listening", extra={"fields": {**ports, "workers": workers}})
        ready(ports)

    try:
        if workers == 1:
            _run(
                work(
                    open_engine,
                    config.server,
                    contexts,
                    kmip[0],
                    https[0],
                    lambda _engine: announce(),
                    leave=leave,
                    domain=config.policy.domain,
                    admin=admin,
                )
            )
            status = 0
        else:
            crew = Crew(config, open_engine, contexts, kmip, https, admin, leave)
            status = crew.watch(announce)
    finally:
        close_all([*kmip, *https])
    log.info("stopped")
    return status


def _run(main: Any) -> None:
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    try:
        runner.run(main)
    finally:
        try:
            runner.close()
        except OSError as error:  # a transport that is not done yet: it must not keep this process from going on
            if error.errno != errno.EBUSY:
                raise
            log.warning("a connection was left open")


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@dataclass(slots=True)
class Crew:
    """Several workers and the process that watches over them: one that dies is replaced."""

    config: Config
    open_engine: OpenEngine
    contexts: Contexts
    kmip: Sequence[Sequence[socket.socket]]
    https: Sequence[Sequence[socket.socket]]
    admin: MakeAdmin
    leave: Callable[[], bool] = lambda: False
    _pids: dict[int, int] = field(default_factory=dict)  # process → its number
    _started: dict[int, float] = field(default_factory=dict)  # number → when
    _stopping: bool = False

    def watch(self, ready: Callable[[], None]) -> int:
        """Start the workers and keep them until SIGTERM or SIGINT; pass SIGHUP on."""
        numbers = range(self.config.server.workers)
        old = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        ready_end, told_end = os.pipe()
        # The workers hold its reading end: when this process is gone, they see the end of it and stop.
        lifeline, life = os.pipe()
        try:
            for number in numbers:
                self._start(number, told_end, (lifeline, life), old)
            if not self._await_ready(ready_end, len(numbers)):
                return 0 if self._stopping else FAILED_START
            ready()
            return self._keep(told_end, (lifeline, life), old)
        finally:
            self._end_all()
            for descriptor in (ready_end, told_end, lifeline, life):
                os.close(descriptor)
            signal.pthread_sigmask(signal.SIG_SETMASK, old)

    def _start(self, number: int, told: int, life: tuple[int, int], mask: set[int | signal.Signals]) -> None:
        pid = os.fork()
        if pid:
            self._pids[pid] = number
            self._started[number] = time.monotonic()
            return
        status = FAILED
        try:
            os.close(life[1])
            others = [self.kmip[i] for i in range(len(self.kmip)) if i != number]
            others += [self.https[i] for i in range(len(self.https)) if i != number]
            close_all(others)
            harden_server(self.config.custody.swap)  # a lock on memory does not come along through a fork
            for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            _run(
                work(
                    self.open_engine,
                    self.config.server,
                    self.contexts,
                    self.kmip[number],
                    self.https[number],
                    lambda _engine: _tell(told),
                    life[0],
                    self.leave,
                    self.config.policy.domain,
                    self.admin,
                    number,
                )
            )
            status = 0
        except KeysteadError as error:
            log.critical("worker cannot start", extra={"fields": {"worker": number, "error": str(error)}})
            status = FAILED_START
        except BaseException:
            log.critical("worker failed", exc_info=True, extra={"fields": {"worker": number}})
        finally:
            # Whatever the parent had on its stack is not this process's to unwind.
            os._exit(status)

    def _await_ready(self, ready_end: int, workers: int) -> bool:
        told = 0
        while told < workers and not self._stopping:
            if select.select([ready_end], [], [], 0.02)[0]:
                told += len(os.read(ready_end, workers))
            if self._handle(signal.sigtimedwait(WATCHED, 0)):
                return False
        return not self._stopping

    def _keep(self, told: int, life: tuple[int, int], mask: set[int | signal.Signals]) -> int:
        while not self._stopping:
            died = self._handle(signal.sigtimedwait(WATCHED, BEAT_SECONDS))
            if self.leave():
                return 0
            for number in died:
                log.error("worker died", extra={"fields": {"worker": number}})
                time.sleep(max(0.0, RESTART_SECONDS - (time.monotonic() - self._started[number])))
                self._start(number, told, life, mask)
        return 0

    def _handle(self, got: signal.struct_siginfo | None) -> list[int]:
        """Act on a signal; return the numbers of the workers that have died."""
        if got is None:
            return []
        if got.si_signo == signal.SIGHUP:
            self._signal(signal.SIGHUP)
        elif got.si_signo == signal.SIGCHLD:
            return self._reap()
        elif got.si_signo in _ENDS:  # after SIGSTOP and SIGCONT, Python gives one of no signal in place of None
            self._stopping = True
        return []

    def _reap(self) -> list[int]:
        died = []
        for pid in tuple(self._pids):
            if os.waitpid(pid, os.WNOHANG)[0]:
                died.append(self._pids.pop(pid))
        return died

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _end_all(self) -> None:
        self._stopping = True
        close_all([*self.kmip, *self.https])  # else connections would go on queueing at sockets that nobody reads
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + self.config.server.stop_seconds + 2
        while self._pids and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.01)
        self._signal(signal.SIGKILL)
        while self._pids:
            self._reap()
            time.sleep(0.01)


def _tell(told: int) -> None:
    with contextlib.suppress(OSError):
        os.write(told, b"\1")

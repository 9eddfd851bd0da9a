"""One process that answers: both listeners, the engine between them, and a beat each second."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from keystead.config import ServerConfig
from keystead.engine.unsealing import Unsealing
from keystead.errors import ConfigError, KeysteadError, TamperError
from keystead.policy.access import Caller
from keystead.server import http, sealed
from keystead.server.admin import AdminSocket
from keystead.server.kmip import KmipConnection
from keystead.server.listener import Listener
from keystead.server.outbox import Outbox
from keystead.server.peers import Peers
from keystead.server.tls import Contexts, file_stamp
from keystead.server.turns import Answers, Turns

log = logging.getLogger("keystead.server")

MakeAdmin = Callable[[Answers, int], AdminSocket]

BEAT_SECONDS = 1.0
LINGER_SECONDS = 0.05
"""What has reached the kernel when the stop is asked for is still read within this time."""


class Worker:
    """Serves connections until it is told to stop.

    Args:
        engine: answers.
        config: limits and deadlines.
        contexts: TLS.
        kmip, https: listening sockets.
        leave: is asked each second whether it is to stop of itself.
        domain: where one who shows no certificate is looked for, if that is allowed.
        admin: the administration socket, which it serves if no other worker does.
    """

    def __init__(
        self,
        engine: Answers,
        config: ServerConfig,
        contexts: Contexts,
        kmip: Sequence[socket.socket],
        https: Sequence[socket.socket],
        leave: Callable[[], bool] = lambda: False,
        domain: str = "",
        admin: AdminSocket | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = engine
        self._config = config
        self._leave = leave
        self._admin = admin
        nobody = Caller("", "", domain) if config.client_certificate == "optional" else None
        self._peers = Peers(engine, contexts, nobody)
        self._turns = Turns(engine, self._loop)
        self._outbox = Outbox(engine, config)
        self._health = _health(engine)
        self._epoch = engine.identity_epoch()
        self._chores: tuple[Callable[[], Awaitable[None] | None], ...] = (
            self._renew,
            self._follow,
            self._attend,
            engine.upkeep,
            self._outbox.beat,
            self._ask_health,
        )
        self._to_recheck = False
        self._alarmed = 0.0  # POSIX seconds: when the lists expired of which the log has been told
        self._tried = contexts.stamp
        self._stop = asyncio.Event()
        self._kmip = Listener(
            "kmip", kmip, contexts.kmip, lambda slot: KmipConnection(slot, self._peers, self._turns, config), config
        )
        app = (
            sealed.application(engine, config, self._tell_health, self.stop) if isinstance(engine, Unsealing) else None
        )
        open_https = http.factory(self._peers, self._turns, config, self._tell_health, app)
        self._https = Listener("https", https, contexts.https, open_https, config)
        self._listeners = (self._kmip, self._https)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`, then finish what has begun.

        Args:
            ready: is called once connections are accepted.
        """
        for listener in self._listeners:
            listener.start()
        await self._attend()
        # What is there by now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        ready()
        chores = [self._loop.create_task(chore()) for chore in (self._sweep, self._beat, self._labour)]
        try:
            await self._stop.wait()
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            await self._finish()

    def stop(self) -> None:
        """Accept nothing more and finish."""
        self._stop.set()

    def reload(self) -> None:
        """Read the certificates, keys and revocation lists again; on an error the old ones stay in force."""
        try:
            contexts = Contexts.load(self._config)
        except KeysteadError as error:
            self._tried = file_stamp(self._config)
            log.error("certificates not reloaded", extra={"fields": {"error": str(error)}})
            return
        self._tried = contexts.stamp
        self._peers.contexts = contexts
        self._kmip.context, self._https.context = contexts.kmip, contexts.https
        self._to_recheck = True
        log.info("certificates reloaded")

    def _follow(self) -> None:
        """Let nobody stay who may not: who was disabled, is on a new list, or has shown what has expired.

        Raises:
            KeysteadError: the store is out of reach, so that somebody could not be looked up; tried again.
        """
        now, lists_until = time.time(), self._peers.contexts.until
        if now >= lists_until > self._alarmed:
            self._alarmed = lists_until
            log.critical("revocation list expired: no client is let in, none may stay")
        if now >= self._peers.until:
            self._to_recheck = True
        try:
            epoch = self._engine.identity_epoch()
            if epoch != self._epoch:
                self._epoch, self._to_recheck = epoch, True
        except TamperError:
            self._to_recheck = True  # whose standing is beyond doubt may stay
            raise
        finally:
            if self._to_recheck:
                self._recheck()

    def _recheck(self) -> None:
        self._peers.until = self._peers.contexts.until
        failed = None
        for connection in (one for listener in self._listeners for one in listener.connections):
            try:
                connection.recheck()
            except KeysteadError as error:
                failed = error
        self._to_recheck = failed is not None
        if failed is not None:
            raise failed

    async def _sweep(self) -> None:
        config = self._config
        shortest = min(config.stall_seconds, config.message_seconds, config.write_seconds, config.http_request_seconds)
        pause = min(BEAT_SECONDS, max(0.02, shortest / 4))
        while True:
            await asyncio.sleep(pause)
            for listener in self._listeners:
                listener.sweep(self._loop.time())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if self._leave():
                self.stop()
                return
            for chore in self._chores:
                try:
                    waiting = chore()
                    if waiting is not None:
                        await waiting
                except Exception:
                    # The others are done all the same, and the next beat may find the disk, or the token, back.
                    log.exception("upkeep failed", extra={"fields": {"chore": chore.__qualname__}})

    async def _attend(self) -> None:
        if self._admin is not None:
            await self._admin.beat(self._turns.answered)

    def _renew(self) -> None:
        if file_stamp(self._config) not in (self._peers.contexts.stamp, self._tried):
            self.reload()

    def _ask_health(self) -> None:
        self._health = _health(self._engine)

    def _tell_health(self) -> Mapping[str, str]:
        return self._health

    async def _labour(self) -> None:
        """Do what takes long between what clients ask for: after each slice they have twice its time."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                began = time.monotonic()
                while self._engine.labour():
                    await asyncio.sleep(max(0.001, 2 * (time.monotonic() - began)))
                    began = time.monotonic()
            except Exception:
                log.exception("work in the background failed; it goes on later")

    async def _finish(self) -> None:
        if self._admin is not None:
            await self._admin.close(self._config.stop_seconds)
        await asyncio.sleep(LINGER_SECONDS)
        for listener in self._listeners:
            listener.stop_accepting()
        deadline = self._loop.time() + self._config.stop_seconds
        while any(each.connections or each.shaking for each in self._listeners) or not self._turns.empty:
            for listener in self._listeners:
                for connection in listener.connections:
                    connection.stop()
            if self._loop.time() > deadline:
                break
            await asyncio.sleep(0.02)
        for listener in self._listeners:
            for connection in listener.connections:
                connection.abort()
        self._turns.close()
        await self._outbox.stop()


async def work(
    open_engine: Callable[[], Answers],
    config: ServerConfig,
    contexts: Contexts,
    kmip: Sequence[socket.socket],
    https: Sequence[socket.socket],
    ready: Callable[[Answers], None],
    orphaned: int | None = None,
    leave: Callable[[], bool] = lambda: False,
    domain: str = "",
    admin: MakeAdmin | None = None,
    number: int = 0,
) -> None:
    """Open the engine and serve until SIGTERM or SIGINT; SIGHUP reloads the certificates.

    Args:
        open_engine: opens the engine, in the process that uses it.
        config: limits and deadlines.
        contexts: TLS.
        kmip, https: listening sockets.
        ready: is called once connections are accepted.
        orphaned: a file descriptor that ends when the process which watches over this one does.
        leave: is asked each second whether to stop.
        domain: where one who shows no certificate is looked for.
        admin: makes the administration socket over the engine, for the worker of a number.
        number: of this worker.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_defect)
    engine = open_engine()
    try:
        engine.start()
        made = None if admin is None else admin(engine, number)
        worker = Worker(engine, config, contexts, kmip, https, leave, domain, made)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        loop.add_signal_handler(signal.SIGHUP, worker.reload)
        if orphaned is not None:
            loop.add_reader(orphaned, worker.stop)
        await worker.run(lambda: ready(engine))
    finally:
        engine.close()


def _health(engine: Answers) -> Mapping[str, str]:
    """What is told to anybody who asks: a word, and what is wrong if something is."""
    if why := engine.trouble():
        return {"status": http.OUT_OF_SERVICE, "why": why}
    if why := engine.weakness():
        return {"status": "degraded", "why": why}
    return {"status": "sealed" if engine.sealed else "ok"}


def _defect(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if isinstance(error, ConfigError | ConnectionError):
        return
    log.error("defect", exc_info=error, extra={"fields": {"said": context.get("message", "")}})

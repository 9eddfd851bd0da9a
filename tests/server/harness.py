"""A server around an echo: real sockets, real TLS, no engine."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from keystead.config import ServerConfig
from keystead.engine.engine import Incoming
from keystead.pki.ca import Authority, Issued
from keystead.policy.access import Caller
from keystead.server.sockets import close_all, listen
from keystead.server.tls import Contexts
from keystead.server.worker import Worker

REQUEST, RESPONSE = b"\x42\x00\x78\x01", b"\x42\x00\x7b\x01"
INVALID = RESPONSE + (8).to_bytes(4, "big") + b"invalid!"


def request(body: bytes = b"12345678") -> bytes:
    """A message whose frame is right; an echo does not look inside."""
    return REQUEST + len(body).to_bytes(4, "big") + body


def response(body: bytes = b"12345678") -> bytes:
    """What the echo answers to it."""
    return RESPONSE + len(body).to_bytes(4, "big") + body


class Echo:
    """Stands in for the engine: answers a whole message with its body, anything else with INVALID."""

    def __init__(self) -> None:
        self.enrolled: dict[bytes, Caller] = {}
        self.turns: list[list[Incoming]] = []
        self.epoch = 0
        self.sealed = False
        self.wrong = ""
        self.fail = False
        self.closed = False
        self.beats = 0
        self.inflate = 0

    def answer(self, messages: Sequence[Incoming], seconds: float | None = None) -> list[bytes]:
        self.turns.append(list(messages))
        if self.fail:
            raise RuntimeError("a secret: 0123456789abcdef")
        return [self._one(incoming) for incoming in messages]

    def _one(self, incoming: Incoming) -> bytes:
        message = incoming.message
        if incoming.encoding != "ttlv":
            return message
        if message[:4] != REQUEST or len(message) != 8 + int.from_bytes(message[4:8], "big"):
            return INVALID
        return response(message[8:] + bytes(self.inflate))

    @property
    def messages(self) -> list[bytes]:
        return [incoming.message for turn in self.turns for incoming in turn]

    def enroll(self, name: str, certificate_der: bytes) -> None:
        self.enrolled[certificate_der] = Caller(name, name, "default")

    def disable(self, certificate_der: bytes) -> None:
        del self.enrolled[certificate_der]
        self.epoch += 1

    def caller_of(self, certificate_der: bytes, address: str) -> Caller | None:
        caller = self.enrolled.get(certificate_der)
        return caller and dataclasses.replace(caller, address=address)

    def identity_epoch(self) -> int:
        return self.epoch

    def upkeep(self) -> None:
        self.beats += 1

    def labour(self) -> bool:
        return False

    def prepare(self, incoming: Incoming) -> Incoming:
        return incoming

    def deliveries(self) -> list[Any]:
        return []

    def trouble(self) -> str:
        return self.wrong

    def weakness(self) -> str:
        return ""

    def status(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        self.closed = True


@dataclasses.dataclass
class Pki:
    """An authority with a server and two clients, on disk."""

    directory: Path
    authority: Authority

    def path(self, name: str) -> Path:
        return self.directory / name

    def keep(self, name: str, issued: Issued) -> Issued:
        issued.write(self.path(f"{name}.pem"), self.path(f"{name}.key"))
        return issued

    def keep_certificate(self, name: str, certificate: x509.Certificate, issued: Issued) -> Issued:
        return self.keep(name, Issued(certificate, issued.private_key))

    def der(self, name: str) -> bytes:
        pem = self.path(f"{name}.pem").read_bytes()
        return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)


def server_config(pki: Pki, **changes: Any) -> ServerConfig:
    return ServerConfig(
        **{
            "certificate": pki.path("server.pem"),
            "private_key": pki.path("server.key"),
            "client_ca": pki.path("ca.pem"),
            "kmip_host": "127.0.0.1",
            "https_host": "127.0.0.1",
            "kmip_port": 0,
            "https_port": 0,
            "stop_seconds": 2.0,
            **changes,
        }
    )


class Running:
    """A worker in a thread, and clients for it."""

    def __init__(self, pki: Pki, config: ServerConfig, engine: Echo) -> None:
        self.pki = pki
        self.config = config
        self.engine = engine
        self.domain = ""
        self.ports = {"kmip": 0, "https": 0}
        self.worker: Worker
        self._loop: asyncio.AbstractEventLoop
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Running:
        self._thread.start()
        assert self._ready.wait(10)
        if self._error is not None:
            raise self._error
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self.call(lambda: self.worker.stop())
            self._thread.join(15)
            assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error

    def begin_stop(self) -> None:
        self.call(lambda: self.worker.stop())

    def call(self, function: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(function)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(self._main())
            except BaseException as error:  # noqa: BLE001  handed to the test
                self._error = error
            finally:
                self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        contexts = Contexts.load(self.config)
        self.ports["kmip"], kmip = listen(self.config.kmip_host, 0, 1, "kmip_port")
        self.ports["https"], https = listen(self.config.https_host, 0, 1, "https_port")
        self.worker = Worker(self.engine, self.config, contexts, kmip[0], https[0], domain=self.domain)
        try:
            await self.worker.run(self._ready.set)
        finally:
            close_all([*kmip, *https])

    def context(self, client: str | None = "alice", **changes: Any) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.pki.path("ca.pem")))
        if client is not None:
            context.load_cert_chain(self.pki.path(f"{client}.pem"), self.pki.path(f"{client}.key"))
        for name, value in changes.items():
            setattr(context, name, value)
        return context

    def connect(
        self,
        client: str | None = "alice",
        port: str = "kmip",
        context: ssl.SSLContext | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", self.ports[port]), 5)
        try:
            return (context or self.context(client)).wrap_socket(raw, server_hostname="localhost", session=session)
        except BaseException:
            raw.close()
            raise

    def raw(self, port: str = "kmip") -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ports[port]), 5)

    def exchange(self, client: str | None = "alice", message: bytes | None = None, **how: Any) -> bytes:
        """Connect, send a message, and give the answer; b"" if the server closed instead."""
        try:
            with self.connect(client, **how) as connection:
                connection.sendall(message or request())
                return receive(connection)
        except (ssl.SSLError, ConnectionError):
            return b""


def receive(connection: socket.socket, messages: int = 1) -> bytes:
    """Read so many messages; fewer bytes if the server closes."""
    got = b""
    for _ in range(messages):
        head = exactly(connection, 8)
        got += head + (exactly(connection, int.from_bytes(head[4:8], "big")) if len(head) == 8 else b"")
    return got


def exactly(connection: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        try:
            part = connection.recv(size - len(got))
        except (ssl.SSLError, ConnectionError) as error:
            if isinstance(error, TimeoutError):
                raise
            part = b""
        if not part:
            break
        got += part
    return got


def closed_within(connection: socket.socket, seconds: float) -> bool:
    """Whether the server closes within so long."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except (OSError, ssl.SSLError):
        return True
    return True


def eventually(holds: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether something comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.01)
    return holds()


Start = Callable[..., Running]

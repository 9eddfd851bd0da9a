"""The real server: `keystead dev` as a process, and clients that speak to it over mutual TLS."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography import x509

from keystead.kmip.connection import Connection
from keystead.kmip.ttlv import MAXIMUM_RESPONSE_BYTES

START_SECONDS = 60
STOP_SECONDS = 60


class Server:
    """A running `keystead dev`.

    Args:
        directory: of its data; kept.
        module: what is run in place of the command.
    """

    def __init__(
        self,
        directory: Path,
        *arguments: object,
        module: str = "keystead.cli.main",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.ready = directory.with_name(f"{directory.name}.json")
        self.log = directory.with_name(f"{directory.name}.log")
        command = [
            sys.executable, "-m", module, "dev", "--dir", directory, "--kmip-port", 0, "--https-port", 0,
            "--ready-file", self.ready, *arguments,
        ]  # fmt: skip
        self.ready.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(each) for each in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
            )
        self.facts = self._facts()

    def _facts(self) -> dict[str, Any]:
        end = time.monotonic() + START_SECONDS
        while not self.ready.exists() or not self.ready.stat().st_size:
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"keystead dev does not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.02)
        facts: dict[str, Any] = json.loads(self.ready.read_text())
        return facts

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def workers(self) -> list[int]:
        """The processes that answer."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(each) for each in children] or [self.pid]

    def holds(self, client: str, at: float) -> bool:
        """Whether a client's certificate is valid at a time, in POSIX seconds."""
        data = Path(self.facts["clients"][client]["cert"]).read_bytes()
        certificate = x509.load_pem_x509_certificate(data)
        valid = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
        return valid[0] <= at <= valid[1]

    def connect(self, client: str) -> Wire:
        """A connection of a client."""
        files = self.facts["clients"][client]
        context = ssl.create_default_context(cafile=self.facts["ca"])
        context.load_cert_chain(files["cert"], files["key"])
        plain = socket.create_connection(("localhost", self.facts["ports"]["kmip"]), timeout=START_SECONDS)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return Wire(context.wrap_socket(plain, server_hostname="localhost"))
        except BaseException:
            plain.close()
            raise

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal; its exit status."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("keystead dev does not stop") from None

    def close(self) -> None:
        """Kill what is left of it."""
        if self.process.poll() is None:
            self.end(signal.SIGKILL)


class Service(Server):
    """A running `keystead serve`, over what `keystead dev` has set up."""

    def __init__(self, directory: Path, *arguments: object) -> None:
        super().__init__(directory, *arguments)
        self.end()
        line = [sys.executable, "-m", "keystead.cli.main", "serve", "--config", self.facts["config"]]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while True:
            with suppress(OSError), socket.create_connection(("localhost", self.facts["ports"]["kmip"])):
                return
            if self.process.poll() is not None or time.monotonic() > end:
                self.close()
                raise AssertionError(f"keystead serve does not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)


class Wire:
    """A connection over which one message after the other is answered."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self.socket = connection
        self._framer = Connection(MAXIMUM_RESPONSE_BYTES, requests=False)
        self._waiting: list[bytes] = []

    def speak(self, message: bytes) -> bytes:
        """Send a message and wait for its answer.  Raises: ConnectionError."""
        self.socket.sendall(message)
        return self.answer()

    def answer(self) -> bytes:
        """The next answer.  Raises: ConnectionError."""
        while not self._waiting:
            try:
                data = self.socket.recv(1 << 16)
            except ssl.SSLError as error:
                raise ConnectionError(str(error)) from None
            if not data:
                raise ConnectionError("the connection was closed")
            self._waiting = self._framer.receive(data)
        return self._waiting.pop(0)

    def close(self) -> None:
        self.socket.close()


def command(*arguments: object, **how: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command `keystead` to its end."""
    line: Sequence[str] = [sys.executable, "-m", "keystead.cli.main", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, stdin=subprocess.DEVNULL, timeout=START_SECONDS, **how)

"""A server on this machine, set up and looked after by the command, as its operators do."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pty
import select
import signal
import socket
import ssl
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from keystead.client import Client

KEYSTEAD = [sys.executable, "-W", "error", "-m", "keystead"]
NAMES = ("Ada", "Grace", "Hedy", "Ida", "Joan")
PATIENCE = 60.0


def free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def leaves_no_core(process: int) -> bool:
    limits = Path(f"/proc/{process}/limits").read_text().splitlines()
    return next(line for line in limits if line.startswith("Max core")).split()[-3:-1] == ["0", "0"]


class Site:
    """A data directory, and the server on it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.command = KEYSTEAD
        self.swap: str | None = "allowed"
        """What the configuration says of it: the machine that the tests run on may swap."""
        self.config = directory / "keystead.toml"
        self.custody = directory / "custody"
        self.kmip, self.https = free_ports(2)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = directory.with_suffix(".log")

    # --- the command ---

    def run(self, *arguments: object, status: int | None = 0, config: bool = True) -> str:
        """Run a command; what it said, on both channels."""
        command = [*self.command, *map(str, arguments), *(["--config", str(self.config)] if config else [])]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
        )
        assert status is None or done.returncode == status, (arguments, done.returncode, done.stdout, self.said())
        assert "Traceback" not in done.stdout
        return done.stdout

    def operator(self, *arguments: object, status: int | None = 0) -> str:
        return self.run("operator", *arguments, status=status)

    def init(self, *arguments: object) -> str:
        ports = ("--kmip-port", self.kmip, "--https-port", self.https)
        said = self.run("init", "--dir", self.directory, "--yes", *ports, *arguments, config=False)
        self.configure("server", 'kmip_host = "127.0.0.1"', 'https_host = "127.0.0.1"', "stop_seconds = 3.0")
        if self.swap is not None:
            self.configure("custody", f'swap = "{self.swap}"')
        return said

    def configure(self, section: str, *lines: str) -> None:
        text = self.config.read_text()
        self.config.write_text(text.replace(f"[{section}]\n", "\n".join((f"[{section}]", *lines, ""))))

    def status(self) -> dict[str, Any]:
        found = json.loads(self.operator("status", "--json"))
        assert isinstance(found, dict)
        return found

    # --- custodians ---

    def sheets(self, name: str = "sheets") -> list[Path]:
        return sorted((self.directory / name).iterdir())

    def share_options(self, name: str, number: int = 5, threshold: int = 3) -> list[object]:
        """The options of a new set of shares, which go into files."""
        people = [part for each in NAMES[:number] for part in ("--custodian", each)]
        return ["--shares", number, "--threshold", threshold, *people, "--share-dir", self.directory / name]

    def given(self, name: str, *numbers: int) -> list[object]:
        """The options that give shares of a set."""
        return [part for number in numbers for part in ("--share-file", self.sheets(name)[number])]

    def unseal(self, name: str = "sheets", *numbers: int) -> list[str]:
        """Have custodians give their shares, one after the other; what each is told."""
        return [
            self.operator("unseal", "--custodian", NAMES[number], "--share-file", self.sheets(name)[number])
            for number in numbers or (0, 1, 2)
        ]

    # --- the server ---

    def serve(self, wanted: str = "ok", environment: Mapping[str, str] | None = None) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "serve", "--config", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **(environment or {})},
            )  # fmt: skip
        self.await_health(wanted)

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        self.process = None
        return status

    def health(self) -> str:
        try:
            status, body = self.get("/healthz")
        except OSError:
            return "gone"
        assert status == (503 if body["status"] == "out of service" else 200)
        return str(body["status"])

    def await_health(self, wanted: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while (found := self.health()) != wanted:
            assert self.process is None or self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, (found, self.said())
            time.sleep(0.05)

    def await_log(self, wanted: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while wanted not in self.said():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def request(self, method: str, path: str, body: object = None, client: str | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPSConnection("127.0.0.1", self.https, timeout=20, context=self.context(client))
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None

    def get(self, path: str) -> tuple[int, Any]:
        return self.request("GET", path)

    def context(self, client: str | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.directory / "ca.pem"))
        if client is not None:
            context.load_cert_chain(*(self.directory / "clients" / f"{client}.{end}" for end in ("pem", "key")))
        return context

    def client(self, name: str = "alice") -> Client:
        files = {"certificate": f"{name}.pem", "private_key": f"{name}.key"}
        return Client(
            f"127.0.0.1:{self.kmip}", ca=str(self.directory / "ca.pem"),
            **{what: str(self.directory / "clients" / file) for what, file in files.items()},
        )  # fmt: skip

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class Terminal:
    """Somebody at a terminal, with a command before them."""

    def __init__(self, *arguments: object) -> None:
        self.shown = b""
        self._read = 0
        self._own, theirs = pty.openpty()
        termios.tcsetwinsize(self._own, (40, 120))
        self.process = subprocess.Popen(
            [*KEYSTEAD, *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: __import__("fcntl").ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(theirs)

    def until(self, text: str, key: str = "") -> str:
        """Read on until a text is there; what came with it since the last one.

        Args:
            key: is pressed until it is: what is typed before a key is waited for is not read.
        """
        deadline = time.monotonic() + PATIENCE
        while (at := self.shown.find(text.encode(), self._read)) < 0:
            if key:
                self.type(key)
            more = self._more(min(deadline, time.monotonic() + 0.1) if key else deadline)
            assert more or (key and time.monotonic() < deadline), (text, self.shown[self._read :].decode())
        found = self.shown[self._read : at + len(text)]
        self._read = at + len(text)
        return found.decode()

    def type(self, text: str) -> None:
        os.write(self._own, text.encode())

    def interrupt(self) -> None:
        # As the terminal does; the key itself is a character like others while single keys are read.
        self.process.send_signal(signal.SIGINT)

    def __del__(self) -> None:
        self.process.kill()  # of a test that failed
        self.process.wait()

    def end(self) -> int:
        """Read to the end; the exit status."""
        deadline = time.monotonic() + PATIENCE
        while self._more(deadline):
            pass
        status = self.process.wait(PATIENCE)  # first: who loses the terminal while ending is hung up on
        os.close(self._own)
        return status

    def _more(self, deadline: float) -> bool:
        if not select.select([self._own], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return False
        try:
            came = os.read(self._own, 65_536)
        except OSError:  # Linux says EIO when nobody holds the other end any more
            return False
        self.shown += came
        return bool(came)


@contextlib.contextmanager
def site(directory: Path) -> Iterator[Site]:
    made = Site(directory)
    try:
        yield made
    finally:
        made.close()

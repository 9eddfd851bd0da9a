"""`keystead` as a process, and a running `keystead dev` to talk to."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keystead.client import Client

KEYSTEAD = [sys.executable, "-W", "error", "-m", "keystead.cli.main"]


def _discover() -> bytes:
    """Discover Versions in KMIP 1.4: a message that needs nothing but to be let in."""
    header = _item("420077", _item("420069", _integer("42006a", 1) + _integer("42006b", 4)) + _integer("42000d", 1))
    batch = _item("42000f", bytes.fromhex("42005c05000000040000001e00000000") + _item("420079", b""))
    return _item("420078", header + batch)


def _item(tag: str, value: bytes) -> bytes:
    return bytes.fromhex(tag) + b"\1" + len(value).to_bytes(4, "big") + value


def _integer(tag: str, value: int) -> bytes:
    return bytes.fromhex(tag) + b"\2\0\0\0\4" + value.to_bytes(4, "big") + bytes(4)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*KEYSTEAD, *map(str, arguments)], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
    )


class Dev:
    """A running `keystead dev`."""

    def __init__(self, ready: Path, *arguments: object, **how: Any) -> None:
        self.ready = ready
        ready.unlink(missing_ok=True)
        ports = ("--kmip-port", "0", "--https-port", "0")
        command = [*how.pop("command", KEYSTEAD), "dev", *ports, "--ready-file", str(ready)]
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how
        )
        deadline = time.monotonic() + 30
        while not ready.exists():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self.facts: dict[str, Any] = json.loads(ready.read_text())

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            out, err = self.process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
        return self.process.returncode, out, err

    def context(self, client: str | None = "alice") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.facts["ca"])
        if client:
            context.load_cert_chain(self.facts["clients"][client]["cert"], self.facts["clients"][client]["key"])
        return context

    def client(self, name: str = "alice", **more: Any) -> Client:
        files = self.facts["clients"][name]
        return Client(
            "localhost",
            self.facts["ports"]["kmip"],
            ca=self.facts["ca"],
            certificate=files["cert"],
            private_key=files["key"],
            **more,
        )

    def discover(self, client: str = "alice", host: str = "127.0.0.1") -> bytes:
        with (
            socket.create_connection((host, self.facts["ports"]["kmip"]), 5) as raw,
            self.context(client).wrap_socket(raw, server_hostname=host) as connection,
        ):
            connection.sendall(_discover())
            head = _exactly(connection, 8)
            return head + _exactly(connection, int.from_bytes(head[4:8], "big"))


def _exactly(connection: ssl.SSLSocket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = connection.recv(size - len(got))
        assert part
        got += part
    return got


@contextlib.contextmanager
def dev(ready: Path, *arguments: object, **how: Any) -> Iterator[Dev]:
    running = Dev(ready, *arguments, **how)
    try:
        yield running
    finally:
        running.end(signal.SIGKILL)


def complaints(log: str) -> list[str]:
    """What a server logged, but for what it says of memory on a machine that lets none be locked."""
    return [line for line in log.splitlines() if json.loads(line)["event"] != "memory"]


SUCCEEDED = bytes.fromhex("42007f0500000004") + bytes(8)  # Result Status Success

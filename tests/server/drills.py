"""Drills against a running `keystead dev`, with numbers: half-open handshakes, slow clients, a storm of new keys.

    python -m tests.server.drills [--half-open N] [--slow N] [--keys N]

What a client that behaves sees meanwhile, and the memory of the server, are printed (M15, R01-R03, L11).
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.cli.running import Dev, dev


def memory_mib(server: Dev) -> int:
    """The resident memory of the server's process."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) // 1024


def honest(server: Dev, what: str, before: int, requests: int = 200) -> None:
    """Measure requests on one connection, and connections of their own, while something else goes on."""
    waits, connects = [], []
    with server.client("bob", version="2.1") as bob:
        uid = bob.create("AES", 256, usage="Encrypt")
        for _ in range(requests):
            began = time.monotonic()
            bob.get(uid)
            waits.append((time.monotonic() - began) * 1000)
    for _ in range(requests // 10):
        began = time.monotonic()
        with server.client("bob", version="2.1") as bob:
            bob.ping()
        connects.append((time.monotonic() - began) * 1000)
    waits.sort()
    print(
        f"{what:28} Get p50 {waits[len(waits) // 2]:6.1f} ms, p99 {waits[len(waits) * 99 // 100]:6.1f} ms; "
        f"new connection at most {max(connects):6.1f} ms; memory {before} -> {memory_mib(server)} MiB"
    )


@contextlib.contextmanager
def crowd(server: Dev, count: int, begun: bytes) -> Iterator[None]:
    """So many connections: bare ones, or alice's, each with a message that it does not finish."""
    with contextlib.ExitStack() as stack:
        context = server.context("alice")
        for _ in range(count):
            with contextlib.suppress(OSError):
                one = stack.enter_context(socket.create_connection(("127.0.0.1", server.facts["ports"]["kmip"]), 5))
                if begun:
                    one = stack.enter_context(context.wrap_socket(one, server_hostname="localhost"))
                    one.sendall(begun)
        yield


@contextlib.contextmanager
def storm(server: Dev, count: int) -> Iterator[None]:
    """So many clients that ask for RSA keys at once."""
    ended = threading.Event()

    def ask() -> None:
        with contextlib.suppress(OSError), server.client("alice", version="2.1") as alice:
            while not ended.is_set():
                alice.create_key_pair("RSA", 4096, usage="Sign")

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    yield
    ended.set()


def main() -> None:
    """Run all drills against one server."""
    parser = argparse.ArgumentParser(description="Drills against a running server.")
    parser.add_argument("--half-open", type=int, default=10_000)
    parser.add_argument("--slow", type=int, default=2_000)
    parser.add_argument("--keys", type=int, default=16)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, dev(Path(name) / "ready.json", "--dir", Path(name) / "ks") as server:
        before = memory_mib(server)
        honest(server, "nothing else", before)
        with crowd(server, asked.half_open, b""):
            honest(server, f"{asked.half_open} half-open", before)
        with crowd(server, asked.slow, b"\x42\x00\x78\x01\x00\x00\x01\x00" + bytes(20)):
            honest(server, f"{asked.slow} slow clients", before)
        with storm(server, asked.keys):
            honest(server, f"{asked.keys} ask for RSA keys", before)


if __name__ == "__main__":
    main()

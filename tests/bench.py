"""Measure CPU per request and write docs/performance.md.

    KEYSTEAD_SHARED=... python -m tests.bench [--rounds N] [--duration S] [--no-write]

The load comes from the independent generator kmipload, over mutual TLS; beside Keystead a TLS echo server in C is
measured in the same run, in turns, so that the machine's noise touches both: what is kept are the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
CONNECTIONS = 16
LOCATED = 10_000


@dataclass(frozen=True, slots=True)
class Case:
    """A workload of kmipload."""

    title: str
    workload: str
    arguments: tuple[str, ...] = ()


CASES = (
    Case("Query", "query"),
    Case("Get", "get"),
    Case("Create", "create"),
    Case("Encrypt, AES-GCM, 1 KiB", "encrypt"),
    Case("Sign, RSA-2048", "sign-rsa"),
    Case("Locate by name among 100", "locate", ("--preload", "100", "--prefix", "few")),
    Case(f"Locate by name among {LOCATED:,}", "locate", ("--preload", str(LOCATED), "--prefix", "many")),
)


def build(shared: Path, directory: Path) -> Path:
    """Compile the load generator and the echo server."""
    folder = directory / "bench"
    shutil.copytree(shared / "bench", folder)
    subprocess.run(["make", "--silent", "kmipload", "limits/tlsecho"], cwd=folder, check=True)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nobody listens on port {port}")


def start(directory: Path) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """Start a throw-away server; its process and its ready file."""
    ready = directory / "ready.json"
    command = [sys.executable, "-m", "keystead", "dev", "--dir", str(directory / "data"), "--kmip-port", "0"]
    command += ["--https-port", "0", "--ready-file", str(ready)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    for _ in range(300):
        if ready.exists():
            return process, json.loads(ready.read_text())
        time.sleep(0.1)
    process.kill()
    raise SystemExit("the server did not become ready")


def measure(
    folder: Path, certificates: tuple[Path, Path, Path], port: int, pid: int, case: Case, duration: float
) -> Any:
    """One round of one workload, as kmipload reports it."""
    ca, certificate, key = map(str, certificates)
    command = [str(folder / "kmipload"), "--port", str(port), "--ca", ca, "--cert", certificate, "--key", key]
    command += ["--conns", str(CONNECTIONS), "--server-pid", str(pid), "--workload", case.workload, *case.arguments]
    command += ["--duration", str(duration), "--warmup", "0.5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case.title}: {done.stderr or done.stdout}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure CPU per request.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--duration", type=float, default=2.0)
    parser.add_argument("--no-write", action="store_true", help="print the page and keep the old one")
    asked = parser.parse_args()
    shared = Path(os.environ.get("KEYSTEAD_SHARED", ""))
    if not (shared / "bench" / "kmipload.c").exists():
        raise SystemExit("KEYSTEAD_SHARED must name the folder that holds bench/kmipload.c")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        folder = build(shared, directory)
        process, facts = start(directory)
        echo_certificates = directory / "echo"
        subprocess.run(["sh", str(folder / "mkcerts.sh"), str(echo_certificates)], check=True)
        echo_port = free_port()
        echo = subprocess.Popen([str(folder / "limits" / "tlsecho"), str(echo_port), str(echo_certificates)])
        try:
            wait_for(echo_port)
            found = rounds(asked, folder, process.pid, facts, echo.pid, echo_port, echo_certificates)
        finally:
            echo.terminate()
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    text = page(found, asked)
    print(text)
    if not asked.no_write:
        PAGE.write_text(text)
    return 0


def rounds(
    asked: argparse.Namespace,
    folder: Path,
    pid: int,
    facts: Any,
    echo_pid: int,
    echo_port: int,
    echo_certificates: Path,
) -> dict[str, list[Any]]:
    """All workloads in turn, several times."""
    client = facts["clients"]["alice"]
    ours = (Path(facts["ca"]), Path(client["cert"]), Path(client["key"]))
    theirs = (echo_certificates / "ca.pem", echo_certificates / "client.pem", echo_certificates / "client.key")
    found: dict[str, list[Any]] = {"echo": []}
    for number in range(asked.rounds):
        found["echo"].append(measure(folder, theirs, echo_port, echo_pid, Case("echo", "echo"), asked.duration))
        for case in CASES:
            # What Locate looks for is made in the first round and is there in the next ones.
            again = ("--preload-from", case.arguments[1]) if number and case.workload == "locate" else ()
            played = Case(case.title, case.workload, (*case.arguments, *again))
            found.setdefault(case.title, []).append(
                measure(folder, ours, facts["ports"]["kmip"], pid, played, asked.duration)
            )
            print(f"round {number + 1} of {asked.rounds}: {case.title}", file=sys.stderr)
    return found


def page(found: dict[str, list[Any]], asked: argparse.Namespace) -> str:
    """The page of figures."""

    def median(title: str, *path: str) -> float:
        values = []
        for report in found[title]:
            value = report
            for step in path:
                value = value[step]
            values.append(float(value))
        return statistics.median(values)

    echo = median("echo", "server", "cpu_us_per_op")
    lines = [
        "# Performance",
        "",
        "Written by `make bench`; do not edit.",
        "",
        f"One worker, {CONNECTIONS} connections over mutual TLS, one request in flight on each, embedded storage;",
        "every answer leaves after its event of the audit is durable (synchronous=FULL).",
        f"Median of {asked.rounds} rounds of {asked.duration:g} s, all workloads in turn,",
        f"on {os.cpu_count()} shared cores, CPython {platform.python_version()}.",
        "The last column compares with a TLS echo server in C, measured in the same rounds:",
        "it says how much of a request is more than transport.",
        "",
        "| request | server CPU, us | requests/s | p50, us | p99, us | CPU, times the echo |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for title in ("echo", *(case.title for case in CASES)):
        cpu = median(title, "server", "cpu_us_per_op")
        cells = (
            "TLS echo in C" if title == "echo" else title,
            f"{cpu:.0f}",
            f"{median(title, 'ops_per_s'):,.0f}",
            f"{median(title, 'latency_us', 'p50'):,.0f}",
            f"{median(title, 'latency_us', 'p99'):,.0f}",
            f"{cpu / echo:.1f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    few, many = (median(case.title, "server", "cpu_us_per_op") for case in CASES[-2:])
    lines += ["", f"Locate among {LOCATED:,} objects costs {many / few:.2f} times what it costs among 100.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""What must be nowhere: keys and other secrets on the disk, in the log, in a core file, in memory (M1, M3, M11).

A client goes on the tour of all operations, at a server that logs everything; then every file is searched for what it
told and was told: raw, reversed, in hexadecimal and in base64.  The memory is searched for keys that were destroyed,
and for all of them once the server is sealed.
"""

from __future__ import annotations

import base64
import os
import resource
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

from tests.torture import tour as tours
from tests.torture.drill import Report
from tests.torture.servers import Server

PIECE = 12
"""So many bytes of a secret are recognised: a part of it is too much."""


def spellings(secret: bytes) -> Iterator[tuple[str, bytes]]:
    """How a secret may be written, with a name for each."""
    for way, data in (("raw", secret), ("reversed", secret[::-1])):
        piece = data[:PIECE]
        yield way, piece
        yield f"{way}, hexadecimal", piece.hex().encode()
        yield f"{way}, HEXADECIMAL", piece.hex().upper().encode()
        yield f"{way}, as Python writes it", repr(piece)[2:-1].encode()
        for shift in range(3):  # base64 of what stands anywhere in something longer
            for form, code in (("base64", base64.b64encode), ("base64 for addresses", base64.urlsafe_b64encode)):
                yield f"{way}, {form}", code(bytes(shift) + data)[4 if shift else 0 :][:PIECE]


def search(files: Sequence[Path], secrets: Mapping[str, bytes]) -> Iterator[str]:
    """Where which secret is found."""
    wanted = {spelling: f"{what}, {way}" for what, secret in secrets.items() for way, spelling in spellings(secret)}
    for file in files:
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            continue  # the log of a database goes when the last process closes it
        yield from (f"{file.name}: {what}" for spelling, what in wanted.items() if spelling in data)


def files_of(*places: Path) -> list[Path]:
    """All files in some directories."""
    return [file for place in places for file in sorted(place.rglob("*")) if file.is_file()]


def run(count: int, seed: int, directory: Path, report: Report) -> None:
    """Go on so many tours."""
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    for number in range(count):
        place = directory / str(number)
        place.mkdir()
        server = Server(place / "data", "--workers", 1 + number % 2, module="tests.torture.loud")
        try:
            wire = server.connect("alice")
            tour = tours.Tour(wire.speak, Random(f"{seed}/{number}"), lambda: time.sleep(0.05))
            tours.travel(tour)
            report.counts["operations"] += len(tour.done)
            look(place, tour.secrets, report, "while it runs")
            wire.close()
            for pid in server.workers:
                os.kill(pid, signal.SIGSEGV)
            server.end(signal.SIGKILL)
            cores = [file for file in (*files_of(place), *Path.cwd().iterdir()) if file.name.startswith("core")]
            report.check(not cores, f"a core file was left: {cores}")
            look(place, tour.secrets, report, "after a crash")
        finally:
            server.close()


def look(place: Path, secrets: Mapping[str, bytes], report: Report, when: str) -> None:
    """Search all files below a place."""
    files = files_of(place)
    report.counts["files"] += len(files)
    report.counts["secrets"] += len(secrets)
    # What is no secret is found: the search can find.
    known = {"an operation's name": b"Create Key Pair", "a user's name": b"alice.pem"}
    report.check(len(set(search(files, known))) >= len(known), f"{when}: the search finds nothing")
    found = list(search(files, secrets))
    report.check(not found, f"{when}: {found[:10]}")

"""The wall clock jumps while the server runs (D01-D03, D06, D07).

What depends on dates follows the clock there and back; what depends on durations does not notice; the audit is in the
order of its numbers, whatever the times say, and identifiers go on growing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import closing
from pathlib import Path
from random import Random

from keystead.audit.log import Event
from keystead.kmip.enums import ResultStatus, State
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.crypto import EncryptRequest
from keystead.kmip.tags import Tag
from tests.torture.drill import Report, Skipped
from tests.torture.servers import Server
from tests.torture.service import open_served
from tests.torture.tour import ECB, Tour
from tests.torture.whole import check_directory

DAY = 86_400
JUMPS = (-5 * DAY, 0, 100 * DAY, 0, -60 * 365 * DAY, 0, 20 * 365 * DAY, 0)
"""To before 1970 and beyond 2038 too."""
QUICK_SECONDS = 20


def library(directory: Path) -> Path:
    """The library that moves the clock of a process.  Raises: Skipped."""
    source = Path(os.environ.get("KEYSTEAD_SHARED", ""), "faults", "clockshift.c")
    if not source.exists():
        raise Skipped("KEYSTEAD_SHARED does not name the folder with faults/clockshift.c")
    if shutil.which("gcc") is None:
        raise Skipped("gcc is not installed")
    made = directory / "clockshift.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(made), str(source), "-ldl"], check=True)
    return made


def run(count: int, seed: int, directory: Path, report: Report) -> None:
    """Let the clock jump so often."""
    offset, started = directory / "offset", time.time()
    offset.write_text("0")
    environment = {"LD_PRELOAD": str(library(directory)), "CLOCKSHIFT_FILE": str(offset)}
    server = Server(directory / "data", environment=environment)
    try:
        wire = server.connect("alice")
        tour = Tour(wire.speak, Random(seed))
        key = tour.made(activation_date=int(started) - DAY, deactivation_date=int(started) + 30 * DAY)
        made = [key]
        for number in range(count):
            jump = JUMPS[number % len(JUMPS)]
            offset.write_text(str(jump))
            now = time.time() + jump
            began = time.monotonic()
            try:
                _at(tour, key, now, started, report, f"{jump // DAY:+} days")
                made.append(tour.made())
            except ConnectionError:
                # By that clock its certificate does not hold: who is connected may be answered, or sent away.
                report.check(not server.holds("alice", now), f"{jump // DAY:+} days: a client was sent away")
                report.counts["sent away"] += 1
                wire.close()
                offset.write_text("0")
                wire = server.connect("alice")
                tour.speak = wire.speak
            report.check(time.monotonic() - began < QUICK_SECONDS, f"{jump // DAY:+} days: the server stood still")
            report.counts["jumps"] += 1
        report.check(made == sorted(made), "identifiers do not grow with what was made after a jump")
        wire.close()
        offset.write_text("0")
        report.check(server.end() == 0, "the server did not stop well")
    finally:
        server.close()
    check_directory(server.directory, report, open_served)
    with closing(open_served(server.directory)) as engine, engine.store.begin(write=False) as transaction:
        times = [Event.decode(data).time for _, data in transaction.events(0, 100_000)]
    report.check(times != sorted(times), "the clock did not jump at all")


def _at(tour: Tour, key: str, now: float, started: float, report: Report, when: str) -> None:
    """What a key is at a time, and what may be done with it."""
    if now < started - DAY:
        wanted = State.PRE_ACTIVE
    elif now < started + 30 * DAY:
        wanted = State.ACTIVE
    else:
        wanted = State.DEACTIVATED
    found = tour.do(GetAttributesRequest(unique_identifier=key, attribute_reference=(Tag.STATE,))).attributes
    report.check(found.get(Tag.STATE) is wanted, f"{when}: the key is {found.get(Tag.STATE)}, not {wanted}")
    request = EncryptRequest(unique_identifier=key, cryptographic_parameters=ECB, data=bytes(16))
    (item,) = tour.ask(request)
    done = item.result_status is ResultStatus.SUCCESS
    report.check(done is (wanted is State.ACTIVE), f"{when}: Encrypt: {item.result_message or 'done'}")

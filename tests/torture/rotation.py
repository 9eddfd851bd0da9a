"""A new key for every zone while clients are served and the server is killed again and again (C03).

So many objects are made; then every zone gets a new key, and an engine in a process of its own puts everything under
it, makes objects meanwhile, and is killed at moments of chance.  At the end everything opens, adds up, and no old key
is left but the one that the index depends on.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from contextlib import closing
from pathlib import Path
from random import Random

from keystead.custody.zones import Kind
from keystead.engine import integrity, rotation
from keystead.engine.engine import Engine, Incoming
from keystead.kmip.messages import load_response
from keystead.kmip.payloads.get import GetRequest
from keystead.policy.access import Caller
from tests.engine.world import create_request, payload, request_message
from tests.support import make_engine
from tests.torture.drill import Report

KILLS = 10
SAMPLE = 500
"""Keys whose bytes are compared."""
BATCH, TURN = 100, 8
CALLER = Caller("id-0", "client-0", "default")
_PR_SET_PDEATHSIG = 1


def run(count: int, seed: int, directory: Path, report: Report) -> None:
    """Rotate over so many objects."""
    random = Random(seed)
    with closing(make_engine(directory)) as engine:
        made = _make(engine, count, report)
        sample = {name: _got(engine, name) for name in random.sample(made, min(SAMPLE, len(made)))}
        rotation.rotate(engine, rotation.zones_of(engine, None, None), "drill")
    for _ in range(KILLS):
        pid = _worker(directory)
        time.sleep(0.1 + random.random() * 0.4)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        report.counts["kills"] += 1
    with closing(make_engine(directory)) as engine:
        engine.start()
        longest = _finish(engine, random, sample, report)
        print(f"rotation: the longest that a client waited for a slice and its answer: {longest * 1000:.1f} ms")
        for name, key in sample.items():
            report.check(_got(engine, name) == key, f"{name} is another key after the rotation")
        for domain, kind, current in engine.vault.zones():
            kept = (1, current) if kind is Kind.METADATA else (current,)
            report.check(engine.vault.generations(domain, kind) == kept, f"old keys of {kind} of {domain} are left")
        found = integrity.examine(engine.store)
        report.check(found.sound, f"it does not add up: {found}")
        report.check(found.objects >= count, f"{found.objects} objects of {count}")


def _make(engine: Engine, count: int, report: Report) -> list[str]:
    message = request_message(*[create_request()] * BATCH)
    made: list[str] = []
    while len(made) < count:
        for answer in engine.answer([Incoming(message, CALLER)] * TURN):
            for item in load_response(answer)[0].batch_item:
                made.append(str(payload(item).unique_identifier))
        engine.upkeep()
        report.counts["objects"] = len(made)
        report.tick()
    return made


def _got(engine: Engine, name: str) -> bytes:
    (answer,) = engine.answer([Incoming(request_message(GetRequest(unique_identifier=name)), CALLER)])
    (item,) = load_response(answer)[0].batch_item
    key: bytes = payload(item).object.key_block.key_value.key_material
    return key


def _worker(directory: Path) -> int:
    """A process that goes on with the work until it is killed; its number."""
    pid = os.fork()
    if pid:
        return pid
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        engine = make_engine(directory)
        while True:
            engine.labour()
            engine.answer([Incoming(request_message(create_request()), CALLER)])
            engine.upkeep()
    finally:
        os._exit(1)


def _finish(engine: Engine, random: Random, sample: dict[str, bytes], report: Report) -> float:
    """Work to the end, answering meanwhile; the longest time between two answers."""
    longest, before, names = 0.0, time.monotonic(), list(sample)
    while engine.labour():
        name = random.choice(names)
        report.check(_got(engine, name) == sample[name], f"{name} is another key during the rotation")
        now = time.monotonic()
        longest, before = max(longest, now - before), now
        report.counts["slices"] += 1
        report.tick()
        if report.counts["slices"] % 100 == 0:
            engine.upkeep()
            before = time.monotonic()
    return longest

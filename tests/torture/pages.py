"""A damaged disk: a bit is flipped in every page of the database, or a file is cut short (S05).

Whatever is damaged, nobody is given another key than the one that was kept: it is refused, or it is whole.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import closing
from pathlib import Path
from random import Random

from keystead.engine.engine import Engine, Incoming
from keystead.engine.integrity import examine
from keystead.errors import KeysteadError
from keystead.kmip.enums import ResultStatus
from keystead.kmip.messages import load_response
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.schema import dump
from keystead.kmip.version import V2_1
from keystead.policy.access import Caller
from tests.engine.world import create_request, payload, request_message
from tests.support import make_engine
from tests.torture.drill import Report

OBJECTS = 40
PAGE_BYTES = 4096
OWNER = Caller("owner", "owner", "default")


def run(count: int, seed: int, directory: Path, report: Report) -> None:
    """Flip so many bits, each page in its turn."""
    random, whole, work = Random(seed), directory / "whole", directory / "work"
    with closing(make_engine(whole)) as engine:
        kept = {_make(engine, f"key {number}"): b"" for number in range(OBJECTS)}
        for identifier in kept:
            kept[identifier] = _told(engine, identifier) or b""
    size = (whole / "keystead.db").stat().st_size
    for number in range(count):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(whole, work)
        page = number % (size // PAGE_BYTES)
        place, bit = page * PAGE_BYTES + random.randrange(PAGE_BYTES), 1 << random.randrange(8)
        with (work / "keystead.db").open("r+b") as file:
            file.seek(place)
            before = file.read(1)[0]
            file.seek(place)
            file.write(bytes((before ^ bit,)))
        _look(work, kept, f"bit {bit:#x} of byte {place % PAGE_BYTES} of page {page}", report)
        report.counts["bits flipped"] += 1
    report.counts["pages"] = size // PAGE_BYTES


def _make(engine: Engine, name: str) -> str:
    (answer,) = engine.answer([Incoming(request_message(create_request(name)), OWNER)])
    return str(payload(load_response(answer)[0].batch_item[0]).unique_identifier)


def _told(engine: Engine, identifier: str) -> bytes | None:
    """What stands for a key and its attributes; None if it was refused."""
    message = request_message(
        GetRequest(unique_identifier=identifier), GetAttributesRequest(unique_identifier=identifier)
    )
    (answer,) = engine.answer([Incoming(message, OWNER)])
    items = load_response(answer)[0].batch_item
    if len(items) < 2 or any(item.result_status is not ResultStatus.SUCCESS for item in items):
        return None
    told = b"".join(dump(item.response_payload, V2_1) for item in items)  # type: ignore[type-var]
    return hashlib.sha256(told).digest()


def _look(directory: Path, kept: dict[str, bytes], where: str, report: Report) -> None:
    try:
        engine = make_engine(directory)
    except KeysteadError:
        report.counts["refused at the start"] += 1
        return
    with closing(engine):
        told = {identifier: _told(engine, identifier) for identifier in kept}
        wrong = [identifier for identifier, found in told.items() if found not in (None, kept[identifier])]
        report.check(not wrong, f"{where}: another key or other attributes are given for {wrong}")
        if None in told.values():
            report.counts["refused when used"] += 1
            return
        try:
            sound = examine(engine.store).sound
        except KeysteadError:
            sound = False
        report.counts["harmless" if sound else "found by the sweep"] += 1

"""A database as a whole, after whatever happened to it: every object opens, the index says what the objects say."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from keystead.audit.log import Event
from keystead.engine.engine import Engine
from keystead.engine.integrity import examine
from keystead.engine.managed import Managed
from keystead.engine.records import open_record
from keystead.kmip.enums import ObjectType
from keystead.kmip.tags import Tag
from tests.support import make_engine
from tests.torture.drill import Report

_BACK = {
    Tag.PRIVATE_KEY_LINK: Tag.PUBLIC_KEY_LINK,
    Tag.PUBLIC_KEY_LINK: Tag.PRIVATE_KEY_LINK,
    Tag.REPLACEMENT_OBJECT_LINK: Tag.REPLACED_OBJECT_LINK,
}
"""Which link leads back.  A key that is replaced twice leads to the last that replaced it."""


def check_engine(engine: Engine, report: Report) -> None:
    """Look at all that an engine keeps."""
    found = examine(engine.store)
    report.check(found.sound, f"{found}: {found.damaged[:3]} {found.misfiled[:3]} {list(map(str, found.strays[:3]))}")
    objects: dict[str, Managed] = {}
    with engine.store.begin(write=False) as transaction:
        after = ""
        while records := transaction.records(after):
            for record in records:
                objects[record.unique_identifier] = managed = open_record(engine.vault, record)
                report.check(
                    managed.envelope is None or not managed.destroyed,
                    f"{record.unique_identifier} is destroyed, and its material is there",
                )
                if managed.envelope is not None:
                    engine.vault.open(
                        managed.domain, managed.envelope[0], managed.unique_identifier, managed.owner, 1,
                        managed.envelope[1:],
                    )  # fmt: skip
            after = records[-1].unique_identifier
        for identifier, managed in objects.items():
            for tag in _BACK if managed.object_type is not ObjectType.CERTIFICATE else ():
                other = managed.get(tag)
                if other is not None:
                    back = objects[str(other)].get(_BACK[tag]) if str(other) in objects else None
                    report.check(back == identifier, f"{tag.name} of {identifier} leads to {other}, which says {back}")
        last = position = 0
        while events := transaction.events(position):
            for sequence, data in events:
                position += 1
                report.check(sequence == position, f"event {position} is missing")
                Event.decode(data, sequence)
                last = sequence
        report.check(last == transaction.last_event(), "the audit ends before its last event")
    report.counts["objects opened"] += len(objects)


def check_directory(directory: Path, report: Report, open_engine: Callable[[Path], Engine] = make_engine) -> None:
    """Look at a database that nobody has open, and at its files."""
    engine = open_engine(directory)
    try:
        check_engine(engine, report)
    finally:
        engine.close()
    for file in sorted(directory.rglob("*.db")):
        with closing(sqlite3.connect(file)) as connection:
            said = connection.execute("PRAGMA integrity_check").fetchall()
        report.check(said == [("ok",)], f"{file.name}: {said[:3]}")

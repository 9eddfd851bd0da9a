"""A database as a whole, after whatever happened to it: every object opens, the index says what the objects say."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from keystead.audit.log import Event
from keystead.engine.context import Turn
from keystead.engine.engine import Engine
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
    with engine.store.begin(write=False) as transaction:
        turn = Turn(engine, transaction, int(engine.clock() * 1_000_000))
        turn.cache = {}
        objects, after = {}, ""
        while records := transaction.records(after):
            for record in records:
                managed = turn.open_record(record)
                objects[record.unique_identifier] = managed
                report.check(
                    managed.envelope is None or not managed.destroyed,
                    f"{record.unique_identifier} is destroyed, and its material is there",
                )
                if managed.envelope is not None:
                    engine.vault.open(
                        managed.domain, managed.envelope[0], managed.unique_identifier, managed.owner, 1,
                        managed.envelope[1:],
                    )  # fmt: skip
            misfiled = transaction.misfiled(after)
            report.check(not misfiled, f"misfiled: {misfiled[:5]}")
            after = records[-1].unique_identifier
        for identifier, managed in objects.items():
            for tag in _BACK:
                other = managed.get(tag)
                if other is not None:
                    back = objects[str(other)].get(_BACK[tag]) if str(other) in objects else None
                    report.check(back == identifier, f"{tag.name} of {identifier} leads to {other}, which says {back}")
        place: tuple[object, ...] | None = ()
        while place is not None:
            found, place = transaction.strays(place)
            report.check(not found, f"strays: {found[:5]}")
        last = position = 0
        while events := transaction.events(position):
            for sequence, data in events:
                position += 1
                report.check(sequence == position, f"event {position} is missing")
                Event.decode(data, sequence)
                last = sequence
        report.check(last == transaction.last_event(), "the audit ends before its last event")
    report.counts["objects opened"] += len(objects)


def check_directory(directory: Path, report: Report) -> None:
    """Look at a database that nobody has open, and at its file."""
    engine = make_engine(directory)
    try:
        check_engine(engine, report)
    finally:
        engine.close()
    for file in (directory / "keystead.db", *sorted((directory / "custody").glob("*.db"))):
        with closing(sqlite3.connect(file)) as connection:
            said = connection.execute("PRAGMA integrity_check").fetchall()
        report.check(said == [("ok",)], f"{file.name}: {said[:3]}")

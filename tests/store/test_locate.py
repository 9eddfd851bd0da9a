"""Locate gives what a plain reading of all records gives, and never reads them all."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keystead import store as stores
from keystead.store import ALL, Criteria, Record, Store

Make = Callable[..., Record]
GROUP, ALGORITHM, INITIAL, CHANGED = 0x420056, 0x420028, 0x420039, 0x420048
USUAL = 0x420120
OBJECTS = 20_000


def matches(record: Record, criteria: Criteria) -> bool:
    """The conditions, read plainly."""
    now = criteria.now
    if record.destroy_date is not None:
        state, storage = (6 if record.compromise_date is not None else 5), 4
    else:
        storage = 2 if record.archive_date is not None else 1
        if record.compromise_date is not None:
            state = 4
        elif record.deactivation_date is not None and record.deactivation_date <= now:
            state = 3
        else:
            state = 2 if record.activation_date is not None and record.activation_date <= now else 1
    return (
        bool(storage & criteria.storage_status_mask)
        and (criteria.states is None or state in criteria.states)
        and (criteria.object_types is None or record.object_type in criteria.object_types)
        and (criteria.identifiers is None or record.unique_identifier in criteria.identifiers)
        and set(criteria.equal) <= record.index
        and not set(criteria.lacking) & {attribute for attribute, _ in record.index}
        and all(set(names) & set(record.names) for names in criteria.names)
        and all(
            any(attribute == date[0] and first <= date[1] <= last for date in record.dates)
            for attribute, first, last in criteria.dates
        )
    )


@pytest.mark.parametrize("seed", range(4))
def test_locate_is_a_filter_over_what_the_caller_may_see(
    store: Store, record: Make, value: Callable[[object], bytes], seed: int
) -> None:
    chance = random.Random(seed)

    def maybe(*values: Any) -> Any:
        return chance.choice((None, *values))

    def any_record(number: int, generation: int = 1) -> Record:
        return record(
            number,
            generation=generation,
            owner=chance.choice(("alice", "bob", "carol")),
            object_type=chance.randrange(1, 5),
            activation_date=maybe(40, 50, 60),
            deactivation_date=maybe(50, 60, 70),
            compromise_date=maybe(None, None, 30),
            destroy_date=maybe(None, None, 30),
            archive_date=maybe(None, None, 30),
            names=tuple(f"{letter}{number}" for letter in "ab" if chance.random() < 0.3),
            index=frozenset((attribute, value(chance.randrange(3))) for attribute in (GROUP, ALGORITHM))
            | frozenset((USUAL, value(1)) for _ in range(chance.randrange(2))),
            dates=tuple((attribute, chance.randrange(5)) for attribute in (INITIAL, CHANGED) if chance.random() < 0.8),
        )

    kept = {number: any_record(number) for number in range(1, 121)}
    granted: set[tuple[int, str]] = set()
    with store.begin() as transaction:
        for each in kept.values():
            transaction.add(each)
        for number in chance.sample(sorted(kept), 40):
            kept[number] = any_record(number, 2)
            transaction.save(kept[number], 1)
        for number in chance.sample(sorted(kept), 40):
            grantee = chance.choice(("alice", "friends"))
            transaction.grant("default", kept[number].owner, kept[number].unique_identifier, grantee)
            granted.add((number, grantee))
        for number in chance.sample(sorted(kept), 10):
            transaction.delete(kept.pop(number).unique_identifier)
        for number in chance.sample(sorted(kept), 30):
            kept[number] = any_record(number, kept[number].generation + 1)
            transaction.save(kept[number], kept[number].generation - 1)
        transaction.grant("default", "carol", ALL, "friends")
        transaction.commit()
    with store.begin(write=False) as transaction:
        for _ in range(150):
            readers = chance.choice((("alice",), ("alice", "friends"), ("bob", "friends"), ("dave",)))
            criteria = Criteria(
                domain="default",
                visible_to=readers,
                now=chance.choice((45, 50, 55, 65, 75)),
                equal=tuple((chance.choice((GROUP, ALGORITHM)), value(0)) for _ in range(chance.randrange(3))),
                lacking=(USUAL,) * chance.randrange(2),
                names=()
                if chance.random() < 0.9
                else (tuple(f"{letter}{chance.choice(sorted(kept))}" for letter in "ab"),),
                object_types=maybe(None, (2,), (1, 3)),
                states=maybe(None, (1,), (2,), (3,), (1, 4), (2, 5), (3, 6)),
                identifiers=maybe(None, None, None, tuple(kept[number].unique_identifier for number in (*kept,)[:30])),
                dates=tuple((INITIAL, 1, 3) for _ in range(chance.randrange(2))),
                storage_status_mask=chance.choice((1, 1, 3, 7)),
                maximum_items=maybe(3, 10),
                offset_items=chance.choice((0, 0, 2)),
            )
            expected = [
                each.unique_identifier
                for number, each in sorted(kept.items(), reverse=True)
                if (
                    each.owner == readers[0]
                    or any((number, reader) in granted for reader in readers)
                    or (each.owner == "carol" and "friends" in readers)
                )
                and matches(each, criteria)
            ]
            located = transaction.locate(criteria)
            page = expected[criteria.offset_items :][: criteria.maximum_items]
            assert list(located.identifiers) == page, criteria
            assert located.total == len(expected), criteria


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Alice has ten objects of a kind among many, and Bob has very many of all kinds."""
    make, value = _helpers()
    store = stores.open(f"sqlite:{tmp_path_factory.mktemp('crowded')}/keystead.db")
    with store.begin() as transaction:
        for number in range(OBJECTS):
            rare = number % 2_000 == 0
            transaction.add(
                make(
                    number,
                    owner="alice" if number % 4 == 0 else "bob",
                    names=(f"name {number}",),
                    object_type=4 if rare else 2,
                    activation_date=100 if rare else 50,
                    deactivation_date=None if number % 3 else 80,
                    destroy_date=90 if number % 5 == 1 else None,
                    index=frozenset({(GROUP, value("rare" if rare else "many")), (ALGORITHM, value("AES"))}),
                )
            )
        transaction.commit()
    yield store
    store.close()


def _helpers() -> tuple[Make, Callable[[object], bytes]]:
    """The makers of records, for a fixture of the module."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("store_records", Path(__file__).with_name("conftest.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_record, module.make_value


def searches(value: Callable[[object], bytes]) -> dict[str, dict[str, Any]]:
    """Searches with at most ten results for Alice."""
    rare, aes = (GROUP, value("rare")), (ALGORITHM, value("AES"))
    return {
        "name": {"names": (("name 4000", "other"),)},
        "group": {"equal": (rare,)},
        "group and what all have": {"equal": (aes, rare), "object_types": (2, 4), "dates": ((INITIAL, 0, OBJECTS),)},
        "object type": {"object_types": (4,)},
        "state": {"states": (1,), "now": 99},
        "state and what all have": {"states": (1,), "now": 99, "equal": (aes,)},
        "date range": {"dates": ((INITIAL, 100, 130),)},
        "date range and what all have": {"dates": ((INITIAL, 100, 130),), "equal": (aes,), "object_types": (2,)},
        "identifier": {"identifiers": ("00000004-0000-7000-8000-000000000000",)},
        "a page of all": {"maximum_items": 10, "storage_status_mask": 2},
        "nothing": {"names": (("name 4000", "other"),), "equal": (rare,), "object_types": (2,)},
        "of others": {"names": (("name 4001",),)},
    }


def traced(store: Store, criteria: Criteria) -> list[str]:
    """The statements that a Locate runs."""
    statements: list[str] = []
    with store.begin(write=False) as transaction:
        raw: sqlite3.Connection = store._connection()._sqlite  # type: ignore[attr-defined]
        raw.set_trace_callback(statements.append)
        try:
            transaction.locate(criteria)
        finally:
            raw.set_trace_callback(None)
    return statements


def test_no_locate_scans_a_table(crowded: Store) -> None:
    _, value = _helpers()
    for name, conditions in searches(value).items():
        for readers in (("alice",), ("alice", "friends")):
            for states in (conditions, {**conditions, "states": (1, 2, 3, 4), "storage_status_mask": 7}):
                for statement in traced(crowded, Criteria(domain="default", visible_to=readers, **states)):
                    with crowded.begin(write=False):
                        raw: sqlite3.Connection = crowded._connection()._sqlite  # type: ignore[attr-defined]
                        plan = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}")]
                    read = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
                    assert read, (name, statement)
                    for step in read:
                        # f and (subquery-n) are what the search itself found.
                        assert step.startswith(("SEARCH", "SCAN f", "SCAN (subquery")), (name, step, statement)
                        assert "AUTOMATIC" not in step, (name, step, statement)
                        if step.startswith(("SEARCH g", "SEARCH grants")):
                            assert "grantee=?" in step, (name, step, statement)
                        if step.startswith("SEARCH d "):
                            assert "shelf=?" in step or "unique_identifier=?" in step, (name, step, statement)


def test_newest_first_is_the_order_of_an_index(crowded: Store) -> None:
    _, value = _helpers()
    criteria = Criteria(domain="default", visible_to=("alice",), equal=((GROUP, value("many")),), maximum_items=5)
    searched = 0
    for statement in traced(crowded, criteria):
        with crowded.begin(write=False):
            raw: sqlite3.Connection = crowded._connection()._sqlite  # type: ignore[attr-defined]
            plan = raw.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        for _, parent, _, step in plan:
            if step.startswith("SEARCH d "):
                searched += 1
                assert not [row for row in plan if row[1] == parent and "TEMP B-TREE" in row[3]], plan
    assert searched


def test_the_work_of_a_locate_is_that_of_its_result(crowded: Store) -> None:
    """Counted in steps of the database's virtual machine: none of the searches reads a hundredth of the objects."""
    _, value = _helpers()
    with crowded.begin(write=False) as transaction:
        raw: sqlite3.Connection = crowded._connection()._sqlite  # type: ignore[attr-defined]
        for name, conditions in searches(value).items():
            hundreds = 0

            def count() -> int:
                nonlocal hundreds
                hundreds += 1
                return 0

            raw.set_progress_handler(count, 100)
            located = transaction.locate(Criteria(domain="default", visible_to=("alice",), **conditions))
            raw.set_progress_handler(None, 0)
            assert located.total <= 10, name
            assert hundreds * 100 < OBJECTS, (name, hundreds)


def test_a_locate_takes_as_long_among_many_as_among_few(crowded: Store) -> None:
    _, value = _helpers()
    with crowded.begin(write=False) as transaction:
        for name, conditions in searches(value).items():
            criteria = Criteria(domain="default", visible_to=("alice",), **conditions)
            transaction.locate(criteria)
            began = time.perf_counter()
            for _ in range(20):
                transaction.locate(criteria)
            assert (time.perf_counter() - began) / 20 < 0.005, name

"""What every backend keeps of the contract in `keystead.store`."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from keystead import store as stores
from keystead.errors import ConfigError, Conflict, StoreError
from keystead.store import ALL, Count, Criteria, IdentifierTaken, NameTaken, Record, Store

Make = Callable[..., Record]
GROUP, INITIAL = 0x420056, 0x420039


def put(store: Store, *records: Record) -> None:
    with store.begin() as transaction:
        for record in records:
            transaction.add(record)
        transaction.commit()


def found(store: Store, who: tuple[str, ...] = ("alice",), **conditions: object) -> list[int]:
    """The numbers of the records that are located, in order."""
    with store.begin(write=False) as transaction:
        located = transaction.locate(Criteria(domain="default", visible_to=who, **conditions))  # type: ignore[arg-type]
    if not {"maximum_items", "offset_items"} & set(conditions):
        assert located.total == len(located.identifiers)
    return [int(identifier[:8], 16) for identifier in located.identifiers]


def test_a_record_comes_back_as_it_was_kept(store: Store, record: Make, value: Callable[[object], bytes]) -> None:
    whole = record(
        1,
        activation_date=-5,
        deactivation_date=2**62,
        compromise_date=3,
        archive_date=4,
        names=("one", "tö\n'\"%_*"),
        index=frozenset({(GROUP, value("a")), (GROUP, value("b"))}),
        dates=((INITIAL, 1), (7, -(2**63))),
    )
    put(store, whole, record(2, material=None))
    with store.begin(write=False) as transaction:
        assert transaction.get(whole.unique_identifier) == whole
        assert transaction.get(record(2).unique_identifier) == record(2, material=None)
        assert transaction.get("absent") is None
        assert transaction.records() == [whole, record(2, material=None)]
        assert transaction.records(after=whole.unique_identifier) == [record(2, material=None)]
        assert transaction.records(limit=1) == [whole]


def test_identifiers_and_names_are_byte_exact(store: Store, record: Make) -> None:
    put(store, record(1, unique_identifier="abc", names=("Key",)), record(2, unique_identifier="ABC", names=("key",)))
    with store.begin(write=False) as transaction:
        assert transaction.get("abc") == record(1, unique_identifier="abc", names=("Key",))
        assert transaction.get(" abc") is None
        for name, identifier in (("Key", "abc"), ("key", "ABC")):
            criteria = Criteria(domain="default", visible_to=("alice",), names=((name,),))
            assert transaction.locate(criteria).identifiers == (identifier,)


def test_what_is_not_committed_never_was(store: Store, record: Make) -> None:
    with store.begin() as transaction:
        transaction.add(record(1))
    with pytest.raises(ZeroDivisionError), store.begin() as transaction:  # noqa: PT012 - the block is what is tested
        transaction.add(record(2))
        transaction.append_events([b"event"])
        transaction.put_entry("kind", "key", b"value")
        raise ZeroDivisionError
    with store.begin() as transaction:
        assert transaction.records() == []
        assert transaction.events() == []
        assert transaction.entry("kind", "key") is None
    assert found(store) == []


def test_a_savepoint_undoes_only_what_is_within(store: Store, record: Make) -> None:
    with store.begin() as transaction:
        transaction.add(record(1))
        with pytest.raises(ZeroDivisionError), transaction.savepoint():  # noqa: PT012 - the block is what is tested
            transaction.add(record(2, names=("two",)))
            with transaction.savepoint():
                transaction.add(record(3))
            raise ZeroDivisionError
        with transaction.savepoint():
            transaction.add(record(4, names=("two",)))
            with pytest.raises(KeyError), transaction.savepoint():  # noqa: PT012 - the block is what is tested
                transaction.delete(record(1).unique_identifier)
                raise KeyError
        transaction.commit()
    assert found(store) == [4, 1]


def test_an_identifier_is_given_once(store: Store, record: Make) -> None:
    put(store, record(1))
    with store.begin() as transaction:
        with pytest.raises(IdentifierTaken):
            transaction.add(record(1, owner="bob", names=("other",)))
        transaction.add(record(2))
        transaction.commit()
    assert found(store) == [2, 1]


def test_a_name_is_unique_for_its_owner_until_the_object_gives_it_up(store: Store, record: Make) -> None:
    put(
        store,
        record(1, names=("a", "b")),
        record(2, owner="bob", names=("a",)),
        record(3, domain="other", names=("a",)),
    )
    with store.begin() as transaction:
        with pytest.raises(NameTaken):
            transaction.add(record(4, names=("c", "b")))
        transaction.add(record(5, names=("c",)))
        with pytest.raises(NameTaken):
            transaction.save(record(5, generation=2, names=("a", "c")), 1)
        transaction.save(record(5, generation=2, names=("d", "e")), 1)
        transaction.add(record(6, names=("c",)))
        transaction.save(record(1, generation=2, names=(), destroy_date=9, material=None), 1)
        transaction.add(record(7, names=("a", "b")))
        transaction.delete(record(7).unique_identifier)
        transaction.add(record(8, names=("b", "a")))
        transaction.commit()
    assert found(store, names=(("a",),)) == [8]
    assert found(
        store,
        names=(
            ("a",),
            ("b",),
        ),
    ) == [8]
    assert (
        found(
            store,
            names=(
                ("a",),
                ("c",),
            ),
        )
        == []
    )
    assert found(store, ("bob",), names=(("a",),)) == [2]


def test_a_change_needs_the_generation_it_was_made_from(store: Store, record: Make) -> None:
    put(store, record(1))
    with store.begin() as transaction:
        transaction.save(record(1, generation=2), 1)
        with pytest.raises(Conflict):
            transaction.save(record(1, generation=2, attributes=b"stale"), 1)
        with pytest.raises(Conflict):
            transaction.save(record(2, generation=2), 1)
        transaction.commit()
    with store.begin(write=False) as transaction:
        assert transaction.get(record(1).unique_identifier) == record(1, generation=2)


def test_locate_finds_by_every_condition_together(store: Store, record: Make, value: Callable[[object], bytes]) -> None:
    red, blue = (GROUP, value("red")), (GROUP, value("blue"))
    put(
        store,
        record(1, index=frozenset({red}), names=("one",)),
        record(2, index=frozenset({red, blue}), object_type=3),
        record(3, index=frozenset({blue}), object_type=4),
    )
    assert found(store) == [3, 2, 1]
    assert found(store, equal=(red,)) == [2, 1]
    assert found(store, equal=(red, blue)) == [2]
    assert found(store, equal=((GROUP + 1, value("red")),)) == []
    assert found(store, object_types=(2, 4)) == [3, 1]
    assert found(store, object_types=()) == []
    assert found(store, object_types=(2,), equal=(blue,)) == []
    assert found(store, names=(("one",),), equal=(red,)) == [1]
    assert found(store, names=(("one",),), equal=(blue,)) == []
    assert found(store, dates=((INITIAL, 2, 3),)) == [3, 2]
    assert found(store, dates=((INITIAL, 2, 3), (INITIAL, 0, 2))) == [2]
    assert found(store, dates=((INITIAL, -(2**70), 2**70),), equal=(blue,)) == [3, 2]
    assert found(store, dates=((INITIAL + 1, 2, 3),)) == []
    identifiers = tuple(record(number).unique_identifier for number in (3, 1, 1, 9))
    assert found(store, identifiers=identifiers) == [3, 1]
    assert found(store, identifiers=identifiers, equal=(red,)) == [1]
    assert found(store, identifiers=()) == []


def test_pages_are_cut_from_one_order_and_the_total_is_of_all(store: Store, record: Make) -> None:
    put(store, *(record(number) for number in range(1, 8)))
    with store.begin(write=False) as transaction:
        for most in (None, 0, 1, 3, 7, 8):
            for offset in (0, 1, 6, 7, 20):
                located = transaction.locate(
                    Criteria(domain="default", visible_to=("alice",), maximum_items=most, offset_items=offset)
                )
                expected = [7, 6, 5, 4, 3, 2, 1][offset:][:most]
                assert [int(identifier[:8], 16) for identifier in located.identifiers] == expected
                assert located.total == 7


STATES = {
    1: {"activation_date": None},
    2: {"activation_date": 101},
    3: {"activation_date": 100},
    4: {"activation_date": 50, "deactivation_date": 101},
    5: {"activation_date": 50, "deactivation_date": 100},
    6: {"activation_date": None, "deactivation_date": 200},
    7: {"activation_date": 150, "deactivation_date": 200},
    8: {"activation_date": 50, "compromise_date": 60},
    9: {"activation_date": 50, "destroy_date": 60},
    10: {"compromise_date": 55, "destroy_date": 60},
    11: {"activation_date": 100, "archive_date": 70},
    12: {"archive_date": 70, "destroy_date": 80},
}


@pytest.mark.parametrize(
    ("states", "now", "expected"),
    [
        ((1,), 100, [7, 6, 2, 1]),
        ((2,), 100, [11, 4, 3]),
        ((3,), 100, [5]),
        ((4,), 100, [8]),
        ((5,), 100, [12, 9]),
        ((6,), 100, [10]),
        ((1, 2, 3), 100, [11, 7, 6, 5, 4, 3, 2, 1]),
        ((2, 4, 6), 100, [11, 10, 8, 4, 3]),
        ((1,), 49, [11, 7, 6, 5, 4, 3, 2, 1]),
        ((2,), 1000, [11, 3, 2]),
        ((3,), 1000, [7, 6, 5, 4]),
        ((), 100, []),
        ((7,), 100, []),
    ],
)
def test_states_follow_from_dates_and_time(
    store: Store, record: Make, states: tuple[int, ...], now: int, expected: list[int]
) -> None:
    put(store, *(record(number, **dates) for number, dates in STATES.items()))
    assert found(store, states=states, now=now, storage_status_mask=7) == expected
    if states == (1,):
        assert found(store, states=states, now=now, storage_status_mask=7, object_types=(2,)) == expected
        assert found(store, states=states, now=now, storage_status_mask=7, dates=((INITIAL, 2, 2),)) == [2]


@pytest.mark.parametrize(
    ("mask", "expected"), [(1, [8, 7, 6, 5, 4, 3, 2, 1]), (2, [11]), (4, [12, 10, 9]), (6, [12, 11, 10, 9]), (0, [])]
)
def test_storage_status_is_one_of_three(store: Store, record: Make, mask: int, expected: list[int]) -> None:
    put(store, *(record(number, **dates) for number, dates in STATES.items()))
    assert found(store, storage_status_mask=mask) == expected


def test_a_saved_object_is_found_by_what_it_is_now(
    store: Store, record: Make, value: Callable[[object], bytes]
) -> None:
    red, blue = (GROUP, value("red")), (GROUP, value("blue"))
    put(store, record(1, index=frozenset({red}), names=("old",)))
    with store.begin() as transaction:
        transaction.save(
            record(1, generation=2, index=frozenset({blue}), names=("new",), dates=((INITIAL, 50),), object_type=3), 1
        )
        transaction.commit()
    assert found(store, equal=(red,)) == found(store, names=(("old",),)) == found(store, object_types=(2,)) == []
    assert found(store, dates=((INITIAL, 1, 1),)) == []
    assert found(store, equal=(blue,), names=(("new",),), object_types=(3,), dates=((INITIAL, 50, 50),)) == [1]
    with store.begin() as transaction:
        transaction.save(record(1, generation=3, owner="bob", index=frozenset({blue}), archive_date=4), 2)
        transaction.commit()
    assert found(store, storage_status_mask=7) == found(store, ("bob",)) == []
    assert found(store, ("bob",), equal=(blue,), storage_status_mask=2) == [1]
    with store.begin() as transaction:
        assert transaction.delete(record(1).unique_identifier)
        assert not transaction.delete(record(1).unique_identifier)
        transaction.commit()
    assert found(store, ("bob",), storage_status_mask=7) == []


def test_an_attribute_is_searched_by_one_number_only(store: Store, record: Make) -> None:
    with store.begin() as transaction, pytest.raises(StoreError):
        transaction.add(record(1, dates=((INITIAL, 1), (INITIAL, 2))))


def test_nobody_finds_what_others_own(store: Store, record: Make) -> None:
    put(store, record(1), record(2, owner="bob"), record(3, domain="other"))
    assert found(store) == [1]
    assert found(store, ("bob", "friends")) == [2]
    assert found(store, ("friends", "alice")) == []
    assert found(store, ("",)) == found(store, ()) == found(store, ("", "")) == []
    assert found(store, identifiers=(record(2).unique_identifier,)) == []


def test_grants_let_a_client_or_a_group_find_an_object(
    store: Store, record: Make, value: Callable[[object], bytes]
) -> None:
    red = (GROUP, value("red"))
    put(store, record(1, index=frozenset({red})), record(2), record(3, owner="bob"))
    one, two = record(1).unique_identifier, record(2).unique_identifier
    with store.begin() as transaction:
        transaction.grant("default", "alice", one, "bob", (10, 8))
        transaction.grant("default", "alice", one, "friends")
        transaction.grant("default", "alice", two, "friends", (10,))
        transaction.grant("default", "alice", one, "bob", (10,))
        assert sorted(transaction.grants(one, "alice", "default")) == [
            ("bob", frozenset({10})),
            ("friends", frozenset()),
        ]
        for owner, identifier in (("bob", one), ("alice", "absent")):
            with pytest.raises(StoreError):
                transaction.grant("default", owner, identifier, "carol")
        transaction.commit()
    assert found(store, ("bob",)) == [3, 1]
    assert found(store, ("bob", "friends")) == [3, 2, 1]
    assert found(store, ("carol", "friends"), equal=(red,)) == [1]
    assert found(store, ("bob", "friends"), maximum_items=2) == [3, 2]
    with store.begin() as transaction:
        transaction.save(record(1, generation=2, names=("red",), activation_date=5), 1)
        transaction.commit()
    assert found(store, ("carol", "friends"), equal=(red,)) == []
    assert found(store, ("carol", "friends"), names=(("red",),), states=(2,), now=6) == [1]
    with store.begin() as transaction:
        assert transaction.revoke_grant("default", "alice", one, "friends")
        assert not transaction.revoke_grant("default", "alice", one, "friends")
        transaction.save(record(2, generation=2, destroy_date=7), 1)
        transaction.commit()
    assert found(store, ("carol", "friends")) == []
    assert found(store, ("carol", "friends"), storage_status_mask=4) == [2]
    with store.begin() as transaction:
        transaction.delete(one)
        transaction.add(record(4, unique_identifier=one, owner="alice"))
        assert transaction.grants(one, "alice", "default") == []
        transaction.commit()
    assert found(store, ("bob",)) == [3]


def test_a_grant_can_be_of_all_that_an_owner_has_or_of_a_domain(store: Store, record: Make) -> None:
    put(store, record(1), record(2, owner="bob"), record(3, owner="carol"), record(4, domain="other"))
    with store.begin() as transaction:
        transaction.grant("default", "carol", record(3).unique_identifier, "alice")
        transaction.grant("default", "alice", ALL, "dave", (10,))
        transaction.grant("default", ALL, ALL, "auditors", (8,))
        one = record(1).unique_identifier
        assert sorted(transaction.grants(one, "alice", "default")) == [
            ("auditors", frozenset({8})),
            ("dave", frozenset({10})),
        ]
        transaction.commit()
    assert found(store, ("dave",)) == [1]  # not what alice herself was granted
    assert found(store, ("erin", "auditors")) == [3, 2, 1]
    put(store, record(5), record(6, owner="frank"))
    assert found(store, ("dave",)) == [5, 1]
    assert found(store, ("erin", "auditors")) == [6, 5, 3, 2, 1]
    with store.begin() as transaction:
        assert transaction.revoke_grant("default", ALL, ALL, "auditors")
        transaction.commit()
    assert found(store, ("erin", "auditors")) == []


def test_objects_are_counted_by_type_and_what_their_dates_say(store: Store, record: Make) -> None:
    put(
        store,
        record(1),
        record(2, activation_date=5),
        record(3, activation_date=5, deactivation_date=6),
        record(4, activation_date=7, domain="other"),
        record(5, compromise_date=1, destroy_date=2, object_type=3),
        record(6, activation_date=7),
    )
    kind = record(1).object_type
    with store.begin(write=False) as transaction:
        assert transaction.object_counts(now=6) == [
            Count(kind, False, False, False, False, 3),
            Count(kind, True, False, False, False, 1),
            Count(kind, True, True, False, False, 1),
            Count(3, False, False, True, True, 1),
        ]


def test_a_domain_of_very_many_owners_is_searched_too(store: Store, record: Make) -> None:
    put(store, *(record(number, owner=f"owner {number}") for number in range(1, 251)))
    with store.begin() as transaction:
        transaction.grant("default", ALL, ALL, "auditors")
        transaction.commit()
    assert found(store, ("x", "auditors")) == list(range(250, 0, -1))
    with store.begin(write=False) as transaction:
        criteria = Criteria(domain="default", visible_to=("x", "auditors"), maximum_items=120, offset_items=5)
        located = transaction.locate(criteria)
    assert [int(identifier[:8], 16) for identifier in located.identifiers] == list(range(245, 125, -1))
    assert located.total == 250


def test_events_are_dense_and_in_order(store: Store) -> None:
    expected = []
    for turn in range(1, 90):
        with store.begin() as transaction:
            events = [b"%d of turn %d" % (number, turn) for number in range(turn % 4)]
            assert transaction.append_events(events) == len(expected) + 1
            expected += events
            transaction.commit()
    with store.begin(write=False) as transaction:
        assert transaction.events() == list(enumerate(expected, 1))
        assert transaction.events(after=17, limit=3) == [(n, expected[n - 1]) for n in (18, 19, 20)]
        assert transaction.events(after=len(expected)) == []
        assert transaction.events(limit=0) == []


def test_entries_have_versions(store: Store) -> None:
    with store.begin() as transaction:
        assert transaction.entry("client", "a") is None
        assert transaction.put_entry("client", "a", b"1", version=0) == 1
        assert transaction.put_entry("client", "a", b"2") == 2
        with pytest.raises(Conflict):
            transaction.put_entry("client", "a", b"3", version=1)
        assert transaction.put_entry("client", "a", b"3", version=2) == 3
        for key in ("ab", "a\U0010ffff", "a%", "b", "_"):
            transaction.put_entry("client", key, key.encode())
        transaction.put_entry("group", "a", b"of another kind")
        assert transaction.entries("client", "a") == [
            (key, b"3" if key == "a" else key.encode()) for key in ("a", "a%", "ab", "a\U0010ffff")
        ]
        assert len(transaction.entries("client")) == 6
        assert transaction.delete_entry("client", "a")
        assert not transaction.delete_entry("client", "a")
        assert transaction.entry("client", "a") is None
        assert transaction.entry_version("client", "a") == 0
        transaction.commit()


def test_upkeep_removes_entries_whose_time_has_come(store: Store) -> None:
    with store.begin() as transaction:
        transaction.put_entry("lease", "soon", b"", expires=10)
        transaction.put_entry("lease", "later", b"", expires=11)
        transaction.put_entry("lease", "never", b"")
        transaction.commit()
    store.upkeep(10)
    with store.begin(write=False) as transaction:
        assert [key for key, _ in transaction.entries("lease")] == ["later", "never"]


def test_what_is_committed_is_there_after_opening_again(url: str, record: Make) -> None:
    first = stores.open(url)
    put(first, record(1, names=("a",)))
    first.close()
    with pytest.raises(StoreError), first.begin():
        pass
    second = stores.open(url)
    assert found(second, names=(("a",),)) == [1]
    second.close()


def test_the_epoch_changes_when_another_changes_the_database(url: str, record: Make) -> None:
    first, second = stores.open(url), stores.open(url)

    def epoch() -> object:
        with first.begin(write=False):
            return first.epoch()

    before = epoch()
    put(first, record(1))
    assert epoch() == before
    with second.begin() as transaction:
        transaction.add(record(2))
    assert epoch() == before
    put(second, record(2))
    assert epoch() != before
    first.close()
    second.close()


def test_threads_share_a_store(store: Store, record: Make) -> None:
    def work(start: int) -> None:
        for number in range(start, start + 20):
            with store.begin() as transaction:
                transaction.add(record(number))
                transaction.append_events([b"%d" % number])
                transaction.commit()

    threads = [threading.Thread(target=work, args=(start,)) for start in (100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found(store)) == 60
    with store.begin(write=False) as transaction:
        assert [sequence for sequence, _ in transaction.events()] == list(range(1, 61))


def test_a_thread_has_one_transaction_at_a_time(store: Store, record: Make) -> None:
    with store.begin() as transaction:
        transaction.add(record(1))
        with pytest.raises(StoreError), store.begin():
            pass
        transaction.commit()
    assert found(store) == [1]


def test_a_url_names_a_backend() -> None:
    for url in ("", "sqlite", "oracle:x", "/path"):
        with pytest.raises(ConfigError):
            stores.open(url)

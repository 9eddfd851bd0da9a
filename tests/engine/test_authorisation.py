"""The authorisation matrix: every operation and every place that names an object, for every relation to its owner.

Source: COSMIAN-2026-003, -007, -016, -017, -018 and CVE-2025-66406, where one operation among many lacked the check.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

import pytest

from keystead.engine import granting
from keystead.engine.admin import Administration
from keystead.engine.engine import Incoming
from keystead.engine.handlers import HANDLERS
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import Operation, ResultReason, ResultStatus
from keystead.kmip.messages import (
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    dump_message,
    load_response,
    protocol_version,
)
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.reasons import for_version
from keystead.kmip.version import V2_1, V3_0
from keystead.pki.ca import Authority
from keystead.policy.access import ANYONE, Caller
from tests.engine.authorisation import ABSENT, NOTHING_NAMED, PLACES, ROWS, Names, Owner, Place, Row
from tests.engine.keys import WRAP, get_plain, get_wrapped, register
from tests.engine.world import Clock, World
from tests.kmip.strategies import message
from tests.support import make_engine

R = ResultReason
REPLACED = (Operation.IMPORT, "unique_identifier")
"""What is not there is made by that name, but what is another's is not replaced."""
_numbers = count()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Alice, who owns; bob, of her domain; dora, of another; and somebody whom nobody knows."""
    directory, clock = tmp_path_factory.mktemp("matrix"), Clock()
    made = World(directory, clock, make_engine(directory, clock))
    authority = Authority.create("test", "P-256")
    made.engine.authority = authority
    for name, domain in (("alice", "default"), ("bob", "default"), ("dora", "other")):
        made.callers[name] = made.engine.enroll(name, authority.issue_client(name).der, domain)
    made.callers["nobody"] = Caller("", "", "default")
    yield made
    made.engine.close()


def test_advisory_01_every_operation_and_every_place_has_a_row() -> None:
    """One that is new fails here until it is written how it is authorised."""
    named = {place for place in PLACES if place[0] not in NOTHING_NAMED}
    assert named - set(ROWS) == set()
    assert {request.OPERATION for request in HANDLERS} == {operation for operation, _ in ROWS} | set(NOTHING_NAMED)
    assert not {operation for operation, _ in ROWS} & set(NOTHING_NAMED)


def seen(world: World, names: Names) -> list[Attributes]:
    """What alice sees of her objects."""
    return [world.do(GetAttributesRequest(unique_identifier=name)).attributes for name in names]


def ask(world: World, row: Row, who: str, names: Names) -> ResponseBatchItem:
    return world.ask(row.request(Owner(world, who), names), who=who, version=row.version)


def told(item: ResponseBatchItem) -> tuple[ResultStatus, ResultReason | None, str | None]:
    return item.result_status, item.result_reason, item.result_message


def absence(place: Place, row: Row, reason: ResultReason | None) -> ResultReason | None:
    """As the version has it."""
    return None if reason is None else for_version(reason, row.version, place[0])


def absent(names: Names) -> Names:
    """As many names of objects that there are not."""
    return tuple(f"absent-{next(_numbers)}" for _ in names)


def grant(world: World, names: Names, *operations: Operation) -> None:
    for name in names:
        granting.grant(Administration(world.engine), "alice", "bob", name, operations)


matrix = pytest.mark.parametrize(("place", "row"), ROWS.items(), ids=[f"{o.name}-{place}" for o, place in ROWS])


@matrix
def test_advisory_01_the_owner_may(world: World, place: Place, row: Row) -> None:
    """Else what the others are refused would say nothing."""
    item = ask(world, row, "alice", row.subject(Owner(world, "alice")))
    assert item.result_reason is row.allowed, item.result_message


@matrix
@pytest.mark.parametrize("all_of_them", [False, True], ids=["this operation", "all operations"])
def test_advisory_01_whoever_was_granted_it_may(world: World, place: Place, row: Row, all_of_them: bool) -> None:
    names = row.subject(Owner(world, "alice"))
    grant(world, names, *(() if all_of_them else (place[0], *row.grants)))
    item = ask(world, row, "bob", names)
    assert item.result_reason is row.granted, item.result_message


@matrix
@pytest.mark.parametrize("who", ["bob", "dora"])
def test_advisory_01_to_others_it_is_not_there(world: World, place: Place, row: Row, who: str) -> None:
    names = row.subject(Owner(world, "alice"))
    before = seen(world, names)
    foreign, nothing = ask(world, row, who, names), ask(world, row, who, absent(names))
    if place == REPLACED:
        assert foreign.result_reason is absence(place, row, ABSENT)
    else:
        assert told(foreign) == told(nothing)
        assert foreign.result_reason is absence(place, row, row.absent)
    assert seen(world, names) == before


@matrix
def test_advisory_01_a_grant_of_something_else_is_none(world: World, place: Place, row: Row) -> None:
    """That it is there the caller may know, since something on it was granted."""
    names = row.subject(Owner(world, "alice"))
    before = seen(world, names)
    grant(world, names, Operation.LOCATE)
    item = ask(world, row, "bob", names)
    assert item.result_reason is (None if row.absent is None and place != REPLACED else R.PERMISSION_DENIED)
    assert seen(world, names) == before


@matrix
def test_advisory_01_a_grant_that_was_taken_back_is_none(world: World, place: Place, row: Row) -> None:
    names = row.subject(Owner(world, "alice"))
    grant(world, names, place[0], *row.grants)
    for name in names:
        granting.revoke_grant(Administration(world.engine), "alice", "bob", name)
    item = ask(world, row, "bob", names)
    assert item.result_reason is absence(place, row, ABSENT if place == REPLACED else row.absent)


@matrix
def test_advisory_01_nobody_may(world: World, place: Place, row: Row) -> None:
    request = row.request(Owner(world, "alice"), row.subject(Owner(world, "alice")))
    assert world.refused(request, who="nobody", version=row.version) is R.AUTHENTICATION_NOT_SUCCESSFUL


@pytest.mark.parametrize("operation", [request.OPERATION for request in HANDLERS], ids=lambda operation: operation.name)
def test_advisory_01_nobody_does_anything_but_ask_what_the_server_is(world: World, operation: Operation) -> None:
    """Whatever is in the request: nobody is looked at before the payload is."""
    version = min(operation.until, V2_1) if operation.since <= V2_1 else operation.since
    request = message(RequestMessage, version, Random(operation), operation)
    item = replace(request.batch_item[0], unique_batch_item_id=None, message_extension=())
    header = RequestHeader(protocol_version=protocol_version(version), batch_count=1 if version < V3_0 else None)
    asked = dump_message(RequestMessage(request_header=header, batch_item=(item,)), version)
    (answer,) = world.engine.answer([Incoming(asked, world.callers["nobody"])])
    (found,) = load_response(answer)[0].batch_item
    if operation in ANYONE:
        assert found.result_reason is not R.AUTHENTICATION_NOT_SUCCESSFUL
    else:
        assert found.result_reason is R.AUTHENTICATION_NOT_SUCCESSFUL


# --- what is made in the place of another's object -----------------------------------------------------------------


def mine(world: World, who: str) -> set[str]:
    return set(world.do(LocateRequest(), who=who).unique_identifier)


REPLACING = [
    (Operation.RE_KEY, "unique_identifier"),
    (Operation.RE_KEY_KEY_PAIR, "private_key_unique_identifier"),
    REPLACED,
]


@pytest.mark.parametrize("place", REPLACING, ids=lambda place: place[0].name)
def test_advisory_01_what_replaces_an_object_is_its_owners(world: World, place: Place) -> None:
    """Whoever may replace a key does not take it: neither the new one, nor its Name.  Source: COSMIAN-2026-017."""
    row = ROWS[place]
    names = row.subject(Owner(world, "alice"))
    grant(world, names, place[0], *row.grants)
    alices, bobs = mine(world, "alice"), mine(world, "bob")
    assert ask(world, row, "bob", names).result_status is ResultStatus.SUCCESS
    assert mine(world, "bob") <= bobs
    assert len(mine(world, "alice")) >= len(alices) + (place != REPLACED)


def test_advisory_01_what_another_wrapped_is_not_opened(world: World) -> None:
    """A wrapped key may be kept whosever it is; it is opened for whoever may use the key it is wrapped under.

    Source: COSMIAN-2025-009, where unwrapping asked nobody.
    """
    wrapping = Owner(world, "alice").key(WRAP)
    came = world.do(get_wrapped(Owner(world, "alice").key(), wrapping)).object
    kept = registered_by(world, "bob", came)
    assert world.do(GetRequest(unique_identifier=kept), who="bob").object == came
    assert world.refused(get_plain(kept), who="bob") is R.WRAPPING_OBJECT_NOT_FOUND
    grant(world, (wrapping,))
    assert world.refused(get_plain(kept), who="bob") is R.WRAPPING_OBJECT_NOT_FOUND  # it could not be opened then (K21)
    opened = registered_by(world, "bob", came)
    assert world.do(get_plain(opened), who="bob").object.key_block.key_wrapping_data is None
    granting.revoke_grant(Administration(world.engine), "alice", "bob", wrapping)
    assert world.refused(get_plain(opened), who="bob") is R.WRAPPING_OBJECT_NOT_FOUND


def registered_by(world: World, who: str, secret: Any) -> str:
    return str(world.do(register(world, secret), who=who).unique_identifier)

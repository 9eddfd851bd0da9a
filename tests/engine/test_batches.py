"""Batches and their headers: K01 to K12 of the catalogue of hostile inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from keystead.engine import preparing
from keystead.engine.engine import Incoming
from keystead.engine.refusals import MAXIMUM_BATCH_ITEMS
from keystead.kmip import ttlv
from keystead.kmip.attributes import Attribute
from keystead.kmip.enums import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    Operation,
    ResultReason,
    ResultStatus,
    UniqueIdentifierEnumeration,
)
from keystead.kmip.messages import ResponseMessage, load_response
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.attributes import AddAttributeRequest, GetAttributesRequest
from keystead.kmip.payloads.create import CreateKeyPairRequest
from keystead.kmip.payloads.get import CheckRequest, GetRequest
from keystead.kmip.payloads.lifecycle import ActivateRequest, ArchiveRequest, DestroyRequest, RecoverRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.server import DiscoverVersionsRequest
from keystead.kmip.reasons import for_version
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.version import V1_0, V1_4, V2_0, V2_1, V3_0, Version
from tests.engine.hostile import (
    ACTIVATE,
    CREATE,
    Way,
    changing,
    each_way,
    edited,
    ending,
    events,
    last_event,
    refused,
    tagged,
)
from tests.engine.keys import attributes
from tests.engine.world import World, create_request, payload, request_message

R, S = ResultReason, ResultStatus
STOP, CONTINUE, UNDO = (
    BatchErrorContinuationOption.STOP,
    BatchErrorContinuationOption.CONTINUE,
    BatchErrorContinuationOption.UNDO,
)
DONE, FAILED, UNDONE = S.SUCCESS, S.OPERATION_FAILED, S.OPERATION_UNDONE
VERSIONS = pytest.mark.parametrize("version", list(Version), ids=str)
WITH_COUNT = pytest.mark.parametrize("version", [version for version in Version if version < V3_0], ids=str)


def located(world: World, **how: Any) -> set[str]:
    return set(world.do(LocateRequest(), **how).unique_identifier)


def send(world: World, message: bytes, who: str = "alice") -> ResponseMessage:
    (answer,) = world.engine.answer([Incoming(message, world.callers[who])])
    return load_response(answer)[0]


# --- K01: versions ----------------------------------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize(
    ("major", "minor", "nearest"),
    [
        (0, 9, V1_0),
        (1, 5, V1_4),
        (2, 9, V2_1),
        (3, 1, V3_0),
        (4, 0, V3_0),
        (0x7FFFFFFF, 0x7FFFFFFF, V3_0),
        (1, 0x7FFFFFFF, V1_4),
    ],
)
def test_k01_a_version_that_is_not_spoken_is_refused_in_the_nearest(
    world: World, way: Way, major: int, minor: int, nearest: Version
) -> None:
    message = edited(way.message(ACTIVATE), changing(tagged(Tag.PROTOCOL_VERSION_MAJOR), value=major))
    message = edited(message, changing(tagged(Tag.PROTOCOL_VERSION_MINOR), value=minor))
    item = refused(world, Way(nearest, way.encoding), way.write(message), R.UNSUPPORTED_PROTOCOL_VERSION)
    assert "Discover Versions" in (item.result_message or "")


@VERSIONS
def test_k01_the_versions_are_told_by_discover_versions(world: World, version: Version) -> None:
    if version > V1_0:
        told = world.do(DiscoverVersionsRequest(), version=version).protocol_version
        assert [(one.protocol_version_major, one.protocol_version_minor) for one in told] == [
            (one.major, one.minor) for one in sorted(Version, reverse=True)
        ]


# --- K03, K04, K08: the batch as a whole ------------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize("count", [0, 2, 255, -1, 0x7FFFFFFF])
def test_k03_a_batch_count_that_is_not_the_number_of_items(world: World, way: Way, count: int) -> None:
    """3.0 has no Batch Count, so that one is a field too many."""
    if way.version < V3_0:
        message = edited(way.message(CREATE), changing(tagged(Tag.BATCH_COUNT), value=count))
    else:
        message = edited(way.message(CREATE), ending(Tag.REQUEST_HEADER, Item(Tag.BATCH_COUNT, ttlv.INTEGER, count)))
    refused(world, way, way.write(message), R.INVALID_MESSAGE)
    assert located(world) == set()


@each_way
def test_k03_a_message_without_batch_items(world: World, way: Way) -> None:
    empty = edited(way.message(CREATE), lambda found: () if found.tag == Tag.BATCH_ITEM else (found,))
    empty = edited(empty, changing(tagged(Tag.BATCH_COUNT), value=0))
    refused(world, way, way.write(empty), R.INVALID_MESSAGE)


@VERSIONS
def test_k04_more_than_128_items_are_refused_before_any_is_done(world: World, version: Version) -> None:
    (item,) = world.batch(*[create_request()] * (MAXIMUM_BATCH_ITEMS + 1), version=version)
    assert item.result_reason is for_version(R.SERVER_LIMIT_EXCEEDED, version, None)
    assert located(world) == set()
    items = world.batch(*[create_request()] * MAXIMUM_BATCH_ITEMS, version=version)
    assert {item.result_status for item in items} == {DONE}


def pairs(count: int, length: int) -> list[Request]:
    asked = attributes(cryptographic_algorithm=CryptographicAlgorithm.RSA, cryptographic_length=length)
    return [CreateKeyPairRequest(common_attributes=asked)] * count


@pytest.mark.parametrize("ahead", [True, False], ids=["prepared", "in place"])
def test_k04_slow_work_is_weighed(world: World, monkeypatch: pytest.MonkeyPatch, ahead: bool) -> None:
    """128 items of 4096 bits would take minutes: 16 of them are done, by whichever way they are."""
    one = preparing.generate_key_pair(CryptographicAlgorithm.RSA, 4096, None)
    asked: list[int | None] = []

    def generate(algorithm: CryptographicAlgorithm, length: int | None, *rest: Any) -> Any:
        asked.append(length)
        return one

    monkeypatch.setattr(preparing, "generate_key_pair", generate)
    message = request_message(*pairs(MAXIMUM_BATCH_ITEMS, 4096), batch_error_continuation_option=CONTINUE)
    incoming = Incoming(message, world.callers["alice"])
    (answer,) = world.engine.answer([world.engine.prepare(incoming) if ahead else incoming])
    reasons = [item.result_reason for item in load_response(answer)[0].batch_item]
    assert reasons == [None] * 16 + [R.SERVER_LIMIT_EXCEEDED] * (MAXIMUM_BATCH_ITEMS - 16)
    assert asked == [4096] * 16


def test_k04_one_slow_thing_is_done_however_slow(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "MOST_WEIGHT", 1)
    items = world.batch(*pairs(2, 2048), batch_error_continuation_option=CONTINUE)
    assert [item.result_reason for item in items] == [None, R.SERVER_LIMIT_EXCEEDED]
    assert world.do(*pairs(1, 2048))  # the next message has its own


@WITH_COUNT
@pytest.mark.parametrize("change", ["missing", "missing once", "duplicate", "empty"])
def test_k08_items_that_cannot_be_told_apart(world: World, version: Version, change: str) -> None:
    message = ttlv.decode(request_message(*[create_request()] * 3, version=version))
    seen: list[Item] = []

    def edit(found: Item) -> Sequence[Item]:
        if found.tag != Tag.UNIQUE_BATCH_ITEM_ID:
            return (found,)
        seen.append(found)
        if change == "missing" or (change == "missing once" and len(seen) == 2):
            return ()
        return (Item(found.tag, found.type, b"" if change == "empty" else b"same"),)

    answer = send(world, ttlv.encode(edited(message, edit)))
    assert len(seen) == 3
    assert [item.result_reason for item in answer.batch_item] == [R.INVALID_MESSAGE]
    assert located(world) == set()


def test_k08_an_item_alone_needs_no_id_and_keeps_the_one_it_has(world: World) -> None:
    whole = edited(
        ttlv.decode(request_message(create_request())),
        lambda found: (
            (found, Item(Tag.UNIQUE_BATCH_ITEM_ID, ttlv.BYTE_STRING, b"id")) if found.tag == Tag.OPERATION else (found,)
        ),
    )
    (item,) = send(world, ttlv.encode(whole)).batch_item
    assert (item.result_status, item.unique_batch_item_id) == (DONE, b"id")


# --- K05: when an item fails ------------------------------------------------------------------------------------------

OUTCOMES = {
    None: [DONE, FAILED],
    STOP: [DONE, FAILED],
    CONTINUE: [DONE, FAILED, DONE],
    UNDO: [UNDONE, FAILED],
}


@VERSIONS
@pytest.mark.parametrize("option", OUTCOMES, ids=lambda option: "none" if option is None else str(option))
def test_k05_stop_continue_and_undo_do_exactly_that(
    world: World, version: Version, option: BatchErrorContinuationOption | None
) -> None:
    header = {} if option is None else {"batch_error_continuation_option": option}
    before = last_event(world)
    items = world.batch(
        create_request("first"),
        GetRequest(unique_identifier="nothing"),
        create_request("third"),
        version=version,
        **header,
    )
    assert [item.result_status for item in items] == OUTCOMES[option]
    made = {payload(item).unique_identifier for item in items if item.result_status is DONE}
    assert located(world) == made
    told = [(event.operation, event.status) for event in events(world, before)]
    if option is UNDO:
        assert told[:3] == [("Create", "Success"), ("Get", "Operation Failed"), ("Create", "Operation Undone")]
    else:
        assert [status for _, status in told[: len(items)]] == [status.title for status in OUTCOMES[option]]
    world.reopen()
    assert located(world) == made


def test_k05_what_was_undone_can_be_done_again(world: World) -> None:
    """Neither its name is taken nor is anything of it left in the cache."""
    key = world.create("kept")
    batch = [
        create_request("undone"),
        AddAttributeRequest(unique_identifier=key, new_attribute=Attribute(Tag.COMMENT, "undone")),
        DestroyRequest(unique_identifier=key),
        GetRequest(unique_identifier="nothing"),
    ]
    items = world.batch(*batch, batch_error_continuation_option=UNDO)
    assert [item.result_status for item in items] == [UNDONE, UNDONE, UNDONE, FAILED]
    assert world.do(GetRequest(unique_identifier=key))
    assert world.do(GetAttributesRequest(unique_identifier=key)).attributes.get(Tag.COMMENT) is None
    assert located(world) == {key}
    world.create("undone")


# --- K06, K07: whose object an item is about --------------------------------------------------------------------------


@VERSIONS
def test_k06_a_create_that_failed_leaves_the_id_placeholder_empty(world: World, version: Version) -> None:
    world.create()
    bad = create_request(cryptographic_length=255)
    items = world.batch(bad, GetRequest(), version=version, batch_error_continuation_option=CONTINUE)
    assert items[0].result_status is FAILED
    assert items[1].result_reason is for_version(R.OBJECT_NOT_FOUND, version, Operation.GET)


@VERSIONS
def test_k06_nor_does_it_hold_what_the_message_before_made(world: World, version: Version) -> None:
    world.create(version=version)
    assert world.refused(GetRequest(), version=version) is for_version(R.OBJECT_NOT_FOUND, version, Operation.GET)
    # Nor what another message of the same turn did.
    mine, other = (request_message(create_request(), version=version), request_message(GetRequest(), version=version))
    answers = world.engine.answer([Incoming(mine, world.callers["alice"]), Incoming(other, world.callers["alice"])])
    (item,) = load_response(answers[1])[0].batch_item
    assert item.result_reason is for_version(R.OBJECT_NOT_FOUND, version, Operation.GET)


@VERSIONS
def test_k06_a_check_that_fails_empties_the_id_placeholder(world: World, version: Version) -> None:
    """It "empties the ID Placeholder", so that what follows does not use the object.  Source: KMIP 1.4 §4.10."""
    check = CheckRequest(cryptographic_usage_mask=CryptographicUsageMask.SIGN)
    how: dict[str, Any] = {"version": version, "batch_error_continuation_option": CONTINUE}
    items = world.batch(create_request(), check, GetRequest(), **how)
    assert [item.result_status for item in items] == [DONE, FAILED, FAILED]
    assert items[2].result_reason is for_version(R.OBJECT_NOT_FOUND, version, Operation.GET)
    # Any other refusal leaves it as it was.
    bad = create_request(cryptographic_length=255)
    items = world.batch(create_request(), bad, GetRequest(), **how)
    assert [item.result_status for item in items] == [DONE, FAILED, DONE]


@VERSIONS
def test_a_recover_names_what_follows(world: World, version: Version) -> None:
    """The ID Placeholder is obtained from Recover as well.  Source: KMIP 1.0 §4, 1.4 §4, 2.1 §6.1."""
    key = world.create()
    world.do(ArchiveRequest(unique_identifier=key))
    recovered, got = world.batch(RecoverRequest(unique_identifier=key), GetRequest(), version=version)
    assert (recovered.result_status, got.result_status) == (DONE, DONE)
    assert payload(got).unique_identifier == key


@pytest.mark.parametrize("number", [1, 2, -2, 99, -99, 0x7FFFFFFF, -0x80000000])
def test_k06_nor_is_there_a_result_of_an_item_that_failed_or_is_not_there(world: World, number: int) -> None:
    """Since 2.0 an item may name an earlier one by its number."""
    bad = create_request(cryptographic_length=255)
    items = world.batch(
        create_request(), bad, GetRequest(unique_identifier=number), batch_error_continuation_option=CONTINUE
    )
    assert items[2].result_reason is R.OBJECT_NOT_FOUND
    by_name = GetRequest(unique_identifier=UniqueIdentifierEnumeration.CREATE)
    assert world.refused(by_name) is R.OBJECT_NOT_FOUND


@pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
def test_k06_what_an_item_gave_is_named_by_its_number_or_operation(world: World, version: Version) -> None:
    """Source: KMIP 2.1 sections 4.58 and 11.58: from 0 on in the answer, or backwards; the most recent operation."""
    named = UniqueIdentifierEnumeration
    pair = CreateKeyPairRequest(
        common_attributes=attributes(cryptographic_algorithm=CryptographicAlgorithm.EC, cryptographic_length=256)
    )
    asked = [0, 1, 3, -1, named.CREATE, named.CREATE_KEY_PAIR_PRIVATE_KEY, named.CREATE_KEY_PAIR_PUBLIC_KEY]
    for name in asked:
        first, both, last, item = world.batch(
            create_request(), pair, create_request(), GetAttributesRequest(unique_identifier=name), version=version
        )
        one, private, public, other = (
            payload(first).unique_identifier,
            payload(both).private_key_unique_identifier,
            payload(both).public_key_unique_identifier,
            payload(last).unique_identifier,
        )
        meant = dict(zip(asked, (one, private, other, other, other, private, public), strict=True))
        assert item.result_reason is None, item.result_message
        assert payload(item).unique_identifier == meant[name]
    several = world.batch(pair, GetRequest(unique_identifier=named.CREATE_KEY_PAIR), version=version)
    assert several[1].result_reason is R.FEATURE_NOT_SUPPORTED


@VERSIONS
def test_k07_each_item_is_authorised_on_its_own_object(world: World, version: Version) -> None:
    """Not one name N times.  Source: the CAA rechecking bug of Let's Encrypt, 2020."""
    own, foreign = [world.create() for _ in range(3)], [world.create(who="bob") for _ in range(3)]
    asked = [own[0], foreign[0], own[1], foreign[1], own[0], foreign[0], own[2], foreign[2]]
    for kind in (GetRequest, GetAttributesRequest, ActivateRequest, DestroyRequest):
        items = world.batch(
            *(kind(unique_identifier=key) for key in asked), version=version, batch_error_continuation_option=CONTINUE
        )
        for key, item in zip(asked, items, strict=True):
            if key in foreign:
                assert item.result_reason is for_version(R.OBJECT_NOT_FOUND, version, item.operation)
            elif item.result_status is DONE:
                assert payload(item).unique_identifier == key
        if kind in (GetRequest, GetAttributesRequest):
            assert [item.result_status for item in items] == [DONE, FAILED] * 4
    for key in foreign:
        assert world.do(GetRequest(unique_identifier=key), who="bob")


# --- K09: what the client can take ------------------------------------------------------------------------------------


@VERSIONS
@pytest.mark.parametrize("size", [0, 8, 100, -1, -0x80000000])
def test_k09_a_response_that_is_too_large_has_no_effect(world: World, version: Version, size: int) -> None:
    key = world.create()
    for request in (create_request("x"), DestroyRequest(unique_identifier=key), GetRequest(unique_identifier=key)):
        before = last_event(world)
        (item,) = world.batch(request, version=version, maximum_response_size=size)
        assert item.result_reason is R.RESPONSE_TOO_LARGE
        assert item.response_payload is None
        (event,) = events(world, before)
        assert (event.status, event.reason) == ("Operation Failed", "Response Too Large")
    assert located(world) == {key}
    assert world.do(GetRequest(unique_identifier=key))


@VERSIONS
def test_k09_the_largest_size_is_no_limit(world: World, version: Version) -> None:
    world.create(version=version, maximum_response_size=0x7FFFFFFF)


@VERSIONS
def test_k09_of_a_batch_nothing_is_done(world: World, version: Version) -> None:
    """It is the answer as a whole that is too large, so all of it is taken back."""
    items = world.batch(*[create_request()] * 20, version=version, maximum_response_size=600)
    assert {item.result_reason for item in items} == {R.RESPONSE_TOO_LARGE}
    assert located(world) == set()


# --- K11: the same message again --------------------------------------------------------------------------------------


@VERSIONS
@pytest.mark.parametrize("stamp", [0, 1, ttlv.LATEST_DATE])
def test_k11_a_message_that_comes_again_destroys_nothing_twice(world: World, version: Version, stamp: int) -> None:
    """The Time Stamp and the Client Correlation Value of a request are not judged (docs/divergences.md).

    What protects from a replay is TLS.  A client that repeats a message because it had no answer is told how things
    stand: its key is destroyed already.
    """
    key, other = world.create(), world.create()
    header: dict[str, Any] = {"time_stamp": stamp}
    if version >= V1_4:
        header["client_correlation_value"] = "again"
    message = request_message(DestroyRequest(unique_identifier=key), version=version, **header)
    before = last_event(world)
    first, second = (send(world, message).batch_item[0] for _ in range(2))
    assert first.result_status is DONE
    assert second.result_reason is for_version(R.OBJECT_DESTROYED, version, Operation.DESTROY)
    told = [(event.operation, event.status) for event in events(world, before) if event.operation == "Destroy"]
    assert told == [("Destroy", "Success"), ("Destroy", "Operation Failed")]
    assert world.do(GetRequest(unique_identifier=other))


@VERSIONS
def test_k11_nor_does_a_name_stand_for_two_keys(world: World, version: Version) -> None:
    """A Create with a Name that comes again is refused: how a client makes its creates safe to repeat."""
    message = request_message(create_request("once"), version=version)
    first, second = (send(world, message).batch_item[0] for _ in range(2))
    assert first.result_status is DONE
    assert second.result_reason is for_version(R.NON_UNIQUE_NAME_ATTRIBUTE, version, Operation.CREATE)

"""Requests that are answered later."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from typing import Any

import pytest

from keystead.audit.log import Event
from keystead.engine import identities
from keystead.engine import waiting as waiting_room
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    CancellationResult,
    CredentialType,
    CryptographicAlgorithm,
    Operation,
    ProcessingStage,
    QueryFunction,
    ResultReason,
    ResultStatus,
    State,
)
from keystead.kmip.messages import ResponseBatchItem
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.create import CreateKeyPairRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import (
    ActivateRequest,
    ArchiveRequest,
    DeactivateRequest,
    DestroyRequest,
    RecoverRequest,
)
from keystead.kmip.payloads.server import QueryRequest
from keystead.kmip.payloads.session import (
    CancelRequest,
    PollRequest,
    ProcessRequest,
    QueryAsynchronousRequestsRequest,
)
from keystead.kmip.structures import (
    AsynchronousCorrelationValues,
    Authentication,
    Credential,
    Operations,
    UsernameAndPassword,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_4, V2_1, V3_0
from tests.engine.world import World, create_request, payload

MANDATORY, OPTIONAL, PROHIBITED = AsynchronousIndicator
PENDING, SUCCESS, FAILED = ResultStatus.OPERATION_PENDING, ResultStatus.SUCCESS, ResultStatus.OPERATION_FAILED
NO_SUCH = ResultReason.INVALID_ASYNCHRONOUS_CORRELATION_VALUE


@pytest.fixture(autouse=True)
def _in_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much a beat does does not depend on how busy this machine is."""
    monkeypatch.setattr(waiting_room, "MOST_SECONDS", 60.0)


def later(world: World, request: Any, **how: Any) -> bytes:
    """Ask for something to be done later; the correlation value."""
    item = world.ask(request, **{"asynchronous_indicator": MANDATORY, **how})
    assert item.result_status is PENDING, (item.result_reason, item.result_message)
    assert item.asynchronous_correlation_value is not None
    assert item.response_payload is None
    return item.asynchronous_correlation_value


def poll(world: World, value: bytes, **how: Any) -> ResponseBatchItem:
    return world.ask(PollRequest(asynchronous_correlation_value=value), **how)


def waiting(world: World, **how: Any) -> list[tuple[bytes, Operation, ProcessingStage]]:
    found = world.do(QueryAsynchronousRequestsRequest(**how)).asynchronous_request
    return [(one.asynchronous_correlation_value, one.operation, one.processing_stage) for one in found]


def test_archive_and_recover_wait_if_the_client_may_wait(world: World) -> None:
    key = world.create()
    for request, operation in ((ArchiveRequest, Operation.ARCHIVE), (RecoverRequest, Operation.RECOVER)):
        value = later(world, request(unique_identifier=key), version=V1_0, asynchronous_indicator=OPTIONAL)
        assert len(value) == 16
        assert poll(world, value, version=V1_0).result_status is PENDING
        world.engine.upkeep()
        answer = poll(world, value, version=V1_0)
        assert (answer.operation, answer.result_status) == (operation, SUCCESS)
        assert answer.response_payload.unique_identifier == key
        gone = operation is Operation.ARCHIVE
        assert world.ask(GetRequest(unique_identifier=key), version=V1_0).result_status is (FAILED if gone else SUCCESS)


def test_what_is_quick_is_answered_at_once_unless_the_client_insists(world: World) -> None:
    assert world.ask(create_request(), asynchronous_indicator=OPTIONAL).result_status is SUCCESS
    assert world.ask(create_request(), asynchronous_indicator=PROHIBITED).result_status is SUCCESS
    assert world.ask(create_request(), asynchronous_indicator=MANDATORY).result_status is PENDING
    archive = ArchiveRequest(unique_identifier=world.create())
    assert world.ask(archive, asynchronous_indicator=PROHIBITED).result_status is SUCCESS


@pytest.mark.parametrize("version", [V1_4, V2_1, V3_0])
def test_any_operation_can_be_asked_asynchronously(world: World, version: Any) -> None:
    indicator = {"asynchronous_indicator": MANDATORY if version > V1_4 else OPTIONAL}
    if version > V1_4:
        value = later(world, create_request("later"), version=version, **indicator)
        assert world.engine.upkeep() is None
        key = poll(world, value, version=version).response_payload.unique_identifier
        value = later(world, QueryRequest(query_function=(QueryFunction.QUERY_OPERATIONS,)), version=version)
        world.engine.upkeep()
        assert Operation.POLL in poll(world, value, version=version).response_payload.operation
    else:
        key = world.create()
    value = later(world, ArchiveRequest(unique_identifier=key), version=version, **indicator)
    world.engine.upkeep()
    assert poll(world, value, version=version).response_payload.unique_identifier == key


def test_poll_gives_the_refusal_that_would_have_been_given(world: World) -> None:
    value = later(world, GetRequest(unique_identifier="nobody's"))
    world.engine.upkeep()
    answer = poll(world, value)
    assert (answer.operation, answer.result_status) == (Operation.GET, FAILED)
    assert answer.result_reason == world.refused(GetRequest(unique_identifier="nobody's"))
    assert answer.result_message


def test_a_result_can_be_polled_again_for_a_while(world: World) -> None:
    value = later(world, create_request())
    world.engine.upkeep()
    first = poll(world, value)
    world.clock.move(waiting_room.FETCHED_SECONDS - 1)
    world.engine.upkeep()
    assert poll(world, value).response_payload == first.response_payload
    world.clock.move(waiting_room.FETCHED_SECONDS + 1)
    world.engine.upkeep()
    assert poll(world, value).result_reason is NO_SUCH


def test_a_key_that_was_destroyed_is_not_in_what_is_polled(world: World) -> None:
    key = world.create()
    value = later(world, GetRequest(unique_identifier=key))
    world.engine.upkeep()
    handed_out = poll(world, value)
    assert payload(handed_out).unique_identifier == key
    assert payload(handed_out).object == world.do(GetRequest(unique_identifier=key)).object
    world.do(DestroyRequest(unique_identifier=key))
    assert poll(world, value).result_reason is ResultReason.OBJECT_DESTROYED


def test_what_an_earlier_item_made_is_meant_when_it_is_fetched_too(world: World) -> None:
    batch = world.batch(create_request(), GetRequest(), asynchronous_indicator=MANDATORY)
    made, got = [item.asynchronous_correlation_value for item in batch]
    assert made is not None
    assert got is not None
    world.engine.upkeep()
    assert payload(poll(world, got)).unique_identifier == payload(poll(world, made)).unique_identifier


def test_a_result_nobody_fetches_is_dropped_in_time(world: World) -> None:
    value = later(world, create_request())
    world.engine.upkeep()
    world.clock.move(waiting_room.KEPT_SECONDS + 1)
    world.engine.upkeep()
    assert poll(world, value).result_reason is NO_SUCH


def test_k10_foreign_and_forged_correlation_values_are_unknown(world: World) -> None:
    value = later(world, create_request())
    forged = bytes((value[0] ^ 1,)) + value[1:]
    for request in (PollRequest, CancelRequest, ProcessRequest):
        for who, tried in (("bob", value), ("alice", forged), ("alice", b""), ("alice", b"\0" * 5000)):
            assert world.refused(request(asynchronous_correlation_value=tried), who=who) is NO_SUCH
    # 1.x has no such reason.
    assert poll(world, forged, version=V1_4).result_reason is ResultReason.ITEM_NOT_FOUND
    assert world.do(QueryAsynchronousRequestsRequest(), who="bob").asynchronous_request == ()
    world.engine.upkeep()
    assert poll(world, value, who="bob").result_reason is NO_SUCH
    assert poll(world, value).result_status is SUCCESS


def test_it_survives_a_restart_and_is_done_once(world: World) -> None:
    value = later(world, create_request("once"))
    world.reopen()
    world.engine.upkeep()
    world.reopen()
    world.engine.upkeep()
    key = poll(world, value).response_payload.unique_identifier
    world.reopen()
    assert poll(world, value).response_payload.unique_identifier == key
    with world.engine.store.begin(write=False) as transaction:
        events = [Event.decode(data, number) for number, data in transaction.events()]
    assert [event.status for event in events if event.operation == "Create"] == ["Operation Pending", "Success"]


def test_effects_and_result_are_one_transaction(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    value = later(world, create_request("all or nothing"))

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the process dies here")

    with monkeypatch.context() as patch:
        patch.setattr(waiting_room, "finish", fail)
        with pytest.raises(RuntimeError):
            world.engine.upkeep()
    assert poll(world, value).result_status is PENDING
    assert world.ask(create_request("all or nothing")).result_status is SUCCESS  # the name is free
    world.engine.upkeep()
    assert poll(world, value).result_reason is ResultReason.NON_UNIQUE_NAME_ATTRIBUTE


def test_rights_are_looked_up_when_it_is_done(world: World, certificates: dict[str, bytes]) -> None:
    key = world.create()
    alice = world.callers["alice"]
    with world.engine.store.begin() as transaction:
        transaction.grant(alice.domain, alice.identity, key, world.callers["bob"].identity, [int(Operation.GET)])
        transaction.commit()
    value = later(world, GetRequest(unique_identifier=key), who="bob")
    with world.engine.store.begin() as transaction:
        transaction.revoke_grant(alice.domain, alice.identity, key, world.callers["bob"].identity)
        transaction.commit()
    world.engine.upkeep()
    assert poll(world, value, who="bob").result_reason is ResultReason.OBJECT_NOT_FOUND


def test_a_user_asks_for_itself_and_not_for_its_client(world: World) -> None:
    world.engine.enrol_unknown_users = True
    value = UsernameAndPassword(username="fred", password="password1")
    credential = Credential(credential_type=CredentialType.USERNAME_AND_PASSWORD, credential_value=value)
    fred = {"authentication": Authentication(credential=(credential,))}
    correlation = later(world, create_request("fred's"), **fred)
    world.engine.upkeep()
    assert poll(world, correlation).result_reason is NO_SUCH  # alice's certificate alone is not fred
    key = poll(world, correlation, **fred).response_payload.unique_identifier
    assert world.ask(GetRequest(unique_identifier=key), **fred).result_status is SUCCESS
    assert world.ask(GetRequest(unique_identifier=key)).result_status is FAILED


def test_one_who_was_disabled_gets_nothing_done(world: World) -> None:
    value = later(world, create_request("never"))
    alice = world.callers["alice"]
    with world.engine.store.begin() as transaction:
        (client,) = [one for one in identities.clients(transaction) if one.identity == alice.identity]
        transaction.put_entry(
            identities.CLIENT, client.identity, json.dumps(asdict(replace(client, disabled=True))).encode()
        )
        transaction.commit()
    world.engine.upkeep()
    assert poll(world, value).result_reason is ResultReason.PERMISSION_DENIED


def test_cancel(world: World) -> None:
    def cancel(value: bytes) -> CancellationResult:
        answer = world.do(CancelRequest(asynchronous_correlation_value=value))
        assert answer.asynchronous_correlation_value == value
        return answer.cancellation_result  # type: ignore[no-any-return]

    value = later(world, create_request("cancelled"))
    assert cancel(value) is CancellationResult.CANCELED
    world.engine.upkeep()
    assert poll(world, value).result_reason is ResultReason.OPERATION_CANCELED_BY_REQUESTER
    world.create("cancelled")  # nothing has this name
    done, failed = later(world, create_request()), later(world, GetRequest(unique_identifier="none"))
    world.engine.upkeep()
    assert cancel(done) is CancellationResult.COMPLETED
    assert cancel(failed) is CancellationResult.FAILED
    assert waiting(world) == []


def test_process_does_it_now_and_once(world: World) -> None:
    value = later(world, create_request())
    world.do(ProcessRequest(asynchronous_correlation_value=value))
    key = poll(world, value).response_payload.unique_identifier
    again = ProcessRequest(asynchronous_correlation_value=value)
    assert world.refused(again) is ResultReason.DUPLICATE_PROCESS_REQUEST
    world.engine.upkeep()
    assert poll(world, value).response_payload.unique_identifier == key


def test_query_lists_what_was_not_fetched(world: World) -> None:
    first = later(world, create_request())
    world.clock.move(1)
    second = later(world, GetRequest(unique_identifier="none"))
    submitted, completed = ProcessingStage.SUBMITTED, ProcessingStage.COMPLETED
    assert waiting(world) == [(first, Operation.CREATE, submitted), (second, Operation.GET, submitted)]
    found = world.do(QueryAsynchronousRequestsRequest()).asynchronous_request
    assert [one.submission_date for one in found] == [int((world.clock.now - 1) * 1e6), int(world.clock.now * 1e6)]
    world.engine.upkeep()
    assert waiting(world) == [(first, Operation.CREATE, completed), (second, Operation.GET, completed)]
    values = AsynchronousCorrelationValues(asynchronous_correlation_value=(second, b"another"))
    assert [one[0] for one in waiting(world, asynchronous_correlation_values=values)] == [second]
    assert [one[0] for one in waiting(world, operations=Operations(operation=(Operation.CREATE,)))] == [first]
    both = {"asynchronous_correlation_values": values, "operations": Operations(operation=(Operation.CREATE,))}
    assert waiting(world, **both) == []
    poll(world, first)
    assert [one[0] for one in waiting(world)] == [second]


def test_questions_about_requests_are_never_asynchronous(world: World) -> None:
    value = later(world, create_request())
    for request in (
        PollRequest(asynchronous_correlation_value=value),
        QueryAsynchronousRequestsRequest(),
        ProcessRequest(asynchronous_correlation_value=value),
        CancelRequest(asynchronous_correlation_value=value),
    ):
        item = world.ask(request, asynchronous_indicator=MANDATORY)
        assert item.result_status is SUCCESS or item.operation is Operation.POLL
    assert waiting(world) == []


def test_a_batch_is_done_in_its_order_and_hands_the_placeholder_on(world: World) -> None:
    items = world.batch(
        create_request("chained"), ActivateRequest(), DestroyRequest(), asynchronous_indicator=MANDATORY
    )
    assert [item.result_status for item in items] == [PENDING] * 3
    created, activated, destroyed = (item.asynchronous_correlation_value or b"" for item in items)
    world.engine.upkeep()
    key = poll(world, created).response_payload.unique_identifier
    assert poll(world, activated).response_payload.unique_identifier == key
    assert poll(world, destroyed).result_reason is not None  # it is active
    state = world.do(GetAttributesRequest(unique_identifier=key, attribute_reference=(Tag.STATE,)))
    assert [attribute.value for attribute in state.attributes] == [State.ACTIVE]


def test_what_follows_an_item_that_waits_waits_too(world: World) -> None:
    key = world.create()
    items = world.batch(
        create_request(),
        ArchiveRequest(unique_identifier=key),
        GetRequest(unique_identifier=key),
        asynchronous_indicator=OPTIONAL,
        batch_error_continuation_option=BatchErrorContinuationOption.CONTINUE,
    )
    assert [item.result_status for item in items] == [SUCCESS, PENDING, PENDING]
    world.engine.upkeep()
    last = poll(world, items[2].asynchronous_correlation_value or b"")
    assert last.result_reason is ResultReason.OBJECT_ARCHIVED


@pytest.mark.parametrize("option", [None, *BatchErrorContinuationOption])
def test_a_batch_that_fails_stops_or_goes_on_as_was_asked(
    world: World, option: BatchErrorContinuationOption | None
) -> None:
    items = world.batch(
        GetRequest(unique_identifier="none"),
        create_request("after"),
        asynchronous_indicator=MANDATORY,
        batch_error_continuation_option=option,
    )
    if option is BatchErrorContinuationOption.UNDO:
        assert items[-1].result_reason is ResultReason.FEATURE_NOT_SUPPORTED
        assert waiting(world) == []
        return
    world.engine.upkeep()
    second = poll(world, items[1].asynchronous_correlation_value or b"")
    if option is BatchErrorContinuationOption.CONTINUE:
        assert second.result_status is SUCCESS
    else:
        assert second.result_reason is ResultReason.OPERATION_CANCELED_BY_REQUESTER
        world.create("after")


def test_process_does_what_comes_before_it_in_its_batch(world: World) -> None:
    items = world.batch(create_request(), ActivateRequest(), asynchronous_indicator=MANDATORY)
    first, second = (item.asynchronous_correlation_value or b"" for item in items)
    world.do(ProcessRequest(asynchronous_correlation_value=second))
    assert (
        poll(world, second).response_payload.unique_identifier == poll(world, first).response_payload.unique_identifier
    )


def test_a_caller_can_only_have_so_many(world: World) -> None:
    request = create_request()
    for _ in range(waiting_room.MOST_WAITING // 64):
        items = world.batch(*[request] * 64, asynchronous_indicator=MANDATORY)
        assert all(item.result_status is PENDING for item in items)
    assert world.refused(request, asynchronous_indicator=MANDATORY) is ResultReason.SERVER_LIMIT_EXCEEDED
    assert world.ask(request, who="bob", asynchronous_indicator=MANDATORY).result_status is PENDING
    assert world.ask(request).result_status is SUCCESS


def test_what_is_not_supported_is_refused_at_once(world: World) -> None:
    assert world.refused(PollRequest(asynchronous_correlation_value=b"1"), version=V2_1) is NO_SUCH
    refused = world.ask(QueryAsynchronousRequestsRequest(), version=V1_4, asynchronous_indicator=OPTIONAL)
    assert refused.result_reason is ResultReason.OPERATION_NOT_SUPPORTED


def test_nothing_is_left_of_a_request_whose_answer_is_too_large(world: World) -> None:
    item = world.ask(create_request(), asynchronous_indicator=MANDATORY, maximum_response_size=64)
    assert item.result_reason is ResultReason.RESPONSE_TOO_LARGE
    assert waiting(world) == []


def test_the_store_holds_no_secret_of_a_request(world: World) -> None:
    marker = "a name that can be found"
    later(world, create_request(marker))
    world.engine.upkeep()
    with world.engine.store.begin(write=False) as transaction:
        kinds = ("asynchronous", "asynchronous-due", "asynchronous-fetched")
        assert not any(marker.encode() in value for kind in kinds for _, value in transaction.entries(kind))


def test_an_altered_request_is_not_done(world: World) -> None:
    value = later(world, create_request())
    other = later(world, create_request())
    with world.engine.store.begin() as transaction:
        (key, sealed), *_ = transaction.entries("asynchronous")
        transaction.put_entry("asynchronous", key, sealed[:-1] + bytes((sealed[-1] ^ 1,)))
        transaction.commit()
    world.engine.upkeep()
    assert sorted((poll(world, one).result_status for one in (value, other)), key=int) == [SUCCESS, FAILED]


def test_a_sealed_server_leaves_requests_waiting(world: World) -> None:
    later(world, create_request())
    world.engine.vault.seal_root()
    world.engine.upkeep()
    world.reopen()
    assert [stage for *_, stage in waiting(world)] == [ProcessingStage.SUBMITTED]


def test_slow_work_is_done_in_another_thread_first(world: World) -> None:
    attributes = Attributes.of(
        {Tag.CRYPTOGRAPHIC_ALGORITHM: CryptographicAlgorithm.RSA, Tag.CRYPTOGRAPHIC_LENGTH: 2048}
    )
    value = later(world, CreateKeyPairRequest(common_attributes=attributes))
    deadline = time.monotonic() + 20
    world.engine.upkeep()
    assert [stage for *_, stage in waiting(world)] == [ProcessingStage.IN_PROCESS]
    while poll(world, value).result_status is PENDING and time.monotonic() < deadline:
        world.engine.upkeep()
        time.sleep(0.01)
    assert poll(world, value).response_payload.private_key_unique_identifier


def test_what_was_asked_in_a_newer_version_is_listed_in_that_version(world: World) -> None:
    later(world, DeactivateRequest(unique_identifier=world.create()), version=V3_0)
    assert [operation for _, operation, _ in waiting(world)] == []
    found = world.do(QueryAsynchronousRequestsRequest(), version=V3_0).asynchronous_request
    assert [one.operation for one in found] == [Operation.DEACTIVATE]

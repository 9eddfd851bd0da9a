"""The sans-I/O core: conversations driven by hand, answers made with the kmip package."""

from __future__ import annotations

from typing import Any, cast

import pytest

from keystead.client.session import Connect, Exchange, NothingSent, Session, check, outcomes_of
from keystead.client.settings import Server, Settings
from keystead.client.values import FieldError
from keystead.errors import CodecError, OperationFailed, Pending
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
    StorageStatusMask,
)
from keystead.kmip.messages import (
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    dump_message,
    load_request,
    protocol_version,
    version_of,
)
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.certify import ValidateRequest
from keystead.kmip.payloads.create import CreateRequest
from keystead.kmip.payloads.crypto import EncryptRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import ActivateRequest, ActivateResponse, DestroyRequest, DestroyResponse
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.server import DiscoverVersionsResponse
from keystead.kmip.payloads.session import PingRequest, PingResponse, PollRequest
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_1, V1_2, V1_4, V2_0, V2_1, V3_0, Version

ONE, TWO = Server("one"), Server("two")
ACTIVATED = ActivateResponse(unique_identifier="1")
DESTROYED = DestroyResponse(unique_identifier="2")


def message(*items: ResponseBatchItem, version: Version = V1_4) -> bytes:
    header = ResponseHeader(protocol_version=protocol_version(version), time_stamp=0, batch_count=len(items))
    return dump_message(ResponseMessage(response_header=header, batch_item=items), version)


def done(payload: Any, **more: Any) -> ResponseBatchItem:
    return ResponseBatchItem(
        operation=payload.OPERATION, result_status=ResultStatus.SUCCESS, response_payload=payload, **more
    )


def refused(operation: Operation | None, reason: ResultReason, text: str = "no", **more: Any) -> ResponseBatchItem:
    status = more.pop("result_status", ResultStatus.OPERATION_FAILED)
    return ResponseBatchItem(
        operation=operation, result_status=status, result_reason=reason, result_message=text, **more
    )


def batch(session: Session, *requests: Any, version: Version = V1_4) -> RequestMessage:
    return session.message(requests, version)


@pytest.fixture
def session() -> Session:
    return Session(Settings(servers=(ONE,), version=V1_4))


# --- pairing --------------------------------------------------------------------------------------------------------


def test_answers_are_paired_by_unique_batch_item_id_in_whatever_order_they_come(session: Session) -> None:
    asked = batch(session, ActivateRequest(), DestroyRequest())
    first, second = (item.unique_batch_item_id for item in asked.batch_item)
    assert first != second
    answer = message(done(DESTROYED, unique_batch_item_id=second), done(ACTIVATED, unique_batch_item_id=first))
    assert outcomes_of(asked, answer) == [ACTIVATED, DESTROYED]


def test_answers_without_ids_are_paired_by_position(session: Session) -> None:
    asked = batch(session, ActivateRequest(), DestroyRequest())
    assert outcomes_of(asked, message(done(ACTIVATED), done(DESTROYED))) == [ACTIVATED, DESTROYED]


def test_kmip_3_has_no_ids_and_is_paired_by_position(session: Session) -> None:
    asked = batch(session, ActivateRequest(), DestroyRequest(), version=V3_0)
    assert [item.unique_batch_item_id for item in asked.batch_item] == [None, None]
    assert outcomes_of(asked, message(done(ACTIVATED), done(DESTROYED), version=V3_0)) == [ACTIVATED, DESTROYED]


def test_one_request_carries_no_id_and_no_order(session: Session) -> None:
    asked = batch(session, ActivateRequest())
    assert asked.batch_item[0].unique_batch_item_id is None
    assert asked.request_header.batch_order_option is None


def test_what_follows_a_stop_was_not_done(session: Session) -> None:
    asked = batch(session, ActivateRequest(), DestroyRequest())
    failed = refused(Operation.ACTIVATE, ResultReason.PERMISSION_DENIED, unique_batch_item_id=bytes(4))
    first, second = outcomes_of(asked, message(failed))
    assert isinstance(first, OperationFailed)
    assert (first.reason, first.message) == (ResultReason.PERMISSION_DENIED, "no")
    assert isinstance(second, OperationFailed)
    assert second.reason is ResultReason.OPERATION_CANCELED_BY_REQUESTER


def test_a_message_refused_as_a_whole_refuses_every_request(session: Session) -> None:
    asked = batch(session, ActivateRequest(), DestroyRequest())
    outcomes = outcomes_of(asked, message(refused(None, ResultReason.AUTHENTICATION_NOT_SUCCESSFUL)))
    reasons = [each.reason for each in outcomes if isinstance(each, OperationFailed)]
    assert reasons == [ResultReason.AUTHENTICATION_NOT_SUCCESSFUL] * 2


def test_an_undone_request_is_a_refusal(session: Session) -> None:
    asked = batch(session, ActivateRequest())
    undone = ResponseBatchItem(operation=Operation.ACTIVATE, result_status=ResultStatus.OPERATION_UNDONE)
    (outcome,) = outcomes_of(asked, message(undone))
    assert isinstance(outcome, OperationFailed)
    assert "undone" in outcome.message


def test_a_pending_request_carries_its_correlation_value(session: Session) -> None:
    pending = ResponseBatchItem(
        operation=Operation.ACTIVATE,
        result_status=ResultStatus.OPERATION_PENDING,
        asynchronous_correlation_value=b"later",
    )
    (outcome,) = outcomes_of(batch(session, ActivateRequest()), message(pending))
    assert isinstance(outcome, Pending)
    assert outcome.correlation_value == b"later"


def test_poll_is_answered_as_the_operation_that_it_asks_about(session: Session) -> None:
    asked = batch(session, PollRequest(asynchronous_correlation_value=b"later"))
    assert outcomes_of(asked, message(done(ACTIVATED))) == [ACTIVATED]


def test_an_empty_response_payload_may_be_left_out(session: Session) -> None:
    item = ResponseBatchItem(operation=Operation.PING, result_status=ResultStatus.SUCCESS)
    asked = batch(session, PingRequest(), version=V2_1)
    assert outcomes_of(asked, message(item, version=V2_1)) == [PingResponse()]


@pytest.mark.parametrize(
    "items",
    [
        (done(DESTROYED),),
        (done(ACTIVATED), done(ACTIVATED)),
        (done(ACTIVATED, unique_batch_item_id=b"foreign"),),
        (ResponseBatchItem(operation=Operation.ACTIVATE, result_status=ResultStatus.SUCCESS),),
    ],
    ids=["another operation", "too many", "an id never sent", "no payload"],
)
def test_an_answer_to_something_else_is_refused(session: Session, items: tuple[ResponseBatchItem, ...]) -> None:
    with pytest.raises(CodecError):
        outcomes_of(batch(session, ActivateRequest()), message(*items))


# --- what is sent ---------------------------------------------------------------------------------------------------


def test_the_credential_is_sent_and_never_shown() -> None:
    session = Session(Settings(username="alice", password="hunter2"))
    sent = session.message([ActivateRequest(unique_identifier="1")], V1_4)
    loaded, _ = load_request(dump_message(sent, V1_4))
    assert loaded.request_header.authentication is not None
    assert loaded.request_header.authentication.credential[0].credential_value.password == "hunter2"
    assert "hunter2" not in repr(session.settings) + repr(sent) + repr(Exchange(dump_message(sent, V1_4)))


def test_what_a_version_cannot_say_is_refused_and_not_left_out() -> None:
    request = EncryptRequest(data=b"", authenticated_encryption_additional_data=b"header")
    check(request, V1_4)
    with pytest.raises(OperationFailed, match="authenticated_encryption_additional_data") as caught:
        check(request, V1_2)
    assert caught.value.reason is ResultReason.FEATURE_NOT_SUPPORTED


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (LocateRequest(maximum_items=1 << 32), "maximum_items: a whole number from"),
        (LocateRequest(storage_status_mask=StorageStatusMask(1 << 31)), "storage_status_mask: a mask has 31 bits"),
        (ActivateRequest(unique_identifier="\udcff"), "unique_identifier: a text belongs here"),
        (GetRequest(unique_identifier=cast(Any, 1.5)), "unique_identifier: a text belongs here"),
        (EncryptRequest(data=cast(Any, "hello")), "data: bytes belong here"),
        (EncryptRequest(data=cast(Any, "text:hello")), "data: Byte String belongs here, not str"),
        (ValidateRequest(unique_identifier=("1", 1 << 31)), "unique_identifier: a whole number from"),
    ],
)
def test_a_value_that_its_type_cannot_hold_is_refused_by_the_fields_name(request_: Request, said: str) -> None:
    with pytest.raises(FieldError, match=said):
        check(request_, V2_1)


def test_what_stands_for_an_earlier_answer_is_refused_where_the_version_has_no_such_thing() -> None:
    request = ActivateRequest(unique_identifier=-1)
    check(request, V2_0)
    with pytest.raises(OperationFailed, match="unique_identifier that stands for the answer to an earlier request"):
        check(request, V1_4)


def test_an_attribute_that_a_version_lacks_is_refused() -> None:
    request = CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes.of({Tag.SENSITIVE: True}))
    check(request, V1_4)
    with pytest.raises(OperationFailed, match="Sensitive"):
        check(request, V1_2)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.EC, "Cryptographic Algorithm EC"),
        (
            Tag.CRYPTOGRAPHIC_USAGE_MASK,
            CryptographicUsageMask.SIGN | CryptographicUsageMask.UNRESTRICTED,
            "Cryptographic Usage Mask Unrestricted",
        ),
    ],
)
def test_advisory_04_a_condition_that_a_version_lacks_is_refused(name: Tag, value: Any, said: str) -> None:
    """Left out, it would have Locate find more than was asked for."""
    request = LocateRequest(attributes=Attributes.of({name: value}))
    check(request, V2_1)
    with pytest.raises(OperationFailed, match=said):
        check(request, V1_0)


def test_an_operation_that_a_version_lacks_is_refused() -> None:
    with pytest.raises(OperationFailed) as caught:
        check(PingRequest(), V1_4)
    assert caught.value.reason is ResultReason.OPERATION_NOT_SUPPORTED


# --- conversations --------------------------------------------------------------------------------------------------


def discovered(*versions: Version) -> bytes:
    return message(done(DiscoverVersionsResponse(protocol_version=tuple(map(protocol_version, versions)))))


def negotiate(settings: Settings, *answers: bytes) -> tuple[Version | None, list[Version]]:
    """Drive a Ping until it is sent, and return the version found and those that were asked in."""
    session = Session(settings)
    conversation = session.batch([GetRequest(unique_identifier="1")])
    assert next(conversation) == Connect(session.server)
    step = conversation.send(b"")
    asked = []
    for answer in answers:
        assert isinstance(step, Exchange)
        asked.append(version_of(step.message))
        step = conversation.send(answer)
    assert isinstance(step, Exchange)
    assert version_of(step.message) is session.version
    conversation.close()
    return session.version, asked


def test_the_newest_common_version_is_taken() -> None:
    assert negotiate(Settings(), discovered(V3_0, V2_1, V1_4)) == (V2_1, [V1_1])
    assert negotiate(Settings(), discovered(V1_2, V1_4, V1_0)) == (V1_4, [V1_1])


def test_the_draft_version_is_taken_only_if_asked_for() -> None:
    assert negotiate(Settings(newest=V3_0), discovered(V3_0, V2_1)) == (V3_0, [V1_1])


def test_a_server_that_refuses_1_1_is_asked_in_2_1() -> None:
    refusal = message(refused(None, ResultReason.INVALID_MESSAGE), version=V2_1)
    assert negotiate(Settings(), refusal, discovered(V2_1)) == (V2_1, [V1_1, V2_1])


def test_a_server_that_has_no_discover_versions_speaks_1_0() -> None:
    refusal = message(refused(Operation.DISCOVER_VERSIONS, ResultReason.OPERATION_NOT_SUPPORTED), version=V1_0)
    assert negotiate(Settings(), refusal) == (V1_0, [V1_1])


def test_a_server_that_refuses_every_version_speaks_1_0() -> None:
    refusal = message(refused(None, ResultReason.INVALID_MESSAGE), version=V1_0)
    version, asked = negotiate(Settings(), *[refusal] * 7)
    assert version is V1_0
    assert set(asked) == set(Version) - {V1_0}


def test_a_version_that_is_said_is_not_negotiated() -> None:
    assert negotiate(Settings(version=V1_2)) == (V1_2, [])


def test_a_server_that_speaks_no_known_version_is_refused() -> None:
    conversation = Session(Settings()).batch([GetRequest(unique_identifier="1")])
    next(conversation)
    conversation.send(b"")
    with pytest.raises(OperationFailed, match="no version that we speak"):
        conversation.send(message(done(DiscoverVersionsResponse())))


def two_servers() -> Session:
    return Session(Settings(servers=(ONE, TWO), version=V1_4))


def test_the_next_server_is_tried_when_one_is_out_of_reach() -> None:
    conversation = two_servers().batch([ActivateRequest(unique_identifier="1")])
    assert next(conversation) == Connect(ONE)
    assert conversation.throw(ConnectionRefusedError()) == Connect(TWO)
    assert isinstance(conversation.send(b""), Exchange)
    with pytest.raises(StopIteration) as end:
        conversation.send(message(done(ACTIVATED)))
    assert end.value.value == [ACTIVATED]


def test_no_server_in_reach_is_told_with_what_each_said() -> None:
    conversation = two_servers().batch([ActivateRequest(unique_identifier="1")])
    next(conversation)
    conversation.throw(ConnectionRefusedError("closed"))
    with pytest.raises(ConnectionError, match=r"one:5696: closed; two:5696: gone"):
        conversation.throw(OSError("gone"))


def test_a_read_is_asked_again_of_the_next_server() -> None:
    conversation = two_servers().batch([GetRequest(unique_identifier="1")])
    next(conversation)
    first = conversation.send(b"")
    assert conversation.throw(ConnectionResetError()) == Connect(TWO)
    assert conversation.send(b"") == first


def test_a_change_is_not_asked_again_for_it_may_have_been_done() -> None:
    conversation = two_servers().batch([ActivateRequest(unique_identifier="1")])
    next(conversation)
    conversation.send(b"")
    with pytest.raises(ConnectionResetError):
        conversation.throw(ConnectionResetError())


def test_a_change_is_asked_again_if_nothing_of_it_had_left() -> None:
    conversation = two_servers().batch([ActivateRequest(unique_identifier="1")])
    next(conversation)
    conversation.send(b"")
    assert conversation.throw(NothingSent()) == Connect(ONE)


def test_tries_come_to_an_end() -> None:
    conversation = two_servers().batch([GetRequest(unique_identifier="1")])
    step: Connect | Exchange = next(conversation)
    exchanges = 0
    for _ in range(20):
        if not isinstance(step, Exchange):
            step = conversation.send(b"")
            continue
        exchanges += 1
        try:
            step = conversation.throw(ConnectionResetError())
        except ConnectionResetError:
            break
    assert exchanges == 3


def test_after_an_interruption_the_connection_is_not_used_again() -> None:
    session = two_servers()
    conversation = session.batch([GetRequest(unique_identifier="1")])
    next(conversation)
    conversation.send(b"")
    with pytest.raises(KeyboardInterrupt):
        conversation.throw(KeyboardInterrupt())
    assert next(session.batch([GetRequest(unique_identifier="1")])) == Connect(ONE)


def test_the_continuation_option_is_sent(session: Session) -> None:
    undo = BatchErrorContinuationOption.UNDO
    conversation = session.batch([ActivateRequest(), DestroyRequest()], on_error=undo)
    next(conversation)
    step = conversation.send(b"")
    assert isinstance(step, Exchange)
    header = load_request(step.message)[0].request_header
    assert header.batch_error_continuation_option is undo
    assert header.batch_order_option is True

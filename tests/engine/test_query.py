"""Query tells the truth; vendor extensions; Interop, Log, Set Endpoint Role."""

from __future__ import annotations

from typing import Any

import pytest

from keystead.engine.engine import Incoming
from keystead.engine.handlers import HANDLERS
from keystead.kmip import ttlv
from keystead.kmip.enums import (
    BatchErrorContinuationOption,
    EndpointRole,
    InteropFunction,
    ObjectType,
    Operation,
    QueryFunction,
    ResultReason,
)
from keystead.kmip.messages import (
    MessageExtension,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    dump_message,
    load_response,
    protocol_version,
)
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.server import QueryRequest
from keystead.kmip.payloads.session import InteropRequest, LogRequest, PingRequest, SetEndpointRoleRequest
from keystead.kmip.version import V1_0, V1_1, V2_0, V2_1, V3_0, Version
from tests.engine.world import World, create_request

F, R = QueryFunction, ResultReason
DRAFT = {Operation.ENCAPSULATE, Operation.DECAPSULATE}
"""Answered, but not listed: only a later draft of 3.0 than the published one has them."""


def query(world: World, *functions: QueryFunction, **how: Any) -> Any:
    return world.do(QueryRequest(query_function=functions), **how)


@pytest.mark.parametrize("version", list(Version), ids=str)
def test_what_is_listed_is_what_is_answered_in_each_version(world: World, version: Version):
    told = query(world, F.QUERY_OPERATIONS, F.QUERY_OBJECTS, version=version)
    answered = {r.OPERATION for r in HANDLERS if r.OPERATION.since <= version <= r.OPERATION.until}
    assert set(told.operation) == answered - DRAFT - {Operation.INTEROP}
    assert (ObjectType.USER in told.object_type) is (version >= V3_0)
    assert (ObjectType.TEMPLATE in told.object_type) is (version < V2_0)


@pytest.mark.parametrize("version", list(Version), ids=str)
def test_every_query_function_of_a_version_is_answered(world: World, version: Version):
    for function in QueryFunction:
        if function.since <= version <= function.until:
            assert query(world, function, version=version) is not None


def test_the_extension_list_has_names_and_the_map_all_of_them(world: World):
    (listed,) = query(world, F.QUERY_EXTENSION_LIST, version=V1_1).extension_information
    (mapped,) = query(world, F.QUERY_EXTENSION_LIST, F.QUERY_EXTENSION_MAP, version=V1_1).extension_information
    assert (listed.extension_name, listed.extension_tag, listed.extension_type) == (mapped.extension_name, None, None)
    assert (mapped.extension_tag, mapped.extension_type) == (0x540001, ttlv.TEXT_STRING)
    assert query(world, F.QUERY_EXTENSION_MAP).extension_information[0].extension_description


def extended(world: World, extension: MessageExtension, version: Version = V2_1) -> Any:
    message = RequestMessage(
        request_header=RequestHeader(protocol_version=protocol_version(version), batch_count=1),
        batch_item=(
            RequestBatchItem(operation=Operation.PING, request_payload=PingRequest(), message_extension=(extension,)),
        ),
    )
    (answer,) = world.engine.answer([Incoming(dump_message(message, version), world.callers["alice"])])
    return load_response(answer)[0].batch_item[0]


def justification(text: str = "ticket 4711", tag: int = 0x540001, vendor: str = "Keystead") -> MessageExtension:
    item = ttlv.Item(0, ttlv.STRUCTURE, [ttlv.Item(tag, ttlv.TEXT_STRING, text)])
    return MessageExtension(vendor_identification=vendor, criticality_indicator=True, vendor_extension=item)


def events(world: World) -> bytes:
    with world.engine.store.begin(write=False) as transaction:
        return b"\n".join(value for _, value in transaction.events(0, 1000))


def test_the_extension_that_is_declared_is_understood(world: World):
    assert extended(world, justification()).result_reason is None
    assert b"ticket 4711" in events(world)


def test_k12_a_critical_extension_that_is_not_known_is_refused(world: World):
    for extension in (
        justification(tag=0x540002),
        justification(vendor="ACME"),
        justification("x" * 2000),
        MessageExtension(vendor_identification="Keystead", criticality_indicator=True),
    ):
        assert extended(world, extension).result_reason is R.FEATURE_NOT_SUPPORTED
    harmless = MessageExtension(vendor_identification="ACME", criticality_indicator=False)
    assert extended(world, harmless).result_reason is None


@pytest.mark.parametrize("option", list(BatchErrorContinuationOption), ids=str)
@pytest.mark.parametrize("version", [V1_0, V2_1], ids=str)
def test_k12_a_critical_extension_that_is_not_known_is_one_of_the_whole_message(
    world: World, version: Version, option: BatchErrorContinuationOption
):
    """The receiver "SHALL reject the entire message".  Source: KMIP 1.4 §6.16; 2.1 §9.13."""
    unknown = MessageExtension(vendor_identification="ACME", criticality_indicator=True)
    items = tuple(
        RequestBatchItem(
            operation=Operation.CREATE,
            unique_batch_item_id=bytes((number,)),
            request_payload=create_request(name),
            message_extension=extensions,
        )
        for number, (name, extensions) in enumerate((("one", ()), ("two", (unknown,)), ("three", ())))
    )
    header = RequestHeader(
        protocol_version=protocol_version(version), batch_error_continuation_option=option, batch_count=3
    )
    message = dump_message(RequestMessage(request_header=header, batch_item=items), version)
    (answer,) = world.engine.answer([Incoming(message, world.callers["alice"])])
    answered = load_response(answer)[0].batch_item
    assert {item.result_reason for item in answered} == {R.FEATURE_NOT_SUPPORTED}
    assert not world.do(LocateRequest()).unique_identifier


def test_k38_this_end_stays_the_server(world: World):
    assert world.do(SetEndpointRoleRequest(endpoint_role=EndpointRole.SERVER)).endpoint_role is EndpointRole.SERVER
    assert world.refused(SetEndpointRoleRequest(endpoint_role=EndpointRole.CLIENT)) is R.PERMISSION_DENIED


def test_interop_and_log_are_marks_in_the_audit(world: World):
    world.engine.interop = True
    world.do(InteropRequest(interop_function=InteropFunction.BEGIN, interop_identifier="TC-1"))
    world.do(LogRequest(log_message="hello log"))
    assert b"Begin TC-1" in events(world)
    assert b"hello log" in events(world)
    assert world.refused(LogRequest(log_message="x" * 5000)) is R.INVALID_FIELD


def test_interop_is_not_there_in_production(world: World):
    request = InteropRequest(interop_function=InteropFunction.BEGIN, interop_identifier="TC-1")
    assert world.refused(request) is R.OPERATION_NOT_SUPPORTED
    assert Operation.INTEROP not in query(world, F.QUERY_OPERATIONS).operation


def test_a_query_needs_a_function(world: World):
    assert world.refused(QueryRequest(query_function=()), version=V1_0) is R.INVALID_MESSAGE


@pytest.mark.parametrize("now", [-1.0, -1e9, 0.0, 2.0**31, 253_402_300_799.0])
def test_d02_d03_whatever_the_clock_says_there_is_an_answer(world: World, now: float) -> None:
    world.clock.now = now
    assert world.do(GetRequest(unique_identifier=world.create())).object

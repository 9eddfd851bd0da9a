"""Many messages in one turn: how long it lasts, and what one of them does to the others (R01, W19, A10)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from keystead.audit.log import Event
from keystead.engine import engine as engine_module
from keystead.engine.engine import Incoming
from keystead.errors import StoreError
from keystead.kmip import ttlv
from keystead.kmip.encodings import TEXTS
from keystead.kmip.enums import ResultReason, ResultStatus
from keystead.kmip.messages import load_response
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.server import DiscoverVersionsRequest
from keystead.kmip.version import V1_4, V2_1
from tests.engine.world import World, request_message

ASK = request_message(DiscoverVersionsRequest(), version=V1_4)


def incoming(world: World, message: bytes = ASK, who: str = "alice", **more: Any) -> Incoming:
    return Incoming(message, world.callers[who], **more)


def events(world: World) -> list[Event]:
    with world.engine.store.begin(write=False) as transaction:
        return [Event.decode(data) for _, data in transaction.events(0, 10_000)]


def reasons(answers: Sequence[bytes]) -> list[ResultReason | None]:
    return [load_response(answer)[0].batch_item[0].result_reason for answer in answers]


def test_a_turn_that_has_lasted_long_enough_begins_no_more_but_one_at_the_least(world: World) -> None:
    messages = [incoming(world) for _ in range(5)]
    assert len(world.engine.answer(messages, 0.0)) == 1
    assert len(world.engine.answer(messages, 60.0)) == 5
    assert len(world.engine.answer(messages)) == 5
    assert sum(event.operation == "Discover Versions" for event in events(world)) == 11  # what began, and nothing else


@pytest.mark.parametrize("encoding", ["ttlv", "xml", "json"])
def test_R01_what_has_waited_too_long_is_refused_in_its_version_and_recorded(world: World, encoding: str) -> None:
    message = ASK if encoding == "ttlv" else str(TEXTS[encoding].dumps(ttlv.decode(ASK))).encode()
    (answer,) = world.engine.answer([incoming(world, message, encoding=encoding, overdue=True)])
    if encoding != "ttlv":
        answer = ttlv.encode(TEXTS[encoding].loads(answer))
    response, version = load_response(answer)
    assert version == V1_4
    assert response.batch_item[0].result_status is ResultStatus.OPERATION_FAILED
    assert "too busy" in (response.batch_item[0].result_message or "")
    assert events(world)[-1].reason


@pytest.mark.parametrize("encoding", ["ttlv", "xml", "json"])
@pytest.mark.parametrize("fault", ["store", "defect"])
def test_W19_when_nothing_can_be_done_the_answer_is_still_in_the_encoding_of_the_question(
    world: World, monkeypatch: pytest.MonkeyPatch, encoding: str, fault: str
) -> None:
    def fails(*_: object) -> bytes:
        if fault == "store":
            raise StoreError("the disk is full: /var/lib/secret")
        raise RuntimeError("a secret: 0123456789abcdef")

    monkeypatch.setattr(world.engine, "_message", fails)
    message = ASK if encoding == "ttlv" else str(TEXTS[encoding].dumps(ttlv.decode(ASK))).encode()
    (answer,) = world.engine.answer([incoming(world, message, encoding=encoding)])
    if encoding == "json":
        json.loads(answer)
    if encoding != "ttlv":
        answer = ttlv.encode(TEXTS[encoding].loads(answer))
    response, version = load_response(answer)
    assert version == V1_4
    (item,) = response.batch_item
    assert item.result_reason is ResultReason.GENERAL_FAILURE
    assert "secret" not in (item.result_message or "")


def test_A10_a_defect_in_one_message_is_recorded_and_the_others_are_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = world.engine._message
    bad = request_message(LocateRequest(), version=V2_1)

    def sometimes(turn: Any, one: Incoming) -> bytes:
        if one.message == bad:
            raise RuntimeError("outside of any batch item")
        return usual(turn, one)

    monkeypatch.setattr(world.engine, "_message", sometimes)
    before = len(events(world))
    answers = world.engine.answer([incoming(world), incoming(world, bad, "bob"), incoming(world)])
    assert reasons(answers) == [None, ResultReason.GENERAL_FAILURE, None]
    new = events(world)[before:]
    assert [(event.name, event.status) for event in new] == [
        ("alice", "Success"),
        ("bob", "Operation Failed"),
        ("alice", "Success"),
    ]
    assert engine_module.OVERDUE.reason is ResultReason.SERVER_LIMIT_EXCEEDED

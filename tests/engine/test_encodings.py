"""Messages in XML and JSON that cannot be read, or not now: they are answered in their own encoding and version."""

from __future__ import annotations

import json

import pytest

from keystead.engine.engine import Incoming
from keystead.kmip import ttlv
from keystead.kmip.encodings import TEXTS
from keystead.kmip.enums import ResultReason
from keystead.kmip.messages import load_response
from keystead.kmip.version import Version
from tests.engine.world import World, create_request, request_message


def spelled(encoding: str, version: Version) -> str:
    """A Create of an AES key in a text encoding."""
    return str(TEXTS[encoding].dumps(ttlv.decode(request_message(create_request(), version=version))))


def answered(world: World, encoding: str, text: str) -> tuple[Version, ResultReason | None]:
    """The version and the reason of an answer, read in the encoding of its message."""
    (answer,) = world.engine.answer([Incoming(text.encode(), world.callers["alice"], encoding)])
    message, version = load_response(ttlv.encode(TEXTS[encoding].loads(answer)))
    return version, message.batch_item[0].result_reason


@pytest.mark.parametrize("version", list(Version), ids=str)
@pytest.mark.parametrize("encoding", ["xml", "json"])
def test_what_cannot_be_read_is_answered_in_the_version_that_it_names(
    world: World, encoding: str, version: Version
) -> None:
    text = spelled(encoding, version).replace('"AES"', '"AESOP"')
    said, reason = answered(world, encoding, text)
    assert said is version
    assert reason in (ResultReason.UNKNOWN_ENUMERATION, ResultReason.INVALID_FIELD)


@pytest.mark.parametrize("encoding", ["xml", "json"])
def test_a_message_cut_short_is_answered_in_the_version_that_it_names(world: World, encoding: str) -> None:
    text = spelled(encoding, Version.V1_4)
    assert answered(world, encoding, text[: len(text) // 2])[0] is Version.V1_4


@pytest.mark.parametrize("encoding", ["xml", "json"])
def test_what_names_no_version_is_answered_in_the_oldest(world: World, encoding: str) -> None:
    assert answered(world, encoding, "?")[0] is Version.V1_0


@pytest.mark.parametrize("number", ['"1"', '"0x00000001"'])
def test_the_version_is_found_however_its_numbers_are_written(world: World, number: str) -> None:
    text = spelled("xml", Version.V1_2)
    text = text.replace('Major type="Integer" value="1"', f"Major type='Integer' value={number}")
    assert answered(world, "xml", text.replace("AES", "AESOP"))[0] is Version.V1_2
    tree = json.loads(spelled("json", Version.V1_2))
    tree["value"][0]["value"][0]["value"][0]["value"] = json.loads(number)
    assert answered(world, "json", json.dumps(tree).replace("AES", "AESOP"))[0] is Version.V1_2


@pytest.mark.parametrize("encoding", ["xml", "json"])
def test_a_sealed_server_answers_in_the_encoding_of_the_message(
    world: World, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(world.engine), "sealed", True)
    assert answered(world, encoding, spelled(encoding, Version.V2_0)) == (Version.V2_0, ResultReason.GENERAL_FAILURE)


@pytest.mark.parametrize("encoding", ["xml", "json"])
def test_every_spelling_of_a_split_key_method_is_read(encoding: str) -> None:
    for name, number in (("GF2_8", 4), ("GF28", 4), ("GF2_16", 2), ("GF216", 2)):
        text = {
            "xml": f'<SplitKeyMethod type="Enumeration" value="PolynomialSharing{name}"/>',
            "json": f'{{"tag": "SplitKeyMethod", "type": "Enumeration", "value": "PolynomialSharing{name}"}}',
        }[encoding]
        assert TEXTS[encoding].loads(text).value == number

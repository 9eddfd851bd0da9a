"""keystead decode."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from keystead.cli import tree
from keystead.cli.decode import complaints, form_of, to_ttlv, translate
from keystead.cli.main import cli
from keystead.client.session import Session
from keystead.client.settings import Settings
from keystead.client.shorthand import request_of
from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.enums import Operation, ResultStatus
from keystead.kmip.messages import (
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    dump_message,
    protocol_version,
)
from keystead.kmip.payloads import Response
from keystead.kmip.payloads.crypto import DecryptResponse, EncryptResponse
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_4, V2_1, V3_0, Version


def request(operation: Operation = Operation.CREATE, version: Version = V2_1, **said: str) -> bytes:
    said = said or {"algorithm": "AES", "length": "256", "name": "demo", "usage": "Encrypt|Decrypt"}
    session = Session(Settings(username="alice", password="hunter2"))
    return dump_message(session.message([request_of(operation, said)], version), version)


def response(payload: Response, version: Version = V2_1) -> bytes:
    item = ResponseBatchItem(operation=payload.OPERATION, result_status=ResultStatus.SUCCESS, response_payload=payload)
    header = ResponseHeader(protocol_version=protocol_version(version), time_stamp=1_893_456_000, batch_count=1)
    return dump_message(ResponseMessage(response_header=header, batch_item=(item,)), version)


def run(*words: str, data: bytes | str | None = None) -> Result:
    return CliRunner().invoke(cli, ["decode", *words], input=data, standalone_mode=False)


def show(message: bytes, **how: bool) -> str:
    return "\n".join(tree.lines(tree.read(message), **how))


def test_a_message_is_a_tree_of_tags_types_and_names() -> None:
    text = show(request())
    assert text.startswith("Request Message\n  Request Header\n    Protocol Version\n")
    for line in (
        r"Cryptographic Algorithm +Enumeration +AES \(0x3\)",
        r"Cryptographic Usage Mask +Integer +Encrypt \| Decrypt \(0xC\)",
        r"Name Value +Text String +'demo'",
        r"Object Type +Enumeration +Symmetric Key \(0x2\)",
    ):
        assert re.search(rf"^ +{line}$", text, re.MULTILINE), line


def test_dates_are_in_utc() -> None:
    text = show(response(EncryptResponse(unique_identifier="1")))
    assert re.search(r"Time Stamp +Date Time +2030-01-01T00:00:00\+00:00", text)


@pytest.mark.parametrize("version", [V1_4, V2_1, V3_0], ids=str)
def test_secrets_are_hidden_unless_asked_for(version: Version) -> None:
    message = request(Operation.REGISTER, version, object_type="SecretData", material="text:s3cret")
    hidden, shown = show(message), show(message, show_secrets=True)
    assert "hunter2" not in hidden
    assert b"s3cret".hex() not in hidden
    assert "<6 bytes, not shown>" in hidden
    assert "'alice'" in hidden
    assert "'hunter2'" in shown
    assert b"s3cret".hex() in shown


def test_what_is_secret_depends_on_the_operation() -> None:
    sealed = EncryptResponse(unique_identifier="1", data=b"sealed")
    opened = DecryptResponse(unique_identifier="1", data=b"opened")
    assert b"sealed".hex() in show(response(sealed))
    assert b"opened".hex() not in show(response(opened))
    assert b"plain".hex() not in show(request(Operation.ENCRYPT, data="text:plain"))


def test_a_piece_of_a_message_hides_what_is_secret_anywhere() -> None:
    material = ttlv.encode(ttlv.Item(Tag.KEY_MATERIAL, ttlv.BYTE_STRING, b"s3cret"))
    assert b"s3cret".hex() not in show(material)


@pytest.mark.parametrize("form", ["binary", "hex", "spaced hex", "base64", "xml", "json"])
def test_every_form_is_seen_by_itself(form: str) -> None:
    message = request()
    written = {
        "binary": message,
        "hex": message.hex().encode(),
        "spaced hex": message.hex(" ").upper().encode() + b"\n",
        "base64": base64.encodebytes(message),
        "xml": translate(message, "xml").encode(),
        "json": translate(message, "json").encode(),
    }[form]
    assert form_of(written) == form.rpartition(" ")[2]
    assert to_ttlv(written) == message
    result = run("-", data=written)
    assert result.return_value == 0
    assert result.output == show(message) + "\n"


def test_a_file_and_a_text(tmp_path: Path) -> None:
    file = tmp_path / "message.bin"
    file.write_bytes(request())
    assert run(str(file)).output == run("--hex", request().hex(":")).output == show(request()) + "\n"


@pytest.mark.parametrize("to", ["xml", "json", "hex"])
def test_a_message_is_translated(to: str) -> None:
    message = response(EncryptResponse(unique_identifier="1", data=b"sealed"))
    translated = run("--hex", message.hex(), "--to", to)
    assert to_ttlv(translated.output.encode()) == message


def test_secrets_are_not_translated_unless_asked_for() -> None:
    message = response(DecryptResponse(unique_identifier="1", data=b"opened"))
    refused = run("--hex", message.hex(), "--to", "xml")
    assert "--show-secrets" in str(refused.exception)
    assert "OPENED" not in refused.output.upper()
    assert run("--hex", message.hex(), "--to", "xml", "--show-secrets").return_value == 0


# --- what is wrong --------------------------------------------------------------------------------------------------


def test_a_message_cut_short_is_printed_up_to_there() -> None:
    message = request()
    for end in range(1, len(message)):
        nodes = tree.read(message[:end])
        assert any(node.problem for node in nodes), end
        text = show(message[:end])
        assert "!! byte " in text
        assert run("--hex", message[:end].hex()).return_value == 65


def test_the_byte_at_fault_is_named_and_the_rest_is_read() -> None:
    message = bytearray(request())
    at = message.index(bytes.fromhex("420028050000000400000003"))
    message[at + 15] = 1  # the padding of Cryptographic Algorithm
    text = show(bytes(message))
    assert f"!! byte {at}: padding is not zero" in text
    assert "'demo'" in text
    result = run("--hex", message.hex())
    assert result.return_value == 65


def test_bytes_after_the_message_are_told() -> None:
    text = show(request() + bytes(3))
    assert text.endswith(f"!! byte {len(request())}: 3 bytes follow the message")


def test_a_field_that_does_not_belong_is_named_by_the_typed_reader() -> None:
    message = request()
    broken = message.replace(bytes.fromhex("42005705000000040000000200000000"), b"")
    shorter = len(message) - len(broken)
    for header in (b"\x42\x00\x78\x01", b"\x42\x00\x0f\x01", b"\x42\x00\x79\x01"):
        at = broken.index(header) + 4
        length = int.from_bytes(broken[at : at + 4], "big") - shorter
        broken = broken[:at] + length.to_bytes(4, "big") + broken[at + 4 :]
    result = run("--hex", broken.hex())
    assert result.return_value == 65
    assert "!! batch item 1, Create: CreateRequest needs Object Type, not Attributes (at byte " in result.output


def test_a_version_that_is_not_spoken_is_told() -> None:
    message = request().replace(
        bytes.fromhex("42006b02000000040000000100000000"), bytes.fromhex("42006b02000000040000000900000000")
    )
    assert any("KMIP 2.9" in complaint for complaint in complaints(message))


def test_a_wrong_batch_count_is_told() -> None:
    message = request().replace(
        bytes.fromhex("42000d02000000040000000100000000"), bytes.fromhex("42000d02000000040000000200000000")
    )
    assert list(complaints(message)) == ["Batch Count says 2, but there are 1 batch items"]


@pytest.mark.parametrize(
    ("words", "data", "complaint"),
    [
        (["--hex", "42007"], None, "the number of digits is odd"),
        (["--hex", "4200zz"], None, "character 5 is no digit"),
        (["--form", "base64", "-"], "AA=A", "not base64"),
        (["--xml", "-"], "<RequestMessage>", "!!"),
        (["--json", "-"], "{", "!!"),
        (["-"], "", "!! "),
        (["--hex", "ff" * 16], None, "neither 42 nor 54"),
    ],
)
def test_what_is_no_message_is_told(words: list[str], data: str | None, complaint: str) -> None:
    result = run(*words, data=data)
    assert result.return_value == 65
    assert complaint in result.output


def test_hostile_depth_and_length_end_quickly() -> None:
    deep = b"".join(b"\x42\x00\x78\x01" + (8 * (5000 - n)).to_bytes(4, "big") for n in range(1, 5001))
    assert "nested too deeply" in show(deep)
    assert "its length is" in show(b"\x42\x00\x78\x01\xff\xff\xff\xf8" + bytes(8))


def test_every_single_byte_change_is_printed_without_a_traceback() -> None:
    message = request(Operation.REGISTER, V1_4, object_type="SecretData", material="text:s3cret")
    for place in range(len(message)):
        for flip in (0x01, 0x80, 0xFF):
            mutated = message[:place] + bytes([message[place] ^ flip]) + message[place + 1 :]
            list(tree.lines(tree.read(mutated)))
            list(complaints(mutated))


def test_an_attribute_whose_name_is_no_text_is_printed() -> None:
    name, value = ttlv.Item(Tag.ATTRIBUTE_NAME, ttlv.INTEGER, 5), ttlv.Item(Tag.ATTRIBUTE_VALUE, ttlv.ENUMERATION, 1)
    assert "0x00000001" in show(ttlv.encode(ttlv.Item(Tag.ATTRIBUTE, ttlv.STRUCTURE, (name, value))))


def test_the_enumeration_of_an_attribute_of_1_x_follows_from_its_name() -> None:
    text = show(request(version=V1_4))
    assert re.search(r"Attribute Value +Enumeration +AES \(0x3\)", text)
    assert re.search(r"Attribute Value +Integer +Encrypt \| Decrypt \(0xC\)", text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        raise run(str(tmp_path / "none")).exception or AssertionError


def test_it_runs_in_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "keystead.cli.main", "decode"],
        input=request().hex().encode(),
        capture_output=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Request Message\n")


def test_an_unknown_form_of_bytes_is_binary() -> None:
    assert form_of(b"\xff\xfe") == "binary"
    with pytest.raises(CodecError):
        to_ttlv(b"zz", "hex")

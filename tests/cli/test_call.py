"""keystead call, against `keystead dev` over TLS."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from keystead.cli.call import OUT_OF_REACH, REFUSALS, assignments, call, describe
from keystead.cli.exits import MEANINGS
from keystead.client import FieldError
from keystead.kmip import ttlv, ttlv_json, ttlv_xml
from keystead.kmip.payloads import OPERATIONS
from keystead.kmip.schema import fields_of
from keystead.kmip.tags import Tag


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Alice's profile at a running server."""
    directory = tmp_path_factory.mktemp("call")
    ready = directory / "ready.json"
    command = [sys.executable, "-m", "keystead.cli.main", "dev", "--dir", str(directory / "dev")]
    command += ["--kmip-port", "0", "--https-port", "0", "--ready-file", str(ready)]
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until = time.monotonic() + 30
            while not ready.exists():
                assert process.poll() is None, (directory / "log").read_text()
                assert time.monotonic() < until, "keystead dev is not ready after 30 seconds"
                time.sleep(0.05)
            yield json.loads(ready.read_text())["clients"]["alice"]["profile"]
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KEYSTEAD_") and name != "KEYSTEAD_SHARED"]:
        monkeypatch.delenv(name)


def run(*words: str, **more: object) -> Result:
    return CliRunner().invoke(call, words, standalone_mode=False, **more)  # type: ignore[arg-type]


def uid_of(result: Result) -> str:
    assert result.return_value == 0, result.output
    found = re.search(r"Unique Identifier +'([^']+)'", result.output)
    assert found is not None
    return found[1]


def test_a_key_is_created_found_and_fetched(profile: str) -> None:
    at = ("--profile", profile)
    made = run("Create", "algorithm=AES", "length=256", "name=from the shell", "usage=Encrypt,Decrypt", *at)
    uid = uid_of(made)
    assert "Symmetric Key (0x2)" in made.output
    assert uid_of(run("locate", "name=from the shell", *at)) == uid
    fetched = run("Get", f"uid={uid}", *at)
    assert "<32 bytes, not shown>" in fetched.output
    assert not re.search(r"\b[0-9a-f]{64}\b", fetched.output)
    shown = run("Get", f"uid={uid}", "--show-secrets", *at)
    assert re.search(r"Key Material +[0-9a-f]{64}$", shown.output, re.MULTILINE)
    assert run("Destroy", f"uid={uid}", *at).return_value == 0


def test_data_is_encrypted_from_a_file_and_from_standard_input(profile: str, tmp_path: Path) -> None:
    at = ("--profile", profile)
    uid = uid_of(run("Create", "algorithm=AES", "length=128", "usage=Encrypt|Decrypt", *at))
    run("Activate", f"uid={uid}", *at)
    file = tmp_path / "data"
    file.write_bytes(bytes(16))
    words = ("Encrypt", f"uid={uid}", "mode=ECB", *at)
    sealed = [
        run(*words, f"data=@{file}"),
        run(*words, "data=@-", input=bytes(16)),
        run(*words, "data=hex:" + "00" * 16),
    ]
    assert len({each.output for each in sealed}) == 1
    data = re.search(r"Data +([0-9a-f]{32})$", sealed[0].output, re.MULTILINE)
    assert data is not None
    opened = run("Decrypt", f"uid={uid}", "mode=ECB", f"data=hex:{data[1]}", "--show-secrets", *at)
    assert "0" * 32 in opened.output


def test_the_answer_is_printed_for_programs(profile: str) -> None:
    words = ("Query", "query_function=QueryOperations", "--profile", profile)
    answers = [
        ttlv_json.loads(run(*words, "--json").output),
        ttlv_xml.loads(run(*words, "--xml").output),
        ttlv.decode(bytes.fromhex(run(*words, "--ttlv").output.strip())),
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0].tag == Tag.RESPONSE_PAYLOAD


def test_secrets_are_not_printed_for_programs_unless_asked_for(profile: str) -> None:
    words = ("RNGRetrieve", "data_length=8", "--json", "--profile", profile)
    refused = run(*words)
    assert refused.exception is not None
    assert "--show-secrets" in str(refused.exception)
    assert refused.output == ""
    assert json.loads(run(*words, "--show-secrets").output)


def test_a_refusal_has_the_exit_status_of_its_reason(profile: str) -> None:
    missing = run("Get", "uid=none", "--profile", profile)
    assert missing.return_value == 4
    assert missing.stderr.startswith("refused: ")
    assert run("Poll", "asynchronous_correlation_value=hex:00", "--profile", profile).return_value not in (0, 2)


@pytest.mark.parametrize("version", ["1.0", "1.4", "2.0", "2.1"])
def test_the_version_may_be_said(profile: str, version: str) -> None:
    made = run("Create", "algorithm=AES", "length=128", "--kmip-version", version, "--profile", profile)
    assert uid_of(made)


def test_what_a_version_lacks_is_refused_before_it_is_sent(profile: str) -> None:
    result = run("Ping", "--kmip-version", "1.4", "--profile", profile)
    assert (result.return_value, result.stderr) == (
        7,
        "refused: Operation Not Supported: KMIP 1.4 has no operation Ping\n",
    )


def test_a_server_out_of_reach_is_told(tmp_path: Path) -> None:
    result = run("Ping", "--server", "localhost:1")
    assert result.return_value == OUT_OF_REACH
    assert "localhost:1: nothing listens there" in result.stderr
    assert "Is the server running" in result.stderr


def test_what_to_do_is_said_when_a_server_does_not_answer(profile: str, tmp_path: Path) -> None:
    facts = json.loads(Path(profile).read_text())
    at = Path(profile).parent
    server, ca = ["--server", facts["server"]], ["--ca", str(at / facts["ca"])]
    shown = ["--cert", str(at / facts["certificate"]), "--key", str(at / facts["private_key"])]
    for words, said in (
        ([*server, *shown], "Say who vouches for it with --ca"),
        ([*server, "--ca", shown[1], *shown], "does not come from an authority in"),
        ([*server, *ca], "No certificate was shown"),
        ([*server, *ca, "--cert", ca[1], "--key", str(at / "ca.key")], "enrolled there?"),
    ):
        result = run("Ping", *words)
        assert result.return_value == OUT_OF_REACH
        assert said in result.stderr, result.stderr


def test_a_dry_run_needs_no_server() -> None:
    result = run("Create", "algorithm=AES", "length=128", "--dry-run", "--kmip-version", "1.4")
    assert result.return_value == 0
    assert "Attribute Name   'Cryptographic Algorithm'" in re.sub(r" {3,}", "   ", result.output)
    message = run("Create", "algorithm=AES", "length=128", "--dry-run", "--ttlv").output
    assert ttlv.decode(bytes.fromhex(message.strip())).tag == Tag.REQUEST_MESSAGE


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["Creat"], "no operation Creat; did you mean Create"),
        (["Create", "algorithm"], "algorithm: write FIELD=VALUE"),
        (["Create", "lenth=1"], "no field lenth; did you mean length"),
        (["Create", "algorithm=AEZ"], "did you mean AES"),
        (["Register", "material=@/nowhere"], "/nowhere cannot be read"),
        (["Register", "material=s3cret"], "bytes belong here"),
        (["Create", "algorithm=AES", "length=99999999999"], "length: a whole number from -2147483648 to 2147483647"),
        (["Locate", "usage=0x80000000"], "usage: a mask has 31 bits"),
        (["Locate", "storage_status_mask=4294967296"], "storage_status_mask: a mask has 31 bits"),
        (["Locate", "maximum_items=4294967296"], "maximum_items: a whole number from"),
        (["Create", "activation_date=99999999999999999999"], "activation_date: a date from 1970-01-01 to 9999-12-31"),
        (["Register", "object_type=OpaqueObject", "opaque_data_type=1", "material=text:x"], "from 0x80000000"),
        (["Register", "material=text:\udcff"], "material: this is not text"),
        (["Register", "material=text:x", "length=abc"], "cryptographic_length: a whole number"),
        (["Get", "unique_identifier=\udcff"], "unique_identifier: a text belongs here, and this is not UTF-8"),
        (["Get", "\udcff"], "write FIELD=VALUE"),
        (["Poll"], "needs asynchronous_correlation_value"),
    ],
)
def test_a_wrong_command_line_is_explained(words: list[str], complaint: str) -> None:
    result = run(*words)
    assert complaint in str(result.exception)
    assert "--help" in str(result.exception)
    assert "s3cret" not in str(result.exception)
    assert CliRunner().invoke(call, words).exit_code == 2


def test_an_opaque_data_type_of_ones_own_is_sent() -> None:
    words = ("object_type=OpaqueObject", "opaque_data_type=0x80000001", "material=text:x", "--dry-run")
    assert re.search(r"Opaque Data Type +0x80000001", run("Register", *words).output)


def test_values_of_files_and_of_at_signs(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"\xff=")
    found = assignments([f"a=@{file}", "b=@@home", "c=x=y", "d="])
    assert found == [("a", b"\xff="), ("b", "@home"), ("c", "x=y"), ("d", "")]
    with pytest.raises(FieldError):
        assignments(["=x"])


# --- help -----------------------------------------------------------------------------------------------------------


def test_help_teaches_with_examples_that_can_be_read() -> None:
    result = run("--help")
    assert result.return_value == 0
    examples = re.findall(r"^  keystead call (.*)$", result.output, re.MULTILINE)
    assert len(examples) >= 8
    for example in examples:
        words = [word for word in re.findall(r"\S+", example) if word not in ("--show-secrets", "--json")]
        words = [word.replace("@password.txt", "text:x") for word in words]
        assert run(*words, "--dry-run", "--show-secrets").return_value == 0, example


def test_no_operation_is_answered_with_help() -> None:
    result = run()
    assert result.return_value == 2
    assert "Examples:" in result.output


@pytest.mark.parametrize("operation", list(OPERATIONS), ids=str)
def test_the_help_of_an_operation_is_its_field_table(operation: object) -> None:
    text = describe(operation)  # type: ignore[arg-type]
    for field in fields_of(OPERATIONS[operation][0]):  # type: ignore[index]
        assert re.search(rf"^  {field.name}\b", text, re.MULTILINE)


def test_the_help_of_an_operation_tells_types_versions_and_what_is_required() -> None:
    text = run("CreateSplitKey", "--help").output
    assert re.search(r"split_key_parts +Integer +required", text)
    assert re.search(r"protection_storage_masks +Protection Storage Masks +since KMIP 2\.0", text)
    assert "XOR" in text
    assert "cryptographic_algorithm (algorithm)" in text


def test_the_help_names_every_exit_status() -> None:
    told = {int(found) for found in re.findall(r"(\d+)\s[a-z]", run("--help").output.partition("Exit status:")[2])}
    assert {*REFUSALS.values(), OUT_OF_REACH} <= told == set(MEANINGS)

"""PKCS#11 through KMIP: from Keystead's own library, and from a token of SoftHSM."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from struct import unpack
from typing import Any

import pytest

import keystead
from keystead.config import Config
from keystead.engine import pkcs11
from keystead.engine.tokens import CALL_SECONDS, Module, open_token
from keystead.errors import ConfigError
from keystead.kmip.enums import Operation, ResultReason, ResultStatus
from keystead.kmip.enums import PKCS11Function as F
from keystead.kmip.enums import PKCS11ReturnCode as R
from keystead.kmip.payloads.session import PKCS11Request
from keystead.kmip.version import V1_4, V2_0, V2_1, V3_0
from tests.engine.world import World
from tests.hsm import SOFTHSM, installed

LABEL = "keystead test"


def call(
    world: World, function: F, parameters: bytes | None = None, correlation: bytes | None = None, **how: Any
) -> Any:
    """Call a function; the payload of the answer."""
    request = PKCS11Request(
        pkcs_11_function=function, correlation_value=correlation, pkcs_11_input_parameters=parameters
    )
    return world.do(request, **how)


def code(*arguments: Any, **how: Any) -> R:
    """Call a function; its return code."""
    return call(*arguments, **how).pkcs_11_return_code  # type: ignore[no-any-return]


def initialize(world: World, **how: Any) -> bytes:
    answer = call(world, F.C_INITIALIZE, b"\1", **how)
    assert answer.pkcs_11_return_code is R.OK
    assert answer.pkcs_11_output_parameters is None
    return bytes(answer.correlation_value)


def ulong(value: int) -> bytes:
    return value.to_bytes(8, "big")


def count(value: int) -> bytes:
    return value.to_bytes(4, "big")


# --- without a module -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [V2_0, V2_1, V3_0])
def test_keystead_says_that_it_is_a_library_without_slots(world: World, version: Any) -> None:
    library = initialize(world, version=version)
    info = call(world, F.C_GET_INFO, None, library, version=version)
    spoken, maker, flags, description, own = unpack(">2s32sQ32s2s", info.pkcs_11_output_parameters)
    assert (spoken, flags) == (b"\3\0", 0)
    assert maker == description == b"Keystead".ljust(32)
    assert own[0] == int(keystead.__version__.split(".")[0])
    assert info.correlation_value == (library if version is V3_0 else None)
    slots = call(world, F.C_GET_SLOT_LIST, b"\0" + count(8), library, version=version)
    assert slots.pkcs_11_output_parameters == count(0)
    assert code(world, F.C_GET_SLOT_INFO, ulong(0), library) is R.SLOT_ID_INVALID
    assert code(world, F.C_GET_TOKEN_INFO, ulong(0), library) is R.SLOT_ID_INVALID
    assert code(world, F.C_OPEN_SESSION, ulong(0) + ulong(4), library) is R.SLOT_ID_INVALID
    assert code(world, F.C_FINALIZE, None, library) is R.OK
    assert code(world, F.C_GET_INFO, None, library) is R.CRYPTOKI_NOT_INITIALIZED


def test_k38_there_is_no_such_operation_before_2_0(world: World) -> None:
    request = PKCS11Request(pkcs_11_function=F.C_INITIALIZE, pkcs_11_input_parameters=b"\1")
    assert Operation.PKCS_11.since is V2_0
    item = world.ask(request, version=V1_4)
    assert (item.result_status, item.result_reason) == (
        ResultStatus.OPERATION_FAILED,
        ResultReason.OPERATION_NOT_SUPPORTED,
    )


def test_a_library_is_its_clients_alone_and_survives_a_restart(world: World) -> None:
    library = initialize(world)
    forged = bytes((library[0] ^ 1,)) + library[1:]
    assert code(world, F.C_GET_INFO, None, library, who="bob") is R.CRYPTOKI_NOT_INITIALIZED
    for correlation in (forged, b"", b"x", None):
        assert code(world, F.C_GET_INFO, None, correlation) is R.CRYPTOKI_NOT_INITIALIZED
    world.reopen()
    assert code(world, F.C_GET_INFO, None, library) is R.OK
    world.clock.move(pkcs11.UNUSED_SECONDS - 1)
    assert code(world, F.C_GET_INFO, None, library) is R.OK
    world.clock.move(pkcs11.UNUSED_SECONDS)
    assert code(world, F.C_GET_INFO, None, library) is R.CRYPTOKI_NOT_INITIALIZED


def test_initializing_twice_and_too_often(world: World) -> None:
    library = initialize(world)
    assert code(world, F.C_INITIALIZE, b"\1", library) is R.CRYPTOKI_ALREADY_INITIALIZED
    for _ in range(pkcs11.MOST_LIBRARIES - 1):
        initialize(world)
    request = PKCS11Request(pkcs_11_function=F.C_INITIALIZE, pkcs_11_input_parameters=b"\1")
    assert world.refused(request) is ResultReason.SERVER_LIMIT_EXCEEDED
    world.clock.move(pkcs11.UNUSED_SECONDS)
    initialize(world)


def test_functions_and_interfaces_that_are_not_there(world: World) -> None:
    library = initialize(world)

    def ask(function: Any, interface: str | None = None) -> Any:
        return PKCS11Request(pkcs_11_function=function, pkcs_11_interface=interface, correlation_value=library)

    for function in (*pkcs11.UNAVAILABLE, F(0), F(0x5D), F(0x80000001)):
        assert world.refused(ask(function)) is ResultReason.PKCS_11_INVALID_FUNCTION
    assert world.refused(ask(F.C_GET_INFO, "Vendor 1")) is ResultReason.PKCS_11_INVALID_INTERFACE
    answer = world.do(ask(F.C_GET_INFO, pkcs11.INTERFACE))
    assert (answer.pkcs_11_interface, answer.pkcs_11_return_code) == (pkcs11.INTERFACE, R.OK)
    for function in set(F) - set(pkcs11.FUNCTIONS) - pkcs11.UNAVAILABLE - {F.C_INITIALIZE}:
        assert code(world, function, None, library) is R.FUNCTION_NOT_SUPPORTED


def test_parameters_that_are_not_those_of_the_function(world: World) -> None:
    library = initialize(world)
    for function, parameters in (
        (F.C_INITIALIZE, None),
        (F.C_INITIALIZE, b""),
        (F.C_INITIALIZE, b"\2"),
        (F.C_INITIALIZE, b"\1\1"),
        (F.C_GET_INFO, b"\0"),
        (F.C_FINALIZE, b"\0"),
        (F.C_GET_SLOT_LIST, b"\1"),
        (F.C_GET_SLOT_LIST, b"\1" + count(1) + b"\0"),
        (F.C_GET_SLOT_INFO, count(1)),
    ):
        request = PKCS11Request(
            pkcs_11_function=function,
            pkcs_11_input_parameters=parameters,
            correlation_value=None if function is F.C_INITIALIZE else library,
        )
        assert world.refused(request) is ResultReason.PKCS_11_CODEC_ERROR, (function, parameters)
    assert code(world, F.C_GET_INFO, None, library) is R.OK


# --- with SoftHSM -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The module, with a token of its own."""
    installed(SOFTHSM, "softhsm2-util")
    directory = tmp_path_factory.mktemp("softhsm")
    (directory / "tokens").mkdir()
    config = directory / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {directory}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(config))
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--so-pin", "12345678", "--pin", "1234"],
            check=True,
            capture_output=True,
            env=dict(os.environ),
        )
        yield SOFTHSM


@pytest.fixture
def hsm(world: World, softhsm: Path) -> World:
    """An engine whose token is SoftHSM's."""
    world.engine.token = open_token(softhsm)
    return world


def token_slot(world: World, library: bytes) -> int:
    """The slot of the token that was made."""
    answer = call(world, F.C_GET_SLOT_LIST, b"\1" + count(16), library).pkcs_11_output_parameters
    number, *slots = unpack(f">I{(len(answer) - 4) // 8}Q", answer)
    assert number == len(slots)
    for slot in slots:
        info = call(world, F.C_GET_TOKEN_INFO, ulong(slot), library)
        if info.pkcs_11_output_parameters[:32] == LABEL.encode().ljust(32):
            return int(slot)
    raise AssertionError("the token is not there")


def test_the_module_says_what_it_is(hsm: World) -> None:
    library = initialize(hsm)
    info = call(hsm, F.C_GET_INFO, None, library).pkcs_11_output_parameters
    assert len(info) == 76
    spoken, maker, _, description, _ = unpack(">2s32sQ32s2s", info)
    assert spoken == b"\2\x28"
    assert maker == b"SoftHSM".ljust(32)
    assert description.startswith(b"Implementation of PKCS11")
    assert code(hsm, F.C_FINALIZE, None, library) is R.OK


def test_slots_tokens_and_mechanisms(hsm: World) -> None:
    library = initialize(hsm)
    number = call(hsm, F.C_GET_SLOT_LIST, b"\1" + count(0), library).pkcs_11_output_parameters
    assert len(number) == 4
    assert int.from_bytes(number, "big") >= 2  # the token, and a free slot
    too_small = call(hsm, F.C_GET_SLOT_LIST, b"\1" + count(1), library)
    assert too_small.pkcs_11_return_code is R.BUFFER_TOO_SMALL
    assert too_small.pkcs_11_output_parameters == number
    slot = token_slot(hsm, library)
    slot_info = call(hsm, F.C_GET_SLOT_INFO, ulong(slot), library).pkcs_11_output_parameters
    assert len(slot_info) == 64 + 32 + 8 + 4
    assert slot_info[64:96] == b"SoftHSM project".ljust(32)
    token_info = call(hsm, F.C_GET_TOKEN_INFO, ulong(slot), library).pkcs_11_output_parameters
    assert len(token_info) == 32 + 32 + 16 + 16 + 11 * 8 + 4 + 16
    assert token_info[64:80] == b"SoftHSM v2".ljust(16)
    mechanisms = call(hsm, F.C_GET_MECHANISM_LIST, ulong(slot) + count(500), library).pkcs_11_output_parameters
    found = unpack(f">I{(len(mechanisms) - 4) // 8}Q", mechanisms)
    assert found[0] == len(found) - 1
    assert 0x1087 in found  # CKM_AES_GCM
    assert code(hsm, F.C_GET_SLOT_INFO, ulong(1 << 40), library) is R.SLOT_ID_INVALID


def test_sessions_and_random_bytes(hsm: World) -> None:
    library = initialize(hsm)
    slot = token_slot(hsm, library)
    assert code(hsm, F.C_OPEN_SESSION, ulong(slot) + ulong(0), library) is R.SESSION_PARALLEL_NOT_SUPPORTED
    session = call(hsm, F.C_OPEN_SESSION, ulong(slot) + ulong(4), library).pkcs_11_output_parameters
    assert len(session) == 8
    first = call(hsm, F.C_GENERATE_RANDOM, session + count(64), library).pkcs_11_output_parameters
    second = call(hsm, F.C_GENERATE_RANDOM, session + count(64), library).pkcs_11_output_parameters
    assert first[:4] == second[:4] == count(64)
    assert len(first) == len(second) == 68
    assert first != second
    assert code(hsm, F.C_GENERATE_RANDOM, session + count(1 << 20), library) is R.ARGUMENTS_BAD
    other = initialize(hsm)
    assert code(hsm, F.C_GENERATE_RANDOM, session + count(8), other) is R.SESSION_HANDLE_INVALID
    assert code(hsm, F.C_CLOSE_SESSION, session, library) is R.OK
    assert code(hsm, F.C_GENERATE_RANDOM, session + count(8), library) is R.SESSION_HANDLE_INVALID
    assert code(hsm, F.C_CLOSE_SESSION, session, library) is R.SESSION_HANDLE_INVALID


def test_a_session_outlives_the_server(hsm: World, softhsm: Path) -> None:
    library = initialize(hsm)
    slot = token_slot(hsm, library)
    session = call(hsm, F.C_OPEN_SESSION, ulong(slot) + ulong(4), library).pkcs_11_output_parameters
    hsm.reopen()
    hsm.engine.token = open_token(softhsm)
    assert len(call(hsm, F.C_GENERATE_RANDOM, session + count(8), library).pkcs_11_output_parameters) == 12


def test_a_module_that_does_not_answer_is_an_error_and_nothing_stands_in(
    hsm: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    library = initialize(hsm)
    token = hsm.engine.token
    assert isinstance(token, Module)
    monkeypatch.setattr("keystead.engine.tokens.CALL_SECONDS", 0.05)
    assert CALL_SECONDS > 0.05
    release = threading.Event()
    hanging = token._thread.submit(release.wait)  # a call that the module does not come back from
    assert code(hsm, F.C_GET_INFO, None, library) is R.DEVICE_ERROR
    assert code(hsm, F.C_INITIALIZE, b"\1") is R.DEVICE_ERROR
    release.set()
    hanging.result(5)
    assert token._stuck is not None
    token._stuck.result(5)
    assert code(hsm, F.C_GET_INFO, None, library) is R.OK


def test_a_module_that_cannot_be_loaded_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.so"):
        open_token(tmp_path / "missing.so")
    empty = tmp_path / "empty.so"
    empty.write_bytes(b"")
    with pytest.raises(ConfigError, match=r"empty\.so"):
        open_token(empty)


def test_the_configuration_names_the_module(tmp_path: Path) -> None:
    server = '[server]\ncertificate = "c"\nprivate_key = "k"\nclient_ca = "a"\n'
    assert Config.parse(server, tmp_path).pkcs11.module is None
    assert Config.parse(f'{server}[pkcs11]\nmodule = "{SOFTHSM}"\n', tmp_path).pkcs11.module == SOFTHSM

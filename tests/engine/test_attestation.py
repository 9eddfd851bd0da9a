"""Clients that attest the state of their machine."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keystead.engine.admin import Administration
from keystead.engine.attestation import verify_quote
from keystead.engine.engine import Incoming
from keystead.kmip.enums import AttestationType, CredentialType, QueryFunction, ResultReason
from keystead.kmip.messages import ResponseMessage, load_response
from keystead.kmip.payloads.server import QueryRequest
from keystead.kmip.payloads.session import PingRequest
from keystead.kmip.structures import Attestation, Authentication, Nonce
from keystead.kmip.version import V1_4, V2_1, Version
from tests.engine.test_authentication import both, shown, user
from tests.engine.world import World, request_message

R = ResultReason
REGISTERS = hashlib.sha256(b"good state").digest()


def sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def attested(nonce: bytes, registers: bytes = REGISTERS) -> bytes:
    """TPMS_ATTEST of a quote over PCRs 0 to 7 of SHA-256."""
    selection = (1).to_bytes(4, "big") + (0xB).to_bytes(2, "big") + b"\x03\xff\x00\x00"
    head = bytes.fromhex("ff5443478018") + sized(b"\x00\x0b" + bytes(32))
    return head + sized(nonce) + bytes(17) + bytes(8) + selection + sized(registers)


def quote(key: Any, nonce: bytes, registers: bytes = REGISTERS, pss: bool = False) -> bytes:
    body = attested(nonce, registers)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(body, ec.ECDSA(hashes.SHA256())))
        signature = b"\x00\x18\x00\x0b" + sized(r.to_bytes(32, "big")) + sized(s.to_bytes(32, "big"))
    else:
        used: Any = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else padding.PKCS1v15()
        signature = (b"\x00\x16" if pss else b"\x00\x14") + b"\x00\x0b" + sized(key.sign(body, used, hashes.SHA256()))
    return sized(body) + signature


def public(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    return {"ec": ec.generate_private_key(ec.SECP256R1()), "rsa": rsa.generate_private_key(65537, 2048)}


@pytest.fixture
def guarded(world: World, keys: dict[str, Any], certificates: dict[str, bytes]) -> World:
    """A world in which alice has to attest."""
    Administration(world.engine).require_attestation("alice", public(keys["ec"]), REGISTERS)
    caller = world.engine.caller_of(certificates["alice"], "")
    assert caller is not None
    assert caller.attests
    world.callers["alice"] = caller
    return world


def send(world: World, version: Version = V2_1, **header: Any) -> ResponseMessage:
    message = request_message(PingRequest() if version >= V2_1 else QueryRequest(query_function=(
        QueryFunction.QUERY_OPERATIONS,)), version=version, **header)  # fmt: skip
    (answer,) = world.engine.answer([Incoming(message, world.callers["alice"])])
    return load_response(answer)[0]


def challenge(world: World, **how: Any) -> Nonce:
    answer = send(world, attestation_capable_indicator=True, **how)
    assert answer.batch_item[0].result_reason is R.ATTESTATION_REQUIRED
    assert answer.response_header.attestation_type == (AttestationType.TPM_QUOTE,)
    assert answer.response_header.nonce is not None
    return answer.response_header.nonce


def showing(nonce: Nonce, measurement: bytes | None) -> Authentication:
    quoted = Attestation(nonce=nonce, attestation_type=AttestationType.TPM_QUOTE, attestation_measurement=measurement)
    return shown(CredentialType.ATTESTATION, quoted)


def outcome(world: World, given: Authentication, **how: Any) -> ResultReason | None:
    return send(world, authentication=given, **how).batch_item[0].result_reason


@pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)
def test_a_client_that_attests_the_right_state_is_let_in_once(guarded: World, keys: dict[str, Any], version: Version):
    nonce = challenge(guarded, version=version)
    right = showing(nonce, quote(keys["ec"], nonce.nonce_value))
    assert outcome(guarded, right, version=version) is None
    assert outcome(guarded, right, version=version) is R.ATTESTATION_FAILED


def test_who_cannot_attest_is_refused_and_others_need_not(guarded: World):
    assert send(guarded).batch_item[0].result_reason is R.PERMISSION_DENIED
    assert guarded.do(PingRequest(), who="bob")


def test_a_wrong_quote_is_refused_and_its_nonce_is_spent(guarded: World, keys: dict[str, Any]):
    other = ec.generate_private_key(ec.SECP256R1())
    wrong: list[Any] = [
        lambda nonce: quote(keys["ec"], bytes(32)),
        lambda nonce: quote(keys["ec"], nonce, hashlib.sha256(b"bad state").digest()),
        lambda nonce: quote(other, nonce),
        lambda nonce: quote(keys["rsa"], nonce),
        lambda nonce: quote(keys["ec"], nonce) + b"x",
        lambda nonce: quote(keys["ec"], nonce)[:-1],
        lambda nonce: b"",
        lambda nonce: None,
    ]
    for make in wrong:
        nonce = challenge(guarded)
        assert outcome(guarded, showing(nonce, make(nonce.nonce_value))) is R.ATTESTATION_FAILED
        assert outcome(guarded, showing(nonce, quote(keys["ec"], nonce.nonce_value))) is R.ATTESTATION_FAILED
    nonce = challenge(guarded)
    guarded.clock.move(121)
    assert outcome(guarded, showing(nonce, quote(keys["ec"], nonce.nonce_value))) is R.ATTESTATION_FAILED
    never = Nonce(nonce_id=bytes(16), nonce_value=bytes(32))
    assert outcome(guarded, showing(never, quote(keys["ec"], bytes(32)))) is R.ATTESTATION_FAILED


def test_an_attestation_goes_with_a_user_and_does_not_stand_for_it(guarded: World, keys: dict[str, Any]):
    Administration(guarded.engine).add_user("Fred", "password1")
    for password, expected in (("password1", None), ("wrong", R.AUTHENTICATION_NOT_SUCCESSFUL)):
        nonce = challenge(guarded)
        given = both(showing(nonce, quote(keys["ec"], nonce.nonce_value)), user("Fred", password))
        assert outcome(guarded, given) is expected


def test_quotes_of_every_scheme_are_read(keys: dict[str, Any]):
    for key, pss in ((keys["ec"], False), (keys["rsa"], False), (keys["rsa"], True)):
        found = verify_quote(quote(key, b"nonce", pss=pss), public(key))
        assert found is not None
        assert (found.nonce, found.registers) == (b"nonce", REGISTERS)


def test_a_quote_cut_short_or_altered_anywhere_is_none(keys: dict[str, Any]):
    whole = quote(keys["ec"], b"nonce")
    for position in range(0, len(whole), 7):
        assert verify_quote(whole[:position], public(keys["ec"])) is None
        altered = bytearray(whole)
        altered[position] ^= 1
        assert verify_quote(bytes(altered), public(keys["ec"])) is None

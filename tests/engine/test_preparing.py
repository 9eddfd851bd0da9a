"""Slow work is done before the transaction begins, and changes nothing else."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from keystead.crypto.keys import KeyPair
from keystead.engine import preparing
from keystead.engine.engine import Engine, Incoming
from keystead.kmip import ttlv, ttlv_json, ttlv_xml
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    RecommendedCurve,
    ResultStatus,
    SecretDataType,
)
from keystead.kmip.messages import load_response
from keystead.kmip.objects import KeyBlock, KeyValue, SecretData
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.create import CreateKeyPairRequest, DeriveKeyRequest, RegisterRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.rekey import ReKeyKeyPairRequest
from keystead.kmip.structures import (
    CryptographicDomainParameters,
    CryptographicParameters,
    DerivationParameters,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_4, V2_1
from keystead.policy.access import Caller
from keystead.server.turns import Turns
from tests.engine.world import World, create_request, request_message

A = CryptographicAlgorithm


def pair_request(algorithm: CryptographicAlgorithm = A.RSA, length: int | None = 1024) -> CreateKeyPairRequest:
    asked: dict[Any, Any] = {Tag.CRYPTOGRAPHIC_ALGORITHM: algorithm}
    if length is not None:
        asked[Tag.CRYPTOGRAPHIC_LENGTH] = length
    return CreateKeyPairRequest(common_attributes=Attributes.of(asked))


def prepared(world: World, *requests: Request, who: str = "alice", version: Any = V2_1) -> Incoming:
    message = request_message(*requests, version=version)
    assert preparing.heavy(message)
    return world.engine.prepare(Incoming(message, world.callers[who]))


def answers(engine: Engine, incoming: Incoming) -> Any:
    (answer,) = engine.answer([incoming])
    items = load_response(answer)[0].batch_item
    assert all(item.result_status is ResultStatus.SUCCESS for item in items), items
    return [item.response_payload for item in items]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads in which key pairs were made."""
    threads: list[str] = []
    original = preparing.generate_key_pair

    def generate(*arguments: Any) -> Any:
        threads.append(threading.current_thread().name)
        return original(*arguments)

    monkeypatch.setattr(preparing, "generate_key_pair", generate)
    return threads


# --- at a glance ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [V1_4, V2_1])
def test_a_glance_tells_which_messages_may_be_slow(version: Any) -> None:
    light = request_message(create_request(), GetRequest(unique_identifier="1"), version=version)
    derive = DeriveKeyRequest(
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifier=("1",),
        derivation_method=DerivationMethod.PBKDF2,
        derivation_parameters=DerivationParameters(salt=b"salt", iteration_count=1),
        attributes=Attributes.of({Tag.CRYPTOGRAPHIC_LENGTH: 128}),
    )
    assert not preparing.heavy(light)
    for request in (pair_request(), ReKeyKeyPairRequest(private_key_unique_identifier="1"), derive):
        message = request_message(GetRequest(unique_identifier="1"), request, version=version)
        assert preparing.heavy(message)
        for encoding, name in ((ttlv_xml, "xml"), (ttlv_json, "json")):
            assert preparing.heavy(encoding.dumps(ttlv.decode(message)).encode(), name)
            assert not preparing.heavy(encoding.dumps(ttlv.decode(light)).encode(), name)
    for cut in range(len(light)):
        assert not preparing.heavy(light[:cut])


def test_every_slow_operation_fits_the_glance() -> None:
    assert all(0 < operation < 256 for operation in preparing.OPERATIONS)
    assert Operation.CREATE_KEY_PAIR in preparing.OPERATIONS


# --- what is prepared -------------------------------------------------------------------------------------------------


def test_key_pairs_are_made_before_the_turn_and_each_is_used_once(world: World, counted: list[str]) -> None:
    incoming = prepared(world, pair_request(), pair_request(), pair_request(A.RSA, 2048))
    assert len(counted) == 3
    with world.engine.store.begin():  # nothing of it is in a transaction
        pass
    found = answers(world.engine, incoming)
    assert len(counted) == 3
    moduli = {bytes(world.do(GetRequest(
        unique_identifier=one.public_key_unique_identifier, key_format_type=KeyFormatType.PKCS_1
    )).object.key_block.key_value.key_material) for one in found}  # fmt: skip
    assert len(moduli) == 3


def test_nothing_is_left_of_a_rehearsal(world: World) -> None:
    with world.engine.store.begin(write=False) as transaction:
        before = (transaction.records(), len(transaction.events()))
    prepared(world, pair_request(), create_request("rehearsed"))
    with world.engine.store.begin(write=False) as transaction:
        assert (transaction.records(), len(transaction.events())) == before
    assert not world.engine.cache


def test_quick_key_pairs_are_made_in_their_turn(world: World, counted: list[str]) -> None:
    incoming = prepared(world, pair_request(A.EC, 256))
    assert not incoming.prepared
    answers(world.engine, incoming)
    assert len(counted) == 1


def test_what_was_not_prepared_is_made_in_place(world: World, counted: list[str]) -> None:
    answers(world.engine, Incoming(request_message(pair_request()), world.callers["alice"]))
    assert len(counted) == 1


def test_a_result_for_something_else_is_not_used(world: World, counted: list[str]) -> None:
    incoming = prepared(world, pair_request(A.RSA, 1024))
    other = incoming._replace(message=request_message(pair_request(A.RSA, 2048)))
    (found,) = answers(world.engine, other)
    assert len(counted) == 2
    key = world.do(GetRequest(unique_identifier=found.private_key_unique_identifier)).object
    assert key.key_block.cryptographic_length == 2048


def test_re_key_key_pair_is_prepared_from_the_object(world: World, counted: list[str]) -> None:
    private = world.do(pair_request()).private_key_unique_identifier
    del counted[:]
    request = ReKeyKeyPairRequest(private_key_unique_identifier=private)
    incoming = prepared(world, request)
    assert len(counted) == 1
    answers(world.engine, incoming)
    assert len(counted) == 1
    # Another's key is not even looked at.
    assert not prepared(world, request, who="bob").prepared


def test_pbkdf2_is_prepared_and_gives_the_same_key(world: World) -> None:
    attributes = {
        Tag.CRYPTOGRAPHIC_ALGORITHM: A.AES,
        Tag.CRYPTOGRAPHIC_LENGTH: 256,
        Tag.CRYPTOGRAPHIC_USAGE_MASK: CryptographicUsageMask.ENCRYPT,
    }
    mask = {Tag.CRYPTOGRAPHIC_USAGE_MASK: CryptographicUsageMask.DERIVE_KEY, Tag.ACTIVATION_DATE: 1}
    block = KeyBlock(key_format_type=KeyFormatType.RAW, key_value=KeyValue(key_material=b"correct horse"))
    password = world.do(
        RegisterRequest(
            object_type=ObjectType.SECRET_DATA,
            attributes=Attributes.of(mask),
            object=SecretData(secret_data_type=SecretDataType.PASSWORD, key_block=block),
        )
    ).unique_identifier
    request = DeriveKeyRequest(
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifier=(password,),
        derivation_method=DerivationMethod.PBKDF2,
        derivation_parameters=DerivationParameters(
            cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256),
            salt=b"0123456789abcdef",
            iteration_count=preparing.ITERATIONS,
        ),
        attributes=Attributes.of(attributes),
    )
    incoming = prepared(world, request)
    assert incoming.prepared is not None
    assert len(incoming.prepared) == 1
    (found,) = answers(world.engine, incoming)
    other = world.do(request)

    def key(identifier: str) -> bytes:
        secret = world.do(GetRequest(unique_identifier=identifier)).object
        return bytes(secret.key_block.key_value.key_material)

    assert key(found.unique_identifier) == key(other.unique_identifier)
    assert key(found.unique_identifier).hex() not in repr(incoming)


def test_M11_what_was_prepared_is_let_go_of_once_it_was_used(world: World) -> None:
    def pairs() -> int:
        return sum(isinstance(each, KeyPair) for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before, incoming = pairs(), [prepared(world, pair_request())]
        assert pairs() == before + 1
        answers(world.engine, incoming.pop())
        assert pairs() == before
    finally:
        gc.enable()


def test_what_cannot_be_read_or_done_is_left_to_its_turn(world: World) -> None:
    alice = world.callers["alice"]
    good = request_message(pair_request())
    for message in (good[:-8], good[:20], b"", b"\x42" * 64):
        assert world.engine.prepare(Incoming(message, alice)).prepared is None
    nobody = Caller("", "", "default")
    assert not world.engine.prepare(Incoming(good, nobody)).prepared
    assert not prepared(world, pair_request(A.RSA, 1023)).prepared
    assert not prepared(world, pair_request(A.AES, 256)).prepared
    curve = CryptographicDomainParameters(recommended_curve=RecommendedCurve.P_256)
    asked = {Tag.CRYPTOGRAPHIC_ALGORITHM: A.EC, Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS: curve}
    assert not prepared(world, CreateKeyPairRequest(common_attributes=Attributes.of(asked))).prepared


# --- in the server ----------------------------------------------------------------------------------------------------


class Recorder:
    """An engine that notes in what order and where it was asked."""

    def __init__(self) -> None:
        self.answered: list[bytes] = []
        self.release = threading.Event()
        self.threads: list[int] = []
        self.fails = False

    def prepare(self, incoming: Incoming) -> Incoming:
        self.threads.append(threading.get_ident())
        assert self.release.wait(10)
        if self.fails:
            raise RuntimeError("it went wrong")
        return incoming._replace(prepared={("done",): [1]})

    def answer(self, messages: Sequence[Incoming], seconds: float | None = None) -> list[bytes]:
        self.answered += [incoming.message for incoming in messages]
        return [b"prepared" if incoming.prepared else b"plain" for incoming in messages]


class Sender:
    def __init__(self) -> None:
        self.caller: Caller | None = Caller("alice", "alice", "default")
        self.holder = "alice"


HEAVY = request_message(pair_request())
LIGHT = request_message(GetRequest(unique_identifier="1"))


async def _conversation(fails: bool, disabled: bool) -> tuple[Recorder, list[tuple[str, bytes]]]:
    engine = Recorder()
    engine.fails = fails
    loop = asyncio.get_running_loop()
    turns = Turns(engine, loop)  # type: ignore[arg-type]
    got: list[tuple[str, bytes]] = []
    one, other = Sender(), Sender()
    caller = Caller("alice", "alice", "default")

    def send(name: str, message: bytes, sender: Sender) -> None:
        turns.submit(Incoming(message, caller), lambda answer: got.append((name, answer)), sender)

    send("first", LIGHT, one)
    send("slow", HEAVY, one)
    send("after", LIGHT, one)
    send("other", LIGHT, other)
    await asyncio.sleep(0.05)
    assert got == [("first", b"plain"), ("other", b"plain")]
    assert not turns.empty
    if disabled:
        one.caller = None
    engine.release.set()
    for _ in range(500):
        if len(got) == 4:
            break
        await asyncio.sleep(0.01)
    assert turns.empty
    turns.close()
    assert set(engine.threads).isdisjoint({threading.get_ident()})
    return engine, got[2:]


def test_a_connection_is_answered_in_order_and_others_do_not_wait() -> None:
    _, got = asyncio.run(_conversation(fails=False, disabled=False))
    assert got == [("slow", b"prepared"), ("after", b"plain")]


def test_what_could_not_be_prepared_is_answered_all_the_same() -> None:
    _, got = asyncio.run(_conversation(fails=True, disabled=False))
    assert got == [("slow", b"plain"), ("after", b"plain")]


def test_a_client_that_was_disabled_meanwhile_gets_nothing_done() -> None:
    engine, got = asyncio.run(_conversation(fails=False, disabled=True))
    assert got == [("slow", b""), ("after", b"")]
    assert HEAVY not in engine.answered

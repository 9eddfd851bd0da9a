"""Data in parts: the same answer as at once, however it is cut; a stream is its caller's, its key's, and no longer."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keystead.crypto.cipher import PADDINGS
from keystead.crypto.keys import LENGTHS, generate_symmetric
from keystead.crypto.schemes import SCHEMES
from keystead.custody.zones import Kind
from keystead.engine import rotation, streams
from keystead.errors import Conflict
from keystead.kmip.enums import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    HashingAlgorithm,
    PaddingMethod,
    ResultReason,
    ResultStatus,
    RevocationReasonCode,
    UsageLimitsUnit,
    ValidityIndicator,
)
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.create import CreateKeyPairRequest
from keystead.kmip.payloads.crypto import (
    DecryptRequest,
    EncryptRequest,
    HashRequest,
    MACRequest,
    MACVerifyRequest,
    SignatureVerifyRequest,
    SignRequest,
)
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import DestroyRequest, RevokeRequest
from keystead.kmip.structures import CryptographicParameters, RevocationReason, UsageLimits
from keystead.kmip.version import V3_0
from tests.engine.keys import A, M, attributes, create, registered, symmetric
from tests.engine.world import World
from tests.support import make_engine

B = BlockCipherMode
H = HashingAlgorithm
P = CryptographicParameters
R = ResultReason
CBC = P(block_cipher_mode=B.CBC, padding_method=PaddingMethod.PKCS5)
CCM = P(block_cipher_mode=B.CCM)
GCM = P(block_cipher_mode=B.GCM)
ALL = M.ENCRYPT | M.DECRYPT | M.MAC_GENERATE | M.MAC_VERIFY


def given_examples(count: int) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def parts_of(data: bytes, places: list[int]) -> list[bytes]:
    cuts = sorted({min(place, len(data)) for place in places})
    return [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@dataclass(frozen=True)
class Told:
    """What the answers say together.

    Attributes:
        iv: of the first.
        last: the last one.
        refusal: why a part was refused, and in which words.
    """

    data: bytes = b""
    iv: bytes | None = None
    last: Any = None
    refusal: tuple[ResultReason | None, str | None] | None = None


def in_parts(
    world: World, ask: Any, parts: list[bytes], first: dict[str, Any], last: dict[str, Any], **how: Any
) -> Told:
    """Ask for something in parts.

    Args:
        first, last: what only the first and only the last request says.
    """
    told, value = Told(), None
    for number, part in enumerate(parts):
        said = {"correlation_value": value} if number else first | {"init_indicator": True}
        if number == len(parts) - 1:
            said |= last | {"final_indicator": True}
        item = world.ask(ask(data=part, **said), **how)
        if item.result_status is not ResultStatus.SUCCESS:
            return Told(refusal=(item.result_reason, item.result_message))
        answer: Any = item.response_payload
        value = answer.correlation_value
        iv = getattr(answer, "iv_counter_nonce", None) if number == 0 else told.iv
        told = Told(told.data + (getattr(answer, "data", None) or b""), iv, answer)
    return told


def at_once(world: World, request: Request, **how: Any) -> Told:
    item = world.ask(request, **how)
    if item.result_status is not ResultStatus.SUCCESS:
        return Told(refusal=(item.result_reason, item.result_message))
    answer: Any = item.response_payload
    return Told(getattr(answer, "data", None) or b"", getattr(answer, "iv_counter_nonce", None), answer)


# --- the same answer --------------------------------------------------------------------------------------------------

KINDS = [
    (algorithm, mode, padding)
    for (algorithm, mode), scheme in SCHEMES.items()
    for padding in (None, *(PADDINGS if scheme.padded_to else ()))
]
_FICKLE = (PaddingMethod.ISO_10126, PaddingMethod.SSL3)
"""Paddings with random bytes."""
places = st.lists(st.integers(0, 80), max_size=3)


def key_of(world: World, algorithm: A, mode: B | None, keys: dict[Any, str]) -> str:
    """A key; of XTS two keys, and of RC2 one of the only length that the library has."""
    length = {A.ONE_TIME_PAD: 8 * 4096, A.RC2: 128}.get(algorithm, 512 if mode is B.XTS else 256)
    if length not in LENGTHS[algorithm]:
        length = 168 if algorithm is A.TRIPLE_DES else 56 if algorithm is A.DES else 128
    slot = algorithm, length
    if slot not in keys:
        keys[slot] = registered(world, symmetric(generate_symmetric(algorithm, length), algorithm), ALL)
    return keys[slot]


def test_every_mode_gives_in_parts_what_it_gives_at_once(world: World) -> None:
    keys: dict[Any, str] = {}

    @given_examples(250)
    @given(kind=st.sampled_from(KINDS), data=st.binary(max_size=80), iv=st.binary(min_size=16, max_size=16),
           cuts=places, more=places)  # fmt: skip
    def holds(kind: Any, data: bytes, iv: bytes, cuts: list[int], more: list[int]) -> None:
        algorithm, mode, padding = kind
        scheme, key = SCHEMES[algorithm, mode], key_of(world, algorithm, mode, keys)
        sealed = scheme.seal is not None
        encrypt, decrypt = (partial(ask, unique_identifier=key) for ask in (EncryptRequest, DecryptRequest))
        parameters = P(block_cipher_mode=mode, padding_method=padding)
        how: dict[str, Any] = {"cryptographic_parameters": parameters}
        if sealed:
            how["authenticated_encryption_additional_data"] = iv
        # A nonce of authenticated encryption is used only once, so there the server makes it.
        own = iv[: scheme.fresh_iv_bytes] if scheme.fresh_iv_bytes and not sealed else None
        whole = at_once(world, encrypt(data=data, iv_counter_nonce=own, **how))
        cut = in_parts(world, encrypt, parts_of(data, cuts), how | {"iv_counter_nonce": own}, {})
        if whole.refusal is not None or cut.refusal is not None:
            assert whole.refusal is not None
            assert cut.refusal is not None
            assert whole.refusal[0] is cut.refusal[0]
            return
        if not sealed and padding not in _FICKLE:
            assert cut.data == whole.data
        for made in (whole, cut):
            how["iv_counter_nonce"] = own or made.iv
            tag = {"authenticated_encryption_tag": made.last.authenticated_encryption_tag} if sealed else {}
            opened = at_once(world, decrypt(data=made.data, **how, **tag))
            # The tag comes with the first part or with the last.
            first, last = (how | tag, {}) if len(more) % 2 else (how, tag)
            assert in_parts(world, decrypt, parts_of(made.data, more), first, last).data == opened.data
            assert opened.refusal is None
            if padding is PaddingMethod.ZEROS:  # no padding of data that end in them
                assert opened.data.rstrip(b"\0") == data.rstrip(b"\0")
            else:
                assert opened.data == data

    holds()


def pair(world: World, algorithm: A, **more: Any) -> tuple[str, str]:
    made = world.do(
        CreateKeyPairRequest(
            common_attributes=attributes(cryptographic_algorithm=algorithm, activation_date=1, **more),
            private_key_attributes=attributes(cryptographic_usage_mask=M.SIGN),
            public_key_attributes=attributes(cryptographic_usage_mask=M.VERIFY),
        ),
        version=V3_0,
    )
    return made.private_key_unique_identifier, made.public_key_unique_identifier


SIGNERS = {
    "RSA PKCS1": (A.RSA, {"cryptographic_length": 2048},
                  P(padding_method=PaddingMethod.PKCS1_V1_5, hashing_algorithm=H.SHA_256)),
    "RSA PSS": (A.RSA, {"cryptographic_length": 2048},
                P(padding_method=PaddingMethod.PSS, hashing_algorithm=H.SHA_384)),
    "ECDSA": (A.EC, {"cryptographic_length": 256}, P(hashing_algorithm=H.SHA_512)),
    "ECDSA, no hash said": (A.EC, {"cryptographic_length": 384}, P()),
    "Ed25519": (A.ED25519, {}, P()),
    "ML-DSA": (A.ML_DSA_44, {}, P()),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNERS)
def test_signatures_in_parts_verify_at_once_and_the_other_way_round(world: World, name: str) -> None:
    algorithm, size, parameters = SIGNERS[name]
    private, public = pair(world, algorithm, **size)
    sign = partial(SignRequest, unique_identifier=private)
    verify = partial(SignatureVerifyRequest, unique_identifier=public)
    how = {"cryptographic_parameters": parameters}

    @given_examples(12)
    @given(data=st.binary(max_size=80), cuts=places, more=places)
    def holds(data: bytes, cuts: list[int], more: list[int]) -> None:
        whole = at_once(world, sign(data=data, **how), version=V3_0).last.signature_data
        cut = in_parts(world, sign, parts_of(data, cuts), how, {}, version=V3_0).last.signature_data
        for signature in (whole, cut):
            for given_data, said in ((data, "Valid"), (data + b"x", "Invalid")):
                last = {"signature_data": signature}
                once = at_once(world, verify(data=given_data, **how, **last), version=V3_0).last
                told = in_parts(world, verify, parts_of(given_data, more), how, last, version=V3_0).last
                assert (once.validity_indicator.title, told.validity_indicator.title) == (said, said)

    holds()


MACS = {
    "HMAC": (A.HMAC_SHA256, P()),
    "HMAC, SHA-3": (A.HMAC_SHA3_512, P()),
    "CMAC": (A.AES, P(block_cipher_mode=B.CMAC)),
    "Poly1305": (A.POLY1305, P()),
}


@pytest.mark.parametrize("name", MACS)
def test_macs_and_digests_in_parts(world: World, name: str) -> None:
    algorithm, parameters = MACS[name]
    key = registered(world, symmetric(os.urandom(32), algorithm), ALL)
    make, check = (partial(ask, unique_identifier=key) for ask in (MACRequest, MACVerifyRequest))
    how = {"cryptographic_parameters": parameters}
    digest = {"cryptographic_parameters": P(hashing_algorithm=H.SHA_256)}

    @given_examples(25)
    @given(data=st.binary(max_size=80), cuts=places)
    def holds(data: bytes, cuts: list[int]) -> None:
        parts = parts_of(data, cuts)
        code = at_once(world, make(data=data, **how)).last.mac_data
        assert in_parts(world, make, parts, how, {}).last.mac_data == code
        for given_code, said in ((code, ValidityIndicator.VALID), (code[:-1] + b"x", ValidityIndicator.INVALID)):
            told = in_parts(world, check, parts, how, {"mac_data": given_code}).last.validity_indicator
            assert told is (said if given_code != code else ValidityIndicator.VALID)
        assert in_parts(world, partial(HashRequest, **digest), parts, {}, {}).data == hashlib.sha256(data).digest()

    holds()


# --- broken data ------------------------------------------------------------------------------------------------------


def test_k23_broken_data_is_refused_alike_however_it_is_cut(world: World) -> None:
    """Of a bad padding, a bad tag, a bad length: one reason and one text, at once and in parts."""
    keys: dict[Any, str] = {}
    refusals = set()

    @given_examples(150)
    @given(kind=st.sampled_from(KINDS), data=st.binary(max_size=64), iv=st.binary(min_size=16, max_size=16),
           tag=st.binary(min_size=12, max_size=16), cuts=places)  # fmt: skip
    def holds(kind: Any, data: bytes, iv: bytes, tag: bytes, cuts: list[int]) -> None:
        algorithm, mode, padding = kind
        scheme, key = SCHEMES[algorithm, mode], key_of(world, algorithm, mode, keys)
        decrypt = partial(DecryptRequest, unique_identifier=key)
        how: dict[str, Any] = {
            "cryptographic_parameters": P(block_cipher_mode=mode, padding_method=padding),
            "iv_counter_nonce": iv[: scheme.fresh_iv_bytes] if scheme.fresh_iv_bytes else None,
        }
        last = {"authenticated_encryption_tag": tag} if scheme.seal else {}
        whole = at_once(world, decrypt(data=data, **how, **last))
        cut = in_parts(world, decrypt, parts_of(data, cuts), how | last, {})
        assert cut.refusal == whole.refusal
        assert cut.data == whole.data
        refusals.add(whole.refusal)
        if scheme.seal:
            assert whole.refusal is not None

    holds()
    assert len(refusals - {None}) == 1


# --- whose it is, and how long ----------------------------------------------------------------------------------------


def begun(
    world: World, key: str, parameters: P = CBC, data: bytes = b"some data, more than a block", **how: Any
) -> Any:
    """Begin to encrypt; the first answer."""
    request = EncryptRequest(unique_identifier=key, cryptographic_parameters=parameters, data=data, init_indicator=True)
    return world.do(request, **how)


def going_on(value: bytes, data: bytes | None = b"more", **said: Any) -> EncryptRequest:
    return EncryptRequest(correlation_value=value, data=data, **said)


def test_k10_a_stream_is_its_callers_and_its_operations(world: World) -> None:
    value = begun(world, create(world)).correlation_value
    assert world.refused(going_on(value), who="bob") is R.INVALID_CORRELATION_VALUE
    for forged in (value[:-1], value + b"x", bytes(16), b""):
        assert world.refused(going_on(forged)) is R.INVALID_CORRELATION_VALUE
    for other in (DecryptRequest, MACRequest, SignRequest):
        assert world.refused(other(correlation_value=value, data=b"x")) is R.INVALID_CORRELATION_VALUE
    assert world.do(going_on(value, final_indicator=True)).data
    assert world.refused(going_on(value)) is R.INVALID_CORRELATION_VALUE


def test_a_stream_expires(world: World) -> None:
    value = begun(world, create(world)).correlation_value
    world.clock.move(streams.STREAM_SECONDS - 1)
    world.do(going_on(value))
    world.clock.move(streams.STREAM_SECONDS)
    assert world.refused(going_on(value)) is R.INVALID_CORRELATION_VALUE


def test_m11_nothing_is_held_of_a_stream_that_expired(world: World) -> None:
    begun(world, create(world))
    assert world.engine.streams
    world.clock.move(streams.STREAM_SECONDS + 1)
    world.engine.upkeep()
    assert not world.engine.streams


def test_m11_a_key_that_another_worker_destroyed_is_let_go_of(world: World) -> None:
    key = create(world)
    begun(world, key)
    other = World(world.directory, world.clock, make_engine(world.directory, world.clock), world.callers)
    why = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    other.do(RevokeRequest(unique_identifier=key, revocation_reason=why))
    other.do(DestroyRequest(unique_identifier=key))
    other.engine.upkeep()
    world.engine.upkeep()
    assert not world.engine.streams
    other.engine.close()


def test_m11_a_shredded_zone_ends_its_streams_and_no_other_rotation_does(world: World) -> None:
    begun(world, create(world))
    digest = world.do(HashRequest(cryptographic_parameters=P(hashing_algorithm=H.SHA_256), data=b"a",
                                  init_indicator=True), version=V3_0)  # fmt: skip
    other = World(world.directory, world.clock, make_engine(world.directory, world.clock), world.callers)
    zone = [("default", Kind.DATA_ENCRYPTION)]
    rotation.rotate(other.engine, zone, "olga")
    while other.engine.labour():
        pass
    world.engine.upkeep()
    assert len(world.engine.streams) == 2
    rotation.shred(other.engine, zone, "olga")
    world.engine.upkeep()
    assert list(world.engine.streams) == [digest.correlation_value]
    other.engine.close()


def test_k26_a_part_is_a_use_like_any_other(world: World) -> None:
    """Revoking or destroying the key ends what is under way with it."""
    revoked, destroyed = create(world), create(world)
    values = [begun(world, key).correlation_value for key in (revoked, destroyed)]
    why = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    for key in (revoked, destroyed):
        world.do(RevokeRequest(unique_identifier=key, revocation_reason=why))
    world.do(DestroyRequest(unique_identifier=destroyed))
    assert [world.refused(going_on(value)) for value in values] == [
        R.WRONG_KEY_LIFECYCLE_STATE,
        R.INVALID_CORRELATION_VALUE,
    ]
    assert world.refused(going_on(values[0])) is R.INVALID_CORRELATION_VALUE
    assert not world.engine.streams


def test_k27_a_stream_is_one_use_and_all_of_its_bytes(world: World) -> None:
    limit = UsageLimits(usage_limits_total=1, usage_limits_unit=UsageLimitsUnit.OBJECT)
    key = create(world, usage_limits=limit)
    value = begun(world, key).correlation_value
    world.do(going_on(value))
    world.do(going_on(value, final_indicator=True))
    again = EncryptRequest(unique_identifier=key, cryptographic_parameters=CBC, data=b"x", init_indicator=True)
    assert world.refused(again) is R.PERMISSION_DENIED
    limit = UsageLimits(usage_limits_total=10, usage_limits_unit=UsageLimitsUnit.BYTE)
    value = begun(world, create(world, usage_limits=limit), data=b"12345").correlation_value
    world.do(going_on(value, b"12345"))
    assert world.refused(going_on(value, b"1")) is R.PERMISSION_DENIED
    assert world.refused(going_on(value, b"")) is R.INVALID_CORRELATION_VALUE, "a refused part ends the stream"


def test_what_is_taken_back_ends_the_stream(world: World) -> None:
    key = create(world)
    value = begun(world, key).correlation_value
    undo = BatchErrorContinuationOption.UNDO
    items = world.batch(going_on(value), GetRequest(unique_identifier="absent"), batch_error_continuation_option=undo)
    assert items[0].result_status is ResultStatus.OPERATION_UNDONE
    assert world.refused(going_on(value)) is R.INVALID_CORRELATION_VALUE


class Contended:
    """A store in which so many commits find that another transaction was first."""

    def __init__(self, store: Any, count: int) -> None:
        self._store, self.left = store, count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def begin(self, **how: Any) -> Iterator[Any]:
        with self._store.begin(**how) as transaction:
            yield _Late(transaction, self)


class _Late:
    def __init__(self, transaction: Any, store: Contended) -> None:
        self._transaction, self._store = transaction, store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transaction, name)

    def commit(self) -> None:
        if self._store.left:
            self._store.left -= 1
            raise Conflict("another transaction was first")
        self._transaction.commit()


def test_a_turn_that_is_tried_again_takes_no_part_twice(world: World) -> None:
    key, iv = create(world), os.urandom(16)
    data = bytes(range(100))
    how = {"cryptographic_parameters": CBC, "iv_counter_nonce": iv}
    whole = at_once(world, EncryptRequest(unique_identifier=key, data=data, **how)).data
    out = b""
    value = None
    for number, part in enumerate([data[:10], data[10:30], data[30:30], data[30:]]):
        said = {"correlation_value": value} if number else {"init_indicator": True, "unique_identifier": key, **how}
        store = world.engine.store
        world.engine.store = contended = Contended(store, number + 1)  # type: ignore[assignment]
        answer = world.do(EncryptRequest(data=part, final_indicator=number == 3, **said))
        world.engine.store = store
        assert contended.left == 0
        out, value = out + (answer.data or b""), answer.correlation_value
    assert out == whole
    assert not world.engine.streams


def test_the_same_part_is_taken_again_when_it_was_answered(world: World) -> None:
    """What is kept for a turn that is tried again is not kept for a client that repeats itself."""
    key, iv = create(world), os.urandom(16)
    how = {"cryptographic_parameters": P(block_cipher_mode=B.CTR), "iv_counter_nonce": iv}
    value = world.do(EncryptRequest(unique_identifier=key, data=b"", init_indicator=True, **how)).correlation_value
    out = b"".join(world.do(going_on(value, bytes(16))).data for _ in range(3))
    assert out == world.do(EncryptRequest(unique_identifier=key, data=bytes(48), **how)).data


# --- how much ---------------------------------------------------------------------------------------------------------


def test_r04_data_that_wait_for_their_end_are_bounded(world: World) -> None:
    """CCM, the opening of what was sealed, and signatures that hash twice need all of the data."""
    key = create(world)
    value = begun(world, key, CCM).correlation_value
    piece = bytes(1 << 19)
    most = streams.MAXIMUM_HELD_BYTES_PER_CALLER // len(piece)
    reasons = [world.ask(going_on(value, piece)).result_reason for _ in range(most)]
    assert set(reasons[:-1]) == {None}
    assert reasons[-1] is R.SERVER_LIMIT_EXCEEDED
    assert not world.engine.streams, "what was held is given back"
    value = begun(world, key, GCM).correlation_value
    for _ in range(most + 1):
        world.do(going_on(value, piece))  # held by nobody


def test_r02_a_caller_has_so_many_streams(world: World) -> None:
    key = create(world)
    for _ in range(streams.MAXIMUM_STREAMS_PER_CALLER):
        begun(world, key)
    request = EncryptRequest(unique_identifier=key, cryptographic_parameters=CBC, data=b"x", init_indicator=True)
    assert world.refused(request) is R.SERVER_LIMIT_EXCEEDED
    assert begun(world, create(world, who="bob"), who="bob")
    world.clock.move(streams.STREAM_SECONDS)
    begun(world, key)


# --- what it is not ---------------------------------------------------------------------------------------------------


def test_both_indicators_ask_for_the_whole_at_once(world: World) -> None:
    private, public = pair(world, A.EC, cryptographic_length=256)
    both = {"init_indicator": True, "final_indicator": True}
    parameters = P(hashing_algorithm=H.SHA_256)
    how: dict[str, Any] = {"cryptographic_parameters": parameters, **both}
    digest = hashlib.sha256(b"data").digest()
    answer = world.do(SignRequest(unique_identifier=private, digested_data=digest, **how))
    assert answer.correlation_value is None
    for said in ({"data": b"data"}, {"digested_data": digest}):
        request = SignatureVerifyRequest(unique_identifier=public, signature_data=answer.signature_data, **how, **said)
        assert world.do(request).validity_indicator is ValidityIndicator.VALID
    key = create(world)
    request = EncryptRequest(unique_identifier=key, cryptographic_parameters=CBC, **both)
    assert len(world.do(request).data) == 16, "with both Indicators there may be no data"


def test_a_digest_is_not_given_in_parts(world: World) -> None:
    private, _ = pair(world, A.EC, cryptographic_length=256)
    request = SignRequest(unique_identifier=private, digested_data=bytes(32), init_indicator=True)
    assert world.refused(request) is R.INVALID_MESSAGE


def test_a_part_in_the_middle_has_data(world: World) -> None:
    value = begun(world, create(world)).correlation_value
    assert world.refused(going_on(value, None)) is R.INVALID_MESSAGE
    value = begun(world, create(world)).correlation_value
    assert world.do(going_on(value, None, final_indicator=True)).data

"""Keys are used within their mask, their state and their limits: K23 to K27 and K33 of the catalogue."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicUsageMask,
    PaddingMethod,
    ResultReason,
    RevocationReasonCode,
    State,
    UsageLimitsUnit,
)
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.create import CreateKeyPairRequest
from keystead.kmip.payloads.crypto import (
    DecryptRequest,
    EncryptRequest,
    MACRequest,
    MACVerifyRequest,
    SignatureVerifyRequest,
    SignRequest,
)
from keystead.kmip.payloads.lifecycle import (
    ActivateRequest,
    ArchiveRequest,
    DestroyRequest,
    RecoverRequest,
    RevokeRequest,
)
from keystead.kmip.payloads.rekey import ReKeyRequest
from keystead.kmip.structures import CryptographicParameters, RevocationReason, UsageLimits
from tests.engine.keys import A, M, attributes, create, register, registered
from tests.engine.world import START, World

R = ResultReason
GCM = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, tag_length=16)
CBC = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5)
CMAC = CryptographicParameters(block_cipher_mode=BlockCipherMode.CMAC)
ALL = M.ENCRYPT | M.DECRYPT | M.MAC_GENERATE | M.MAC_VERIFY


def revoke(key: str, code: RevocationReasonCode = RevocationReasonCode.CESSATION_OF_OPERATION) -> RevokeRequest:
    return RevokeRequest(unique_identifier=key, revocation_reason=RevocationReason(revocation_reason_code=code))


class TestNonces:
    def encryption(self, key: str, nonce: bytes | None, data: bytes = b"data", **parameters: object) -> EncryptRequest:
        return EncryptRequest(
            unique_identifier=key,
            cryptographic_parameters=replace(GCM, **parameters),  # type: ignore[arg-type]
            data=data,
            iv_counter_nonce=nonce,
        )

    def test_k25_a_nonce_encrypts_one_message(self, world: World) -> None:
        key, other, nonce = create(world), create(world), os.urandom(12)
        first = world.do(self.encryption(key, nonce))
        assert world.do(self.encryption(key, nonce)) == first
        assert world.refused(self.encryption(key, nonce, b"more")) is R.BAD_CRYPTOGRAPHIC_PARAMETERS
        assert world.do(self.encryption(other, nonce, b"more"))
        world.reopen()
        assert world.refused(self.encryption(key, nonce, b"more")) is R.BAD_CRYPTOGRAPHIC_PARAMETERS

    def test_k25_nor_is_it_used_again_in_parts(self, world: World) -> None:
        key, nonce = create(world), os.urandom(12)
        parts = replace(self.encryption(key, nonce), init_indicator=True)
        assert world.do(parts)
        assert world.refused(parts) is R.BAD_CRYPTOGRAPHIC_PARAMETERS
        assert world.refused(self.encryption(key, nonce)) is R.BAD_CRYPTOGRAPHIC_PARAMETERS

    @pytest.mark.parametrize("nonce", [b"", b"1", bytes(1 << 16)])
    def test_k25_nonces_of_absurd_lengths(self, world: World, nonce: bytes) -> None:
        assert world.refused(self.encryption(create(world), nonce)) is R.INVALID_FIELD

    def test_k25_a_nonce_where_the_server_makes_it(self, world: World) -> None:
        request = self.encryption(create(world), os.urandom(12), random_iv=True)
        assert world.refused(request) is R.BAD_CRYPTOGRAPHIC_PARAMETERS

    def test_k25_a_short_tag(self, world: World) -> None:
        assert world.refused(self.encryption(create(world), os.urandom(12), tag_length=4)) is R.GENERAL_FAILURE

    def test_k25_the_servers_own_nonces_differ(self, world: World) -> None:
        key = create(world)
        made = {world.do(self.encryption(key, None, random_iv=True)).iv_counter_nonce for _ in range(50)}
        assert len(made) == 50


def test_k23_every_broken_padding_is_refused_alike(world: World) -> None:
    key = create(world)
    made = world.do(EncryptRequest(unique_identifier=key, cryptographic_parameters=CBC, data=b"secret"))
    answers = set()
    for last in range(256):
        data = made.data[:-1] + bytes((last,))
        item = world.ask(
            DecryptRequest(
                unique_identifier=key,
                cryptographic_parameters=CBC,
                data=data,
                iv_counter_nonce=made.iv_counter_nonce,
            )
        )
        if item.result_reason is not None:
            answers.add((item.result_reason, item.result_message))
    assert len(answers) == 1


def reach(world: World, state: State) -> str:
    """A key in a state."""
    if state is State.PRE_ACTIVE:
        asked = register(world, os.urandom(32), ALL)
        return str(world.do(replace(asked, attributes=attributes(cryptographic_usage_mask=ALL))).unique_identifier)
    key = registered(world, os.urandom(32), ALL)
    if state in (State.DEACTIVATED, State.DESTROYED):
        world.do(revoke(key))
    if state in (State.COMPROMISED, State.DESTROYED_COMPROMISED):
        world.do(revoke(key, RevocationReasonCode.KEY_COMPROMISE))
    if state in (State.DESTROYED, State.DESTROYED_COMPROMISED):
        world.do(DestroyRequest(unique_identifier=key))
    return key


USES: dict[str, tuple[bool, Callable[[str], Request]]] = {
    "encrypt": (True, lambda key: EncryptRequest(unique_identifier=key, cryptographic_parameters=GCM, data=b"x")),
    "mac": (True, lambda key: MACRequest(unique_identifier=key, cryptographic_parameters=CMAC, data=b"x")),
    "decrypt": (
        False,
        lambda key: DecryptRequest(
            unique_identifier=key,
            cryptographic_parameters=GCM,
            data=b"x",
            iv_counter_nonce=bytes(12),
            authenticated_encryption_tag=bytes(16),
        ),
    ),
    "verify": (
        False,
        lambda key: MACVerifyRequest(
            unique_identifier=key, cryptographic_parameters=CMAC, data=b"x", mac_data=bytes(16)
        ),
    ),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("state", list(State))
def test_k26_every_use_in_every_state(world: World, state: State, use: str) -> None:
    """Active does all, Deactivated only processes, the others do nothing.  Source: SP 800-57 Part 1 section 7."""
    protects, request = USES[use]
    item = world.ask(request(reach(world, state)))
    if state is State.ACTIVE or (state is State.DEACTIVATED and not protects):
        assert item.result_reason in (None, R.CRYPTOGRAPHIC_FAILURE)
    elif state in (State.DESTROYED, State.DESTROYED_COMPROMISED):
        assert item.result_reason is R.OBJECT_DESTROYED
    else:
        assert item.result_reason is R.WRONG_KEY_LIFECYCLE_STATE


@pytest.mark.parametrize("use", USES)
def test_k26_outside_the_mask(world: World, use: str) -> None:
    request = USES[use][1](create(world, M.DERIVE_KEY))
    assert world.refused(request) is R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK


@pytest.mark.parametrize("use", USES)
def test_an_unrestricted_key_does_all(world: World, use: str) -> None:
    item = world.ask(USES[use][1](create(world, CryptographicUsageMask.UNRESTRICTED)))
    assert item.result_reason in (None, R.CRYPTOGRAPHIC_FAILURE)


def test_k26_between_process_start_and_protect_stop(world: World) -> None:
    key = registered(world, os.urandom(32), ALL, process_start_date=START + 10, protect_stop_date=START + 20)
    encrypt, decrypt = (USES[name][1](key) for name in ("encrypt", "decrypt"))
    assert world.refused(decrypt) is R.WRONG_KEY_LIFECYCLE_STATE
    assert world.do(encrypt)
    world.clock.move(20)
    assert world.refused(encrypt) is R.WRONG_KEY_LIFECYCLE_STATE
    assert world.refused(decrypt) is R.CRYPTOGRAPHIC_FAILURE


def test_k27_a_limit_of_one_is_used_once(world: World) -> None:
    limits = UsageLimits(usage_limits_total=1, usage_limits_unit=UsageLimitsUnit.OBJECT)
    key = create(world, usage_limits=limits)
    items = world.batch(*(USES["encrypt"][1](key) for _ in range(5)), batch_error_continuation_option=1)
    assert sum(item.result_reason is None for item in items) == 1
    assert world.refused(USES["encrypt"][1](key)) is R.PERMISSION_DENIED


@pytest.mark.parametrize(
    "request_of",
    [
        lambda key: ReKeyRequest(unique_identifier=key),
        lambda key: ActivateRequest(unique_identifier=key),
        revoke,
        lambda key: DestroyRequest(unique_identifier=key),
        lambda key: ArchiveRequest(unique_identifier=key),
        lambda key: RecoverRequest(unique_identifier=key),
        lambda key: EncryptRequest(unique_identifier=key, data=b"x"),
        lambda key: SignRequest(unique_identifier=key, data=b"x"),
        lambda key: GetAttributesRequest(unique_identifier=key),
    ],
)
def test_k33_a_foreign_key_is_absent(world: World, request_of: Callable[[str], Request]) -> None:
    bobs = create(world, who="bob")
    foreign, absent = (world.ask(request_of(key)) for key in (bobs, "absent"))
    assert (foreign.result_reason, foreign.result_message) == (absent.result_reason, absent.result_message)
    assert foreign.result_reason is R.OBJECT_NOT_FOUND


def test_an_ec_signature_is_verified_whatever_padding_is_named(world: World) -> None:
    made = world.do(
        CreateKeyPairRequest(
            common_attributes=attributes(cryptographic_algorithm=A.EC, cryptographic_length=256, activation_date=1),
            private_key_attributes=attributes(cryptographic_usage_mask=M.SIGN),
            public_key_attributes=attributes(cryptographic_usage_mask=M.VERIFY),
        )
    )
    signature = world.do(SignRequest(unique_identifier=made.private_key_unique_identifier, data=b"x")).signature_data
    odd = CryptographicParameters(padding_method=PaddingMethod.PSS, cryptographic_algorithm=A.RSA)
    request = SignatureVerifyRequest(
        unique_identifier=made.public_key_unique_identifier,
        cryptographic_parameters=odd,
        data=b"x",
        signature_data=signature,
    )
    assert world.do(request).validity_indicator.title == "Valid"


def test_a_key_that_is_destroyed_does_not_stay_loaded(world: World) -> None:
    made = world.do(
        CreateKeyPairRequest(
            common_attributes=attributes(cryptographic_algorithm=A.EC, cryptographic_length=256, activation_date=1),
            private_key_attributes=attributes(cryptographic_usage_mask=M.SIGN),
            public_key_attributes=attributes(cryptographic_usage_mask=M.VERIFY),
        )
    )
    key = made.private_key_unique_identifier
    world.do(SignRequest(unique_identifier=key, data=b"x"))
    assert [name for name, _ in world.engine.loaded_keys] == [key]
    world.do(revoke(key))
    world.do(DestroyRequest(unique_identifier=key))
    assert not world.engine.loaded_keys

"""The approved set: what may protect, what may only be processed, what not at all; the default set leaves all."""

from __future__ import annotations

import os
from typing import Any

import pytest

from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    HashingAlgorithm,
    ObjectType,
    PaddingMethod,
    ResultReason,
)
from keystead.kmip.payloads.create import CreateKeyPairRequest, CreateRequest
from keystead.kmip.payloads.crypto import DecryptRequest, EncryptRequest, SignatureVerifyRequest, SignRequest
from keystead.kmip.structures import CryptographicParameters
from keystead.policy.algorithms import APPROVED, DEFAULT, SETS
from tests.engine.keys import DATA, A, M, attributes, create, register, registered, symmetric
from tests.engine.world import World

R = ResultReason


def creation(algorithm: CryptographicAlgorithm, length: int) -> CreateRequest:
    asked = attributes(cryptographic_algorithm=algorithm, cryptographic_length=length, cryptographic_usage_mask=DATA)
    return CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=asked)


def pair(algorithm: CryptographicAlgorithm, length: int) -> CreateKeyPairRequest:
    return CreateKeyPairRequest(
        common_attributes=attributes(cryptographic_algorithm=algorithm, cryptographic_length=length, activation_date=1),
        private_key_attributes=attributes(cryptographic_usage_mask=M.SIGN),
        public_key_attributes=attributes(cryptographic_usage_mask=M.VERIFY),
    )


OLD = [(A.DES, 56), (A.TRIPLE_DES, 168), (A.RC4, 128), (A.CHACHA20, 256), (A.BLOWFISH, 128), (A.HMAC_MD5, 128)]


@pytest.mark.parametrize(("algorithm", "length"), OLD)
def test_old_algorithms_make_no_keys(world: World, algorithm: CryptographicAlgorithm, length: int) -> None:
    world.do(creation(algorithm, length))
    world.engine.algorithms = APPROVED
    assert world.refused(creation(algorithm, length)) is R.INVALID_ATTRIBUTE_VALUE
    assert world.do(creation(A.AES, 256))


def test_short_keys_are_refused(world: World) -> None:
    world.engine.algorithms = APPROVED
    assert world.refused(pair(A.RSA, 1024)) is R.INVALID_ATTRIBUTE_VALUE
    assert world.refused(pair(A.EC, 192)) is R.INVALID_ATTRIBUTE_VALUE
    assert world.do(pair(A.EC, 256))


def test_what_is_legacy_only_processes(world: World) -> None:
    key = registered(world, symmetric(bytes(range(24)), A.TRIPLE_DES))
    parameters = CryptographicParameters(
        block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5, random_iv=True
    )
    encryption = EncryptRequest(unique_identifier=key, cryptographic_parameters=parameters, data=b"tape")
    made = world.do(encryption)
    world.engine.algorithms = APPROVED
    assert world.refused(encryption) is R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS
    decryption = DecryptRequest(
        unique_identifier=key,
        cryptographic_parameters=parameters,
        data=made.data,
        iv_counter_nonce=made.iv_counter_nonce,
    )
    assert world.do(decryption).data == b"tape"


def test_what_is_not_even_legacy_is_not_kept(world: World) -> None:
    world.engine.algorithms = APPROVED
    assert world.refused(register(world, symmetric(os.urandom(16), A.RC4))) is R.INVALID_ATTRIBUTE_VALUE
    assert world.do(register(world, symmetric(bytes(range(24)), A.TRIPLE_DES)))


def test_sha_1_verifies_and_does_not_sign(world: World) -> None:
    made = world.do(pair(A.RSA, 2048))
    parameters = CryptographicParameters(
        padding_method=PaddingMethod.PKCS1_V1_5, hashing_algorithm=HashingAlgorithm.SHA_1
    )
    signing = SignRequest(
        unique_identifier=made.private_key_unique_identifier, cryptographic_parameters=parameters, data=b"x"
    )
    signature = world.do(signing).signature_data
    world.engine.algorithms = APPROVED
    assert world.refused(signing) is R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS
    verification = SignatureVerifyRequest(
        unique_identifier=made.public_key_unique_identifier,
        cryptographic_parameters=parameters,
        data=b"x",
        signature_data=signature,
    )
    assert world.do(verification)


@pytest.mark.parametrize("change", [{"random_iv": True}, {"random_iv": None}])
def test_modes_without_approval(world: World, change: dict[str, Any]) -> None:
    key = create(world)
    world.engine.algorithms = APPROVED
    for mode in (BlockCipherMode.PCBC, BlockCipherMode.CBC_MAC):
        parameters = CryptographicParameters(block_cipher_mode=mode, **change)
        request = EncryptRequest(unique_identifier=key, cryptographic_parameters=parameters, data=b"x")
        assert world.refused(request) is R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS


def test_the_sets_by_their_names() -> None:
    assert SETS == {"default": DEFAULT, "approved": APPROVED}
    assert all(algorithm in APPROVED.processes for algorithm in APPROVED.protects)

"""Encapsulate and Decapsulate: both sides keep the same secret."""

from __future__ import annotations

from typing import Any

import pytest

from keystead.kmip.enums import CryptographicAlgorithm, KEMAlgorithm, ObjectType, ResultReason
from keystead.kmip.payloads.create import CreateKeyPairRequest
from keystead.kmip.payloads.crypto import DecapsulateRequest, EncapsulateRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.structures import CryptographicParameters
from keystead.kmip.version import V3_0
from tests.engine.keys import DATA, A, M, attributes, create
from tests.engine.world import World

R = ResultReason
KEMS = (A.ML_KEM_512, A.ML_KEM_768, A.ML_KEM_1024)


def key_pair(world: World, algorithm: CryptographicAlgorithm = A.ML_KEM_768, **private: Any) -> tuple[str, str]:
    made = world.do(
        CreateKeyPairRequest(
            common_attributes=attributes(
                cryptographic_algorithm=algorithm, activation_date=1, cryptographic_usage_mask=M.KEY_AGREEMENT
            ),
            private_key_attributes=attributes(**private),
        ),
        version=V3_0,
    )
    return str(made.private_key_unique_identifier), str(made.public_key_unique_identifier)


@pytest.mark.parametrize("algorithm", KEMS)
def test_both_sides_get_the_same_key(world: World, algorithm: CryptographicAlgorithm) -> None:
    private, public = key_pair(world, algorithm)
    wanted = attributes(cryptographic_algorithm=A.AES, cryptographic_usage_mask=DATA)
    one = world.do(EncapsulateRequest(unique_identifier=public, attributes=wanted), version=V3_0)
    other = world.do(DecapsulateRequest(unique_identifier=private, data=one.data, attributes=wanted), version=V3_0)
    objects = [world.do(GetRequest(unique_identifier=made.unique_identifier), version=V3_0) for made in (one, other)]
    assert objects[0].object == objects[1].object
    assert objects[0].object_type is ObjectType.SYMMETRIC_KEY


def test_without_an_algorithm_it_is_secret_data(world: World) -> None:
    _, public = key_pair(world)
    made = world.do(EncapsulateRequest(unique_identifier=public), version=V3_0)
    assert world.do(GetRequest(unique_identifier=made.unique_identifier)).object_type is ObjectType.SECRET_DATA


def test_an_altered_ciphertext_gives_another_secret_and_a_short_one_none(world: World) -> None:
    private, public = key_pair(world)
    made = world.do(EncapsulateRequest(unique_identifier=public), version=V3_0)
    altered = bytes((made.data[0] ^ 1,)) + made.data[1:]
    other = world.do(DecapsulateRequest(unique_identifier=private, data=altered), version=V3_0)
    secrets = [world.do(GetRequest(unique_identifier=each.unique_identifier)).object for each in (made, other)]
    assert secrets[0] != secrets[1]
    request = DecapsulateRequest(unique_identifier=private, data=made.data[:-1])
    assert world.refused(request, version=V3_0) is R.CRYPTOGRAPHIC_FAILURE


def test_what_a_sensitive_key_recovers_is_sensitive(world: World) -> None:
    private, public = key_pair(world, sensitive=True)
    made = world.do(EncapsulateRequest(unique_identifier=public), version=V3_0)
    secret = world.do(DecapsulateRequest(unique_identifier=private, data=made.data), version=V3_0).unique_identifier
    assert world.refused(GetRequest(unique_identifier=secret)) is R.SENSITIVE


def test_the_wrong_key_and_the_wrong_mechanism(world: World) -> None:
    private, public = key_pair(world)
    assert world.refused(EncapsulateRequest(unique_identifier=private), version=V3_0) is R.INVALID_OBJECT_TYPE
    aes = create(world, M.KEY_AGREEMENT)
    assert world.refused(EncapsulateRequest(unique_identifier=aes), version=V3_0) is R.INVALID_OBJECT_TYPE
    rsa = EncapsulateRequest(
        unique_identifier=public, cryptographic_parameters=CryptographicParameters(kem_algorithm=KEMAlgorithm.RSASVE)
    )
    assert world.refused(rsa, version=V3_0) is R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS
    _, ec = key_pair(world, A.EC)
    assert world.refused(EncapsulateRequest(unique_identifier=ec), version=V3_0) is R.BAD_CRYPTOGRAPHIC_PARAMETERS


def test_k38_older_versions_do_not_have_it(world: World) -> None:
    _, public = key_pair(world)
    request = EncapsulateRequest(unique_identifier=public)
    assert world.refused(request) is R.OPERATION_NOT_SUPPORTED

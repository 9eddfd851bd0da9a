"""The counters of 3.0: how often an object was used, and for what (KMIP 3.0 §4.13)."""

from __future__ import annotations

from typing import Any

import pytest

from keystead.kmip.attributes import COUNTERS, Attributes
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.create import CreateKeyPairRequest
from keystead.kmip.payloads.crypto import DecryptRequest, EncryptRequest, SignatureVerifyRequest, SignRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.rekey import ReKeyRequest
from keystead.kmip.tags import Tag
from keystead.kmip.version import V2_1, V3_0
from tests.engine.keys import A, M, attributes, create
from tests.engine.test_use import GCM
from tests.engine.world import World

ENCRYPT, DECRYPT, SIGN, VERIFY = (
    Tag.ENCRYPT_COUNTER,
    Tag.DECRYPT_COUNTER,
    Tag.SIGN_COUNTER,
    Tag.SIGNATURE_VERIFY_COUNTER,
)


def counters(world: World, key: str) -> dict[Any, int]:
    request = GetAttributesRequest(unique_identifier=key, attribute_reference=COUNTERS)
    found = world.do(request, version=V3_0).attributes
    return {attribute.name: attribute.value for attribute in found}


def test_an_object_that_was_never_used_has_counters_of_0(world: World) -> None:
    assert counters(world, create(world)) == dict.fromkeys(COUNTERS, 0)


def test_each_use_counts_for_what_it_was(world: World) -> None:
    key = create(world)
    sealed = [
        world.do(EncryptRequest(unique_identifier=key, cryptographic_parameters=GCM, data=b"data"), version=V3_0)
        for _ in range(3)
    ]
    opening = DecryptRequest(
        unique_identifier=key,
        cryptographic_parameters=GCM,
        data=sealed[0].data,
        iv_counter_nonce=sealed[0].iv_counter_nonce,
        authenticated_encryption_tag=sealed[0].authenticated_encryption_tag,
    )
    world.do(opening, version=V3_0)
    assert counters(world, key) == dict.fromkeys(COUNTERS, 0) | {ENCRYPT: 3, DECRYPT: 1}
    world.reopen()
    assert counters(world, key)[ENCRYPT] == 3


def test_signing_counts_with_the_private_key_and_verifying_with_the_public_one(world: World) -> None:
    pair = world.do(
        CreateKeyPairRequest(
            common_attributes=attributes(cryptographic_algorithm=A.EC, cryptographic_length=256, activation_date=1),
            private_key_attributes=attributes(cryptographic_usage_mask=M.SIGN),
            public_key_attributes=attributes(cryptographic_usage_mask=M.VERIFY),
        )
    )
    private, public = pair.private_key_unique_identifier, pair.public_key_unique_identifier
    made = world.do(SignRequest(unique_identifier=private, data=b"data"), version=V3_0)
    for said in (b"data", b"other"):
        request = SignatureVerifyRequest(unique_identifier=public, data=said, signature_data=made.signature_data)
        world.do(request, version=V3_0)
    assert counters(world, private) == dict.fromkeys(COUNTERS, 0) | {SIGN: 1}
    assert counters(world, public) == dict.fromkeys(COUNTERS, 0) | {VERIFY: 2}


def test_a_use_in_parts_counts_once(world: World) -> None:
    key = create(world)
    first = world.do(
        EncryptRequest(unique_identifier=key, cryptographic_parameters=GCM, data=bytes(16), init_indicator=True),
        version=V3_0,
    )
    for final in (None, True):
        more = EncryptRequest(correlation_value=first.correlation_value, data=bytes(16), final_indicator=final)
        world.do(more, version=V3_0)
    assert counters(world, key)[ENCRYPT] == 1


def test_a_use_that_is_refused_does_not_count(world: World) -> None:
    key = create(world)
    request = DecryptRequest(
        unique_identifier=key, cryptographic_parameters=GCM, data=b"x", iv_counter_nonce=bytes(12),
        authenticated_encryption_tag=bytes(16),
    )  # fmt: skip
    world.refused(request, version=V3_0)
    assert counters(world, key)[DECRYPT] == 0


def test_what_older_clients_do_is_not_counted_and_they_see_no_counter(world: World) -> None:
    key = create(world)
    world.do(EncryptRequest(unique_identifier=key, cryptographic_parameters=GCM, data=b"data"), version=V2_1)
    assert counters(world, key)[ENCRYPT] == 0
    world.do(EncryptRequest(unique_identifier=key, cryptographic_parameters=GCM, data=b"data"), version=V3_0)
    for version in (V2_1, V3_0):  # 3.0 gives them to who asks for them
        found = world.do(GetAttributesRequest(unique_identifier=key), version=version).attributes
        assert not {attribute.name for attribute in found} & set(COUNTERS)


def test_the_key_that_replaces_another_begins_at_0(world: World) -> None:
    key = create(world)
    world.do(EncryptRequest(unique_identifier=key, cryptographic_parameters=GCM, data=b"data"), version=V3_0)
    new = world.do(ReKeyRequest(unique_identifier=key), version=V3_0).unique_identifier
    assert counters(world, new) == dict.fromkeys(COUNTERS, 0)


@pytest.mark.parametrize("uses", [0, 1, 2])
def test_objects_are_found_by_their_counters(world: World, uses: int) -> None:
    keys = [create(world) for _ in range(3)]
    for number, key in enumerate(keys):
        for _ in range(number):
            world.do(EncryptRequest(unique_identifier=key, cryptographic_parameters=GCM, data=b"data"), version=V3_0)
    found = world.do(LocateRequest(attributes=Attributes.of({ENCRYPT: uses})), version=V3_0)
    assert found.unique_identifier == (keys[uses],)

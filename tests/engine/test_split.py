"""Create Split Key and Join Split Key, by every method."""

from __future__ import annotations

import os
from itertools import combinations
from typing import Any

import pytest

from keystead.kmip.enums import ObjectType, ResultReason, SplitKeyMethod
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.create import CreateSplitKeyRequest, JoinSplitKeyRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.structures import Name
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_2, V2_1, V3_0
from tests.engine.keys import DATA, A, attributes, bytes_of, create, registered
from tests.engine.world import World

R = ResultReason
XOR, GF8, GF16, PRIME = (
    SplitKeyMethod.XOR,
    SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8,
    SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_16,
    SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD,
)
P521 = 2**521 - 1
WANTED: dict[str, Any] = {
    "cryptographic_algorithm": A.AES,
    "cryptographic_length": 256,
    "cryptographic_usage_mask": DATA,
}


def splitting(
    key: str | None, method: SplitKeyMethod = GF8, parts: int = 4, threshold: int = 2, **asked: Any
) -> CreateSplitKeyRequest:
    return CreateSplitKeyRequest(
        object_type=ObjectType.SPLIT_KEY,
        unique_identifier=key,
        split_key_parts=parts,
        split_key_threshold=threshold,
        split_key_method=method,
        prime_field_size=P521 if method is PRIME else None,
        attributes=attributes(**asked),
    )


def joining(*parts: str, **asked: Any) -> JoinSplitKeyRequest:
    return JoinSplitKeyRequest(
        object_type=ObjectType.SYMMETRIC_KEY, unique_identifier=parts, attributes=attributes(**(asked or WANTED))
    )


@pytest.mark.parametrize(("method", "threshold"), [(XOR, 3), (GF8, 2), (GF16, 2), (PRIME, 2)])
@pytest.mark.parametrize("version", [V1_2, V2_1, V3_0])
def test_what_is_split_can_be_joined(world: World, method: SplitKeyMethod, threshold: int, version: Any) -> None:
    key = registered(world, os.urandom(32))
    parts = world.do(splitting(key, method, 3, threshold), version=version).unique_identifier
    for some in combinations(parts, threshold):
        joined = world.do(joining(*some), version=version).unique_identifier
        assert bytes_of(world, joined) == bytes_of(world, key)


def test_a_new_key_is_split_and_never_kept_whole(world: World) -> None:
    parts = world.do(splitting(None, XOR, 2, 2, **WANTED)).unique_identifier
    assert len(bytes_of(world, world.do(joining(*parts)).unique_identifier)) == 32


def test_the_parts_say_which_they_are(world: World) -> None:
    parts = world.do(splitting(create(world), name=Name(name_value="share")), version=V3_0).unique_identifier
    names = (Tag.KEY_PART_IDENTIFIER, Tag.SPLIT_KEY_PARTS, Tag.SPLIT_KEY_THRESHOLD, Tag.SPLIT_KEY_METHOD, Tag.NAME)
    found = [
        world.do(GetAttributesRequest(unique_identifier=part, attribute_reference=names), version=V3_0).attributes
        for part in parts
    ]
    assert [each.get(Tag.KEY_PART_IDENTIFIER) for each in found] == [1, 2, 3, 4]
    assert {(each.get(Tag.SPLIT_KEY_PARTS), each.get(Tag.SPLIT_KEY_THRESHOLD)) for each in found} == {(4, 2)}
    assert [each.get(Tag.NAME) is not None for each in found] == [True, False, False, False]
    assert world.do(GetRequest(unique_identifier=parts[1])).object.key_part_identifier == 2


def test_too_few_parts_and_parts_of_different_keys_are_refused(world: World) -> None:
    one = world.do(splitting(create(world))).unique_identifier
    other = world.do(splitting(create(world), parts=3)).unique_identifier
    assert world.refused(joining(one[0])) is R.CRYPTOGRAPHIC_FAILURE
    assert world.refused(joining(one[0], one[0])) is R.CRYPTOGRAPHIC_FAILURE
    assert world.refused(joining(one[0], other[1])) is R.CRYPTOGRAPHIC_FAILURE
    assert world.refused(joining(create(world), one[0])) is R.INVALID_OBJECT_TYPE


def test_the_parts_of_another_owner_are_not_there(world: World) -> None:
    parts = world.do(splitting(create(world, who="bob")), who="bob").unique_identifier
    assert world.refused(joining(*parts[:2])) is R.OBJECT_NOT_FOUND


@pytest.mark.parametrize(("parts", "threshold"), [(1, 1), (2, 3), (2, 0), (65, 2), (2**31 - 1, 2)])
def test_numbers_that_make_no_sense(world: World, parts: int, threshold: int) -> None:
    request = splitting(create(world), GF8, parts, threshold)
    assert world.refused(request) in (R.INVALID_FIELD, R.SERVER_LIMIT_EXCEEDED)

"""Locate answers exactly what is asked: K28 of the catalogue of hostile inputs."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from keystead.engine import context
from keystead.engine.managed import HISTORY
from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.attributes import Attribute, Attributes, Link
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicUsageMask,
    HashingAlgorithm,
    KeyFormatType,
    LinkType,
    NameType,
    ObjectClassMask,
    ObjectType,
    PaddingMethod,
    ResultReason,
    StorageStatusMask,
    UsageLimitsUnit,
)
from keystead.kmip.messages import load_request
from keystead.kmip.payloads.attributes import GetAttributesRequest
from keystead.kmip.payloads.create import CreateKeyPairRequest, CreateRequest
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.schema import Nested, fields_of, value_reader
from keystead.kmip.structures import CryptographicParameters, Digest, Name, UsageLimits
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_2, V1_4, V2_1, V3_0, Version
from tests.engine.keys import A, M, attributes, create
from tests.engine.world import START, World, request_message

R = ResultReason


def found(world: World, *pairs: tuple[Any, Any], version: Version = V1_4, **how: Any) -> set[str]:
    asked = Attributes(tuple(Attribute(name, value) for name, value in pairs))
    return set(world.do(LocateRequest(attributes=asked, **how), version=version).unique_identifier)


def pair(world: World) -> tuple[str, str]:
    made = world.do(
        CreateKeyPairRequest(
            common_attributes=attributes(cryptographic_algorithm=A.EC, cryptographic_length=256),
            private_key_attributes=attributes(cryptographic_usage_mask=M.SIGN),
            public_key_attributes=attributes(cryptographic_usage_mask=M.VERIFY),
        )
    )
    return str(made.private_key_unique_identifier), str(made.public_key_unique_identifier)


class TestParts:
    """Not every field of a structure need be there.  Source: KMIP 1.4 §4.9."""

    @pytest.mark.parametrize("version", [V1_2, V2_1])
    def test_a_link_without_its_type(self, world: World, version: Version) -> None:
        private, public = pair(world)
        pair(world)
        link = Link(link_type=None, linked_object_identifier=private)  # type: ignore[arg-type]
        assert found(world, (Tag.LINK, link), version=version) == {public}

    @pytest.mark.parametrize("version", [V1_2, V2_1])
    def test_a_link_of_a_type_to_anything(self, world: World, version: Version) -> None:
        privates = {pair(world)[0] for _ in range(2)}
        create(world)
        link = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier=None)  # type: ignore[arg-type]
        assert found(world, (Tag.LINK, link), version=version) == privates

    def test_a_link_that_says_nothing_is_refused(self, world: World) -> None:
        link = Link(link_type=None, linked_object_identifier=None)  # type: ignore[arg-type]
        request = LocateRequest(attributes=Attributes((Attribute(Tag.LINK, link),)))
        assert world.refused(request) is R.INVALID_FIELD

    def test_some_fields_of_cryptographic_parameters(self, world: World) -> None:
        both = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5)
        key = create(world, cryptographic_parameters=both)
        other = create(world, cryptographic_parameters=CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC))
        create(world)
        cbc = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC)
        assert found(world, (Tag.CRYPTOGRAPHIC_PARAMETERS, cbc)) == {key, other}
        assert found(world, (Tag.CRYPTOGRAPHIC_PARAMETERS, both)) == {key}

    def test_any_part_of_a_large_structure_finds_it(self, world: World) -> None:
        whole = CryptographicParameters(
            block_cipher_mode=BlockCipherMode.GCM,
            padding_method=PaddingMethod.NONE,
            hashing_algorithm=HashingAlgorithm.SHA_256,
            cryptographic_algorithm=A.AES,
            random_iv=True,
            iv_length=12,
            tag_length=16,
        )
        key = create(world, cryptographic_parameters=whole)
        fields = [field.name for field in fields_of(CryptographicParameters) if getattr(whole, field.name) is not None]
        for size in range(1, len(fields) + 1):
            for names in combinations(fields, size):
                part = CryptographicParameters(**{name: getattr(whole, name) for name in names})
                assert found(world, (Tag.CRYPTOGRAPHIC_PARAMETERS, part)) == {key}, names

    def test_no_two_instances_together_are_taken_for_one(self, world: World) -> None:
        def parameters(tag_length: int, *without: str) -> CryptographicParameters:
            fields: dict[str, Any] = {"block_cipher_mode": BlockCipherMode.GCM, "random_iv": True, "iv_length": 12}
            kept = {name: value for name, value in fields.items() if name not in without}
            return CryptographicParameters(tag_length=tag_length, **kept)

        three = (parameters(16, "iv_length"), parameters(16, "random_iv"), parameters(16, "block_cipher_mode"))
        several = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, random_iv=True, iv_length=12)
        pairs = Attributes.of(
            [(Tag.CRYPTOGRAPHIC_PARAMETERS, one) for one in (*three, parameters(12), parameters(14, "iv_length"))]
        )
        asked = Attributes((*attributes(cryptographic_algorithm=A.AES, cryptographic_length=128), *pairs))
        made = world.do(CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=asked))
        key = str(made.unique_identifier)
        assert found(world, (Tag.CRYPTOGRAPHIC_PARAMETERS, several)) == {key}
        assert found(world, (Tag.CRYPTOGRAPHIC_PARAMETERS, parameters(12))) == {key}
        assert found(world, (Tag.CRYPTOGRAPHIC_PARAMETERS, parameters(16))) == set()
        assert found(world, (Tag.CRYPTOGRAPHIC_PARAMETERS, three[0])) == {key}

    def test_pages_of_what_had_to_be_looked_at(self, world: World) -> None:
        asked = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, random_iv=True, iv_length=12)
        keys = [create(world, cryptographic_parameters=asked) for _ in range(5)]
        wanted = attributes(cryptographic_parameters=asked)
        got = world.do(LocateRequest(attributes=wanted, maximum_items=2, offset_items=1), version=V1_4)
        assert list(got.unique_identifier) == keys[::-1][1:3]
        assert got.located_items == 5

    def test_what_would_take_too_long_to_look_at_is_refused(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(context, "MOST_LOOKED_AT", 2)
        asked = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, random_iv=True, iv_length=12)
        for _ in range(3):
            create(world, cryptographic_parameters=asked)
        wanted = LocateRequest(attributes=attributes(cryptographic_parameters=asked))
        assert world.refused(wanted) is R.SERVER_LIMIT_EXCEEDED

    @pytest.mark.parametrize(
        "how",
        [
            {"storage_status_mask": StorageStatusMask(0)},
            {"storage_status_mask": StorageStatusMask(8)},
            {"storage_status_mask": StorageStatusMask(9)},
            {"object_class_mask": ObjectClassMask(0)},
            {"object_class_mask": ObjectClassMask(4)},
        ],
    )
    def test_a_mask_that_asks_for_nothing_known_is_refused(self, world: World, how: dict[str, Any]) -> None:
        assert world.refused(LocateRequest(**how), version=V3_0) is R.INVALID_FIELD

    def test_a_digest_by_its_value(self, world: World) -> None:
        key = create(world)
        create(world)
        request = GetAttributesRequest(unique_identifier=key, attribute_reference=(Tag.DIGEST,))
        digest = world.do(request).attributes.get(Tag.DIGEST)
        value = digest.digest_value
        for asked in (
            Digest(hashing_algorithm=HashingAlgorithm.SHA_256, digest_value=value),
            Digest(hashing_algorithm=None, digest_value=value, key_format_type=KeyFormatType.RAW),  # type: ignore[arg-type]
            digest,
        ):
            assert found(world, (Tag.DIGEST, asked)) == {key}
        sha1 = Digest(hashing_algorithm=HashingAlgorithm.SHA_1, digest_value=value)
        assert found(world, (Tag.DIGEST, sha1)) == set()

    def test_a_digest_without_its_value_is_refused(self, world: World) -> None:
        digest = Digest(hashing_algorithm=HashingAlgorithm.SHA_256)
        assert world.refused(LocateRequest(attributes=attributes(digest=digest))) is R.INVALID_FIELD

    def test_elsewhere_a_structure_must_be_whole(self) -> None:
        data = ttlv.encode(ttlv.Item(Tag.LINK, ttlv.STRUCTURE, ()))
        assert value_reader(Nested(Link), V1_4, partial=True)[ttlv.STRUCTURE](data, 0, len(data)) == Link(
            link_type=None,
            linked_object_identifier=None,  # type: ignore[arg-type]
        )
        with pytest.raises(CodecError):
            value_reader(Nested(Link), V1_4)[ttlv.STRUCTURE](data, 0, len(data))


class TestComparisons:
    def test_usage_limits_of_at_least(self, world: World) -> None:
        keys = {
            total: create(
                world, usage_limits=UsageLimits(usage_limits_total=total, usage_limits_unit=UsageLimitsUnit.BYTE)
            )
            for total in (10, 20, 30)
        }
        create(world)
        limits = UsageLimits(usage_limits_total=20, usage_limits_count=20, usage_limits_unit=UsageLimitsUnit.BYTE)
        assert found(world, (Tag.USAGE_LIMITS, limits)) == {keys[20], keys[30]}
        assert found(world, (Tag.USAGE_LIMITS, UsageLimits(
            usage_limits_total=0, usage_limits_unit=UsageLimitsUnit.OBJECT))) == set()  # fmt: skip

    def test_dates_at_and_between(self, world: World) -> None:
        early, late = create(world, deactivation_date=START + 100), create(world, deactivation_date=START + 200)
        never = create(world)
        date = Tag.DEACTIVATION_DATE
        assert found(world, (date, START + 100)) == {early}
        assert found(world, (date, START + 100), (date, START + 199)) == {early}
        assert found(world, (date, START + 100), (date, START + 200)) == {early, late}
        assert found(world, (date, ttlv.LATEST_DATE)) == {never}
        assert found(world, (date, START + 150), (date, ttlv.LATEST_DATE)) == {late, never}

    def test_all_bits_of_a_mask(self, world: World) -> None:
        both, one = create(world, M.ENCRYPT | M.DECRYPT), create(world, M.ENCRYPT)
        assert found(world, (Tag.CRYPTOGRAPHIC_USAGE_MASK, M.ENCRYPT)) == {both, one}
        assert found(world, (Tag.CRYPTOGRAPHIC_USAGE_MASK, M.ENCRYPT | M.DECRYPT)) == {both}
        assert found(world, (Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0))) == {both, one}

    def test_a_name_and_its_type(self, world: World) -> None:
        text = create(world, name=Name(name_value="urn:x"))
        uri = create(world, name=Name(name_value="urn:x", name_type=NameType.URI))
        assert found(world, (Tag.NAME, Name(name_value="urn:x"))) == {text}
        assert found(world, (Tag.NAME, Name(name_value="urn:x", name_type=NameType.URI))) == {uri}


class TestHostile:
    """K28: an error or the exact answer, never a wider one."""

    @pytest.mark.parametrize("how", [{"offset_items": -1}, {"maximum_items": -1}])
    def test_k28_numbers_below_zero(self, world: World, how: dict[str, int]) -> None:
        assert world.refused(LocateRequest(**how)) is R.INVALID_FIELD  # type: ignore[arg-type]

    def test_k28_none_and_very_many(self, world: World) -> None:
        key = create(world)
        assert found(world, maximum_items=0) == set()
        assert found(world, maximum_items=2**31 - 1) == {key}

    @pytest.mark.parametrize("name", ["%", "_", "*", "a%", "' OR 1=1 --", "A"])
    def test_k28_names_are_no_patterns(self, world: World, name: str) -> None:
        create(world, name=Name(name_value="a"))
        assert found(world, (Tag.NAME, Name(name_value=name))) == set()

    def test_k28_too_many_conditions(self, world: World) -> None:
        many = Attributes(tuple(Attribute(Tag.OBJECT_TYPE, ObjectType.SYMMETRIC_KEY) for _ in range(5000)))
        assert world.refused(LocateRequest(attributes=many)) is R.SERVER_LIMIT_EXCEEDED

    def test_k28_the_history_is_not_searched(self, world: World) -> None:
        value = ttlv.Item(Tag.ATTRIBUTE_VALUE, ttlv.INTEGER, 1)
        create(world)
        assert world.refused(LocateRequest(attributes=Attributes((Attribute(HISTORY, value),)))) is R.INVALID_ATTRIBUTE

    def test_k29_foreign_objects_are_not_counted(self, world: World) -> None:
        create(world, who="bob", name=Name(name_value="bobs"))
        answer = world.do(LocateRequest(attributes=attributes(name=Name(name_value="bobs"))))
        assert (answer.located_items, answer.unique_identifier) == (0, ())


def test_the_request_is_read_so_from_the_wire() -> None:
    link = Link(link_type=None, linked_object_identifier="x")  # type: ignore[arg-type]
    message = request_message(LocateRequest(attributes=Attributes((Attribute(Tag.LINK, link),))), version=V1_4)
    loaded, _ = load_request(message)
    assert loaded.batch_item[0].request_payload.attributes.items[0] == Attribute(Tag.LINK, link)  # type: ignore[union-attr]

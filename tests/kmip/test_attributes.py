"""Attributes: their names, their visibility, and how they are kept."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.attributes import (
    ATTRIBUTES,
    LINK_TYPES,
    LINKS,
    Attribute,
    AttributeKind,
    Attributes,
    VendorAttributeName,
    dump_stored,
    expand,
    load_stored,
    name_of,
    title_of,
    visible,
)
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    HashingAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectType,
    ResultReason,
)
from keystead.kmip.payloads.attributes import GetAttributesResponse
from keystead.kmip.schema import dump, load
from keystead.kmip.structures import Digest, Name
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.version import V1_0, V1_4, V2_0, V2_1, V3_0, Version

from .strategies import arbitrary, item, randoms


def answer(*attributes: Attribute) -> GetAttributesResponse:
    return GetAttributesResponse(unique_identifier="1", attributes=Attributes(attributes))


def there_and_back(version: Version, *attributes: Attribute) -> tuple[Attribute, ...]:
    read = load(GetAttributesResponse, dump(answer(*attributes), version), version).attributes
    assert read is not None
    return read.items


@pytest.mark.parametrize("tag", ATTRIBUTES, ids=lambda tag: tag.name)
@pytest.mark.parametrize("version", list(Version), ids=str)
def test_every_attribute_goes_there_and_back_where_it_is_visible(tag: Tag, version: Version) -> None:
    random = Random(int(tag) << 16 | int(version))
    for _ in range(3):
        value = arbitrary(ATTRIBUTES[tag].kind, version, random)
        expected = (Attribute(tag, value),) if visible(tag, version) else ()
        assert there_and_back(version, Attribute(tag, value)) == expected


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(random=randoms)
def test_what_is_stored_is_loaded_again(random: Random) -> None:
    found = []
    for version in (V1_4, V2_1, V3_0):
        found += [arbitrary(AttributeKind(), version, random) for _ in range(3)]
    # A value of any version is kept; its index is kept, and 0 is that of the first.
    found = [Attribute(each.name, each.value, each.index or 0) for each in found]
    assert load_stored(dump_stored(found)) == found


def test_what_only_1_x_can_say_is_stored_too() -> None:
    dropped = KeyFormatType.TRANSPARENT_ECDSA_PRIVATE_KEY
    found = [
        Attribute(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0xFFFFFFF), 0),
        Attribute(Tag.KEY_FORMAT_TYPE, dropped, 0),
        Attribute(Tag.OBJECT_TYPE, ObjectType.TEMPLATE, 0),
        Attribute(Tag.DIGEST, Digest(hashing_algorithm=HashingAlgorithm.SHA3_256, key_format_type=dropped), 0),
    ]
    assert load_stored(dump_stored(found)) == found


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(random=randoms)
def test_no_value_of_a_vendor_changes(random: Random) -> None:
    value = item(random, depth=3)
    name = VendorAttributeName("x", "mine")
    for version in Version:
        assert there_and_back(version, Attribute(name, value)) == (Attribute(name, value),)


def test_a_name_of_1_x_is_a_tag_or_a_vendors() -> None:
    for tag in ATTRIBUTES:
        if visible(tag, V1_4) and tag not in LINK_TYPES:
            assert name_of(title_of(tag)) is tag
    assert name_of("x-mine") == VendorAttributeName("x", "mine")
    assert name_of("y-") == VendorAttributeName("y", "")
    assert name_of("z-mine") == VendorAttributeName("", "z-mine")
    assert name_of("Link") is Tag.LINK
    assert title_of(Tag.PARENT_LINK) == "Link"
    for title in ("x-mine", "y-", "z-mine", "nonsense"):
        assert title_of(name_of(title)) == title


def test_every_link_type_is_an_attribute() -> None:
    assert set(LINKS) == set(LinkType)
    assert set(LINK_TYPES) < set(expand(Tag.LINK))
    assert expand(Tag.NAME) == (Tag.NAME,)


def test_a_vendors_attribute_is_seen_in_1_x_only_if_it_is_custom_there() -> None:
    theirs, mine = VendorAttributeName("Example", "a"), VendorAttributeName("x", "a")
    assert [visible(theirs, version) for version in (V1_0, V1_4, V2_0, V3_0)] == [False, False, True, True]
    assert all(visible(mine, version) for version in Version)
    assert there_and_back(V1_4, Attribute(theirs, Item(Tag.ATTRIBUTE_VALUE, ttlv.INTEGER, 1))) == ()


def test_a_value_that_a_version_lacks_is_left_out() -> None:
    later = Attribute(Tag.CRYPTOGRAPHIC_ALGORITHM, next(v for v in CryptographicAlgorithm if v.since is V3_0))
    assert there_and_back(V1_0, later) == ()
    assert there_and_back(V3_0, later) == (later,)


def test_an_index_of_1_x_is_told_even_if_it_is_0_where_there_can_be_several_instances() -> None:
    name, vendors = Name(name_value="a"), VendorAttributeName("x", "a")
    number = Item(Tag.ATTRIBUTE_VALUE, ttlv.INTEGER, 1)
    for told in (
        Attribute(Tag.NAME, name, 2),
        Attribute(Tag.NAME, name, 0),
        Attribute(Tag.NAME, name),
        Attribute(Tag.PARENT_LINK, "1", 0),
        Attribute(vendors, number, 0),
    ):
        assert there_and_back(V1_4, told) == (told,)
    only = Attribute(Tag.CRYPTOGRAPHIC_LENGTH, 128)
    assert there_and_back(V1_4, replace(only, index=0)) == (only,)
    assert there_and_back(V2_0, Attribute(Tag.NAME, name, 2)) == (Attribute(Tag.NAME, name),)


def read_2_1(*items: Item) -> None:
    payload = Item(
        Tag.RESPONSE_PAYLOAD,
        ttlv.STRUCTURE,
        (Item(Tag.UNIQUE_IDENTIFIER, ttlv.TEXT_STRING, "1"), Item(Tag.ATTRIBUTES, ttlv.STRUCTURE, items)),
    )
    load(GetAttributesResponse, ttlv.encode(payload), V2_1)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Item(Tag.NAME, ttlv.TEXT_STRING, "a"), ResultReason.INVALID_DATA_TYPE),
        (Item(Tag.CRYPTOGRAPHIC_LENGTH, ttlv.LONG_INTEGER, 1), ResultReason.INVALID_DATA_TYPE),
        (Item(Tag.PARENT_LINK, ttlv.TEXT_STRING, "1"), ResultReason.UNSUPPORTED_ATTRIBUTE),
        (Item(Tag.OPERATION_POLICY_NAME, ttlv.TEXT_STRING, "a"), ResultReason.UNSUPPORTED_ATTRIBUTE),
        (Item(Tag.BATCH_COUNT, ttlv.INTEGER, 1), ResultReason.UNSUPPORTED_ATTRIBUTE),
        (Item(0x42FFFF, ttlv.INTEGER, 1), ResultReason.UNKNOWN_TAG),
        (
            Item(
                Tag.LINK,
                ttlv.STRUCTURE,
                (
                    Item(Tag.LINK_TYPE, ttlv.ENUMERATION, 0x80000001),
                    Item(Tag.LINKED_OBJECT_IDENTIFIER, ttlv.TEXT_STRING, "1"),
                ),
            ),
            ResultReason.UNKNOWN_ENUMERATION,
        ),
        (Item(Tag.ATTRIBUTE, ttlv.STRUCTURE, ()), None),
    ],
)
def test_what_is_no_attribute_of_2_1_is_refused(found: Item, reason: ResultReason | None) -> None:
    with pytest.raises(CodecError) as raised:
        read_2_1(found)
    assert raised.value.reason is reason


@pytest.mark.parametrize("vendor", ["", "a b", "ä", "a/b", "a-b"])
def test_a_vendor_identification_has_letters_digits_underscores_and_periods(vendor: str) -> None:
    """Source: 2.1 section 4.60."""
    with pytest.raises(CodecError) as raised:
        read_2_1(
            Item(
                Tag.ATTRIBUTE,
                ttlv.STRUCTURE,
                (
                    Item(Tag.VENDOR_IDENTIFICATION, ttlv.TEXT_STRING, vendor),
                    Item(Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, "a"),
                    Item(Tag.ATTRIBUTE_VALUE, ttlv.INTEGER, 1),
                ),
            )
        )
    assert raised.value.reason is ResultReason.INVALID_FIELD


def test_a_vendors_attribute_among_attributes_does_not_disturb_them() -> None:
    read_2_1(Item(0x540001, ttlv.INTEGER, 1), Item(Tag.CRYPTOGRAPHIC_LENGTH, ttlv.INTEGER, 1))

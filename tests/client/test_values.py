"""Values as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from keystead.client.values import (
    FieldError,
    attribute_name,
    attributes_of,
    bytes_of,
    enumeration_of,
    field_value,
    item_of,
    mask_of,
    structure_of,
    type_name,
    value_of,
)
from keystead.kmip import ttlv
from keystead.kmip.attributes import ATTRIBUTES, Attributes, VendorAttributeName
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    HashingAlgorithm,
    KeyFormatType,
    OpaqueDataType,
    QueryFunction,
    RevocationReasonCode,
)
from keystead.kmip.payloads import OPERATIONS
from keystead.kmip.payloads.server import DiscoverVersionsRequest, QueryRequest
from keystead.kmip.schema import fields_of
from keystead.kmip.structures import CryptographicParameters, Name, RevocationReason
from keystead.kmip.tags import Tag


@pytest.mark.parametrize("written", ["SHA-256", "sha256", "SHA_256", "6", "0x6", 6, HashingAlgorithm.SHA_256])
def test_an_enumeration_in_any_spelling(written: object) -> None:
    assert enumeration_of(HashingAlgorithm, written) is HashingAlgorithm.SHA_256


@pytest.mark.parametrize("algorithm", list(CryptographicAlgorithm), ids=str)
def test_every_algorithm_is_known_by_each_of_its_names(algorithm: CryptographicAlgorithm) -> None:
    for written in (algorithm.name, algorithm.title, algorithm.camel_case):
        assert enumeration_of(CryptographicAlgorithm, written) is algorithm


def test_a_value_in_the_extension_range_is_written_as_a_number() -> None:
    assert int(enumeration_of(KeyFormatType, "0x80000001")) == 0x8000_0001


def test_an_unknown_value_says_which_may_have_been_meant() -> None:
    with pytest.raises(FieldError, match="no value AEZ; did you mean AES"):
        enumeration_of(CryptographicAlgorithm, "AEZ")
    with pytest.raises(FieldError, match="no value 77"):
        enumeration_of(BlockCipherMode, "77")


@pytest.mark.parametrize(
    "written", ["Encrypt|Wrap Key", "encrypt, WRAP_KEY", "Encrypt WrapKey", "0x14", "20", 20, ["Encrypt", "WrapKey"]]
)
def test_a_mask_in_any_spelling(written: object) -> None:
    assert mask_of(CryptographicUsageMask, written) == CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.WRAP_KEY


@pytest.mark.parametrize("written", ["0x80000000", 1 << 32, "Sign|0x80000000", -1, ["Sign", "-1"]])
def test_a_mask_has_31_bits(written: object) -> None:
    with pytest.raises(FieldError, match="0x7FFFFFFF"):
        mask_of(CryptographicUsageMask, written)


def test_an_enumeration_without_names_has_its_numbers() -> None:
    assert int(enumeration_of(OpaqueDataType, "0x80000001")) == 0x8000_0001
    with pytest.raises(FieldError, match="no value 1; unnamed ones are from 0x80000000 to 0xFFFFFFFF"):
        enumeration_of(OpaqueDataType, 1)


def test_an_unknown_bit_is_refused() -> None:
    with pytest.raises(FieldError, match="no bit Encrpt; did you mean Encrypt"):
        mask_of(CryptographicUsageMask, "Sign|Encrpt")


@pytest.mark.parametrize("written", ["hex:00FF", "base64:AP8=", b"\0\xff", bytearray(b"\0\xff")])
def test_bytes(written: object) -> None:
    assert bytes_of(written) == b"\0\xff"
    assert bytes_of("text:a:b") == b"a:b"


@pytest.mark.parametrize("written", ["hex:0", "hex:s3cret!", "base64:s3cret", "s3cret", "file:s3cret", 7])
def test_bytes_that_are_none_are_refused_and_not_repeated(written: object) -> None:
    with pytest.raises(FieldError) as caught:
        bytes_of(written)
    assert "s3cret" not in str(caught.value)


def scalar(tag: Tag, written: object) -> Any:
    return value_of(ATTRIBUTES[tag].kind, written)


@pytest.mark.parametrize("written", ["2030-01-01", "2030-01-01T00:00:00Z", "2030-01-01T02:00:00+02:00", "1893456000",
                                     1893456000, datetime(2030, 1, 1, tzinfo=UTC)])  # fmt: skip
def test_a_date(written: object) -> None:
    assert scalar(Tag.ACTIVATION_DATE, written) == 1_893_456_000


@pytest.mark.parametrize(("written", "seconds"), [("90", 90), ("15m", 900), ("2h", 7200), ("1d", 86_400), (5, 5)])
def test_an_interval(written: object, seconds: int) -> None:
    assert scalar(Tag.LEASE_TIME, written) == seconds


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        (Tag.ACTIVATION_DATE, "tomorrow"),
        (Tag.LEASE_TIME, "2 hours"),
        (Tag.CRYPTOGRAPHIC_LENGTH, "long"),
        (Tag.SENSITIVE, "maybe"),
        (Tag.CONTACT_INFORMATION, b"\xff"),
        (Tag.CONTACT_INFORMATION, None),
        (Tag.CONTACT_INFORMATION, "\udcff"),
        (Tag.NAME, {"nome": "x"}),
        (Tag.USAGE_LIMITS, {"usage_limits_total": 3}),
    ],
)
def test_what_cannot_be_a_value_is_refused(tag: Tag, written: object) -> None:
    with pytest.raises(FieldError):
        scalar(tag, written)


@pytest.mark.parametrize(
    ("tag", "most", "said"),
    [
        (Tag.CRYPTOGRAPHIC_LENGTH, (1 << 31) - 1, "a whole number from -2147483648 to 2147483647"),
        (Tag.CERTIFICATE_LENGTH, (1 << 31) - 1, "a whole number from -2147483648 to 2147483647"),
        (Tag.LEASE_TIME, (1 << 32) - 1, "an interval of at most 4294967295 seconds"),
        (Tag.ACTIVATION_DATE, ttlv.LATEST_DATE, "a date from 1970-01-01 to 9999-12-31"),
    ],
)
def test_a_number_is_one_that_its_type_can_hold(tag: Tag, most: int, said: str) -> None:
    assert scalar(tag, most) == scalar(tag, str(most)) == most
    for written in (most + 1, str(most + 1), 1 << 64, -(1 << 31) - 1):
        with pytest.raises(FieldError, match=said):
            scalar(tag, written)
    for written in (f"0x{most + 1:x}", "9" * 5000, "0x" + "f" * 5000):
        with pytest.raises(FieldError):
            scalar(tag, written)


def test_a_plain_value_is_that_of_a_structures_first_field() -> None:
    assert structure_of(Name, "demo") == Name(name_value="demo")
    compromised = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    assert structure_of(RevocationReason, "KeyCompromise") == compromised


def test_fields_of_a_structure_by_short_names() -> None:
    found = structure_of(CryptographicParameters, {"mode": "GCM", "Tag Length": "16", "random_iv": "true"})
    assert found == CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, tag_length=16, random_iv=True)


def test_an_error_names_the_way_to_the_field() -> None:
    with pytest.raises(FieldError) as caught:
        attributes_of({"cryptographic_parameters": {"block_cipher_mode": "GMC"}})
    assert caught.value.path == ("cryptographic_parameters", "block_cipher_mode")
    assert str(caught.value).startswith(
        "cryptographic_parameters.block_cipher_mode: Block Cipher Mode has no value GMC"
    )


def test_attributes_of_every_spelling() -> None:
    found = attributes_of({"name": ["a", "b"], "Cryptographic Length": "256", "x-note": "hi", "acme:Level": "3"})
    assert found.all(Tag.NAME) == [Name(name_value="a"), Name(name_value="b")]
    assert found.get(Tag.CRYPTOGRAPHIC_LENGTH) == 256
    assert found.get(VendorAttributeName("x", "note")) == ttlv.Item(0, ttlv.TEXT_STRING, "hi")
    assert found.get(VendorAttributeName("acme", "Level")) == ttlv.Item(0, ttlv.INTEGER, 3)
    assert attributes_of(found) is found


@pytest.mark.parametrize("tag", list(ATTRIBUTES), ids=str)
def test_every_attribute_is_known_by_its_names(tag: Tag) -> None:
    assert attribute_name(tag.title) is attribute_name(tag.name.lower()) is attribute_name(tag.camel_case) is tag


def test_an_unknown_attribute_says_which_may_have_been_meant() -> None:
    with pytest.raises(FieldError, match="did you mean Cryptographic Length"):
        attribute_name("cryptographic_lenght")


@pytest.mark.parametrize(
    ("written", "item"),
    [
        ("7", (ttlv.INTEGER, 7)),
        (1 << 40, (ttlv.LONG_INTEGER, 1 << 40)),
        ("true", (ttlv.BOOLEAN, True)),
        ("hex:00", (ttlv.BYTE_STRING, b"\0")),
        (b"\0", (ttlv.BYTE_STRING, b"\0")),
        ("seven", (ttlv.TEXT_STRING, "seven")),
    ],
)
def test_an_item_of_no_declared_type(written: object, item: tuple[int, object]) -> None:
    assert item_of(written) == ttlv.Item(0, *item)


def test_a_repeated_field_takes_one_value_a_list_or_numbered_structures() -> None:
    (functions,) = fields_of(QueryRequest)[:1]
    both = (QueryFunction.QUERY_OPERATIONS, QueryFunction.QUERY_OBJECTS)
    assert field_value(functions, "QueryOperations, QueryObjects") == both
    assert field_value(functions, ["QueryOperations", "QueryObjects"]) == both
    (versions,) = fields_of(DiscoverVersionsRequest)
    one = {"protocol_version_major": 1, "protocol_version_minor": 4}
    assert len(field_value(versions, {"1": one, "0": one})) == 2
    assert len(field_value(versions, one)) == 1


def test_an_empty_list_of_attributes() -> None:
    assert attributes_of({}) == Attributes()


def test_every_field_of_every_operation_has_a_type_in_words() -> None:
    for request, _ in OPERATIONS.values():
        assert all(type_name(field.kind) for field in fields_of(request))

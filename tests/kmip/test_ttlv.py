"""TTLV items: the specification's examples, one canonical form, and the limits on what anybody may send."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.enums import ResultReason
from keystead.kmip.ttlv import Item
from tests.work import counted

from .strategies import item, randoms

# Source: KMIP 2.1 section 10.1.6 (1.4 section 9.1.2): the examples of the encoding.
EXAMPLES = [
    ("42002002000000040000000800000000", Item(0x420020, ttlv.INTEGER, 8)),
    ("420020030000000801b69b4ba5749200", Item(0x420020, ttlv.LONG_INTEGER, 123456789000000000)),
    (
        "42002004000000100000000003fd35eb6bc2df4618080000",
        Item(0x420020, ttlv.BIG_INTEGER, 1234567890000000000000000000),
    ),
    ("4200200500000004000000ff00000000", Item(0x420020, ttlv.ENUMERATION, 255)),
    ("42002006000000080000000000000001", Item(0x420020, ttlv.BOOLEAN, True)),
    ("420020070000000b48656c6c6f20576f726c640000000000", Item(0x420020, ttlv.TEXT_STRING, "Hello World")),
    ("42002008000000030102030000000000", Item(0x420020, ttlv.BYTE_STRING, b"\1\2\3")),
    ("4200200900000008000000004 7da67f8".replace(" ", ""), Item(0x420020, ttlv.DATE_TIME, 0x47DA67F8)),
    ("4200200a00000004000d2f0000000000", Item(0x420020, ttlv.INTERVAL, 864000)),
    (
        "42002001000000204200040500000004000000fe000000004200050200000004000000ff00000000",
        Item(
            0x420020,
            ttlv.STRUCTURE,
            (Item(0x420004, ttlv.ENUMERATION, 254), Item(0x420005, ttlv.INTEGER, 255)),
        ),
    ),
]


@pytest.mark.parametrize(("encoded", "decoded"), EXAMPLES, ids=[str(found) for _, found in EXAMPLES])
def test_the_examples_of_the_specification(encoded: str, decoded: Item) -> None:
    assert ttlv.decode(bytes.fromhex(encoded)) == decoded
    assert ttlv.encode(decoded).hex() == encoded


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(random=randoms)
def test_an_item_is_read_as_it_was_written_and_no_prefix_of_it_is(random) -> None:  # type: ignore[no-untyped-def]
    made = item(random, depth=4)
    data = ttlv.encode(made)
    assert ttlv.decode(data) == made
    for end in range(len(data)):
        with pytest.raises(CodecError):
            ttlv.decode(data[:end])


def refused(encoded: str | bytes, *reasons: ResultReason | None) -> None:
    """It is CodecError, with one of the reasons (None is Invalid Message)."""
    with pytest.raises(CodecError) as raised:
        ttlv.decode(bytes.fromhex(encoded) if isinstance(encoded, str) else encoded)
    assert raised.value.reason in (reasons or (None,))


def test_T03_a_length_of_4_GiB_is_refused_without_the_memory() -> None:
    refused("42007801ffffffff")
    refused("42002008ffffffff0102030000000000")


@pytest.mark.parametrize("kind", [0x00, *range(0x0F, 0x100)])
def test_T06_a_type_that_is_none_is_refused(kind: int) -> None:
    refused(b"\x42\x00\x20" + bytes([kind]) + b"\0\0\0\x08" + bytes(8))


@pytest.mark.parametrize("prefix", [0x00, 0x41, 0x43, 0x53, 0x55, 0xFF])
def test_T07_a_tag_prefix_other_than_42_and_54_is_refused(prefix: int) -> None:
    refused(bytes([prefix]) + bytes.fromhex("002002000000040000000800000000"))


@pytest.mark.parametrize("kind", sorted(ttlv.LENGTHS))
@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 7, 8, 9, 16])
def test_T08_a_length_that_is_not_the_types_is_refused(kind: int, length: int) -> None:
    if length != ttlv.LENGTHS[kind]:
        refused(b"\x42\x00\x20" + bytes([kind]) + length.to_bytes(4, "big") + bytes(16)[: (length + 7) & -8])


@pytest.mark.parametrize("value", ["0000000000000002", "8000000000000000", "0000000100000000", "ffffffffffffffff"])
def test_T09_a_boolean_is_0_or_1(value: str) -> None:
    refused("4200200600000008" + value)


@pytest.mark.parametrize(
    "encoded",
    [
        "42002002000000040000000800000001",
        "42002005000000040000000801000000",
        "4200200a000000040000000800000001",
        "42002007000000016100000000000001",
        "42002008000000070102030405060708",
    ],
)
def test_T10_padding_is_zero(encoded: str) -> None:
    refused(encoded)


@pytest.mark.parametrize(
    "encoded",
    [
        "4200200100000008" + "42000402000000040000000800000000",
        "4200200100000018" + "42000402000000040000000800000000",
        "420020010000000c" + "420004020000000400000008",
        "4200200100000010" + "42000408000000100000000800000000",
        "4200200100000010" + "42000408000000090000000800000000",
        "42002001000000044200040200000000",
    ],
)
def test_T11_lengths_agree(encoded: str) -> None:
    refused(encoded)


@pytest.mark.parametrize("rest", ["00", "0000000000000000", "42002002000000040000000800000000"])
def test_T12_nothing_follows_an_item(rest: str) -> None:
    refused("42002002000000040000000800000000" + rest)


def nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = b"\x42\x00\x20\x01" + len(data).to_bytes(4, "big") + data
    return data


def test_T13_structures_nest_32_deep() -> None:
    assert ttlv.decode(nested(32)[:]).type == ttlv.STRUCTURE


@pytest.mark.parametrize("depth", [33, 1_000, 100_000])
def test_T13_deeper_structures_are_refused_at_once(depth: int) -> None:
    # The headers alone, each saying that the rest of the message is within it.
    data = b"".join(b"\x42\x00\x20\x01" + (8 * (depth - level - 1)).to_bytes(4, "big") for level in range(depth))
    with counted() as work:
        refused(data)
    assert work.lines < 3_000


def test_T14_an_item_bomb_is_refused() -> None:
    empty = bytes.fromhex("4200200100000000")
    data = b"\x42\x00\x78\x01" + (8 * 131_071).to_bytes(4, "big") + empty * 131_071
    with counted() as work:
        refused(data)
        with pytest.raises(CodecError):
            ttlv.check_items(data)
    assert work.lines < 60 * ttlv.MAXIMUM_ITEMS  # of 131,071


def text_item(data: bytes) -> bytes:
    return b"\x42\x00\x20\x07" + len(data).to_bytes(4, "big") + data + bytes(-len(data) % 8)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"a\0b",
        b"\xef\xbb\xbfname",
        "a\u202eb".encode(),
        "a\u200bb".encode(),
        "a\u2066b".encode(),
        b"\x1b[2J",
        b"\x7f",
        "\x85".encode(),
    ],
)
def test_T16_a_text_is_what_it_looks_like(data: bytes) -> None:
    refused(text_item(data), ResultReason.INVALID_FIELD)


@pytest.mark.parametrize("text", ["", "naïve ∑ 漢字 😀", "line\r\n\tline", "e\u0301"])
def test_T16_other_texts_are_kept_as_they_are(text: str) -> None:
    assert ttlv.decode(text_item(text.encode())).value == text


def test_T17_a_text_has_64_KiB() -> None:
    assert len(ttlv.decode(text_item(b"a" * 65_536)).value) == 65_536
    refused(text_item(b"a" * 65_537), ResultReason.INVALID_FIELD)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        bytes(7),
        bytes(1 << 20),
        b"\x7f" * (1 << 20),
        bytes(8) + b"\x01" + bytes(7),
        b"\xff" * 8 + b"\x80" + bytes(7),
        b"\x01" * 2064,
    ],
)
def test_T19_a_big_integer_is_short_and_has_no_needless_sign(value: bytes) -> None:
    data = b"\x42\x00\x20\x04" + len(value).to_bytes(4, "big") + value + bytes(-len(value) % 8)
    with counted() as work:
        refused(data, ResultReason.INVALID_FIELD)
    assert work.lines < 200


@pytest.mark.parametrize(
    "value",
    [0, 1, -1, (1 << 63) - 1, 1 << 63, -(1 << 63), -(1 << 63) - 1, (1 << 16_384) - 1],
    ids=lambda value: str(value.bit_length()),
)
def test_T19_every_number_of_16384_bits_has_one_encoding(value: int) -> None:
    data = ttlv.encode(Item(0x420020, ttlv.BIG_INTEGER, value))
    assert len(data) % 8 == 0
    assert ttlv.decode(data).value == value


@pytest.mark.parametrize("value", [-1, -(1 << 63), (1 << 63) - 1, ttlv.LATEST_DATE + 1])
def test_T20_a_date_lies_between_1970_and_9999(value: int) -> None:
    refused(b"\x42\x00\x20\x09\0\0\0\x08" + value.to_bytes(8, "big", signed=True), ResultReason.INVALID_FIELD)
    far = b"\x42\x00\x20\x0b\0\0\0\x08" + (value if value < 0 else (1 << 63) - 1).to_bytes(8, "big", signed=True)
    refused(far, ResultReason.INVALID_FIELD)


def test_T22_an_interval_has_no_sign() -> None:
    assert ttlv.decode(bytes.fromhex("4200200a00000004ffffffff00000000")).value == 0xFFFFFFFF


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ttlv.INTEGER, 1 << 31),
        (ttlv.ENUMERATION, -1),
        (ttlv.INTERVAL, 1 << 32),
        (ttlv.LONG_INTEGER, 1 << 63),
        (ttlv.INTEGER, "1"),
        (ttlv.BYTE_STRING, "text"),
        (ttlv.TEXT_STRING, "\ud800"),
        (0x0F, 1),
    ],
)
def test_a_value_that_its_type_cannot_hold_is_not_written(kind: int, value: object) -> None:
    with pytest.raises(CodecError):
        ttlv.encode(Item(0x420020, kind, value))


def test_the_repr_of_an_item_does_not_show_its_value() -> None:
    assert "secret" not in repr(Item(0x420020, ttlv.TEXT_STRING, "secret"))

"""TTLV: what every message is made of, as a tree of items and as bytes.

The typed structures of `schema.py` read and write bytes without this tree; it serves what has no type of its own
(vendor extensions, custom attributes), the XML and JSON encodings, and people who want to look at a message.

Source: KMIP 1.4 section 9.1.1; 2.1 section 10.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Any, Final

from keystead.errors import CodecError
from keystead.kmip.enums import ItemType, ResultReason

# Bounds on what anybody may make this server read; every profile and every known client stays far below.
MAXIMUM_MESSAGE_BYTES: Final = 1 << 20
MAXIMUM_RESPONSE_BYTES: Final = 16 << 20
MAXIMUM_DEPTH: Final = 32
MAXIMUM_ITEMS: Final = 10_000
MAXIMUM_ITEMS_OF_RESPONSE: Final = 131_072
"""Locate gives so many identifiers to who asks for them."""
MAXIMUM_TEXT_BYTES: Final = 64 << 10
MAXIMUM_BIG_INTEGER_BYTES: Final = 16_384 // 8 + 8
LATEST_DATE: Final = 253_402_300_799  # 9999-12-31T23:59:59Z: the last second that XML and JSON can write
LATEST_DATE_EXTENDED: Final = LATEST_DATE * 1_000_000 + 999_999

STRUCTURE, INTEGER, LONG_INTEGER, BIG_INTEGER, ENUMERATION, BOOLEAN, TEXT_STRING, BYTE_STRING, DATE_TIME, INTERVAL = (
    range(1, 11)
)
DATE_TIME_EXTENDED, IDENTIFIER, REFERENCE, NAME_REFERENCE = range(11, 15)

TEXTS: Final = (TEXT_STRING, IDENTIFIER, REFERENCE, NAME_REFERENCE)
# The lengths that a type prescribes, in bytes.
LENGTHS: Final = {
    INTEGER: 4, LONG_INTEGER: 8, ENUMERATION: 4, BOOLEAN: 8, DATE_TIME: 8, INTERVAL: 4, DATE_TIME_EXTENDED: 8,
}  # fmt: skip
# The numbers that a type can hold: the first, and the first beyond.
RANGES: Final = {
    INTEGER: (-(1 << 31), 1 << 31),
    LONG_INTEGER: (-(1 << 63), 1 << 63),
    BIG_INTEGER: (-(1 << 8 * MAXIMUM_BIG_INTEGER_BYTES - 1), 1 << 8 * MAXIMUM_BIG_INTEGER_BYTES - 1),
    ENUMERATION: (0, 1 << 32),
    INTERVAL: (0, 1 << 32),
    DATE_TIME: (0, LATEST_DATE + 1),
    DATE_TIME_EXTENDED: (0, LATEST_DATE_EXTENDED + 1),
}
PADDING: Final = (b"", bytes(7), bytes(6), bytes(5), bytes(4), bytes(3), bytes(2), bytes(1))

_header = Struct(">II")
_integer = Struct(">i4x")
_unsigned = Struct(">I4x")
_long = Struct(">q")


@dataclass(frozen=True, slots=True)
class Item:
    """A tag, a type and a value: int, bool, str, bytes, or the tuple of a Structure's items."""

    tag: int
    type: int
    value: Any

    def __repr__(self) -> str:
        return f"Item(0x{self.tag:06X}, {ItemType(self.type)})"


def check_text(text: str, offset: int | None = None) -> str:
    """Refuse a text that could not be shown, compared or stored as what it looks like.

    Raises:
        CodecError: Invalid Field; a control character other than tab and line ends, a byte order mark, a direction
            override or a zero-width space.
    """
    for character in text:
        if (character < " " and character not in "\t\r\n") or character in _DECEPTIVE:
            raise CodecError("a text holds a character that is not allowed", offset, ResultReason.INVALID_FIELD)
    return text


_DECEPTIVE: Final = frozenset(
    ["\x7f", "\ufeff", "\ufffe", "\uffff", "\u200b", "\u200e", "\u200f", "\u2060"]
    + [chr(c) for c in (*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))]
)


def decode_text(data: bytes, offset: int | None = None) -> str:
    """Decode UTF-8 and check it.

    Raises:
        CodecError: Invalid Field; not UTF-8, over 64 KiB, or a character that is not allowed.
    """
    if len(data) > MAXIMUM_TEXT_BYTES:
        raise CodecError("a text is longer than 65,536 bytes", offset, ResultReason.INVALID_FIELD)
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError:
        raise CodecError("a text is not UTF-8", offset, ResultReason.INVALID_FIELD) from None
    return text if text.isascii() and text.isprintable() else check_text(text, offset)


def decode_big_integer(data: bytes, offset: int | None = None) -> int:
    """Read a two's complement number.

    Raises:
        CodecError: Invalid Field; empty, not a multiple of 8 bytes, over 16,384 bits, or padded beyond need.
    """
    n = len(data)
    if n == 0 or n & 7 or n > MAXIMUM_BIG_INTEGER_BYTES:
        raise CodecError("a big integer has a length that is not allowed", offset, ResultReason.INVALID_FIELD)
    value = int.from_bytes(data, "big", signed=True)
    if n > 8 and -(1 << (8 * n - 65)) <= value < 1 << (8 * n - 65):
        raise CodecError("a big integer is longer than its value needs", offset, ResultReason.INVALID_FIELD)
    return value


def encode_big_integer(value: int) -> bytes:
    """Write a two's complement number in the fewest multiples of 8 bytes."""
    bits = (value if value >= 0 else ~value).bit_length() + 1
    return value.to_bytes((bits + 63) // 64 * 8, "big", signed=True)


def check_date(value: int, offset: int | None = None, latest: int = LATEST_DATE) -> int:
    """Refuse a date before 1970 or after 9999.

    Raises:
        CodecError: Invalid Field.
    """
    if 0 <= value <= latest:
        return value
    raise CodecError("a date lies before 1970 or after 9999", offset, ResultReason.INVALID_FIELD)


def decode(data: bytes, *, limited: bool = True) -> Item:
    """Read one whole item.

    Args:
        limited: it is from outside, so that it may be neither too deep nor of too many items.

    Raises:
        CodecError: what is not TTLV, is not in its one canonical form, or exceeds a limit; says where.
    """
    depth, items = (MAXIMUM_DEPTH, MAXIMUM_ITEMS) if limited else (2 * MAXIMUM_DEPTH, len(data))
    try:
        item, end = _decode(data, 0, len(data), depth, [items])
    except (IndexError, ValueError) as error:  # pragma: no cover - every length is checked before it is used
        raise CodecError(f"not TTLV: {error}") from None
    if end != len(data):
        raise CodecError("bytes follow the item", end)
    return item


def decode_items(data: bytes, start: int, end: int) -> tuple[Item, ...]:
    """Read the items between two offsets.  Raises: CodecError."""
    count, items = [MAXIMUM_ITEMS], []
    while start < end:
        item, start = _decode(data, start, end, MAXIMUM_DEPTH, count)
        items.append(item)
    return tuple(items)


def _decode(data: bytes, start: int, limit: int, depth: int, count: list[int]) -> tuple[Item, int]:
    count[0] -= 1
    if count[0] < 0:
        raise CodecError("the message has too many items", start)
    if depth < 1:
        raise CodecError("structures are nested too deeply", start)
    if start + 8 > limit:
        raise CodecError("an item is cut short", start)
    head, length = _header.unpack_from(data, start)
    tag, kind = head >> 8, head & 0xFF
    first, last = start + 8, start + 8 + length
    end = (last + 7) & ~7
    if end > limit:
        raise CodecError("an item is longer than what holds it", start)
    if tag >> 16 not in (0x42, 0x54):
        raise CodecError("a tag begins with neither 42 nor 54", start)
    if LENGTHS.get(kind, length) != length:
        raise CodecError(f"an item of type {ItemType(kind)} has the wrong length", start)
    if end != last and any(data[last:end]):
        raise CodecError("padding is not zero", last)
    if kind == STRUCTURE:
        if length & 7:
            raise CodecError("a structure's length is not a multiple of 8", start)
        items = []
        while first < end:
            item, first = _decode(data, first, end, depth - 1, count)
            items.append(item)
        return Item(tag, kind, tuple(items)), end
    return Item(tag, kind, decode_value(kind, data, first, last)), end


def decode_value(kind: int, data: bytes, first: int, last: int) -> Any:
    """Read the value of a type other than Structure.  Raises: CodecError."""
    if kind == INTEGER:
        return _checked_4(_integer.unpack_from(data, first)[0], data, first)
    if kind in (ENUMERATION, INTERVAL):
        return _checked_4(_unsigned.unpack_from(data, first)[0], data, first)
    if kind in (LONG_INTEGER, DATE_TIME, DATE_TIME_EXTENDED, BOOLEAN):
        value = _long.unpack_from(data, first)[0]
        if kind == BOOLEAN and value not in (0, 1):
            raise CodecError("a boolean is neither 0 nor 1", first)
        if kind == BOOLEAN:
            return bool(value)
        if kind != LONG_INTEGER:
            check_date(value, first, LATEST_DATE if kind == DATE_TIME else LATEST_DATE_EXTENDED)
        return value
    if kind in TEXTS:
        return decode_text(data[first:last], first)
    if kind == BYTE_STRING:
        return data[first:last]
    if kind == BIG_INTEGER:
        return decode_big_integer(data[first:last], first)
    raise CodecError(f"no item type has the number {kind}", first)


def _checked_4(value: int, data: bytes, first: int) -> int:
    if data[first + 4 : first + 8] != b"\0\0\0\0":
        raise CodecError("padding is not zero", first + 4)
    return value


def encode(item: Item) -> bytes:
    """Write an item and all that it holds.  Raises: CodecError (a value that its type cannot hold)."""
    out = bytearray()
    encode_into(out, item)
    return bytes(out)


def encode_into(out: bytearray, item: Item, tag: int | None = None) -> None:
    """Append an item, under another tag if one is given."""
    head = (item.tag if tag is None else tag) << 8 | item.type
    if item.type == STRUCTURE:
        at = len(out)
        out += _header.pack(head, 0)
        for inner in item.value:
            encode_into(out, inner)
        _header.pack_into(out, at, head, len(out) - at - 8)
        return
    data = encode_value(item.type, item.value)
    out += _header.pack(head, LENGTHS.get(item.type, len(data)))
    out += data
    out += PADDING[len(data) & 7]


def encode_value(kind: int, value: Any) -> bytes:
    """Write the value of a type other than Structure (with the padding of the types of four bytes)."""
    try:
        if kind == INTEGER:
            return _integer.pack(value)
        if kind in (ENUMERATION, INTERVAL):
            return _unsigned.pack(value)
        if kind in (LONG_INTEGER, DATE_TIME, DATE_TIME_EXTENDED, BOOLEAN):
            return _long.pack(value)
        if kind in TEXTS:
            return str(value).encode()
        if kind == BYTE_STRING:
            return bytes(value)
        if kind == BIG_INTEGER:
            return encode_big_integer(value)
    except (StructError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise CodecError(f"a value does not fit its type: {error.__class__.__name__}") from None
    raise CodecError(f"no item type has the number {kind}")


def check_items(data: bytes, most: int = MAXIMUM_ITEMS) -> None:
    """Refuse a message of more items than allowed, before anything is built from it.

    A message under 80,000 bytes cannot hold 10,000 items, so only large ones are walked.
    """
    if len(data) >= 8 * most:
        stack, position, count, limit = [len(data)], 0, 0, len(data)
        while position + 8 <= limit:
            count += 1
            if count > most:
                raise CodecError("the message has too many items", position)
            if len(stack) > MAXIMUM_DEPTH:
                raise CodecError("structures are nested too deeply", position)
            head, length = _header.unpack_from(data, position)
            end = (position + 8 + length + 7) & ~7
            if head & 0xFF == STRUCTURE and length:
                stack.append(end)
                position += 8
            else:
                position = end
            while len(stack) > 1 and position >= stack[-1]:
                stack.pop()

"""What the XML and JSON encodings have in common: names of tags, types and values, and values as text.

Which enumeration names the values of a tag is read off the declarations, so that a new field needs no entry here.

Source: Additional Message Encodings 1.0 sections 4.1 and 6.1.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.attributes import ATTRIBUTES, Link, name_of
from keystead.kmip.enums import (
    CryptographicUsageMask,
    DigitalSignatureAlgorithm,
    Enumeration,
    HashingAlgorithm,
    ItemType,
    Mask,
    MaskGenerator,
    ResultReason,
    SplitKeyMethod,
)
from keystead.kmip.messages import RequestMessage, ResponseMessage, spoken
from keystead.kmip.names import camel_case
from keystead.kmip.payloads import REQUESTS, RESPONSES
from keystead.kmip.schema import Kind, Structure, fields_of
from keystead.kmip.structures import CREDENTIALS
from keystead.kmip.tags import Tag
from keystead.kmip.version import Version

Words = type[Enumeration] | type[Mask] | None
"""What names the values of an item."""

MAXIMUM_TEXT_MESSAGE_BYTES: Final = 4 * ttlv.MAXIMUM_MESSAGE_BYTES
"""A message of this many bytes in XML or JSON is refused unread."""

# --- names ----------------------------------------------------------------------------------------------------------

_TAGS: Final = {tag.camel_case: int(tag) for tag in Tag}
_TAG_NAMES: Final = {int(tag): tag.camel_case for tag in Tag}
_TYPES: Final = {kind.camel_case: int(kind) for kind in ItemType}
TYPE_NAMES: Final = {int(kind): kind.camel_case for kind in ItemType}
_HEX_TAG: Final = re.compile(r"0?x([0-9A-Fa-f]{6})")

_ALSO: Final[Sequence[tuple[Enumeration | Mask, str]]] = (
    (ResultReason.NOT_AUTHORISED, "Not Authorized"),
    (ResultReason.USAGE_LIMIT_EXCEEDED, "Usage Limits Exceeded"),
    (MaskGenerator.MGF1, "MFG1"),
    (HashingAlgorithm.SHA3_224, "SHA-3-224"),
    (HashingAlgorithm.SHA3_256, "SHA-3-256"),
    (HashingAlgorithm.SHA3_384, "SHA-3-384"),
    (HashingAlgorithm.SHA3_512, "SHA-3-512"),
    (SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_16, "Polynomial Sharing GF (216)"),
    (SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8, "Polynomial Sharing GF (28)"),
    (CryptographicUsageMask.CONTENT_COMMITMENT, "Content Commitment"),
    (CryptographicUsageMask.CONTENT_COMMITMENT, "Non Repudiation"),
    (DigitalSignatureAlgorithm.RSASSA_PSS, "RSASSA-PSS (PKCS#1 v2.1)"),
    *(
        (algorithm, f"{algorithm.title} (PKCS#1 v1.5)")
        for algorithm in DigitalSignatureAlgorithm
        if algorithm.title.endswith("with RSA Encryption")
    ),
)
"""What some version's document, or its test cases, call a value besides its name (docs/divergences.md)."""


def tag_of(name: str) -> int:
    """The tag of an element's or property's name: normalised text, or six hexadecimal digits.

    Raises:
        CodecError: Unknown Tag.
    """
    tag = _TAGS.get(name)
    if tag is not None:
        return tag
    found = _HEX_TAG.fullmatch(name)
    if found is None:
        raise CodecError("a tag has a name that is not known", reason=ResultReason.UNKNOWN_TAG)
    number = int(found[1], 16)
    if number >> 16 not in (0x42, 0x54):
        raise CodecError("a tag begins with neither 42 nor 54")
    return number


def tag_name(tag: int) -> str | None:
    """The normalised name of a tag, or None of one that has no row."""
    return _TAG_NAMES.get(tag)


def type_of(name: str) -> int:
    """The item type of a name.  Raises: CodecError."""
    kind = _TYPES.get(name)
    if kind is None:
        raise CodecError("an item type has a name that is not known")
    return kind


def _gather_words() -> dict[int, type[Enumeration] | type[Mask]]:
    """The enumeration or mask of each tag, from the field tables of all structures and the rows of all attributes."""
    words: dict[int, type[Enumeration] | type[Mask]] = {}
    seen: set[type[Structure]] = set()

    def enter(tags: Iterable[Tag | None], kind: Kind) -> None:
        for enumeration in kind.enumerations():
            words.update((int(tag), enumeration) for tag in tags if tag is not None)
        for part in kind.python_types():
            if issubclass(part, Structure):
                walk(part)

    def walk(structure: type[Structure]) -> None:
        if structure in seen:
            return
        seen.add(structure)
        for field in fields_of(structure):
            enter({field.tag_in(version) for version in Version}, field.kind)

    for structure in (
        RequestMessage,
        ResponseMessage,
        Link,
        *REQUESTS.values(),
        *RESPONSES.values(),
        *CREDENTIALS.values(),
    ):
        walk(structure)
    for row in ATTRIBUTES.values():
        enter([row.tag], row.kind)
    return words


_WORDS: Final = _gather_words()
_BY_WORD: Final[dict[type, dict[str, int]]] = {
    enumeration: {value.camel_case: int(value) for value in enumeration}
    | {camel_case(title): int(value) for value, title in _ALSO if isinstance(value, enumeration)}
    for enumeration in set(_WORDS.values())
}


_VERSION_NUMBER: Final = re.compile(
    rb"""ProtocolVersion(Major|Minor)"?[^<>{}]*?\bvalue"?\s*[:=]\s*["']?(0x[0-9A-Fa-f]{1,8}|[0-9]{1,9})"""
)


def named_version(text: bytes) -> Version:
    """The version that a message names, whatever else is wrong with it: so that it is answered in it.

    Raises:
        UnsupportedVersion: Unsupported Protocol Version.
        CodecError: Invalid Message; none is named.
    """
    said = {
        part: int(number, 16 if number.startswith(b"0x") else 10)
        for part, number in _VERSION_NUMBER.findall(text[:_HEAD_BYTES])
    }
    if len(said) != 2:
        raise CodecError("the message names no Protocol Version")
    return spoken(said[b"Major"], said[b"Minor"])


_HEAD_BYTES: Final = 4096
"""The header begins with the version."""


def words_of(tag: int, before: Sequence[ttlv.Item]) -> Words:
    """What names the values under a tag.

    Args:
        before: the items before it in its structure: in an Attribute of 1.x, they tell what its value is.
    """
    if tag == Tag.ATTRIBUTE_VALUE:
        said = {item.tag: item.value for item in before[:2]}
        name = name_of(str(said.get(Tag.ATTRIBUTE_NAME, "")))
        if Tag.VENDOR_IDENTIFICATION in said or not isinstance(name, Tag):
            return None
        tag = name
    return _WORDS.get(tag)


# --- values as text -------------------------------------------------------------------------------------------------

_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,20}")
_HEX: Final = re.compile(r"0x([0-9A-Fa-f]{1,16})")
_DATE: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,18}))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))?",
    re.ASCII,
)


def check_number(kind: int, value: int) -> int:
    """Refuse a number that its type cannot hold.  Raises: CodecError (Invalid Field)."""
    first, end = ttlv.RANGES[kind]
    if not first <= value < end:
        raise CodecError("a number is out of the range of its type", reason=ResultReason.INVALID_FIELD)
    return value


def _not(what: str) -> CodecError:
    return CodecError(f"this is not {what}", reason=ResultReason.INVALID_FIELD)


def hex_number(kind: int, text: str) -> int | None:
    """The value of 0x-prefixed two's complement digits of a type's width; None of any other text."""
    found = _HEX.fullmatch(text)
    if found is None:
        return None
    digits = 2 * ttlv.LENGTHS[kind]
    if len(found[1]) > digits:
        raise CodecError("a hexadecimal number has too many digits", reason=ResultReason.INVALID_FIELD)
    value, sign = int(found[1], 16), ttlv.RANGES[kind][0] < 0
    return check_number(kind, value - (1 << 4 * digits) if sign and value >> (4 * digits - 1) else value)


def _read_number(kind: int, text: str) -> int:
    value = hex_number(kind, text)
    if value is not None:
        return value
    if not _DECIMAL.fullmatch(text):
        raise _not("a number")
    return check_number(kind, int(text))


def _read_enumeration(text: str, words: Words) -> int:
    value = hex_number(ttlv.ENUMERATION, text)
    if value is not None:
        return value
    value = _BY_WORD[words].get(text) if words else None
    if value is None:
        raise CodecError(
            f"this is not a name of {words.__name__}" if words else "only a number is known here",
            reason=ResultReason.UNKNOWN_ENUMERATION,
        )
    return value


def _read_mask(text: str, words: type[Mask], separator: str) -> int:
    value = 0
    for word in text.split(separator) if separator != " " else text.split():
        bit = _BY_WORD[words].get(word)
        if bit is None:
            found = _HEX.fullmatch(word)
            bit = int(found[1], 16) if found and len(found[1]) <= 8 else None
        if bit is None:
            raise CodecError(f"this is not a name of {words.__name__}", reason=ResultReason.UNKNOWN_ENUMERATION)
        value |= bit
    return value - (1 << 32) if value >> 31 else value


def _read_integer(text: str, words: Words, separator: str) -> int:
    if words is not None and issubclass(words, Mask) and not _DECIMAL.fullmatch(text):
        return _read_mask(text, words, separator)
    return _read_number(ttlv.INTEGER, text)


def _read_hex(text: str) -> bytes:
    try:
        return unhexlify(text)
    except ValueError:
        raise _not("a string of bytes in hexadecimal digits") from None


def _read_big_integer(text: str) -> int:
    return ttlv.decode_big_integer(_read_hex(text.removeprefix("0x")))


def _read_boolean(text: str) -> bool:
    found = {"true": True, "1": True, "false": False, "0": False}.get(text)
    if found is None:
        number = _HEX.fullmatch(text)
        if number is None or int(number[1], 16) > 1:
            raise _not("a boolean")
        return int(number[1], 16) == 1
    return found


def _days(year: int, month: int, day: int) -> int:
    """The days from 1970-01-01 to a date of the Gregorian calendar, whose years begin in March here."""
    year, month = year - (month <= 2), (month + 9) % 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 719_469


def _civil(days: int) -> tuple[int, int, int]:
    """The year, month and day so many days after 1970-01-01."""
    era, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    return (
        year + 400 * era + (month >= 10),
        month + 3 if month < 10 else month - 9,
        day - (153 * month + 2) // 5 + 1,
    )


def _read_microseconds(text: str) -> int:
    found = _DATE.fullmatch(text)
    if found is None:
        raise _not("a date")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, sign, hours, minutes = found.groups()[6:]
    days = _days(year, month, day)
    if _civil(days) != (year, month, day) or hour > 23 or minute > 59 or second > 59:
        raise _not("a date")
    seconds = 86_400 * days + 3600 * hour + 60 * minute + second
    if sign:
        away = 3600 * int(hours) + 60 * int(minutes)
        seconds -= away if sign == "+" else -away
    return seconds * 1_000_000 + int(((fraction or "") + "000000")[:6])


def _read_date(text: str) -> int:
    number = hex_number(ttlv.DATE_TIME, text)
    return ttlv.check_date(_read_microseconds(text) // 1_000_000) if number is None else number


def _read_date_extended(text: str) -> int:
    number = hex_number(ttlv.DATE_TIME_EXTENDED, text)
    if number is not None:
        return number
    return ttlv.check_date(_read_microseconds(text), latest=ttlv.LATEST_DATE_EXTENDED)


def _read_text(text: str) -> str:
    try:
        return ttlv.decode_text(text.encode())
    except UnicodeEncodeError:
        raise _not("a text of Unicode characters") from None


_READERS: Final[Mapping[int, Callable[[str], Any]]] = {
    ttlv.LONG_INTEGER: lambda text: _read_number(ttlv.LONG_INTEGER, text),
    ttlv.BIG_INTEGER: _read_big_integer,
    ttlv.BOOLEAN: _read_boolean,
    ttlv.TEXT_STRING: _read_text,
    ttlv.BYTE_STRING: _read_hex,
    ttlv.DATE_TIME: _read_date,
    ttlv.INTERVAL: lambda text: _read_number(ttlv.INTERVAL, text),
    ttlv.DATE_TIME_EXTENDED: _read_date_extended,
    ttlv.IDENTIFIER: _read_text,
    ttlv.REFERENCE: _read_text,
    ttlv.NAME_REFERENCE: _read_text,
}


def read_value(kind: int, text: str, words: Words, separator: str) -> Any:
    """Read the value of a type other than Structure.

    Args:
        separator: between the names of a mask's bits.

    Raises:
        CodecError: Invalid Field, or Unknown Enumeration.
    """
    if kind == ttlv.ENUMERATION:
        return _read_enumeration(text, words)
    if kind == ttlv.INTEGER:
        return _read_integer(text, words, separator)
    return _READERS[kind](text)


def write_enumeration(value: int, words: Words) -> str:
    """Write a value by its name, or as eight hexadecimal digits."""
    if words is not None and issubclass(words, Enumeration):
        known = words._value2member_map_.get(value)
        if known is not None:
            return str(known.camel_case)  # type: ignore[attr-defined]
    return f"0x{value:08X}"


def write_mask(value: int, words: type[Mask], separator: str) -> str | None:
    """Write a mask by the names of its bits, the nameless ones together in hexadecimal; None if no name is left."""
    bits = [bit for bit in words if value & bit]
    if value <= 0 or not bits:
        return None
    rest = value & ~sum(bits)
    return separator.join([bit.camel_case for bit in bits] + ([f"0x{rest:08X}"] if rest else []))


def write_date(kind: int, value: int) -> str:
    """Write a date in UTC, with microseconds if it is a Date-Time Extended."""
    seconds, fraction = (value, "") if kind == ttlv.DATE_TIME else (value // 1_000_000, f".{value % 1_000_000:06}")
    days, rest = divmod(seconds, 86_400)
    year, month, day = _civil(days)
    return f"{year:04}-{month:02}-{day:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}{fraction}+00:00"

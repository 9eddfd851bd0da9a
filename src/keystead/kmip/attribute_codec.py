"""One attribute, a list of them, and how they are spelled in each version.

Source: KMIP 1.4 sections 2.1.1, 2.1.8 and 3.35; 2.1 sections 4.60 and 5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from struct import Struct
from typing import Any, Final

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.attribute_rows import (
    ATTRIBUTES,
    LINK_TYPES,
    LINKS,
    AttributeName,
    VendorAttributeName,
    name_of,
    title_of,
    visible,
)
from keystead.kmip.enums import CryptographicAlgorithm, Enumeration, LinkType, ResultReason
from keystead.kmip.identifiers import LinkedIdentifier
from keystead.kmip.schema import Kind, Nested, Structure, Writer, structure, value_reader, value_writer
from keystead.kmip.structures import Name
from keystead.kmip.tags import Tag
from keystead.kmip.version import V3_0, Version


@dataclass(frozen=True, slots=True)
class Attribute:
    """One instance of an attribute.

    Attributes:
        value: as its row's kind says; an `Item` for a vendor's attribute; None where only the name was given (1.x).
        index: the Attribute Index of 1.x, or None.
    """

    name: AttributeName
    value: Any = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Attributes:
    """A list of attributes, in the order given.

    Attributes:
        templates: the Names of templates whose attributes are meant too (1.x).
    """

    items: tuple[Attribute, ...] = ()
    templates: tuple[Name, ...] = ()

    @classmethod
    def of(cls, values: Mapping[AttributeName, Any] | Iterable[tuple[AttributeName, Any]]) -> Attributes:
        """Make a list of names and values."""
        pairs = values.items() if isinstance(values, Mapping) else values
        return cls(tuple(Attribute(name, value) for name, value in pairs))

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __bool__(self) -> bool:
        return bool(self.items or self.templates)

    def get(self, name: AttributeName, default: Any = None) -> Any:
        """The value of the first instance."""
        return next((attribute.value for attribute in self.items if attribute.name == name), default)

    def all(self, name: AttributeName) -> list[Any]:
        """The values of all instances."""
        return [attribute.value for attribute in self.items if attribute.name == name]


# --- the value of one attribute ---------------------------------------------------------------------------------------


@structure
class Link(Structure):
    """A link to another object, up to 2.1.  Source: 1.4 §3.35; 2.1 §4.31."""

    link_type: LinkType
    linked_object_identifier: LinkedIdentifier


_LINK: Final = Nested(Link)


class _Spelling:
    """The readers and writers of attribute values in one version, under one tag or each under its own.

    Args:
        partial: of a structure no field is required.
    """

    def __init__(self, version: Version, tag: Tag | None, partial: bool) -> None:
        self.version, self.tag, self.partial = version, tag, partial
        self._readers: dict[Tag, Mapping[int, Any]] = {}
        self._writers: dict[Tag, Writer] = {}

    def _kind(self, name: Tag) -> Kind | None:
        if name is Tag.LINK:
            return _LINK if self.version < V3_0 else None
        row = ATTRIBUTES.get(name)
        if row is None or not (row.since <= self.version.last_of_major and self.version <= row.until):
            return None
        return None if self.version < V3_0 and name in LINK_TYPES else row.kind

    def read(self, name: Tag, data: bytes, start: int, end: int) -> Attribute:
        """Read the item of a value.  Raises: CodecError."""
        readers = self._readers.get(name)
        if readers is None:
            kind = self._kind(name)
            if kind is None:
                raise CodecError(
                    f"KMIP {self.version} has no attribute {name.title}", start, ResultReason.UNSUPPORTED_ATTRIBUTE
                )
            readers = self._readers[name] = value_reader(kind, self.version, self.partial)
        read = readers.get(data[start + 3])
        if read is None:
            raise CodecError(f"{name.title} has the wrong item type", start, ResultReason.INVALID_DATA_TYPE)
        value = read(data, start, end)
        if name is not Tag.LINK or value.link_type is None or value.linked_object_identifier is None:
            return Attribute(name, value)
        link = LINKS.get(value.link_type)
        if link is None:
            raise CodecError("a link of a vendor's Link Type is not kept", start, ResultReason.UNKNOWN_ENUMERATION)
        return Attribute(link, value.linked_object_identifier)

    def write(self, out: bytearray, attribute: Attribute) -> None:
        """Append the item of a value."""
        name, value = attribute.name, attribute.value
        assert isinstance(name, Tag)
        if self.version < V3_0 and name in LINK_TYPES:
            name, value = Tag.LINK, Link(link_type=LINK_TYPES[name], linked_object_identifier=value)
        write = self._writers.get(name)
        if write is None:
            kind = self._kind(name)
            assert kind is not None, f"{name} is not visible in KMIP {self.version}"
            write = self._writers[name] = value_writer(kind, self.tag or name, self.version)
        write(out, value)


@cache
def _spelling(version: Version, tag: Tag | None = None, partial: bool = False) -> _Spelling:
    return _Spelling(version, tag, partial)


_STAND_INS: Final[Mapping[tuple[type, int], Enumeration]] = {
    (CryptographicAlgorithm, CryptographicAlgorithm.EC): CryptographicAlgorithm.ECDSA
}
"""What a version says in place of a value of an enumeration that it lacks."""


def writable(attributes: Iterable[Attribute] | None, version: Version) -> Iterator[Attribute]:
    """Leave out what a version lacks: the attribute, or the value that it has and nothing can stand in for."""
    for attribute in attributes or ():
        value = attribute.value
        if not visible(attribute.name, version):
            continue
        if isinstance(value, Enumeration) and not value.since <= version <= value.until:
            stand_in = _STAND_INS.get((type(value), value))
            if stand_in is None:
                continue
            attribute = replace(attribute, value=stand_in)
        yield attribute


_u32 = Struct(">I")
HEADER = Struct(">II")
_VENDOR_IDENTIFICATION = re.compile(r"[A-Za-z0-9_.]*\Z")


def items_between(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """(tag, type, start, end) of each item between two offsets."""
    while start < end:
        head, length = HEADER.unpack_from(data, start)
        after = (start + 15 + length) & -8
        if after > end:
            raise CodecError("an item is longer than what holds it", start)
        yield head >> 8, head & 0xFF, start, after
        start = after


def _expect(found: tuple[int, int, int, int] | None, tag: Tag, kind: int, offset: int) -> tuple[int, int]:
    if found is None or found[0] != tag or found[1] != kind:
        raise CodecError(f"an attribute needs {tag.title} here", offset)
    return found[2], found[3]


def _text(data: bytes, start: int) -> str:
    length = _u32.unpack_from(data, start + 4)[0]
    item_ = ttlv.decode(data[start : (start + 15 + length) & -8])
    return str(item_.value)


_SPELT: Final[Mapping[bytes, AttributeName]] = {
    ttlv.encode(ttlv.Item(Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, row.title)): name_of(row.title)
    for row in ATTRIBUTES.values()
}
"""The names that there are, as whole items: most need not be read."""


def read_1x(version: Version, partial: bool = False) -> Callable[[bytes, int, int], Attribute]:
    """The reader of the content of an Attribute of 1.x.  Source: 1.4 §2.1.1."""
    spelling = _spelling(version, Tag.ATTRIBUTE_VALUE, partial)

    def read(data: bytes, start: int, end: int) -> Attribute:
        parts = list(items_between(data, start, end))
        if len(parts) == 1 and parts[0][:2] == (Tag.ATTRIBUTE_VALUE, ttlv.STRUCTURE):
            # A leniency (docs/divergences.md): a test case of OASIS leaves out the name of this one attribute.
            return spelling.read(Tag.CRYPTOGRAPHIC_PARAMETERS, data, *parts[0][2:])
        first, after = _expect(parts[0] if parts else None, Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, start)
        name = _SPELT.get(data[first:after]) or name_of(_text(data, first))
        rest, index = parts[1:], None
        if rest and rest[0][0] == Tag.ATTRIBUTE_INDEX:
            first, after = _expect(rest[0], Tag.ATTRIBUTE_INDEX, ttlv.INTEGER, rest[0][2])
            index = int(ttlv.decode(data[first:after]).value)
            if index < 0:
                raise CodecError("an Attribute Index is negative", first, ResultReason.INVALID_FIELD)
            rest = rest[1:]
        if not rest:
            return Attribute(name, None, index)
        tag, _, first, after = rest[0]
        if tag != Tag.ATTRIBUTE_VALUE or len(rest) > 1:
            raise CodecError("an Attribute has an item that does not belong there", first)
        if isinstance(name, VendorAttributeName):
            return Attribute(name, ttlv.decode(data[first:after]), index)
        found = spelling.read(name, data, first, after)
        return found if index is None else Attribute(found.name, found.value, index)

    return read


def _is_multiple(name: AttributeName) -> bool:
    """Whether an object can have several instances of an attribute: in 1.x all links are one attribute."""
    return isinstance(name, VendorAttributeName) or name in LINK_TYPES or ATTRIBUTES[name].multiple


def write_1x(version: Version) -> Writer:
    spelling = _spelling(version, Tag.ATTRIBUTE_VALUE)

    def write(out: bytearray, attribute: Attribute) -> None:
        ttlv.encode_into(out, ttlv.Item(Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, title_of(attribute.name)))
        # An index of 0 may be left out; PyKMIP reads it of every attribute that can have several instances.
        if attribute.index or (attribute.index == 0 and _is_multiple(attribute.name)):
            ttlv.encode_into(out, ttlv.Item(Tag.ATTRIBUTE_INDEX, ttlv.INTEGER, attribute.index))
        if attribute.value is None:
            return
        if isinstance(attribute.name, VendorAttributeName):
            ttlv.encode_into(out, attribute.value, Tag.ATTRIBUTE_VALUE)
        else:
            spelling.write(out, attribute)

    return write


def read_2x(version: Version, partial: bool = False) -> Callable[[bytes, int, int], tuple[Attribute, ...]]:
    """The reader of the content of Attributes.  Source: 2.1 §5.1 and §4.60."""
    spelling = _spelling(version, None, partial)
    tags = Tag._value2member_map_

    def read(data: bytes, start: int, end: int) -> tuple[Attribute, ...]:
        found = []
        for number, kind, first, after in items_between(data, start, end):
            tag = tags.get(number)
            if tag is Tag.ATTRIBUTE and kind == ttlv.STRUCTURE:
                found.append(read_vendor_attribute(data, first + 8, after))
            elif tag is not None:
                found.append(spelling.read(tag, data, first, after))  # type: ignore[arg-type]
            elif number >> 16 != 0x54:
                raise CodecError("an unknown tag stands among the attributes", first, ResultReason.UNKNOWN_TAG)
        return tuple(found)

    return read


def read_vendor_attribute(data: bytes, start: int, end: int) -> Attribute:
    parts = list(items_between(data, start, end))
    vendor, name = read_vendor_name(data, parts, start)
    if len(parts) == 2:
        return Attribute(VendorAttributeName(vendor, name))
    if len(parts) != 3 or parts[2][0] != Tag.ATTRIBUTE_VALUE:
        raise CodecError("a vendor attribute needs Attribute Value here", start)
    return Attribute(VendorAttributeName(vendor, name), ttlv.decode(data[parts[2][2] : parts[2][3]]))


def read_vendor_name(data: bytes, parts: Sequence[tuple[int, int, int, int]], start: int) -> tuple[str, str]:
    first, _ = _expect(parts[0] if parts else None, Tag.VENDOR_IDENTIFICATION, ttlv.TEXT_STRING, start)
    second, _ = _expect(parts[1] if len(parts) > 1 else None, Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, start)
    vendor, name = _text(data, first), _text(data, second)
    if not vendor or not _VENDOR_IDENTIFICATION.match(vendor):
        raise CodecError("a Vendor Identification has a character other than letters, digits, _ and .", first,
                         ResultReason.INVALID_FIELD)  # fmt: skip
    return vendor, name


def write_2x(version: Version) -> Callable[[bytearray, Iterable[Attribute]], None]:
    spelling = _spelling(version)

    def write(out: bytearray, attributes: Iterable[Attribute]) -> None:
        for attribute in writable(attributes, version):
            if isinstance(attribute.name, VendorAttributeName):
                write_vendor_attribute(out, attribute)
            else:
                spelling.write(out, attribute)

    return write


def write_vendor_attribute(out: bytearray, attribute: Attribute) -> None:
    assert isinstance(attribute.name, VendorAttributeName)
    at = len(out)
    # Short names recur, and what is kept of them is small.
    head = _kept_head if sum(map(len, attribute.name)) <= _SHORT else _vendor_head
    out += head(attribute.name)
    if attribute.value is not None:
        ttlv.encode_into(out, attribute.value, Tag.ATTRIBUTE_VALUE)
    _u32.pack_into(out, at + 4, len(out) - at - 8)


def _vendor_head(name: VendorAttributeName) -> bytes:
    """What comes before the value; the length of all is yet to be filled in."""
    parts = (
        ttlv.Item(Tag.VENDOR_IDENTIFICATION, ttlv.TEXT_STRING, name.vendor_identification),
        ttlv.Item(Tag.ATTRIBUTE_NAME, ttlv.TEXT_STRING, name.attribute_name),
    )
    return ttlv.encode(ttlv.Item(Tag.ATTRIBUTE, ttlv.STRUCTURE, parts))


_SHORT: Final = 64
_kept_head = lru_cache(1024)(_vendor_head)

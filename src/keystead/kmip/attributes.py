"""Every attribute of KMIP 1.0 to 3.0 with its eight rules, and how lists of attributes are spelled in each version.

Handlers see `Attributes`: a sequence of `Attribute(name, value, index)`.  The name is the attribute's `Tag`, or a
`VendorAttributeName`.  On the wire that is

=====  =======================================================================================================
1.x    Attribute {Attribute Name as text, Attribute Index, Attribute Value}, in a Template-Attribute or in a row
2.x    an item under the attribute's own tag, in Attributes; a vendor's is Attribute {Vendor Identification, ...}
3.0    the same, with Name as text and a tag for each kind of link
=====  =======================================================================================================

Custom attributes of 1.x ("x-...", "y-...") are those of the vendors "x" and "y"; Link of 1.x and 2.x is an attribute
for each Link Type, as in 3.0.

Source: KMIP 1.4 sections 2.1.1, 2.1.8 and 3; 2.1 sections 4 and 5; 3.0 CSD01 section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Final

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.attribute_codec import (
    HEADER,
    Attribute,
    Attributes,
    Link,
    items_between,
    read_1x,
    read_2x,
    read_vendor_attribute,
    read_vendor_name,
    writable,
    write_1x,
    write_2x,
    write_vendor_attribute,
)
from keystead.kmip.attribute_rows import (
    ATTRIBUTES,
    COUNTERS,
    LINK_TYPES,
    LINKS,
    AttributeName,
    AttributeRow,
    Party,
    VendorAttributeName,
    When,
    expand,
    name_of,
    row_of,
    title_of,
    visible,
)
from keystead.kmip.enums import Enumeration, Mask, ResultReason
from keystead.kmip.schema import Enumerated, Form, Kind, Masked, Nested, Scalar, Writer, value_reader, value_writer
from keystead.kmip.structures import Name
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_4, V2_0, V2_1, V3_0, Version

__all__ = [
    "ATTRIBUTES",
    "COUNTERS",
    "LINKS",
    "LINK_TYPES",
    "AnyValue",
    "Attribute",
    "AttributeKind",
    "AttributeList",
    "AttributeName",
    "AttributeNameKind",
    "AttributeReference",
    "AttributeRow",
    "Attributes",
    "AttributesKind",
    "FlatAttributeList",
    "Link",
    "PartialAttributeList",
    "Party",
    "SingleAttribute",
    "ValueKind",
    "VendorAttributeName",
    "When",
    "dump_stored",
    "expand",
    "load_stored",
    "name_of",
    "row_of",
    "title_of",
    "visible",
]
_TEXT: Final = Scalar(ttlv.TEXT_STRING, str)

# --- fields that hold attributes --------------------------------------------------------------------------------------

_TEMPLATE_TAGS: Final = {
    Tag.ATTRIBUTES: Tag.TEMPLATE_ATTRIBUTE,
    Tag.COMMON_ATTRIBUTES: Tag.COMMON_TEMPLATE_ATTRIBUTE,
    Tag.PRIVATE_KEY_ATTRIBUTES: Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
    Tag.PUBLIC_KEY_ATTRIBUTES: Tag.PUBLIC_KEY_TEMPLATE_ATTRIBUTE,
}


class AttributesKind(Kind):
    """A list of attributes: a Template-Attribute in 1.x, Attributes since 2.0.

    Args:
        flat: in 1.x it is Attribute items in a row, not a Template-Attribute.
        partial: of a structure no field is required, as Locate searches by those that are there.
    """

    def __init__(self, *, flat: bool = False, partial: bool = False) -> None:
        self.flat, self.partial = flat, partial

    def tag(self, tag: Tag | None, version: Version) -> Tag | None:
        if version >= V2_0:
            return tag
        return Tag.ATTRIBUTE if self.flat else _TEMPLATE_TAGS.get(tag or Tag.ATTRIBUTES, tag)

    def repeats(self, version: Version) -> bool:
        return self.flat and version < V2_0

    def gather(self, values: Sequence[Any]) -> Attributes:
        return Attributes(tuple(values))

    def spread(self, version: Version) -> Callable[[Any], Iterable[Any]] | None:
        return (lambda attributes: writable(attributes, version)) if self.repeats(version) else None

    def forms(self, version: Version) -> Sequence[Form]:
        if version >= V2_0:
            read_items = read_2x(version, self.partial)

            def read(data: bytes, start: int, end: int) -> Attributes:
                return Attributes(read_items(data, start, end))

            return (Form(ttlv.STRUCTURE, read, write_2x(version)),)
        if self.flat:
            return (Form(ttlv.STRUCTURE, read_1x(version, self.partial), write_1x(version)),)
        return (Form(ttlv.STRUCTURE, self._read_template(version), self._write_template(version)),)

    @staticmethod
    def _read_template(version: Version) -> Callable[[bytes, int, int], Attributes]:
        """Source: 1.4 §2.1.8: the Names of templates, then Attributes."""
        read_attribute = read_1x(version)
        read_name = value_reader(Nested(Name), version)[ttlv.STRUCTURE]

        def read(data: bytes, start: int, end: int) -> Attributes:
            templates: list[Name] = []
            found: list[Attribute] = []
            for tag, kind, first, after in items_between(data, start, end):
                if tag == Tag.NAME and kind == ttlv.STRUCTURE and not found:
                    templates.append(read_name(data, first, after))
                elif tag == Tag.ATTRIBUTE and kind == ttlv.STRUCTURE:
                    found.append(read_attribute(data, first + 8, after))
                elif tag >> 16 != 0x54:
                    raise CodecError("a Template-Attribute has an item that does not belong there", first)
            return Attributes(tuple(found), tuple(templates))

        return read

    @staticmethod
    def _write_template(version: Version) -> Writer:
        write_attribute = value_writer(AttributeKind(), Tag.ATTRIBUTE, version)
        write_name = value_writer(Nested(Name), Tag.NAME, version)

        def write(out: bytearray, attributes: Attributes) -> None:
            for name in attributes.templates:
                write_name(out, name)
            for attribute in writable(attributes, version):
                write_attribute(out, attribute)

        return write

    def python_types(self) -> tuple[type, ...]:
        return (Attributes,)


class AttributeKind(Kind):
    """One attribute: Attribute in 1.x, since 2.0 a structure that holds it (New Attribute, Current Attribute)."""

    def tag(self, tag: Tag | None, version: Version) -> Tag | None:
        return Tag.ATTRIBUTE if version < V2_0 else tag

    def forms(self, version: Version) -> Sequence[Form]:
        if version < V2_0:
            return (Form(ttlv.STRUCTURE, read_1x(version), write_1x(version)),)
        read_items, write_items = read_2x(version), write_2x(version)

        def read(data: bytes, start: int, end: int) -> Attribute:
            found = read_items(data, start, end)
            if len(found) != 1:
                raise CodecError("exactly one attribute belongs here", start, ResultReason.INVALID_FIELD)
            return found[0]

        def write(out: bytearray, attribute: Attribute) -> None:
            write_items(out, (attribute,))

        return (Form(ttlv.STRUCTURE, read, write),)

    def python_types(self) -> tuple[type, ...]:
        return (Attribute,)


class AttributeNameKind(Kind):
    """The name of an attribute: text in 1.x; since 2.0 an Attribute Reference, which is its tag or a vendor's name.

    Args:
        text_until: the last version that writes it as text.

    Source: 1.4 §4.12; 2.1 §5.5.
    """

    def __init__(self, text_until: Version = V1_4) -> None:
        self.text_until = text_until

    def tag(self, tag: Tag | None, version: Version) -> Tag | None:
        return Tag.ATTRIBUTE_NAME if version <= self.text_until else Tag.ATTRIBUTE_REFERENCE

    def forms(self, version: Version) -> Sequence[Form]:
        if version <= self.text_until:
            write = str(_TEXT.forms(version)[0].write).replace("v.encode()", "title_of(v).encode()")
            read = "x = name_of(decode_text(b[q:e], q))"
            return (Form(ttlv.TEXT_STRING, read, write, uses={"title_of": title_of, "name_of": name_of}),)

        def read_vendor(data: bytes, start: int, end: int) -> VendorAttributeName:
            return VendorAttributeName(*read_vendor_name(data, list(items_between(data, start, end)), start))

        def write_vendor(out: bytearray, name: VendorAttributeName) -> None:
            for tag, text in zip((Tag.VENDOR_IDENTIFICATION, Tag.ATTRIBUTE_NAME), name, strict=True):
                ttlv.encode_into(out, ttlv.Item(tag, ttlv.TEXT_STRING, text))

        by_tag = Enumerated(Tag).forms(version)[0]
        if version < V3_0:
            by_tag = replace(
                by_tag,
                write=f"if v in LINK_TYPES: v = LINK\n{by_tag.write}",
                uses={**by_tag.uses, "LINK_TYPES": LINK_TYPES, "LINK": Tag.LINK},
            )
        return (Form(ttlv.STRUCTURE, read_vendor, write_vendor, "isinstance(v, tuple)"), by_tag)

    def python_types(self) -> tuple[type, ...]:
        return (Tag,)

    def enumerations(self) -> tuple[type[Enumeration] | type[Mask], ...]:
        return (Tag,)


class ValueKind(Kind):
    """A value of any type, as an Item.  Source: 2.1 §6.1.3 (Adjustment Value)."""

    def forms(self, version: Version) -> Sequence[Form]:
        def form(wire: int) -> Form:
            def read(data: bytes, start: int, end: int) -> ttlv.Item:
                if wire == ttlv.STRUCTURE:
                    return ttlv.Item(0, wire, ttlv.decode_items(data, start, end))
                return ttlv.Item(0, wire, ttlv.decode_value(wire, data, start, end))

            def write(out: bytearray, value: ttlv.Item) -> None:
                if wire == ttlv.STRUCTURE:
                    for part in value.value:
                        ttlv.encode_into(out, part)
                else:
                    data = ttlv.encode_value(wire, value.value)
                    out += data[: ttlv.LENGTHS.get(wire, len(data))]

            return Form(wire, read, write, f"v.type == {wire}")

        return [form(wire) for wire in range(ttlv.STRUCTURE, ttlv.INTERVAL + 1)]

    def python_types(self) -> tuple[type, ...]:
        return (ttlv.Item,)


AttributeList = Annotated[Attributes, AttributesKind()]
"""Template-Attribute in 1.x, Attributes since 2.0."""
FlatAttributeList = Annotated[Attributes, AttributesKind(flat=True)]
"""Attribute items in a row in 1.x, Attributes since 2.0."""
PartialAttributeList = Annotated[Attributes, AttributesKind(flat=True, partial=True)]
"""The same, of whose structures only some fields need be there."""
SingleAttribute = Annotated[Attribute, AttributeKind()]
AttributeReference = Annotated[AttributeName, AttributeNameKind()]
AnyValue = Annotated[ttlv.Item, ValueKind()]


# --- attributes at rest -----------------------------------------------------------------------------------------------


def _stored_version(tag: Tag) -> Version:
    """The version that can say all of an attribute: the newest that has it, but Name lost its type in 3.0."""
    return V2_1 if tag in (Tag.NAME, Tag.ROTATE_NAME) else ATTRIBUTES[tag].until


def _stored_kind(tag: Tag) -> Kind:
    """The kind that takes what any version has: bits of 1.x and of 2.x, key formats that 2.0 dropped."""
    kind = ATTRIBUTES[tag].kind
    if isinstance(kind, Masked):
        return Masked(kind.mask, lenient=True)
    return Enumerated(kind.enumeration, lenient=True) if isinstance(kind, Enumerated) else kind


@cache
def _stored_writer(tag: Tag) -> Writer:
    return value_writer(_stored_kind(tag), tag, _stored_version(tag))


@cache
def _stored_readers(tag: Tag) -> Mapping[int, Any]:
    return value_reader(_stored_kind(tag), _stored_version(tag))


def dump_stored(attributes: Iterable[Attribute]) -> bytes:
    """Write attributes of all versions, with their indices, for the store."""
    out = bytearray()
    for attribute in attributes:
        out += (attribute.index or 0).to_bytes(8, "big")
        if isinstance(attribute.name, VendorAttributeName):
            write_vendor_attribute(out, attribute)
        else:
            _stored_writer(attribute.name)(out, attribute.value)
    return bytes(out)


def load_stored(data: bytes) -> list[Attribute]:
    """Read what `dump_stored` wrote.  Raises: CodecError."""
    found, position = [], 0
    while position < len(data):
        index = int.from_bytes(data[position : position + 8], "big")
        position += 8
        head, length = HEADER.unpack_from(data, position)
        after = (position + 15 + length) & -8
        tag = Tag(head >> 8)
        if tag is Tag.ATTRIBUTE:
            found.append(replace(read_vendor_attribute(data, position + 8, after), index=index))
        else:
            found.append(Attribute(tag, _stored_readers(tag)[head & 0xFF](data, position, after), index))
        position = after
    return found

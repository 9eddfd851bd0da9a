"""Arbitrary structures of every class and version, made from the field tables: what is declared is what is tested.

`arbitrary` draws from a `random.Random`, so that hypothesis and the fuzzer share it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, singledispatch
from random import Random
from typing import Any

from hypothesis import strategies as st

from keystead.kmip import ttlv
from keystead.kmip.attribute_rows import LINK_TYPES, _NameKind
from keystead.kmip.attributes import (
    ATTRIBUTES,
    Attribute,
    AttributeKind,
    AttributeNameKind,
    Attributes,
    AttributesKind,
    Link,
    ValueKind,
    VendorAttributeName,
    visible,
)
from keystead.kmip.enums import Operation
from keystead.kmip.identifiers import DataKind, Identifier, NameReference
from keystead.kmip.messages import RequestMessage, ResponseMessage, _RequestPayload, _ThenEnumeration, protocol_version
from keystead.kmip.payloads import REQUESTS, RESPONSES
from keystead.kmip.schema import (
    Chosen,
    Enumerated,
    Field,
    Kind,
    Masked,
    Named,
    Nested,
    OneOf,
    Scalar,
    Structure,
    fields_of,
)
from keystead.kmip.structures import CREDENTIALS, Name, ProtocolVersion, RotateName
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.version import V2_0, V3_0, Version

_ALPHABET = "abcXYZ019 -_.\t\n\"'<&>|äß∑漢😀"


def text(random: Random, least: int = 0) -> str:
    return "".join(random.choices(_ALPHABET, k=random.randint(least, 12)))


def octets(random: Random) -> bytes:
    return random.randbytes(random.choice((0, 1, 7, 8, 9, 16)))


def _integer(bits: int) -> Callable[[Random], int]:
    def draw(random: Random) -> int:
        return random.choice((0, 1, -1, (1 << bits - 1) - 1, -(1 << bits - 1), random.randint(-1000, 1000)))

    return draw


_SCALARS: dict[int, Callable[[Random], Any]] = {
    ttlv.INTEGER: _integer(32),
    ttlv.LONG_INTEGER: _integer(64),
    ttlv.BIG_INTEGER: lambda random: _integer(64)(random) * random.choice((1, 1 << 64, 3 << 500)),
    ttlv.BOOLEAN: lambda random: random.random() < 0.5,
    ttlv.TEXT_STRING: text,
    ttlv.BYTE_STRING: octets,
    ttlv.DATE_TIME: lambda random: random.choice((0, 1, ttlv.LATEST_DATE, random.randint(0, 1 << 33))),
    ttlv.INTERVAL: lambda random: random.choice((0, 1, (1 << 32) - 1, random.randint(0, 1 << 20))),
    ttlv.DATE_TIME_EXTENDED: lambda random: random.choice((0, ttlv.LATEST_DATE_EXTENDED, random.randint(0, 1 << 53))),
    ttlv.IDENTIFIER: text,
    ttlv.REFERENCE: text,
    ttlv.NAME_REFERENCE: text,
}


def item(random: Random, tag: int = Tag.ATTRIBUTE_VALUE, depth: int = 2) -> Item:
    """An item of any type that 1.x has."""
    wire = random.randint(ttlv.STRUCTURE if depth else ttlv.INTEGER, ttlv.INTERVAL)
    if wire == ttlv.STRUCTURE:
        parts = [item(random, random.choice((0x540001, Tag.COMMENT)), depth - 1) for _ in range(random.randint(0, 3))]
        return Item(tag, wire, tuple(parts))
    if wire == ttlv.ENUMERATION:
        return Item(tag, wire, random.randint(0, (1 << 32) - 1))
    return Item(tag, wire, _SCALARS[wire](random))


@singledispatch
def arbitrary(kind: Kind, version: Version, random: Random) -> Any:
    """A value that a field of this kind may have in a version."""
    raise TypeError(f"no values are known of {kind!r}")


@arbitrary.register
def _(kind: Scalar, version: Version, random: Random) -> Any:
    return _SCALARS[kind.wire](random)


@arbitrary.register
def _(kind: Named, version: Version, random: Random) -> str:
    return text(random, 1)


@cache
def _enumerated(kind: Enumerated, version: Version) -> Sequence[Any]:
    return [value for value in kind.enumeration if value.since <= version <= value.until]


@arbitrary.register
def _(kind: Enumerated, version: Version, random: Random) -> Any:
    known = _enumerated(kind, version)
    if known and random.random() < 0.9:
        return random.choice(known)
    return kind.enumeration.unlisted(0x80000000 + random.randint(0, 9))


@arbitrary.register
def _(kind: Masked, version: Version, random: Random) -> Any:
    bits = [bit for bit in kind.mask if bit.since <= version <= bit.until]
    return kind.mask(sum(random.sample(bits, random.randint(0, min(4, len(bits))))))


@arbitrary.register
def _(kind: Nested, version: Version, random: Random) -> Structure:
    return structure(kind.structure, version, random)


@arbitrary.register
def _(kind: OneOf, version: Version, random: Random) -> Any:
    there = [
        part
        for part in kind.kinds
        if not isinstance(part, Nested)
        or part.structure.TAG is None
        or part.structure.TAG.since <= version <= part.structure.TAG.until
    ]
    return arbitrary(random.choice(there), version, random)


@arbitrary.register
def _(kind: Identifier, version: Version, random: Random) -> Any:
    choices: list[Callable[[], Any]] = [lambda: text(random, 1)] * 4
    if version >= V2_0:
        choices += [
            lambda: arbitrary(Enumerated(kind.enumerations()[0]), version, random),  # type: ignore[arg-type]
            lambda: _SCALARS[ttlv.INTEGER](random),
        ]
    if version >= V3_0:
        choices.append(lambda: NameReference(text(random, 1)))
    return random.choice(choices)()


@arbitrary.register
def _(kind: DataKind, version: Version, random: Random) -> Any:
    if version < V2_0 or random.random() < 0.7:
        return octets(random)
    return random.choice((7, arbitrary(Enumerated(kind.enumerations()[0]), version, random)))  # type: ignore[arg-type]


@arbitrary.register
def _(kind: _NameKind, version: Version, random: Random) -> Structure:
    if version < V3_0:
        return structure(kind.nested, version, random)
    return kind.make(text(random, 1))


@arbitrary.register
def _(kind: _ThenEnumeration, version: Version, random: Random) -> Any:
    if version < kind.since:
        return random.choice((kind.no, kind.yes))
    return arbitrary(Enumerated(type(kind.no)), version, random)


@cache
def _attribute_names(version: Version) -> Sequence[Tag]:
    return [tag for tag in ATTRIBUTES if visible(tag, version)]


def _vendor_name(version: Version, random: Random) -> VendorAttributeName:
    vendor = random.choice("xy") if version < V2_0 else random.choice(("x", "y", "Example.com_1"))
    return VendorAttributeName(vendor, text(random, 1))


@arbitrary.register
def _(kind: AttributeKind, version: Version, random: Random) -> Attribute:
    index = random.choice((None, 1, 7)) if version < V2_0 else None
    if random.random() < 0.2:
        return Attribute(_vendor_name(version, random), item(random), index)
    name = random.choice(_attribute_names(version))
    return Attribute(name, arbitrary(ATTRIBUTES[name].kind, version, random), index if name not in LINK_TYPES else None)


@arbitrary.register
def _(kind: AttributesKind, version: Version, random: Random) -> Attributes:
    one = AttributeKind()
    found = tuple(arbitrary(one, version, random) for _ in range(random.randint(1 if kind.flat else 0, 3)))
    if version >= V2_0 or kind.flat:
        return Attributes(found)
    return Attributes(found, tuple(structure(Name, version, random) for _ in range(random.choice((0, 0, 1)))))


@arbitrary.register
def _(kind: AttributeNameKind, version: Version, random: Random) -> Any:
    if version <= kind.text_until:
        known = [name for name in ATTRIBUTES if name not in LINK_TYPES and visible(name, version)]
        known = [name for name in known if ATTRIBUTES[name].since < V3_0]
        return random.choice((Tag.LINK, VendorAttributeName("x", text(random)), random.choice(known)))
    if version < V3_0 and random.random() < 0.1:
        return Tag.LINK
    known = [name for name in _attribute_names(version) if version >= V3_0 or name not in LINK_TYPES]
    return random.choice((_vendor_name(version, random), random.choice(known)))


@arbitrary.register
def _(kind: ValueKind, version: Version, random: Random) -> Item:
    return item(random, 0)


def _fields(cls: type[Structure], version: Version) -> Sequence[Field]:
    return [field for field in fields_of(cls) if field.present_in(version)]


def structure(cls: type[Structure], version: Version, random: Random, **given: Any) -> Any:
    """An arbitrary structure of a class, of the fields that a version has.

    Args:
        given: fields that are settled.
    """
    values = dict(given)
    for field in _fields(cls, version):
        if field.name in values:
            continue
        if not field.required and random.random() < 0.35:
            continue
        if isinstance(field.kind, Chosen):
            values.update(_chosen(field, version, random))
        elif field.repeated:
            count = random.randint(1 if field.required else 0, 2)
            values[field.name] = tuple(arbitrary(field.kind, version, random) for _ in range(count))
        else:
            values[field.name] = arbitrary(field.kind, version, random)
    made = {row.name: row.default for row in fields_of(cls)} | values
    return cls(**{name: () if value is None and _is_repeated(cls, name) else value for name, value in made.items()})


def _is_repeated(cls: type[Structure], name: str) -> bool:
    return next(row.repeated for row in fields_of(cls) if row.name == name)


def _chosen(field: Field, version: Version, random: Random) -> dict[str, Any]:
    """The field whose class another tells, with that other."""
    assert isinstance(field.kind, Chosen)
    if field.kind.by == "credential_type":
        choices: dict[Any, type[Structure]] = dict(CREDENTIALS)
    else:
        choices = dict(REQUESTS if isinstance(field.kind, _RequestPayload) else RESPONSES)
    known = [value for value in choices if value.since <= version <= value.until]
    value = random.choice(known)
    return {field.kind.by: value, field.name: structure(choices[value], version, random)}


def message(
    cls: type[RequestMessage] | type[ResponseMessage],
    version: Version,
    random: Random,
    operation: Operation | None = None,
) -> Any:
    """An arbitrary message whose header names its version, of one batch item if an operation is given."""
    header, items = fields_of(cls)
    made = structure(_class_of(header), version, random, protocol_version=protocol_version(version))
    if operation is None:
        found = tuple(arbitrary(items.kind, version, random) for _ in range(random.randint(0, 3)))
    else:
        payloads: Any = REQUESTS if cls is RequestMessage else RESPONSES
        name = "request_payload" if cls is RequestMessage else "response_payload"
        payload = structure(payloads[operation], version, random)
        found = (structure(_class_of(items), version, random, **{"operation": operation, name: payload}),)
    return cls(**{header.name: made, items.name: found})


def _class_of(field: Field) -> type[Structure]:
    assert isinstance(field.kind, Nested)
    return field.kind.structure


def _gather(roots: Sequence[type[Structure]]) -> list[type[Structure]]:
    found: dict[type[Structure], None] = {}
    left = list(roots)
    while left:
        cls = left.pop(0)
        if cls in found:
            continue
        found[cls] = None
        for field in fields_of(cls):
            left += [part for part in field.kind.python_types() if issubclass(part, Structure)]
    return list(found)


STRUCTURES = _gather(
    [RequestMessage, ResponseMessage, *REQUESTS.values(), *RESPONSES.values(), *CREDENTIALS.values(), Link, RotateName]
    + [row.kind.structure for row in ATTRIBUTES.values() if isinstance(row.kind, Nested)]
)
"""Every structure that is declared."""


def tag_for(cls: type[Structure]) -> Tag:
    """A tag under which to write a structure that has none of its own."""
    return cls.TAG or Tag.ATTRIBUTE_VALUE


def versions_of(cls: type[Structure]) -> list[Version]:
    """The versions that have a structure: its operation, its tag and all that it must hold."""
    window = getattr(cls, "OPERATION", cls.TAG)
    return [
        version
        for version in Version
        if (window is None or window.since <= version <= window.until)
        and all(row.present_in(version) for row in fields_of(cls) if row.required)
    ]


def versions(cls: type[Structure]) -> st.SearchStrategy[Version]:
    return st.sampled_from(versions_of(cls))


randoms = st.randoms(use_true_random=True)

__all__ = [
    "STRUCTURES",
    "ProtocolVersion",
    "arbitrary",
    "item",
    "message",
    "randoms",
    "structure",
    "tag_for",
    "versions",
    "versions_of",
]

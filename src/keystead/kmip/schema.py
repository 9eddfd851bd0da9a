"""Typed structures ↔ TTLV bytes, for a version, compiled once per class and version.

The annotations of a structure are its field table: their order is the order on the wire; the tag is the field's name
unless given; `X | None` or a default is optional; `tuple[X, ...]` repeats; `A | B` is told apart by tag and type;
`item(since=, until=)` says which versions have the field.  From these a reader and a writer are compiled as
straight-line Python: no reflection is left when a message comes.

    @structure
    class Nonce(Structure):
        nonce_id: bytes
        nonce_value: bytes = item(secret=True)

    dump(Nonce(nonce_id=b"1", nonce_value=b"2"), V2_1)

A reader raises CodecError for whatever is not exactly the structure; it takes fields and values of a later minor
version too, for clients send them (PyKMIP: Encoding Option in 1.0).  A writer leaves out what the version lacks.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Union, dataclass_transform

from keystead.kmip import ttlv
from keystead.kmip.compiler import dump, dump_into, load, reader, value_reader, value_writer, writer
from keystead.kmip.enums import Enumeration, Mask
from keystead.kmip.kinds import (
    PLAIN,
    BigInteger,
    DateTime,
    DateTimeExtended,
    Enumerated,
    Field,
    Form,
    Integer,
    Interval,
    Kind,
    LongInteger,
    Masked,
    Named,
    NameText,
    Reader,
    S,
    Scalar,
    Structure,
    Writer,
    remembered,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import NEWEST, OLDEST, Version

__all__ = [
    "BigInteger",
    "Chosen",
    "DateTime",
    "DateTimeExtended",
    "Enumerated",
    "Field",
    "Form",
    "Integer",
    "Interval",
    "Kind",
    "LongInteger",
    "Masked",
    "NameText",
    "Named",
    "Nested",
    "OneOf",
    "Reader",
    "Regardless",
    "Scalar",
    "Structure",
    "Writer",
    "dump",
    "dump_into",
    "fields_of",
    "item",
    "kind_of",
    "load",
    "reader",
    "remembered",
    "structure",
    "value_reader",
    "value_writer",
    "walk",
    "writer",
]

# --- kinds made of structures -----------------------------------------------------------------------------------------


class Nested(Kind):
    """A structure within a structure."""

    def __init__(self, structure: type[Structure]) -> None:
        self.structure = structure

    def tag(self, tag: Tag | None, version: Version) -> Tag | None:
        return super().tag(tag or self.structure.TAG, version)

    def forms(self, version: Version) -> Sequence[Form]:
        name = f"C_{self.structure.__name__}"
        return (
            Form(
                ttlv.STRUCTURE,
                reader(self.structure, version),
                writer(self.structure, version),
                f"isinstance(v, {name})",
                uses={name: self.structure},
            ),
        )

    def partial_forms(self, version: Version) -> Sequence[Form]:
        [form] = self.forms(version)
        return (dataclasses.replace(form, read=reader(self.structure, version, True)),)

    def python_types(self) -> tuple[type, ...]:
        return (self.structure,)


class Regardless(Nested):
    """A structure whose tag a version lacks, but which clients of that version send all the same."""

    def tag(self, tag: Tag | None, version: Version) -> Tag | None:
        return tag or self.structure.TAG


class OneOf(Kind):
    """A value of one of several kinds, told apart by tag and item type."""

    tagged = True

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self.kinds = kinds

    def forms(self, version: Version) -> Sequence[Form]:
        forms = []
        for kind in self.kinds:
            own = kind.structure.TAG if isinstance(kind, Nested) else None
            if own is not None and not own.since <= version <= own.until:
                continue
            forms += [dataclasses.replace(form, tag=own) if own else form for form in kind.forms(version)]
        return forms

    def python_types(self) -> tuple[type, ...]:
        return tuple(python for kind in self.kinds for python in kind.python_types())

    def enumerations(self) -> tuple[type[Enumeration] | type[Mask], ...]:
        return tuple(cls for kind in self.kinds for cls in kind.enumerations())


class Written(Structure):
    """A structure that is written already: its items, as the version at hand writes them."""

    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        self.content = content


class Chosen(Kind):
    """A structure whose class a field before it tells.

    Args:
        by: the name of that field.
        choose: (its value, version) → the class, or raises CodecError.
    """

    def __init__(self, by: str, choose: Callable[[Any, Version], type[Structure]]) -> None:
        self.by, self.choose = by, choose

    def forms(self, version: Version) -> Sequence[Form]:
        def choose(value: Any) -> Reader:
            return self.reader(value, version)

        def write(out: bytearray, value: Structure) -> None:
            if isinstance(value, Written):
                out += value.content
            else:
                writer(type(value), version)(out, value)

        name = f"choose_{self.by}"
        return (Form(ttlv.STRUCTURE, f"x = {name}(v_by)(b, q, e)", write, uses={name: choose}),)

    def reader(self, value: Any, version: Version) -> Reader:
        return reader(self.choose(value, version), version)


# --- declarations ------------------------------------------------------------------------------------------------


def item(
    *,
    default: Any = None,
    tag: Tag | Mapping[Version, Tag] | None = None,
    since: Version = OLDEST,
    until: Version = NEWEST,
    secret: bool = False,
    required: bool = False,
    kind: Kind | None = None,
) -> Any:
    """Say of a field what its annotation cannot.

    Args:
        default: the value if the field is absent; None unless given.
        tag: if it is not the field's name; or the tag from a version on.
        since, until: the versions that have the field.
        secret: keep it out of the repr.
        required: its absence is an error in spite of the default (which this version may lack).
        kind: how it is spelled, if the annotation does not say.
    """
    metadata = {"tag": tag, "since": since, "until": until, "secret": secret, "required": required, "kind": kind}
    if required and default is None:
        return dataclasses.field(repr=not secret, metadata=metadata)
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def structure(cls: type[S]) -> type[S]:
    """Make a class a structure: a frozen, slotted dataclass whose codec follows from its annotations."""
    made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", made.__name__).upper()
    if "TAG" not in cls.__dict__:
        made.TAG = Tag.__members__.get(name)
    made.FIELDS = _LazyFields()  # type: ignore[assignment]
    return made


class _LazyFields:
    """The field table, read off the annotations when it is first asked for."""

    def __get__(self, instance: object, owner: type[Structure]) -> tuple[Field, ...]:
        return fields_of(owner)


@remembered
def fields_of(cls: type[Structure]) -> tuple[Field, ...]:
    """The field table of a structure, in the order of the wire."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple(_field(row, hints[row.name]) for row in dataclasses.fields(cls))  # type: ignore[arg-type]


def _field(row: dataclasses.Field[Any], hint: Any) -> Field:
    said = row.metadata
    absent_default = row.default is dataclasses.MISSING and row.default_factory is dataclasses.MISSING
    repeated, optional, hints = False, False, _alternatives(hint)
    if type(None) in hints:
        optional = True
        hints = [h for h in hints if h is not type(None)]
    if len(hints) == 1 and typing.get_origin(hints[0]) is tuple:
        repeated = True
        hints = _alternatives(typing.get_args(hints[0])[0])
    kinds = [kind_of(h) for h in hints] if said.get("kind") is None else [said["kind"]]
    tag = said.get("tag")
    tags = tag if isinstance(tag, Mapping) else {}
    if tag is None or tags:
        tag = Tag.__members__.get(row.name.upper())
    return Field(
        name=row.name,
        kind=kinds[0] if len(kinds) == 1 else OneOf(kinds),
        tag=tag,
        tags=tags,
        required=said.get("required", False) or (absent_default and not optional),
        repeated=repeated,
        secret=said.get("secret", False),
        since=said.get("since", OLDEST),
        until=said.get("until", NEWEST),
        default=None if absent_default else row.default,
    )


def _alternatives(hint: Any) -> list[Any]:
    if typing.get_origin(hint) in (Union, types.UnionType):
        return [part for alternative in typing.get_args(hint) for part in _alternatives(alternative)]
    return [hint]


def kind_of(hint: Any) -> Kind:
    if typing.get_origin(hint) is Annotated:
        kinds = [said for said in typing.get_args(hint)[1:] if isinstance(said, Kind)]
        if kinds:
            return kinds[-1]
        hint = typing.get_args(hint)[0]
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, Enumeration):
        return Enumerated(hint)
    if isinstance(hint, type) and issubclass(hint, Mask):
        return Masked(hint)
    if isinstance(hint, type) and issubclass(hint, Structure):
        return Nested(hint)
    raise TypeError(f"no kind is known for {hint!r}")


def walk(value: Any) -> Iterable[Structure]:
    """All structures within a value, itself first."""
    if isinstance(value, Structure):
        yield value
        for field in fields_of(type(value)):
            yield from walk(getattr(value, field.name))
    elif isinstance(value, (tuple, list)) and not isinstance(value, Enum):
        for part in value:
            yield from walk(part)

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
from functools import cache
from struct import Struct
from struct import error as StructError
from typing import Annotated, Any, ClassVar, Final, TypeVar, Union, dataclass_transform

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.enums import Enumeration, Mask, OpenEnumeration, ResultReason
from keystead.kmip.tags import Tag
from keystead.kmip.version import NEWEST, OLDEST, Version

S = TypeVar("S", bound="Structure")
Reader = Callable[[bytes, int, int], Any]
"""Reads the content between two offsets: (message, first, last) → value."""
Writer = Callable[[bytearray, Any], None]
"""Appends the content of a value, without header and padding."""


@dataclass(frozen=True)
class Form:
    """One spelling of a value on the wire.

    Attributes:
        wire: the item type.
        read: lines of code that turn `b[q:e]` into `x`, or a Reader.
        write: lines of code that append `v` under the header `{H}`, or a Writer.
        accepts: an expression that is true of the values `v` that are written so; "" accepts all.
        tag: of this form, where it is not the field's.
        uses: what the code needs by name.
    """

    wire: int
    read: str | Reader
    write: str | Writer
    accepts: str = ""
    tag: int | None = None
    uses: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Kind:
    """How a field's value is spelled, in each version."""

    def tag(self, tag: Tag | None, version: Version) -> Tag | None:
        """The tag of a field that was declared with `tag`; None where the version does not have it."""
        return tag if tag is not None and tag.since <= version <= tag.until else None

    def readable_tag(self, tag: Tag | None, version: Version) -> Tag | None:
        """As `tag`, for a reader, which also takes what a later minor version has."""
        return self.tag(tag, version) or self.tag(tag, version.last_of_major)

    def forms(self, version: Version) -> Sequence[Form]:
        raise NotImplementedError

    def repeats(self, version: Version) -> bool:
        """The value is spread over several items in this version."""
        return False

    def gather(self, values: Sequence[Any]) -> Any:
        """Make the value of the items that it is spread over."""
        return tuple(values)

    def spread(self, version: Version) -> Callable[[Any], Iterable[Any]] | None:
        """What turns the value into the values of those items; None where it can be walked as it is."""
        return None

    def python_types(self) -> tuple[type, ...]:
        return ()


# --- scalars ---------------------------------------------------------------------------------------------------

_CODE: Final = {
    ttlv.INTEGER: (
        "if n != 4: wrong_length(p)\nx, z = uiI(b, q)\nif z: not_zero(q)",
        "out += {H4} + pi(v)",
    ),
    ttlv.LONG_INTEGER: ("if n != 8: wrong_length(p)\nx = uq(b, q)[0]", "out += {H8} + pq(v)"),
    ttlv.BIG_INTEGER: (
        "x = decode_big_integer(b[q:e], q)",
        "d = encode_big_integer(v)\nout += {H} + pI(len(d)) + d",
    ),
    ttlv.BOOLEAN: (
        "if n != 8: wrong_length(p)\nx = uq(b, q)[0]\nif x != 0 and x != 1: not_boolean(q)\nx = x == 1",
        "out += {H8} + (TRUE if v else FALSE)",
    ),
    ttlv.TEXT_STRING: (
        "x = decode_text(b[q:e], q)",
        "d = v.encode()\nn = len(d)\nout += {H} + pI(n) + d + PADDING[n & 7]",
    ),
    ttlv.BYTE_STRING: ("x = b[q:e]", "n = len(v)\nout += {H} + pI(n)\nout += v\nout += PADDING[n & 7]"),
    ttlv.DATE_TIME: (
        "if n != 8: wrong_length(p)\nx = uq(b, q)[0]\nif not 0 <= x <= LATEST_DATE: check_date(x, q)",
        "out += {H8} + pq(v)",
    ),
    ttlv.INTERVAL: ("if n != 4: wrong_length(p)\nx, z = uII(b, q)\nif z: not_zero(q)", "out += {H4} + pI4(v)"),
    ttlv.DATE_TIME_EXTENDED: (
        "if n != 8: wrong_length(p)\nx = uq(b, q)[0]\ncheck_date(x, q, LATEST_DATE_EXTENDED)",
        "out += {H8} + pq(v)",
    ),
}
_CODE[ttlv.IDENTIFIER] = _CODE[ttlv.REFERENCE] = _CODE[ttlv.TEXT_STRING]


class Scalar(Kind):
    """A value of one item type in all versions."""

    def __init__(self, wire: int, python: type) -> None:
        self.wire, self.python = wire, python

    def forms(self, version: Version) -> Sequence[Form]:
        read, write = _CODE[self.wire]
        test = "isinstance(v, str)" if self.python is str else f"type(v) is {self.python.__name__}"
        return (Form(self.wire, read, write, test),)

    def python_types(self) -> tuple[type, ...]:
        return (self.python,)


Integer = Annotated[int, Scalar(ttlv.INTEGER, int)]
LongInteger = Annotated[int, Scalar(ttlv.LONG_INTEGER, int)]
BigInteger = Annotated[int, Scalar(ttlv.BIG_INTEGER, int)]
DateTime = Annotated[int, Scalar(ttlv.DATE_TIME, int)]
"""POSIX seconds."""
DateTimeExtended = Annotated[int, Scalar(ttlv.DATE_TIME_EXTENDED, int)]
"""POSIX microseconds."""
Interval = Annotated[int, Scalar(ttlv.INTERVAL, int)]
"""Seconds."""

_PLAIN: Final[dict[type, Kind]] = {
    bool: Scalar(ttlv.BOOLEAN, bool),
    str: Scalar(ttlv.TEXT_STRING, str),
    bytes: Scalar(ttlv.BYTE_STRING, bytes),
}


class Enumerated(Kind):
    """An enumeration: a value that the version lacks is refused, unless it lies in the extension range.

    Args:
        enumeration: the class of the values.
        lenient: keep what has no row, for whoever answers it (an unknown Operation is refused by name, not here).
    """

    def __init__(self, enumeration: type[Enumeration], lenient: bool = False) -> None:
        self.enumeration = enumeration
        self.lenient = lenient or issubclass(enumeration, OpenEnumeration)

    def forms(self, version: Version) -> Sequence[Form]:
        known = {
            value.value: value
            for value in self.enumeration
            if self.lenient or (value.since <= version.last_of_major and version <= value.until)
        }
        enumeration, lenient = self.enumeration, self.lenient

        def other(value: int, offset: int) -> Enumeration:
            if lenient or value >= 0x80000000:
                return enumeration.unlisted(value)
            raise CodecError(
                f"{enumeration.__name__} has no value 0x{value:08X} in KMIP {version}",
                offset,
                ResultReason.UNKNOWN_ENUMERATION,
            )

        name = f"E_{enumeration.__name__}_{int(lenient)}"
        return (
            Form(
                ttlv.ENUMERATION,
                f"if n != 4: wrong_length(p)\ny, z = uII(b, q)\nif z: not_zero(q)\nx = {name}(y)\n"
                f"if x is None: x = {name}_other(y, q)",
                "out += {H4} + pI4(v)",
                f"isinstance(v, {name}_class)",
                uses={name: known.get, f"{name}_other": other, f"{name}_class": enumeration},
            ),
        )

    def python_types(self) -> tuple[type, ...]:
        return (self.enumeration,)


class Masked(Kind):
    """A bit mask, an Integer on the wire; the bits that a version lacks are not written."""

    def __init__(self, mask: type[Mask]) -> None:
        self.mask = mask

    def forms(self, version: Version) -> Sequence[Form]:
        name = f"M_{self.mask.__name__}"
        lacking = sum(bit.value for bit in self.mask if not bit.since <= version <= bit.until)
        return (
            Form(
                ttlv.INTEGER,
                f"if n != 4: wrong_length(p)\nx, z = uiI(b, q)\nif z: not_zero(q)\nif x < 0: negative_mask(q)\n"
                f"x = {name}(x)",
                f"out += {{H4}} + pi(v & {~lacking})",
                f"isinstance(v, {name})",
                uses={name: self.mask},
            ),
        )

    def python_types(self) -> tuple[type, ...]:
        return (self.mask,)


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

    def python_types(self) -> tuple[type, ...]:
        return (self.structure,)


class Regardless(Nested):
    """A structure whose tag a version lacks, but which clients of that version send all the same."""

    def tag(self, tag: Tag | None, version: Version) -> Tag | None:
        return tag or self.structure.TAG


class OneOf(Kind):
    """A value of one of several kinds, told apart by tag and item type."""

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


class Chosen(Kind):
    """A structure whose class a field before it tells.

    Args:
        by: the name of that field.
        choose: (its value, version) → the class, or raises CodecError.
    """

    def __init__(self, by: str, choose: Callable[[Any, Version], type[Structure]]) -> None:
        self.by, self.choose = by, choose

    def forms(self, version: Version) -> Sequence[Form]:
        def write(out: bytearray, value: Structure) -> None:
            writer(type(value), version)(out, value)

        return (Form(ttlv.STRUCTURE, "x = choose(v_by, version)(b, q, e)", write, uses={"version": version}),)

    def reader(self, value: Any, version: Version) -> Reader:
        return reader(self.choose(value, version), version)


# --- declarations ------------------------------------------------------------------------------------------------


class Structure:
    """The base of all typed structures."""

    __slots__ = ()
    TAG: ClassVar[Tag | None] = None
    FIELDS: ClassVar[tuple[Field, ...]] = ()


@dataclass(frozen=True)
class Field:
    """A row of a structure's field table."""

    name: str
    kind: Kind
    tag: Tag | None
    tags: Mapping[Version, Tag]
    required: bool
    repeated: bool
    secret: bool
    since: Version
    until: Version
    default: Any

    def tag_in(self, version: Version, reading: bool = False) -> Tag | None:
        """The tag in a version, None where the field is not there (or its forms bring tags of their own)."""
        declared = self.tag
        for since, tag in self.tags.items():
            if version >= since:
                declared = tag
        return self.kind.readable_tag(declared, version) if reading else self.kind.tag(declared, version)

    def present_in(self, version: Version) -> bool:
        """A writer writes it."""
        return self.since <= version <= self.until and (self._by_forms or self.tag_in(version) is not None)

    def readable_in(self, version: Version) -> bool:
        """A reader takes it."""
        return (
            self.since <= version.last_of_major
            and version <= self.until
            and (self._by_forms or self.tag_in(version, reading=True) is not None)
        )

    @property
    def _by_forms(self) -> bool:
        return isinstance(self.kind, OneOf) and self.tag is None


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


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(item,))
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


@cache
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
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, Enumeration):
        return Enumerated(hint)
    if isinstance(hint, type) and issubclass(hint, Mask):
        return Masked(hint)
    if isinstance(hint, type) and issubclass(hint, Structure):
        return Nested(hint)
    raise TypeError(f"no kind is known for {hint!r}")


# --- compiling ---------------------------------------------------------------------------------------------------


def _wrong_length(offset: int) -> None:
    raise CodecError("an item's length is not that of its type", offset)


def _not_zero(offset: int) -> None:
    raise CodecError("padding is not zero", offset)


def _not_boolean(offset: int) -> None:
    raise CodecError("a boolean is neither 0 nor 1", offset)


def _negative_mask(offset: int) -> None:
    raise CodecError("a mask is negative", offset, ResultReason.INVALID_FIELD)


def _too_long(offset: int) -> None:
    raise CodecError("an item is longer than what holds it", offset)


_integer_padded = Struct(">iI")
_unsigned_padded = Struct(">II")
_long = Struct(">q")
_GLOBALS: Final[dict[str, Any]] = {
    "u": _unsigned_padded.unpack_from,
    "uiI": _integer_padded.unpack_from,
    "uII": _unsigned_padded.unpack_from,
    "uq": _long.unpack_from,
    "pi": Struct(">i4x").pack,
    "pI": Struct(">I").pack,
    "pI4": Struct(">I4x").pack,
    "pq": _long.pack,
    "pl": Struct(">I").pack_into,
    "TRUE": b"\0\0\0\0\0\0\0\1",
    "FALSE": bytes(8),
    "PADDING": ttlv.PADDING,
    "LATEST_DATE": ttlv.LATEST_DATE,
    "LATEST_DATE_EXTENDED": ttlv.LATEST_DATE_EXTENDED,
    "decode_text": ttlv.decode_text,
    "decode_big_integer": ttlv.decode_big_integer,
    "encode_big_integer": ttlv.encode_big_integer,
    "check_date": ttlv.check_date,
    "wrong_length": _wrong_length,
    "not_zero": _not_zero,
    "not_boolean": _not_boolean,
    "negative_mask": _negative_mask,
    "too_long": _too_long,
    "new": object.__new__,
}


class _Code:
    """Lines of a function being written, and the names that it uses."""

    def __init__(self, name: str, signature: str) -> None:
        self.name = name
        self.lines = [f"def {name}({signature}):"]
        self.names = dict(_GLOBALS)

    def add(self, depth: int, text: str) -> None:
        self.lines += ["    " * (depth + 1) + line for line in text.splitlines()]

    def bind(self, hint: str, value: Any) -> str:
        """A name of its own for a value."""
        name = f"{hint}_{len(self.names)}"
        self.names[name] = value
        return name

    def build(self) -> Any:
        source = "\n".join(self.lines)
        exec(compile(source, f"<{self.name}>", "exec"), self.names)  # noqa: S102 - compiled from our own tables
        return self.names[self.name]


_NEXT = "if p < end: t, n = u(b, p)\nelse: t = 0"


def _add_read(code: _Code, depth: int, form: Form, by: str = "") -> None:
    """Write lines that read the item at `p`, of type-and-tag `t` and length `n`, into `x` and step over it."""
    code.add(depth, "q = p + 8\ne = q + n")
    if form.wire in ttlv.LENGTHS:
        code.add(depth, "if q + 8 > end: too_long(p)")
        after = "p = q + 8"
    elif form.wire == ttlv.STRUCTURE:
        code.add(depth, "if e > end: too_long(p)")
        after = "p = e"
    else:
        code.add(depth, "r = (e + 7) & -8\nif r > end: too_long(p)\nif n & 7 and b[e:r] != PADDING[n & 7]: not_zero(e)")
        after = "p = r"
    for name, value in form.uses.items():
        code.names[name] = value
    if isinstance(form.read, str):
        code.add(depth, form.read.replace("v_by", by))
    else:
        code.add(depth, f"x = {code.bind('read', form.read)}(b, q, e)")
    code.add(depth, after)


def _heads(field: Field, version: Version, reading: bool = False) -> list[tuple[int, Form]]:
    """The tag-and-type words that may begin the field, with their forms."""
    heads: dict[int, Form] = {}
    for form in field.kind.forms(version):
        tag = form.tag if form.tag is not None else field.tag_in(version, reading)
        assert tag is not None, f"{field.name} has no tag in KMIP {version}"
        heads.setdefault(int(tag) << 8 | form.wire, form)
    return list(heads.items())


@cache
def reader(cls: type[Structure], version: Version) -> Reader:
    """The compiled reader of a structure's content: (message, first, last) → structure.

    It raises CodecError, or struct.error where the message ends within a header.
    """
    code = _Code(f"read_{cls.__name__}_{version.major}_{version.minor}", "b, p, end")
    code.add(0, "start = p\n" + _NEXT)
    fields = fields_of(cls)
    for number, field in enumerate(fields):
        target = f"v{number}"
        if not field.readable_in(version):
            code.add(0, f"{target} = {code.bind('default', () if field.repeated else field.default)}")
            continue
        spread = field.repeated or field.kind.repeats(version)
        heads = _heads(field, version, reading=True)
        test = " or ".join(f"t == 0x{head:010X}" for head, _ in heads)
        by = f"v{[f.name for f in fields].index(field.kind.by)}" if isinstance(field.kind, Chosen) else ""
        if isinstance(field.kind, Chosen):
            code.names["choose"] = field.kind.reader
        if spread:
            code.add(0, f"a = []\nwhile {test}:")
        elif field.required:
            missing = code.bind("missing", _missing(cls, field, heads))
            code.add(0, f"if {test}:" if len(heads) > 1 else f"if t != 0x{heads[0][0]:010X}: {missing}(p, t)")
        else:
            code.add(0, f"{target} = {code.bind('default', field.default)}\nif {test}:")
        depth = 0 if field.required and not spread and len(heads) == 1 else 1
        for order, (head, form) in enumerate(heads):
            inner = depth
            if len(heads) > 1:
                code.add(depth, f"{'if' if order == 0 else 'elif'} t == 0x{head:010X}:")
                inner += 1
            _add_read(code, inner, form, by)
        code.add(depth, ("a.append(x)\n" if spread else f"{target} = x\n") + _NEXT)
        if spread:
            code.add(0, f"{target} = {code.bind('gather', tuple if field.repeated else field.kind.gather)}(a)")
            if field.required:
                missing = code.bind("missing", _missing(cls, field, heads))
                code.add(0, f"if not a: {missing}(p, t)")
        elif field.required and len(heads) > 1:
            code.add(0, f"else: {missing}(p, t)")
    leftover = code.bind("leftover", _leftover(cls, version))
    code.add(0, f"if p != end: return {leftover}(b, start, p, end)")
    code.add(0, f"o = new({code.bind('cls', cls)})")
    for number, field in enumerate(fields):
        code.add(0, f"{code.bind('set', getattr(cls, field.name).__set__)}(o, v{number})")
    code.add(0, "return o")
    return code.build()  # type: ignore[no-any-return]


def _title(tag: int) -> str:
    return Tag(tag).title if tag in Tag._value2member_map_ else f"0x{tag:06X}"


def _missing(cls: type[Structure], field: Field, heads: Sequence[tuple[int, Form]]) -> Callable[[int, int], None]:
    expected = " or ".join(dict.fromkeys(_title(head >> 8) for head, _ in heads))

    def missing(offset: int, found: int) -> None:
        here = f", not {_title(found >> 8)}" if found else ""
        if found >> 8 in {head >> 8 for head, _ in heads}:
            raise CodecError(f"{expected} in {cls.__name__} has the wrong item type", offset)
        raise CodecError(f"{cls.__name__} needs {expected}{here}", offset)

    return missing


def _leftover(cls: type[Structure], version: Version) -> Callable[[bytes, int, int, int], Any]:
    """Answer what no field took: vendor tags are stepped over, all else is refused.

    Source: KMIP 2.1 section 9.13; guide T24 (a vendor's tag does not disturb the fields around it).
    """

    def leftover(data: bytes, start: int, offset: int, end: int) -> Any:
        kept = bytearray()
        position = start
        while position < end:
            head, length = _unsigned_padded.unpack_from(data, position)
            after = (position + 15 + length) & -8
            if after > end:
                _too_long(position)
            if head >> 24 == 0x54:
                ttlv.decode(data[position:after])
            else:
                kept += data[position:after]
            position = after
        if len(kept) < end - start:
            return reader(cls, version)(bytes(kept), 0, len(kept))
        head = _unsigned_padded.unpack_from(data, offset)[0]
        tag = head >> 8
        if tag not in Tag._value2member_map_:
            reason = ResultReason.UNKNOWN_TAG if tag >> 16 == 0x42 else None
            raise CodecError(f"{cls.__name__} holds an unknown tag", offset, reason)
        raise CodecError(f"{cls.__name__} has no {_title(tag)} here in KMIP {version}", offset)

    return leftover


def _add_write(code: _Code, depth: int, form: Form, head: int) -> None:
    """Write lines that append `v` as one item."""
    header = (head).to_bytes(4, "big")
    for name, value in form.uses.items():
        code.names[name] = value
    if isinstance(form.write, str):
        names = {
            "{H}": repr(header),
            "{H4}": repr(header + b"\0\0\0\4"),
            "{H8}": repr(header + b"\0\0\0\x08"),
        }
        text = form.write
        for name, value in names.items():
            text = text.replace(name, value)
        code.add(depth, text)
        return
    write = code.bind("write", form.write)
    code.add(depth, f"out += {header + bytes(4)!r}\nat = len(out)\n{write}(out, v)\npl(out, at - 4, len(out) - at)")
    if form.wire != ttlv.STRUCTURE:
        code.add(depth, "out += PADDING[(len(out) - at) & 7]")


@cache
def writer(cls: type[Structure], version: Version) -> Writer:
    """The compiled writer of a structure's content: (buffer, structure) appends its items."""
    code = _Code(f"write_{cls.__name__}_{version.major}_{version.minor}", "out, o")
    code.add(0, "pass")
    for field in fields_of(cls):
        if not field.present_in(version):
            continue
        heads = _heads(field, version)
        if field.repeated or field.kind.repeats(version):
            spread = None if field.repeated else field.kind.spread(version)
            each = f"{code.bind('spread', spread)}(o.{field.name})" if spread else f"o.{field.name} or ()"
            code.add(0, f"for v in {each}:")
        else:
            code.add(0, f"v = o.{field.name}\nif v is not None:")
        for order, (head, form) in enumerate(heads):
            last = order == len(heads) - 1
            if len(heads) == 1:
                _add_write(code, 1, form, head)
            else:
                code.add(1, "else:" if last else f"{'if' if order == 0 else 'elif'} {form.accepts}:")
                _add_write(code, 2, form, head)
                for name, value in form.uses.items():
                    code.names[name] = value
    return code.build()  # type: ignore[no-any-return]


def value_reader(kind: Kind, version: Version) -> Mapping[int, Reader]:
    """For each item type that may spell a value of this kind, a reader of one whole item: (message, offset, end)."""
    readers: dict[int, Reader] = {}
    for form in kind.forms(version):
        code = _Code(f"read_{form.wire}", "b, p, end")
        code.add(0, "t, n = u(b, p)")
        _add_read(code, 0, form)
        code.add(0, "if p != end: too_long(p)\nreturn x")
        readers.setdefault(form.wire, code.build())
    return readers


def value_writer(kind: Kind, tag: int, version: Version) -> Writer:
    """A writer of one whole item of this kind under a tag: (buffer, value)."""
    code = _Code("write_value", "out, v")
    forms = kind.forms(version)
    for order, form in enumerate(forms):
        for name, value in form.uses.items():
            code.names[name] = value
        if len(forms) == 1:
            _add_write(code, 0, form, int(tag) << 8 | form.wire)
        else:
            code.add(0, "else:" if order == len(forms) - 1 else f"{'if' if order == 0 else 'elif'} {form.accepts}:")
            _add_write(code, 1, form, int(tag) << 8 | form.wire)
    return code.build()  # type: ignore[no-any-return]


# --- whole items ---------------------------------------------------------------------------------------------------


def load(cls: type[S], data: bytes, version: Version, tag: Tag | None = None) -> S:
    """Read one whole item of a structure.

    Args:
        tag: if it is not the structure's own.

    Raises:
        CodecError: Invalid Message, or the reason that it carries.
    """
    expected = tag or cls.TAG
    try:
        head, length = _unsigned_padded.unpack_from(data, 0)
        if head != int(expected or 0) << 8 | ttlv.STRUCTURE:
            raise CodecError(f"this is not a {cls.__name__}", 0)
        if len(data) != 8 + length:
            raise CodecError(f"the length of the {cls.__name__} is not that of its bytes", 4)
        ttlv.check_items(data)
        return reader(cls, version)(data, 8, len(data))  # type: ignore[no-any-return]
    except StructError:
        raise CodecError(f"the {cls.__name__} is cut short", len(data)) from None


def dump(value: Structure, version: Version, tag: Tag | None = None) -> bytes:
    """Write a structure as one whole item."""
    out = bytearray()
    dump_into(out, value, version, tag)
    return bytes(out)


def dump_into(out: bytearray, value: Structure, version: Version, tag: Tag | None = None) -> None:
    """Append a structure as one whole item."""
    expected = tag or value.TAG
    assert expected is not None, f"{type(value).__name__} has no tag of its own"
    at = len(out)
    out += (int(expected) << 8 | ttlv.STRUCTURE).to_bytes(4, "big") + bytes(4)
    writer(type(value), version)(out, value)
    _GLOBALS["pl"](out, at + 4, len(out) - at - 8)


def walk(value: Any) -> Iterable[Structure]:
    """All structures within a value, itself first."""
    if isinstance(value, Structure):
        yield value
        for field in fields_of(type(value)):
            yield from walk(getattr(value, field.name))
    elif isinstance(value, (tuple, list)) and not isinstance(value, Enum):
        for part in value:
            yield from walk(part)

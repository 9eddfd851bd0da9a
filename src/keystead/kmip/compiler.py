"""Readers and writers of structures, compiled from their field tables once per class and version.

Each is a function of straight-line Python: no reflection is left when a message comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from struct import error as StructError
from typing import Any, Final

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.enums import ResultReason
from keystead.kmip.kinds import Field, Form, Kind, Reader, S, Structure, Writer, remembered
from keystead.kmip.tags import Tag
from keystead.kmip.version import Version


def _wrong_length(offset: int) -> None:
    raise CodecError("an item's length is not that of its type", offset)


def _not_zero(offset: int) -> None:
    raise CodecError("padding is not zero", offset)


def _not_boolean(offset: int) -> None:
    raise CodecError("a boolean is neither 0 nor 1", offset)


def _negative_mask(offset: int) -> None:
    raise CodecError("a mask is negative", offset, ResultReason.INVALID_FIELD)


def _empty_name(offset: int) -> None:
    raise CodecError("a name or identifier is empty", offset, ResultReason.INVALID_FIELD)


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
    "empty_name": _empty_name,
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


@remembered
def reader(cls: type[Structure], version: Version, partial: bool = False) -> Reader:
    """The compiled reader of a structure's content: (message, first, last) → structure.

    It raises CodecError, or struct.error where the message ends within a header.

    Args:
        partial: no field is required; one that is not there is None.
    """
    code = _Code(f"read_{cls.__name__}_{version.major}_{version.minor}", "b, p, end")
    code.add(0, "start = p\n" + _NEXT)
    fields = cls.FIELDS
    for number, field in enumerate(fields):
        target = f"v{number}"
        default_value = None if partial and not field.repeated else field.default
        required = field.required and not partial
        if not field.readable_in(version):
            code.add(0, f"{target} = {code.bind('default', () if field.repeated else default_value)}")
            continue
        spread = field.repeated or field.kind.repeats(version)
        heads = _heads(field, version, reading=True)
        test = " or ".join(f"t == 0x{head:010X}" for head, _ in heads)
        by = f"v{[f.name for f in fields].index(field.kind.by)}" if field.kind.by else ""
        if spread:
            code.add(0, f"a = []\nwhile {test}:")
        elif required:
            missing = code.bind("missing", _missing(cls, field, heads))
            code.add(0, f"if {test}:" if len(heads) > 1 else f"if t != 0x{heads[0][0]:010X}: {missing}(p, t)")
        else:
            code.add(0, f"{target} = {code.bind('default', default_value)}\nif {test}:")
        depth = 0 if required and not spread and len(heads) == 1 else 1
        for order, (head, form) in enumerate(heads):
            inner = depth
            if len(heads) > 1:
                code.add(depth, f"{'if' if order == 0 else 'elif'} t == 0x{head:010X}:")
                inner += 1
            _add_read(code, inner, form, by)
        code.add(depth, ("a.append(x)\n" if spread else f"{target} = x\n") + _NEXT)
        if spread:
            if field.repeated:
                code.add(0, f"{target} = tuple(a)")
            else:
                gather, default = code.bind("gather", field.kind.gather), code.bind("default", default_value)
                code.add(0, f"{target} = {gather}(a) if a else {default}")
            if required:
                missing = code.bind("missing", _missing(cls, field, heads))
                code.add(0, f"if not a: {missing}(p, t)")
        elif required and len(heads) > 1:
            code.add(0, f"else: {missing}(p, t)")
    leftover = code.bind("leftover", _leftover(cls, version, partial))
    code.add(0, f"if p != end: return {leftover}(b, start, p, end)")
    code.add(0, f"o = new({code.bind('cls', cls)})")
    for number, field in enumerate(fields):
        code.add(0, f"{code.bind('set', getattr(cls, field.name).__set__)}(o, v{number})")
    code.add(0, "return o")
    made: Reader = code.build()
    return made


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


def _leftover(cls: type[Structure], version: Version, partial: bool) -> Callable[[bytes, int, int, int], Any]:
    """Answer what no field took: a vendor's tag does not disturb the fields around it, all else is refused.

    Source: KMIP 2.1 section 9.13.
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
            return reader(cls, version, partial)(bytes(kept), 0, len(kept))
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


@remembered
def writer(cls: type[Structure], version: Version) -> Writer:
    """The compiled writer of a structure's content: (buffer, structure) appends its items."""
    code = _Code(f"write_{cls.__name__}_{version.major}_{version.minor}", "out, o")
    code.add(0, "pass")
    for field in cls.FIELDS:
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
    made: Writer = code.build()
    return made


def value_reader(kind: Kind, version: Version, partial: bool = False) -> Mapping[int, Reader]:
    """For each item type that may spell a value of this kind, a reader of one whole item: (message, offset, end).

    Args:
        partial: of a structure no field is required.
    """
    readers: dict[int, Reader] = {}
    for form in kind.partial_forms(version) if partial else kind.forms(version):
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
    made: Writer = code.build()
    return made


# --- whole items ---------------------------------------------------------------------------------------------------


def load(
    cls: type[S], data: bytes, version: Version, tag: Tag | None = None, most_items: int = ttlv.MAXIMUM_ITEMS
) -> S:
    """Read one whole item of a structure.

    Args:
        tag: if it is not the structure's own.
        most_items: what it may hold.

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
        ttlv.check_items(data, most_items)
        found: S = reader(cls, version)(data, 8, len(data))
        return found
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

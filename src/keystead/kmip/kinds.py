"""Kinds: how a value is spelled on the wire, in each version; and the rows of a structure's field table.

What `schema.py` declares is made of these, and `compiler.py` compiles them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Final, TypeVar, cast

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.enums import Enumeration, Mask, OpenEnumeration, ResultReason
from keystead.kmip.tags import Tag
from keystead.kmip.version import Version

S = TypeVar("S", bound="Structure")
F = TypeVar("F", bound=Callable[..., Any])
Reader = Callable[[bytes, int, int], Any]
"""Reads the content between two offsets: (message, first, last) → value."""
Writer = Callable[[bytearray, Any], None]
"""Appends the content of a value, without header and padding."""


def remembered(function: F) -> F:
    """Compute once for each argument: functools.cache with the function's own type."""
    return cast(F, cache(function))


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
    """How a field's value is spelled, in each version.

    Attributes:
        by: the name of the field before it whose value decides the spelling; "" if none does.
        tagged: its forms bring tags of their own, so that the field needs none.
    """

    by: str = ""
    tagged: bool = False

    def tag(self, tag: Tag | None, version: Version) -> Tag | None:
        """The tag of a field that was declared with `tag`; None where the version does not have it."""
        return tag if tag is not None and tag.since <= version <= tag.until else None

    def readable_tag(self, tag: Tag | None, version: Version) -> Tag | None:
        """As `tag`, for a reader, which also takes what a later minor version has."""
        return self.tag(tag, version) or self.tag(tag, version.last_of_major)

    def partial_forms(self, version: Version) -> Sequence[Form]:
        """The spellings of a value of which only some fields need be there."""
        return self.forms(version)

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

    def enumerations(self) -> tuple[type[Enumeration] | type[Mask], ...]:
        """The enumerations and masks that name its values in XML and JSON."""
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


class Named(Scalar):
    """A text that names something, so that it may not be empty."""

    def forms(self, version: Version) -> Sequence[Form]:
        return [
            dataclasses.replace(form, read=f"{form.read}\nif not x: empty_name(q)") for form in super().forms(version)
        ]


Integer = Annotated[int, Scalar(ttlv.INTEGER, int)]
LongInteger = Annotated[int, Scalar(ttlv.LONG_INTEGER, int)]
BigInteger = Annotated[int, Scalar(ttlv.BIG_INTEGER, int)]
DateTime = Annotated[int, Scalar(ttlv.DATE_TIME, int)]
"""POSIX seconds."""
DateTimeExtended = Annotated[int, Scalar(ttlv.DATE_TIME_EXTENDED, int)]
"""POSIX microseconds."""
Interval = Annotated[int, Scalar(ttlv.INTERVAL, int)]
"""Seconds."""

NameText = Annotated[str, Named(ttlv.TEXT_STRING, str)]
"""A text that is not empty."""

PLAIN: Final[dict[type, Kind]] = {
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

    def enumerations(self) -> tuple[type[Enumeration] | type[Mask], ...]:
        return (self.enumeration,)


class Masked(Kind):
    """A bit mask, an Integer on the wire; the bits that a version lacks are not written.

    Args:
        mask: the class of the values.
        lenient: write all bits.
    """

    def __init__(self, mask: type[Mask], lenient: bool = False) -> None:
        self.mask, self.lenient = mask, lenient

    def forms(self, version: Version) -> Sequence[Form]:
        name = f"M_{self.mask.__name__}"
        lacking = sum(bit.value for bit in self.mask if not (self.lenient or bit.since <= version <= bit.until))
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

    def enumerations(self) -> tuple[type[Enumeration] | type[Mask], ...]:
        return (self.mask,)


# --- field tables -----------------------------------------------------------------------------------------------------


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
        return self.kind.tagged and self.tag is None

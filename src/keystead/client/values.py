"""Values of KMIP fields, from what people write: `"AES"`, `"Encrypt|Decrypt"`, `"2030-01-01"`, `{"name": "demo"}`.

A field's kind says what may stand for its value; what already is such a value passes as it is.  The client's verbs and
the command line read arguments here, so that both know the same words.

| kind            | may be written as                                                                     |
|-----------------|---------------------------------------------------------------------------------------|
| enumeration     | its name in any spelling (`AES`, `SHA-256`, `sha256`), or a number                    |
| mask            | names with `|`, a comma or a blank between, or a number                               |
| bytes           | bytes; a text that begins with `hex:`, `base64:` or `text:`                           |
| date            | POSIX seconds, ISO 8601 (UTC unless it says otherwise), or `now`                      |
| interval        | seconds, or a number with s, m, h, d or w after it                                    |
| structure       | a mapping of its fields; a plain value is that of its first field                     |
| attributes      | a mapping of names to values: `name`, `Cryptographic Algorithm`, `x-note`, `acme:note` |

Source: KMIP 2.1 sections 4, 10 and 11.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, TypeVar

from keystead.kmip import ttlv
from keystead.kmip.attributes import (
    ATTRIBUTES,
    Attribute,
    AttributeKind,
    AttributeName,
    AttributeNameKind,
    Attributes,
    AttributesKind,
    ValueKind,
    VendorAttributeName,
)
from keystead.kmip.enums import EXTENSION, Enumeration, ItemType, Mask, OpenEnumeration
from keystead.kmip.identifiers import DataKind, Identifier
from keystead.kmip.schema import Enumerated, Field, Kind, Masked, OneOf, Scalar, Structure, fields_of
from keystead.kmip.tags import Tag

E = TypeVar("E", bound=Enumeration)
M = TypeVar("M", bound=Mask)
S = TypeVar("S", bound=Structure)


class FieldError(ValueError):
    """A value does not fit its field; names the field and never shows a value that may be secret."""

    def __init__(self, problem: str, path: Sequence[str] = ()) -> None:
        super().__init__(f"{'.'.join(path)}: {problem}" if path else problem)
        self.problem, self.path = problem, tuple(path)

    def within(self, name: str) -> FieldError:
        """The same, seen from the structure that holds the field."""
        return FieldError(self.problem, (name, *self.path))


# --- names --------------------------------------------------------------------------------------------------------

SHORT_NAMES: Final[Mapping[str, str]] = {
    "uid": "unique_identifier",
    "algorithm": "cryptographic_algorithm",
    "length": "cryptographic_length",
    "usage": "cryptographic_usage_mask",
    "group": "object_group",
    "parameters": "cryptographic_parameters",
    "mode": "block_cipher_mode",
    "padding": "padding_method",
    "hashing": "hashing_algorithm",
    "iv": "iv_counter_nonce",
    "aad": "authenticated_encryption_additional_data",
    "curve": "recommended_curve",
    "common": "common_attributes",
    "private": "private_key_attributes",
    "public": "public_key_attributes",
    "reason": "revocation_reason",
    "format": "key_format_type",
}
"""What people say for the specification's longest names, wherever those stand."""


def normal(name: str) -> str:
    """A name without what its spellings differ in: "Unique Identifier", "unique_identifier", "UniqueIdentifier"."""
    return re.sub(r"[^0-9a-z]", "", name.lower())


def find(name: str, names: Iterable[str]) -> str | None:
    """The one of some names that is meant, in any spelling or by its short name."""
    spelled = {normal(known): known for known in names}
    return spelled.get(normal(name)) or spelled.get(normal(SHORT_NAMES.get(name.lower(), name)))


def suggestion(name: str, names: Iterable[str]) -> str:
    """The end of a complaint: what may have been meant."""
    known = {normal(each): each for each in names}
    near = get_close_matches(normal(name), known, 1)
    return f"; did you mean {known[near[0]]}?" if near else ""


def attribute_name(given: object) -> AttributeName:
    """The attribute of a name: of the specification in any spelling, `x-name` and `y-name`, or `vendor:name`.

    Raises:
        FieldError: there is no such attribute.
    """
    if isinstance(given, (Tag, VendorAttributeName)):
        return given
    text = _text(given)
    if text[:2] in ("x-", "y-"):
        return VendorAttributeName(text[0], text[2:])
    vendor, colon, name = text.partition(":")
    if colon and vendor and name:
        return VendorAttributeName(vendor, name)
    found = find(text, [tag.name for tag in ATTRIBUTES])
    if found is None:
        raise FieldError(f"there is no attribute {text}{suggestion(text, [tag.title for tag in ATTRIBUTES])}")
    return Tag[found]


# --- enumerations and masks -----------------------------------------------------------------------------------------


@cache
def _members(cls: type[Enumeration] | type[Mask]) -> dict[str, Any]:
    return {normal(name): value for value in cls for name in (value.name or "", value.camel_case, value.title)}


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None


def _words(cls: type) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", cls.__name__)


def enumeration_of(cls: type[E], given: object) -> E:
    """The value of an enumeration by its name in any spelling, or by its number.

    Raises:
        FieldError: there is no such value; says which may have been meant.
    """
    if isinstance(given, cls):
        return given
    text = str(given)
    found = _members(cls).get(normal(text))
    number = given if isinstance(given, int) else _number(text)
    if found is None and number is not None:
        found = cls.numbered(number)
        if found is None:
            first = 0 if issubclass(cls, OpenEnumeration) else EXTENSION
            raise FieldError(f"{_words(cls)} has no value {text}; unnamed ones are from 0x{first:X} to 0xFFFFFFFF")
    if found is None:
        names = [value.camel_case for value in cls]
        hint = suggestion(text, names) or (f"; one of {', '.join(names)}" if len(names) <= 12 else "")
        raise FieldError(f"{_words(cls)} has no value {text}{hint}")
    return found  # type: ignore[no-any-return]


def mask_of(cls: type[M], given: object) -> M:
    """The value of a mask: names with `|`, commas or blanks between, a list of bits, or a number.

    Raises:
        FieldError: there is no such bit.
    """
    if isinstance(given, int):
        return cls(_bits(given))
    mask = cls(0)
    for part in re.split(r"[|,]", given) if isinstance(given, str) else _list(given):
        for bit in [part] if normal(str(part)) in _members(cls) else str(part).split():
            found, number = _members(cls).get(normal(bit)), _number(bit)
            if found is None and number is None:
                raise FieldError(f"{_words(cls)} has no bit {bit}{suggestion(bit, [each.camel_case for each in cls])}")
            mask |= cls(_bits(number or 0)) if found is None else found
    return mask


def _bits(number: int) -> int:
    if not 0 <= number < ttlv.RANGES[ttlv.INTEGER][1]:
        raise FieldError("a mask has 31 bits: names of bits, or a number from 0 to 0x7FFFFFFF, belong here")
    return number


# --- scalars ----------------------------------------------------------------------------------------------------------

_BOUNDS: Final[Mapping[int, str]] = {
    **{
        kind: f"a whole number from {ttlv.RANGES[kind][0]} to {ttlv.RANGES[kind][1] - 1}"
        for kind in (ttlv.INTEGER, ttlv.LONG_INTEGER)
    },
    ttlv.BIG_INTEGER: f"a whole number of at most {8 * ttlv.MAXIMUM_BIG_INTEGER_BYTES} bits",
    ttlv.DATE_TIME: "a date from 1970-01-01 to 9999-12-31",
    ttlv.DATE_TIME_EXTENDED: "a date from 1970-01-01 to 9999-12-31",
    ttlv.INTERVAL: f"an interval of at most {ttlv.RANGES[ttlv.INTERVAL][1] - 1} seconds",
}
"""What an item type can hold, in words."""


def _bounded(kind: int, number: int) -> int:
    first, beyond = ttlv.RANGES[kind]
    if not first <= number < beyond:
        raise FieldError(f"{_BOUNDS[kind]} belongs here")
    return number


def _integer(given: object) -> int:
    number = int(given) if isinstance(given, int) else _number(str(given))
    if number is None:
        raise FieldError("a whole number belongs here")
    return number


def _boolean(given: object) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    found = words.get(str(given).lower())
    if found is None:
        raise FieldError("true or false belongs here")
    return found


def _text(given: object) -> str:
    if isinstance(given, (str, int)):
        text = str(given)
        if not text.isascii() and _LONE_SURROGATE.search(text):  # how Python says what was no UTF-8
            raise FieldError("a text belongs here, and this is not UTF-8")
        return text
    if isinstance(given, (bytes, bytearray)):
        try:
            return bytes(given).decode()
        except UnicodeDecodeError:
            raise FieldError("a text belongs here, and this is not UTF-8") from None
    raise FieldError("a text belongs here")


_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BYTES: Final[Mapping[str, Callable[[str], bytes]]] = {
    "hex": lambda text: bytes.fromhex(text),
    "base64": lambda text: base64.b64decode(text, validate=True),
    "text": lambda text: text.encode(),
}


def bytes_of(given: object) -> bytes:
    """Bytes, or what a text says of them: `hex:00ff`, `base64:AP8=`, `text:hello`.

    Raises:
        FieldError: the text begins with none of these, or is not what it begins with.
    """
    if isinstance(given, (bytes, bytearray, memoryview)):
        return bytes(given)
    form, colon, rest = str(given).partition(":")
    if not isinstance(given, str) or not colon or form not in _BYTES:
        raise FieldError("bytes belong here: hex:..., base64:... or text:...")
    try:
        return _BYTES[form](rest)
    except (ValueError, binascii.Error):
        raise FieldError(f"this is not {form}") from None


def _date(given: object) -> int:
    if isinstance(given, datetime):
        try:
            return int(given.timestamp())
        except (ValueError, OverflowError):  # a local time at the edge of what Python can reckon
            raise FieldError(f"{_BOUNDS[ttlv.DATE_TIME]} belongs here") from None
    if isinstance(given, int):
        return given
    text = str(given)
    if text == "now":
        return int(time.time())
    number = _number(text)
    if number is not None:
        return number
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise FieldError("a date belongs here: 2030-01-31, 2030-01-31T12:00:00Z, seconds, or now") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _interval(given: object) -> int:
    if isinstance(given, int):
        return given
    found = re.fullmatch(r"([0-9]{1,20})([smhdw]?)", str(given))
    if found is None:
        raise FieldError("an interval belongs here: seconds, or such as 90s, 15m, 12h, 30d")
    return int(found[1]) * _SECONDS[found[2]]


_SCALARS: Final[Mapping[int, Callable[[object], Any]]] = {
    ttlv.INTEGER: _integer,
    ttlv.LONG_INTEGER: _integer,
    ttlv.BIG_INTEGER: _integer,
    ttlv.BOOLEAN: _boolean,
    ttlv.TEXT_STRING: _text,
    ttlv.BYTE_STRING: bytes_of,
    ttlv.DATE_TIME: _date,
    ttlv.INTERVAL: _interval,
    ttlv.DATE_TIME_EXTENDED: lambda given: given if isinstance(given, int) else 1_000_000 * _date(given),
    ttlv.IDENTIFIER: _text,
    ttlv.REFERENCE: _text,
}


def item_of(given: object) -> ttlv.Item:
    """An item of no declared type: a number, a truth value, bytes or a text (a vendor's attribute, an adjustment)."""
    if isinstance(given, ttlv.Item):
        return given
    if isinstance(given, str) and given.partition(":")[0] in _BYTES:
        given = bytes_of(given)
    if isinstance(given, str) and (number := _number(given)) is not None:
        given = number
    if isinstance(given, str) and given in ("true", "false"):
        given = given == "true"
    if isinstance(given, bool):
        return ttlv.Item(0, ttlv.BOOLEAN, given)
    if isinstance(given, int):
        first, beyond = ttlv.RANGES[ttlv.INTEGER]
        kind = ttlv.INTEGER if first <= given < beyond else ttlv.LONG_INTEGER
        return ttlv.Item(0, kind, _bounded(kind, given))
    if isinstance(given, (bytes, bytearray)):
        return ttlv.Item(0, ttlv.BYTE_STRING, bytes(given))
    return ttlv.Item(0, ttlv.TEXT_STRING, _text(given))


# --- structures and attributes ------------------------------------------------------------------------------------


def structure_of(cls: type[S], given: object) -> S:
    """A structure, of a mapping of its fields; a plain value is that of its first field.

    Raises:
        FieldError: names the field that is unknown, missing or ill-written.
    """
    if isinstance(given, cls):
        return given
    fields = {field.name: field for field in fields_of(cls)}
    if not fields and not isinstance(given, Mapping):
        raise FieldError(f"{_words(cls)} has no fields, so that no value belongs here")
    parts = given if isinstance(given, Mapping) else {next(iter(fields)): given}
    values = {}
    for name, part in parts.items():
        found = find(str(name), fields)
        if found is None:
            raise FieldError(f"{_words(cls)} has no field {name}{suggestion(str(name), fields)}")
        try:
            values[found] = field_value(fields[found], part)
        except FieldError as error:
            raise error.within(found) from None
    missing = [field.name for field in fields.values() if field.required and field.default is None]
    for name in missing:
        if name not in values:
            raise FieldError(f"{_words(cls)} needs {name}")
    return cls(**values)


def field_value(field: Field, given: object) -> Any:
    """The value of a field; of a repeated one the tuple of its values.  Raises: FieldError."""
    if not field.repeated:
        return value_of(field.kind, given)
    if isinstance(given, Mapping) and given and all(str(key).isdecimal() for key in given):
        given = [given[key] for key in sorted(given, key=lambda key: int(str(key)))]
    if isinstance(given, str) and isinstance(field.kind, (Enumerated, AttributeNameKind)):
        given = [part for part in re.split(r"[|,]\s*", given) if part]
    return tuple(value_of(field.kind, each) for each in _list(given))


def _list(given: object) -> Sequence[Any]:
    several = isinstance(given, (list, tuple, set, frozenset)) and not isinstance(given, VendorAttributeName)
    return list(given) if several else [given]  # type: ignore[call-overload]


def attributes_of(given: object) -> Attributes:
    """A list of attributes, of a mapping of names to values; a list of values makes several instances.

    Raises:
        FieldError: there is no such attribute, or its value is ill-written.
    """
    if isinstance(given, Attributes):
        return given
    if not isinstance(given, Mapping):
        raise FieldError("attributes belong here, each with its name")
    found: list[Attribute] = []
    for key, part in given.items():
        try:
            name = attribute_name(key)
            multiple = isinstance(name, VendorAttributeName) or ATTRIBUTES[name].multiple
            if not multiple and any(attribute.name is name for attribute in found):
                raise FieldError("it is given twice, but has one instance")
            for each in _list(part) if multiple else [part]:
                found.append(Attribute(name, attribute_value(name, each)))
        except FieldError as error:
            raise error.within(str(key)) from None
    return Attributes(tuple(found))


def attribute_value(name: AttributeName, given: object) -> Any:
    """The value of an attribute.  Raises: FieldError."""
    return item_of(given) if isinstance(name, VendorAttributeName) else value_of(ATTRIBUTES[name].kind, given)


def _single_attribute(given: object) -> Attribute:
    if isinstance(given, Attribute):
        return given
    attributes = attributes_of(given)
    if len(attributes) != 1:
        raise FieldError("exactly one attribute belongs here")
    return attributes.items[0]


def value_of(kind: Kind, given: object) -> Any:
    """The value that a kind of field has for what was given.

    Raises:
        FieldError: it cannot stand for such a value.
    """
    if isinstance(kind, Enumerated):
        return enumeration_of(kind.enumeration, given)
    if isinstance(kind, Masked):
        return mask_of(kind.mask, given)
    if isinstance(kind, Scalar):
        value = _SCALARS[kind.wire](given)
        return _bounded(kind.wire, value) if kind.wire in _BOUNDS else value
    if isinstance(kind, OneOf):
        return _one_of(kind, given)
    if isinstance(kind, AttributesKind):
        return attributes_of(given)
    if isinstance(kind, AttributeKind):
        return _single_attribute(given)
    if isinstance(kind, AttributeNameKind):
        return attribute_name(given)
    if isinstance(kind, Identifier):
        if isinstance(given, int) and not isinstance(given, bool):  # it stands for the answer to an earlier request
            return given if isinstance(given, Enumeration) else _bounded(ttlv.INTEGER, given)
        text = _text(None if isinstance(given, bool) else given)
        return given if isinstance(given, str) else text  # a reference by name stays one
    if isinstance(kind, DataKind):
        return given if isinstance(given, Enumeration) else bytes_of(given)
    if isinstance(kind, ValueKind):
        return item_of(given)
    for cls in kind.python_types():
        if issubclass(cls, Structure):
            return structure_of(cls, given)
    raise FieldError("there is no way to write this field here")


def check_value(kind: Kind, value: object) -> None:
    """Refuse a value that a program gave as it is, where its type on the wire cannot hold it.  Raises: FieldError."""
    if isinstance(kind, (Scalar, Enumerated, Masked, Identifier, DataKind)) and value_of(kind, value) != value:
        raise FieldError(f"{type_name(kind)} belongs here, not {type(value).__name__}")


def _one_of(kind: OneOf, given: object) -> Any:
    """The value of the first kind that takes it; a mapping may name the kind: `{"symmetric_key": {...}}`."""
    if isinstance(given, kind.python_types()):
        return given
    structures = {cls.__name__: cls for part in kind.kinds for cls in part.python_types() if issubclass(cls, Structure)}
    if isinstance(given, Mapping):
        only = next(iter(given)) if len(given) == 1 else ""
        named = find(str(only), structures)
        if named is not None and isinstance(given[only], Mapping):
            try:
                return structure_of(structures[named], given[only])
            except FieldError as error:
                raise error.within(str(only)) from None
        if len(structures) == 1:
            return structure_of(next(iter(structures.values())), given)
        raise FieldError(f"one of these belongs here: {', '.join(structures)}")
    problem = FieldError("no value of this field is written so")
    for part in kind.kinds:
        try:
            return value_of(part, given)
        except FieldError as error:
            problem = error
    raise problem


def type_name(kind: Kind) -> str:
    """What a field holds, in a word or two, for people."""
    if isinstance(kind, Scalar):
        return str(ItemType(kind.wire))
    if isinstance(kind, AttributesKind):
        return "Attributes"
    if isinstance(kind, AttributeKind):
        return "an attribute"
    if isinstance(kind, AttributeNameKind):
        return "name of an attribute"
    if isinstance(kind, Identifier):
        return "Identifier"
    if isinstance(kind, DataKind):
        return str(ItemType(ttlv.BYTE_STRING))
    if isinstance(kind, OneOf):
        return " or ".join(dict.fromkeys(type_name(part) for part in kind.kinds))
    return " or ".join(_words(cls) for cls in kind.python_types())

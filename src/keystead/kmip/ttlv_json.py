"""The JSON encoding of messages: an item tree from text, and text from an item tree.

An item is an object of `tag`, `type` (Structure if absent), `value`, and perhaps a `name` for people.

Source: Additional Message Encodings 1.0 section 4.1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.enums import Mask, ResultReason
from keystead.kmip.ttlv import Item
from keystead.kmip.ttlv_text import (
    MAXIMUM_TEXT_MESSAGE_BYTES,
    TYPE_NAMES,
    Words,
    check_number,
    hex_number,
    read_value,
    tag_name,
    tag_of,
    type_of,
    words_of,
    write_date,
    write_enumeration,
    write_mask,
)

_BAR: Final = "|"
_KNOWN: Final = frozenset({"tag", "name", "type", "value"})
_NUMBERS: Final = (ttlv.INTEGER, ttlv.LONG_INTEGER, ttlv.ENUMERATION, ttlv.INTERVAL)
_EXACT: Final = 1 << 52
"""From here on a number is written in hexadecimal: JavaScript would round it."""
_MOST_DIGITS: Final = 400
_STRING: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)
_BRACKET: Final = re.compile(r"[\[\]{}]")


def _check_shape(text: str) -> None:
    """Refuse nesting and sizes beyond the limits, before the parser recurses into them."""
    # An item is at most four properties, each a string, and its value perhaps another.
    if text.count('"') - text.count('\\"') > 16 * ttlv.MAXIMUM_ITEMS:
        raise CodecError("the message has too many items")
    bare = _STRING.sub("", text)
    # A Structure is an object and, within it, an array; a comma stands before all but the first of either.
    if max(bare.count("{"), bare.count("["), bare.count(",") // 4) > ttlv.MAXIMUM_ITEMS:
        raise CodecError("the message has too many items")
    depth = 0
    for bracket in _BRACKET.findall(bare):
        depth += 1 if bracket in "[{" else -1
        if depth > 2 * ttlv.MAXIMUM_DEPTH:
            raise CodecError("structures are nested too deeply")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise CodecError("an object has the same property twice")
    if not made.keys() <= _KNOWN or "tag" not in made:
        raise CodecError("an object has a property that is not known, or no tag")
    return made


def _integer(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise CodecError("a number has too many digits", reason=ResultReason.INVALID_FIELD)
    return int(text)


def _refused(_: str) -> NoReturn:
    raise CodecError("a number is not a whole number", reason=ResultReason.INVALID_FIELD)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_refused, parse_constant=_refused
)


def loads(text: bytes | str) -> Item:
    """Read one whole item, usually a message.

    Args:
        text: UTF-8, if bytes.

    Raises:
        CodecError: Invalid Message, or the reason that it carries.
    """
    if len(text) > MAXIMUM_TEXT_MESSAGE_BYTES:
        raise CodecError("the message is too long")
    try:
        text = text if isinstance(text, str) else text.decode()
        _check_shape(text)
        tree = _DECODER.decode(text)
    except ValueError as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise CodecError(f"not JSON{where}") from None
    return _item(tree, (), [ttlv.MAXIMUM_ITEMS])


def _item(tree: Any, before: Sequence[Item], left: list[int]) -> Item:
    if not isinstance(tree, dict):
        raise CodecError("an item is not an object")
    left[0] -= 1
    if left[0] < 0:
        raise CodecError("the message has too many items")
    name, kind_name = tree["tag"], tree.get("type", "Structure")
    if not isinstance(name, str) or not isinstance(kind_name, str) or not isinstance(tree.get("name", ""), str):
        raise CodecError("a tag, a type or a name is not a string")
    tag, kind, value = tag_of(name), type_of(kind_name), tree.get("value")
    if kind != ttlv.STRUCTURE:
        return Item(tag, kind, _value(kind, value, words_of(tag, before)))
    if "value" in tree and not isinstance(value, list):
        raise CodecError("the value of a Structure is not an array")
    items: list[Item] = []
    for inner in value or ():
        items.append(_item(inner, items, left))
    return Item(tag, kind, tuple(items))


def _value(kind: int, value: Any, words: Words) -> Any:
    if isinstance(value, bool):
        if kind == ttlv.BOOLEAN:
            return value
    elif isinstance(value, int):
        if kind in _NUMBERS:
            return check_number(kind, value)
        if kind == ttlv.BIG_INTEGER:
            return value
    elif isinstance(value, str) and (kind in ttlv.TEXTS or _may_be_text(kind, value, words)):
        return read_value(kind, value, words, _BAR)
    raise CodecError(f"a value is not one of a {TYPE_NAMES[kind]}", reason=ResultReason.INVALID_DATA_TYPE)


def _may_be_text(kind: int, value: str, words: Words) -> bool:
    """Numbers and booleans are strings only in hexadecimal digits, or as names."""
    if kind == ttlv.ENUMERATION or (kind == ttlv.INTEGER and words is not None and issubclass(words, Mask)):
        return True
    if kind in (ttlv.INTEGER, ttlv.LONG_INTEGER, ttlv.INTERVAL):
        return hex_number(kind, value) is not None
    return value.startswith("0x") or kind not in (ttlv.BIG_INTEGER, ttlv.BOOLEAN)


def _written(item: Item, words: Words) -> Any:
    kind, value = item.type, item.value
    if kind == ttlv.ENUMERATION:
        return write_enumeration(value, words)
    if kind == ttlv.INTEGER and words is not None and issubclass(words, Mask):
        return write_mask(value, words, _BAR) or int(value)
    if kind in (ttlv.DATE_TIME, ttlv.DATE_TIME_EXTENDED):
        return write_date(kind, value)
    if kind == ttlv.BYTE_STRING:
        return bytes(value).hex()
    if kind == ttlv.BIG_INTEGER:
        return "0x" + ttlv.encode_big_integer(value).hex()
    if kind == ttlv.LONG_INTEGER and not -_EXACT < value < _EXACT:
        return f"0x{value % (1 << 64):016x}"
    return str(value) if kind in ttlv.TEXTS else value


def dumps(item: Item) -> str:
    """Write an item and all that it holds, an item to a line."""
    lines: list[str] = []
    _write(lines, item, (), "", "")
    return "\n".join(lines) + "\n"


def _write(lines: list[str], item: Item, before: tuple[Item, ...], indent: str, comma: str) -> None:
    head: dict[str, Any] = {"tag": tag_name(item.tag) or f"0x{item.tag:06X}"}
    if item.type != ttlv.STRUCTURE:
        head |= {"type": TYPE_NAMES[item.type], "value": _written(item, words_of(item.tag, before))}
        lines.append(f"{indent}{json.dumps(head, ensure_ascii=False)}{comma}")
    elif not item.value:
        lines.append(f"{indent}{json.dumps(head | {'value': []})}{comma}")
    else:
        lines.append(f'{indent}{json.dumps(head)[:-1]}, "value": [')
        last = len(item.value) - 1
        for number, inner in enumerate(item.value):
            _write(lines, inner, item.value[: min(number, 2)], indent + "  ", "," if number < last else "")
        lines.append(f"{indent}]}}{comma}")

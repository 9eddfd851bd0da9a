"""The XML encoding of messages: an item tree from text, and text from an item tree.

An element's name is its tag's; a tag without a name is a `TTLV` element with a `tag` attribute.  `type` is the item
type, Structure if absent; `value` holds what is not a Structure.

A document type declaration is refused at its first character, so there are no entities and nothing is ever fetched.

Source: Additional Message Encodings 1.0 section 6.1.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn
from xml.parsers import expat

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.enums import Mask
from keystead.kmip.ttlv import Item
from keystead.kmip.ttlv_text import (
    MAXIMUM_TEXT_MESSAGE_BYTES,
    TYPE_NAMES,
    Words,
    read_value,
    tag_name,
    tag_of,
    type_of,
    words_of,
    write_date,
    write_enumeration,
    write_mask,
)

NAMESPACE: Final = "urn:oasis:tc:kmip:xmlns"
_KNOWN: Final = frozenset({"tag", "name", "type", "value"})
# A namespace comes before its name and a blank, which no name holds.
_BLANK: Final = " "


class _Reader:
    """Builds items as the parser meets the beginning and end of elements."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8", _BLANK)
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.buffer_text = True
        self.count = 0
        self.open: list[tuple[int, int, Any, list[Item]]] = []
        self.top: list[Item] = []

    def doctype(self, *_: object) -> NoReturn:
        raise CodecError("a document type declaration is not allowed")

    def text(self, data: str) -> None:
        if not data.isspace():
            raise CodecError("text stands between elements")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if self.count > ttlv.MAXIMUM_ITEMS:
            raise CodecError("the message has too many items")
        if len(self.open) >= ttlv.MAXIMUM_DEPTH:
            raise CodecError("structures are nested too deeply")
        namespace, _, name = name.rpartition(_BLANK)
        if namespace not in ("", NAMESPACE):
            raise CodecError("an element is of another namespace")
        if any(said not in _KNOWN and _BLANK not in said for said in attributes):
            raise CodecError("an element has an attribute that is not known")
        if (name == "TTLV") != ("tag" in attributes):
            raise CodecError("an attribute tag belongs to a TTLV element, and to no other")
        tag = tag_of(attributes.get("tag", name))
        kind = type_of(attributes.get("type", "Structure"))
        value = attributes.get("value")
        if (value is None) != (kind == ttlv.STRUCTURE):
            raise CodecError("an attribute value belongs to every element that is not a Structure, and to no other")
        siblings = self.top
        if self.open:
            _, outer, _, siblings = self.open[-1]
            if outer != ttlv.STRUCTURE:
                raise CodecError("an element stands within one that is not a Structure")
        if value is not None:
            value = read_value(kind, value, words_of(tag, siblings), _BLANK)
        self.open.append((tag, kind, value, []))

    def end(self, _: str) -> None:
        tag, kind, value, items = self.open.pop()
        siblings = self.open[-1][3] if self.open else self.top
        siblings.append(Item(tag, kind, tuple(items) if kind == ttlv.STRUCTURE else value))


def loads(text: bytes | str) -> Item:
    """Read one whole item, usually a message.

    Args:
        text: UTF-8, if bytes.

    Raises:
        CodecError: Invalid Message, or the reason that it carries; says the line.
    """
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(data) > MAXIMUM_TEXT_MESSAGE_BYTES:
        raise CodecError("the message is too long")
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise CodecError(f"not XML: {expat.ErrorString(error.code)} (line {error.lineno})") from None
    except CodecError as error:
        raise CodecError(f"{error} (line {reader.parser.CurrentLineNumber})", reason=error.reason) from None
    return reader.top[0]


_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)


def _written(item: Item, words: Words) -> str:
    kind, value = item.type, item.value
    if kind == ttlv.ENUMERATION:
        return write_enumeration(value, words)
    if kind == ttlv.INTEGER and words is not None and issubclass(words, Mask):
        return write_mask(value, words, _BLANK) or str(value)
    if kind in (ttlv.DATE_TIME, ttlv.DATE_TIME_EXTENDED):
        return write_date(kind, value)
    if kind == ttlv.BOOLEAN:
        return "true" if value else "false"
    if kind == ttlv.BYTE_STRING:
        return bytes(value).hex()
    if kind == ttlv.BIG_INTEGER:
        return ttlv.encode_big_integer(value).hex()
    return str(value).translate(_ESCAPES) if kind in ttlv.TEXTS else str(value)


def dumps(item: Item) -> str:
    """Write an item and all that it holds, an element to a line."""
    lines: list[str] = []
    _write(lines, item, (), "")
    return "\n".join(lines) + "\n"


def _write(lines: list[str], item: Item, before: tuple[Item, ...], indent: str) -> None:
    name = tag_name(item.tag)
    head = f'TTLV tag="0x{item.tag:06X}"' if name is None else name
    if item.type != ttlv.STRUCTURE:
        value = _written(item, words_of(item.tag, before))
        lines.append(f'{indent}<{head} type="{TYPE_NAMES[item.type]}" value="{value}"/>')
    elif not item.value:
        lines.append(f"{indent}<{head}/>")
    else:
        lines.append(f"{indent}<{head}>")
        for number, inner in enumerate(item.value):
            _write(lines, inner, item.value[: min(number, 2)], indent + "  ")
        lines.append(f"{indent}</{name or 'TTLV'}>")

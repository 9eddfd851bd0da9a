"""A KMIP message as an indented tree, as far as it can be read, with what is wrong where it is wrong.

The bytes are read leniently: an item that is not as it should be is a line with a complaint, and what comes after is
read on where the item's length says so.  Secret material is not shown unless that is asked for; which items are secret
is read off the field tables.

Source: KMIP 1.4 section 9.1.1; 2.1 section 10.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from struct import Struct
from typing import Final

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.enums import ItemType, Mask, Operation
from keystead.kmip.messages import RequestMessage, ResponseMessage
from keystead.kmip.payloads import REQUESTS, RESPONSES
from keystead.kmip.schema import Structure, fields_of
from keystead.kmip.structures import CREDENTIALS
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.ttlv_text import Words, words_of, write_date, write_enumeration, write_mask
from keystead.kmip.version import Version

LONGEST_SHOWN_BYTES: Final = 4096
"""Of a byte string; the rest is counted."""
_header = Struct(">II")


@dataclass(slots=True)
class Node:
    """An item as it was found.

    Attributes:
        offset: of its header, in bytes.
        depth: 0 for the message itself.
        item: None where there is not even a header.
        problem: what is wrong with it, or "".
        words: what names its value.
        secret: it is not to be shown.
    """

    offset: int
    depth: int
    item: Item | None
    problem: str = ""
    words: Words = None
    secret: bool = False


# --- what is secret -------------------------------------------------------------------------------------------------


@cache
def _secrets() -> frozenset[tuple[int | None, int | None, int]]:
    """(operation, tag of the structure, tag of the field) of every secret field; None stands for any.

    Only in a payload does the operation tell: what Encrypt is sent is secret, what it answers is not.
    """
    found: set[tuple[int | None, int | None, int]] = set()
    seen: set[type[Structure]] = set()

    def walk(cls: type[Structure], operation: int | None) -> None:
        if cls in seen:
            return
        seen.add(cls)
        for row in fields_of(cls):
            tags = {tag for version in Version if (tag := row.tag_in(version)) is not None}
            if row.secret:
                found.update((operation, int(cls.TAG or 0), int(tag)) for tag in tags)
                found.update((None, None, int(tag)) for tag in tags)
            for part in row.kind.python_types():
                if issubclass(part, Structure):
                    walk(part, None)

    for operation, payload in (*REQUESTS.items(), *RESPONSES.items()):
        walk(payload, int(operation))
    for cls in (RequestMessage, ResponseMessage, *CREDENTIALS.values()):
        walk(cls, None)
    return frozenset(found)


_PAYLOADS: Final = (Tag.REQUEST_PAYLOAD, Tag.RESPONSE_PAYLOAD)


def _is_secret(tag: int, parent: int | None, operation: int | None) -> bool:
    if parent in _PAYLOADS and operation is not None:
        return (operation, parent, tag) in _secrets()
    if parent is None or parent in _PAYLOADS:
        return (None, None, tag) in _secrets()
    return (None, parent, tag) in _secrets()


# --- reading --------------------------------------------------------------------------------------------------------


def read(data: bytes, operation: Operation | None = None) -> list[Node]:
    """Read what can be read: a node for each item, in the order of the bytes, and one for each complaint.

    Args:
        operation: of a payload that stands alone.
    """
    return list(_read(data, 0, len(data), 0, None, operation))


def _read(data: bytes, start: int, end: int, depth: int, parent: int | None, operation: int | None) -> Iterator[Node]:
    before: list[Item] = []
    while start < end:
        if depth == 0 and before:
            yield Node(start, 0, None, f"{end - start} bytes follow the message")
            return
        if end - start < 8:
            yield Node(start, depth, None, f"an item's header is cut short: {end - start} bytes of 8")
            return
        if depth >= ttlv.MAXIMUM_DEPTH:
            yield Node(start, depth, None, "structures are nested too deeply")
            return
        head, length = _header.unpack_from(data, start)
        after = (start + 15 + length) & -8
        if head >> 24 not in (0x42, 0x54):
            yield Node(start, depth, None, "a tag begins with neither 42 nor 54; nothing can be read from here on")
            return
        node = Node(start, depth, Item(head >> 8, head & 0xFF, None), secret=_is_secret(head >> 8, parent, operation))
        if head & 0xFF == ttlv.STRUCTURE:
            node.problem = _too_long(start, length, end) if after > end else "" if length % 8 == 0 else _UNEVEN
            yield node
            inner = _operation(before) or operation
            yield from _read(data, start + 8, min(start + 8 + length, end), depth + 1, head >> 8, inner)
        else:
            _read_leaf(node, data, length, after, end, before)
            yield node
        if node.item is not None and not node.problem:
            before.append(node.item)
        start = after


_UNEVEN: Final = "a structure's length is not a multiple of 8"


def _too_long(start: int, length: int, end: int) -> str:
    padding = -length % 8
    padded = f", with its padding {length + padding:,}" if padding else ""
    return f"its length is {length:,} bytes{padded}, but only {end - start - 8:,} are left where it stands"


def _read_leaf(node: Node, data: bytes, length: int, after: int, end: int, before: Sequence[Item]) -> None:
    assert node.item is not None
    if after > end:
        node.problem = _too_long(node.offset, length, end)
        return
    try:
        node.item = ttlv.decode(data[node.offset : after])
    except CodecError as error:
        node.problem = str(error).partition(" (at byte")[0]
        return
    node.words = words_of(node.item.tag, [each for each in before if each.type in ttlv.TEXTS])


def _operation(before: Sequence[Item]) -> int | None:
    """The operation of the batch item whose items these are."""
    return next((item.value for item in before if item.tag == Tag.OPERATION and item.type == ttlv.ENUMERATION), None)


# --- writing --------------------------------------------------------------------------------------------------------


def title_of_tag(tag: int) -> str:
    """The specification's name of a tag, or its number."""
    return Tag(tag).title if tag in Tag._value2member_map_ else f"0x{tag:06X}"


def _title_of_type(kind: int) -> str:
    return str(ItemType(kind)) if kind in ItemType._value2member_map_ else f"type {kind}"


def show_value(item: Item, words: Words = None) -> str:
    """A value for people: names of enumerations and bits, dates in UTC, bytes in hexadecimal."""
    kind, value = item.type, item.value
    if kind == ttlv.ENUMERATION:
        name = write_enumeration(value, words)
        return name if words is None or name.startswith("0x") else f"{words(value).title} (0x{value:X})"
    if kind == ttlv.INTEGER and isinstance(words, type) and issubclass(words, Mask):
        return f"{write_mask(value, words, ' | ') or 'no bits'} (0x{value & 0xFFFFFFFF:X})"
    if kind in (ttlv.DATE_TIME, ttlv.DATE_TIME_EXTENDED):
        return write_date(kind, value)
    if kind == ttlv.INTERVAL:
        return f"{value:,} s"
    if kind == ttlv.BOOLEAN:
        return "true" if value else "false"
    if kind == ttlv.BYTE_STRING:
        more = len(value) - LONGEST_SHOWN_BYTES
        shown = value[:LONGEST_SHOWN_BYTES].hex() + (f"... {more:,} bytes more" if more > 0 else "")
        return shown or "(no bytes)"
    if kind in ttlv.TEXTS:
        return repr(value)
    return str(value)


def _masked(item: Item) -> str:
    if item.type in (ttlv.BYTE_STRING, *ttlv.TEXTS):
        size = len(item.value if isinstance(item.value, bytes) else item.value.encode())
        return f"<{size:,} bytes, not shown>"
    return "<not shown>"


def lines(nodes: Sequence[Node], *, show_secrets: bool = False, types: bool = True) -> Iterator[str]:
    """The tree as lines of text; a complaint begins with "!! byte N:".

    Args:
        types: name the item types too.
    """
    left = max((2 * node.depth + len(title_of_tag(node.item.tag)) for node in nodes if node.item), default=0)
    for node in nodes:
        indent = "  " * node.depth
        if node.item is not None:
            structure = node.item.type == ttlv.STRUCTURE
            parts = [(indent + title_of_tag(node.item.tag)).ljust(0 if structure else left)]
            if types and not structure:
                parts.append(_title_of_type(node.item.type).ljust(12))
            if not structure and node.item.value is not None:
                hidden = node.secret and not show_secrets
                parts.append(_masked(node.item) if hidden else show_value(node.item, node.words))
            yield "  ".join(parts).rstrip()
        if node.problem:
            yield f"{indent}!! byte {node.offset}: {node.problem}"


def has_secret(nodes: Sequence[Node]) -> bool:
    """Whether any item is secret and has a value."""
    return any(node.secret and node.item is not None and node.item.type != ttlv.STRUCTURE for node in nodes)


def subtree(nodes: Sequence[Node], tag: Tag) -> list[Node]:
    """The items below the first item of a tag, as a tree of their own."""
    for place, node in enumerate(nodes):
        if node.item is not None and node.item.tag == tag:
            below = []
            for each in nodes[place + 1 :]:
                if each.depth <= node.depth:
                    break
                below.append(replace(each, depth=each.depth - node.depth - 1))
            return below
    return []

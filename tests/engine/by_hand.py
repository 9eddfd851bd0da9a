"""KMIP messages put together item by item, as another's code does, whatever this project's structures would say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

from keystead.engine.engine import Incoming
from keystead.kmip import ttlv
from keystead.kmip.enums import NameType, ResultStatus
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.version import Version
from tests.engine.world import World


def item(tag: int, *value: Any, kind: int | None = None) -> Item:
    """An item; its type is that of the Python value, or a Structure if there are items or nothing."""
    if kind is not None:
        return Item(tag, kind, value[0])
    if not value or isinstance(value[0], Item):
        return Item(tag, ttlv.STRUCTURE, value)
    (one,) = value
    if isinstance(one, bool):
        return Item(tag, ttlv.BOOLEAN, one)
    if isinstance(one, IntEnum) and not isinstance(one, IntFlag):
        return Item(tag, ttlv.ENUMERATION, int(one))
    if isinstance(one, int):
        return Item(tag, ttlv.INTEGER, int(one))
    return Item(tag, ttlv.TEXT_STRING if isinstance(one, str) else ttlv.BYTE_STRING, one)


def date(tag: int, value: int) -> Item:
    return Item(tag, ttlv.DATE_TIME, value)


def attribute(name: str, *value: Any, index: int | None = None, kind: int | None = None) -> Item:
    """An Attribute of KMIP 1.x."""
    parts = [item(Tag.ATTRIBUTE_NAME, name)]
    if index is not None:
        parts.append(item(Tag.ATTRIBUTE_INDEX, index))
    return item(Tag.ATTRIBUTE, *parts, item(Tag.ATTRIBUTE_VALUE, *value, kind=kind))


def name(text: str, kind: NameType = NameType.UNINTERPRETED_TEXT_STRING) -> tuple[Item, Item]:
    return item(Tag.NAME_VALUE, text), item(Tag.NAME_TYPE, kind)


def named(text: str, **how: Any) -> Item:
    return attribute("Name", *name(text), **how)


def template(*attributes: Item, tag: int = Tag.TEMPLATE_ATTRIBUTE) -> Item:
    return item(tag, *attributes)


def uid(identifier: str) -> Item:
    return item(Tag.UNIQUE_IDENTIFIER, identifier)


def password(user: str, secret: str) -> Item:
    """The Authentication of a header."""
    credential = item(Tag.CREDENTIAL_VALUE, item(Tag.USERNAME, user), item(Tag.PASSWORD, secret))
    kind = Item(Tag.CREDENTIAL_TYPE, ttlv.ENUMERATION, 1)
    return item(Tag.AUTHENTICATION, item(Tag.CREDENTIAL, kind, credential))


def below(tree: Item) -> Iterator[Item]:
    """An item and all that is in it."""
    yield tree
    if tree.type == ttlv.STRUCTURE:
        for child in tree.value:
            yield from below(child)


@dataclass(frozen=True)
class Answer:
    """A batch item of a response."""

    item: Item

    def get(self, tag: int) -> Any:
        """The value of the first item of a tag, wherever it is; None if there is none."""
        return next((one.value for one in below(self.item) if one.tag == tag), None)

    def all(self, tag: int) -> list[Any]:
        return [one.value for one in below(self.item) if one.tag == tag]

    @property
    def uid(self) -> str:
        found = self.get(Tag.UNIQUE_IDENTIFIER)
        assert isinstance(found, str)
        return found

    @property
    def ok(self) -> bool:
        return bool(self.get(Tag.RESULT_STATUS) == ResultStatus.SUCCESS)

    @property
    def attributes(self) -> dict[str, Any]:
        """The Attributes of KMIP 1.x: name → value; the last of several."""
        return {
            next(part.value for part in one.value if part.tag == Tag.ATTRIBUTE_NAME): next(
                part.value for part in one.value if part.tag == Tag.ATTRIBUTE_VALUE
            )
            for one in below(self.item)
            if one.tag == Tag.ATTRIBUTE
        }


@dataclass
class Talker:
    """A client that speaks one version.

    Attributes:
        header: what stands in the header between the version and the Batch Count.
    """

    world: World
    version: Version
    who: str = "alice"
    header: tuple[Item, ...] = field(default=())

    def batch(self, *asked: tuple[int, tuple[Item, ...]], header: tuple[Item, ...] = ()) -> list[Answer]:
        """Send a message of (operation, payload) each; what was answered."""
        protocol = item(
            Tag.PROTOCOL_VERSION,
            item(Tag.PROTOCOL_VERSION_MAJOR, self.version.major),
            item(Tag.PROTOCOL_VERSION_MINOR, self.version.minor),
        )
        count = item(Tag.BATCH_COUNT, len(asked))
        parts = []
        for number, (operation, payload) in enumerate(asked):
            identifier = [item(Tag.UNIQUE_BATCH_ITEM_ID, number.to_bytes(8, "big"))] if len(asked) > 1 else []
            parts.append(
                item(
                    Tag.BATCH_ITEM,
                    Item(Tag.OPERATION, ttlv.ENUMERATION, int(operation)),
                    *identifier,
                    item(Tag.REQUEST_PAYLOAD, *payload),
                )
            )
        message = item(Tag.REQUEST_MESSAGE, item(Tag.REQUEST_HEADER, protocol, *self.header, *header, count), *parts)
        return self.send(ttlv.encode(message))

    def send(self, message: bytes) -> list[Answer]:
        (answer,) = self.world.engine.answer([Incoming(message, self.world.callers[self.who])])
        tree = ttlv.decode(answer)
        for one in below(tree):
            if one.tag in Tag._value2member_map_:
                assert Tag(one.tag).since <= self.version <= Tag(one.tag).until, f"{Tag(one.tag)} in {self.version}"
        return [Answer(part) for part in tree.value if part.tag == Tag.BATCH_ITEM]

    def ask(self, operation: int, *payload: Item, **how: Any) -> Answer:
        """Send one request, whatever is answered."""
        return self.batch((operation, payload), **how)[0]

    def do(self, operation: int, *payload: Item, **how: Any) -> Answer:
        """Send one request that succeeds."""
        answer = self.ask(operation, *payload, **how)
        assert answer.ok, (answer.get(Tag.RESULT_REASON), answer.get(Tag.RESULT_MESSAGE))
        return answer

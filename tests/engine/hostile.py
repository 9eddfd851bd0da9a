"""Messages that are wrong in one thing, in any version and encoding, and what becomes of them at the front door."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from keystead.audit.log import Event
from keystead.engine.engine import Incoming
from keystead.kmip import encodings, ttlv
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    ObjectType,
    ResultReason,
    ResultStatus,
)
from keystead.kmip.messages import ResponseBatchItem, load_response
from keystead.kmip.objects import KeyBlock, KeyValue, PublicKey
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.create import CreateRequest, RegisterRequest
from keystead.kmip.payloads.lifecycle import ActivateRequest
from keystead.kmip.payloads.rekey import ReKeyRequest
from keystead.kmip.reasons import for_version
from keystead.kmip.structures import Name, TransparentKey
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.version import OLDEST, Version
from tests.engine.keys import attributes
from tests.engine.world import START, World, request_message

NAME = "the name of a key"
CREATE = CreateRequest(
    object_type=ObjectType.SYMMETRIC_KEY,
    attributes=attributes(
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=256,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT,
        name=Name(name_value=NAME),
        activation_date=START,
    ),
)
ACTIVATE = ActivateRequest(unique_identifier="nothing")
RE_KEY = ReKeyRequest(unique_identifier="nothing", offset=1)
REGISTER = RegisterRequest(
    object_type=ObjectType.PUBLIC_KEY,
    attributes=attributes(cryptographic_usage_mask=CryptographicUsageMask.VERIFY),
    object=PublicKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY,
            key_value=KeyValue(key_material=TransparentKey(modulus=1 << 2047 | 1, public_exponent=65537)),
            cryptographic_algorithm=CryptographicAlgorithm.RSA,
            cryptographic_length=2048,
        )
    ),
)


# --- ways to send -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """A version and an encoding in which a message is sent."""

    version: Version
    encoding: str

    def __str__(self) -> str:
        return f"{self.version}-{self.encoding}"

    def message(self, request: Request, **header: Any) -> Item:
        """A message of one batch item, with a Time Stamp in its header."""
        return ttlv.decode(request_message(request, version=self.version, **{"time_stamp": START, **header}))

    def write(self, message: Item) -> bytes:
        """A message as it is sent."""
        if self.encoding == "ttlv":
            return ttlv.encode(message)
        return encodings.TEXTS[self.encoding].dumps(message).encode()

    def read(self, answer: bytes) -> Item:
        """The item tree of an answer."""
        return ttlv.decode(answer) if self.encoding == "ttlv" else encodings.TEXTS[self.encoding].loads(answer)


def ways(*encodings: str) -> Any:
    """Parametrise a test over every version and some encodings."""
    found = [Way(version, encoding) for version in Version for encoding in encodings]
    return pytest.mark.parametrize("way", found, ids=str)


each_way = ways("ttlv", *encodings.TEXTS)
in_ttlv = ways("ttlv")
in_text = ways(*encodings.TEXTS)


def last_event(world: World) -> int:
    """How many events the audit has."""
    with world.engine.store.begin(write=False) as transaction:
        return transaction.last_event()


def events(world: World, after: int = 0) -> list[Event]:
    """The events of the audit after one."""
    with world.engine.store.begin(write=False) as transaction:
        return [Event.decode(data, number) for number, data in transaction.events(after, 1_000_000)]


def answered(world: World, way: Way, message: bytes) -> ResponseBatchItem:
    """The one batch item of the answer.

    It is checked that the answer is in the version asked (or the oldest, where the message names none), and that one
    event of the audit tells of it.
    """
    before = last_event(world)
    (answer,) = world.engine.answer([Incoming(message, world.callers["alice"], way.encoding)])
    response, version = load_response(ttlv.encode(way.read(answer)))
    assert version in (way.version, OLDEST)
    (item,) = response.batch_item
    (event,) = events(world, before)
    assert event.caller == world.callers["alice"].identity
    assert event.status == item.result_status.title
    assert event.reason == (item.result_reason.title if item.result_reason is not None else "")
    return item


def refused(world: World, way: Way, message: bytes, reason: ResultReason) -> ResponseBatchItem:
    """Send what is refused, with the reason that the version has for it."""
    item = answered(world, way, message)
    assert item.result_status is ResultStatus.OPERATION_FAILED
    assert item.response_payload is None
    assert item.result_reason is for_version(reason, way.version, item.operation), item.result_message
    return item


# --- what is wrong ----------------------------------------------------------------------------------------------------

Edit = Callable[[Item], Iterable[Item]]


def edited(message: Item, edit: Edit) -> Item:
    """The message, but for items that `edit` changes: it is given each and gives those to have in its place."""

    def within(found: Item) -> Iterable[Item]:
        for changed in edit(found):
            if changed.type == ttlv.STRUCTURE:
                yield Item(changed.tag, changed.type, tuple(new for old in changed.value for new in within(old)))
            else:
                yield changed

    (whole,) = within(message)
    return whole


def tagged(tag: int) -> Callable[[Item], bool]:
    """Items of a tag."""
    return lambda found: found.tag == tag


def of_value(value: Any) -> Callable[[Item], bool]:
    """Items of a value."""
    return lambda found: found.type != ttlv.STRUCTURE and found.value == value


def changing(which: Callable[[Item], bool], kind: int | None = None, value: Any = ..., tag: int | None = None) -> Edit:
    """Give items another type, value or tag."""

    def edit(found: Item) -> Iterable[Item]:
        if not which(found):
            return (found,)
        return (Item(tag or found.tag, kind or found.type, found.value if value is ... else value),)

    return edit


def twice(tag: Tag) -> Edit:
    """Have each item of a tag twice."""
    return lambda found: (found, found) if found.tag == tag else (found,)


def ending(where: Tag, *items: Item) -> Edit:
    """Put items behind the last field of a structure."""
    return lambda found: (Item(found.tag, found.type, (*found.value, *items)),) if found.tag == where else (found,)


def cases(**edits: Edit) -> Any:
    """Parametrise a test over edits."""
    return pytest.mark.parametrize("edit", list(edits.values()), ids=[name.replace("_", " ") for name in edits])

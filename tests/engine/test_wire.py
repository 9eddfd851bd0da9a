"""What real clients sent to PyKMIP, byte for byte, answered by the engine as PyKMIP answered it.

The recordings are outside of the project: KEYSTEAD_SHARED names the folder that has interop/wire/CLIENT.jsonl.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from keystead.engine.engine import Incoming
from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.enums import Operation, ResultStatus
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from tests.engine.world import World

WIRE = Path(os.environ.get("KEYSTEAD_SHARED", "")) / "interop" / "wire"
CLIENTS = ("barbican", "ceph-radosgw", "cyphera", "mongodb", "openbao", "pykmip", "swift")

CARRIED = frozenset(
    {
        Tag.UNIQUE_IDENTIFIER,
        Tag.PRIVATE_KEY_UNIQUE_IDENTIFIER,
        Tag.PUBLIC_KEY_UNIQUE_IDENTIFIER,
        Tag.DATA,
        Tag.IV_COUNTER_NONCE,
        Tag.AUTHENTICATED_ENCRYPTION_TAG,
        Tag.MAC_DATA,
        Tag.SIGNATURE_DATA,
    }
)
"""What a server makes and a client sends back: here ours stands for PyKMIP's."""

BETTER = {
    "pykmip": {Operation.RE_KEY, Operation.CHECK, Operation.DELETE_ATTRIBUTE},
    "openbao": {Operation.ENCRYPT, Operation.DECRYPT, Operation.GET_ATTRIBUTES},
    "barbican": {Operation.CREATE, Operation.CREATE_KEY_PAIR},
    "cyphera": set(Operation),
}
"""Operations that PyKMIP lacks or has defects in, by the client that asked for them: they may succeed here."""

OPTIONAL = {"Operation Policy Name"}
"""Attributes that PyKMIP gives every object and the specification does not (KMIP 1.2 section 3.18)."""


def recorded(client: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (WIRE / f"{client}.jsonl").read_text().splitlines()]


def walk(item: Item) -> Iterator[Item]:
    yield item
    if item.type == ttlv.STRUCTURE:
        for child in item.value:
            yield from walk(child)


def replaced(item: Item, ours: Mapping[Any, Any]) -> Item:
    """The item with what PyKMIP made replaced by what was made here."""
    if item.type == ttlv.STRUCTURE:
        return Item(item.tag, item.type, tuple(replaced(child, ours) for child in item.value))
    return Item(item.tag, item.type, ours.get(item.value, item.value)) if item.tag in CARRIED else item


def child(item: Item, tag: int) -> Item | None:
    return next((one for one in item.value if one.tag == tag), None)


def value(item: Item, tag: int) -> Any:
    found = child(item, tag)
    return None if found is None else found.value


def batch_items(message: Item) -> list[Item]:
    return [one for one in message.value if one.tag == Tag.BATCH_ITEM]


def learn(theirs: Sequence[Item], ours: Sequence[Item], known: dict[Any, Any]) -> None:
    """Pair what both servers made, in the order in which it stands in their answers."""
    for tag in CARRIED:
        pairs = zip(
            [one.value for item in theirs for one in walk(item) if one.tag == tag],
            [one.value for item in ours for one in walk(item) if one.tag == tag],
            strict=False,
        )
        for one, other in pairs:
            known.setdefault(one, other)  # the first answer is that which made it; Locate has an order of its own


def attributes(payload: Item) -> dict[str, int]:
    """The attributes of an answer in the form of KMIP 1.x: name → type of the value."""
    return {
        value(one, Tag.ATTRIBUTE_NAME): found.type
        for one in walk(payload)
        if one.tag == Tag.ATTRIBUTE and (found := child(one, Tag.ATTRIBUTE_VALUE)) is not None
    }


def differences(theirs: Item, ours: Item, better: set[Operation]) -> Iterator[str]:
    """What a client that got along with their answer would miss in ours."""
    if len(batch_items(theirs)) != len(batch_items(ours)):
        yield "another number of batch items"
        return
    for their, our in zip(batch_items(theirs), batch_items(ours), strict=True):
        number = value(their, Tag.OPERATION)
        operation = Operation(number) if number is not None else None
        for tag in (Tag.OPERATION, Tag.UNIQUE_BATCH_ITEM_ID):
            if number is not None and value(their, tag) != value(our, tag):
                yield f"{operation}: another {tag.name}"
        status, ours_status = value(their, Tag.RESULT_STATUS), value(our, Tag.RESULT_STATUS)
        if status != ours_status and not (ours_status == ResultStatus.SUCCESS and (operation in better or not number)):
            yield f"{operation}: status {ResultStatus(ours_status)} ({value(our, Tag.RESULT_MESSAGE)})"
        if status != ResultStatus.SUCCESS or ours_status != ResultStatus.SUCCESS:
            continue
        payload, our_payload = child(their, Tag.RESPONSE_PAYLOAD), child(our, Tag.RESPONSE_PAYLOAD)
        if payload is None or our_payload is None:
            continue
        missing = {(one.tag, one.type) for one in payload.value} - {(one.tag, one.type) for one in our_payload.value}
        if missing:
            yield f"{operation}: without {sorted(hex(tag) for tag, _ in missing)}"
        known = attributes(our_payload)
        for name, kind in attributes(payload).items():
            if name in OPTIONAL:
                continue
            if known.get(name) != kind:
                yield f"{operation}: attribute {name} is missing or of another type"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.skipif(not WIRE.is_dir(), reason="KEYSTEAD_SHARED does not name the folder of recordings")
def test_recorded_clients_find_what_they_rely_on(world: World, client: str) -> None:
    known: dict[Any, Any] = {}
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for exchange in recorded(client):
        sent, theirs = bytes.fromhex(exchange["request_hex"]), ttlv.decode(bytes.fromhex(exchange["response_hex"]))
        try:
            item = ttlv.decode(sent)
        except CodecError:
            seen["unreadable"] += 1
            message = sent
        else:
            assert ttlv.encode(item) == sent
            message = ttlv.encode(replaced(item, known))
        (answer,) = world.engine.answer([Incoming(message, world.callers["alice"])])
        ours = ttlv.decode(answer)
        learn(batch_items(theirs), batch_items(ours), known)
        wrong += [f"{exchange['n']}: {what}" for what in differences(theirs, ours, BETTER.get(client, set()))]
        seen["exchanges"] += 1
    assert not wrong, "\n".join(wrong)
    assert seen["exchanges"] >= 16
    assert seen["unreadable"] == 0

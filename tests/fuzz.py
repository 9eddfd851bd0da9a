"""The front door is total: mutated messages through `Engine.answer`.

    python -m tests.fuzz [--count N] [--seed S]

Whatever goes in, in any of the three encodings, one well-formed Response Message comes out for each message, nothing is
raised, no transaction stays open, and the audit has an event for every batch item answered.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from keystead.audit.log import Event
from keystead.engine.engine import Engine, Incoming
from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.attributes import Attributes
from keystead.kmip.encodings import TEXTS
from keystead.kmip.enums import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    Operation,
    ResultReason,
)
from keystead.kmip.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    dump_message,
    load_response,
    protocol_version,
)
from keystead.kmip.payloads import REQUESTS, Request
from keystead.kmip.payloads.create import CreateKeyPairRequest, CreateRequest
from keystead.kmip.tags import Tag
from keystead.kmip.version import Version
from keystead.policy.access import Caller
from tests.kmip.fuzz import corpus, mutate, mutate_text
from tests.kmip.strategies import message
from tests.support import make_engine

TURN = 32
_MIX = ("ttlv", "ttlv", *TEXTS)
"""How often which encoding is sent."""
CALLER = Caller("fuzz", "fuzz", "default", (), "192.0.2.1")


_DEFECTS = re.compile("internal error|cannot keep a record")
"""What no message may bring about: a defect, or a refusal of all that came in the same turn."""
MOST_ITEMS = 4
"""Batch items of a well-formed message."""


def living(engine: Engine, random: Random, count: int) -> list[bytes]:
    """Requests that reach their handlers: well-formed, of one batch item or several, about objects that are there."""
    identifiers = [identifier for request in _MAKING for identifier in _made(engine, request)]
    found = []
    for number in range(count):
        version = random.choice(list(Version))
        operations = [operation for operation in REQUESTS if operation.since <= version <= operation.until]
        several = 1 if number % 3 else random.randint(2, MOST_ITEMS)
        items = [_living(random, version, random.choice(operations), identifiers) for _ in range(several)]
        if several > 1:
            items = [replace(item, unique_batch_item_id=bytes((at,))) for at, item in enumerate(items)]
        found.append(_message(version, *items, option=random.choice((None, *BatchErrorContinuationOption))))
    return found


def _living(random: Random, version: Version, operation: Operation, identifiers: Sequence[str]) -> RequestBatchItem:
    asked = message(RequestMessage, version, random, operation).batch_item[0]
    payload = asked.request_payload
    if isinstance(getattr(payload, "unique_identifier", ()), str | None):
        payload = replace(payload, unique_identifier=random.choice(identifiers))
    return replace(asked, request_payload=payload, unique_batch_item_id=None, message_extension=())


def written(encoding: str, data: bytes) -> bytes:
    """A message in another encoding; as it is where it cannot be written so."""
    try:
        return data if encoding == "ttlv" else str(TEXTS[encoding].dumps(ttlv.decode(data))).encode()
    except CodecError:
        return data


def mutated(random: Random, encoding: str, data: bytes) -> bytes:
    """A message that was changed a little, before or after it was written in its encoding."""
    if encoding == "ttlv":
        return mutate(random, data)
    if random.random() < 0.5:
        return written(encoding, mutate(random, data))
    return mutate_text(random, written(encoding, data))


_ATTRIBUTES = {
    Tag.CRYPTOGRAPHIC_ALGORITHM: CryptographicAlgorithm.AES,
    Tag.CRYPTOGRAPHIC_LENGTH: 256,
    Tag.CRYPTOGRAPHIC_USAGE_MASK: CryptographicUsageMask(0xFFF),
    Tag.ACTIVATION_DATE: 1,
}
_PAIR = _ATTRIBUTES | {Tag.CRYPTOGRAPHIC_ALGORITHM: CryptographicAlgorithm.EC}
_MAKING: tuple[Request, ...] = (
    *[CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes.of(_ATTRIBUTES))] * 4,
    *[CreateKeyPairRequest(common_attributes=Attributes.of(_PAIR))] * 2,
)


def _message(version: Version, *items: RequestBatchItem, option: BatchErrorContinuationOption | None = None) -> bytes:
    header = RequestHeader(
        protocol_version=protocol_version(version), batch_count=len(items), batch_error_continuation_option=option
    )
    return dump_message(RequestMessage(request_header=header, batch_item=items), version)


def _made(engine: Engine, request: Request) -> list[str]:
    asked = RequestBatchItem(operation=request.OPERATION, request_payload=request)
    (answer,) = engine.answer([Incoming(_message(Version.V2_1, asked), CALLER)])
    payload = load_response(answer)[0].batch_item[0].response_payload
    assert payload is not None, request
    names = ("unique_identifier", "private_key_unique_identifier", "public_key_unique_identifier")
    return [getattr(payload, name) for name in names if hasattr(payload, name)]


_EPHEMERAL = re.compile(rb"\x42\x01\x54|420154|Ephemeral")


def _without_payloads(answer: bytes) -> bytes:
    """An answer without its payloads: of an Ephemeral batch item they lack what is required of them."""
    tree = ttlv.decode(answer)
    items = (
        replace(item, value=tuple(part for part in item.value if part.tag != Tag.RESPONSE_PAYLOAD))
        if item.tag == Tag.BATCH_ITEM
        else item
        for item in tree.value
    )
    return ttlv.encode(replace(tree, value=tuple(items)))


def check_turn(engine: Engine, messages: Sequence[tuple[str, bytes]], seen: Counter[str]) -> None:
    """Answer messages, each with its encoding, in one turn and hold the answers against the promise."""
    answers = engine.answer([Incoming(message, CALLER, encoding) for encoding, message in messages])
    assert len(answers) == len(messages)
    for (encoding, asked), answer in zip(messages, answers, strict=True):
        if encoding != "ttlv":
            answer = ttlv.encode(TEXTS[encoding].loads(answer))
        response, version = load_response(_without_payloads(answer) if _EPHEMERAL.search(asked) else answer)
        assert response.batch_item, asked.hex()
        if version < 0x300:
            assert response.response_header.batch_count == len(response.batch_item)
        for item in response.batch_item:
            seen[item.result_reason.title if item.result_reason is not None else item.result_status.title] += 1
            if item.result_reason is ResultReason.GENERAL_FAILURE and _DEFECTS.search(item.result_message or ""):
                raise AssertionError(f"a defect was met: {encoding} {asked.hex()}")


def check_audit(engine: Engine, answered: int) -> None:
    """The events are numbered without a gap and as many as the batch items that were answered."""
    with engine.store.begin(write=False) as transaction:
        position = count = 0
        while events := transaction.events(position, 1000):
            for sequence, data in events:
                position += 1
                assert sequence == position, f"event {position} is missing"
                Event.decode(data, sequence)
                count += 1
    assert count >= answered, f"{answered} batch items were answered, {count} events are kept"


def run(count: int, seed: int, directory: Path, report: bool = False) -> Counter[str]:
    """Send `count` mutated messages in turns; the results by Result Reason."""
    random = Random(seed)
    engine = make_engine(directory)
    seen: Counter[str] = Counter()
    originals = corpus(seed) + living(engine, random, 2000)
    try:
        for encoding in ("ttlv", *TEXTS):
            for first in range(0, len(originals), TURN):
                turn = [(encoding, written(encoding, data)) for data in originals[first : first + TURN]]
                check_turn(engine, turn, seen)
        sent, started = 0, time.monotonic()
        while sent < count:
            turn = []
            for _ in range(TURN):
                encoding = random.choice(_MIX)
                turn.append((encoding, mutated(random, encoding, random.choice(originals))))
            check_turn(engine, turn, seen)
            sent += TURN
            if report and sent % (TURN * 512) == 0:
                rate = sent / (time.monotonic() - started)
                print(f"\r{sent:,} of {count:,} messages, {rate:,.0f}/s", end="", file=sys.stderr, flush=True)
        check_audit(engine, seen.total())
        with engine.store.begin() as transaction:  # none is open
            transaction.commit()
    finally:
        engine.close()
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutated messages through the engine.")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        seen = run(asked.count, asked.seed, Path(directory), report=True)
    print(f"\n{asked.count:,} messages, seed {asked.seed}, {time.monotonic() - started:.0f} s, nothing raised")
    for reason, number in seen.most_common():
        print(f"  {number:>10,}  {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

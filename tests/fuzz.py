"""The front door is total: mutated messages through `Engine.answer`.

    python -m tests.fuzz [--count N] [--seed S]

Whatever goes in, one well-formed Response Message comes out for each message, nothing is raised, no transaction stays
open, and the audit has an event for every batch item answered.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

from keystead.audit.log import Event
from keystead.engine.engine import Engine, Incoming
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import CryptographicAlgorithm, CryptographicUsageMask, ObjectType, ResultReason
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
from tests.kmip.fuzz import corpus, mutate
from tests.kmip.strategies import message
from tests.support import make_engine

TURN = 32
CALLER = Caller("fuzz", "fuzz", "default", (), "192.0.2.1")


def living(engine: Engine, random: Random, count: int) -> list[bytes]:
    """Requests that reach their handlers: well-formed, one batch item each, about objects that are there."""
    identifiers = [identifier for request in _MAKING for identifier in _made(engine, request)]
    found = []
    for _ in range(count):
        version = random.choice(list(Version))
        operations = [operation for operation in REQUESTS if operation.since <= version <= operation.until]
        asked = message(RequestMessage, version, random, random.choice(operations)).batch_item[0]
        payload = asked.request_payload
        if isinstance(getattr(payload, "unique_identifier", ()), str | None):
            payload = replace(payload, unique_identifier=random.choice(identifiers))
        asked = replace(asked, request_payload=payload, unique_batch_item_id=None, message_extension=())
        found.append(_message(version, asked))
    return found


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


def _message(version: Version, *items: RequestBatchItem) -> bytes:
    header = RequestHeader(protocol_version=protocol_version(version), batch_count=len(items))
    return dump_message(RequestMessage(request_header=header, batch_item=items), version)


def _made(engine: Engine, request: Request) -> list[str]:
    asked = RequestBatchItem(operation=request.OPERATION, request_payload=request)
    (answer,) = engine.answer([Incoming(_message(Version.V2_1, asked), CALLER)])
    payload = load_response(answer)[0].batch_item[0].response_payload
    assert payload is not None, request
    names = ("unique_identifier", "private_key_unique_identifier", "public_key_unique_identifier")
    return [getattr(payload, name) for name in names if hasattr(payload, name)]


def check_turn(engine: Engine, messages: list[bytes], seen: Counter[str]) -> None:
    """Answer messages in one turn and hold the answers against the promise."""
    answers = engine.answer([Incoming(message, CALLER) for message in messages])
    assert len(answers) == len(messages)
    for asked, answer in zip(messages, answers, strict=True):
        response, version = load_response(answer)
        assert response.batch_item, asked.hex()
        if version < 0x300:
            assert response.response_header.batch_count == len(response.batch_item)
        for item in response.batch_item:
            seen[item.result_reason.title if item.result_reason is not None else item.result_status.title] += 1
            if item.result_reason is ResultReason.GENERAL_FAILURE and "internal error" in (item.result_message or ""):
                raise AssertionError(f"a defect was met: {asked.hex()}")


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
    random = Random(seed)  # noqa: S311 - test data
    engine = make_engine(directory)
    seen: Counter[str] = Counter()
    originals = corpus(seed) + living(engine, random, 2000)
    try:
        for first in range(0, len(originals), TURN):
            check_turn(engine, originals[first : first + TURN], seen)
        sent, started = 0, time.monotonic()
        while sent < count:
            check_turn(engine, [mutate(random, random.choice(originals)) for _ in range(TURN)], seen)
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

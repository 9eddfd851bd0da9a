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
from pathlib import Path
from random import Random

from keystead.audit.log import Event
from keystead.engine.engine import Engine, Incoming
from keystead.kmip.enums import ResultReason
from keystead.kmip.messages import load_response
from keystead.policy.access import Caller
from tests.kmip.fuzz import corpus, mutate
from tests.support import make_engine

TURN = 32
CALLER = Caller("fuzz", "fuzz", "default", (), "192.0.2.1")


def check_turn(engine: Engine, messages: list[bytes], seen: Counter[str]) -> None:
    """Answer messages in one turn and hold the answers against the promise."""
    answers = engine.answer([Incoming(message, CALLER) for message in messages])
    assert len(answers) == len(messages)
    for message, answer in zip(messages, answers, strict=True):
        response, version = load_response(answer)
        assert response.batch_item, message.hex()
        if version < 0x300:
            assert response.response_header.batch_count == len(response.batch_item)
        for item in response.batch_item:
            seen[item.result_reason.title if item.result_reason is not None else item.result_status.title] += 1
            if item.result_reason is ResultReason.GENERAL_FAILURE and "internal error" in (item.result_message or ""):
                raise AssertionError(f"a defect was met: {message.hex()}")


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
    originals = corpus(seed)
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

"""Mutated messages against the codec: each is read or refused with CodecError, and what is read is stable.

    python tests/kmip/fuzz.py [COUNT [SEED]]

The corpus is an arbitrary request of every operation and version, and the recorded messages of real clients if
KEYSTEAD_SHARED names the folder that holds them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from keystead.errors import CodecError
from keystead.kmip import ttlv
from keystead.kmip.messages import RequestMessage, Unreadable, dump_message, load_request
from keystead.kmip.payloads import REQUESTS
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.version import Version
from tests.kmip.strategies import item, message

_INTERESTING = (0, 1, 7, 8, 0x7F, 0x80, 0xFF)


def corpus(seed: int = 0) -> list[bytes]:
    """Requests to begin with."""
    random = Random(seed)
    made = [
        dump_message(message(RequestMessage, version, random, operation), version)
        for version in Version
        for operation in REQUESTS
        if operation.since <= version <= operation.until
    ]
    shared = os.environ.get("KEYSTEAD_SHARED")
    for path in sorted(Path(shared, "interop", "wire").glob("*.jsonl")) if shared else ():
        made += [bytes.fromhex(json.loads(line)["request_hex"]) for line in path.read_text().splitlines()]
    return made


def _with_outer_length(data: bytes) -> bytes:
    return data[:4] + (len(data) - 8).to_bytes(4, "big") + data[8:] if len(data) >= 8 else data


def _bytes(random: Random, data: bytes) -> bytes:
    """Change some bytes."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        at = random.randrange(len(changed))
        changed[at] = random.choice((*_INTERESTING, changed[at] ^ 1 << random.randrange(8), random.randrange(256)))
    return bytes(changed)


def _blocks(random: Random, data: bytes) -> bytes:
    """Take out, double or move a run of bytes, and repair the outer length."""
    step = random.choice((8, 8, 8, 1))
    start = random.randrange(0, len(data), step)
    end = min(len(data), start + step * random.randint(1, 8))
    at = random.randrange(0, len(data), step)
    changed = random.choice(
        (
            data[:start] + data[end:],
            data[:end] + data[start:],
            data[:at] + data[start:end] + data[at:],
            data[:start] + bytes(end - start) + data[end:],
            data[:end],
        )
    )
    return _with_outer_length(changed)


def _change(random: Random, found: Item, budget: list[int]) -> Iterator[Item]:
    """The item, but somewhere within it one thing is different."""
    budget[0] -= 1
    if budget[0] == 0:
        yield from random.choice(
            (
                (),
                (found, found),
                (Item(int(random.choice(list(Tag))), found.type, found.value),),
                (Item(0x540001, found.type, found.value),),
                (item(random, found.tag),),
                (item(random, found.tag), found),
                (Item(found.tag, ttlv.STRUCTURE, (found,)),),
            )
        )
    elif found.type == ttlv.STRUCTURE:
        yield Item(found.tag, found.type, tuple(new for old in found.value for new in _change(random, old, budget)))
    else:
        yield found


def _count(found: Item) -> int:
    return 1 + sum(_count(inner) for inner in found.value) if found.type == ttlv.STRUCTURE else 1


def _tree(random: Random, data: bytes) -> bytes:
    """Change the item tree: all lengths stay right."""
    try:
        whole = ttlv.decode(data)
        (changed,) = _change(random, whole, [random.randint(2, max(2, _count(whole)))])
        return ttlv.encode(changed)
    except CodecError:
        return _bytes(random, data)


def mutate(random: Random, data: bytes) -> bytes:
    """Change a message a little."""
    for _ in range(random.choice((1, 1, 2, 3))):
        data = random.choice((_bytes, _blocks, _tree, _tree))(random, data) or b"\0"
    return data


_WORDS = (
    '"', "'", "<", ">", "&", "&#0;", "&#x110000;", "]]>", "<!--", "<!DOCTYPE x [<!ENTITY e 'e'>]>", "&e;", "<?x?>",
    "{", "}", "[", "]", ",", ":", "null", "true", "NaN", "-Infinity", "1e400", "-0", "9" * 5000, "\\u0000", "\\ud800",
    "\0", "\ufeff", "\u202e", "0x", "0xFFFFFFFFFFFFFFFF", "-1", "Structure", "value", "type", "tag",
    "9999-12-31T23:59:60Z", "[" * 2000, '{"tag":' * 500, "<TTLV>" * 500,
)  # fmt: skip


def mutate_text(random: Random, data: bytes) -> bytes:
    """Change a message in XML or JSON a little."""
    for _ in range(random.choice((1, 1, 2, 3))):
        at, size = random.randrange(len(data) or 1), random.randint(0, 40)
        piece = random.choice(_WORDS).encode(errors="surrogatepass")
        changed = (
            data[:at] + piece + data[at:],
            data[:at] + piece + data[at + size :],
            data[:at] + data[at + size :],
            data[: at + size] + data[at:],
            data[:at],
            _bytes(random, data or b"\0"),
        )
        data = random.choice(changed)
    return data


def check(data: bytes) -> str:
    """Say what became of a message.

    Raises:
        AssertionError: it was read, but is not the same when it is written and read again.
        Exception: whatever is not CodecError.
    """
    with suppress(CodecError):
        assert ttlv.encode(ttlv.decode(data)) == data
    try:
        read, version = load_request(data)
    except CodecError:
        return "refused"
    if any(isinstance(part.request_payload, Unreadable) for part in read.batch_item):
        return "unreadable payload"
    written = dump_message(read, version)
    try:
        again, _ = load_request(written)
    except CodecError:
        # What a later minor version requires was read, and is not written.
        assert version is not version.last_of_major
        return "read, of a later version"
    assert dump_message(again, version) == written
    return "read"


def run(count: int, seed: int = 0, messages: Sequence[bytes] = ()) -> Counter[str]:
    """Check mutated messages, and count what became of them."""
    random, found = Random(seed), Counter[str]()
    messages = messages or corpus(seed)
    for _ in range(count):
        data = mutate(random, random.choice(messages))
        try:
            found[check(data)] += 1
        except BaseException:
            print(f"seed {seed}, message {sum(found.values())}: {data.hex()}", file=sys.stderr)
            raise
    return found


def main() -> None:
    count, seed = (int(value) for value in (*sys.argv[1:3], *("100000", "0")[len(sys.argv) - 1 :]))
    start = time.perf_counter()
    found = run(count, seed)
    print(f"{count} messages, seed {seed}, {time.perf_counter() - start:.1f} s: {dict(found)}")


if __name__ == "__main__":
    main()

"""Slow work, done before a transaction begins.

Making an RSA key takes tenths of a second, and while a transaction is open nobody else is answered.  So a message that
asks for such work is rehearsed first, in another thread and against a transaction that cannot write: its handlers run
up to the slow step, as its caller and with all their checks.  The work found there is done when that transaction is
over, and its result waits in the turn that answers the message.  Whatever a rehearsal does not foresee is done in
place: a rehearsal changes how long an answer takes, never what it says.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from keystead.crypto.derive import Secret, derive
from keystead.crypto.keys import KeyPair, generate_key_pair
from keystead.engine.cache import Cache
from keystead.engine.context import Context, Turn
from keystead.errors import OperationFailed
from keystead.kmip import ttlv
from keystead.kmip.enums import CryptographicAlgorithm, DerivationMethod, Operation, RecommendedCurve, ResultReason
from keystead.kmip.messages import RequestBatchItem, RequestHeader
from keystead.kmip.structures import DerivationParameters
from keystead.kmip.tags import Tag
from keystead.kmip.version import Version
from keystead.policy.access import Caller
from keystead.store import Transaction

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

log = logging.getLogger("keystead.engine")

T = TypeVar("T")
Key = tuple[Hashable, ...]
Step = tuple[Key, Callable[[], Any]]
Results = Mapping[Key, Sequence[Any]]
NOTHING: Final[Results] = {}

OPERATIONS: Final = frozenset({Operation.CREATE_KEY_PAIR, Operation.RE_KEY_KEY_PAIR, Operation.DERIVE_KEY})
"""What may take long."""
THREADS: Final = 2
NICENESS: Final = 10
_A = CryptographicAlgorithm
ALGORITHMS: Final = frozenset(
    {_A.RSA, _A.DSA, *(algorithm for algorithm in _A if "SLH-DSA" in algorithm.title.replace("_", "-").upper())}
)
"""Key pairs of these take long to make."""
ITERATIONS: Final = 20_000
"""From so many on, PBKDF2 takes long: about 10 ms."""
MOST_WEIGHT: Final = 4096
"""Slow work in one message, about as much as 16 RSA keys of 4096 bits; a single piece of work may be more (K04)."""

# An Operation as TTLV has it: tag, type, length, and the first three bytes of its number.
_OPERATION: Final = (Tag.OPERATION << 8 | ttlv.ENUMERATION).to_bytes(4, "big") + bytes((0, 0, 0, 4, 0, 0, 0))
_NUMBERS: Final = frozenset(int(operation) for operation in OPERATIONS)
_NAMES: Final = tuple(operation.title.title().replace(" ", "").replace("-", "").encode() for operation in OPERATIONS)


def heavy(message: bytes, encoding: str = "ttlv") -> bool:
    """Whether a message may ask for slow work, as a glance at its bytes tells; data that looks so does no harm."""
    if encoding != "ttlv":
        lower = message.lower()
        return any(name.lower() in lower for name in _NAMES)
    position = message.find(_OPERATION)
    while position >= 0:
        number = position + len(_OPERATION)
        if message[number : number + 1] and message[number] in _NUMBERS:
            return True
        position = message.find(_OPERATION, number)
    return False


def give_way() -> None:
    """Let a thread that does slow work wait for those that answer; at the start of it."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


# --- what handlers call -----------------------------------------------------------------------------------------------


def slow(context: Context, key: Key, weight: int, work: Callable[[], T]) -> T:
    """The result of slow work: done before if it was foreseen, else now.

    Args:
        key: says all that the result depends on; any result under it will do, and each is used once.
        weight: how long it takes, where 16 is an RSA key of 2048 bits.

    Raises:
        OperationFailed: Server Limit Exceeded.
    """
    context.turn.weight += weight
    if weight < context.turn.weight > MOST_WEIGHT:
        raise OperationFailed(
            ResultReason.SERVER_LIMIT_EXCEEDED, "the message asks for too much slow work; send a part of it at a time"
        )
    waiting = context.turn.prepared.get(key)
    if waiting:
        result: T = waiting.pop()
        return result
    if context.turn.rehearsal:
        raise _Found(key, work)
    return work()


def quick(context: Context, work: Callable[[], T]) -> T:
    """The result of work that would have been slow for other parameters."""
    if context.turn.rehearsal:
        raise _Over
    return work()


def prepared_pair(
    context: Context, algorithm: CryptographicAlgorithm, length_bits: int | None, curve: RecommendedCurve | None
) -> KeyPair:
    """A new key pair.  Raises: as `generate_key_pair`, and Server Limit Exceeded."""

    def work() -> KeyPair:
        return generate_key_pair(algorithm, length_bits, curve)

    if algorithm not in ALGORITHMS:
        return quick(context, work)
    # The time to find primes grows with the fourth power of their length.
    weight = 64 if length_bits is None else (length_bits // 1024) ** 4
    return slow(context, ("key pair", algorithm, length_bits, curve), weight, work)


def prepared_derivation(
    context: Context,
    method: DerivationMethod,
    parameters: DerivationParameters,
    secrets: Sequence[Secret],
    length_bytes: int,
    algorithm: CryptographicAlgorithm | None,
) -> bytes:
    """A derived key.  Raises: as `derive`, and Server Limit Exceeded."""

    def work() -> bytes:
        return derive(method, parameters, secrets, length_bytes, algorithm=algorithm)

    if method is not DerivationMethod.PBKDF2 or (parameters.iteration_count or 0) < ITERATIONS:
        return quick(context, work)
    weight = (parameters.iteration_count or 0) // 1000
    return slow(context, ("derived key", parameters, tuple(secrets), length_bytes), weight, work)


# --- the rehearsal ----------------------------------------------------------------------------------------------------


class _Found(BaseException):
    """Ends the rehearsal of a handler at its slow step: no handler catches it."""

    def __init__(self, key: Key, work: Callable[[], Any]) -> None:
        super().__init__()
        self.key = key
        self.work = work


class _Over(BaseException):
    """Ends the rehearsal of a handler that does nothing slow any more, or is about to change something."""


_READS: Final = frozenset({"get", "locate", "records", "grants", "entry", "entry_version", "entries", "savepoint"})


class _ReadOnly:
    """A transaction that hands out nothing that writes."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def __getattr__(self, name: str) -> Any:
        if name not in _READS:
            raise _Over
        return getattr(self._transaction, name)


def admitted(engine: Engine, caller: Caller, header: RequestHeader) -> Caller | None:
    """As whom a message will be answered; None if that is not to be known before its turn.

    A password that is right need not be hashed again in the turn.
    """
    from keystead.engine import authentication

    with engine.store.begin(write=False) as transaction:
        turn = Turn(engine, _ReadOnly(transaction), int(engine.clock() * 1_000_000))
        turn.cache, turn.rehearsal = Cache(), True
        try:
            admission = authentication.admit(turn, caller, header)
        except (_Over, Exception):  # noqa: BLE001  as below
            return None
    return None if admission.refusal is not None or admission.delegation is not None else admission.caller


def prepare(
    engine: Engine,
    caller: Caller,
    version: Version,
    items: Sequence[RequestBatchItem],
    placeholder: str | None = None,
) -> dict[Key, list[Any]]:
    """Find the slow work in batch items and do it; in any thread that has no transaction open."""
    found: list[Step] = []
    with engine.store.begin(write=False) as transaction:
        turn = Turn(engine, _ReadOnly(transaction), int(engine.clock() * 1_000_000))
        turn.cache, turn.rehearsal = Cache(), True  # the engine's cache is of another thread's transactions
        for item in items:
            if item.operation in OPERATIONS:
                context = Context(turn, caller, version)
                context.operation, context.placeholder = item.operation, placeholder
                found += _rehearse(engine, context, item)
    results: dict[Key, list[Any]] = {}
    for key, work in found:
        with suppress(Exception):  # what is wrong with it, its turn will say
            result = work()
            results.setdefault(key, []).append(result)
    return results


def _rehearse(engine: Engine, context: Context, item: RequestBatchItem) -> list[Step]:
    """The slow step of a batch item, if it gets there."""
    try:
        engine.perform(context, item.request_payload, item)
    except _Found as found:
        # Not the exception: it holds the frames it went through, and so the results, until the garbage collector comes.
        return [(found.key, found.work)]
    except (_Over, Exception):  # noqa: BLE001  as above
        return []
    return []

"""What a credential in a message is checked against: one class for each way of proving who one is.

Each says by `check` whether it is satisfied, and gives a mark: a number that must grow from one success to the next,
so that what can be shown once only is not shown twice.  The account keeps the marks.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Final

from keystead.crypto.passwords import (
    DRIFT,
    LOOK_AHEAD,
    check_one_time,
    check_salted,
    find_counter,
    hash_password,
    hashed_password,
    password_digests,
    server_hashed_password,
    verify_password,
    verify_salted,
)
from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicAlgorithm, HashingAlgorithm, OTPAlgorithm, ResultReason
from keystead.kmip.structures import HashedPassword, OneTimePassword

MAXIMUM_SKEW_SECONDS: Final = 300
"""How far the Timestamp of a Hashed Password may be from the time of the server."""
MAXIMUM_PASSWORD: Final = 1024
USUAL_DIGITS: Final = 6
USUAL_INTERVAL_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Password:
    """A password, kept as Argon2id."""

    KIND: ClassVar = "password"
    phc: str = field(repr=False)

    @classmethod
    def of(cls, password: str) -> Password:
        """Raises: OperationFailed (Bad Password)."""
        return cls(hash_password(check_password(password)))

    def check(self, password: str) -> bool:
        return verify_password(password, self.phc)


@dataclass(frozen=True, slots=True)
class Salted:
    """A password that came salted."""

    KIND: ClassVar = "salted"
    algorithm: CryptographicAlgorithm
    salt: bytes
    iterations: int
    salted: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_salted(self.algorithm, self.salt, self.iterations, self.salted)

    def check(self, password: str) -> bool:
        return verify_salted(password, self.algorithm, self.salt, self.iterations, self.salted)


@dataclass(frozen=True, slots=True)
class Digests:
    """What Hashed Password credentials are made of: whoever knows it can make them.  Source: KMIP 2.1 §9.11."""

    KIND: ClassVar = "digests"
    algorithm: HashingAlgorithm
    first: bytes = field(repr=False)
    second: bytes = field(repr=False)

    @classmethod
    def of(cls, username: str, password: str, algorithm: HashingAlgorithm = HashingAlgorithm.SHA_256) -> Digests:
        """Raises: OperationFailed (Bad Password)."""
        return cls(algorithm, *password_digests(username, check_password(password), algorithm))

    def check(self, shown: HashedPassword, after: int, now: int) -> int | None:
        """The Timestamp in microseconds, if it is later than the one before and about now, and the hash is right."""
        algorithm, timestamp = shown.hashing_algorithm or HashingAlgorithm.SHA_256, shown.timestamp
        expected = hashed_password(self.first, self.second, timestamp, self.algorithm)
        right = hmac.compare_digest(expected, shown.hashed_password) and algorithm is self.algorithm
        fresh = timestamp > after and abs(timestamp // 1_000_000 - now) <= MAXIMUM_SKEW_SECONDS
        return timestamp if right and fresh else None

    def answer(self, timestamp_us: int) -> bytes:
        """The Server Hashed Password."""
        return server_hashed_password(self.first, self.second, timestamp_us, self.algorithm)


@dataclass(frozen=True, slots=True)
class OneTime:
    """A device that shows one-time passwords."""

    KIND: ClassVar = "one-time"
    otp_algorithm: OTPAlgorithm
    seed: bytes = field(repr=False)
    algorithm: CryptographicAlgorithm = CryptographicAlgorithm.HMAC_SHA1
    digits: int = USUAL_DIGITS
    interval_seconds: int = USUAL_INTERVAL_SECONDS

    def __post_init__(self) -> None:
        check_one_time(self.seed, self.algorithm, self.digits, self.interval_seconds)

    def check(self, shown: OneTimePassword, after: int, now: int) -> int | None:
        """The mark of the counter that it is of, if that comes after the one before and is within the window."""
        if self.otp_algorithm is OTPAlgorithm.HOTP:
            window = range(after, after + LOOK_AHEAD)
        else:
            interval = now // self.interval_seconds
            window = range(max(after, interval - DRIFT), interval + DRIFT + 1)
        counter = find_counter(shown.one_time_password, self.seed, window, self.algorithm, self.digits)
        return None if counter is None else counter + 1


Verifier = Password | Salted | Digests | OneTime
_CLASSES: Final[Mapping[str, type[Verifier]]] = {cls.KIND: cls for cls in (Password, Salted, Digests, OneTime)}
_ENUMERATIONS: Final[Mapping[tuple[str, str], Any]] = {
    ("salted", "algorithm"): CryptographicAlgorithm,
    ("digests", "algorithm"): HashingAlgorithm,
    ("one-time", "algorithm"): CryptographicAlgorithm,
    ("one-time", "otp_algorithm"): OTPAlgorithm,
}


def check_password(password: str) -> str:
    """Refuse an empty password and one without measure.  Raises: OperationFailed (Bad Password)."""
    if not 0 < len(password) <= MAXIMUM_PASSWORD:
        raise OperationFailed(ResultReason.BAD_PASSWORD, f"a password has 1 to {MAXIMUM_PASSWORD} characters")
    return password


def dump(verifier: Verifier) -> dict[str, Any]:
    """As JSON can say it."""
    values = {part.name: getattr(verifier, part.name) for part in fields(verifier)}
    return {"kind": verifier.KIND} | {
        name: {"hex": value.hex()} if isinstance(value, bytes) else value for name, value in values.items()
    }


def load(found: Mapping[str, Any]) -> Verifier:
    """What `dump` said."""
    kind = found["kind"]
    values = {
        name: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
        for name, value in found.items()
        if name != "kind"
    }
    for (owner, name), enumeration in _ENUMERATIONS.items():
        if owner == kind:
            values[name] = enumeration(values[name])
    verifier: Callable[..., Verifier] = _CLASSES[kind]
    return verifier(**values)

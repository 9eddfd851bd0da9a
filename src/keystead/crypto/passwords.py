"""What passwords are known by: slow hashes, hashed passwords on the wire, one-time passwords.

Pure functions; who has which password, and how often it may be tried, is the engine's business.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from keystead.crypto.mac import digest
from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicAlgorithm, HashingAlgorithm, ResultReason

MEMORY_KIB: Final = 19_456
ITERATIONS: Final = 2
"""Of Argon2id with one lane.  Source: OWASP Password Storage Cheat Sheet; RFC 9106 section 4."""
MINIMUM_PBKDF2_ITERATIONS: Final = 100_000
DIGITS: Final = range(6, 11)
MINIMUM_SEED_BYTES: Final = 16
"""Source: RFC 4226 section 4, R6."""
LOOK_AHEAD: Final = 10
"""How many counters a HOTP device may be ahead.  Source: RFC 4226 section 7.2."""
DRIFT: Final = 1
"""How many intervals a TOTP device may be early or late.  Source: RFC 6238 section 5.2."""

_A = CryptographicAlgorithm
_SALTED: Final[Mapping[CryptographicAlgorithm, type[hashes.HashAlgorithm]]] = {
    _A.HMAC_SHA256: hashes.SHA256,
    _A.HMAC_SHA384: hashes.SHA384,
    _A.HMAC_SHA512: hashes.SHA512,
}
_ONE_TIME: Final[Mapping[CryptographicAlgorithm, str]] = {
    _A.HMAC_SHA1: "sha1",
    _A.HMAC_SHA256: "sha256",
    _A.HMAC_SHA512: "sha512",
}


def hash_password(password: str) -> str:
    """A password as Argon2id in PHC form, with a salt of its own.  Source: RFC 9106."""
    kdf = Argon2id(salt=os.urandom(16), length=32, iterations=ITERATIONS, lanes=1, memory_cost=MEMORY_KIB)
    return kdf.derive_phc_encoded(password.encode())


def verify_password(password: str, phc: str) -> bool:
    """Whether a password is the one of a hash."""
    try:
        Argon2id.verify_phc_encoded(password.encode(), phc)
    except (InvalidKey, ValueError):
        return False
    return True


@cache
def _nobody() -> str:
    return hash_password(os.urandom(16).hex())


def verify_nothing(password: str) -> bool:
    """Take as long as `verify_password` does, and refuse: an unknown name is not told by the clock."""
    verify_password(password, _nobody())
    return False


def verify_salted(
    password: str, algorithm: CryptographicAlgorithm, salt: bytes, iterations: int, salted: bytes
) -> bool:
    """Whether a password is the one that a client salted itself, by PBKDF2.  Source: RFC 8018 section 5.2."""
    kdf = PBKDF2HMAC(_SALTED[algorithm](), len(salted), salt, iterations)
    return hmac.compare_digest(kdf.derive(password.encode()), salted)


def check_salted(algorithm: CryptographicAlgorithm | None, salt: bytes, iterations: int, salted: bytes) -> None:
    """Refuse a salted password that nothing could be checked against, or that is guessed fast.

    Raises:
        OperationFailed: Bad Cryptographic Parameters.
    """
    if algorithm not in _SALTED or len(salt) < 8 or iterations < MINIMUM_PBKDF2_ITERATIONS or len(salted) < 16:
        raise OperationFailed(
            ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS,
            "a salted password is PBKDF2 with HMAC-SHA256, -384 or -512, 8 bytes of salt, "
            f"{MINIMUM_PBKDF2_ITERATIONS} iterations and 16 bytes of result at least",
        )


# --- Hashed Password --------------------------------------------------------------------------------------------------


def password_digests(username: str, password: str, algorithm: HashingAlgorithm) -> tuple[bytes, bytes]:
    """S1 and S2 of a Hashed Password credential.  Source: KMIP 2.1 §9.11, table 415."""
    name, secret = username.encode(), password.encode()
    return digest(name + secret, algorithm), digest(secret + name, algorithm)


def hashed_password(first: bytes, second: bytes, timestamp_us: int, algorithm: HashingAlgorithm) -> bytes:
    """What a client shows in place of its password at a time.  Source: KMIP 2.1 §9.11."""
    return digest(first + timestamp_us.to_bytes(8, "big", signed=True), algorithm) + second


def server_hashed_password(first: bytes, second: bytes, timestamp_us: int, algorithm: HashingAlgorithm) -> bytes:
    """What the server shows in return, to prove that it knows the password too.  Source: KMIP 2.1 §8.5, table 398."""
    return digest(timestamp_us.to_bytes(8, "big", signed=True) + first + digest(second, algorithm), algorithm)


# --- one-time passwords -----------------------------------------------------------------------------------------------


def check_one_time(seed: bytes, algorithm: CryptographicAlgorithm, digits: int, interval_seconds: int) -> None:
    """Refuse a seed or parameters that would be guessed.

    Raises:
        OperationFailed: Bad Cryptographic Parameters.
    """
    if algorithm not in _ONE_TIME or digits not in DIGITS or len(seed) < MINIMUM_SEED_BYTES or interval_seconds < 1:
        raise OperationFailed(
            ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS,
            f"a one-time password has {DIGITS[0]} to {DIGITS[-1]} digits of HMAC-SHA1, -SHA256 or -SHA512 "
            f"over a seed of {MINIMUM_SEED_BYTES} bytes at least",
        )


def one_time_password(seed: bytes, counter: int, algorithm: CryptographicAlgorithm, digits: int) -> str:
    """The one-time password of a counter.  Source: RFC 4226 section 5.3; RFC 6238 section 1.2."""
    mac = hmac.digest(seed, counter.to_bytes(8, "big"), _ONE_TIME[algorithm])
    offset = mac[-1] & 0xF
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}d}"


def find_counter(
    password: str, seed: bytes, counters: range, algorithm: CryptographicAlgorithm, digits: int
) -> int | None:
    """The counter of a one-time password among some; every one of them is looked at, byte exact."""
    given, found = password.encode(), None
    for counter in counters:
        if hmac.compare_digest(one_time_password(seed, counter, algorithm, digits).encode(), given) and found is None:
            found = counter
    return found

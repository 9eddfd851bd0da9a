"""Passwords: slow hashes, hashed passwords, one-time passwords."""

from __future__ import annotations

import hashlib

import pytest

from keystead.crypto.passwords import (
    check_one_time,
    check_salted,
    find_counter,
    hash_password,
    hashed_password,
    one_time_password,
    password_digests,
    server_hashed_password,
    verify_nothing,
    verify_password,
    verify_salted,
)
from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicAlgorithm, HashingAlgorithm, ResultReason

A = CryptographicAlgorithm
SHA_256 = HashingAlgorithm.SHA_256


def test_a_password_is_known_by_its_hash_only_byte_exact():
    phc = hash_password("secret2")
    assert phc.startswith("$argon2id$")
    assert "secret2" not in phc
    assert verify_password("secret2", phc)
    for wrong in ("", "secret", "secret2 ", "Secret2", "secret2\0"):
        assert not verify_password(wrong, phc)
    assert hash_password("secret2") != phc


def test_what_is_no_hash_verifies_nothing():
    for phc in ("", "x", "$argon2id$v=19$m=1$x", "\ufffd"):
        assert not verify_password("x", phc)
    assert not verify_nothing("x")


def test_salted_passwords_are_pbkdf2():
    salt, salted = b"saltSALT", hashlib.pbkdf2_hmac("sha256", b"passwd", b"saltSALT", 100_000)
    check_salted(A.HMAC_SHA256, salt, 100_000, salted)
    assert verify_salted("passwd", A.HMAC_SHA256, salt, 100_000, salted)
    assert not verify_salted("passwd ", A.HMAC_SHA256, salt, 100_000, salted)
    for algorithm, iterations in ((A.HMAC_SHA256, 1000), (A.AES, 100_000), (None, 100_000)):
        with pytest.raises(OperationFailed) as refusal:
            check_salted(algorithm, salt, iterations, salted)
        assert refusal.value.reason is ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS


def test_hashed_passwords_are_what_kmip_says():
    first, second = password_digests("Fred", "password1", SHA_256)
    assert first == hashlib.sha256(b"Fredpassword1").digest()
    assert second == hashlib.sha256(b"password1Fred").digest()
    timestamp = (1_700_000_000_000_000).to_bytes(8, "big")
    assert hashed_password(first, second, 1_700_000_000_000_000, SHA_256) == (
        hashlib.sha256(first + timestamp).digest() + second
    )
    assert server_hashed_password(first, second, 1_700_000_000_000_000, SHA_256) == (
        hashlib.sha256(timestamp + first + hashlib.sha256(second).digest()).digest()
    )


RFC_4226 = ("755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489")
"""Source: RFC 4226, appendix D."""
RFC_6238 = (
    (59, "94287082", A.HMAC_SHA1, 20),
    (1_111_111_109, "07081804", A.HMAC_SHA1, 20),
    (20_000_000_000, "65353130", A.HMAC_SHA1, 20),
    (59, "46119246", A.HMAC_SHA256, 32),
    (59, "90693936", A.HMAC_SHA512, 64),
)
"""Source: RFC 6238, appendix B."""
SEED = b"12345678901234567890"


def test_hotp_known_answers():
    assert tuple(one_time_password(SEED, n, A.HMAC_SHA1, 6) for n in range(10)) == RFC_4226


@pytest.mark.parametrize(("time", "code", "algorithm", "length"), RFC_6238)
def test_totp_known_answers(time: int, code: str, algorithm: A, length: int):
    assert one_time_password((SEED * 4)[:length], time // 30, algorithm, 8) == code


def test_a_one_time_password_is_found_within_the_window_byte_exact():
    assert find_counter("359152", SEED, range(5), A.HMAC_SHA1, 6) == 2
    for wrong in ("359152 ", " 359152", "35915", "\uff13\uff15\uff19\uff11\uff15\uff12", ""):
        assert find_counter(wrong, SEED, range(5), A.HMAC_SHA1, 6) is None
    assert find_counter("359152", SEED, range(3, 9), A.HMAC_SHA1, 6) is None


@pytest.mark.parametrize(
    ("seed", "algorithm", "digits", "interval"),
    [
        (b"short", A.HMAC_SHA1, 6, 30),
        (SEED, A.AES, 6, 30),
        (SEED, A.HMAC_SHA1, 4, 30),
        (SEED, A.HMAC_SHA1, 11, 30),
        (SEED, A.HMAC_SHA1, 6, 0),
    ],
)
def test_one_time_passwords_that_would_be_guessed_are_refused(seed: bytes, algorithm: A, digits: int, interval: int):
    with pytest.raises(OperationFailed):
        check_one_time(seed, algorithm, digits, interval)

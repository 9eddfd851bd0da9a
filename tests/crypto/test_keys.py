"""keystead.crypto.keys."""

from __future__ import annotations

import pytest

from keystead.crypto import checks, keys
from keystead.crypto.keys import (
    LENGTHS,
    KeyFacts,
    check_symmetric,
    describe,
    generate_key_pair,
    generate_symmetric,
    symmetric_bytes,
    symmetric_material,
)
from keystead.kmip.enums import CryptographicAlgorithm, KeyFormatType, RecommendedCurve, ResultReason
from keystead.kmip.structures import TransparentKey

A = CryptographicAlgorithm
C = RecommendedCurve
F = KeyFormatType
R = ResultReason


@pytest.mark.parametrize("algorithm", LENGTHS, ids=str)
def test_every_symmetric_algorithm_has_keys_of_its_lengths_only(algorithm, refused):
    for length in range(1, 600):
        if length in LENGTHS[algorithm]:
            key = generate_symmetric(algorithm, length)
            assert check_symmetric(algorithm, key, length) == length
            assert key != generate_symmetric(algorithm, length) or length <= 40
        else:
            with refused(R.INVALID_ATTRIBUTE_VALUE):
                generate_symmetric(algorithm, length)


@pytest.mark.parametrize(("length", "size"), [(112, 16), (128, 16), (168, 24), (192, 24)])
def test_a_made_triple_des_key_has_odd_parity_and_different_parts(length, size):
    key = generate_symmetric(A.TRIPLE_DES, length)
    assert len(key) == size
    assert all(octet.bit_count() % 2 for octet in key)
    assert len({key[i : i + 8] for i in range(0, size, 8)}) == size // 8


def test_the_length_of_a_key_that_came_without_one():
    assert check_symmetric(A.AES, bytes(16)) == 128
    assert check_symmetric(A.TRIPLE_DES, bytes(range(24))) == 168
    assert check_symmetric(A.TRIPLE_DES, bytes(range(16))) == 112
    assert check_symmetric(A.TRIPLE_DES, bytes(range(8)), 64) == 64


def test_triple_des_is_taken_without_parity_and_of_equal_parts():
    assert check_symmetric(A.TRIPLE_DES, bytes(range(0, 48, 2)), 192) == 192
    assert check_symmetric(A.TRIPLE_DES, b"\1" * 24, 168) == 168


@pytest.mark.parametrize("size", [0, 1, 15, 17, 31, 33, 65])
def test_k36_aes_keys_of_other_lengths_are_refused(refused, size):
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        check_symmetric(A.AES, bytes(size))
    with refused(R.INVALID_ATTRIBUTE_VALUE):
        check_symmetric(A.AES, bytes(size), 128)


def test_k36_a_length_that_is_not_the_keys_is_refused(refused):
    for algorithm, size, length in ((A.AES, 16, 256), (A.TRIPLE_DES, 24, 112), (A.DES, 8, 128), (A.HMAC_SHA256, 32, 8)):
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            check_symmetric(algorithm, bytes(range(size)), length)


@pytest.mark.parametrize("key", ["00" * 8, "01" * 8, "fe" * 8, "ff" * 8, "e0fee0fef1fef1fe", "1f1f1f1f0e0e0e0e"])
def test_k36_weak_des_keys_are_refused_whatever_their_parity(refused, key):
    with refused(R.INVALID_ATTRIBUTE_VALUE, "weak"):
        check_symmetric(A.DES, bytes.fromhex(key))


def test_only_symmetric_algorithms_have_symmetric_keys(refused):
    for algorithm in (A.RSA, A.EC, A.SHA3_256, A.ML_KEM_768):
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            generate_symmetric(algorithm, 256)
        with refused(R.INVALID_ATTRIBUTE_VALUE):
            check_symmetric(algorithm, bytes(32))


def test_symmetric_material_and_bytes_are_inverse(refused):
    for key_format in (F.RAW, F.OPAQUE, F.TRANSPARENT_SYMMETRIC_KEY):
        assert symmetric_bytes(key_format, symmetric_material(key_format, b"key")) == b"key"
    for key_format in set(F) - {F.RAW, F.OPAQUE, F.TRANSPARENT_SYMMETRIC_KEY}:
        with refused(R.KEY_FORMAT_TYPE_NOT_SUPPORTED):
            symmetric_bytes(key_format, b"key")
        with refused(R.KEY_FORMAT_TYPE_NOT_SUPPORTED):
            symmetric_material(key_format, b"key")
    for key_format, material in (
        (F.RAW, TransparentKey(key=b"key")),
        (F.TRANSPARENT_SYMMETRIC_KEY, b"key"),
        (F.TRANSPARENT_SYMMETRIC_KEY, TransparentKey()),
    ):
        with refused(R.INVALID_FIELD):
            symmetric_bytes(key_format, material)


# --- key pairs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "length", "curve", "facts"),
    [
        (A.RSA, 1024, None, KeyFacts(A.RSA, 1024)),
        (A.DSA, 1024, None, KeyFacts(A.DSA, 1024)),
        (A.DH, 2048, None, KeyFacts(A.DH, 2048)),
        (A.EC, 521, None, KeyFacts(A.EC, 521, C.P_521)),
        (A.EC, 528, C.P_521, KeyFacts(A.EC, 521, C.P_521)),
        (A.ECDSA, 256, C.SECP256K1, KeyFacts(A.EC, 256, C.SECP256K1)),
        (A.ECDH, None, C.BRAINPOOLP384R1, KeyFacts(A.EC, 384, C.BRAINPOOLP384R1)),
        (A.EC, 256, C.CURVE25519, KeyFacts(A.EC, 256, C.CURVE25519)),
        (A.ECDH, None, C.CURVE448, KeyFacts(A.EC, 448, C.CURVE448)),
        (A.ECDSA, None, C.CURVE25519, KeyFacts(A.ED25519, 256, C.CURVE25519)),
        (A.ED25519, None, None, KeyFacts(A.ED25519, 256, C.CURVE25519)),
        (A.ED448, 456, None, KeyFacts(A.ED448, 456, C.CURVE448)),
        (A.ML_KEM_768, None, None, KeyFacts(A.ML_KEM_768, 1184 * 8)),
    ],
    ids=str,
)
def test_key_pairs_are_what_was_asked_for(algorithm, length, curve, facts):
    pair = generate_key_pair(algorithm, length, curve)
    assert describe(pair.private_key) == describe(pair.public_key) == facts
    assert pair.cryptographic_length == facts.cryptographic_length
    checks.private_key(pair.private_key)
    checks.public_key(pair.public_key)
    assert "private" not in repr(pair)


@pytest.mark.parametrize(
    ("algorithm", "length", "curve", "reason"),
    [
        (A.RSA, None, None, R.INVALID_ATTRIBUTE_VALUE),
        (A.RSA, 512, None, R.INVALID_ATTRIBUTE_VALUE),
        (A.RSA, 1025, None, R.INVALID_ATTRIBUTE_VALUE),
        (A.RSA, 32768, None, R.INVALID_ATTRIBUTE_VALUE),
        (A.DSA, 512, None, R.INVALID_ATTRIBUTE_VALUE),
        (A.DH, 1024, None, R.INVALID_ATTRIBUTE_VALUE),
        (A.EC, None, None, R.INVALID_ATTRIBUTE_VALUE),
        (A.EC, 255, None, R.INVALID_ATTRIBUTE_VALUE),
        (A.EC, 384, C.P_256, R.INVALID_ATTRIBUTE_VALUE),
        (A.EC, None, C.B_163, R.FEATURE_NOT_SUPPORTED),
        (A.AES, 256, None, R.INVALID_ATTRIBUTE_VALUE),
    ],
    ids=str,
)
def test_key_pairs_that_do_not_exist_are_refused(refused, algorithm, length, curve, reason):
    with refused(reason):
        generate_key_pair(algorithm, length, curve)


def test_every_curve_has_a_name():
    assert set(keys.CURVE_NAMES.values()) == set(keys.CURVES)

"""keystead.crypto.split."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystead.crypto.split import _GF256, _GF65536, MOST_PARTS, join, split
from keystead.errors import OperationFailed
from keystead.kmip.enums import ResultReason, SplitKeyMethod, SplitKeyPolynomial

M = SplitKeyMethod
R = ResultReason
PRIME = 2**521 - 1
METHODS = [
    (M.POLYNOMIAL_SHARING_GF_2_8, {}),
    (M.POLYNOMIAL_SHARING_GF_2_8, {"polynomial": SplitKeyPolynomial.POLYNOMIAL_283}),
    (M.POLYNOMIAL_SHARING_GF_2_16, {}),
    (M.POLYNOMIAL_SHARING_GF_2_16, {"polynomial": SplitKeyPolynomial.POLYNOMIAL_283}),
    (M.POLYNOMIAL_SHARING_PRIME_FIELD, {"prime_field_size": PRIME}),
]


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(METHODS),
    st.binary(min_size=1, max_size=32).map(lambda secret: secret * 2),
    st.integers(2, 6),
    st.integers(0, 4),
    st.randoms(use_true_random=False),
)
def test_any_threshold_of_parts_joins_and_more_do_too(method, secret, threshold, spare, random):
    name, options = method
    parts = split(name, secret, threshold + spare, threshold, **options)
    numbered = dict(enumerate(parts, 1))
    for count in range(threshold, len(parts) + 1):
        chosen = dict(random.sample(sorted(numbered.items()), count))
        assert join(name, chosen, threshold, length_bytes=len(secret), **options) == secret


@given(st.binary(min_size=1, max_size=64), st.integers(2, 8))
def test_xor_needs_all_parts(secret, parts):
    made = split(M.XOR, secret, parts, parts)
    assert join(M.XOR, dict(enumerate(made, 1)), parts) == secret
    with pytest.raises(OperationFailed):
        join(M.XOR, dict(enumerate(made[1:], 2)), parts)


def test_gf_2_8_joins_with_polynomial_285_unless_another_is_named():
    """Two shares of a line, by hand: secret 01, slope 67; 67 · 2 = CE, 67 · 4 = 81 modulo 285, 87 modulo 283."""
    shares = {2: b"\xcf", 4: b"\x80"}
    assert join(M.POLYNOMIAL_SHARING_GF_2_8, shares, 2) == b"\x01"
    other = SplitKeyPolynomial.POLYNOMIAL_283
    assert join(M.POLYNOMIAL_SHARING_GF_2_8, {2: b"\xcf", 4: b"\x86"}, 2, polynomial=other) == b"\x01"


@pytest.mark.parametrize("polynomial", [283, 285])
def test_gf_2_8_is_a_field(polynomial):
    field = _GF256(polynomial)
    assert all(field.multiply(value, field.inverse(value)) == 1 for value in range(1, 256))
    for a, b, c in itertools.product((1, 2, 3, 0x57, 0x83, 0xFF), repeat=3):
        assert field.multiply(a, b) == field.multiply(b, a)
        assert field.multiply(a, b ^ c) == field.multiply(a, b) ^ field.multiply(a, c)
        assert field.multiply(a, field.multiply(b, c)) == field.multiply(field.multiply(a, b), c)


def test_gf_2_8_of_aes_gives_fips_197s_answer():
    """Source: FIPS 197 section 4.2: {57} • {83} = {c1}."""
    assert _GF256(283).multiply(0x57, 0x83) == 0xC1


@pytest.mark.parametrize("polynomial", [283, 285])
def test_gf_2_16_is_a_field_in_which_y_squared_is_y_plus_m(polynomial):
    field = _GF65536(polynomial)
    assert field.multiply(0x0100, 0x0100) == 0x0100 ^ 0x3A
    for value in (*range(1, 65536, 257), 0x0100, 0xFFFF):
        assert field.multiply(value, field.inverse(value)) == 1
    for a, b, c in itertools.product((1, 2, 0x0100, 0x1234, 0xFFFF), repeat=3):
        assert field.multiply(a, b) == field.multiply(b, a)
        assert field.multiply(a, field.multiply(b, c)) == field.multiply(field.multiply(a, b), c)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: str(method[0]))
def test_parts_that_do_not_belong_together_do_not_join(method, refused):
    name, options = method
    parts = dict(enumerate(split(name, bytes(range(32)), 5, 3, **options), 1))
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        join(name, {1: parts[1], 2: parts[2]}, 3, **options)
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        join(name, {}, 3, **options)
    altered = parts | {4: bytes((parts[4][0] ^ 1,)) + parts[4][1:]}
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        join(name, altered, 3, **options)
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        join(name, parts | {5: parts[5][:-2]}, 3, **options)
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        join(name, {0: parts[1], 2: parts[2], 3: parts[3]}, 3, **options)
    with refused(R.CRYPTOGRAPHIC_FAILURE):
        join(name, {MOST_PARTS + 1: parts[1], 2: parts[2], 3: parts[3]}, 3, **options)


def test_fewer_parts_than_the_threshold_say_nothing():
    """Whatever the secret, one part of two takes every value."""
    seen = {split(M.POLYNOMIAL_SHARING_GF_2_8, b"\0", 2, 2)[0] for _ in range(4000)}
    assert len(seen) == 256


@pytest.mark.parametrize(
    ("method", "secret", "parts", "threshold", "options"),
    [
        (M.XOR, b"secret", 4, 3, {}),
        (M.XOR, b"", 2, 2, {}),
        (M.POLYNOMIAL_SHARING_GF_2_8, b"secret", 3, 1, {}),
        (M.POLYNOMIAL_SHARING_GF_2_8, b"secret", 2, 3, {}),
        (M.POLYNOMIAL_SHARING_GF_2_8, b"secret", 256, 3, {}),
        (M.POLYNOMIAL_SHARING_GF_2_8, b"secret", -1, -1, {}),
        (M.POLYNOMIAL_SHARING_GF_2_16, b"odd", 3, 2, {}),
        (M.POLYNOMIAL_SHARING_PRIME_FIELD, b"secret", 3, 2, {}),
        (M.POLYNOMIAL_SHARING_PRIME_FIELD, b"secret", 3, 2, {"prime_field_size": 2**48 - 59}),
        (M.POLYNOMIAL_SHARING_PRIME_FIELD, b"secret", 3, 2, {"prime_field_size": 2**521 - 3}),
        (M.POLYNOMIAL_SHARING_PRIME_FIELD, b"secret", 3, 2, {"prime_field_size": 2**9689 - 1}),
        (M.POLYNOMIAL_SHARING_PRIME_FIELD, b"secret", 3, 2, {"prime_field_size": -7}),
        (M.POLYNOMIAL_SHARING_PRIME_FIELD, b"\1", 3, 2, {"prime_field_size": 251}),
    ],
)
def test_splits_that_make_no_sense_are_refused(refused, method, secret, parts, threshold, options):
    with refused(R.INVALID_FIELD):
        split(method, secret, parts, threshold, **options)


def test_a_prime_field_keeps_leading_zeros_if_the_length_is_known():
    parts = dict(enumerate(split(M.POLYNOMIAL_SHARING_PRIME_FIELD, b"\0\0\1", 3, 2, prime_field_size=PRIME), 1))
    assert join(M.POLYNOMIAL_SHARING_PRIME_FIELD, parts, 2, prime_field_size=PRIME, length_bytes=3) == b"\0\0\1"
    assert len(join(M.POLYNOMIAL_SHARING_PRIME_FIELD, parts, 2, prime_field_size=PRIME)) == 65

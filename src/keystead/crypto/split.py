"""Split a secret into parts and join them: XOR, and polynomial sharing in three kinds of field.

All arithmetic on secrets multiplies whole vectors by numbers that are no secret (the part identifiers and what follows
from them), with shifts and masks: no table is indexed by a secret.

Source: KMIP 1.4 section 2.2.5; 2.1 sections 2.8, 13.1; 3.0 CSD01 section 4.63; Shamir, How to Share a Secret (1979).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, reduce
from typing import Final, Protocol

from keystead.errors import OperationFailed
from keystead.kmip.enums import ResultReason, SplitKeyMethod, SplitKeyPolynomial

POLYNOMIALS: Final = {SplitKeyPolynomial.POLYNOMIAL_283: 283, SplitKeyPolynomial.POLYNOMIAL_285: 285}
"""x^8 + x^4 + x^3 + x + 1, the field of AES, and x^8 + x^4 + x^3 + x^2 + 1, the field of the OASIS cases TC-SJ-3."""

DEFAULT_POLYNOMIAL: Final = 285
MOST_PARTS: Final = 255
MOST_PRIME_BITS: Final = 4224
_M: Final = 0x3A


class _Field(Protocol):
    """A field of characteristic two; its vectors are bytes."""

    element_bytes: int

    def multiply(self, left: int, right: int) -> int: ...

    def scale(self, vector: bytes, constant: int) -> bytes: ...

    def inverse(self, value: int) -> int: ...


class _GF256:
    """GF(2^8) modulo a polynomial."""

    element_bytes = 1

    def __init__(self, polynomial: int) -> None:
        self._low = polynomial & 0xFF

    def scale(self, vector: bytes, constant: int) -> bytes:
        """Multiply each byte of a vector by a constant, all at once."""
        size = len(vector)
        high_bits = int.from_bytes(b"\x80" * size, "big")
        value, result = int.from_bytes(vector, "big"), 0
        while constant:
            if constant & 1:
                result ^= value
            constant >>= 1
            carried = value & high_bits
            value = (value ^ carried) << 1 ^ (carried >> 7) * self._low
        return result.to_bytes(size, "big")

    def multiply(self, left: int, right: int) -> int:
        return self.scale(bytes((left,)), right)[0]

    def inverse(self, value: int) -> int:
        return reduce(self.multiply, [value] * 253, value)  # value^254


class _GF65536:
    """GF(2^16) = GF(2^8)[y] / (y^2 + y + m), m = 3A; an element u y + v is the bytes u, v.

    The specification prints a product (r y + s)(u y + v) whose last term, ru + svm, does not follow from this field;
    sv + rum does, and it is what the inverse that it prints fits.
    """

    element_bytes = 2

    def __init__(self, polynomial: int) -> None:
        self._base = _GF256(polynomial)

    def scale(self, vector: bytes, constant: int) -> bytes:
        r, s = divmod(constant, 256)
        u, v = vector[0::2], vector[1::2]
        scale = self._base.scale
        sv = scale(v, s)
        product = bytearray(len(vector))
        product[0::2] = _xor(scale(_xor(u, v), r ^ s), sv)
        product[1::2] = _xor(sv, scale(scale(u, r), _M))
        return bytes(product)

    def multiply(self, left: int, right: int) -> int:
        return int.from_bytes(self.scale(left.to_bytes(2, "big"), right), "big")

    def inverse(self, value: int) -> int:
        u, v = divmod(value, 256)
        multiply = self._base.multiply
        inverse_d = self._base.inverse(multiply(u ^ v, v) ^ multiply(_M, multiply(u, u)))
        return multiply(u, inverse_d) << 8 | multiply(u ^ v, inverse_d)


_FIELDS: Final[dict[SplitKeyMethod, Callable[[int], _Field]]] = {
    SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8: _GF256,
    SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_16: _GF65536,
}


@cache
def _field(method: SplitKeyMethod, polynomial: int) -> _Field:
    return _FIELDS[method](polynomial)


def _xor(*vectors: bytes) -> bytes:
    value = reduce(lambda left, right: left ^ right, (int.from_bytes(vector, "big") for vector in vectors))
    return value.to_bytes(len(vectors[0]), "big")


def _refused(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.INVALID_FIELD, message)


def _failed(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.CRYPTOGRAPHIC_FAILURE, message)


def _polynomial(polynomial: SplitKeyPolynomial | None) -> int:
    return DEFAULT_POLYNOMIAL if polynomial is None else POLYNOMIALS[polynomial]


# --- split ------------------------------------------------------------------------------------------------------------


def split(
    method: SplitKeyMethod,
    secret: bytes,
    parts: int,
    threshold: int,
    *,
    prime_field_size: int | None = None,
    polynomial: SplitKeyPolynomial | None = None,
) -> list[bytes]:
    """Split a secret: the key material of the parts with the Key Part Identifiers 1, 2, ….

    Args:
        parts: how many there are.
        threshold: how many of them it takes; of XOR all.
        prime_field_size: of Prime Field: a prime greater than any secret of this length.
        polynomial: of GF(2^8), under GF(2^16) as well; 285 if it is absent.

    Raises:
        OperationFailed: Invalid Field.
    """
    if not 2 <= threshold <= parts <= MOST_PARTS:
        raise _refused(f"there must be 2 to {MOST_PARTS} parts, and a threshold of 2 up to their number")
    if not secret:
        raise _refused("there is nothing to split")
    if method is SplitKeyMethod.XOR:
        if threshold != parts:
            raise _refused("XOR needs all parts: the threshold must be their number")
        pads = [os.urandom(len(secret)) for _ in range(parts - 1)]
        return [*pads, _xor(secret, *pads)]
    if method is SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD:
        return _split_prime(secret, parts, threshold, prime_field_size)
    if method not in _FIELDS:
        raise _refused(f"the Split Key Method {method} is not supported")
    field = _field(method, _polynomial(polynomial))
    if len(secret) % field.element_bytes:
        raise _refused("the secret is not a whole number of pieces of 16 bits")
    coefficients = [secret, *(os.urandom(len(secret)) for _ in range(threshold - 1))]
    return [_evaluate(field, coefficients, x) for x in range(1, parts + 1)]


def _evaluate(field: _Field, coefficients: Sequence[bytes], x: int) -> bytes:
    """Give the value at x, by Horner's rule."""
    return reduce(lambda value, coefficient: _xor(field.scale(value, x), coefficient), reversed(coefficients))


def _split_prime(secret: bytes, parts: int, threshold: int, prime: int | None) -> list[bytes]:
    checked = _checked_prime(prime)
    if checked >> (len(secret) * 8) == 0:
        raise _refused("the Prime Field Size is not greater than every secret of this length")
    coefficients = [int.from_bytes(secret, "big"), *(secrets.randbelow(checked) for _ in range(threshold - 1))]
    size = (checked.bit_length() + 7) // 8
    return [
        reduce(lambda value, coefficient: (value * x + coefficient) % checked, reversed(coefficients)).to_bytes(
            size, "big"
        )
        for x in range(1, parts + 1)
    ]


@lru_cache(maxsize=64)
def _is_prime(value: int) -> bool:
    """Say whether a number is prime, by Miller and Rabin; fewer rounds where each is long.

    A composite that passes harms nobody but the client who chose it.  Source: FIPS 186-5 appendix B.3.1.
    """
    if value < 4 or value % 2 == 0:
        return value in (2, 3)
    shift = (value - 1 & 1 - value).bit_length() - 1
    for _ in range(40 if value.bit_length() <= 1024 else 8):
        x = pow(secrets.randbelow(value - 3) + 2, value >> shift, value)
        if x in (1, value - 1):
            continue
        for _ in range(shift - 1):
            x = x * x % value
            if x == value - 1:
                break
        else:
            return False
    return True


def _checked_prime(prime: int | None) -> int:
    if prime is None:
        raise _refused("Polynomial Sharing Prime Field needs a Prime Field Size")
    if not prime > MOST_PARTS or prime.bit_length() > MOST_PRIME_BITS or not _is_prime(prime):
        raise _refused(f"the Prime Field Size must be a prime above {MOST_PARTS} of at most {MOST_PRIME_BITS} bits")
    return prime


# --- join -------------------------------------------------------------------------------------------------------------


def join(
    method: SplitKeyMethod,
    parts: Mapping[int, bytes],
    threshold: int,
    *,
    prime_field_size: int | None = None,
    polynomial: SplitKeyPolynomial | None = None,
    length_bytes: int | None = None,
) -> bytes:
    """Join parts to the secret; parts beyond the threshold must agree with the others.

    Args:
        parts: Key Part Identifier → key material.
        length_bytes: of the secret, for Prime Field, whose numbers do not keep it.

    Raises:
        OperationFailed: Cryptographic Failure if there are too few parts or they do not belong together; Invalid
            Field.
    """
    if len(parts) < max(threshold, 1):
        raise _failed("there are fewer parts than the threshold")
    if len({len(part) for part in parts.values()}) != 1 or not all(1 <= x <= MOST_PARTS for x in parts):
        raise _failed("the parts do not belong together")
    if method is SplitKeyMethod.XOR:
        if len(parts) != threshold:
            raise _failed("XOR needs all parts, no more")
        return _xor(*parts.values())
    if method is SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD:
        return _join_prime(parts, threshold, prime_field_size, length_bytes)
    if method not in _FIELDS:
        raise _refused(f"the Split Key Method {method} is not supported")
    field = _field(method, _polynomial(polynomial))
    if len(next(iter(parts.values()))) % field.element_bytes:
        raise _failed("the parts are not whole numbers of pieces of 16 bits")
    chosen = dict(sorted(parts.items())[:threshold])
    for x, part in parts.items():
        if x not in chosen and _interpolate(field, chosen, x) != part:
            raise _failed("the parts do not belong together")
    return _interpolate(field, chosen, 0)


def _interpolate(field: _Field, parts: Mapping[int, bytes], at: int) -> bytes:
    """Give the value at `at` of the polynomial through the parts.  Source: Lagrange."""
    terms = []
    for x, part in parts.items():
        weight = 1
        for other in parts:
            if other != x:
                weight = field.multiply(weight, field.multiply(at ^ other, field.inverse(x ^ other)))
        terms.append(field.scale(part, weight))
    return _xor(*terms)


def _interpolate_prime(prime: int, parts: Mapping[int, int], at: int) -> int:
    total = 0
    for x, part in parts.items():
        weight = 1
        for other in parts:
            if other != x:
                weight = weight * (at - other) * pow(x - other, -1, prime) % prime
        total += part * weight
    return total % prime


def _join_prime(parts: Mapping[int, bytes], threshold: int, prime: int | None, length_bytes: int | None) -> bytes:
    checked = _checked_prime(prime)
    numbers = {x: int.from_bytes(part, "big") for x, part in sorted(parts.items())}
    chosen = dict(list(numbers.items())[:threshold])
    secret = _interpolate_prime(checked, chosen, 0)
    size = (checked.bit_length() - 1) // 8 if length_bytes is None else length_bytes
    if (
        any(number >= checked for number in numbers.values())
        or any(_interpolate_prime(checked, chosen, x) != number for x, number in numbers.items() if x not in chosen)
        or secret.bit_length() > size * 8
    ):
        raise _failed("the parts do not belong together")
    return secret.to_bytes(size, "big")

"""What makes a key unfit, whoever brings it: K36.

Each check raises ValueError with a sentence that says what is wrong and nothing of the key.

Source: SP 800-56A section 5.6.2.3; SP 800-56B section 6.4; FIPS 186-5 appendix A; FIPS 203; FIPS 204; RFC 7748
section 6; Nemec et al., The Return of Coppersmith's Attack (2017) for the fingerprint.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import takewhile
from math import gcd, isqrt, prod
from typing import Final

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keystead.crypto import der

LARGEST_RSA_BITS: Final = 16384
SMALLEST_RSA_BITS: Final = 1024

_SMALL_PRIMES: Final = tuple(n for n in range(3, 8192, 2) if all(n % d for d in range(3, isqrt(n) + 1, 2)))
_SMALL_PRODUCT: Final = prod(_SMALL_PRIMES)
_FERMAT_STEPS: Final = 64


def _powers(base: int, modulus: int) -> frozenset[int]:
    found, value = set(), 1
    while value not in found:
        found.add(value)
        value = value * base % modulus
    return frozenset(found)


_ROCA: Final = tuple((p, _powers(65537, p)) for p in _SMALL_PRIMES if p <= 167)
"""A modulus of the flawed generator is a power of 65537 modulo every one of these; by chance hardly ever."""


def rsa_public(n: int, e: int) -> None:
    """Check a modulus and a public exponent.

    Raises:
        ValueError: a bad size or exponent, a small factor, factors close together, or the ROCA fingerprint.
    """
    if not SMALLEST_RSA_BITS <= n.bit_length() <= LARGEST_RSA_BITS:
        raise ValueError(f"an RSA modulus has {SMALLEST_RSA_BITS} to {LARGEST_RSA_BITS} bits")
    if e < 3 or not e & 1 or e.bit_length() > 256:
        raise ValueError("the RSA public exponent must be odd, at least 3 and at most 256 bits long")
    if not n & 1 or gcd(n, _SMALL_PRODUCT) != 1:
        raise ValueError("the RSA modulus has a small factor")
    if all(n % p in powers for p, powers in _ROCA):
        raise ValueError("the RSA modulus has the fingerprint of the ROCA flaw")
    a = isqrt(n - 1) + 1
    for _ in range(_FERMAT_STEPS):
        square = a * a - n
        root = isqrt(square)
        if root * root == square:
            raise ValueError("the factors of the RSA modulus are too close together")
        a += 1


def rsa_private(p: int, q: int) -> None:
    """Check the factors of a modulus.

    Raises:
        ValueError: they are equal or closer than FIPS 186-5 section A.1.3 has it.
    """
    if p == q or abs(p - q).bit_length() <= max(p, q).bit_length() - 100:
        raise ValueError("the factors of the RSA modulus are too close together")


def dsa_numbers(p: int, q: int, g: int, x: int | None = None, y: int | None = None) -> None:
    """Check the numbers of a DSA key of any size.

    Raises:
        ValueError: g has not the order q, or x or y is out of range or of another group.
    """
    if not 512 <= p.bit_length() <= 4096 or not 160 <= q.bit_length() <= 256 or not p & 1:
        raise ValueError("the DSA parameters have the wrong size")
    if (p - 1) % q or not 1 < g < p or pow(g, q, p) != 1:
        raise ValueError("the DSA generator does not have the order q")
    if x is not None and not 0 < x < q:
        raise ValueError("the DSA private key is out of range")
    if y is not None and (not 1 < y < p - 1 or pow(y, q, p) != 1):
        raise ValueError("the DSA public key is not in the group")


def ec_point(point: bytes, field_bytes: int, compressed: bool = False) -> None:
    """Check how a point of a prime curve is encoded; whether it is on the curve is checked where it is loaded.

    Raises:
        ValueError: infinity, a hybrid point, a compressed one that was not announced, or the wrong length.
    """
    if len(point) == 1 + 2 * field_bytes and point[0] == 4:
        return
    if compressed and len(point) == 1 + field_bytes and point[0] in (2, 3):
        return
    raise ValueError("the elliptic curve point is not in the announced form")


_P25519: Final = 2**255 - 19
_D25519: Final = -121665 * pow(121666, -1, _P25519) % _P25519
_P448: Final = 2**448 - 2**224 - 1
_D448: Final = -39081


def x25519_public(u: bytes) -> None:
    """Check a public key of X25519.

    Raises:
        ValueError: its order is small: every shared secret would be zero.
    """
    # The library refuses a shared secret of zero, as RFC 7748 section 6.1 asks; the private key used does not matter.
    x25519.X25519PrivateKey.from_private_bytes(bytes(31) + b"\x40").exchange(
        x25519.X25519PublicKey.from_public_bytes(u)
    )


def x448_public(u: bytes) -> None:
    """Check a public key of X448.

    Raises:
        ValueError: its order is small.
    """
    x448.X448PrivateKey.from_private_bytes(bytes(55) + b"\x80").exchange(x448.X448PublicKey.from_public_bytes(u))


def ed25519_public(encoded: bytes) -> None:
    """Check a public key of Ed25519.

    Raises:
        ValueError: it is no point of the curve, or one of small order.

    Source: RFC 8032 section 5.1.3; RFC 7748 section 4.1 for the map to X25519.
    """
    y = int.from_bytes(encoded, "little") & (1 << 255) - 1
    if y >= _P25519 or not _is_square((y * y - 1) * pow(_D25519 * y * y + 1, -1, _P25519), _P25519):
        raise ValueError("the Ed25519 public key is not on the curve")
    u = (1 + y) * pow(1 - y, _P25519 - 2, _P25519) % _P25519
    x25519_public(u.to_bytes(32, "little"))


def ed448_public(encoded: bytes) -> None:
    """Check a public key of Ed448.

    Raises:
        ValueError: it is no point of the curve, or one of small order: y is 0, 1 or -1.

    Source: RFC 8032 section 5.2.3.
    """
    y = int.from_bytes(encoded[:56], "little")
    if len(encoded) != 57 or encoded[56] & 0x7F or y >= _P448:
        raise ValueError("the Ed448 public key is not in its one encoding")
    if y in (0, 1, _P448 - 1):
        raise ValueError("the Ed448 public key has a small order")
    if not _is_square((y * y - 1) * pow(_D448 * y * y - 1, -1, _P448), _P448):
        raise ValueError("the Ed448 public key is not on the curve")


def _is_square(value: int, prime: int) -> bool:
    return pow(value, (prime - 1) // 2, prime) in (0, 1)


def public_key(key: object) -> None:
    """Check a loaded public key of any kind.

    Raises:
        ValueError: says what is wrong with it.
    """
    match key:
        case rsa.RSAPublicKey():
            rsa_numbers = key.public_numbers()
            rsa_public(rsa_numbers.n, rsa_numbers.e)
        case dsa.DSAPublicKey():
            numbers = key.public_numbers()
            group = numbers.parameter_numbers
            dsa_numbers(group.p, group.q, group.g, y=numbers.y)
        case ed25519.Ed25519PublicKey():
            ed25519_public(key.public_bytes_raw())
        case ed448.Ed448PublicKey():
            ed448_public(key.public_bytes_raw())
        case x25519.X25519PublicKey():
            x25519_public(key.public_bytes_raw())
        case x448.X448PublicKey():
            x448_public(key.public_bytes_raw())
        case ec.EllipticCurvePublicKey():
            # Loading has checked that it is on the curve; the curves in use have a cofactor of one.
            ec_point(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint), (key.key_size + 7) // 8)


def private_key(key: object) -> None:
    """Check a loaded private key of any kind, beyond its public half.

    Raises:
        ValueError: says what is wrong with it.
    """
    match key:
        case rsa.RSAPrivateKey():
            numbers = key.private_numbers()
            rsa_private(numbers.p, numbers.q)
        case dsa.DSAPrivateKey():
            dsa_key = key.private_numbers()
            group = dsa_key.public_numbers.parameter_numbers
            dsa_numbers(group.p, group.q, group.g, x=dsa_key.x)


# --- ML-KEM and ML-DSA ------------------------------------------------------------------------------------------------

_Q_ML_KEM: Final = 3329
_SECRETS: Final = {2560: (4 + 4, 2), 4032: (6 + 5, 4), 4896: (8 + 7, 2)}
"""Bytes of an expanded ML-DSA key → how many secret polynomials it has, and η.  Source: FIPS 204 table 1."""


def ml_kem_public(encoded: bytes) -> None:
    """Check an encapsulation key: 256 coefficients of 12 bits a polynomial, then 32 bytes.

    Raises:
        ValueError: a coefficient is not reduced.

    Source: FIPS 203 section 7.2.
    """
    for i in range(0, len(encoded) - 32, 3):
        pair = int.from_bytes(encoded[i : i + 3], "little")
        if pair & 0xFFF >= _Q_ML_KEM or pair >> 12 >= _Q_ML_KEM:
            raise ValueError("a coefficient of the ML-KEM key is not reduced")


def ml_dsa_private(encoded: bytes) -> None:
    """Check an expanded private key: after 128 bytes the secret polynomials, each coefficient as η less itself.

    Raises:
        ValueError: a coefficient is beyond η.

    Source: FIPS 204 algorithms 24 and 25.
    """
    polynomials, eta = _SECRETS[len(encoded)]
    bits = (2 * eta).bit_length()
    size = polynomials * 256 * bits // 8
    # Three bytes are a whole number of coefficients of 3 bits, and of 4.
    for i in range(128, 128 + size, 3):
        few = int.from_bytes(encoded[i : min(i + 3, 128 + size)], "little")
        while few:
            if few & (1 << bits) - 1 > 2 * eta:
                raise ValueError("a coefficient of the ML-DSA key is out of range")
            few >>= bits


# --- DES ------------------------------------------------------------------------------------------------------------

_WEAK: Final = (
    "0101010101010101 FEFEFEFEFEFEFEFE E0E0E0E0F1F1F1F1 1F1F1F1F0E0E0E0E "
    "011F011F010E010E 1F011F010E010E01 01E001E001F101F1 E001E001F101F101 01FE01FE01FE01FE FE01FE01FE01FE01 "
    "1FE01FE00EF10EF1 E01FE01FF10EF10E 1FFE1FFE0EFE0EFE FE1FFE1FFE0EFE0E E0FEE0FEF1FEF1FE FEE0FEE0FEF1FEF1"
)


def _without_parity(key: bytes) -> bytes:
    return bytes(octet & 0xFE for octet in key)


_WEAK_DES: Final = frozenset(_without_parity(bytes.fromhex(word)) for word in _WEAK.split())


def is_weak_des(key: bytes) -> bool:
    """Say whether a DES key is one of the four weak or twelve semi-weak keys, whatever its parity.

    Source: SP 800-67 section 3.3.2.
    """
    return _without_parity(key) in _WEAK_DES


# --- passwords ------------------------------------------------------------------------------------------------------

_DEEPEST: Final = 24
_CONSTRUCTED: Final = 0x20


def iterations(encoded: bytes, depth: int = 0) -> int:
    """Give the iterations that parameters in DER ask for, in all: where a salt and then a number stand side by side.

    So do those of PBKDF2, of the derivation and the MAC of PKCS#12, and of scrypt, whose numbers multiply.

    Raises:
        ValueError: it is not DER.

    Source: RFC 8018 appendix A.2; RFC 7292 section 4 and appendix C; RFC 7914 section 7.
    """
    if depth > _DEEPEST:
        raise ValueError("the DER is too deep")
    fields, asked = der.elements(encoded), 0
    for place, (tag, content) in enumerate(fields):
        if tag == der.OCTET_STRING | _CONSTRUCTED:
            raise ValueError("an OCTET STRING in pieces is not DER")
        if tag & _CONSTRUCTED:
            asked += iterations(content, depth + 1)
        elif tag == der.OCTET_STRING:
            follow = takewhile(lambda field: field[0] == der.INTEGER, fields[place + 1 :])
            numbers = [int.from_bytes(number, "big") for _, number in follow]
            # Of two the second is the length of the key.
            asked += prod(numbers) if len(numbers) > 2 else sum(numbers[:1])
            with suppress(ValueError):
                asked += iterations(content, depth + 1)
    return asked

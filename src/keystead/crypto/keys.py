"""Make keys, describe them, check symmetric ones.

Source: KMIP 1.4 sections 3.4, 3.5, 3.7, 4.1, 4.2; 2.1 sections 4.13, 4.15, 6.1.8, 6.1.9.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519

from keystead.crypto import checks, ffdh, pqc
from keystead.crypto.ffdh import DHPrivateKey, DHPublicKey
from keystead.crypto.mac import HMACS
from keystead.crypto.pqc import PostQuantumPrivateKey, PostQuantumPublicKey
from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicAlgorithm, KeyFormatType, RecommendedCurve, ResultReason
from keystead.kmip.structures import TransparentKey

A = CryptographicAlgorithm
C = RecommendedCurve

PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | dsa.DSAPrivateKey
    | DHPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | x25519.X25519PrivateKey
    | x448.X448PrivateKey
    | PostQuantumPrivateKey
)
PublicKey = (
    rsa.RSAPublicKey
    | ec.EllipticCurvePublicKey
    | dsa.DSAPublicKey
    | DHPublicKey
    | ed25519.Ed25519PublicKey
    | ed448.Ed448PublicKey
    | x25519.X25519PublicKey
    | x448.X448PublicKey
    | PostQuantumPublicKey
)

# --- symmetric keys ---------------------------------------------------------------------------------------------------

_BLOCK_LENGTHS: Final = frozenset((128, 192, 256))
_DES_LENGTHS: Final = {56: 8, 64: 8}
_TRIPLE_DES_LENGTHS: Final = {112: 16, 128: 16, 168: 24, 192: 24}
"""Cryptographic Length without and with parity bits (KMIP 1.4 section 2.1.3) → bytes of the key, which has them."""

LENGTHS: Final[dict[CryptographicAlgorithm, Container[int]]] = {
    # Two keys of XTS are one key to KMIP, so AES also has 512 bits.
    A.AES: _BLOCK_LENGTHS | {512},
    A.DES: _DES_LENGTHS,
    A.TRIPLE_DES: _TRIPLE_DES_LENGTHS,
    A.CAMELLIA: _BLOCK_LENGTHS,
    A.ARIA: _BLOCK_LENGTHS,
    A.TWOFISH: _BLOCK_LENGTHS,
    A.MARS: range(128, 449, 32),
    A.SEED: (128,),
    A.SM4: (128,),
    A.IDEA: (128,),
    A.SKIPJACK: (80,),
    A.BLOWFISH: range(32, 449, 8),
    A.CAST5: range(40, 129, 8),
    A.RC2: range(40, 1025, 8),
    A.RC4: range(40, 2049, 8),
    A.RC5: range(40, 2041, 8),
    A.CHACHA20: (256,),
    A.CHACHA20POLY1305: (256,),
    A.POLY1305: (256,),
    A.GOST_28147_89: (256,),
    A.GOST_R_34_13_2015: (256,),
    A.ONE_TIME_PAD: range(8, 8 * 2**20 + 1, 8),
    **dict.fromkeys(HMACS, range(8, 8 * 2**13 + 1, 8)),
}
"""The Cryptographic Lengths, in bits, that a symmetric algorithm has."""


def _bad_length(algorithm: CryptographicAlgorithm) -> OperationFailed:
    return OperationFailed(
        ResultReason.INVALID_ATTRIBUTE_VALUE, f"{algorithm} does not have keys of this Cryptographic Length"
    )


def _key_bytes(algorithm: CryptographicAlgorithm, length_bits: int) -> int:
    lengths = LENGTHS.get(algorithm)
    if lengths is None:
        raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, f"{algorithm} does not have symmetric keys")
    if length_bits not in lengths:
        raise _bad_length(algorithm)
    return lengths[length_bits] if isinstance(lengths, dict) else length_bits // 8


def _odd_parity(key: bytes) -> bytes:
    return bytes(octet & 0xFE | ~(octet >> 1).bit_count() & 1 for octet in key)


def generate_symmetric(algorithm: CryptographicAlgorithm, length_bits: int) -> bytes:
    """Make a random key; DES and 3DES keys have odd parity, are not weak and repeat no part.

    Args:
        length_bits: the Cryptographic Length; of DES and 3DES with or without the parity bits.

    Raises:
        OperationFailed: Invalid Attribute Value.
    """
    size = _key_bytes(algorithm, length_bits)
    if algorithm not in (A.DES, A.TRIPLE_DES):
        return os.urandom(size)
    while True:
        key = _odd_parity(os.urandom(size))
        parts = {key[i : i + 8] for i in range(0, size, 8)}
        if len(parts) == size // 8 and not any(checks.is_weak_des(part) for part in parts):
            return key


def check_symmetric(algorithm: CryptographicAlgorithm, key: bytes, length_bits: int | None = None) -> int:
    """Check the bytes of a key that was brought in; give its Cryptographic Length in bits.

    The parity of DES and 3DES keys is not looked at: clients leave it out.

    Args:
        length_bits: what the client says it is.

    Raises:
        OperationFailed: Invalid Attribute Value: a length that the algorithm does not have, or not the one said; a
            weak DES key (K36).
    """
    natural = {8: 56, 16: 112, 24: 168}.get(len(key), 0) if algorithm in (A.DES, A.TRIPLE_DES) else len(key) * 8
    length = natural if length_bits is None else length_bits
    # 3DES of one key is in no specification of KMIP, but older stores have it.
    if algorithm is A.TRIPLE_DES and len(key) == 8 and length in _DES_LENGTHS:
        return length
    if algorithm not in LENGTHS or length not in LENGTHS[algorithm] or _key_bytes(algorithm, length) != len(key):
        raise _bad_length(algorithm)
    if algorithm is A.DES and checks.is_weak_des(key):
        raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, "the DES key is weak")
    return length


def symmetric_bytes(key_format: KeyFormatType, material: bytes | TransparentKey) -> bytes:
    """Give the bytes of a symmetric key or a secret in the format Raw, Opaque or Transparent Symmetric Key.

    Raises:
        OperationFailed: Key Format Type Not Supported; Invalid Field if the material does not have the format.
    """
    if key_format in (KeyFormatType.RAW, KeyFormatType.OPAQUE):
        if isinstance(material, bytes):
            return material
    elif key_format is not KeyFormatType.TRANSPARENT_SYMMETRIC_KEY:
        raise OperationFailed(
            ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED, f"a symmetric key cannot have the format {key_format}"
        )
    elif isinstance(material, TransparentKey) and material.key is not None:
        return material.key
    raise OperationFailed(ResultReason.INVALID_FIELD, f"the key material does not have the format {key_format}")


def symmetric_material(key_format: KeyFormatType, key: bytes) -> bytes | TransparentKey:
    """Put the bytes of a symmetric key or a secret into the format Raw, Opaque or Transparent Symmetric Key.

    Raises:
        OperationFailed: Key Format Type Not Supported.
    """
    if key_format in (KeyFormatType.RAW, KeyFormatType.OPAQUE):
        return key
    if key_format is KeyFormatType.TRANSPARENT_SYMMETRIC_KEY:
        return TransparentKey(key=key)
    raise OperationFailed(
        ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED, f"a symmetric key cannot be given in the format {key_format}"
    )


# --- key pairs --------------------------------------------------------------------------------------------------------

CURVES: Final[dict[RecommendedCurve, ec.EllipticCurve]] = {
    C.P_192: ec.SECP192R1(),
    C.P_224: ec.SECP224R1(),
    C.P_256: ec.SECP256R1(),
    C.P_384: ec.SECP384R1(),
    C.P_521: ec.SECP521R1(),
    C.SECP256K1: ec.SECP256K1(),
    C.BRAINPOOLP256R1: ec.BrainpoolP256R1(),
    C.BRAINPOOLP384R1: ec.BrainpoolP384R1(),
    C.BRAINPOOLP512R1: ec.BrainpoolP512R1(),
}
"""The Weierstrass curves that the library has."""

CURVE_NAMES: Final = {curve.name: name for name, curve in CURVES.items()}
CURVE_BY_LENGTH: Final = {192: C.P_192, 224: C.P_224, 256: C.P_256, 384: C.P_384, 521: C.P_521}

EDWARDS: Final[dict[tuple[CryptographicAlgorithm, RecommendedCurve | None], CryptographicAlgorithm]] = {
    **{(algorithm, C.CURVE25519): A.X25519 for algorithm in (A.EC, A.ECDH, A.X25519)},
    **{(algorithm, C.CURVE448): A.X448 for algorithm in (A.EC, A.ECDH, A.X448)},
    **{(algorithm, C.CURVE25519): A.ED25519 for algorithm in (A.ECDSA, A.ED25519)},
    **{(algorithm, C.CURVE448): A.ED448 for algorithm in (A.ECDSA, A.ED448)},
    **{(algorithm, None): algorithm for algorithm in (A.X25519, A.X448, A.ED25519, A.ED448)},
}
"""Which key the algorithm and the curve together mean."""

ELLIPTIC: Final = frozenset((A.EC, A.ECDSA, A.ECDH, A.ECMQV))


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A new key pair; the Cryptographic Length is in bits."""

    private_key: PrivateKey = field(repr=False)
    public_key: PublicKey
    cryptographic_length: int


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What a key is; the Cryptographic Length is in bits."""

    cryptographic_algorithm: CryptographicAlgorithm
    cryptographic_length: int
    recommended_curve: RecommendedCurve | None = None


_MAKE_EDWARDS: Final[dict[CryptographicAlgorithm, Callable[[], PrivateKey]]] = {
    A.ED25519: ed25519.Ed25519PrivateKey.generate,
    A.ED448: ed448.Ed448PrivateKey.generate,
    A.X25519: x25519.X25519PrivateKey.generate,
    A.X448: x448.X448PrivateKey.generate,
}


def curve_of(curve: RecommendedCurve) -> ec.EllipticCurve:
    """Give the library's curve.

    Raises:
        OperationFailed: Feature Not Supported.
    """
    try:
        return CURVES[curve]
    except KeyError:
        raise OperationFailed(ResultReason.FEATURE_NOT_SUPPORTED, f"the curve {curve} is not supported") from None


def generate_key_pair(
    algorithm: CryptographicAlgorithm, length_bits: int | None, curve: RecommendedCurve | None = None
) -> KeyPair:
    """Make a key pair.

    Args:
        length_bits: the Cryptographic Length; may be absent where a curve or the algorithm says it.
        curve: of EC, ECDSA and ECDH; CURVE25519 and CURVE448 are X25519 and X448 for EC and ECDH, Ed25519 and Ed448
            for ECDSA.  If it is absent the NIST curve of the length is taken.

    Raises:
        OperationFailed: Invalid Attribute Value, Feature Not Supported.
    """
    private = _generate(algorithm, length_bits, curve)
    facts = describe(private)
    # A length said with a curve must be the curve's, which is in whole bytes for some.
    size = facts.cryptographic_length
    if isinstance(private, ec.EllipticCurvePrivateKey) and length_bits not in (None, size, (size + 7) // 8 * 8):
        raise _bad_length(algorithm)
    return KeyPair(private, private.public_key(), facts.cryptographic_length)


def _generate(algorithm: CryptographicAlgorithm, length_bits: int | None, curve: RecommendedCurve | None) -> PrivateKey:
    if algorithm in pqc.PARAMETER_SETS:
        return pqc.generate(algorithm)
    edwards = EDWARDS.get((algorithm, curve))
    if edwards is not None:
        return _MAKE_EDWARDS[edwards]()
    if algorithm in ELLIPTIC:
        if curve is None:
            if length_bits not in CURVE_BY_LENGTH:
                raise _bad_length(algorithm)
            curve = CURVE_BY_LENGTH[length_bits]
        return ec.generate_private_key(curve_of(curve))
    if length_bits is None:
        raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, f"{algorithm} needs a Cryptographic Length")
    if algorithm is A.RSA:
        if not checks.SMALLEST_RSA_BITS <= length_bits <= checks.LARGEST_RSA_BITS or length_bits % 8:
            raise _bad_length(algorithm)
        return rsa.generate_private_key(65537, length_bits)
    if algorithm is A.DSA:
        if length_bits not in (1024, 2048, 3072):
            raise _bad_length(algorithm)
        return dsa.generate_private_key(length_bits)
    if algorithm is A.DH:
        return ffdh.generate(length_bits)
    raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, f"key pairs of {algorithm} cannot be made")


def describe(key: PrivateKey | PublicKey) -> KeyFacts:
    """Say what a key is.

    The Cryptographic Length of a post-quantum key is that of its public key, whatever the form of the private one.
    """
    match key:
        case rsa.RSAPrivateKey() | rsa.RSAPublicKey():
            return KeyFacts(A.RSA, key.key_size)
        case ec.EllipticCurvePrivateKey() | ec.EllipticCurvePublicKey():
            return KeyFacts(A.EC, key.key_size, CURVE_NAMES.get(key.curve.name))
        case dsa.DSAPrivateKey() | dsa.DSAPublicKey():
            return KeyFacts(A.DSA, key.key_size)
        case DHPrivateKey() | DHPublicKey():
            return KeyFacts(A.DH, key.key_size)
        case ed25519.Ed25519PrivateKey() | ed25519.Ed25519PublicKey():
            return KeyFacts(A.ED25519, 256, C.CURVE25519)
        case ed448.Ed448PrivateKey() | ed448.Ed448PublicKey():
            return KeyFacts(A.ED448, 456, C.CURVE448)
        case x25519.X25519PrivateKey() | x25519.X25519PublicKey():
            return KeyFacts(A.EC, 256, C.CURVE25519)
        case x448.X448PrivateKey() | x448.X448PublicKey():
            return KeyFacts(A.EC, 448, C.CURVE448)
        case PostQuantumPrivateKey() | PostQuantumPublicKey():
            return KeyFacts(key.algorithm, pqc.PARAMETER_SETS[key.algorithm].public_bytes * 8)

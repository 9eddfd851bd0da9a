"""Wrap keys under keys, and say how strong a key is.

Source: KMIP 1.4 sections 2.1.5, 2.1.6; 2.1 sections 3.2, 3.3; RFC 3394, 5649; SP 800-38F; SP 800-57 Part 1 section 5.6.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from keystead.crypto import cipher
from keystead.crypto.keys import ELLIPTIC
from keystead.crypto.mac import HASH_OBJECTS, HMACS
from keystead.crypto.modes import NO_PARAMETERS
from keystead.crypto.pqc import PARAMETER_SETS
from keystead.errors import OperationFailed
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    PaddingMethod,
    RecommendedCurve,
    ResultReason,
)
from keystead.kmip.structures import CryptographicParameters

A = CryptographicAlgorithm
M = BlockCipherMode

NOT_UNWRAPPED: Final = "the key could not be unwrapped"
"""All that a caller learns of a failed unwrapping: K20."""

DEFAULT: Final = CryptographicParameters(block_cipher_mode=M.NISTKEYWRAP)
"""How an AES key wraps if neither the request nor the key says it."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A wrapped key value.

    Attributes:
        data: the ciphertext; after it the tag of authenticated encryption, for which the Key Block has no field.
        iv: only if the server made it; it goes into IV/Counter/Nonce.
    """

    data: bytes
    iv: bytes | None = None


_AUTHENTICATED_MODES: Final = frozenset((M.NISTKEYWRAP, M.AESKEYWRAPPADDING, M.GCM, M.CCM, M.AEAD))


def is_authenticated(parameters: CryptographicParameters | None) -> bool:
    """Say whether a wrapping with these parameters notices a changed key (K17)."""
    parameters = parameters or DEFAULT
    if parameters.block_cipher_mode is not None:
        return parameters.block_cipher_mode in _AUTHENTICATED_MODES
    return parameters.padding_method is PaddingMethod.OAEP or parameters.cryptographic_algorithm is A.CHACHA20POLY1305


def _parameters(key: object, parameters: CryptographicParameters | None) -> CryptographicParameters:
    if parameters is None or parameters == NO_PARAMETERS:
        return DEFAULT if isinstance(key, bytes) else NO_PARAMETERS
    return parameters


def wrap(
    key: bytes | RSAPublicKey | RSAPrivateKey,
    parameters: CryptographicParameters | None,
    plaintext: bytes,
    iv: bytes | None = None,
    *,
    algorithm: CryptographicAlgorithm | None = A.AES,
) -> Wrapped:
    """Wrap a key value.

    Any way to encrypt will do; whether a way that notices no change is allowed is not decided here.

    Args:
        key: that wraps.
        parameters: of the wrapping; an AES key without any wraps as RFC 3394 has it.
        algorithm: of a symmetric `key`.

    Raises:
        OperationFailed: as `cipher.encrypt`; Cryptographic Failure also if the value has a length that cannot be
            wrapped: of RFC 3394 a multiple of 8 bytes, at least 16.
    """
    made = cipher.encrypt(algorithm, key, _parameters(key, parameters), plaintext, iv)
    return Wrapped(made.data + (made.tag or b""), made.iv)


def unwrap(
    key: bytes | RSAPrivateKey,
    parameters: CryptographicParameters | None,
    wrapped: bytes,
    iv: bytes | None = None,
    *,
    algorithm: CryptographicAlgorithm | None = A.AES,
) -> bytes:
    """Unwrap a key value; the arguments are those of `wrap`.

    Raises:
        OperationFailed: Bad or Unsupported Cryptographic Parameters, Invalid Message, Invalid Field as
            `cipher.decrypt`; whatever is wrong with the value or the key is one Cryptographic Failure (K20).
    """
    try:
        return cipher.decrypt(algorithm, key, _parameters(key, parameters), wrapped, iv)
    except OperationFailed as failure:
        if failure.reason is ResultReason.CRYPTOGRAPHIC_FAILURE:
            raise OperationFailed(ResultReason.CRYPTOGRAPHIC_FAILURE, NOT_UNWRAPPED) from None
        raise


# --- strength ---------------------------------------------------------------------------------------------------------

_FACTORING: Final = ((0, 0), (1024, 80), (2048, 112), (3072, 128), (7680, 192), (15360, 256))
"""Bits of the modulus or of the prime field → bits of strength: SP 800-57 Part 1 table 2."""

_EDWARDS: Final = {A.ED25519: 128, A.X25519: 128, A.ED448: 224, A.X448: 224}
_CURVES: Final = {RecommendedCurve.CURVE25519: 128, RecommendedCurve.CURVE448: 224}
_BROKEN: Final = frozenset((A.RC2, A.RC4, A.SKIPJACK))


def strength_bits(algorithm: CryptographicAlgorithm, length_bits: int, curve: RecommendedCurve | None = None) -> int:
    """Say how strong a key is, in bits, rounded down; 0 of what should protect nothing.

    Args:
        length_bits: the Cryptographic Length.

    Source: SP 800-57 Part 1 Revision 5 tables 2 and 3; FIPS 203, 204, 205 for the categories.
    """
    if algorithm in (A.RSA, A.DSA, A.DH):
        return _FACTORING[bisect_right(_FACTORING, (length_bits, 256)) - 1][1]
    if algorithm in PARAMETER_SETS:
        return PARAMETER_SETS[algorithm].category_bits
    if algorithm in _EDWARDS:
        return _EDWARDS[algorithm]
    if algorithm in ELLIPTIC:
        return _CURVES[curve] if curve in _CURVES else min(length_bits // 2, 256)
    if algorithm is A.TRIPLE_DES:
        return 112 if length_bits >= 168 else 80 if length_bits >= 112 else 0
    if algorithm is A.DES or algorithm in _BROKEN:
        return 0
    if algorithm in HMACS:
        return min(length_bits, HASH_OBJECTS[HMACS[algorithm]].digest_size * 8)
    return min(length_bits, 256)

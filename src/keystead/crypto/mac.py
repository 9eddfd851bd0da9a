"""Message digests and message authentication codes, whole or in parts.

Source: KMIP 1.4 sections 4.33, 4.34, 4.37; 2.1 sections 6.1.24, 6.1.32, 6.1.33; FIPS 180-4, 202, 198-1; SP 800-38B.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import cmac, hashes, poly1305

from keystead.crypto.modes import BLOCK_CIPHERS
from keystead.errors import OperationFailed
from keystead.kmip.enums import BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, ResultReason
from keystead.kmip.structures import CryptographicParameters

H = HashingAlgorithm
A = CryptographicAlgorithm

HASHES: Final[dict[HashingAlgorithm, str]] = {
    H.MD5: "md5",
    H.SHA_1: "sha1",
    H.SHA_224: "sha224",
    H.SHA_256: "sha256",
    H.SHA_384: "sha384",
    H.SHA_512: "sha512",
    H.RIPEMD_160: "ripemd160",
    H.SHA_512_224: "sha512_224",
    H.SHA_512_256: "sha512_256",
    H.SHA3_224: "sha3_224",
    H.SHA3_256: "sha3_256",
    H.SHA3_384: "sha3_384",
    H.SHA3_512: "sha3_512",
}
"""hashlib's name of a hashing algorithm.  MD2, MD4, Tiger and Whirlpool exist in no maintained library."""

HASH_OBJECTS: Final[dict[HashingAlgorithm, hashes.HashAlgorithm]] = {
    H.MD5: hashes.MD5(),  # noqa: S303 - KMIP names it; policy decides whether it may be used
    H.SHA_1: hashes.SHA1(),  # noqa: S303
    H.SHA_224: hashes.SHA224(),
    H.SHA_256: hashes.SHA256(),
    H.SHA_384: hashes.SHA384(),
    H.SHA_512: hashes.SHA512(),
    H.SHA_512_224: hashes.SHA512_224(),
    H.SHA_512_256: hashes.SHA512_256(),
    H.SHA3_224: hashes.SHA3_224(),
    H.SHA3_256: hashes.SHA3_256(),
    H.SHA3_384: hashes.SHA3_384(),
    H.SHA3_512: hashes.SHA3_512(),
}
"""The same for signatures and paddings."""

HMACS: Final[dict[CryptographicAlgorithm, HashingAlgorithm]] = {
    A.HMAC_MD5: H.MD5,
    A.HMAC_SHA1: H.SHA_1,
    A.HMAC_SHA224: H.SHA_224,
    A.HMAC_SHA256: H.SHA_256,
    A.HMAC_SHA384: H.SHA_384,
    A.HMAC_SHA512: H.SHA_512,
    A.HMAC_SHA3_224: H.SHA3_224,
    A.HMAC_SHA3_256: H.SHA3_256,
    A.HMAC_SHA3_384: H.SHA3_384,
    A.HMAC_SHA3_512: H.SHA3_512,
}
"""The hash of an HMAC algorithm."""


class Digester(Protocol):
    """What hashes or authenticates data in parts: `update` until `digest`."""

    def update(self, data: bytes, /) -> object: ...

    def digest(self) -> bytes: ...


def hash_name(algorithm: HashingAlgorithm) -> str:
    """Give hashlib's name of a hashing algorithm.

    Raises:
        OperationFailed: Unsupported Cryptographic Parameters.
    """
    try:
        return HASHES[algorithm]
    except KeyError:
        raise _unsupported(f"the hashing algorithm {algorithm}") from None


def hash_object(algorithm: HashingAlgorithm) -> hashes.HashAlgorithm:
    """Give the hash as signatures and paddings take it.

    Raises:
        OperationFailed: Unsupported Cryptographic Parameters.
    """
    try:
        return HASH_OBJECTS[algorithm]
    except KeyError:
        raise _unsupported(f"the hashing algorithm {algorithm}") from None


def digest(data: bytes, algorithm: HashingAlgorithm) -> bytes:
    """Hash data.

    Raises:
        OperationFailed: Unsupported Cryptographic Parameters.
    """
    return hashlib.new(hash_name(algorithm), data, usedforsecurity=False).digest()


def hasher(parameters: CryptographicParameters | None) -> Digester:
    """Start to hash data that comes in parts; the Hashing Algorithm must be given.

    Raises:
        OperationFailed: Bad or Unsupported Cryptographic Parameters.
    """
    if parameters is None or parameters.hashing_algorithm is None:
        raise OperationFailed(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, "Hash needs a Hashing Algorithm")
    return hashlib.new(hash_name(parameters.hashing_algorithm), usedforsecurity=False)


def hash_(parameters: CryptographicParameters | None, data: bytes) -> bytes:
    """Hash data with the Hashing Algorithm of the parameters.

    Raises:
        OperationFailed: Bad or Unsupported Cryptographic Parameters.
    """
    context = hasher(parameters)
    context.update(data)
    return context.digest()


class _Finalized:
    """A context of the library that ends in `finalize`, seen as a Digester."""

    __slots__ = ("_context", "update")

    def __init__(self, context: cmac.CMAC | poly1305.Poly1305) -> None:
        self._context = context
        self.update: Callable[[bytes], object] = context.update

    def digest(self) -> bytes:
        return self._context.finalize()


def macer(algorithm: CryptographicAlgorithm | None, key: bytes, parameters: CryptographicParameters | None) -> Digester:
    """Start a MAC over data that comes in parts; see `mac`.

    Raises:
        OperationFailed: Bad or Unsupported Cryptographic Parameters.
    """
    name = _hmac_hash(algorithm, parameters)
    if name is not None:
        return hmac.new(key, digestmod=name)
    named = algorithm
    if parameters is not None and parameters.cryptographic_algorithm is not None:
        named = parameters.cryptographic_algorithm
    mode = None if parameters is None else parameters.block_cipher_mode
    if named is None or mode not in (None, BlockCipherMode.CMAC):
        raise _unsupported(f"a MAC with {named} in the mode {mode}")
    try:
        if named is A.POLY1305:
            return _Finalized(poly1305.Poly1305(key))
        if named in BLOCK_CIPHERS:
            return _Finalized(cmac.CMAC(BLOCK_CIPHERS[named].cipher(key)))
    except (ValueError, UnsupportedAlgorithm):
        raise OperationFailed(
            ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, f"the key's length does not fit a MAC with {named}"
        ) from None
    raise _unsupported(f"a MAC with {named}")


def mac(
    algorithm: CryptographicAlgorithm | None, key: bytes, parameters: CryptographicParameters | None, data: bytes
) -> bytes:
    """Authenticate data.

    The Cryptographic Algorithm of the parameters comes before the key's own: an HMAC algorithm; Poly1305; or a block
    cipher, which makes a CMAC, or an HMAC where only a Hashing Algorithm is given.

    Args:
        algorithm: of the key.

    Raises:
        OperationFailed: Bad or Unsupported Cryptographic Parameters.

    Source: KMIP 1.4 section 4.33; 2.1 section 6.1.32.
    """
    name = _hmac_hash(algorithm, parameters)
    if name is not None:
        return hmac.digest(key, data, name)
    context = macer(algorithm, key, parameters)
    context.update(data)
    return context.digest()


def mac_verify(
    algorithm: CryptographicAlgorithm | None,
    key: bytes,
    parameters: CryptographicParameters | None,
    data: bytes,
    mac_data: bytes,
) -> bool:
    """Say whether `mac_data` is the MAC of the data, whole, in constant time.

    Raises:
        OperationFailed: Bad or Unsupported Cryptographic Parameters.
    """
    return hmac.compare_digest(mac(algorithm, key, parameters, data), mac_data)


def _hmac_hash(algorithm: CryptographicAlgorithm | None, parameters: CryptographicParameters | None) -> str | None:
    """Give hashlib's name of the hash if this is an HMAC."""
    if parameters is not None:
        if parameters.cryptographic_algorithm is not None:
            algorithm = parameters.cryptographic_algorithm
        if algorithm not in HMACS and parameters.block_cipher_mode is None and parameters.hashing_algorithm is not None:
            return hash_name(parameters.hashing_algorithm)
    return HASHES[HMACS[algorithm]] if algorithm in HMACS else None


def _unsupported(what: str) -> OperationFailed:
    return OperationFailed(ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, f"{what} is not supported")

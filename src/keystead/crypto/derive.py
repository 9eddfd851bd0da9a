"""Derive keys from keys, passwords and agreements.

Source: KMIP 1.4 section 4.6; 2.1 sections 6.1.14, 7.12; RFC 8018, 5869; SP 800-108r1; SP 800-56A.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keystead.crypto import cipher
from keystead.crypto.ffdh import DHPrivateKey, DHPublicKey
from keystead.crypto.keys import PrivateKey, PublicKey
from keystead.crypto.mac import HMACS, digest, hash_name, hash_object
from keystead.crypto.modes import BLOCK_CIPHERS, NO_PARAMETERS
from keystead.crypto.schemes import SCHEMES
from keystead.errors import OperationFailed
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    ResultReason,
)
from keystead.kmip.structures import CryptographicParameters, DerivationParameters

MOST_ITERATIONS: Final = 10_000_000
"""Of PBKDF2, so that one request cannot keep a processor for minutes."""

Secret = bytes | PrivateKey | PublicKey


@dataclass(frozen=True, slots=True)
class _Derivation:
    """What a method works with: the secrets in the order of the request, and what the parameters say."""

    secrets: Sequence[Secret] = field(repr=False)
    parameters: DerivationParameters = field(repr=False)
    algorithm: CryptographicAlgorithm | None
    length_bytes: int

    @property
    def cryptographic(self) -> CryptographicParameters:
        return self.parameters.cryptographic_parameters or NO_PARAMETERS

    @property
    def key(self) -> bytes:
        """The first secret, as bytes."""
        return _bytes(self.secrets[0])

    def data(self, required: bool = True) -> bytes:
        """Give the Derivation Data, which may also be the second secret; the parts of it one after the other."""
        given, others = self.parameters.derivation_data, self.secrets[1:]
        if given and others:
            raise OperationFailed(
                ResultReason.INVALID_MESSAGE, "Derivation Data is given both as such and by a Secret Data object"
            )
        if not given and not others and required:
            raise _bad("this derivation method needs Derivation Data")
        return b"".join(given) or b"".join(_bytes(secret) for secret in others)


def _bad(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.INVALID_FIELD, message)


def _failed(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.CRYPTOGRAPHIC_FAILURE, message)


def _bytes(secret: Secret) -> bytes:
    if not isinstance(secret, bytes):
        raise _bad("this derivation method takes symmetric keys and secret data")
    return secret


def _pbkdf2(given: _Derivation) -> bytes:
    """PBKDF2 over a password; HMAC-SHA-1 unless a hash is named.  Source: RFC 8018 section 5.2."""
    salt, iterations = given.parameters.salt, given.parameters.iteration_count
    if salt is None or iterations is None:
        raise _bad("PBKDF2 needs a Salt and an Iteration Count")
    if not 1 <= iterations <= MOST_ITERATIONS:
        raise _bad(f"the Iteration Count must be 1 to {MOST_ITERATIONS}")
    if given.parameters.derivation_data or len(given.secrets) > 1:
        raise OperationFailed(ResultReason.INVALID_MESSAGE, "PBKDF2 takes one password, and it is the object")
    hashing = given.cryptographic.hashing_algorithm or HashingAlgorithm.SHA_1
    return hashlib.pbkdf2_hmac(hash_name(hashing), given.key, salt, iterations, given.length_bytes)


def _hash(given: _Derivation) -> bytes:
    """Hash the key."""
    hashing = given.cryptographic.hashing_algorithm
    if hashing is None:
        raise _bad("the method HASH needs a Hashing Algorithm")
    if given.parameters.derivation_data or len(given.secrets) > 1:
        raise OperationFailed(ResultReason.INVALID_MESSAGE, "HASH takes either a key or Derivation Data, not both")
    return digest(given.key, hashing)


def _hmac(given: _Derivation) -> bytes:
    """HMAC of the Derivation Data; a key of an HMAC algorithm says itself which.  Source: KMIP 1.4 section 4.6."""
    hashing = given.cryptographic.hashing_algorithm
    for algorithm in (given.algorithm, given.cryptographic.cryptographic_algorithm):
        if algorithm in HMACS:
            hashing = HMACS[algorithm]
            break
    if hashing is None:
        raise _bad("the method HMAC needs a Hashing Algorithm or an HMAC key")
    return hmac.digest(given.key, given.data(), hash_name(hashing))


def _encrypt(given: _Derivation) -> bytes:
    """Encrypt the Derivation Data; an absent IV is zero, for the result must not depend on chance."""
    parameters = given.cryptographic
    if parameters.random_iv:
        raise _bad("a key cannot be derived with a random IV")
    iv = given.parameters.initialization_vector
    algorithm = given.algorithm or parameters.cryptographic_algorithm
    if iv is None and algorithm is not None:
        scheme = SCHEMES.get((algorithm, parameters.block_cipher_mode))
        iv = None if scheme is None else bytes(scheme.fresh_iv_bytes)
    return cipher.encrypt(given.algorithm, given.key, parameters, given.data(), iv).data


def _prf(given: _Derivation) -> Callable[[bytes], bytes]:
    """Give the pseudorandom function under the key: an HMAC, or the CMAC of a block cipher."""
    key, parameters = given.key, given.cryptographic
    algorithm = parameters.cryptographic_algorithm or given.algorithm
    hashing = parameters.hashing_algorithm
    if algorithm in HMACS:
        hashing = HMACS[algorithm]
    if hashing is not None:
        name = hash_name(hashing)
        return lambda data: hmac.digest(key, data, name)
    if parameters.block_cipher_mode not in (None, BlockCipherMode.CMAC) or algorithm not in BLOCK_CIPHERS:
        raise _bad("the methods of SP 800-108 need a Hashing Algorithm or a block cipher")
    block = BLOCK_CIPHERS[algorithm]

    def cmac(data: bytes) -> bytes:
        context = CMAC(block.cipher(key))
        context.update(data)
        return context.finalize()

    return cmac


def _counter_blocks(prf: Callable[[bytes], bytes], fixed: bytes, iv: bytes) -> Iterator[bytes]:
    """K(i) = PRF([i] ‖ fixed).  Source: SP 800-108r1 section 4.1."""
    for i in count(1):
        yield prf(i.to_bytes(4, "big") + fixed)


def _feedback_blocks(prf: Callable[[bytes], bytes], fixed: bytes, iv: bytes) -> Iterator[bytes]:
    """K(i) = PRF(K(i-1) ‖ [i] ‖ fixed), K(0) = IV.  Source: SP 800-108r1 section 4.2."""
    block = iv
    for i in count(1):
        block = prf(block + i.to_bytes(4, "big") + fixed)
        yield block


def _double_pipeline_blocks(prf: Callable[[bytes], bytes], fixed: bytes, iv: bytes) -> Iterator[bytes]:
    """A(i) = PRF(A(i-1)), A(0) = fixed; K(i) = PRF(A(i) ‖ [i] ‖ fixed).  Source: SP 800-108 section 5.3."""
    pipeline = fixed
    for i in count(1):
        pipeline = prf(pipeline)
        yield prf(pipeline + i.to_bytes(4, "big") + fixed)


def _kbkdf(
    blocks: Callable[[Callable[[bytes], bytes], bytes, bytes], Iterator[bytes]],
) -> Callable[[_Derivation], bytes]:
    """Make a method of SP 800-108; the Derivation Data is all of the fixed input, and the counter has 32 bits."""

    def derive_(given: _Derivation) -> bytes:
        iv = given.parameters.initialization_vector or b""
        made = bytearray()
        for block in blocks(_prf(given), given.data(), iv):
            made += block
            if len(made) >= given.length_bytes:
                break
        return bytes(made)

    return derive_


def agree(private_key: Secret, public_key: Secret) -> bytes:
    """Give the shared secret of two keys: ECDH, X25519, X448 or DH.

    Raises:
        OperationFailed: Invalid Field if they do not belong together; Cryptographic Failure.

    Source: SP 800-56A section 5.7; RFC 7748 section 6.
    """
    try:
        match private_key, public_key:
            case ec.EllipticCurvePrivateKey(), ec.EllipticCurvePublicKey():
                return private_key.exchange(ec.ECDH(), public_key)
            case x25519.X25519PrivateKey(), x25519.X25519PublicKey():
                return private_key.exchange(public_key)
            case x448.X448PrivateKey(), x448.X448PublicKey():
                return private_key.exchange(public_key)
            case DHPrivateKey(), DHPublicKey():
                return private_key.exchange(public_key)
    except ValueError:
        raise _failed("the two keys do not agree") from None
    raise _bad("a private key and a public key of the same kind are needed to agree")


def _asymmetric(given: _Derivation) -> bytes:
    if len(given.secrets) != 2:
        raise _bad("the method Asymmetric Key needs a private key and a public key")
    return agree(*given.secrets)


def _aws_signature_version_4(given: _Derivation) -> bytes:
    """Give the signing key of a date, a region and a service.  Source: KMIP 2.1 section 7.12; AWS General Reference."""
    if len(given.parameters.derivation_data) != 3:
        raise _bad("AWS Signature Version 4 needs the date, the region and the service as Derivation Data")
    key = b"AWS4" + given.key
    for part in (*given.parameters.derivation_data, b"aws4_request"):
        key = hmac.digest(key, part, "sha256")
    return key


def _hkdf(given: _Derivation) -> bytes:
    """Extract and expand; SHA-256 unless a hash is named.  Source: RFC 5869; KMIP 2.1 section 7.12."""
    algorithm: HashAlgorithm = hash_object(given.cryptographic.hashing_algorithm or HashingAlgorithm.SHA_256)
    if given.length_bytes > 255 * algorithm.digest_size:
        raise _failed("HKDF cannot give this length")
    return HKDF(algorithm, given.length_bytes, given.parameters.salt, given.data(required=False)).derive(given.key)


METHODS: Final[dict[DerivationMethod, Callable[[_Derivation], bytes]]] = {
    DerivationMethod.PBKDF2: _pbkdf2,
    DerivationMethod.HASH: _hash,
    DerivationMethod.HMAC: _hmac,
    DerivationMethod.ENCRYPT: _encrypt,
    DerivationMethod.NIST800_108_C: _kbkdf(_counter_blocks),
    DerivationMethod.NIST800_108_F: _kbkdf(_feedback_blocks),
    DerivationMethod.NIST800_108_DPI: _kbkdf(_double_pipeline_blocks),
    DerivationMethod.ASYMMETRIC_KEY: _asymmetric,
    DerivationMethod.AWS_SIGNATURE_VERSION_4: _aws_signature_version_4,
    DerivationMethod.HKDF: _hkdf,
}
"""Every derivation method."""

LONGEST_BYTES: Final = 2**16


def derive(
    method: DerivationMethod,
    parameters: DerivationParameters,
    secrets: Sequence[Secret],
    length_bytes: int,
    algorithm: CryptographicAlgorithm | None = None,
) -> bytes:
    """Derive `length_bytes` bytes.

    Args:
        secrets: the objects of the request, in order: the key, then what stands for Derivation Data; of Asymmetric
            Key the private key and the other's public key.
        algorithm: of the first of them.

    Raises:
        OperationFailed: Invalid Field; Invalid Message if the Derivation Data is ambiguous; Cryptographic Failure if
            the method does not give so much; those of `cipher.encrypt`.
    """
    if method not in METHODS:
        raise _bad(f"the derivation method {method} is not supported")
    if not secrets:
        raise _bad("there is nothing to derive from")
    if not 0 < length_bytes <= LONGEST_BYTES:
        raise _bad("a key of this length cannot be derived")
    try:
        made = METHODS[method](_Derivation(secrets, parameters, algorithm, length_bytes))
    except ValueError:
        raise _failed("the key does not fit the derivation method") from None
    if len(made) < length_bytes:
        raise _failed("the derivation method does not give so long a key")
    return made[:length_bytes]

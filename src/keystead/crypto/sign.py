"""Sign and verify, whole or in parts.

Source: KMIP 1.4 sections 3.6, 4.31, 4.32, 9.1.3.2.7; 2.1 sections 4.16, 6.1.55, 6.1.56; RFC 8017 section 8; FIPS 186-5.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from hmac import compare_digest
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed

from keystead.crypto import pqc
from keystead.crypto.keys import PrivateKey, PublicKey
from keystead.crypto.mac import HASH_OBJECTS, hash_, hash_name, hash_object, hasher, mac, mac_verify, macer
from keystead.crypto.modes import NO_PARAMETERS
from keystead.crypto.pqc import PostQuantumPrivateKey, PostQuantumPublicKey
from keystead.errors import OperationFailed
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    HashingAlgorithm,
    PaddingMethod,
    ResultReason,
)
from keystead.kmip.structures import CryptographicParameters

__all__ = [
    "DIGITAL_SIGNATURES",
    "Signer",
    "Verifier",
    "hash_",
    "hasher",
    "mac",
    "mac_verify",
    "macer",
    "sign",
    "verify",
]

A = CryptographicAlgorithm
D = DigitalSignatureAlgorithm
H = HashingAlgorithm

_PKCS1: Final = PaddingMethod.PKCS1_V1_5

DIGITAL_SIGNATURES: Final[
    dict[DigitalSignatureAlgorithm, tuple[CryptographicAlgorithm, PaddingMethod | None, HashingAlgorithm | None]]
] = {
    D.MD5_WITH_RSA_ENCRYPTION: (A.RSA, _PKCS1, H.MD5),
    D.SHA_1_WITH_RSA_ENCRYPTION: (A.RSA, _PKCS1, H.SHA_1),
    D.SHA_224_WITH_RSA_ENCRYPTION: (A.RSA, _PKCS1, H.SHA_224),
    D.SHA_256_WITH_RSA_ENCRYPTION: (A.RSA, _PKCS1, H.SHA_256),
    D.SHA_384_WITH_RSA_ENCRYPTION: (A.RSA, _PKCS1, H.SHA_384),
    D.SHA_512_WITH_RSA_ENCRYPTION: (A.RSA, _PKCS1, H.SHA_512),
    D.SHA3_256_WITH_RSA_ENCRYPTION: (A.RSA, _PKCS1, H.SHA3_256),
    D.SHA3_384_WITH_RSA_ENCRYPTION: (A.RSA, _PKCS1, H.SHA3_384),
    D.SHA3_512_WITH_RSA_ENCRYPTION: (A.RSA, _PKCS1, H.SHA3_512),
    D.RSASSA_PSS: (A.RSA, PaddingMethod.PSS, None),
    D.DSA_WITH_SHA_1: (A.DSA, None, H.SHA_1),
    D.DSA_WITH_SHA224: (A.DSA, None, H.SHA_224),
    D.DSA_WITH_SHA256: (A.DSA, None, H.SHA_256),
    D.ECDSA_WITH_SHA_1: (A.EC, None, H.SHA_1),
    D.ECDSA_WITH_SHA224: (A.EC, None, H.SHA_224),
    D.ECDSA_WITH_SHA256: (A.EC, None, H.SHA_256),
    D.ECDSA_WITH_SHA384: (A.EC, None, H.SHA_384),
    D.ECDSA_WITH_SHA512: (A.EC, None, H.SHA_512),
}
"""What a Digital Signature Algorithm says in one word: the kind of key, the padding and the hash."""

_FAMILIES: Final = {A.RSA: A.RSA, A.DSA: A.DSA, A.EC: A.EC, A.ECDSA: A.EC}
_ECDSA: Final = {name: ec.ECDSA(value) for name, value in HASH_OBJECTS.items()}
_PREHASHED: Final = {name: Prehashed(value) for name, value in HASH_OBJECTS.items()}
_PREHASHED_ECDSA: Final = {name: ec.ECDSA(value) for name, value in _PREHASHED.items()}
_BY_SIZE: Final = {20: H.SHA_1, 28: H.SHA_224, 32: H.SHA_256, 48: H.SHA_384, 64: H.SHA_512}

_Signing = rsa.RSAPrivateKey | dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey
_Verifying = rsa.RSAPublicKey | dsa.DSAPublicKey | ec.EllipticCurvePublicKey
_EDWARDS: Final = (
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
    ed25519.Ed25519PublicKey,
    ed448.Ed448PublicKey,
)


class _Method(NamedTuple):
    """How a key is to sign: the padding of RSA, and the hash; no hash means that the digest is signed as it is."""

    padding: padding.AsymmetricPadding | None
    hashing_algorithm: HashingAlgorithm | None


def _refused(message: str) -> OperationFailed:
    return OperationFailed(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, message)


@lru_cache(maxsize=256)
def _pss(
    hashing_algorithm: HashingAlgorithm, mask_hash: HashingAlgorithm | None, salt_length: int | None, verifying: bool
) -> padding.PSS:
    """Make the padding.

    The mask is made with the same hash unless another is named: the signatures in the OASIS cases CS-AC-M-2 are, though
    KMIP 2.1 table 59 says SHA-1.  If no salt length is said, signatures have that of the digest (RFC 8017 section 9.1)
    and any is accepted.
    """
    size = salt_length if salt_length is not None else padding.PSS.AUTO if verifying else padding.PSS.DIGEST_LENGTH
    return padding.PSS(padding.MGF1(hash_object(mask_hash or hashing_algorithm)), size)


def _family(key: _Signing | _Verifying) -> CryptographicAlgorithm:
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return A.RSA
    return A.DSA if isinstance(key, dsa.DSAPrivateKey | dsa.DSAPublicKey) else A.EC


def _order_bits(key: _Signing | _Verifying) -> int:
    if isinstance(key, dsa.DSAPrivateKey | dsa.DSAPublicKey):
        return key.parameters().parameter_numbers().q.bit_length()
    return key.key_size


def _method(key: _Signing | _Verifying, parameters: CryptographicParameters, verifying: bool) -> _Method:
    """Read the parameters: a Digital Signature Algorithm, or else an algorithm, a padding and a hash.

    Raises:
        OperationFailed: Bad or Unsupported Cryptographic Parameters.
    """
    family = _family(key)
    named, method, hashing = parameters.cryptographic_algorithm, parameters.padding_method, parameters.hashing_algorithm
    if parameters.digital_signature_algorithm is not None:
        row = DIGITAL_SIGNATURES.get(parameters.digital_signature_algorithm)
        if row is None:
            raise OperationFailed(
                ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
                f"{parameters.digital_signature_algorithm} is not supported",
            )
        named, method = row[0], row[1]
        if row[2] is not None and hashing not in (None, row[2]):
            raise _refused(f"{parameters.digital_signature_algorithm} does not hash with {hashing}")
        hashing = row[2] or hashing
    if named is not None and _FAMILIES.get(named) is not family:
        raise _refused(f"the key does not sign with {named}")
    if hashing is not None:
        hash_object(hashing)
    if family is not A.RSA:
        return _Method(None, hashing)
    if method is PaddingMethod.PSS:
        if parameters.trailer_field not in (None, 1):
            raise OperationFailed(
                ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, "the Trailer Field of PSS can only be 1"
            )
        hashing = hashing or H.SHA_256
        mask_hash, salt_length = parameters.mask_generator_hashing_algorithm, parameters.salt_length
        if salt_length is not None and salt_length < 0:
            raise _refused("the Salt Length is negative")
        return _Method(_pss(hashing, mask_hash, salt_length, verifying), hashing)
    if method is _PKCS1 or (method is None and hashing is not None):
        return _Method(padding.PKCS1v15(), hashing)
    if method is None:
        raise _refused("an RSA signature needs a Digital Signature Algorithm, a Padding Method or a Hashing Algorithm")
    raise OperationFailed(
        ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, f"RSA signatures are not padded with {method}"
    )


def _default_hash(key: _Signing | _Verifying) -> HashingAlgorithm:
    """Give the hash of the key's own strength.  Source: RFC 5656 section 6.2.1."""
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        raise _refused("an RSA signature of data needs a Hashing Algorithm")
    bits = _order_bits(key)
    return H.SHA_256 if bits <= 256 else H.SHA_384 if bits <= 384 else H.SHA_512


def _fitted(digest: bytes, order_bits: int) -> tuple[bytes, HashingAlgorithm]:
    """Bring a digest of any length to that of some hash, so that (EC)DSA takes the same number from it.

    Source: FIPS 186-5 section 6.4.1: the leftmost bits, as many as the order has.
    """
    if len(digest) in _BY_SIZE:
        return digest, _BY_SIZE[len(digest)]
    number = int.from_bytes(digest, "big") >> max(0, len(digest) * 8 - order_bits)
    if number.bit_length() > 512:
        raise _refused("the Digested Data is too long")
    size = next((size for size in _BY_SIZE if size * 8 >= order_bits), 64)
    return (number << max(0, size * 8 - order_bits)).to_bytes(size, "big"), _BY_SIZE[size]


def _check_digest(digest: bytes, hashing: HashingAlgorithm) -> None:
    if len(digest) != HASH_OBJECTS[hashing].digest_size:
        raise _refused(f"the Digested Data does not have the length of {hashing}")


def _sign_digest(key: _Signing, method: _Method, digest: bytes) -> bytes:
    hashing = method.hashing_algorithm
    if hashing is not None:
        _check_digest(digest, hashing)
    if isinstance(key, rsa.RSAPrivateKey):
        assert method.padding is not None
        return key.sign(digest, method.padding, NoDigestInfo() if hashing is None else _PREHASHED[hashing])
    if hashing is None:
        digest, hashing = _fitted(digest, _order_bits(key))
    if isinstance(key, dsa.DSAPrivateKey):
        return key.sign(digest, _PREHASHED[hashing])
    return key.sign(digest, _PREHASHED_ECDSA[hashing])


def _verify_digest(key: _Verifying, method: _Method, digest: bytes, signature: bytes) -> None:
    hashing = method.hashing_algorithm
    if hashing is not None:
        _check_digest(digest, hashing)
    if isinstance(key, rsa.RSAPublicKey):
        assert method.padding is not None
        if hashing is not None:
            key.verify(signature, digest, method.padding, _PREHASHED[hashing])
        elif not compare_digest(key.recover_data_from_signature(signature, method.padding, None), digest):
            raise InvalidSignature
        return
    if hashing is None:
        digest, hashing = _fitted(digest, _order_bits(key))
    if isinstance(key, dsa.DSAPublicKey):
        key.verify(signature, digest, _PREHASHED[hashing])
    else:
        key.verify(signature, digest, _PREHASHED_ECDSA[hashing])


def _one_of(data: bytes | None, digested_data: bytes | None) -> None:
    if (data is None) == (digested_data is None):
        raise OperationFailed(ResultReason.INVALID_MESSAGE, "either Data or Digested Data must be given")


def _needs_data() -> OperationFailed:
    return _refused("this kind of key signs data, not a digest")


def _does_not_sign() -> OperationFailed:
    return _refused("this kind of key does not sign")


def sign(
    key: PrivateKey,
    parameters: CryptographicParameters | None,
    data: bytes | None = None,
    digested_data: bytes | None = None,
    *,
    context: bytes | None = None,
) -> bytes:
    """Sign data, or a digest of it.

    RSA takes PKCS#1 v1.5 and PSS; ECDSA and DSA signatures are DER; Ed25519, Ed448, ML-DSA and SLH-DSA take data only.

    Args:
        parameters: of the request, or else of the key.
        context: of ML-DSA and SLH-DSA.

    Raises:
        OperationFailed: Bad or Unsupported Cryptographic Parameters; Invalid Message if there is not exactly one of
            data and digest; Cryptographic Failure.
    """
    _one_of(data, digested_data)
    parameters = parameters or NO_PARAMETERS
    try:
        if isinstance(key, _Signing):
            method = _method(key, parameters, verifying=False)
            if data is None:
                assert digested_data is not None
                return _sign_digest(key, method, digested_data)
            hashing = method.hashing_algorithm or _default_hash(key)
            if isinstance(key, rsa.RSAPrivateKey):
                assert method.padding is not None
                return key.sign(data, method.padding, HASH_OBJECTS[hashing])
            if isinstance(key, ec.EllipticCurvePrivateKey):
                return key.sign(data, _ECDSA[hashing])
            return key.sign(data, HASH_OBJECTS[hashing])
        if data is None:
            raise _needs_data()
        if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
            return key.sign(data)
        if isinstance(key, PostQuantumPrivateKey):
            return pqc.sign(key, data, context)
    except UnsupportedAlgorithm:
        raise OperationFailed(
            ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, "this padding and hash are not supported together"
        ) from None
    except ValueError:
        raise OperationFailed(
            ResultReason.CRYPTOGRAPHIC_FAILURE, "the key is too small for this hash and padding"
        ) from None
    raise _does_not_sign()


def verify(
    key: PublicKey,
    parameters: CryptographicParameters | None,
    data: bytes | None,
    digested_data: bytes | None,
    signature: bytes,
    *,
    context: bytes | None = None,
) -> bool:
    """Say whether a signature is right; the arguments are those of `sign`.

    Raises:
        OperationFailed: Bad or Unsupported Cryptographic Parameters, Invalid Message; never for a bad signature.
    """
    _one_of(data, digested_data)
    parameters = parameters or NO_PARAMETERS
    try:
        if isinstance(key, _Verifying):
            method = _method(key, parameters, verifying=True)
            if data is None:
                assert digested_data is not None
                _verify_digest(key, method, digested_data, signature)
                return True
            hashing = method.hashing_algorithm or _default_hash(key)
            if isinstance(key, rsa.RSAPublicKey):
                assert method.padding is not None
                key.verify(signature, data, method.padding, HASH_OBJECTS[hashing])
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, data, _ECDSA[hashing])
            else:
                key.verify(signature, data, HASH_OBJECTS[hashing])
            return True
        if data is None:
            raise _needs_data()
        if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, data)
            return True
        if isinstance(key, PostQuantumPublicKey):
            return pqc.verify(key, data, signature, context)
    except (InvalidSignature, ValueError):
        return False
    except UnsupportedAlgorithm:
        raise OperationFailed(
            ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, "this padding and hash are not supported together"
        ) from None
    raise _does_not_sign()


class _Parts:
    """Data that comes in parts: hashed as it comes where the key signs a digest, else kept."""

    __slots__ = ("_data", "_hash", "_parameters")

    def __init__(
        self, key: PrivateKey | PublicKey, parameters: CryptographicParameters | None, verifying: bool
    ) -> None:
        self._parameters = parameters = parameters or NO_PARAMETERS
        self._data = bytearray()
        self._hash = None
        if isinstance(key, _Signing | _Verifying):
            method = _method(key, parameters, verifying)
            hashing = method.hashing_algorithm or _default_hash(key)
            self._hash = hashlib.new(hash_name(hashing), usedforsecurity=False)
            if method.hashing_algorithm is None:
                self._parameters = CryptographicParameters(hashing_algorithm=hashing)
        elif not isinstance(key, (*_EDWARDS, PostQuantumPrivateKey, PostQuantumPublicKey)):
            raise _does_not_sign()

    @property
    def holds(self) -> bool:
        """Whether the data waits for its end."""
        return self._hash is None

    def update(self, data: bytes) -> None:
        """Take the next part."""
        if self._hash is not None:
            self._hash.update(data)
        else:
            self._data += data

    def _end(self) -> tuple[bytes | None, bytes | None]:
        return (bytes(self._data), None) if self._hash is None else (None, self._hash.digest())


class Signer(_Parts):
    """Signs data that comes in parts: `update` as often as there is data, then `finish` once; see `sign`."""

    __slots__ = ("_key",)

    def __init__(self, key: PrivateKey, parameters: CryptographicParameters | None) -> None:
        super().__init__(key, parameters, verifying=False)
        self._key = key

    def finish(self) -> bytes:
        """Give the signature.

        Raises:
            OperationFailed: as `sign`.
        """
        return sign(self._key, self._parameters, *self._end())


class Verifier(_Parts):
    """Verifies data that comes in parts: `update` as often as there is data, then `finish` once; see `verify`."""

    __slots__ = ("_key",)

    def __init__(self, key: PublicKey, parameters: CryptographicParameters | None) -> None:
        super().__init__(key, parameters, verifying=True)
        self._key = key

    def finish(self, signature: bytes) -> bool:
        """Say whether the signature is right.

        Raises:
            OperationFailed: as `verify`.
        """
        return verify(self._key, self._parameters, *self._end(), signature)

"""RSA encryption with KMIP's paddings.

Source: KMIP 1.4 section 3.6; 2.1 section 4.16; RFC 8017 section 7.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from keystead.crypto.mac import hash_object
from keystead.errors import OperationFailed
from keystead.kmip.enums import CryptographicAlgorithm, HashingAlgorithm, PaddingMethod, ResultReason
from keystead.kmip.structures import CryptographicParameters

NOT_DECRYPTED: Final = "the data could not be decrypted"
"""All that a caller learns of a failed decryption: K23, K24."""


H = HashingAlgorithm
OAEP_HASHES: Final = frozenset((H.SHA_1, H.SHA_224, H.SHA_256, H.SHA_384, H.SHA_512))
"""Those with which the library has OAEP; it would say so only of data of the right length."""


@lru_cache(maxsize=256)
def _oaep(
    hashing_algorithm: HashingAlgorithm | None, mask_hash: HashingAlgorithm | None, p_source: bytes | None
) -> padding.OAEP:
    """Make the padding; both hashes are SHA-1 where they are not given, as KMIP and RFC 8017 A.2.1 have it."""
    hashes = [hashing_algorithm or H.SHA_1, mask_hash or H.SHA_1]
    if not OAEP_HASHES.issuperset(hashes):
        raise OperationFailed(
            ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS, "OAEP does not support this hashing algorithm"
        )
    algorithm, mask = map(hash_object, hashes)
    return padding.OAEP(mgf=padding.MGF1(mask), algorithm=algorithm, label=p_source)


def encryption_padding(parameters: CryptographicParameters | None) -> padding.AsymmetricPadding:
    """Give the padding that the parameters ask for.

    Raises:
        OperationFailed: Bad Cryptographic Parameters if there is no Padding Method; Unsupported Cryptographic
            Parameters if it is neither OAEP nor PKCS1 v1.5, or a hash is not available.
    """
    if parameters is None or parameters.padding_method is None:
        raise OperationFailed(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, "RSA encryption needs a Padding Method")
    if parameters.cryptographic_algorithm not in (None, CryptographicAlgorithm.RSA):
        raise OperationFailed(ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS, "the key is an RSA key")
    if parameters.padding_method is PaddingMethod.OAEP:
        return _oaep(
            parameters.hashing_algorithm, parameters.mask_generator_hashing_algorithm, parameters.p_source or None
        )
    if parameters.padding_method is PaddingMethod.PKCS1_V1_5:
        return padding.PKCS1v15()
    raise OperationFailed(
        ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        f"RSA cannot pad with {parameters.padding_method}",
    )


def encrypt(key: RSAPublicKey, parameters: CryptographicParameters | None, data: bytes) -> bytes:
    """Encrypt data, which must fit into the modulus with its padding.

    Raises:
        OperationFailed: Bad or Unsupported Cryptographic Parameters; Cryptographic Failure if the data is too long.
    """
    pad = encryption_padding(parameters)
    try:
        return key.encrypt(data, pad)
    except ValueError:
        raise OperationFailed(ResultReason.CRYPTOGRAPHIC_FAILURE, "the data is too long for the key") from None


def decrypt(key: RSAPrivateKey, parameters: CryptographicParameters | None, data: bytes) -> bytes:
    """Decrypt data.  A wrong PKCS#1 v1.5 padding gives random bytes, not an error: implicit rejection (K24).

    Raises:
        OperationFailed: Bad or Unsupported Cryptographic Parameters; Cryptographic Failure, whatever went wrong.
    """
    pad = encryption_padding(parameters)
    try:
        return key.decrypt(data, pad)
    except ValueError:
        raise OperationFailed(ResultReason.CRYPTOGRAPHIC_FAILURE, NOT_DECRYPTED) from None

"""Derive Key: what is derived is read with Get."""

from __future__ import annotations

from typing import Any

from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    ObjectType,
)
from keystead.kmip.payloads.create import DeriveKeyRequest
from keystead.kmip.structures import CryptographicParameters, DerivationParameters
from tests.engine.keys import attributes
from tests.vectors.ciphers import key_of
from tests.vectors.files import Record, hexadecimal
from tests.vectors.talk import (
    EVERY_USE,
    A,
    NotSayable,
    R,
    Step,
    Talk,
    do,
    material,
    refused,
    same,
    secret,
    symmetric,
)

D = DerivationMethod


def derivation(
    bases: tuple[str, ...],
    method: DerivationMethod,
    length_bytes: int,
    parameters: CryptographicParameters | None = None,
    **more: Any,
) -> DeriveKeyRequest:
    return DeriveKeyRequest(
        object_type=ObjectType.SECRET_DATA,
        unique_identifier=bases,
        derivation_method=method,
        derivation_parameters=DerivationParameters(cryptographic_parameters=parameters, **more),
        attributes=attributes(cryptographic_length=8 * length_bytes, cryptographic_usage_mask=EVERY_USE),
    )


def derived(request: DeriveKeyRequest, published: bytes) -> Step:
    """Derive, and hold what was derived against what is published."""
    same((yield from material((yield from do(request)).unique_identifier)), published)
    return True


def hashed(hashing: HashingAlgorithm) -> CryptographicParameters:
    return CryptographicParameters(hashing_algorithm=hashing)


def hkdf(record: Record, hashing: HashingAlgorithm) -> Talk:
    return extracted(
        hexadecimal(record, "IKM"),
        hexadecimal(record, "SALT"),
        hexadecimal(record, "INFO"),
        hexadecimal(record, "OKM"),
        hashing,
    )


def extracted(key: bytes, salt: bytes, info: bytes, published: bytes, hashing: HashingAlgorithm) -> Talk:
    base = yield from secret(key)
    data = {"derivation_data": (info,)} if info else {}
    request = derivation((base,), D.HKDF, len(published), hashed(hashing), salt=salt, **data)
    return (yield from derived(request, published))


def wycheproof_hkdf(record: Record, hashing: HashingAlgorithm) -> Talk:
    key, salt, info, published = (bytes.fromhex(record[name]) for name in ("ikm", "salt", "info", "okm"))
    if record["result"] == "valid":
        return (yield from extracted(key, salt, info, published, hashing))
    base = yield from secret(key)
    request = derivation((base,), D.HKDF, record["size"], hashed(hashing), salt=salt, derivation_data=(info,))
    return (yield from refused(request, R.CRYPTOGRAPHIC_FAILURE))


MOST_ITERATIONS = 10_000_000


def pbkdf2(record: Record) -> Talk:
    """RFC 6070; what would keep a processor for minutes is refused."""
    # The file says a zero byte as \x00 or \0.
    password, salt = (record[name].encode().decode("unicode_escape").encode("latin-1") for name in ("PASSWORD", "SALT"))
    base = yield from secret(password)
    published, iterations = hexadecimal(record, "DERIVED_KEY"), int(record["ITERATIONS"])
    request = derivation((base,), D.PBKDF2, len(published), salt=salt, iteration_count=iterations)
    if iterations > MOST_ITERATIONS:
        return (yield from refused(request, R.INVALID_FIELD))
    return (yield from derived(request, published))


_PRFS: dict[str, tuple[CryptographicAlgorithm, CryptographicParameters | None]] = {
    **{f"CMAC_AES{bits}": (A.AES, None) for bits in (128, 192, 256)},
    **{f"CMAC_TDES{keys}": (A.TRIPLE_DES, None) for keys in (2, 3)},
    **{f"HMAC_SHA{name}": (A[f"HMAC_SHA{name}"], None) for name in (1, 224, 256, 384, 512)},
}


def counter_mode(record: Record) -> Talk:
    """SP 800-108 with a counter of 32 bits before the fixed input, as KMIP has no words for another."""
    if record["CTRLOCATION"] != "BEFORE_FIXED" or record["RLEN"] != "32_BITS":
        raise NotSayable("a counter of SP 800-108 elsewhere, or of another length")
    algorithm, parameters = _PRFS[record["PRF"]]
    base = yield from symmetric(hexadecimal(record, "KI"), algorithm)
    published = hexadecimal(record, "KO")
    fixed = hexadecimal(record, "FIXEDINPUTDATA")
    request = derivation((base,), D.NIST800_108_C, len(published), parameters, derivation_data=(fixed,))
    return (yield from derived(request, published))


def hmac(record: Record, algorithm: CryptographicAlgorithm) -> Talk:
    """The method HMAC: what MAC gives of the data is the key."""
    base = yield from symmetric(hexadecimal(record, "KEY"), algorithm)
    data, published = hexadecimal(record, "MSG"), hexadecimal(record, "MD")
    return (yield from derived(derivation((base,), D.HMAC, len(published), derivation_data=(data,)), published))


def hash_(record: Record, hashing: HashingAlgorithm) -> Talk:
    """The method HASH: the digest of the key is the key."""
    data, published = hexadecimal(record, "MSG")[: int(record["LEN"]) // 8], hexadecimal(record, "MD")
    base = yield from secret(data)
    return (yield from derived(derivation((base,), D.HASH, len(published), hashed(hashing)), published))


def encryption(record: Record, algorithm: CryptographicAlgorithm, mode: BlockCipherMode) -> Talk:
    """The method ENCRYPT: the ciphertext of the data is the key."""
    base = yield from symmetric(key_of(record), algorithm)
    plain, published = hexadecimal(record, "PLAINTEXT"), hexadecimal(record, "CIPHERTEXT")
    iv = {"initialization_vector": hexadecimal(record, "IV")} if "IV" in record else {}
    parameters = CryptographicParameters(block_cipher_mode=mode)
    request = derivation((base,), D.ENCRYPT, len(published), parameters, derivation_data=(plain,), **iv)
    return (yield from derived(request, published))

"""MAC and MAC Verify, Hash: at once and in parts."""

from __future__ import annotations

from functools import partial

from keystead.kmip.enums import BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm
from keystead.kmip.payloads.crypto import HashRequest, MACRequest, MACVerifyRequest
from keystead.kmip.structures import CryptographicParameters
from tests.vectors.ciphers import key_of
from tests.vectors.files import Record, hexadecimal
from tests.vectors.talk import R, Talk, cut, do, in_parts, refused, same, symmetric, symmetric_request, verdict

CMAC = CryptographicParameters(block_cipher_mode=BlockCipherMode.CMAC)


def authentication(
    key: bytes,
    algorithm: CryptographicAlgorithm,
    parameters: CryptographicParameters | None,
    data: bytes,
    code: bytes,
    right: bool = True,
) -> Talk:
    """Make a code and verify it; a changed, a short and an empty one is Invalid."""
    unique_identifier = yield from symmetric(key, algorithm)
    make = partial(MACRequest, unique_identifier=unique_identifier)
    check = partial(MACVerifyRequest, unique_identifier=unique_identifier)
    how = {"cryptographic_parameters": parameters}
    if not right:
        return verdict((yield from do(check(data=data, mac_data=code, **how))), False)
    same((yield from do(make(data=data, **how))).mac_data, code)
    parts = cut(data, code)
    answers = yield from in_parts(make, parts, how, {})
    same(answers[-1].mac_data, code)
    verdict((yield from do(check(data=data, mac_data=code, **how))), True)
    verdict((yield from in_parts(check, parts, how, {"mac_data": code}))[-1], True)
    for wrong in (bytes((code[0] ^ 1, *code[1:])), code[:-1], code + b"\0", b""):
        verdict((yield from do(check(data=data, mac_data=wrong, **how))), False)
        verdict((yield from in_parts(check, parts, how, {"mac_data": wrong}))[-1], False)
    # Poly1305 whose r is zero gives one code of all data.
    if algorithm is not CryptographicAlgorithm.POLY1305 or any(key[:16]):
        verdict((yield from do(check(data=data + b"\0", mac_data=code, **how))), False)
    return True


def hmac(record: Record, algorithm: CryptographicAlgorithm | None, hashing: HashingAlgorithm) -> Talk:
    """The hash is said by the algorithm of the key, or, where no algorithm has it, by the parameters."""
    parameters = CryptographicParameters(hashing_algorithm=hashing) if algorithm is None else None
    key, data, code = (hexadecimal(record, name) for name in ("KEY", "MSG", "MD"))
    owner = algorithm or CryptographicAlgorithm.HMAC_SHA256
    if algorithm is None:
        # A key of another HMAC makes its own code, so the hash needs a key of no HMAC.
        owner = CryptographicAlgorithm.ONE_TIME_PAD
    return authentication(key, owner, parameters, data, code)


def cmac(record: Record, algorithm: CryptographicAlgorithm) -> Talk:
    return authentication(
        key_of(record), algorithm, CMAC, hexadecimal(record, "MESSAGE"), hexadecimal(record, "OUTPUT")
    )


def poly1305(record: Record) -> Talk:
    data, tag = hexadecimal(record, "MSG"), hexadecimal(record, "TAG")
    return authentication(hexadecimal(record, "KEY"), CryptographicAlgorithm.POLY1305, None, data, tag)


def wycheproof_cmac(record: Record) -> Talk:
    """A key of a length that AES has not is not taken at all."""
    key = bytes.fromhex(record["key"])
    if record["keySize"] not in (128, 192, 256):
        request = symmetric_request(key, CryptographicAlgorithm.AES)
        return (yield from refused(request, R.INVALID_ATTRIBUTE_VALUE, R.INVALID_MESSAGE))
    return (
        yield from authentication(
            key,
            CryptographicAlgorithm.AES,
            CMAC,
            bytes.fromhex(record["msg"]),
            bytes.fromhex(record["tag"]),
            record["result"] == "valid",
        )
    )


def hashing(record: Record, algorithm: HashingAlgorithm) -> Talk:
    data, digest = hexadecimal(record, "MSG")[: int(record["LEN"]) // 8], hexadecimal(record, "MD")
    how = {"cryptographic_parameters": CryptographicParameters(hashing_algorithm=algorithm)}
    same((yield from do(HashRequest(data=data, **how))).data, digest)
    # Hash has its parameters in every request, so they are said again in the later ones.
    answers = yield from in_parts(partial(HashRequest, **how), cut(data, digest), {}, {})
    same(answers[-1].data, digest)
    return True

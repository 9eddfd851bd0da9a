"""Encrypt and Decrypt in the modes that do not authenticate: at once and in parts."""

from __future__ import annotations

from functools import partial

from keystead.kmip.enums import BlockCipherMode, CryptographicAlgorithm
from keystead.kmip.payloads.crypto import DecryptRequest, EncryptRequest
from keystead.kmip.structures import CryptographicParameters
from tests.vectors.files import Record, hexadecimal
from tests.vectors.talk import (
    A,
    NotSayable,
    R,
    Talk,
    cut,
    do,
    in_parts,
    joined,
    refused,
    same,
    symmetric,
    symmetric_request,
)


def key_of(record: Record) -> bytes:
    """The key; of 3DES three of them, or one that stands for three."""
    if "KEY1" in record:
        return b"".join(hexadecimal(record, f"KEY{n}") for n in (1, 2, 3))
    return hexadecimal(record, "KEYS") * 3 if "KEYS" in record else hexadecimal(record, "KEY")


def encryption(
    record: Record,
    algorithm: CryptographicAlgorithm,
    mode: BlockCipherMode | None = None,
) -> Talk:
    """A key, an IV, a plaintext and a ciphertext."""
    parameters = CryptographicParameters(block_cipher_mode=mode)
    iv = hexadecimal(record, "IV") if "IV" in record else None
    plain, secret = hexadecimal(record, "PLAINTEXT", "PT"), hexadecimal(record, "CIPHERTEXT", "CT")
    unique_identifier = yield from symmetric(key_of(record), algorithm)
    return (yield from both_ways(unique_identifier, parameters, iv, plain, secret))


def both_ways(
    unique_identifier: str, parameters: CryptographicParameters, iv: bytes | None, plain: bytes, secret: bytes
) -> Talk:
    """Encrypt and decrypt, at once and in parts."""
    for request, given, published in ((EncryptRequest, plain, secret), (DecryptRequest, secret, plain)):
        ask = partial(request, unique_identifier=unique_identifier)
        how = {"cryptographic_parameters": parameters, "iv_counter_nonce": iv}
        same((yield from do(ask(data=given, **how))).data or b"", published)
        answers = yield from in_parts(ask, cut(given, published), how, {})
        same(joined(answers), published)
    return True


def arc4(record: Record) -> Talk:
    """The stream at an offset: what comes before it is encrypted as well."""
    offset = bytes(int(record["OFFSET"]))
    unique_identifier = yield from symmetric(hexadecimal(record, "KEY"), A.RC4)
    request = EncryptRequest(unique_identifier=unique_identifier, data=offset + hexadecimal(record, "PLAINTEXT"))
    same((yield from do(request)).data[len(offset) :], hexadecimal(record, "CIPHERTEXT"))
    return True


def chacha20(record: Record) -> Talk:
    """A nonce of 96 bits after a counter of 32: RFC 8439."""
    parameters = CryptographicParameters(initial_counter_value=int(record["INITIAL_BLOCK_COUNTER"]))
    unique_identifier = yield from symmetric(hexadecimal(record, "KEY"), A.CHACHA20)
    plain, secret = hexadecimal(record, "PLAINTEXT"), hexadecimal(record, "CIPHERTEXT")
    return (yield from both_ways(unique_identifier, parameters, hexadecimal(record, "NONCE"), plain, secret))


def counter(record: Record) -> Talk:
    """CTR with a whole counter block, and as RFC 3686 has it: a nonce, after which counting starts at 1."""
    yield from encryption(record, A.AES, BlockCipherMode.CTR)
    iv = hexadecimal(record, "IV")
    assert iv.endswith(bytes((0, 0, 0, 1)))
    unique_identifier = yield from symmetric(hexadecimal(record, "KEY"), A.AES)
    parameters = CryptographicParameters(block_cipher_mode=BlockCipherMode.CTR, counter_length=32)
    plain, secret = hexadecimal(record, "PLAINTEXT"), hexadecimal(record, "CIPHERTEXT")
    return (yield from both_ways(unique_identifier, parameters, iv[:12], plain, secret))


def xts(record: Record) -> Talk:
    """One data unit, whose tweak is the IV; the number of a data unit is little-endian."""
    if int(record["DATAUNITLEN"]) % 8:
        raise NotSayable("data that are not whole bytes")
    tweak = hexadecimal(record, "I") if "I" in record else int(record["DATAUNITSEQNUMBER"]).to_bytes(16, "little")
    unique_identifier = yield from symmetric(hexadecimal(record, "KEY"), A.AES)
    parameters = CryptographicParameters(block_cipher_mode=BlockCipherMode.XTS)
    plain, secret = hexadecimal(record, "PT"), hexadecimal(record, "CT")
    return (yield from both_ways(unique_identifier, parameters, tweak, plain, secret))


def wycheproof_chacha20(record: Record) -> Talk:
    """The counter before the nonce, as an IV of 16 bytes; it does not come round."""
    if record["algorithm"] != "ChaCha20-IETF":
        raise NotSayable(f"{record['algorithm']}, which KMIP does not name")
    key, counter, nonce, plain = (bytes.fromhex(record[name]) for name in ("key", "initialCounter", "iv", "msg"))
    unique_identifier = yield from symmetric(key, A.CHACHA20)
    parameters = CryptographicParameters()
    if record["result"] == "valid":
        secret = bytes.fromhex(record["ct"])
        return (yield from both_ways(unique_identifier, parameters, counter + nonce, plain, secret))
    request = EncryptRequest(unique_identifier=unique_identifier, data=plain, iv_counter_nonce=counter + nonce)
    return (yield from refused(request, R.CRYPTOGRAPHIC_FAILURE))


def wycheproof_xts(record: Record) -> Talk:
    """A tweak of 8 bytes is the number of the data unit, little-endian; SP 800-38E has no keys of twice 192 bits."""
    key, tweak, plain, secret = (bytes.fromhex(record[name]) for name in ("key", "iv", "msg", "ct"))
    if record["keySize"] not in (256, 512):
        return (yield from refused(symmetric_request(key, A.AES), R.INVALID_ATTRIBUTE_VALUE))
    unique_identifier = yield from symmetric(key, A.AES)
    parameters = CryptographicParameters(block_cipher_mode=BlockCipherMode.XTS)
    return (yield from both_ways(unique_identifier, parameters, tweak.ljust(16, b"\0"), plain, secret))

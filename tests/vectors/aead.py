"""Authenticated encryption: Encrypt and Decrypt with additional data and a tag, at once and in parts.

What SP 800-38C and D allow only for special uses this server refuses (K25): a tag shorter than 12 bytes, and a nonce of
GCM shorter than 8 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from keystead.kmip.enums import BlockCipherMode, CryptographicAlgorithm, ResultReason
from keystead.kmip.payloads.crypto import DecryptRequest, EncryptRequest
from keystead.kmip.structures import CryptographicParameters
from tests.vectors.files import Record, hexadecimal
from tests.vectors.talk import (
    A,
    NotSayable,
    R,
    Step,
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

NOT_DECRYPTED = "the data could not be decrypted"
M = BlockCipherMode
_NONCES = {
    (A.AES, M.GCM): range(8, 129),
    (A.SM4, M.GCM): range(8, 129),
    (A.AES, M.CCM): range(7, 14),
    (A.CHACHA20POLY1305, M.AEAD): (12,),
}


@dataclass(frozen=True)
class Sealed:
    """A message in the clear and sealed; `plain` is None if the tag is known to be wrong."""

    algorithm: CryptographicAlgorithm
    mode: BlockCipherMode
    key: bytes
    nonce: bytes
    aad: bytes
    plain: bytes | None
    secret: bytes
    tag: bytes

    @property
    def parameters(self) -> CryptographicParameters:
        return CryptographicParameters(block_cipher_mode=self.mode, tag_length=len(self.tag))

    @property
    def refusal(self) -> ResultReason | None:
        """Why this server will not take it, right or wrong."""
        if len(self.nonce) not in _NONCES[self.algorithm, self.mode]:
            return R.INVALID_FIELD
        return R.GENERAL_FAILURE if len(self.tag) < 12 else None


def sealing(message: Sealed) -> Talk:
    """Seal and open a message; refuse it with a changed tag, additional data, nonce or ciphertext."""
    unique_identifier = yield from symmetric(message.key, message.algorithm)
    shared = {"cryptographic_parameters": message.parameters, "iv_counter_nonce": message.nonce}
    shared["authenticated_encryption_additional_data"] = message.aad
    decrypt = partial(DecryptRequest, unique_identifier=unique_identifier)
    whole = decrypt(data=message.secret, authenticated_encryption_tag=message.tag, **shared)
    if message.refusal is not None:
        if message.plain is not None:
            encrypt = EncryptRequest(unique_identifier=unique_identifier, data=message.plain, **shared)
            yield from refused(encrypt, message.refusal)
        return (yield from refused(whole, message.refusal))
    if message.plain is None:
        return (yield from refused(whole, R.CRYPTOGRAPHIC_FAILURE, message=NOT_DECRYPTED))
    same((yield from do(whole)).data or b"", message.plain)
    yield from _sealed(message, unique_identifier, shared)
    yield from _opened_in_parts(message, decrypt, shared)
    yield from _changed(decrypt, message, shared)
    return True


def _sealed(message: Sealed, unique_identifier: str, shared: dict) -> Step:
    """Encrypt, whole, and in parts under another copy of the key, as a nonce is used only once under a key."""
    assert message.plain is not None
    encrypt = EncryptRequest(unique_identifier=unique_identifier, data=message.plain, **shared)
    answer = yield from do(encrypt)
    same(answer.data or b"", message.secret)
    same(answer.authenticated_encryption_tag, message.tag)
    again = yield from symmetric(message.key, message.algorithm)
    parts = cut(message.plain, message.tag)
    answers = yield from in_parts(partial(EncryptRequest, unique_identifier=again), parts, shared, {})
    same(joined(answers), message.secret)
    same(answers[-1].authenticated_encryption_tag, message.tag)
    assert all(each.authenticated_encryption_tag is None for each in answers[:-1])


def _opened_in_parts(message: Sealed, decrypt: partial, shared: dict) -> Step:
    """Decrypt in parts; the tag comes first, or last, or as the end of the data; nothing leaves before the end."""
    assert message.plain is not None
    tag = {"authenticated_encryption_tag": message.tag}
    parts = cut(message.secret, message.tag)
    for first, last, given in (
        (shared | tag, {}, parts),
        (shared, tag, parts),
        (shared, {}, [*parts, message.tag]),
    ):
        answers = yield from in_parts(decrypt, given, first, last)
        assert all(each.data is None for each in answers[:-1])
        same(joined(answers), message.plain)


def _changed(decrypt: partial, message: Sealed, shared: dict) -> Step:
    """One bit anywhere, and it is refused, in one text."""

    def flipped(data: bytes) -> bytes:
        return bytes((*data[:-1], data[-1] ^ 1)) if data else b"\0"

    fields = {"data": message.secret, "authenticated_encryption_tag": message.tag, **shared}
    for name in (
        "data",
        "authenticated_encryption_tag",
        "authenticated_encryption_additional_data",
        "iv_counter_nonce",
    ):
        request = decrypt(**(fields | {name: flipped(fields[name])}))
        yield from refused(request, R.CRYPTOGRAPHIC_FAILURE, message=NOT_DECRYPTED)


# --- the files --------------------------------------------------------------------------------------------------------


def gcm(record: Record, algorithm: CryptographicAlgorithm = A.AES) -> Talk:
    plain = None if "FAIL" in record else hexadecimal(record, "PT", "PLAINTEXT")
    return sealing(
        Sealed(
            algorithm,
            M.GCM,
            hexadecimal(record, "KEY"),
            hexadecimal(record, "IV"),
            hexadecimal(record, "AAD"),
            plain,
            hexadecimal(record, "CT", "CIPHERTEXT"),
            hexadecimal(record, "TAG"),
        )
    )


def ccm(record: Record) -> Talk:
    """SP 800-38C's validation: where a length is 0 the field says 00 all the same."""

    def sized(name: str, length: str) -> bytes:
        return hexadecimal(record, name)[: int(record[length])] if length in record else hexadecimal(record, name)

    sealed, size = hexadecimal(record, "CT"), int(record["TLEN"])
    plain = sized("PAYLOAD", "PLEN") if record.get("RESULT") != "Fail" else None
    return sealing(
        Sealed(
            A.AES,
            M.CCM,
            hexadecimal(record, "KEY"),
            hexadecimal(record, "NONCE"),
            sized("ADATA", "ALEN"),
            plain,
            sealed[:-size],
            sealed[-size:],
        )
    )


def chacha20_poly1305(record: Record) -> Talk:
    def given(name: str) -> bytes:
        text = record[name]
        return text.strip('"').encode() if text.startswith('"') else bytes.fromhex(text)

    boring = "IN" in record
    if record.get("RESULT") == "CIPHERFINAL_ERROR" and boring:
        raise NotSayable("unexpected")
    wrong = "RESULT" in record or "NO_SEAL" in record
    return sealing(
        Sealed(
            A.CHACHA20POLY1305,
            M.AEAD,
            given("KEY"),
            given("NONCE" if boring else "IV"),
            given("AD" if boring else "AAD"),
            None if wrong else given("IN" if boring else "PLAINTEXT"),
            given("CT" if boring else "CIPHERTEXT"),
            given("TAG"),
        )
    )


def wycheproof(record: Record, algorithm: CryptographicAlgorithm, mode: BlockCipherMode) -> Talk:
    key = bytes.fromhex(record["key"])
    if record["keySize"] not in (128, 192, 256):
        return (yield from refused(symmetric_request(key, algorithm), R.INVALID_ATTRIBUTE_VALUE))
    message = Sealed(
        algorithm,
        mode,
        key,
        bytes.fromhex(record["iv"]),
        bytes.fromhex(record["aad"]),
        bytes.fromhex(record["msg"]) if record["result"] == "valid" else None,
        bytes.fromhex(record["ct"]),
        bytes.fromhex(record["tag"]),
    )
    return (yield from sealing(message))

"""Key wrapping: Get wrapped, Register what came wrapped, and the same modes with Encrypt and Decrypt."""

from __future__ import annotations

from keystead.kmip.enums import BlockCipherMode, EncodingOption, KeyWrapType, WrappingMethod
from keystead.kmip.objects import KeyWrappingSpecification
from keystead.kmip.payloads.create import RegisterRequest
from keystead.kmip.payloads.crypto import DecryptRequest, EncryptRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.structures import CryptographicParameters, EncryptionKeyInformation, KeyWrappingData
from tests.vectors.files import Record, hexadecimal
from tests.vectors.talk import (
    A,
    NotSayable,
    R,
    Step,
    Talk,
    do,
    refused,
    same,
    secret,
    secret_request,
    symmetric,
    symmetric_request,
)

M = BlockCipherMode
NOT_UNWRAPPED = "the key could not be unwrapped"
NOT_DECRYPTED = "the data could not be decrypted"


def _information(wrapping: str, mode: BlockCipherMode) -> EncryptionKeyInformation:
    return EncryptionKeyInformation(
        unique_identifier=wrapping, cryptographic_parameters=CryptographicParameters(block_cipher_mode=mode)
    )


def wrapped_with(wrapping: str, mode: BlockCipherMode, iv: bytes | None = None) -> KeyWrappingData:
    return KeyWrappingData(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=_information(wrapping, mode),
        iv_counter_nonce=iv,
        encoding_option=EncodingOption.NO_ENCODING,
    )


def wrapping(key: bytes, mode: BlockCipherMode, plain: bytes, published: bytes) -> Talk:
    """Wrap a secret: as Get gives it, and as Encrypt does."""
    kek = yield from symmetric(key, A.AES)
    kept = yield from secret(plain)
    specification = KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=_information(kek, mode),
        encoding_option=EncodingOption.NO_ENCODING,
    )
    answer = yield from do(GetRequest(unique_identifier=kept, key_wrapping_specification=specification))
    value = answer.object.key_block.key_value
    same(value if isinstance(value, bytes) else value.key_material, published)
    parameters = CryptographicParameters(block_cipher_mode=mode)
    request = EncryptRequest(unique_identifier=kek, cryptographic_parameters=parameters, data=plain)
    same((yield from do(request)).data, published)
    return True


def unwrapping(
    key: bytes, mode: BlockCipherMode, wrapped: bytes, published: bytes | None, iv: bytes | None = None
) -> Talk:
    """Register what came wrapped, and have it opened with Get; Decrypt gives the same."""
    kek = yield from symmetric(key, A.AES)
    parameters = CryptographicParameters(block_cipher_mode=mode)
    decrypt = DecryptRequest(
        unique_identifier=kek, cryptographic_parameters=parameters, data=wrapped, iv_counter_nonce=iv
    )
    register = secret_request(wrapped, wrapped_with(kek, mode, iv))
    if published is None:
        yield from refused(decrypt, R.CRYPTOGRAPHIC_FAILURE, message=NOT_DECRYPTED)
        return (yield from refused(register, R.CRYPTOGRAPHIC_FAILURE, message=NOT_UNWRAPPED))
    same((yield from do(decrypt)).data, published)
    yield from opened(register, published)
    for changed in (bytes((wrapped[0] ^ 1, *wrapped[1:])), bytes((*wrapped[:-1], wrapped[-1] ^ 1)), wrapped[:-8]):
        request = secret_request(changed, wrapped_with(kek, mode, iv))
        yield from refused(request, R.CRYPTOGRAPHIC_FAILURE, message=NOT_UNWRAPPED)
    return True


def opened(register: RegisterRequest, published: bytes) -> Step:
    kept = (yield from do(register)).unique_identifier
    request = GetRequest(unique_identifier=kept, key_wrap_type=KeyWrapType.NOT_WRAPPED)
    answer = yield from do(request)
    same(answer.object.key_block.key_value.key_material, published)


# --- the files --------------------------------------------------------------------------------------------------------


def nist(record: Record, mode: BlockCipherMode) -> Talk:
    """SP 800-38F: both ways where it is valid."""
    key, wrapped = hexadecimal(record, "K"), hexadecimal(record, "C")
    if "FAIL" in record:
        return (yield from unwrapping(key, mode, wrapped, None))
    plain = hexadecimal(record, "P")
    yield from wrapping(key, mode, plain, wrapped)
    return (yield from unwrapping(key, mode, wrapped, plain))


def botan(record: Record) -> Talk:
    key, plain, wrapped = (hexadecimal(record, name) for name in ("KEY", "INPUT", "OUTPUT"))
    yield from wrapping(key, M.AESKEYWRAPPADDING, plain, wrapped)
    return (yield from unwrapping(key, M.AESKEYWRAPPADDING, wrapped, plain))


def wycheproof(record: Record, mode: BlockCipherMode) -> Talk:
    """What is invalid is the wrapped key, or has no wrapped key."""
    key, plain, wrapped = (bytes.fromhex(record[name]) for name in ("key", "msg", "ct"))
    if record["keySize"] not in (128, 192, 256):
        return (yield from refused(symmetric_request(key, A.AES), R.INVALID_ATTRIBUTE_VALUE))
    if record["result"] != "valid":
        if not wrapped and not plain:
            raise NotSayable("nothing wrapped to nothing")
        return (yield from unwrapping(key, mode, wrapped, None))
    yield from wrapping(key, mode, plain, wrapped)
    return (yield from unwrapping(key, mode, wrapped, plain))


def is_wrapped_key(record: Record) -> bool:
    """Whether a vector of GCM can be a wrapped key: no additional data, a nonce of 12 and a tag of 16 bytes."""
    sizes = {"AAD": 0, "IV": 24, "TAG": 32}
    return bool(record["CT"]) and all(len(record[name]) == size for name, size in sizes.items())


def gcm(record: Record) -> Talk:
    """A key wrapped with AES-GCM: its tag follows it, its nonce is the IV/Counter/Nonce."""
    plain = None if "FAIL" in record else hexadecimal(record, "PT")
    wrapped = hexadecimal(record, "CT") + hexadecimal(record, "TAG")
    return (yield from unwrapping(hexadecimal(record, "KEY"), M.GCM, wrapped, plain, hexadecimal(record, "IV")))

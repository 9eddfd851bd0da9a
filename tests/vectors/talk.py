"""A conversation with the server about one vector: requests go out by `yield`, answers come back.

A conversation gives True of a vector that was accepted, False of one that was refused as it must be; whatever else
happens is an AssertionError, or NotSayable where KMIP, or this server by its own rules, has no words for the vector.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from random import Random
from typing import Any

from keystead.kmip.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyCompressionType,
    KeyFormatType,
    ObjectType,
    ResultReason,
    ResultStatus,
    SecretDataType,
    ValidityIndicator,
)
from keystead.kmip.messages import ResponseBatchItem
from keystead.kmip.objects import KeyBlock, KeyValue, PrivateKey, PublicKey, SecretData, SymmetricKey
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.create import RegisterRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.structures import KeyWrappingData, TransparentKey
from tests.engine.keys import attributes

A = CryptographicAlgorithm
F = KeyFormatType
M = CryptographicUsageMask
R = ResultReason

Talk = Generator[Request, ResponseBatchItem, bool]
Step = Generator[Request, ResponseBatchItem, Any]

LONG_AGO = 1_700_000_000
EVERY_USE = (
    M.ENCRYPT | M.DECRYPT | M.SIGN | M.VERIFY | M.MAC_GENERATE | M.MAC_VERIFY | M.WRAP_KEY | M.UNWRAP_KEY | M.DERIVE_KEY
    | M.KEY_AGREEMENT
)  # fmt: skip


class NotSayable(Exception):
    """The vector cannot be put as a request; says why."""


def do(request: Request) -> Step:
    """Send a request that succeeds; its payload."""
    item = yield request
    assert item.result_status is ResultStatus.SUCCESS, (request.OPERATION, item.result_reason, item.result_message)
    return item.response_payload


def refused(request: Request, *reasons: ResultReason, message: str | None = None) -> Step:
    """Send a request that is refused for one of these reasons, in these words; False, for the end of a conversation."""
    item = yield request
    assert item.result_status is ResultStatus.OPERATION_FAILED, f"{request.OPERATION} was not refused"
    assert item.result_reason in reasons, (item.result_reason, item.result_message)
    assert message is None or item.result_message == message, item.result_message
    return False


def same(found: bytes | None, published: bytes) -> None:
    assert found == published, f"found {(found or b'').hex()}, published {published.hex()}"


def verdict(answer: Any, valid: bool) -> bool:
    """Hold a Validity Indicator against what is published."""
    wanted = ValidityIndicator.VALID if valid else ValidityIndicator.INVALID
    assert answer.validity_indicator is wanted, f"found {answer.validity_indicator}, published {wanted}"
    return valid


# --- keys -------------------------------------------------------------------------------------------------------------


def symmetric_request(
    key: bytes, algorithm: CryptographicAlgorithm, wrapping: KeyWrappingData | None = None
) -> RegisterRequest:
    block = KeyBlock(
        key_format_type=F.RAW,
        key_value=KeyValue(key_material=key) if wrapping is None else key,
        cryptographic_algorithm=algorithm,
        cryptographic_length=8 * len(key) if wrapping is None else None,
        key_wrapping_data=wrapping,
    )
    return RegisterRequest(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=attributes(cryptographic_usage_mask=EVERY_USE, activation_date=LONG_AGO),
        object=SymmetricKey(key_block=block),
    )


def symmetric(key: bytes, algorithm: CryptographicAlgorithm) -> Step:
    """Register a symmetric key; its unique identifier."""
    return (yield from do(symmetric_request(key, algorithm))).unique_identifier


def secret_request(secret: bytes, wrapping: KeyWrappingData | None = None) -> RegisterRequest:
    block = KeyBlock(
        key_format_type=F.RAW,
        key_value=KeyValue(key_material=secret) if wrapping is None else secret,
        key_wrapping_data=wrapping,
    )
    return RegisterRequest(
        object_type=ObjectType.SECRET_DATA,
        attributes=attributes(cryptographic_usage_mask=EVERY_USE, activation_date=LONG_AGO),
        object=SecretData(secret_data_type=SecretDataType.SEED, key_block=block),
    )


def secret(value: bytes) -> Step:
    """Register Secret Data; its unique identifier."""
    return (yield from do(secret_request(value))).unique_identifier


def asymmetric_request(
    kind: type[PrivateKey | PublicKey],
    key_format: KeyFormatType,
    material: bytes | TransparentKey,
    algorithm: CryptographicAlgorithm,
    compression: KeyCompressionType | None = None,
    **more: Any,
) -> RegisterRequest:
    block = KeyBlock(
        key_format_type=key_format,
        key_compression_type=compression,
        key_value=KeyValue(key_material=material),
        cryptographic_algorithm=algorithm,
    )
    return RegisterRequest(
        object_type=ObjectType.PRIVATE_KEY if kind is PrivateKey else ObjectType.PUBLIC_KEY,
        attributes=attributes(cryptographic_usage_mask=EVERY_USE, activation_date=LONG_AGO, **more),
        object=kind(key_block=block),
    )


def private(
    key_format: KeyFormatType, material: bytes | TransparentKey, algorithm: CryptographicAlgorithm, **more: Any
) -> Step:
    """Register a private key; its unique identifier."""
    request = asymmetric_request(PrivateKey, key_format, material, algorithm, **more)
    return (yield from do(request)).unique_identifier


def public(
    key_format: KeyFormatType, material: bytes | TransparentKey, algorithm: CryptographicAlgorithm, **more: Any
) -> Step:
    """Register a public key; its unique identifier."""
    request = asymmetric_request(PublicKey, key_format, material, algorithm, **more)
    return (yield from do(request)).unique_identifier


def material(unique_identifier: str) -> Step:
    """Get the bytes of an object."""
    answer = yield from do(GetRequest(unique_identifier=unique_identifier))
    return answer.object.key_block.key_value.key_material


# --- in parts ---------------------------------------------------------------------------------------------------------


def cut(data: bytes, seed: bytes) -> list[bytes]:
    """Cut data into one to four parts, some of them empty; for a seed always the same."""
    random = Random(seed)
    places = sorted(random.randint(0, len(data)) for _ in range(random.randint(0, 3)))
    return [data[i:j] for i, j in zip([0, *places], [*places, len(data)], strict=True)]


def in_parts(ask: Callable[..., Request], parts: list[bytes], first: dict[str, Any], last: dict[str, Any]) -> Step:
    """Hold an operation with its data in parts; the answers.

    Args:
        first, last: what only the first and only the last request says.
    """
    answers: list[Any] = []
    value = None
    for number, part in enumerate(parts):
        final = number == len(parts) - 1
        said = (first | {"init_indicator": True} if number == 0 else {"correlation_value": value}) | (
            last | {"final_indicator": True} if final else {}
        )
        answer = yield from do(ask(data=part, **said))
        assert (answer.correlation_value is None) is final
        value = answer.correlation_value
        answers.append(answer)
    return answers


def joined(answers: list[Any]) -> bytes:
    return b"".join(answer.data or b"" for answer in answers)

"""Requests for keys, their wrapping and their use, in few words."""

from __future__ import annotations

from typing import Any

from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    EncodingOption,
    KeyFormatType,
    KeyWrapType,
    ObjectType,
    WrappingMethod,
)
from keystead.kmip.objects import KeyBlock, KeyValue, KeyWrappingSpecification, SymmetricKey
from keystead.kmip.payloads.create import CreateRequest, RegisterRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.structures import CryptographicParameters, EncryptionKeyInformation
from keystead.kmip.tags import Tag
from tests.engine.world import World

A = CryptographicAlgorithm
M = CryptographicUsageMask
DATA = M.ENCRYPT | M.DECRYPT
WRAP = M.WRAP_KEY | M.UNWRAP_KEY
LONG_AGO = 1_700_000_000


def attributes(**values: Any) -> Attributes:
    """Attributes by the names of their tags."""
    return Attributes.of({Tag[name.upper()]: value for name, value in values.items()})


def create(
    world: World, mask: CryptographicUsageMask = DATA, length: int = 256, who: str = "alice", **more: Any
) -> str:
    """Have an Active AES key made."""
    asked = attributes(
        cryptographic_algorithm=A.AES,
        cryptographic_length=length,
        cryptographic_usage_mask=mask,
        activation_date=LONG_AGO,
        **more,
    )
    request = CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=asked)
    return str(world.do(request, who=who).unique_identifier)


def symmetric(key: bytes, algorithm: CryptographicAlgorithm = A.AES) -> SymmetricKey:
    """A symmetric key in a Raw Key Block."""
    return SymmetricKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.RAW,
            key_value=KeyValue(key_material=key),
            cryptographic_algorithm=algorithm,
            cryptographic_length=8 * len(key),
        )
    )


def register(
    world: World, secret: Any, mask: CryptographicUsageMask = DATA, who: str = "alice", **more: Any
) -> RegisterRequest:
    """Ask to keep a symmetric key, Active."""
    return RegisterRequest(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=attributes(cryptographic_usage_mask=mask, activation_date=LONG_AGO, **more),
        object=secret if not isinstance(secret, bytes) else symmetric(secret),
    )


def registered(world: World, secret: Any, mask: CryptographicUsageMask = DATA, who: str = "alice", **more: Any) -> str:
    return str(world.do(register(world, secret, mask, **more), who=who).unique_identifier)


def wrapped_by(
    key: str,
    mode: BlockCipherMode | None = BlockCipherMode.NISTKEYWRAP,
    option: EncodingOption = EncodingOption.NO_ENCODING,
    method: WrappingMethod = WrappingMethod.ENCRYPT,
    **parameters: Any,
) -> KeyWrappingSpecification:
    """Say by which key to wrap."""
    return KeyWrappingSpecification(
        wrapping_method=method,
        encryption_key_information=EncryptionKeyInformation(
            unique_identifier=key,
            cryptographic_parameters=CryptographicParameters(block_cipher_mode=mode, **parameters),
        ),
        encoding_option=option,
    )


def get_wrapped(unique_identifier: str, key: str, **how: Any) -> GetRequest:
    return GetRequest(unique_identifier=unique_identifier, key_wrapping_specification=wrapped_by(key, **how))


def get_plain(unique_identifier: str) -> GetRequest:
    return GetRequest(unique_identifier=unique_identifier, key_wrap_type=KeyWrapType.NOT_WRAPPED)


def bytes_of(world: World, unique_identifier: str, who: str = "alice") -> bytes:
    """The bytes of a symmetric key that may leave."""
    value = world.do(get_plain(unique_identifier), who=who).object.key_block.key_value
    return bytes(value.key_material)

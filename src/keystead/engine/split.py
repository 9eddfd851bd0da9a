"""Split knowledge: Create Split Key, Join Split Key.

Source: KMIP 1.4 sections 2.2.5, 4.38 and 4.39; 2.1 sections 2.8, 6.1.10 and 6.1.27.
"""

from __future__ import annotations

from typing import Any, Final

from keystead.crypto.split import join, split
from keystead.engine import use
from keystead.engine.context import Context
from keystead.engine.create import USUAL_LENGTHS, random_key, usual_algorithm
from keystead.engine.handlers import handles
from keystead.engine.making import digest_of, first, inherit, new, requested
from keystead.engine.managed import Managed
from keystead.engine.register import keep
from keystead.engine.wrapping import left, unwrapped
from keystead.errors import OperationFailed
from keystead.kmip.attributes import Attribute, AttributeName
from keystead.kmip.enums import CryptographicAlgorithm, KeyFormatType, ObjectType, ResultReason, SecretDataType
from keystead.kmip.objects import (
    KeyBlock,
    KeyValue,
    ManagedObject,
    PrivateKey,
    SecretData,
    SplitKey,
    SymmetricKey,
)
from keystead.kmip.payloads.create import (
    CreateSplitKeyRequest,
    CreateSplitKeyResponse,
    JoinSplitKeyRequest,
    JoinSplitKeyResponse,
)
from keystead.kmip.tags import Tag
from keystead.policy.wrapping import History

_R = ResultReason
_Asked = dict[AttributeName, tuple[Attribute, ...]]
_SPLIT: Final = frozenset({ObjectType.SYMMETRIC_KEY, ObjectType.PRIVATE_KEY, ObjectType.SECRET_DATA})
"""What can be split, and what parts can be joined to."""
MOST_PARTS: Final = 64


@handles(CreateSplitKeyRequest, changes=True)
def create_split_key(context: Context, request: CreateSplitKeyRequest) -> CreateSplitKeyResponse:
    """Split a key that is here, or a new one, and keep each part as an object of its own.

    The parts are as protected as what was split; a Name goes to the first of them, for it is unique.

    Raises:
        OperationFailed: Invalid Object Type, Invalid Field, Invalid Attribute Value and those of `requested`.
    """
    if request.object_type is not ObjectType.SPLIT_KEY:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "Create Split Key makes split keys")
    if request.split_key_parts > MOST_PARTS:
        raise OperationFailed(_R.SERVER_LIMIT_EXCEEDED, f"a key is split into at most {MOST_PARTS} parts")
    asked = requested(context, ObjectType.SPLIT_KEY, request.attributes)
    base = None if request.unique_identifier is None else context.object(request.unique_identifier)
    if base is None:
        algorithm, length = first(asked, Tag.CRYPTOGRAPHIC_ALGORITHM), first(asked, Tag.CRYPTOGRAPHIC_LENGTH)
        if length is None:
            algorithm = algorithm or usual_algorithm(context, CryptographicAlgorithm.AES)
            length = USUAL_LENGTHS.get(algorithm)
        if length is None:
            raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "a new split key needs a Cryptographic Length")
        material, key_format = random_key(context, algorithm, length), KeyFormatType.RAW
    else:
        material, key_format = _material(context, base)
        algorithm, length = base.get(Tag.CRYPTOGRAPHIC_ALGORITHM), base.get(Tag.CRYPTOGRAPHIC_LENGTH)
        for name in (Tag.CRYPTOGRAPHIC_ALGORITHM, Tag.CRYPTOGRAPHIC_LENGTH):
            asked.pop(name, None)
        if base.usage_mask:
            asked[Tag.CRYPTOGRAPHIC_USAGE_MASK] = (Attribute(Tag.CRYPTOGRAPHIC_USAGE_MASK, base.usage_mask),)
        inherit(asked, [base])
    polynomial = first(asked, Tag.SPLIT_KEY_POLYNOMIAL)
    parts = split(
        request.split_key_method,
        material,
        request.split_key_parts,
        request.split_key_threshold,
        prime_field_size=request.prime_field_size,
        polynomial=polynomial,
    )
    made = []
    for number, part in enumerate(parts, 1):
        secret = SplitKey(
            split_key_parts=request.split_key_parts,
            key_part_identifier=number,
            split_key_threshold=request.split_key_threshold,
            split_key_method=request.split_key_method,
            prime_field_size=request.prime_field_size,
            split_key_polynomial=polynomial,
            key_block=KeyBlock(
                key_format_type=key_format,
                key_value=KeyValue(key_material=part),
                cryptographic_algorithm=algorithm,
                cryptographic_length=length,
            ),
        )
        facts: dict[AttributeName, Any] = {
            Tag.CRYPTOGRAPHIC_ALGORITHM: algorithm,
            Tag.CRYPTOGRAPHIC_LENGTH: length,
            Tag.KEY_FORMAT_TYPE: key_format,
            Tag.DIGEST: digest_of(part, key_format),
            Tag.SPLIT_KEY_PARTS: request.split_key_parts,
            Tag.KEY_PART_IDENTIFIER: number,
            Tag.SPLIT_KEY_THRESHOLD: request.split_key_threshold,
            Tag.SPLIT_KEY_METHOD: request.split_key_method,
            Tag.SPLIT_KEY_BASE_LINK: None if base is None else base.unique_identifier,
        }
        managed = new(context, ObjectType.SPLIT_KEY, asked, generated=True, facts=facts)
        if base is not None:
            managed = managed.with_history(managed.history | base.history & History.WRAPPED_SENSITIVE)
        made.append(context.add(managed, secret).unique_identifier)
        asked = {name: instances for name, instances in asked.items() if name is not Tag.NAME}
    if base is not None and not base.sensitive:
        left(context, base)
    context.placeholder = made[0]
    return CreateSplitKeyResponse(unique_identifier=tuple(made))


def _material(context: Context, base: Managed) -> tuple[bytes, KeyFormatType]:
    if base.object_type not in _SPLIT:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, f"{base.object_type} objects cannot be split")
    if base.object_type is ObjectType.PRIVATE_KEY:
        block = use.key_block(unwrapped(context, context.material(base), base))
        material = use.plain_value(block).key_material
        if not isinstance(material, bytes):
            raise OperationFailed(_R.KEY_FORMAT_TYPE_NOT_SUPPORTED, "a Transparent key cannot be split")
        return material, block.key_format_type
    return use.secret_bytes(context, base), KeyFormatType.RAW


@handles(JoinSplitKeyRequest, changes=True)
def join_split_key(context: Context, request: JoinSplitKeyRequest) -> JoinSplitKeyResponse:
    """Join parts to an object, which is as protected as each of them.

    Raises:
        OperationFailed: Cryptographic Failure if there are too few parts or they do not belong together; Invalid Object
            Type and those of Register.
    """
    if request.object_type not in _SPLIT:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, f"split keys are not joined to {request.object_type} objects")
    asked = requested(context, request.object_type, request.attributes)
    managed = [context.object(identifier) for identifier in request.unique_identifier]
    if any(part.object_type is not ObjectType.SPLIT_KEY for part in managed):
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "only split keys can be joined")
    parts = [_part(context, part) for part in managed]
    pieces = {part.key_part_identifier: _piece(part) for part in parts}
    if not parts or len(pieces) != len(parts) or len({_shape(part) for part in parts}) != 1:
        raise OperationFailed(_R.CRYPTOGRAPHIC_FAILURE, "the parts do not belong together")
    whole, block = parts[0], parts[0].key_block
    algorithm = first(asked, Tag.CRYPTOGRAPHIC_ALGORITHM) or block.cryptographic_algorithm
    length = first(asked, Tag.CRYPTOGRAPHIC_LENGTH) or block.cryptographic_length
    key = join(
        whole.split_key_method,
        pieces,
        whole.split_key_threshold,
        prime_field_size=whole.prime_field_size,
        polynomial=whole.split_key_polynomial,
        length_bytes=None if length is None else (length + 7) // 8,
    )
    joined = KeyBlock(
        key_format_type=block.key_format_type,
        key_value=KeyValue(key_material=key),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )
    inherit(asked, managed)
    asked[Tag.JOINED_SPLIT_KEY_PARTS_LINK] = tuple(
        Attribute(Tag.JOINED_SPLIT_KEY_PARTS_LINK, part.unique_identifier) for part in managed
    )
    secret = _object(request.object_type, joined, request.secret_data_type)
    made = keep(context, request.object_type, secret, asked, returned=True)
    for part in managed:
        if part.history & History.WRAPPED_SENSITIVE:
            made = context.save(made.with_history(made.history | History.WRAPPED_SENSITIVE), touch=False)
    context.placeholder = made.unique_identifier
    return JoinSplitKeyResponse(unique_identifier=made.unique_identifier)


def _object(object_type: ObjectType, block: KeyBlock, secret_data_type: SecretDataType | None) -> ManagedObject:
    if object_type is ObjectType.SYMMETRIC_KEY:
        return SymmetricKey(key_block=block)
    if object_type is ObjectType.PRIVATE_KEY:
        return PrivateKey(key_block=block)
    return SecretData(secret_data_type=secret_data_type or SecretDataType.SEED, key_block=block)


def _part(context: Context, managed: Managed) -> SplitKey:
    part = unwrapped(context, context.material(managed), managed)
    assert isinstance(part, SplitKey)
    return part


def _piece(part: SplitKey) -> bytes:
    material = use.plain_value(part.key_block).key_material
    if not isinstance(material, bytes):
        raise OperationFailed(_R.CRYPTOGRAPHIC_FAILURE, "the parts do not belong together")
    return material


def _shape(part: SplitKey) -> tuple[Any, ...]:
    """What the parts of one key have in common."""
    block = part.key_block
    return (
        part.split_key_parts,
        part.split_key_threshold,
        part.split_key_method,
        part.prime_field_size,
        part.split_key_polynomial,
        block.key_format_type,
        block.cryptographic_algorithm,
        block.cryptographic_length,
    )

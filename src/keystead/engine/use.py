"""May this object be used so, now?  And what its use costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from keystead.crypto.certificates import certificate_facts
from keystead.crypto.formats import load_private, load_public
from keystead.crypto.keys import check_symmetric, symmetric_bytes
from keystead.engine.context import Context
from keystead.engine.managed import HISTORY, Managed
from keystead.errors import OperationFailed
from keystead.kmip.attributes import ATTRIBUTES
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    ObjectType,
    RecommendedCurve,
    ResultReason,
    UsageLimitsUnit,
)
from keystead.kmip.objects import Certificate, KeyBlock, KeyValue, ManagedObject
from keystead.kmip.structures import CryptographicDomainParameters, CryptographicParameters
from keystead.kmip.tags import Tag
from keystead.policy.lifecycle import USES, Use, check_use
from keystead.policy.wrapping import check_other_use

S = TypeVar("S", bound=ManagedObject)
MAXIMUM_LOADED_KEYS: Final = 1024


def check(context: Context, managed: Managed, mask: CryptographicUsageMask) -> Managed:
    """Refuse a use that the usage mask, the state or the dates do not permit.

    Raises:
        OperationFailed: Incompatible Cryptographic Usage Mask, Wrong Key Lifecycle State, Object Archived.
    """
    if managed.archived:
        raise OperationFailed(ResultReason.OBJECT_ARCHIVED, "the object is archived; Recover it first")
    if managed.object_type in ATTRIBUTES[Tag.STATE].applies_to:
        check_use(managed.dates, USES[mask], context.now, context.engine.process_compromised)
    if not context.engine.algorithms.everything:
        context.engine.algorithms.check_use(
            optional_algorithm(managed), managed.get(Tag.CRYPTOGRAPHIC_LENGTH), protects=USES[mask] is Use.PROTECT
        )
    if not managed.usage_mask & (mask | CryptographicUsageMask.UNRESTRICTED):
        raise OperationFailed(
            ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
            f"the Cryptographic Usage Mask of the object does not have {mask.title}",
        )
    if HISTORY in managed.attributes:
        check_other_use(managed.history, mask)
    return managed


_COUNTED: Final[Mapping[CryptographicUsageMask, Tag]] = {
    CryptographicUsageMask.ENCRYPT: Tag.ENCRYPT_COUNTER,
    CryptographicUsageMask.DECRYPT: Tag.DECRYPT_COUNTER,
    CryptographicUsageMask.SIGN: Tag.SIGN_COUNTER,
    CryptographicUsageMask.VERIFY: Tag.SIGNATURE_VERIFY_COUNTER,
    CryptographicUsageMask.CERTIFICATE_SIGN: Tag.CERTIFY_COUNTER,
}


def used(
    context: Context, managed: Managed, amount_bytes: int, mask: CryptographicUsageMask, *, begins: bool = True
) -> None:
    """Count a use, and take it off the Usage Limits if it applies protection; saves, so it comes last.

    Args:
        begins: it is not a later part of a use.

    Raises:
        OperationFailed: Permission Denied, as the test cases have it: the limit would be exceeded.

    Source: KMIP 3.0 §4.13; what clients of older versions do is not counted, see docs/divergences.md.
    """
    after, limits, counter = managed, managed.get(Tag.USAGE_LIMITS), _COUNTED.get(mask)
    if limits is not None and USES[mask] is Use.PROTECT:
        amount = amount_bytes if limits.usage_limits_unit is UsageLimitsUnit.BYTE else int(begins)
        left = (limits.usage_limits_count or 0) - amount
        if left < 0:
            raise OperationFailed(ResultReason.PERMISSION_DENIED, "the Usage Limits of the object would be exceeded")
        after = after.put(Tag.USAGE_LIMITS, replace(limits, usage_limits_count=left))
    limited = after is not managed
    if begins and counter is not None and context.version >= ATTRIBUTES[counter].since:
        after = after.put(counter, managed.get(counter, 0) + 1)
    if after is not managed:
        context.save(after, touch=limited)


def key_block(secret: ManagedObject) -> KeyBlock:
    """The Key Block of an object that has one.  Raises: OperationFailed (Invalid Object Type)."""
    block = getattr(secret, "key_block", None)
    if not isinstance(block, KeyBlock):
        raise OperationFailed(ResultReason.INVALID_OBJECT_TYPE, "the object is not a key")
    return block


def with_key_block(secret: S, block: KeyBlock) -> S:
    """The same object, which has a Key Block, with another one."""
    return replace(secret, key_block=block)  # type: ignore[type-var]  # whoever has one is a dataclass


def plain_value(block: KeyBlock) -> KeyValue:
    """The Key Value of a block that is not wrapped.

    Raises:
        OperationFailed: Key Value Not Present; Wrapping Object Not Found where it is wrapped.
    """
    if isinstance(block.key_value, KeyValue):
        return block.key_value
    if block.key_value is None:
        raise OperationFailed(ResultReason.KEY_VALUE_NOT_PRESENT, "the server does not hold the key value")
    raise OperationFailed(ResultReason.INVALID_OBJECT_TYPE, "the key is held wrapped and cannot be used here")


def secret_bytes(context: Context, managed: Managed) -> bytes:
    """The bytes of a symmetric key or of secret data."""
    from keystead.engine.wrapping import unwrapped

    secret = unwrapped(context, context.material(managed), managed)
    block = key_block(secret)
    material = plain_value(block).key_material
    if managed.object_type is ObjectType.SYMMETRIC_KEY:
        key = symmetric_bytes(block.key_format_type, material)
        if block.key_format_type is KeyFormatType.OPAQUE:
            check_symmetric(algorithm_of(managed), key)  # it came in as anything at all
        return key
    if isinstance(material, bytes):
        return material
    raise OperationFailed(ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED, "this key format has no bytes to use")


def loaded_key(context: Context, managed: Managed) -> Any:
    """The private or public key of an object, or the public key of a certificate, ready for use; kept loaded."""
    loaded = context.engine.loaded_keys
    slot = (managed.unique_identifier, managed.envelope)
    key = loaded.get(slot)
    if key is not None:
        return key
    from keystead.engine.wrapping import unwrapped

    secret = unwrapped(context, context.material(managed), managed)
    if isinstance(secret, Certificate):
        # A certificate is kept for what it says; its key is checked when it is used (K36).
        key = load_public(KeyFormatType.X_509, certificate_facts(secret.certificate_value).public_key)
    else:
        key = load_block(managed, key_block(secret))
    if len(loaded) >= MAXIMUM_LOADED_KEYS:
        loaded.clear()
    loaded[slot] = key
    return key


def load_block(managed: Managed, block: KeyBlock) -> Any:
    """The private or public key of a Key Block, which was checked when it came in."""
    material, algorithm = plain_value(block).key_material, managed.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    curve = curve_in(managed.get(Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS))
    if managed.object_type is ObjectType.PRIVATE_KEY:
        return load_private(block.key_format_type, material, algorithm, trusted=True, curve=curve)
    return load_public(
        block.key_format_type,
        material,
        algorithm,
        trusted=True,
        curve=curve,
        key_compression_type=block.key_compression_type,
    )


def curve_in(domain: CryptographicDomainParameters | None) -> RecommendedCurve | None:
    """The curve that Cryptographic Domain Parameters name; a Raw key does not tell its own."""
    return None if domain is None else domain.recommended_curve


def parameters(managed: Managed, given: CryptographicParameters | None) -> CryptographicParameters:
    """The Cryptographic Parameters of an operation: the given ones, else the object's first, else none.

    Source: KMIP 1.4 §4.29; 2.1 §6.1.18.
    """
    return given or managed.get(Tag.CRYPTOGRAPHIC_PARAMETERS) or CryptographicParameters()


def verifying_parameters(managed: Managed, given: CryptographicParameters | None) -> CryptographicParameters:
    """The Cryptographic Parameters to verify a signature with.

    What is said of a kind of key that the key is not cannot be meant of it: of that only the hash counts.  The OASIS
    cases CS-AC-M-3-ECC and TC-ECDSA-SIGN-DIGESTEDDATA verify with the parameters of RSA what an EC key signed.
    """
    found = parameters(managed, given)
    algorithm = optional_algorithm(managed)
    if given is None or algorithm is None or (_is_rsa(algorithm) or not _means_rsa(given)):
        return found
    own = managed.get(Tag.CRYPTOGRAPHIC_PARAMETERS) or CryptographicParameters()
    return replace(own, hashing_algorithm=given.hashing_algorithm or own.hashing_algorithm)


def _is_rsa(algorithm: CryptographicAlgorithm) -> bool:
    return algorithm is CryptographicAlgorithm.RSA


def _means_rsa(given: CryptographicParameters) -> bool:
    return given.cryptographic_algorithm is CryptographicAlgorithm.RSA


def algorithm_of(managed: Managed) -> CryptographicAlgorithm:
    found = optional_algorithm(managed)
    if found is None:
        raise OperationFailed(ResultReason.INVALID_OBJECT_TYPE, "the object has no Cryptographic Algorithm")
    return found


def optional_algorithm(managed: Managed) -> CryptographicAlgorithm | None:
    found: CryptographicAlgorithm | None = managed.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    return found

"""Taking objects into keeping: Register and Import, with what follows from the material itself."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from keystead.crypto.formats import examine_private, examine_public, load_private, load_public
from keystead.crypto.keys import check_symmetric, symmetric_bytes
from keystead.engine import pkcs12, use
from keystead.engine.certificates import certificate_attributes
from keystead.engine.context import Context
from keystead.engine.copies import protected_as_copies
from keystead.engine.handlers import handles
from keystead.engine.key_formats import default_format, digests
from keystead.engine.making import ALL_LINKS, check_settable, digest_of, first, linked, material_bytes, new, requested
from keystead.engine.managed import Managed, gather
from keystead.engine.wrapping import is_wrapped, openable, resolved, unwrapped
from keystead.errors import OperationFailed
from keystead.kmip.attributes import ATTRIBUTES, Attribute, AttributeName, Attributes
from keystead.kmip.enums import (
    KeyFormatType,
    KeyWrapType,
    ObjectType,
    RecommendedCurve,
    ResultReason,
    StorageStatusMask,
)
from keystead.kmip.objects import (
    OBJECT_TYPES,
    Certificate,
    CertificateRequest,
    KeyBlock,
    KeyValue,
    ManagedObject,
    OpaqueObject,
    SecretData,
    SplitKey,
    Template,
)
from keystead.kmip.payloads.create import ImportRequest, ImportResponse, RegisterRequest, RegisterResponse
from keystead.kmip.structures import CryptographicDomainParameters
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_2
from keystead.policy.wrapping import History

_R = ResultReason
_F = KeyFormatType
_Asked = dict[AttributeName, tuple[Attribute, ...]]
_KEPT_ANYWHERE: Final = (
    StorageStatusMask.ON_LINE_STORAGE | StorageStatusMask.ARCHIVAL_STORAGE | StorageStatusMask.DESTROYED_STORAGE
)


@handles(RegisterRequest, changes=True)
def register(context: Context, request: RegisterRequest) -> RegisterResponse:
    """Take an object into keeping.  Source: KMIP 1.4 §4.3; 2.1 §6.1.43.

    Raises:
        OperationFailed: Invalid Object Type, Invalid Attribute Value, Cryptographic Failure and those of `requested`.
    """
    secret = request.object
    if secret is None:
        raise OperationFailed(_R.INVALID_MESSAGE, "Register needs the object")
    if OBJECT_TYPES.get(type(secret)) is not request.object_type:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the object is not of the Object Type")
    asked = requested(context, request.object_type, _inner_attributes(secret), request.attributes)
    if is_wrapped(secret):
        asked |= _wrapping_key_link(context, secret)
    managed = keep(context, request.object_type, secret, asked)
    return RegisterResponse(unique_identifier=managed.unique_identifier)


def keep(
    context: Context,
    object_type: ObjectType,
    secret: ManagedObject,
    asked: _Asked,
    unique_identifier: str | None = None,
    unwrap: bool = False,
    returned: bool = False,
    owner: str | None = None,
) -> Managed:
    """Examine an object that came in and keep it.

    Args:
        unwrap: if it came wrapped; else it is kept as it came.
        returned: its bytes may be those of an object that is here.
        owner: of an object whose place it takes.
    """
    if not object_type.since <= context.version <= object_type.until:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, f"KMIP {context.version} has no {object_type} objects")
    opened = pkcs12.opened(context, secret, asked)
    if opened is not None:
        secret = opened.private_key
    came = secret = resolved(context, secret)
    if unwrap and is_wrapped(secret):
        secret = unwrapped(context, secret)
    secret, facts = examined(context, object_type, secret, asked)
    managed = new(
        context, object_type, asked, generated=False, facts=facts, unique_identifier=unique_identifier, owner=owner
    )
    if is_wrapped(came):
        managed = _protected(context, managed, came)
    elif returned:
        managed = protected_as_copies(context, managed, use.key_block(secret))
    managed = context.add(managed, secret, context.version)
    if opened is not None:
        managed = pkcs12.add_certificates(context, managed, opened)
    return managed


# --- what came wrapped ------------------------------------------------------------------------------------------------


def _wrapping_key_link(context: Context, secret: ManagedObject) -> _Asked:
    """The link to the key that an object came wrapped under, if the caller may see that.  Source: 2.1 §6.1.43."""
    described = use.key_block(secret).key_wrapping_data
    encryption = described.encryption_key_information if described is not None else None
    if encryption is not None:
        with suppress(OperationFailed):
            target = linked(context, Tag.WRAPPING_KEY_LINK, encryption.unique_identifier)
            return {Tag.WRAPPING_KEY_LINK: (Attribute(Tag.WRAPPING_KEY_LINK, target),)}
    return {}


def _protected(context: Context, managed: Managed, came: ManagedObject) -> Managed:
    """An object that came wrapped, at least as protected as what wrapped it and as whatever has the same bytes.

    Else a key could leave wrapped and come back unprotected (K21).
    """
    wrapping = openable(context, came)
    if wrapping is None:
        return managed
    if wrapping.sensitive or wrapping.history & History.WRAPPED_SENSITIVE:
        managed = managed.put(Tag.SENSITIVE, True)
    return protected_as_copies(context, managed, use.key_block(unwrapped(context, came)))


# --- what follows from the material -----------------------------------------------------------------------------------


def _inner_attributes(secret: ManagedObject) -> Attributes | None:
    """The attributes that travel within a Key Value."""
    block = getattr(secret, "key_block", None)
    value = block.key_value if isinstance(block, KeyBlock) else None
    return value.attributes if isinstance(value, KeyValue) else None


def examined(
    context: Context, object_type: ObjectType, secret: ManagedObject, asked: _Asked
) -> tuple[ManagedObject, dict[AttributeName, Any]]:
    """Check an object that came in, and read off it the attributes that follow.

    Returns: the object as it is kept, and its facts.
    """
    if isinstance(secret, Certificate):
        return secret, certificate_attributes(secret)
    if isinstance(secret, OpaqueObject):
        return secret, {
            Tag.KEY_FORMAT_TYPE: KeyFormatType.OPAQUE,
            Tag.OPAQUE_DATA_TYPE: secret.opaque_data_type,
            Tag.DIGEST: digest_of(secret.opaque_data_value, KeyFormatType.OPAQUE),
        }
    if isinstance(secret, CertificateRequest):
        return secret, {
            Tag.KEY_FORMAT_TYPE: KeyFormatType.PKCS_10,
            Tag.DIGEST: digest_of(secret.certificate_request_value, KeyFormatType.PKCS_10),
        }
    if isinstance(secret, Template):
        own = gather(a for a in secret.attributes or () if a.name is Tag.NAME)
        # In 1.0 and 1.1 a template may be named by the attributes that it holds as well.  Source: 1.4 §11.4.
        if own and context.version >= V1_2:
            raise OperationFailed(_R.INVALID_FIELD, "the attributes that a template holds may not be its Name")
        asked.update({name: instances for name, instances in own.items() if name not in asked})
        if not asked.get(Tag.NAME):
            raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "a template needs a Name")
        return secret, {}
    block = use.key_block(secret)
    algorithm = block.cryptographic_algorithm or first(asked, Tag.CRYPTOGRAPHIC_ALGORITHM)
    length = block.cryptographic_length or first(asked, Tag.CRYPTOGRAPHIC_LENGTH)
    curve = use.curve_in(first(asked, Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS))
    facts: dict[Tag, Any] = {Tag.KEY_FORMAT_TYPE: block.key_format_type}
    if block.key_value is None:
        if object_type not in ATTRIBUTES[Tag.KEY_VALUE_PRESENT].applies_to:
            raise OperationFailed(_R.INVALID_MESSAGE, f"{object_type} objects are registered with their Key Value")
        facts[Tag.KEY_VALUE_PRESENT] = False
    elif is_wrapped(secret):
        # Kept as it came; opened once, if its wrapping key is here, to see that it can be.
        if openable(context, secret) is not None:
            plain = use.key_block(unwrapped(context, secret))
            algorithm, length, found = _examined_key(object_type, plain, algorithm, length, curve)
            facts[Tag.DIGEST] = found[Tag.DIGEST]
    elif isinstance(block.key_value, KeyValue):
        algorithm, length, found = _examined_key(object_type, block, algorithm, length, curve)
        facts.update(found)
    else:
        raise OperationFailed(_R.INVALID_FIELD, "a wrapped Key Value needs Key Wrapping Data")
    facts[Tag.CRYPTOGRAPHIC_ALGORITHM] = algorithm
    facts[Tag.CRYPTOGRAPHIC_LENGTH] = length
    if algorithm is not None:
        context.engine.algorithms.check_kept(algorithm, length)
    if isinstance(secret, SplitKey):
        facts |= {
            Tag.SPLIT_KEY_PARTS: secret.split_key_parts,
            Tag.KEY_PART_IDENTIFIER: secret.key_part_identifier,
            Tag.SPLIT_KEY_THRESHOLD: secret.split_key_threshold,
            Tag.SPLIT_KEY_METHOD: secret.split_key_method,
            Tag.SPLIT_KEY_POLYNOMIAL: secret.split_key_polynomial,
        }
    return _completed(secret, algorithm, length), {
        name: value for name, value in facts.items() if object_type in ATTRIBUTES[name].applies_to
    }


def _completed(secret: ManagedObject, algorithm: Any, length: Any) -> ManagedObject:
    """Put into the Key Block what only the attributes said, as Get must give it."""
    block = use.key_block(secret)
    if isinstance(secret, SecretData | SplitKey):
        return secret
    block = replace(block, cryptographic_algorithm=algorithm, cryptographic_length=length)
    return use.with_key_block(secret, block)


def _examined_key(
    object_type: ObjectType, block: KeyBlock, algorithm: Any, length: Any, curve: RecommendedCurve | None
) -> tuple[Any, Any, dict[Tag, Any]]:
    value = block.key_value
    assert isinstance(value, KeyValue)
    material, key_format = value.key_material, block.key_format_type
    facts: dict[Tag, Any] = {Tag.DIGEST: digest_of(material_bytes(material), key_format)}
    if object_type is ObjectType.SYMMETRIC_KEY:
        key = symmetric_bytes(key_format, material)
        facts[Tag.DIGEST] = digests(object_type, algorithm, key, material, key_format)
        if key_format is KeyFormatType.OPAQUE:
            return algorithm, length or 8 * len(key), facts
        if algorithm is None:
            raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "a symmetric key needs a Cryptographic Algorithm")
        return algorithm, check_symmetric(algorithm, key, length), facts
    if object_type in (ObjectType.PRIVATE_KEY, ObjectType.PUBLIC_KEY):
        if key_format is KeyFormatType.OPAQUE:
            return algorithm, length, facts
        hints: dict[str, Any] = {"curve": curve}
        if object_type is ObjectType.PRIVATE_KEY:
            examine: Any = examine_private
            load: Any = load_private
        else:
            examine, load = examine_public, load_public
            hints["key_compression_type"] = block.key_compression_type
        found = examine(key_format, material, algorithm, **hints)
        if found is None:  # encrypted under a password that only its owner has
            return algorithm, length, facts
        # Some say the length of a curve in whole bytes, as Create Key Pair takes it too.
        if length not in (None, found.cryptographic_length, (found.cryptographic_length + 7) // 8 * 8):
            raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, "the Cryptographic Length is not that of the key")
        if found.recommended_curve is not None:
            facts[Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS] = CryptographicDomainParameters(
                recommended_curve=found.recommended_curve
            )
        algorithm = algorithm or found.cryptographic_algorithm
        if key_format is not default_format(object_type, algorithm):
            with suppress(OperationFailed):  # what can be kept but not used has the Digest of its own format only
                key = load(key_format, material, algorithm, trusted=True, **hints)
                facts[Tag.DIGEST] = digests(object_type, algorithm, key, material, key_format)
        return algorithm, found.cryptographic_length, facts
    if isinstance(material, bytes):
        facts[Tag.DIGEST] = digests(object_type, algorithm, material, material, key_format)
        length = length or 8 * len(material)
    return algorithm, length, facts


# --- Import -----------------------------------------------------------------------------------------------------------

# An import brings attributes that elsewhere only the server sets; these follow from the object and from now.
_NOT_IMPORTED: Final = frozenset(
    {
        Tag.STATE, Tag.OBJECT_TYPE, Tag.UNIQUE_IDENTIFIER, Tag.ALWAYS_SENSITIVE,
        Tag.NEVER_EXTRACTABLE, Tag.DIGEST, Tag.ARCHIVE_DATE, Tag.KEY_FORMAT_TYPE, Tag.SHORT_UNIQUE_IDENTIFIER,
        Tag.DESTROY_DATE,
    }
)  # fmt: skip
MOST_IDENTIFIER: Final = 128


@handles(ImportRequest, changes=True)
def import_(context: Context, request: ImportRequest) -> ImportResponse:
    """Take an object into keeping with its attributes, under its own Unique Identifier.

    Source: KMIP 1.4 §4.41; 2.1 §6.1.25.

    Raises:
        OperationFailed: Object Already Exists, Invalid Field and those of Register.
    """
    secret = request.object
    object_type = OBJECT_TYPES[type(secret)]
    if request.object_type is not None and request.object_type is not object_type:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the object is not of the Object Type")
    own = request.unique_identifier
    if not isinstance(own, str) or not 0 < len(own) <= MOST_IDENTIFIER or not own.isprintable():
        raise OperationFailed(
            _R.INVALID_FIELD, f"Import needs a Unique Identifier of 1 to {MOST_IDENTIFIER} printable characters"
        )
    owner = None
    if context.turn.fetch(own) is not None:
        before = context.object(own)  # that of another owner is not found (K35)
        if not request.replace_existing:
            raise OperationFailed(_R.OBJECT_ALREADY_EXISTS, "an object with this Unique Identifier exists")
        context.forget(before)
        owner = before.owner
    asked = {
        name: instances for name, instances in gather(request.attributes or ()).items() if name not in _NOT_IMPORTED
    }
    for name, instances in asked.items():
        check_settable(name, object_type, instances, importing=True)
        if name in ALL_LINKS:  # a link by its text may lead to what is yet to be imported
            asked[name] = tuple(
                one if type(one.value) is str else replace(one, value=linked(context, name, one.value))
                for one in instances
            )
    keep(context, object_type, secret, asked, own, request.key_wrap_type is KeyWrapType.NOT_WRAPPED, owner=owner)
    return ImportResponse(unique_identifier=own)

"""What becomes of the attributes that a client asks for when an object is made."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from keystead.engine import rules, storage
from keystead.engine.context import Context
from keystead.engine.extensions import VENDOR
from keystead.engine.managed import DEFAULT_GROUP, LEASE_SECONDS, RNG, SERVER_VENDORS, Managed, gather, numbered
from keystead.errors import OperationFailed
from keystead.kmip.attributes import (
    ATTRIBUTES,
    Attribute,
    AttributeName,
    Attributes,
    Party,
    VendorAttributeName,
    expand,
)
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    HashingAlgorithm,
    KeyFormatType,
    ObjectClass,
    ObjectType,
    Operation,
    ResultReason,
    RNGAlgorithm,
)
from keystead.kmip.objects import ManagedObject
from keystead.kmip.schema import dump
from keystead.kmip.structures import (
    ApplicationSpecificInformation,
    Digest,
    RNGParameters,
    TransparentKey,
    UsageLimits,
)
from keystead.kmip.tags import Tag
from keystead.kmip.version import NEWEST
from keystead.policy.wrapping import History

ALL_LINKS: Final = frozenset(expand(Tag.LINK))
"""The attributes that are links to other objects."""
MAXIMUM_INSTANCES: Final = 256
"""Of an attribute with several instances."""

# The table says "Server" of these, yet a request is where the server learns them.
_ASKED: Final = frozenset(
    {
        Tag.CRYPTOGRAPHIC_ALGORITHM,
        Tag.CRYPTOGRAPHIC_LENGTH,
        Tag.CERTIFICATE_TYPE,
        Tag.CERTIFICATE_LENGTH,
        Tag.OBJECT_TYPE,
        Tag.KEY_FORMAT_TYPE,
        Tag.DIGITAL_SIGNATURE_ALGORITHM,
        Tag.OPAQUE_DATA_TYPE,
        Tag.PROTECTION_STORAGE_MASK,
        Tag.CREDENTIAL_TYPE,
    }
)
MASKED: Final = ATTRIBUTES[Tag.CRYPTOGRAPHIC_USAGE_MASK].applies_to - {ObjectType.OPAQUE_OBJECT}
"""What always has a Cryptographic Usage Mask; an opaque object has one if its maker says so."""
_GROUPED: Final = frozenset(ObjectType) - {ObjectType.TEMPLATE, ObjectType.USER, ObjectType.GROUP}
_M: Final = CryptographicUsageMask
_A: Final = CryptographicAlgorithm


def first(attributes: Mapping[AttributeName, tuple[Attribute, ...]], name: AttributeName) -> Any:
    """The value of the first instance of an attribute that was asked for."""
    found = attributes.get(name)
    return found[0].value if found else None


def inherit(asked: dict[AttributeName, tuple[Attribute, ...]], sources: Iterable[Managed]) -> None:
    """Let what is made from others be as protected as they are, whatever was asked for (K22)."""
    for source in sources:
        if source.get(Tag.SENSITIVE):
            asked[Tag.SENSITIVE] = (Attribute(Tag.SENSITIVE, True, 0),)
        if source.get(Tag.EXTRACTABLE) is False:
            asked[Tag.EXTRACTABLE] = (Attribute(Tag.EXTRACTABLE, False, 0),)


def usual_mask(algorithm: CryptographicAlgorithm | None, object_type: ObjectType) -> CryptographicUsageMask:
    """The Cryptographic Usage Mask of a key whose maker did not say one."""
    if object_type is ObjectType.PRIVATE_KEY:
        return _M.SIGN | (_M.DECRYPT | _M.UNWRAP_KEY if algorithm is _A.RSA else _M(0))
    if object_type is ObjectType.PUBLIC_KEY:
        return _M.VERIFY | (_M.ENCRYPT | _M.WRAP_KEY if algorithm is _A.RSA else _M(0))
    if object_type is not ObjectType.SYMMETRIC_KEY or algorithm is None:
        return _M(0)
    return _M.MAC_GENERATE | _M.MAC_VERIFY if "HMAC" in algorithm.title else _M.ENCRYPT | _M.DECRYPT


def requested(
    context: Context, object_type: ObjectType, *lists: Attributes | None
) -> dict[AttributeName, tuple[Attribute, ...]]:
    """Merge the lists of a request with the templates that they name, and check each attribute.

    Raises:
        OperationFailed: Attribute Read Only, Attribute Single Valued, Invalid Attribute, Invalid Attribute Value; Item
            Not Found for a template.

    Source: KMIP 1.4 sections 2.1.8 and 3; 2.1 sections 4 and 6.1.8.
    """
    merged: dict[AttributeName, tuple[Attribute, ...]] = {}
    for attributes in lists:
        if attributes is None:
            continue
        for template in attributes.templates:
            _merge(merged, _template(context, template.name_value))
        _merge(merged, gather(attributes))
    for name, instances in merged.items():
        check_settable(name, object_type, instances)
    merged.pop(Tag.OBJECT_TYPE, None)
    rules.complete(context, object_type, merged)
    return {name: tuple(_completed(context, instance) for instance in instances) for name, instances in merged.items()}


def _merge(
    merged: dict[AttributeName, tuple[Attribute, ...]], later: Mapping[AttributeName, tuple[Attribute, ...]]
) -> None:
    """Let a later list override an attribute of one instance, and come before what there is of one of several.

    Source: KMIP 1.4 §4.2.
    """
    for name, instances in later.items():
        several = isinstance(name, VendorAttributeName) or (name in ATTRIBUTES and ATTRIBUTES[name].multiple)
        said = [instance.value for instance in instances]
        before = tuple(i for i in merged.get(name, ()) if several and i.value not in said)
        merged[name] = (*instances, *before)


def check_settable(
    name: AttributeName, object_type: ObjectType, instances: Iterable[Attribute], *, importing: bool = False
) -> None:
    """Refuse what a client may not set when it makes an object; one that it imports brings what servers set as well."""
    instances = tuple(instances)
    check_instances(name, instances)
    if isinstance(name, VendorAttributeName):
        if name.vendor_identification in SERVER_VENDORS:
            raise OperationFailed(ResultReason.ATTRIBUTE_READ_ONLY, "the attribute is set by the server alone")
    else:
        row = ATTRIBUTES[name]
        if row.set_by is Party.SERVER and name not in _ASKED and not importing:
            raise OperationFailed(ResultReason.ATTRIBUTE_READ_ONLY, f"{name} is set by the server alone")
        if object_type not in row.applies_to:
            raise OperationFailed(ResultReason.INVALID_ATTRIBUTE, f"{object_type} objects have no {name}")
        if name is Tag.OBJECT_TYPE and instances[0].value is not object_type:
            raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, "Object Type contradicts the request")


def check_instances(name: AttributeName, instances: tuple[Attribute, ...]) -> None:
    """Refuse instances that are too many, without a value or empty where a name is needed."""
    if isinstance(name, VendorAttributeName):
        if not name.vendor_identification:
            raise OperationFailed(ResultReason.INVALID_ATTRIBUTE, f"there is no attribute {name.attribute_name[:80]}")
    elif name not in ATTRIBUTES:
        raise OperationFailed(ResultReason.INVALID_ATTRIBUTE, f"{name} is not an attribute")
    elif len(instances) > 1 and not ATTRIBUTES[name].multiple:
        raise OperationFailed(ResultReason.ATTRIBUTE_SINGLE_VALUED, f"{name} can have only one instance")
    if len(instances) > MAXIMUM_INSTANCES:
        raise OperationFailed(
            ResultReason.SERVER_LIMIT_EXCEEDED, f"an attribute can have at most {MAXIMUM_INSTANCES} instances"
        )
    for instance in instances:
        if instance.value is None:
            raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, f"{name} was given no value")
        if name is Tag.NAME and not instance.value.name_value:
            raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, "a Name may not be empty")
        if name is Tag.CRYPTOGRAPHIC_LENGTH and instance.value <= 0:
            raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, "a Cryptographic Length is positive")


def _template(context: Context, name: str) -> dict[AttributeName, tuple[Attribute, ...]]:
    """The attributes that a template hands on: all but those that are its own."""
    found, total = context.find(
        context.criteria(names=((name,),), object_types=(int(ObjectType.TEMPLATE),), maximum_items=1)
    )
    if not total:
        raise OperationFailed(ResultReason.ITEM_NOT_FOUND, "there is no template of this Name")
    template = context.object(found[0], Operation.GET)
    if template.archived:
        raise OperationFailed(ResultReason.OBJECT_ARCHIVED, "the template is archived")
    content = context.material(template)
    return gather(a for a in content.attributes or () if a.name is not Tag.NAME)  # type: ignore[attr-defined]


NAMESPACES: Final = (VENDOR,)
"""The Application Namespaces that the server makes Application Data for."""


def completed_application_data(value: ApplicationSpecificInformation) -> ApplicationSpecificInformation:
    """Make the Application Data that a client left to the server.  Source: 1.4 §3.36.

    Raises:
        OperationFailed: Application Namespace Not Supported.
    """
    if value.application_data is not None:
        return value
    if value.application_namespace not in NAMESPACES:
        raise OperationFailed(
            ResultReason.APPLICATION_NAMESPACE_NOT_SUPPORTED, "the server makes no Application Data for this namespace"
        )
    return replace(value, application_data=secrets.token_hex(16))


def linked(context: Context, name: AttributeName, value: Any) -> str:
    """The object that a link leads to, which the caller must be able to see; a group need not be there.

    Raises:
        OperationFailed: Object Not Found (K32).
    """
    if name is Tag.GROUP_LINK:
        return str(value)
    return context.object(value, Operation.GET_ATTRIBUTES).unique_identifier


def _completed(context: Context, instance: Attribute) -> Attribute:
    """Fill in what a client may leave to the server."""
    value = instance.value
    if instance.name in ALL_LINKS:
        return replace(instance, value=linked(context, instance.name, value))
    if isinstance(value, ApplicationSpecificInformation):
        return replace(instance, value=completed_application_data(value))
    if isinstance(value, UsageLimits):
        if value.usage_limits_total < 0:
            raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, "a Usage Limits Total is not negative")
        return replace(instance, value=replace(value, usage_limits_count=value.usage_limits_total))
    if instance.name is Tag.PROTECTION_STORAGE_MASK:
        storage.check_masks((value,))
        return replace(instance, value=storage.STORAGE)
    return instance


def new(
    context: Context,
    object_type: ObjectType,
    attributes: Mapping[AttributeName, tuple[Attribute, ...]],
    *,
    generated: bool,
    facts: Mapping[AttributeName, Any],
    unique_identifier: str | None = None,
    known_here_only: bool | None = None,
    owner: str | None = None,
) -> Managed:
    """A new object of the caller's: what was asked for, what the server knows, and what it sets by itself.

    Args:
        generated: the server makes its material, which therefore was nowhere else,
        known_here_only: unless this says otherwise.
        facts: attributes that follow from the material, a list for several instances; one that was asked for
            otherwise is an error.
        owner: if it takes the place of an object of another's, who let the caller do that: it stays theirs.

    Raises:
        OperationFailed: Invalid Attribute Value, Constraint Violation.
    """
    now = context.now
    found = dict(attributes)
    if generated and Tag.RANDOM_NUMBER_GENERATOR in found:
        _check_generator(found.pop(Tag.RANDOM_NUMBER_GENERATOR))
    for name, value in facts.items():
        if value is None:
            continue
        values = value if isinstance(value, list) else [value]
        if name in found and found[name][0].value not in values:
            raise OperationFailed(ResultReason.INVALID_ATTRIBUTE_VALUE, f"{name} is not that of the object")
        found[name] = tuple(Attribute(name, one, index) for index, one in enumerate(values))
    own = unique_identifier or context.engine.identifiers.new()
    managed = Managed(own, context.caller.domain, owner or context.caller.identity, object_type, 0, numbered(found))
    sensitive, extractable = managed.get(Tag.SENSITIVE, False), managed.get(Tag.EXTRACTABLE, True)
    defaults: dict[Tag, Any] = {
        Tag.INITIAL_DATE: now,
        Tag.LAST_CHANGE_DATE: now,
        Tag.LEASE_TIME: LEASE_SECONDS,
        Tag.FRESH: True,
        Tag.OBJECT_GROUP: DEFAULT_GROUP if object_type in _GROUPED else None,
        Tag.SENSITIVE: sensitive,
        Tag.ALWAYS_SENSITIVE: sensitive and generated,
        Tag.EXTRACTABLE: extractable,
        Tag.NEVER_EXTRACTABLE: not extractable and generated,
        Tag.OBJECT_CLASS: ObjectClass.USER,
        Tag.PROTECTION_STORAGE_MASK: storage.STORAGE,
        Tag.SHORT_UNIQUE_IDENTIFIER: hashlib.sha256(own.encode()).digest(),
    }
    if generated:
        defaults[Tag.ORIGINAL_CREATION_DATE] = now
        defaults[Tag.RANDOM_NUMBER_GENERATOR] = RNG
    if object_type in MASKED:
        defaults[Tag.CRYPTOGRAPHIC_USAGE_MASK] = usual_mask(managed.get(Tag.CRYPTOGRAPHIC_ALGORITHM), object_type)
    managed = managed.update(
        {
            name: value
            for name, value in defaults.items()
            if name not in found and object_type in ATTRIBUTES[name].applies_to
        }
    )
    managed.dates.check(context.now)
    rules.check(context, managed)
    only_here = generated if known_here_only is None else known_here_only
    return managed.with_history(History.MADE_HERE if only_here else History(0))


def _check_generator(asked: Iterable[Attribute]) -> None:
    """Refuse to make an object by a random number generator that the server does not have.  Source: KMIP 1.4 §3.44.

    Raises:
        OperationFailed: Invalid Attribute Value.
    """
    if not any(one.value in (RNG, RNGParameters(rng_algorithm=RNGAlgorithm.UNSPECIFIED)) for one in asked):
        raise OperationFailed(
            ResultReason.INVALID_ATTRIBUTE_VALUE,
            "the server has no such Random Number Generator",
        )


def material_bytes(material: bytes | TransparentKey) -> bytes:
    """Key material as the bytes that a digest is of."""
    return material if isinstance(material, bytes) else dump(material, NEWEST)


def digest_of(material: bytes, key_format_type: KeyFormatType | None) -> Digest:
    """The Digest attribute of material in its format."""
    return Digest(
        hashing_algorithm=HashingAlgorithm.SHA_256,
        digest_value=hashlib.sha256(material).digest(),
        key_format_type=key_format_type,
    )


__all__ = ["ManagedObject", "check_instances", "check_settable", "digest_of", "new", "requested"]

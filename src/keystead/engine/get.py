"""Handing objects out: Get, Export; and leave to use them: Check, Obtain Lease, Get Usage Allocation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

from keystead.crypto.dump import dump_private, dump_public
from keystead.crypto.keys import symmetric_bytes, symmetric_material
from keystead.engine import use
from keystead.engine.context import Context
from keystead.engine.handlers import handles
from keystead.engine.key_formats import spelled
from keystead.engine.managed import LEASE_SECONDS, Managed
from keystead.engine.people import CREDENTIAL_TYPES, PEOPLE, shown
from keystead.engine.pkcs12 import as_pkcs12
from keystead.engine.wrapping import ENCRYPTS, check_as_it_came, is_wrapped, left, served, unwrapped, wrapped
from keystead.errors import OperationFailed
from keystead.kmip import ttlv
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import (
    KeyCompressionType,
    KeyFormatType,
    KeyWrapType,
    ObjectType,
    ResultReason,
    State,
)
from keystead.kmip.identifiers import Identifier
from keystead.kmip.objects import KeyBlock, KeyValue, ManagedObject, PrivateKey, PublicKey, SymmetricKey
from keystead.kmip.payloads.base import WrittenResponse
from keystead.kmip.payloads.get import (
    CheckRequest,
    CheckResponse,
    ExportRequest,
    ExportResponse,
    GetRequest,
    GetResponse,
    GetUsageAllocationRequest,
    GetUsageAllocationResponse,
    ObtainLeaseRequest,
    ObtainLeaseResponse,
)
from keystead.kmip.schema import Writer, value_writer
from keystead.kmip.structures import UsageLimits
from keystead.kmip.tags import Tag
from keystead.kmip.version import Version
from keystead.policy.lifecycle import Use, check_use

_R = ResultReason
_F = KeyFormatType


@handles(GetRequest, marks=True)
def get(context: Context, request: GetRequest) -> GetResponse | WrittenResponse:
    """Hand out an object.  Source: KMIP 1.4 §4.11; 2.1 §6.1.19.

    Raises:
        OperationFailed: Sensitive, Not Extractable, Key Format Type Not Supported, Key Value Not Present, Object
            Destroyed, Object Archived and those of `wrapped`.
    """
    managed = context.object(request.unique_identifier)
    if context.on_wire and managed.object_type is ObjectType.SYMMETRIC_KEY and request.plain and managed.settled:
        # The usual case: the key leaves as it lies there, and nothing of it needs to be read.
        item = context.written(managed)
        if item is not None:
            return WrittenResponse(_answer_head(managed, context.version) + item, managed.unique_identifier)
    return GetResponse(
        object_type=managed.object_type,
        unique_identifier=managed.unique_identifier,
        object=handed_out(context, managed, request),
    )


def _answer_head(managed: Managed, version: Version) -> bytes:
    """Object Type and Unique Identifier, in front of the object."""
    out = bytearray(_OBJECT_TYPE_IS_SYMMETRIC_KEY)
    _identifier_writer(version)(out, managed.unique_identifier)
    return bytes(out)


_OBJECT_TYPE_IS_SYMMETRIC_KEY: Final = ttlv.encode(
    ttlv.Item(Tag.OBJECT_TYPE, ttlv.ENUMERATION, ObjectType.SYMMETRIC_KEY)
)


@cache
def _identifier_writer(version: Version) -> Writer:
    return value_writer(Identifier(), Tag.UNIQUE_IDENTIFIER, version)


@handles(ExportRequest, marks=True)
def export(context: Context, request: ExportRequest) -> ExportResponse:
    """Hand out an object with its attributes; of a key that is destroyed, these alone.

    Source: KMIP 1.4 §4.40; 2.1 §6.1.18.

    Raises:
        OperationFailed: those of Get.
    """
    managed = context.object(request.unique_identifier)
    shell = _SHELLS.get(managed.object_type) if managed.destroyed else None
    context.placeholder = managed.unique_identifier
    return ExportResponse(
        object_type=managed.object_type,
        unique_identifier=managed.unique_identifier,
        attributes=Attributes(tuple(managed.everything(context.now))),
        object=handed_out(context, managed, request) if shell is None else shell(key_block=_without_value(managed)),
    )


_SHELLS: Final[Mapping[ObjectType, type[SymmetricKey | PrivateKey | PublicKey]]] = {
    ObjectType.SYMMETRIC_KEY: SymmetricKey,
    ObjectType.PRIVATE_KEY: PrivateKey,
    ObjectType.PUBLIC_KEY: PublicKey,
}
"""The objects that are nothing but a Key Block."""


def _without_value(managed: Managed) -> KeyBlock:
    """The Key Block of a key that is destroyed, as its attributes tell it."""
    return KeyBlock(
        key_format_type=managed.get(Tag.KEY_FORMAT_TYPE, _F.RAW),
        cryptographic_algorithm=managed.get(Tag.CRYPTOGRAPHIC_ALGORITHM),
        cryptographic_length=managed.get(Tag.CRYPTOGRAPHIC_LENGTH),
    )


def handed_out(context: Context, managed: Managed, request: GetRequest | ExportRequest) -> Any:
    """The object as it may leave: in the format, compression and wrapping asked for; it is fresh no more."""
    specification = request.key_wrapping_specification
    if managed.object_type in PEOPLE:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "users and groups have attributes only")
    secret = context.material(managed)
    if managed.object_type in CREDENTIAL_TYPES:
        if specification is not None or request.key_format_type is not None:
            raise OperationFailed(_R.INVALID_OBJECT_TYPE, "a credential has no key to be wrapped or formatted")
        return shown(secret)
    came_wrapped = is_wrapped(secret)
    as_it_came = came_wrapped and specification is None and request.key_wrap_type is not KeyWrapType.NOT_WRAPPED
    if managed.object_type in _SECRETS:
        if managed.get(Tag.EXTRACTABLE) is False:
            raise OperationFailed(_R.NOT_EXTRACTABLE, "the object may not leave the server")
        if managed.get(Tag.SENSITIVE) and specification is None and not as_it_came:
            raise OperationFailed(_R.SENSITIVE, "the object leaves the server only wrapped")
    if as_it_came:
        check_as_it_came(context, managed, secret)
        if request.key_format_type not in (None, use.key_block(secret).key_format_type):
            raise OperationFailed(
                _R.KEY_FORMAT_TYPE_NOT_SUPPORTED, "a wrapped key is given in the format that it came in"
            )
        served(context, managed)
        return secret
    if specification is None:
        secret = unwrapped(context, secret, managed)
        if request.key_format_type is None and request.key_compression_type is None:
            secret = _usual_form(context, managed, secret)
        elif request.key_format_type is _F.PKCS_12 and managed.object_type is ObjectType.PRIVATE_KEY:
            secret = as_pkcs12(context, managed, use.load_block(managed, use.key_block(secret)))
        else:
            secret = in_format(managed, secret, request.key_format_type, request.key_compression_type)
        left(context, managed)
        return secret
    if getattr(secret, "key_block", None) is None:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "only objects with a Key Block can be wrapped")
    block = use.key_block(secret)
    if request.key_compression_type is not None or request.key_format_type not in (None, block.key_format_type):
        secret = unwrapped(context, secret, managed)
        secret = in_format(managed, secret, request.key_format_type, request.key_compression_type)
    secret = wrapped(context, managed, secret, specification)
    if specification.wrapping_method not in ENCRYPTS:
        left(context, managed)
    served(context, managed)
    return secret


_SECRETS: Final = frozenset(
    {
        ObjectType.SYMMETRIC_KEY,
        ObjectType.PRIVATE_KEY,
        ObjectType.SPLIT_KEY,
        ObjectType.SECRET_DATA,
        ObjectType.OPAQUE_OBJECT,
        ObjectType.PGP_KEY,
    }
)
"""The types of object that Sensitive and Extractable protect."""


def _usual_form(context: Context, managed: Managed, secret: ManagedObject) -> ManagedObject:
    """In its Key Format Type, which may be another than that in which it is kept.  Source: KMIP 2.1 §4.26."""
    block, wanted = getattr(secret, "key_block", None), managed.get(Tag.KEY_FORMAT_TYPE)
    if wanted is None or not isinstance(block, KeyBlock) or block.key_format_type is wanted:
        return secret
    formed: ManagedObject = in_format(managed, secret, spelled(wanted, context.version), None)
    return formed


_UNCOMPRESSED: Final = KeyCompressionType.EC_PUBLIC_KEY_TYPE_UNCOMPRESSED
_PLAIN: Final = (None, _UNCOMPRESSED)


def in_format(
    managed: Managed, secret: Any, key_format: KeyFormatType | None, compression: KeyCompressionType | None
) -> Any:
    """The object with its key in another format.

    Raises:
        OperationFailed: Key Format Type Not Supported, Key Compression Type Not Supported.
    """
    block = getattr(secret, "key_block", None)
    if not isinstance(block, KeyBlock):
        natural = {ObjectType.CERTIFICATE: _F.X_509, ObjectType.OPAQUE_OBJECT: _F.OPAQUE}.get(managed.object_type)
        if key_format not in (None, natural):
            raise OperationFailed(_R.KEY_FORMAT_TYPE_NOT_SUPPORTED, f"the object cannot be given as {key_format}")
        return secret
    key_format = key_format or block.key_format_type
    if compression in (None, _UNCOMPRESSED):
        if key_format is block.key_format_type and (compression is None or block.key_compression_type in _PLAIN):
            return secret
    elif managed.object_type is not ObjectType.PUBLIC_KEY:
        raise OperationFailed(_R.KEY_COMPRESSION_TYPE_NOT_SUPPORTED, "only public keys are compressed")
    value = use.plain_value(block)
    if managed.object_type is ObjectType.SYMMETRIC_KEY:
        material = symmetric_material(key_format, symmetric_bytes(block.key_format_type, value.key_material))
    elif managed.object_type is ObjectType.PRIVATE_KEY:
        key = use.load_block(managed, block)
        material = dump_private(key, key_format)
    elif managed.object_type is ObjectType.PUBLIC_KEY:
        key = use.load_block(managed, block)
        material = dump_public(key, key_format, compression)
    elif isinstance(value.key_material, bytes) and key_format in (_F.RAW, _F.OPAQUE):
        material = value.key_material
    else:
        raise OperationFailed(_R.KEY_FORMAT_TYPE_NOT_SUPPORTED, f"the object cannot be given as {key_format}")
    block = replace(
        block, key_format_type=key_format, key_compression_type=compression, key_value=KeyValue(key_material=material)
    )
    return replace(secret, key_block=block)


@handles(CheckRequest)
def check(context: Context, request: CheckRequest) -> CheckResponse:
    """Say whether a use would be allowed; what would not be is given back.  Source: KMIP 1.4 §4.10; 2.1 §6.1.7."""
    managed = context.object(request.unique_identifier)
    mask = request.cryptographic_usage_mask
    if mask is not None and mask & ~managed.usage_mask:
        context.placeholder = None
        raise OperationFailed(
            _R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, "the Cryptographic Usage Mask of the object lacks a bit"
        )
    limits = managed.get(Tag.USAGE_LIMITS)
    count = request.usage_limits_count
    if count is not None and isinstance(limits, UsageLimits) and count > (limits.usage_limits_count or 0):
        context.placeholder = None
        raise OperationFailed(_R.USAGE_LIMIT_EXCEEDED, "the Usage Limits of the object do not leave so much")
    lease = request.lease_time
    if lease is not None and lease > managed.get(Tag.LEASE_TIME, LEASE_SECONDS):
        context.placeholder = None
        return CheckResponse(lease_time=managed.get(Tag.LEASE_TIME, LEASE_SECONDS))
    return CheckResponse(unique_identifier=managed.unique_identifier)


@handles(ObtainLeaseRequest)
def obtain_lease(context: Context, request: ObtainLeaseRequest) -> ObtainLeaseResponse:
    """Grant the object's Lease Time from now; none of an object that is used no more.

    Source: KMIP 1.4 §4.17; 2.1 §6.1.35.

    Raises:
        OperationFailed: Object Destroyed, Permission Denied.
    """
    managed = context.object(request.unique_identifier)
    if managed.destroyed:
        raise OperationFailed(_R.OBJECT_DESTROYED, "the object is destroyed")
    state = managed.state(context.now)
    if state not in (State.PRE_ACTIVE, State.ACTIVE):
        raise OperationFailed(_R.PERMISSION_DENIED, f"an object that is {state.title} is not leased")
    return ObtainLeaseResponse(
        unique_identifier=managed.unique_identifier,
        lease_time=managed.get(Tag.LEASE_TIME, LEASE_SECONDS),
        last_change_date=managed.get(Tag.LAST_CHANGE_DATE, context.now),
    )


@handles(GetUsageAllocationRequest, changes=True)
def get_usage_allocation(context: Context, request: GetUsageAllocationRequest) -> GetUsageAllocationResponse:
    """Take a part of what the Usage Limits leave, while the object may apply protection.

    Source: KMIP 1.4 §4.18; 2.1 §6.1.23.

    Raises:
        OperationFailed: Object Archived, Object Destroyed, Wrong Key Lifecycle State, Attribute Not Found, Invalid
            Field, Usage Limit Exceeded.
    """
    managed = context.object(request.unique_identifier)
    check_use(managed.dates, Use.PROTECT, context.now)
    limits = managed.get(Tag.USAGE_LIMITS)
    if not isinstance(limits, UsageLimits):
        raise OperationFailed(_R.ATTRIBUTE_NOT_FOUND, "the object has no Usage Limits")
    if request.usage_limits_count <= 0:
        raise OperationFailed(_R.INVALID_FIELD, "a Usage Limits Count to allocate is positive")
    left = (limits.usage_limits_count or 0) - request.usage_limits_count
    if left < 0:
        raise OperationFailed(_R.USAGE_LIMIT_EXCEEDED, "the Usage Limits of the object do not leave so much")
    context.save(managed.put(Tag.USAGE_LIMITS, replace(limits, usage_limits_count=left)))
    return GetUsageAllocationResponse(unique_identifier=managed.unique_identifier)

"""Replacing keys: Re-key, Re-key Key Pair."""

from __future__ import annotations

from typing import Final

from keystead.engine.context import Context
from keystead.engine.create import add_pair, add_symmetric, make_pair, random_key
from keystead.engine.handlers import handles
from keystead.engine.making import requested
from keystead.engine.managed import HISTORY, Managed
from keystead.errors import OperationFailed
from keystead.kmip import ttlv
from keystead.kmip.attributes import COUNTERS, LINKS, Attribute, AttributeName, Attributes
from keystead.kmip.enums import ObjectType, ResultReason
from keystead.kmip.payloads.rekey import (
    ReKeyKeyPairRequest,
    ReKeyKeyPairResponse,
    ReKeyRequest,
    ReKeyResponse,
)
from keystead.kmip.structures import UsageLimits
from keystead.kmip.tags import Tag

_R = ResultReason
_DATES: Final = (Tag.ACTIVATION_DATE, Tag.PROCESS_START_DATE, Tag.PROTECT_STOP_DATE, Tag.DEACTIVATION_DATE)
# Source: 1.4 §4.4, table 173: set anew, or not at all.
_NOT_COPIED: Final = frozenset(LINKS.values()) | {
    Tag.INITIAL_DATE, Tag.DESTROY_DATE, Tag.COMPROMISE_OCCURRENCE_DATE, Tag.COMPROMISE_DATE, Tag.REVOCATION_REASON,
    Tag.DEACTIVATION_REASON, Tag.DIGEST, Tag.LAST_CHANGE_DATE, Tag.RANDOM_NUMBER_GENERATOR, Tag.ARCHIVE_DATE,
    Tag.ORIGINAL_CREATION_DATE, Tag.ALWAYS_SENSITIVE, Tag.NEVER_EXTRACTABLE, Tag.SHORT_UNIQUE_IDENTIFIER,
    Tag.KEY_FORMAT_TYPE, Tag.FRESH, Tag.LEASE_TIME, Tag.OBJECT_CLASS, Tag.PROTECTION_STORAGE_MASK,
    Tag.KEY_VALUE_PRESENT, Tag.KEY_VALUE_LOCATION, HISTORY, *COUNTERS, *_DATES,
}  # fmt: skip

_Asked = dict[AttributeName, tuple[Attribute, ...]]


def replacement_attributes(context: Context, managed: Managed, offset: int | None, *lists: Attributes | None) -> _Asked:
    """What the replacement of a key begins with: its attributes, its dates moved by the offset, what the request says.

    Raises:
        OperationFailed: Invalid Message, Invalid Field for an offset beside dates or out of range; Object Destroyed,
            Object Archived, Key Value Not Present.

    Source: KMIP 1.4 §4.4, tables 172 and 173.
    """
    if managed.destroyed:
        raise OperationFailed(_R.OBJECT_DESTROYED, "the key is destroyed")
    if managed.archived:
        raise OperationFailed(_R.OBJECT_ARCHIVED, "the key is archived; Recover it first")
    if managed.envelope is None:
        raise OperationFailed(_R.KEY_VALUE_NOT_PRESENT, "the server does not hold the key value")
    said = requested(context, managed.object_type, *lists)
    if offset is not None and any(name in said for name in _DATES):
        raise OperationFailed(_R.INVALID_MESSAGE, "an Offset and dates exclude each other")
    asked: _Asked = {name: found for name, found in managed.attributes.items() if name not in _NOT_COPIED}
    asked |= moved_dates(managed, context.now, offset)
    limits = managed.get(Tag.USAGE_LIMITS)
    if isinstance(limits, UsageLimits):
        asked[Tag.USAGE_LIMITS] = (
            Attribute(
                Tag.USAGE_LIMITS,
                UsageLimits(
                    usage_limits_total=limits.usage_limits_total,
                    usage_limits_count=limits.usage_limits_total,
                    usage_limits_unit=limits.usage_limits_unit,
                ),
                0,
            ),
        )
    if Tag.NAME in said:  # the names move to the new key, and it may get more
        said[Tag.NAME] = (*asked.get(Tag.NAME, ()), *said[Tag.NAME])
    asked |= said
    asked[Tag.REPLACED_OBJECT_LINK] = (Attribute(Tag.REPLACED_OBJECT_LINK, managed.unique_identifier, 0),)
    return asked


def moved_dates(managed: Managed, now: int, offset: int | None) -> _Asked:
    """The dates of a replacement.

    Raises:
        OperationFailed: Invalid Field (Illegal Operation in 1.x); there is no Activation Date that the Offset moves.

    Source: 1.4 §4.4, table 172, and §11.5.
    """
    dates = {name: managed.get(name) for name in _DATES if managed.get(name) is not None}
    if offset is not None and dates:
        if Tag.ACTIVATION_DATE not in dates:
            raise OperationFailed(_R.ILLEGAL_OPERATION, "an Offset needs an Activation Date to move")
        start = now + offset
        shift = start - dates[Tag.ACTIVATION_DATE]
        dates = {name: start if name is Tag.ACTIVATION_DATE else date + shift for name, date in dates.items()}
    if any(not 0 <= date <= ttlv.LATEST_DATE for date in dates.values()):
        raise OperationFailed(_R.INVALID_FIELD, "the Offset leads to a date beyond the year 9999")
    return {name: (Attribute(name, date, 0),) for name, date in dates.items()}


def replaced(context: Context, managed: Managed, by: str) -> None:
    """Let the old key give up its names and point at the new one."""
    context.save(managed.with_instances(Tag.NAME, ()).put(Tag.REPLACEMENT_OBJECT_LINK, by))


@handles(ReKeyRequest, changes=True)
def re_key(context: Context, request: ReKeyRequest) -> ReKeyResponse:
    """Make a new symmetric key in place of one.  Source: KMIP 1.4 §4.4; 2.1 §6.1.46."""
    managed = context.object(request.unique_identifier)
    if managed.object_type is not ObjectType.SYMMETRIC_KEY:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "Re-key replaces symmetric keys")
    asked = replacement_attributes(context, managed, request.offset, request.attributes)
    algorithm = asked[Tag.CRYPTOGRAPHIC_ALGORITHM][0].value
    length = asked[Tag.CRYPTOGRAPHIC_LENGTH][0].value
    # The old key gives up its names first: they are unique.
    identifier = context.engine.identifiers.new()
    replaced(context, managed, identifier)
    new_key = add_symmetric(
        context, asked, algorithm, length, random_key(context, algorithm, length), generated=True,
        unique_identifier=identifier, owner=managed.owner,
    )  # fmt: skip
    return ReKeyResponse(unique_identifier=new_key.unique_identifier)


@handles(ReKeyKeyPairRequest, changes=True)
def re_key_key_pair(context: Context, request: ReKeyKeyPairRequest) -> ReKeyKeyPairResponse:
    """Make a new key pair in place of one.  Source: KMIP 1.4 §4.5; 2.1 §6.1.47."""
    private = context.object(request.private_key_unique_identifier)
    if private.object_type is not ObjectType.PRIVATE_KEY:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "Re-key Key Pair replaces key pairs, named by their private key")
    other = private.get(Tag.PUBLIC_KEY_LINK)
    if other is None:
        raise OperationFailed(_R.INVALID_OBJECT_TYPE, "the private key has no Public Key Link")
    public = context.object(other)
    private_asked = replacement_attributes(
        context, private, request.offset, request.common_attributes, request.private_key_attributes
    )
    public_asked = replacement_attributes(
        context, public, request.offset, request.common_attributes, request.public_key_attributes
    )
    pair = make_pair(context, private_asked, public_asked)
    own, its = context.engine.identifiers.new(), context.engine.identifiers.new()
    replaced(context, private, own)
    replaced(context, public, its)
    new_private, new_public = add_pair(
        context, pair, private_asked, public_asked, identifiers=(own, its), owners=(private.owner, public.owner)
    )
    return ReKeyKeyPairResponse(
        private_key_unique_identifier=new_private.unique_identifier,
        public_key_unique_identifier=new_public.unique_identifier,
    )

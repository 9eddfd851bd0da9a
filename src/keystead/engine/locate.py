"""Locate: every attribute is a condition; one that cannot be applied is an error, never a wider answer."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any, Final, TypeVar

from keystead.engine.context import Context
from keystead.engine.create import create
from keystead.engine.handlers import handles
from keystead.engine.making import MASKED
from keystead.engine.managed import (
    DATES,
    DEFAULT_GROUP,
    HISTORY,
    IMPLIED,
    USUAL,
    Managed,
    agrees,
    conditions,
    filed_as,
    in_doubt,
    name_key,
    part_condition,
)
from keystead.errors import OperationFailed
from keystead.kmip import ttlv
from keystead.kmip.attributes import ATTRIBUTES, Attribute, AttributeName, Attributes, VendorAttributeName
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    HashingAlgorithm,
    ObjectClass,
    ObjectClassMask,
    ObjectGroupMember,
    ObjectType,
    ResultReason,
    State,
    StorageStatusMask,
)
from keystead.kmip.payloads.create import CreateRequest
from keystead.kmip.payloads.locate import LocateRequest, LocateResponse
from keystead.kmip.schema import Structure
from keystead.kmip.structures import Digest, UsageLimits
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_3

K = TypeVar("K", ObjectClassMask, StorageStatusMask)

USUALLY_LOCATED: Final = 1000
"""Unique Identifiers in one answer to a client that does not say how many it wants, and can ask for the rest."""
MOST_LOCATED: Final = 65_536
"""In any answer: databases that keep a key for every table ask for so many."""
MAXIMUM_CONDITIONS: Final = 64


@handles(LocateRequest, marks=True)
def locate(context: Context, request: LocateRequest) -> LocateResponse:
    """Find objects, newest first.  Source: KMIP 1.4 §4.9; 2.1 §6.1.28.

    Raises:
        OperationFailed: Invalid Attribute, Invalid Field.
    """
    limit, offset = request.maximum_items, request.offset_items or 0
    if (limit is not None and limit < 0) or offset < 0:
        raise OperationFailed(ResultReason.INVALID_FIELD, "Maximum Items and Offset Items are not negative")
    asked = _Conditions(context)
    if request.template_attribute is not None and request.template_attribute.templates:
        raise OperationFailed(ResultReason.INVALID_FIELD, "Locate looks for no templates' attributes")
    for attribute in (*(request.attributes or ()), *(request.template_attribute or ())):
        asked.apply(attribute)
    asked.whole_group = asked.count == len(asked.groups) == 1
    if request.object_class_mask is not None or not asked.classes:
        asked.of_class(_mask(request.object_class_mask, ObjectClassMask.USER))
    # Before 1.3 there is no Offset Items, and no Located Items that tells how many there are.
    usual = USUALLY_LOCATED if context.version >= V1_3 else MOST_LOCATED
    most = usual if limit is None else min(MOST_LOCATED, limit)
    asked.storage = int(_mask(request.storage_status_mask, StorageStatusMask.ON_LINE_STORAGE))
    if request.object_group_member is None:
        found, total = asked.find(maximum_items=most, offset_items=offset)
    else:
        member = MEMBERS.get(request.object_group_member)
        if member is None:
            raise OperationFailed(ResultReason.INVALID_FIELD, "this Object Group Member is not known")
        found, total = member(context, asked, most, offset)
    context.placeholder = found[0] if len(found) == 1 and (total == 1 or limit == 1) else None
    return LocateResponse(located_items=total, unique_identifier=tuple(found))


def _mask(asked: K | None, usual: K) -> K:
    """What a mask asks for.  Raises: OperationFailed (Invalid Field); no bit is set, or one that means nothing."""
    if asked is None:
        return usual
    if not 0 < asked <= sum(map(int, type(usual))):
        title = "Object Class Mask" if isinstance(usual, ObjectClassMask) else "Storage Status Mask"
        raise OperationFailed(ResultReason.INVALID_FIELD, f"no bit of the {title} is set, or one that has no meaning")
    return asked


# --- members of object groups -----------------------------------------------------------------------------------------


def _fresh(context: Context, asked: _Conditions, most: int, offset: int) -> tuple[list[str], int]:
    """The fresh members of a group, the oldest first: a pool is used up in the order in which it was filled.

    The default group never runs dry: a member is made if none is fresh.  Source: KMIP 1.1 §3.34 and §4.8.
    """
    asked.require(Tag.FRESH, True)
    total = asked.find(maximum_items=0)[1]
    if not total and asked.whole_group and asked.groups == [DEFAULT_GROUP] and most and not offset:
        return [_pool_key(context)], 1
    first = max(total - offset - most, 0)
    found, _ = asked.find(maximum_items=max(total - offset - first, 0), offset_items=first)
    return found[::-1], total


def _pool_key(context: Context) -> str:
    """A new key of the default group."""
    wanted: dict[AttributeName, Any] = {
        Tag.CRYPTOGRAPHIC_ALGORITHM: CryptographicAlgorithm.AES,
        Tag.CRYPTOGRAPHIC_LENGTH: 256,
        Tag.CRYPTOGRAPHIC_USAGE_MASK: CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT,
        Tag.OBJECT_GROUP: DEFAULT_GROUP,
    }
    request = CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes.of(wanted))
    with context.turn.savepoint():
        create(context, request)
    return context.subjects[-1]


def _default(context: Context, asked: _Conditions, most: int, offset: int) -> tuple[list[str], int]:
    """The default member of a group: each in turn, the oldest first."""
    total = asked.find(maximum_items=0)[1]
    if not total or not most or offset:
        return [], min(total, 1)
    caller = context.caller
    key = hashlib.sha256("\0".join((caller.domain, caller.identity, *asked.groups)).encode()).hexdigest()
    transaction = context.transaction
    found, _ = asked.find(maximum_items=1, offset_items=total - 1)
    if not found:
        return [], 0
    [oldest] = found
    since, _, count = (transaction.entry(_GROUP_TURN, key) or b"").partition(b" ")
    turns = int(count) if since == oldest.encode() else 0
    transaction.put_entry(_GROUP_TURN, key, b"%s %d" % (oldest.encode(), turns + 1))
    return asked.find(maximum_items=1, offset_items=total - 1 - turns % total)[0], 1


MEMBERS: Final = {ObjectGroupMember.GROUP_MEMBER_FRESH: _fresh, ObjectGroupMember.GROUP_MEMBER_DEFAULT: _default}
_GROUP_TURN: Final = "group-turn"


class _Conditions:
    """The attributes of a request, turned into conditions that an index can answer."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.equal: list[tuple[int, bytes]] = []
        self.lacking: list[int] = []
        self.names: list[str] = []
        self.object_types: set[int] | None = None
        self.states: set[int] | None = None
        self.identifiers: set[str] | None = None
        self.dates: dict[int, list[int]] = {}
        self.ranges: list[tuple[int, int, int]] = []
        self.groups: list[str] = []
        self.whole_group = False
        self.count = 0
        self.classes = 0
        self.storage = int(StorageStatusMask.ON_LINE_STORAGE)
        self.in_doubt: list[tuple[AttributeName, Structure]] = []

    def find(self, **how: Any) -> tuple[list[str], int]:
        """What meets all conditions; see `Context.find`."""
        return self.context.find(
            self.context.criteria(**how, **self.as_criteria()), self._settle if self.in_doubt else None
        )

    def _settle(self, managed: Managed) -> bool:
        return all(agrees(managed, name, value) for name, value in self.in_doubt)

    def require(self, name: Tag, value: Any) -> None:
        """Add a condition that the request does not spell out."""
        self.apply(Attribute(name, value))

    def apply(self, attribute: Attribute) -> None:
        name, value = attribute.name, attribute.value
        self.count += 1
        if self.count > MAXIMUM_CONDITIONS:
            raise OperationFailed(
                ResultReason.SERVER_LIMIT_EXCEEDED, f"a Locate may have at most {MAXIMUM_CONDITIONS} attributes"
            )
        known = (
            bool(name.vendor_identification) and name != HISTORY
            if isinstance(name, VendorAttributeName)
            else name in ATTRIBUTES or name is Tag.LINK
        )
        if not known:
            raise OperationFailed(ResultReason.INVALID_ATTRIBUTE, "Locate cannot search by this attribute")
        if value is None:
            raise OperationFailed(ResultReason.INVALID_FIELD, "an attribute to search by has no value")
        if name is Tag.OBJECT_GROUP:
            self.groups.append(value)
        if name is Tag.OBJECT_CLASS:
            self.classes += 1
        if name is Tag.NAME:
            if value.name_value is None or value.name_type is None:
                raise OperationFailed(ResultReason.INVALID_FIELD, "Locate by Name needs the Name Value and Name Type")
            self.names.append(name_key(value))
        elif name is Tag.OBJECT_TYPE:
            self.object_types = _narrowed(self.object_types, int(value))
        elif name is Tag.STATE:
            self.states = _narrowed(self.states, int(State(value)))
        elif name is Tag.UNIQUE_IDENTIFIER:
            self.identifiers = _narrowed(self.identifiers, str(value))
        elif name in DATES:
            self.dates.setdefault(int(name), []).append(value)
        elif isinstance(name, Tag) and name in USUAL and value == USUAL[name]:
            self.lacking.append(int(name))
        elif isinstance(name, Tag) and name in IMPLIED and value == IMPLIED[name]:
            self.lacking.append(int(name))
            self.object_types = _any_of(self.object_types, ATTRIBUTES[name].applies_to)
        elif value == CryptographicUsageMask(0) and name is Tag.CRYPTOGRAPHIC_USAGE_MASK:
            self.object_types = _any_of(self.object_types, MASKED)  # no bit is asked for, but that there is a mask
        elif isinstance(value, UsageLimits):
            self._usage_limits(value)
        elif isinstance(value, Digest) and value.digest_value is None:
            raise OperationFailed(ResultReason.INVALID_FIELD, "Locate by Digest needs the Digest Value")
        elif not (found := conditions(name, value)) and isinstance(value, Structure):
            raise OperationFailed(ResultReason.INVALID_FIELD, "an attribute to search by has no value")
        elif isinstance(value, Digest) and value.hashing_algorithm not in (None, HashingAlgorithm.SHA_256):
            self.object_types = set()  # every Digest here is of SHA-256
        else:
            self.equal += [(number, self._blind(number, part)) for number, part in found]
            if in_doubt(value):
                self.in_doubt.append((name, value))

    def of_class(self, mask: ObjectClassMask) -> None:
        """Of users, groups and credentials nothing is found but by who asks for the system's objects."""
        if mask is ObjectClassMask.USER and not self.context.system_objects:
            return  # there is nothing to be left out: the usual case costs nothing
        if mask in (ObjectClassMask.USER, ObjectClassMask.SYSTEM):
            self.apply(Attribute(Tag.OBJECT_CLASS, ObjectClass(int(mask))))

    def _usage_limits(self, value: UsageLimits) -> None:
        """At least what is asked.  Source: 1.4 §4.9."""
        most = (1 << 63) - 1
        if value.usage_limits_total is not None:
            self.ranges.append((int(Tag.USAGE_LIMITS_TOTAL), value.usage_limits_total, most))
        if value.usage_limits_count is not None:
            self.ranges.append((int(Tag.USAGE_LIMITS_COUNT), value.usage_limits_count, most))
        if value.usage_limits_unit is not None:
            number, part = part_condition(Tag.USAGE_LIMITS, usage_limits_unit=value.usage_limits_unit)
            self.equal.append((number, self._blind(number, part)))

    def _blind(self, number: int, value: bytes) -> bytes:
        return self.context.engine.vault.blind(self.context.caller.domain, number, value)

    def as_criteria(self) -> dict[str, Any]:
        ranges, not_before = list(self.ranges), []
        for number, values in self.dates.items():
            if len(values) > 2:
                raise OperationFailed(ResultReason.INVALID_FIELD, "a date can be given once, or twice as a range")
            first, last = min(values), max(values)
            if last >= ttlv.LATEST_DATE:  # the largest date stands for none, so it is in the range
                not_before.append((number, first))
            else:
                ranges.append((number, first, last))
        return {
            "equal": tuple(self.equal),
            "lacking": tuple(self.lacking),
            "names": tuple(map(filed_as, self.names)),
            "object_types": None if self.object_types is None else tuple(self.object_types),
            "states": None if self.states is None else tuple(self.states),
            "identifiers": None if self.identifiers is None else tuple(self.identifiers),
            "dates": tuple(ranges),
            "storage_status_mask": self.storage,
            "not_before": tuple(not_before),
        }


def _any_of(before: set[Any] | None, values: Collection[Any]) -> set[Any]:
    return set(values) if before is None else before & set(values)


def _narrowed(before: set[Any] | None, value: Any) -> set[Any]:
    """Every condition must hold: two different values of a single-instance attribute match nothing."""
    return {value} if before is None else before & {value}

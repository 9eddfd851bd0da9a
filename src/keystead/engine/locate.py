"""Locate: every attribute is a condition; one that cannot be applied is an error, never a wider answer."""

from __future__ import annotations

from typing import Any, Final

from keystead.engine.context import Context
from keystead.engine.handlers import handles
from keystead.engine.managed import DATES, conditions, part_condition
from keystead.errors import OperationFailed
from keystead.kmip import ttlv
from keystead.kmip.attributes import ATTRIBUTES, Attribute, VendorAttributeName
from keystead.kmip.enums import ObjectGroupMember, ResultReason, State, StorageStatusMask
from keystead.kmip.payloads.locate import LocateRequest, LocateResponse
from keystead.kmip.structures import UsageLimits
from keystead.kmip.tags import Tag

MAXIMUM_LOCATED: Final = 1000
"""Unique Identifiers in one answer; the rest is reached by Offset Items."""
MAXIMUM_CONDITIONS: Final = 64


@handles(LocateRequest)
def locate(context: Context, request: LocateRequest) -> LocateResponse:
    """Find objects, newest first.  Source: KMIP 1.4 §4.9; 2.1 §6.1.31.

    Raises:
        OperationFailed: Invalid Attribute, Invalid Field.
    """
    limit = request.maximum_items
    if limit is not None and limit < 0 or (request.offset_items or 0) < 0:
        raise OperationFailed(ResultReason.INVALID_FIELD, "Maximum Items and Offset Items are not negative")
    asked = _Conditions(context)
    for attribute in request.attributes or ():
        asked.apply(attribute)
    if request.object_group_member is ObjectGroupMember.GROUP_MEMBER_FRESH:
        asked.equal += [
            (number, context.engine.vault.blind(context.caller.domain, number, value))
            for number, value in conditions(Tag.FRESH, True)
        ]
    found, total = context.find(
        context.criteria(
            maximum_items=min(MAXIMUM_LOCATED, MAXIMUM_LOCATED if limit is None else limit),
            offset_items=request.offset_items or 0,
            storage_status_mask=int(request.storage_status_mask or StorageStatusMask.ON_LINE_STORAGE),
            **asked.as_criteria(),
        )
    )
    context.placeholder = found[0] if len(found) == 1 and (total == 1 or limit == 1) else None
    return LocateResponse(located_items=total, unique_identifier=tuple(found))


class _Conditions:
    """The attributes of a request, turned into conditions that an index can answer."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.equal: list[tuple[int, bytes]] = []
        self.names: list[str] = []
        self.object_types: set[int] | None = None
        self.states: set[int] | None = None
        self.identifiers: set[str] | None = None
        self.dates: dict[int, list[int]] = {}
        self.ranges: list[tuple[int, int, int]] = []
        self.count = 0

    def apply(self, attribute: Attribute) -> None:
        name, value = attribute.name, attribute.value
        self.count += 1
        if self.count > MAXIMUM_CONDITIONS:
            raise OperationFailed(
                ResultReason.SERVER_LIMIT_EXCEEDED, f"a Locate may have at most {MAXIMUM_CONDITIONS} attributes"
            )
        known = (
            bool(name.vendor_identification) if isinstance(name, VendorAttributeName) else name in ATTRIBUTES
        )
        if not known:
            raise OperationFailed(ResultReason.INVALID_ATTRIBUTE, "Locate cannot search by this attribute")
        if value is None:
            raise OperationFailed(ResultReason.INVALID_FIELD, "an attribute to search by has no value")
        if name is Tag.NAME and value.name_value is not None:
            self.names.append(value.name_value)
        elif name is Tag.OBJECT_TYPE:
            self.object_types = _narrowed(self.object_types, int(value))
        elif name is Tag.STATE:
            self.states = _narrowed(self.states, int(State(value)))
        elif name is Tag.UNIQUE_IDENTIFIER:
            self.identifiers = _narrowed(self.identifiers, str(value))
        elif name in DATES:
            self.dates.setdefault(int(name), []).append(value)  # type: ignore[arg-type]
        elif isinstance(value, UsageLimits):
            self._usage_limits(value)
        else:
            self.equal += [(number, self._blind(number, part)) for number, part in conditions(name, value)]

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
        ranges = list(self.ranges)
        for number, values in self.dates.items():
            if len(values) > 2:
                raise OperationFailed(ResultReason.INVALID_FIELD, "a date can be given once, or twice as a range")
            first, last = min(values), max(values)
            if last >= ttlv.LATEST_DATE:  # the largest date stands for none
                last = ttlv.LATEST_DATE
            ranges.append((number, first, last))
        return {
            "equal": tuple(self.equal),
            "names": tuple(self.names),
            "object_types": None if self.object_types is None else tuple(self.object_types),
            "states": None if self.states is None else tuple(self.states),
            "identifiers": None if self.identifiers is None else tuple(self.identifiers),
            "dates": tuple(ranges),
        }


def _narrowed(before: set[Any] | None, value: Any) -> set[Any]:
    """Every condition must hold: two different values of a single-instance attribute match nothing."""
    return {value} if before is None else before & {value}

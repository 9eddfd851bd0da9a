"""Reading and changing attributes: loops over the rows of the attribute table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from keystead.engine.context import Context
from keystead.engine.handlers import handles
from keystead.engine.making import ALL_LINKS, check_instances, completed_application_data, linked
from keystead.engine.managed import COMPUTED, SERVER_VENDORS, Managed
from keystead.errors import OperationFailed
from keystead.kmip import ttlv
from keystead.kmip.attributes import (
    ATTRIBUTES,
    LINK_TYPES,
    Attribute,
    AttributeName,
    Attributes,
    Party,
    VendorAttributeName,
    When,
    expand,
    visible,
)
from keystead.kmip.enums import AdjustmentType, ResultReason, State
from keystead.kmip.payloads.attributes import (
    AddAttributeRequest,
    AddAttributeResponse,
    AdjustAttributeRequest,
    AdjustAttributeResponse,
    DeleteAttributeRequest,
    DeleteAttributeResponse,
    GetAttributeListRequest,
    GetAttributeListResponse,
    GetAttributesRequest,
    GetAttributesResponse,
    ModifyAttributeRequest,
    ModifyAttributeResponse,
    SetAttributeRequest,
    SetAttributeResponse,
)
from keystead.kmip.structures import ApplicationSpecificInformation, UsageLimits
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_3, V2_0, V2_1, V3_0, Version

_R = ResultReason
# PyKMIP 0.11 gives up an answer in which it meets one of these, from these versions on.  It is known by a TLS that does
# not name the server: to such a client they are given only by name (docs/divergences.md).
_UNREAD_BY_OLD_STACKS: Final[Mapping[AttributeName, Version]] = {
    Tag.RANDOM_NUMBER_GENERATOR: V1_3,
    Tag.ORIGINAL_CREATION_DATE: V2_0,
    Tag.ALWAYS_SENSITIVE: V2_0,
    Tag.EXTRACTABLE: V2_0,
    Tag.NEVER_EXTRACTABLE: V2_0,
    Tag.KEY_FORMAT_TYPE: V2_0,
    Tag.PROTECTION_STORAGE_MASK: V2_0,
    Tag.SHORT_UNIQUE_IDENTIFIER: V2_0,
}


@handles(GetAttributesRequest)
def get_attributes(context: Context, request: GetAttributesRequest) -> GetAttributesResponse:
    """Read the attributes that are named, or all; what the object has not is left out.

    Source: KMIP 1.4 §4.12; 2.1 §6.1.20.
    """
    managed = context.object(request.unique_identifier)
    if len(set(request.attribute_reference)) != len(request.attribute_reference):
        raise OperationFailed(_R.INVALID_MESSAGE, "an attribute is named more than once")
    if not request.attribute_reference:
        found = tuple(a for a in managed.everything(context.now) if _readable(context, a.name))
    else:
        found = tuple(i for name in request.attribute_reference for i in _instances(context, managed, name))
    return GetAttributesResponse(unique_identifier=managed.unique_identifier, attributes=Attributes(found))


def _instances(context: Context, managed: Managed, reference: AttributeName) -> list[Attribute]:
    """The instances of what is named; links in the order of their indices, whatever their types."""
    found = [instance for name in expand(reference) for instance in managed.instances(name, context.now)]
    return sorted(found, key=lambda link: link.index or 0) if reference is Tag.LINK else found


def _readable(context: Context, name: AttributeName) -> bool:
    since = _UNREAD_BY_OLD_STACKS.get(name)
    return since is None or context.caller.names_server or not since <= context.version <= V2_0


@handles(GetAttributeListRequest)
def get_attribute_list(context: Context, request: GetAttributeListRequest) -> GetAttributeListResponse:
    """The names of the attributes that the object has.  Source: KMIP 1.4 §4.13; 2.1 §6.1.21."""
    managed = context.object(request.unique_identifier)
    names = [a.name for a in managed.everything(context.now) if visible(a.name, context.version)]
    if context.version < V3_0:
        names = [Tag.LINK if name in LINK_TYPES else name for name in names]
    return GetAttributeListResponse(
        unique_identifier=managed.unique_identifier, attribute_reference=tuple(dict.fromkeys(names))
    )


@handles(AddAttributeRequest, changes=True)
def add_attribute(context: Context, request: AddAttributeRequest) -> AddAttributeResponse:
    """Add an instance.  Source: KMIP 1.4 §4.14; 2.1 §6.1.2.

    Raises:
        OperationFailed: Attribute Read Only, Attribute Single Valued, Non Unique Name Attribute.
    """
    managed = context.object(request.unique_identifier)
    added = request.new_attribute
    name = added.name
    if added.index:
        raise OperationFailed(_R.INVALID_FIELD, "an attribute that is added has no Attribute Index yet")
    present = managed.attributes.get(name, ())
    row = ATTRIBUTES.get(name) if isinstance(name, Tag) else None
    if present and row is not None and not row.multiple and row.set_by is not Party.SERVER:
        raise OperationFailed(_R.ATTRIBUTE_SINGLE_VALUED, f"{name} has its only instance already")
    _check_writable(managed, name, context.now, adding=True)
    managed = managed.add(name, _prepared(context, managed, added))
    check_instances(name, managed.attributes[name])
    managed.dates.check(context.now)
    context.save(managed)
    return AddAttributeResponse(unique_identifier=managed.unique_identifier, new_attribute=managed.attributes[name][-1])


@handles(ModifyAttributeRequest, changes=True)
def modify_attribute(context: Context, request: ModifyAttributeRequest) -> ModifyAttributeResponse:
    """Change an instance: that of the index (1.x), that equal to Current Attribute (2.x), or the only one.

    Source: KMIP 1.4 §4.15; 2.1 §6.1.34.
    """
    managed = context.object(request.unique_identifier)
    new, current = request.new_attribute, request.current_attribute
    name = new.name
    if new.value is None:
        raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, f"{_shown(name)} was given no value")
    managed, present = _with_moved_link(context, managed, new, managed.instances(name, context.now))
    if isinstance(name, Tag) and (name in COMPUTED or ATTRIBUTES[name].client_modifies is When.NEVER):
        raise OperationFailed(_R.ATTRIBUTE_READ_ONLY, f"{name} cannot be changed by a client")
    if not present:
        raise OperationFailed(_R.ATTRIBUTE_NOT_FOUND, f"the object has no {_shown(name)} to modify")
    position = _position(context, present, current, new.index)
    _check_writable(managed, name, context.now, value=new.value)
    changed = replace(present[position], value=_prepared(context, managed, new))
    managed = managed.with_instances(name, (*present[:position], changed, *present[position + 1 :]))
    managed.dates.check(context.now)
    context.save(_consistent(managed, name))
    return ModifyAttributeResponse(unique_identifier=managed.unique_identifier, new_attribute=changed)


@handles(SetAttributeRequest, changes=True)
def set_attribute(context: Context, request: SetAttributeRequest) -> SetAttributeResponse:
    """Set the only instance of an attribute, whether or not it is there.  Source: KMIP 2.1 §6.1.51."""
    managed = context.object(request.unique_identifier)
    new = request.new_attribute
    present = managed.instances(new.name, context.now)
    _check_single(new.name, present)
    _check_writable(managed, new.name, context.now, adding=not present, value=new.value)
    check_instances(new.name, (new,))
    managed = managed.put(new.name, _prepared(context, managed, new))
    managed.dates.check(context.now)
    context.save(_consistent(managed, new.name))
    return SetAttributeResponse(unique_identifier=managed.unique_identifier)


@handles(DeleteAttributeRequest, changes=True)
def delete_attribute(context: Context, request: DeleteAttributeRequest) -> DeleteAttributeResponse:
    """Delete an instance; by reference since 2.0, all instances.  Source: KMIP 1.4 §4.16; 2.1 §6.1.13."""
    managed = context.object(request.unique_identifier)
    current, index = request.current_attribute, request.attribute_index
    reference = request.attribute_reference if current is None else current.name
    if current is not None and current.value is None and context.version < V2_0:
        index, current = current.index, None
    if reference is None or (current is not None and request.attribute_reference is not None):
        raise OperationFailed(_R.INVALID_MESSAGE, "name the attribute by value or by reference, one of them")
    deleted = None
    found = False
    for name in expand(reference):
        present = managed.instances(name, context.now)
        if not present:
            continue
        found = True
        _check_deletable(managed, name)
        if current is None and context.version >= V2_0:
            managed = managed.with_instances(name, ())
            continue
        if reference is Tag.LINK and not any((i.index or 0) == (index or 0) for i in present):
            found = False  # the instances of Link lie with their Link Types
            continue
        position = _position(context, present, current, index)
        deleted = present[position]
        managed = managed.with_instances(name, (*present[:position], *present[position + 1 :]))
        break
    if not found:
        if isinstance(reference, Tag) and reference in ATTRIBUTES:
            _check_deletable(managed, reference)
        raise OperationFailed(_R.ATTRIBUTE_NOT_FOUND, f"the object has no {_shown(reference)}")
    context.save(managed)
    return DeleteAttributeResponse(unique_identifier=managed.unique_identifier, current_attribute=deleted)


@handles(AdjustAttributeRequest, changes=True)
def adjust_attribute(context: Context, request: AdjustAttributeRequest) -> AdjustAttributeResponse:
    """Increment, decrement or negate an attribute of one instance; a number or a truth that is not there is 0 or false.

    Raises:
        OperationFailed: Item Not Found, Multi Valued Attribute, Invalid Data Type, Numeric Range, Read Only Attribute.

    Source: KMIP 2.1 §6.1.3 and §11.1.
    """
    managed = context.object(request.unique_identifier)
    name = request.attribute_reference
    present = managed.instances(name, context.now)
    _check_single(name, present)
    adjust = _ADJUST.get(request.adjustment_type)
    if adjust is None:
        raise OperationFailed(_R.INVALID_FIELD, "this Adjustment Type is not known")
    kind, before = _type_of(name, present), present[0].value if present else None
    item = before if isinstance(before, ttlv.Item) else None
    if not present:
        before = _ABSENT.get(kind)
        if before is None:
            raise OperationFailed(_R.ITEM_NOT_FOUND, f"the object has no {_shown(name)}")
    after = adjust(kind, item.value if item else before, request.adjustment_value)
    _check_writable(managed, name, context.now, adding=not present, value=after)
    managed = managed.put(name, replace(item, value=after) if item else after)
    managed.dates.check(context.now)
    context.save(_consistent(managed, name))
    return AdjustAttributeResponse(unique_identifier=managed.unique_identifier)


_NUMBERS: Final[Mapping[int, tuple[int, int]]] = {
    ttlv.INTEGER: (-(1 << 31), (1 << 31) - 1),
    ttlv.LONG_INTEGER: (-(1 << 63), (1 << 63) - 1),
    ttlv.BIG_INTEGER: (-(1 << 4096), 1 << 4096),
    ttlv.INTERVAL: (0, (1 << 32) - 1),
    ttlv.DATE_TIME: (0, ttlv.LATEST_DATE),
    ttlv.DATE_TIME_EXTENDED: (0, ttlv.LATEST_DATE_EXTENDED),
}
"""The types of item that are numbers, and the least and the greatest of each."""
_NEGATED: Final = frozenset({ttlv.INTEGER, ttlv.LONG_INTEGER, ttlv.BIG_INTEGER})
_ABSENT: Final[Mapping[int | None, int]] = {**dict.fromkeys((*_NEGATED, ttlv.INTERVAL), 0), ttlv.BOOLEAN: False}


def _type_of(name: AttributeName, present: tuple[Attribute, ...]) -> int | None:
    """The type of item of an attribute; None if it has several, or a vendor's is not there."""
    if isinstance(name, VendorAttributeName):
        return present[0].value.type if present else None
    row = ATTRIBUTES.get(name)
    types = {form.wire for form in row.kind.forms(V2_1)} if row is not None and row.until >= V2_0 else set()
    return types.pop() if len(types) == 1 else None


def _within(kind: int, value: int) -> int:
    least, greatest = _NUMBERS[kind]
    if not least <= value <= greatest:
        raise OperationFailed(_R.NUMERIC_RANGE, "the adjusted value is out of range")
    return value


def _step(sign: int) -> Callable[[int | None, Any, ttlv.Item | None], int]:
    def adjust(kind: int | None, value: Any, by: ttlv.Item | None) -> int:
        if kind is None or kind not in _NUMBERS:
            raise OperationFailed(_R.INVALID_DATA_TYPE, "only a number can be adjusted so")
        if by is not None and by.type not in _NUMBERS:
            raise OperationFailed(_R.INVALID_DATA_TYPE, "the Adjustment Value is not a number")
        return _within(kind, int(value) + sign * (1 if by is None else by.value))

    return adjust


def _negated(kind: int | None, value: Any, by: ttlv.Item | None) -> Any:
    if kind == ttlv.BOOLEAN:
        return not value
    if kind not in _NEGATED:
        raise OperationFailed(_R.INVALID_DATA_TYPE, "only a Boolean or a number can be negated")
    return _within(kind, -value)


_ADJUST: Final[Mapping[AdjustmentType, Callable[[int | None, Any, ttlv.Item | None], Any]]] = {
    AdjustmentType.INCREMENT: _step(1),
    AdjustmentType.DECREMENT: _step(-1),
    AdjustmentType.NEGATE: _negated,
}


# --- rules ------------------------------------------------------------------------------------------------------------


def _check_single(name: AttributeName, present: tuple[Attribute, ...]) -> None:
    """Refuse what cannot say which instance it means.  Raises: OperationFailed (Multi Valued Attribute)."""
    if len(present) > 1:
        raise OperationFailed(
            _R.MULTI_VALUED_ATTRIBUTE, f"the object has several {_shown(name)}: say which one is meant"
        )


def _shown(name: AttributeName) -> str:
    return name.title[:80]


def _position(context: Context, present: tuple[Attribute, ...], current: Attribute | None, index: int | None) -> int:
    """Which instance is meant.  Raises: OperationFailed (Attribute Instance Not Found)."""
    if context.version >= V2_0 and current is None:
        if len(present) > 1:
            raise OperationFailed(_R.ATTRIBUTE_INSTANCE_NOT_FOUND, "say by Current Attribute which instance is meant")
        return 0
    for position, instance in enumerate(present):
        if (instance.value == current.value) if current is not None else ((instance.index or 0) == (index or 0)):
            return position
    raise OperationFailed(_R.ATTRIBUTE_INSTANCE_NOT_FOUND, "the object has no such instance of the attribute")


def _with_moved_link(
    context: Context, managed: Managed, new: Attribute, present: tuple[Attribute, ...]
) -> tuple[Managed, tuple[Attribute, ...]]:
    """Take an instance of Link that is to get another Link Type to the links of that type.

    Up to 1.4 it is named by its index among all links.  Source: KMIP 1.4 §3.35 and §4.15.
    """
    if context.version >= V2_0 or new.name not in LINK_TYPES:
        return managed, present
    index = new.index or 0
    for name in LINK_TYPES:
        others = managed.attributes.get(name, ())
        if name is not new.name and any((other.index or 0) == index for other in others):
            managed = managed.with_instances(name, (other for other in others if (other.index or 0) != index))
            present = (*present, Attribute(new.name, None, index))
            return managed, present
    return managed, present


def _check_writable(
    managed: Managed, name: AttributeName, now: int, *, adding: bool = False, value: Any = None
) -> None:
    """Refuse what the rules of the attribute do not let a client write now.

    Raises:
        OperationFailed: Attribute Read Only, Wrong Key Lifecycle State, Invalid Attribute.
    """
    if isinstance(name, VendorAttributeName):
        if name.vendor_identification in SERVER_VENDORS:
            raise OperationFailed(_R.ATTRIBUTE_READ_ONLY, "the attribute is set by the server alone")
        return
    row = ATTRIBUTES.get(name)
    if row is None or managed.object_type not in row.applies_to:
        raise OperationFailed(_R.INVALID_ATTRIBUTE, f"{managed.object_type} objects have no {name}")
    when = row.client_modifies
    if row.set_by is Party.SERVER or (when is When.NEVER and not adding):
        raise OperationFailed(_R.ATTRIBUTE_READ_ONLY, f"{name} cannot be changed by a client")
    check = _WHEN.get(when)
    if check is not None:
        check(managed, name, now, value)


def _state_is(*states: State) -> Callable[[Managed, Tag, int, Any], None]:
    def check(managed: Managed, name: Tag, now: int, value: Any) -> None:
        state = managed.state(now)
        if state not in states:
            raise OperationFailed(
                _R.WRONG_KEY_LIFECYCLE_STATE, f"{name} cannot be changed while the object is {state.title}"
            )

    return check


def _until_reached(managed: Managed, name: Tag, now: int, value: Any) -> None:
    _state_is(State.PRE_ACTIVE, State.ACTIVE)(managed, name, now, value)
    date = managed.get(name)
    if date is not None and date <= now:
        raise OperationFailed(_R.WRONG_KEY_LIFECYCLE_STATE, f"the {name} has been reached")


def _before_allocation(managed: Managed, name: Tag, now: int, value: Any) -> None:
    limits = managed.get(name)
    if isinstance(limits, UsageLimits) and limits.usage_limits_count != limits.usage_limits_total:
        raise OperationFailed(_R.PERMISSION_DENIED, "a part of the Usage Limits has been allocated")


def _only_to(allowed: bool) -> Callable[[Managed, Tag, int, Any], None]:
    def check(managed: Managed, name: Tag, now: int, value: Any) -> None:
        if value is not None and value is not allowed and managed.get(name) is not value:
            raise OperationFailed(_R.ATTRIBUTE_READ_ONLY, f"{name} can only become {allowed}")

    return check


_WHEN: Final[Mapping[When, Callable[[Managed, Tag, int, Any], None]]] = {
    When.WHILE_PRE_ACTIVE: _state_is(State.PRE_ACTIVE),
    When.WHILE_PRE_ACTIVE_OR_ACTIVE: _state_is(State.PRE_ACTIVE, State.ACTIVE),
    When.UNTIL_REACHED: _until_reached,
    When.BEFORE_ALLOCATION: _before_allocation,
    When.TO_TRUE: _only_to(True),
    When.TO_FALSE: _only_to(False),
}


def _check_deletable(managed: Managed, name: AttributeName) -> None:
    if isinstance(name, VendorAttributeName):
        if name.vendor_identification in SERVER_VENDORS:
            raise OperationFailed(_R.ATTRIBUTE_READ_ONLY, "the attribute is set by the server alone")
        return
    row = ATTRIBUTES[name]
    if row.always or row.client_deletes is When.NEVER:
        raise OperationFailed(_R.ATTRIBUTE_READ_ONLY, f"{name} cannot be deleted")
    if row.client_deletes is When.BEFORE_ALLOCATION:
        _before_allocation(managed, name, 0, None)


def _prepared(context: Context, managed: Managed, attribute: Attribute) -> Any:
    """The value as it is kept: what the client left to the server is filled in, a link leads somewhere."""
    value = attribute.value
    if value is None:
        raise OperationFailed(_R.INVALID_ATTRIBUTE_VALUE, f"{_shown(attribute.name)} was given no value")
    if isinstance(value, ApplicationSpecificInformation):
        return completed_application_data(value)
    if isinstance(value, UsageLimits):
        return replace(value, usage_limits_count=value.usage_limits_total)
    if attribute.name in ALL_LINKS:
        target = linked(context, attribute.name, value)
        if target == managed.unique_identifier:
            raise OperationFailed(_R.CIRCULAR_LINK_ERROR, "an object cannot link to itself")
        return target
    return value


def _consistent(managed: Managed, name: AttributeName) -> Managed:
    """What the server changes along: a key once not sensitive was not always so."""
    if name is Tag.SENSITIVE and not managed.get(name):
        return managed.put(Tag.ALWAYS_SENSITIVE, False)
    if name is Tag.EXTRACTABLE and managed.get(name):
        return managed.put(Tag.NEVER_EXTRACTABLE, False)
    return managed

"""What new objects get unless their maker says otherwise, and what they must be like.

An administrator sets defaults and constraints for its domain; anybody else sets them for what it makes itself, which
binds nobody else.  What is set replaces what the same caller set before.

Of the constraints on an object's type, those that name a group of the object come before those that name none; an
object must match one of them as Locate would, and nothing where there is none.

Source: KMIP 2.1 sections 7.6, 7.7, 7.11 and 7.22; docs/divergences.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from keystead.engine.context import Context
from keystead.engine.managed import Managed, agrees, conditions, gather, in_doubt, index_of
from keystead.engine.sealed import Sealed
from keystead.errors import OperationFailed
from keystead.kmip.attributes import Attribute, AttributeName
from keystead.kmip.enums import ObjectType, Operation, ResultReason
from keystead.kmip.identifiers import NameReference
from keystead.kmip.payloads.server import (
    Constraint,
    DefaultsInformation,
    ObjectDefaults,
    SetConstraintsRequest,
    SetDefaultsRequest,
)
from keystead.kmip.schema import Structure, dump, load
from keystead.kmip.structures import ObjectGroups, ObjectTypes
from keystead.kmip.tags import Tag
from keystead.kmip.version import V2_1, V3_0, Version
from keystead.policy.access import ADMINISTRATORS

MAXIMUM_RULES: Final = 64
GENERATING: Final = frozenset(
    {Operation.CREATE, Operation.CREATE_KEY_PAIR, Operation.CREATE_SPLIT_KEY, Operation.DERIVE_KEY}
)
"""The operations that make objects of what they are asked for: only they take defaults."""
_R = ResultReason
R = TypeVar("R", Constraint, ObjectDefaults)
_Found = dict[AttributeName, tuple[Attribute, ...]]


def constraints(context: Context) -> list[Constraint]:
    """The constraints on what the caller makes: the domain's, then its own."""
    return [rule for request in Rules(context).get("constraints") for rule in _constraint_rules(request)]


def object_defaults(context: Context, groups: ObjectGroups | None = None) -> DefaultsInformation:
    """The defaults of what the caller makes, of some groups or of all.  Source: KMIP 2.1 §6.1.40."""
    wanted = None if groups is None else set(_group_names(groups))
    return DefaultsInformation(
        object_defaults=tuple(
            told
            for rule in _defaults(context)
            if (wanted is None or rule.object_groups is None or not wanted.isdisjoint(_group_names(rule.object_groups)))
            and (told := spelled(rule, context.version)) is not None
        )
    )


def complete(context: Context, object_type: ObjectType, asked: _Found) -> None:
    """Add the defaults of a type to what was asked for; those of a group come first, and the caller's own."""
    if context.operation not in GENERATING:
        return
    rules = _defaults(context)
    if not rules:
        return
    groups = _groups(asked)
    fitting = [rule for rule in reversed(rules) if object_type in types(rule) and _in_groups(rule, groups)]
    for rule in sorted(fitting, key=lambda rule: rule.object_groups is None):
        for name, instances in gather(rule.attributes).items():
            if name not in asked:
                asked[name] = instances


def check(context: Context, managed: Managed) -> None:
    """Refuse a new object that violates the constraints.

    Raises:
        OperationFailed: Constraint Violation.
    """
    rules = [
        rule
        for rule in constraints(context)
        if rule.object_types is None or managed.object_type in rule.object_types.object_type
    ]
    if not rules:
        return
    groups = _groups(managed.attributes)
    specific = [rule for rule in rules if rule.object_groups is not None and _in_groups(rule, groups)]
    binding = specific or [rule for rule in rules if rule.object_groups is None]
    if binding and not any(_matches(managed, rule.attributes or ()) for rule in binding):
        raise OperationFailed(_R.CONSTRAINT_VIOLATION, "the object violates the constraints that are set")


def _matches(managed: Managed, attributes: Iterable[Attribute]) -> bool:
    index = index_of(managed)
    for attribute in attributes:
        held = [instance.value for instance in managed.attributes.get(attribute.name, ())]
        if attribute.value not in held and not _meets(managed, index, attribute):
            return False
    return True


def _meets(managed: Managed, index: set[tuple[int, bytes]], asked: Attribute) -> bool:
    name, value = asked.name, asked.value
    return index.issuperset(conditions(name, value)) and (not in_doubt(value) or agrees(managed, name, value))


def types(rule: ObjectDefaults) -> Sequence[ObjectType]:
    single = () if rule.object_type is None else (rule.object_type,)
    return (*single, *(rule.object_types.object_type if rule.object_types is not None else ()))


def _in_groups(rule: ObjectDefaults | Constraint, groups: set[str]) -> bool:
    return rule.object_groups is None or not groups.isdisjoint(_group_names(rule.object_groups))


def _groups(attributes: Mapping[AttributeName, tuple[Attribute, ...]]) -> set[str]:
    """The groups of an object, by the names of 2.x and the links of 3.0."""
    return {str(a.value) for tag in (Tag.OBJECT_GROUP, Tag.GROUP_LINK) for a in attributes.get(tag, ())}


def _group_names(groups: ObjectGroups) -> list[str]:
    return [*groups.object_group, *map(str, groups.group_link)]


def spelled(rule: R, version: Version) -> R | None:
    """A rule as a version spells it; None if it is only about types of objects that the version does not have."""
    types_ = rule.object_types
    if types_ is not None and types_.object_type:
        known = tuple(each for each in types_.object_type if each.since <= version <= each.until)
        if not known:
            return None
        types_ = ObjectTypes(object_type=known)
    return replace(rule, object_types=types_, object_groups=_spelled_groups(rule.object_groups, version))


def _spelled_groups(groups: ObjectGroups | None, version: Version) -> ObjectGroups | None:
    if groups is None:
        return None
    if version < V3_0:
        return ObjectGroups(object_group=tuple(_group_names(groups)))
    return ObjectGroups(group_link=(*map(NameReference, groups.object_group), *groups.group_link))


def _defaults(context: Context) -> list[ObjectDefaults]:
    return [rule for request in Rules(context).get("defaults") for rule in _default_rules(request)]


def _default_rules(request: Any) -> Sequence[ObjectDefaults]:
    return request.defaults_information.object_defaults if request.defaults_information else ()


def _constraint_rules(request: Any) -> Sequence[Constraint]:
    return request.constraints.constraint if request.constraints else ()


_REQUESTS: Final[Mapping[str, type[Structure]]] = {
    "defaults": SetDefaultsRequest,
    "constraints": SetConstraintsRequest,
}
_DOMAIN: Final = "domain"


class Rules:
    """What was set for a domain, and by a caller for itself: one value each, so that both are found by two look-ups."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._entries = Sealed(context.transaction, context.engine.vault, "rules", context.caller.domain)

    def get(self, kind: str) -> list[Structure]:
        """The requests that set what holds now."""
        found = []
        for scope in (_DOMAIN, self._context.caller.identity):
            rules = self._kept(scope)
            if kind in rules:
                version, request = rules[kind]
                found.append(load(_REQUESTS[kind], bytes.fromhex(request), Version(version)))
        return found

    def put(self, kind: str, request: Structure, count: int) -> None:
        """Set something in place of what was."""
        if count > MAXIMUM_RULES:
            raise OperationFailed(_R.SERVER_LIMIT_EXCEEDED, f"at most {MAXIMUM_RULES} can be set")
        caller, version = self._context.caller, max(self._context.version, V2_1)
        scope = _DOMAIN if ADMINISTRATORS in caller.groups else caller.identity
        self._context.turn.rules = None
        rules = self._kept(scope)
        rules.pop(kind, None)
        if count:
            rules[kind] = [int(version), dump(request, version).hex()]
        if rules:
            self._entries.put(scope, json.dumps(rules).encode())
        else:
            self._entries.delete(scope)

    def _kept(self, scope: str) -> dict[str, Any]:
        """What is set for a scope; looked up once in a turn in which nobody sets anything."""
        known, key = self._context.turn.rules, (self._context.caller.domain, scope)
        if known is not None and key in known:
            return known[key]
        kept = self._entries.get(scope)
        rules: dict[str, Any] = json.loads(kept) if kept is not None else {}
        if known is not None:
            known[key] = rules
        return rules

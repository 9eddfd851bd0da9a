"""A page for each attribute: versions, type, rules, what a client may do with it when, and an example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from keystead.client.values import attribute_value
from keystead.engine.context import Context
from keystead.engine.engine import Engine
from keystead.kmip.attributes import ATTRIBUTES, LINK_TYPES, Attribute, AttributeRow, Attributes, Party, When
from keystead.kmip.enums import ObjectType, Operation, State
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.attributes import (
    AddAttributeRequest,
    DeleteAttributeRequest,
    GetAttributesResponse,
    ModifyAttributeRequest,
    SetAttributeRequest,
)
from keystead.kmip.schema import Field, Structure, dump
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_4, V2_1, V3_0, Version
from tools.examples import UID
from tools.markdown import encodings, facts, fields_table, kind_link, slug, span, table, window, words
from tools.meanings import MEANINGS
from tools.operations import name_of as operation_page
from tools.trials import STATES, managed, outcome, trials

_WHEN: Final[Mapping[When, str]] = {
    When.NEVER: "never",
    When.ALWAYS: "always",
    When.WHILE_PRE_ACTIVE: "while Pre-Active",
    When.WHILE_PRE_ACTIVE_OR_ACTIVE: "while Pre-Active or Active",
    When.UNTIL_REACHED: "until the date is reached",
    When.BEFORE_ALLOCATION: "before an allocation",
    When.TO_TRUE: "to True",
    When.TO_FALSE: "to False",
}
_PARTY: Final[Mapping[Party, str]] = {Party.SERVER: "server", Party.CLIENT: "client", Party.EITHER: "either"}
_PREFERRED: Final = (ObjectType.SYMMETRIC_KEY, ObjectType.PRIVATE_KEY, ObjectType.CERTIFICATE)
SHOWN: Final = (V1_4, V2_1, V3_0)
"""The versions of the examples: one of each spelling."""


def name_of(tag: Tag) -> str:
    """The page of an attribute."""
    return f"attributes/{slug(tag.title)}.md"


def _value(row: AttributeRow) -> Any:
    return attribute_value(row.tag, MEANINGS[row.tag][1])


def _newest(row: AttributeRow) -> Version:
    return V2_1 if row.since <= V2_1 <= row.until else row.until


# --- what a client may do ---------------------------------------------------------------------------------------------


def _requests(row: AttributeRow, version: Version) -> Iterator[tuple[str, Request, bool]]:
    """What a client can try with an attribute: its name, the request, whether the attribute has a value before."""
    attribute = Attribute(row.tag, _value(row))
    yield "Add", AddAttributeRequest(unique_identifier=UID, new_attribute=attribute), False
    yield "Modify", ModifyAttributeRequest(unique_identifier=UID, new_attribute=attribute), True
    if version >= Operation.SET_ATTRIBUTE.since:
        yield "Set", SetAttributeRequest(unique_identifier=UID, new_attribute=attribute), False
    yield "Delete", DeleteAttributeRequest(unique_identifier=UID, attribute_reference=row.tag), True


def _trials(row: AttributeRow, engine: Engine) -> str:
    """A table of what came of each, in each state."""
    version = _newest(row)
    object_type = next((t for t in _PREFERRED if t in row.applies_to), min(row.applies_to))
    states = STATES if object_type in ATTRIBUTES[Tag.STATE].applies_to else {State.PRE_ACTIVE: {}}
    rows = []
    for what, request, present in _requests(row, version):
        found = []
        for dates in states.values():
            held: dict[Tag, Any] = {Tag.CRYPTOGRAPHIC_USAGE_MASK: 0, **dates}
            if present:
                held = {row.tag: _value(row), **held}
            found.append(outcome(engine, version, request, partial(Context.add, managed=managed(object_type, held))))
        rows.append((f"[{what} Attribute]({'../' + operation_page(request.OPERATION)})", *found))
    head = ("", *(state.title for state in states)) if len(states) > 1 else ("", "")
    return (
        f"Tried on an object of type {object_type.title} in KMIP {version}, by its owner.\n"
        "Add and Set begin without a value, unless the state has one; Modify and Delete begin with one.\n\n"
        + table(head, rows)
    )


# --- pages ------------------------------------------------------------------------------------------------------------


def page(row: AttributeRow, engine: Engine) -> str:
    """What there is to say of an attribute."""
    applies = sorted(row.applies_to)
    objects = "all" if len(applies) == len(ObjectType) else ", ".join(one.title for one in applies)
    field = Field(row.title, row.kind, row.tag, {}, False, False, False, row.since, row.until, None)
    implicit = ", ".join(f"[{one.title}](../{operation_page(one)})" for one in sorted(row.implicit))
    structures = [cls for cls in row.kind.python_types() if issubclass(cls, Structure)]
    parts = [
        f"# {row.title}\n",
        f"{MEANINGS[row.tag][0]}\n",
        facts(
            ("Versions", span(window(row.since, row.until))),
            ("Tag", f"0x{row.tag:06X}"),
            ("Type", kind_link(field, "../")),
            ("In 1.x and 2.x", f"Link, of the type {LINK_TYPES[row.tag].title}" if row.tag in LINK_TYPES else ""),
            ("Objects", objects),
        ),
        "## Rules\n",
        facts(
            ("Always has a value", "yes" if row.always else "no"),
            ("Set first by", _PARTY[row.set_by]),
            ("Modified by the server", _WHEN[row.server_modifies]),
            ("Modified by a client", _WHEN[row.client_modifies]),
            ("Deleted by a client", _WHEN[row.client_deletes]),
            ("Instances", "several" if row.multiple else "one"),
            ("Set along by", implicit),
        ),
    ]
    for cls in structures:
        parts += [f"## {words(cls.__name__)}\n", fields_table(cls, window(row.since, row.until), "../")]
    parts += ["## What a client may do\n", _trials(row, engine), "## Example\n", _example(row)]
    return "\n".join(parts)


def _example(row: AttributeRow) -> str:
    """A response payload of Get Attributes with the attribute, in each spelling."""
    versions = [version for version in SHOWN if row.since <= version <= row.until] or [row.until]
    response = GetAttributesResponse(unique_identifier=UID, attributes=Attributes((Attribute(row.tag, _value(row)),)))
    return "\n".join(
        f"In an answer to Get Attributes, KMIP {version}.\n\n{encodings(dump(response, version, Tag.RESPONSE_PAYLOAD))}"
        for version in versions
    )


def index() -> str:
    """All attributes with their rules."""
    rows = [
        (
            f"[{row.title}]({name_of(row.tag)})",
            span(window(row.since, row.until)),
            "always" if row.always else "",
            _PARTY[row.set_by],
            _WHEN[row.server_modifies],
            _WHEN[row.client_modifies],
            _WHEN[row.client_deletes],
            "several" if row.multiple else "one",
        )
        for row in ATTRIBUTES.values()
    ]
    head = ("attribute", "versions", "has a value", "set first by", "server modifies", "client modifies",
            "client deletes", "instances")  # fmt: skip
    return (
        "# Attributes\n\n"
        f"The {len(ATTRIBUTES)} attributes of KMIP 1.0 to 3.0, with the rules of the specification.\n"
        "In a message of 1.x or 2.x a Link is one attribute with a Link Type; 3.0 has an attribute for each.\n"
        "Vendor attributes (`x-` in 1.x, a Vendor Identification since 2.0) may be set, modified and deleted by the "
        "client at any time.\n\n" + table(head, rows)
    )


def pages() -> Iterator[tuple[str, str]]:
    """A page for each attribute, and the list of them."""
    yield "attributes.md", index()
    with trials() as engine:
        for row in ATTRIBUTES.values():
            yield name_of(row.tag), page(row, engine)

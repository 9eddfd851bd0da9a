"""Small parts of pages: tables, anchors, versions in words, and what all pages say of a field or a message."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from textwrap import wrap
from typing import Final

from keystead.client.values import type_name
from keystead.kmip import ttlv, ttlv_json, ttlv_xml
from keystead.kmip.objects import OBJECTS
from keystead.kmip.schema import Field, Structure, fields_of
from keystead.kmip.tags import Tag
from keystead.kmip.version import Version

VERSIONS: Final = tuple(Version)


def anchor(title: str) -> str:
    """The anchor that a heading gets where Markdown is shown."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def slug(title: str) -> str:
    """The name of a page of its own: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def words(name: str) -> str:
    """The words of a class's name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)


def span(versions: Iterable[Version]) -> str:
    """Versions in words: "1.0-2.1", "since 1.2", "all"."""
    there = sorted(versions)
    if len(there) == len(VERSIONS):
        return "all"
    if not there:
        return "none"
    runs: list[list[Version]] = [[there[0]]]
    for before, version in pairwise(there):
        if VERSIONS.index(version) == VERSIONS.index(before) + 1:
            runs[-1].append(version)
        else:
            runs.append([version])
    return ", ".join(_run(run) for run in runs)


def _run(run: Sequence[Version]) -> str:
    if run[-1] is VERSIONS[-1] and run[0] is not run[-1]:
        return f"since {run[0]}"
    return f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}"


def window(since: Version, until: Version) -> list[Version]:
    """The versions from one to another."""
    return [version for version in VERSIONS if since <= version <= until]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; nothing if it has no rows."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |", *lines]) + "\n"


def sentences(doc: str | None) -> tuple[str, str]:
    """The text of a docstring's first paragraphs, and its source."""
    text = " ".join((doc or "").split())
    text = re.split(r" (?:Args|Returns|Raises|Attributes): ", text + " ")[0].strip()
    said, _, source = text.partition("Source: ")
    return said.strip(), source.strip().rstrip(".")


def fence(language: str, text: str) -> str:
    """A block of code."""
    return f"```{language}\n{text.rstrip()}\n```\n"


def encodings(data: bytes) -> str:
    """An item in all encodings."""
    item = ttlv.decode(data)
    return "\n".join(
        (
            f"TTLV, {len(data)} bytes:\n",
            fence("text", "\n".join(wrap(data.hex(), 96))),
            "XML:\n",
            fence("xml", ttlv_xml.dumps(item)),
            "JSON:\n",
            fence("json", ttlv_json.dumps(item)),
        )
    )


def facts(*pairs: tuple[str, str]) -> str:
    """What there is to say of something, a line each; what is empty is left out."""
    return "".join(f"- {name}: {value}\n" for name, value in pairs if value)


# --- fields -----------------------------------------------------------------------------------------------------------


def kind_link(field: Field, up: str) -> str:
    """The type of a field, with a link to where it is described.

    Args:
        up: the way from the page to the top of the reference.
    """
    name = type_name(field.kind)
    structures = [cls for cls in field.kind.python_types() if issubclass(cls, Structure)]
    if len(structures) > 4:
        return f"[a managed object]({up}objects.md)"
    if structures and name == " or ".join(words(cls.__name__) for cls in structures):
        return " or ".join(_structure_link(cls, up) for cls in structures)
    listed = field.kind.enumerations()
    if len(listed) == 1 and listed[0] is not Tag and len(list(listed[0])) and name == words(listed[0].__name__):
        return f"[{name}]({up}enumerations.md#{anchor(name)})"
    return f"[{name}]({up}attributes.md)" if name in ("Attributes", "an attribute", "name of an attribute") else name


def _structure_link(cls: type[Structure], up: str) -> str:
    name = words(cls.__name__)
    for object_type, structure in OBJECTS.items():
        if structure is cls:
            return f"[{object_type.title}]({up}objects/{slug(object_type.title)}.md)"
    return f"[{name}]({up}structures.md#{anchor(name)})"


def field_rows(cls: type[Structure], versions: Sequence[Version], up: str) -> Iterator[tuple[str, str, str, str]]:
    """Rows of name, type, whether it must be there, and versions."""
    for field in fields_of(cls):
        there = [version for version in versions if field.present_in(version)]
        tags = {version: field.tag_in(version) for version in there}
        titles: dict[str, list[Version]] = {}
        for version, tag in tags.items():
            titles.setdefault(tag.title if tag else words(field.name.title().replace("_", "")), []).append(version)
        newest = list(titles)[-1] if titles else field.name
        older = [f"{span(at)}: {title}" for title, at in titles.items() if title != newest]
        name = newest + (f" ({'; '.join(older)})" if older else "")
        number = "required" if field.required else "optional"
        if field.repeated:
            number += ", repeated"
        if field.secret:
            number += ", secret"
        yield name, kind_link(field, up), number, "all" if there == list(versions) else span(there)


def fields_table(cls: type[Structure], versions: Sequence[Version], up: str) -> str:
    """The field table of a structure; a sentence if it has none."""
    return table(("field", "type", "", "versions"), field_rows(cls, versions, up)) or "It has no fields.\n"

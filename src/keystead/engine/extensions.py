"""What a client may say beyond the standard: vendor extensions, each a row of a table.

Source: KMIP 1.4 sections 2.1.9, 4.25 and 6.16; 2.1 sections 7.13 and 9.13.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keystead.kmip import ttlv
from keystead.kmip.messages import MessageExtension
from keystead.kmip.structures import ExtensionInformation
from keystead.kmip.tags import Tag

if TYPE_CHECKING:
    from keystead.engine.context import Context

VENDOR: Final = "Keystead"
MAXIMUM_TEXT: Final = 1024


@dataclass(frozen=True, slots=True)
class Extension:
    """An item that a Message Extension of this vendor may hold.

    Attributes:
        kind: the TTLV type of its value.
        apply: does what it asks for.
    """

    name: str
    tag: int
    kind: int
    description: str
    apply: Callable[[Context, Any], None]


def _justify(context: Context, text: str) -> None:
    context.note = f"{context.note}; {text}" if context.note else text


EXTENSIONS: Final[Mapping[int, Extension]] = {
    row.tag: row
    for row in (
        Extension(
            "KEYSTEAD JUSTIFICATION",
            0x540001,
            ttlv.TEXT_STRING,
            "Why this is asked for: the audit keeps it with the event of the batch item.",
            _justify,
        ),
    )
}


def understood(context: Context, extension: MessageExtension) -> bool:
    """Apply a Message Extension if all of it is known here; whether it was."""
    body = extension.vendor_extension
    if extension.vendor_identification != VENDOR or body is None or body.type != ttlv.STRUCTURE or not body.value:
        return False
    items = [(EXTENSIONS.get(item.tag), item) for item in body.value]
    if any(
        row is None or item.type != row.kind or (isinstance(item.value, str) and len(item.value) > MAXIMUM_TEXT)
        for row, item in items
    ):
        return False
    for row, item in items:
        if row is not None:
            row.apply(context, item.value)
    return True


def information(*, whole: bool) -> tuple[ExtensionInformation, ...]:
    """The extensions as Query lists them: their names, or all of them."""
    return tuple(
        ExtensionInformation(
            extension_name=row.name,
            extension_tag=row.tag,
            extension_type=row.kind,
            extension_attribute=False,
            extension_parent_structure_tag=int(Tag.VENDOR_EXTENSION),
            extension_description=row.description,
        )
        if whole
        else ExtensionInformation(extension_name=row.name)
        for row in EXTENSIONS.values()
    )

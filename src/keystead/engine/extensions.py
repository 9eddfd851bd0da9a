"""What a client may say beyond the standard: vendor extensions, each a row of a table.

Source: KMIP 1.4 sections 2.1.9, 4.25 and 6.16; 2.1 sections 7.13 and 9.13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keystead.errors import OperationFailed
from keystead.kmip import ttlv
from keystead.kmip.enums import ResultReason
from keystead.kmip.messages import MessageExtension, RequestBatchItem
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


def understood(extension: MessageExtension) -> bool:
    """Whether all of a Message Extension is known here."""
    body = extension.vendor_extension
    if extension.vendor_identification != VENDOR or body is None or body.type != ttlv.STRUCTURE or not body.value:
        return False
    return all(
        (row := EXTENSIONS.get(item.tag)) is not None
        and item.type == row.kind
        and not (isinstance(item.value, str) and len(item.value) > MAXIMUM_TEXT)
        for item in body.value
    )


def check(asked: Iterable[RequestBatchItem]) -> None:
    """Refuse a message, all of it, if something critical in it is not known here.  Source: KMIP 1.4 §6.16; 2.1 §9.13.

    Raises:
        OperationFailed: Feature Not Supported.
    """
    for item in asked:
        for extension in item.message_extension:
            if extension.criticality_indicator and not understood(extension):
                raise OperationFailed(
                    ResultReason.FEATURE_NOT_SUPPORTED, "a critical Message Extension is not known here"
                )


def apply(context: Context, extension: MessageExtension) -> None:
    """Do what a Message Extension asks for, if all of it is known here."""
    if extension.vendor_extension is not None and understood(extension):
        for item in extension.vendor_extension.value:
            EXTENSIONS[item.tag].apply(context, item.value)


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

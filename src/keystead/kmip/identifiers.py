"""How an object is named in a message.

Handlers see a `str` for a unique identifier, a `NameReference` for an object named by its Name, an enumeration or an
integer for the results of earlier batch items.  None, or the ID Placeholder enumeration, is the ID Placeholder.

Source: KMIP 1.4 section 3.1; 2.1 sections 4.58 and 11.58; 3.0 CSD01 section 4.68.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from keystead.kmip import ttlv
from keystead.kmip.enums import DataEnumeration, Enumeration, Mask, UniqueIdentifierEnumeration
from keystead.kmip.schema import Enumerated, Form, Kind, Named, Scalar
from keystead.kmip.version import V2_0, V3_0, Version


class NameReference(str):
    """A Name in place of a unique identifier: it means the object that carries the Name when it is looked up."""

    __slots__ = ()


_TEXT = Named(ttlv.TEXT_STRING, str)
_IDENTIFIER = Named(ttlv.IDENTIFIER, str)
_REFERENCE = Named(ttlv.REFERENCE, str)
_INTEGER = Scalar(ttlv.INTEGER, int)
_BYTES = Scalar(ttlv.BYTE_STRING, bytes)


class Identifier(Kind):
    """A unique identifier: text in 1.x; text, enumeration or integer in 2.x; six item types in 3.0.

    Args:
        link: it points at another object, so 3.0 writes a Reference and not an Identifier.
    """

    def __init__(self, *, link: bool = False) -> None:
        self.link = link

    def forms(self, version: Version) -> Sequence[Form]:
        if version < V2_0:
            return _TEXT.forms(version)
        others = (*Enumerated(UniqueIdentifierEnumeration).forms(version), *_INTEGER.forms(version))
        if version < V3_0:
            return (*others, *_TEXT.forms(version))
        by_name = Form(
            ttlv.NAME_REFERENCE,
            "x = NameReference(decode_text(b[q:e], q))\nif not x: empty_name(q)",
            str(_TEXT.forms(version)[0].write),
            "isinstance(v, NameReference)",
            uses={"NameReference": NameReference},
        )
        own, other = (_REFERENCE, _IDENTIFIER) if self.link else (_IDENTIFIER, _REFERENCE)
        return (by_name, *others, *own.forms(version), *other.forms(version))

    def python_types(self) -> tuple[type, ...]:
        return (str,)

    def enumerations(self) -> tuple[type[Enumeration] | type[Mask], ...]:
        return (UniqueIdentifierEnumeration,)


class DataKind(Kind):
    """Data of a cryptographic operation: bytes, or since 2.0 the output of an earlier batch item.

    Source: KMIP 2.1 section 11.13.
    """

    def forms(self, version: Version) -> Sequence[Form]:
        if version < V2_0:
            return _BYTES.forms(version)
        return (
            *Enumerated(DataEnumeration).forms(version),
            *_INTEGER.forms(version),
            *_BYTES.forms(version),
        )

    def python_types(self) -> tuple[type, ...]:
        return (bytes,)

    def enumerations(self) -> tuple[type[Enumeration] | type[Mask], ...]:
        return (DataEnumeration,)


UniqueIdentifier = Annotated[str | UniqueIdentifierEnumeration | int, Identifier()]
LinkedIdentifier = Annotated[str | UniqueIdentifierEnumeration | int, Identifier(link=True)]
Data = Annotated[bytes | DataEnumeration | int, DataKind()]

"""Finding objects: Locate."""

from __future__ import annotations

from keystead.kmip.attributes import AttributeList, PartialAttributeList
from keystead.kmip.enums import ObjectClassMask, ObjectGroupMember, Operation, StorageStatusMask
from keystead.kmip.identifiers import UniqueIdentifier
from keystead.kmip.payloads.base import Request, Response, request, response
from keystead.kmip.schema import Integer, item
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_1, V1_3, V1_4, V2_1, V3_0


@request(Operation.LOCATE)
class LocateRequest(Request):
    """Find objects by their attributes, newest first.  Source: KMIP 1.4 §4.9; 2.1 §6.1.28."""

    maximum_items: Integer | None = None
    offset_items: Integer | None = item(since=V1_3)
    storage_status_mask: StorageStatusMask | None = None
    object_group_member: ObjectGroupMember | None = item(since=V1_1, until=V2_1)
    object_class_mask: ObjectClassMask | None = item(since=V3_0)
    attributes: PartialAttributeList | None = None
    template_attribute: AttributeList | None = item(tag=Tag.ATTRIBUTES, until=V1_4)
    "A leniency (docs/divergences.md): more of the same, in a Template-Attribute."


@response(Operation.LOCATE)
class LocateResponse(Response):
    """The answer to LocateRequest."""

    located_items: Integer | None = item(since=V1_3)
    unique_identifier: tuple[UniqueIdentifier, ...] = ()

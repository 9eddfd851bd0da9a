"""Reading and changing attributes."""

from __future__ import annotations

from keystead.kmip.attributes import AnyValue, AttributeReference, Attributes, FlatAttributeList, SingleAttribute
from keystead.kmip.enums import AdjustmentType, Operation
from keystead.kmip.identifiers import UniqueIdentifier
from keystead.kmip.payloads.base import Request, Response, request, response
from keystead.kmip.schema import Integer, item
from keystead.kmip.version import V1_4, V2_0


@request(Operation.GET_ATTRIBUTES)
class GetAttributesRequest(Request):
    """Read attributes.  Source: KMIP 1.4 §4.12; 2.1 §6.1.20."""

    unique_identifier: UniqueIdentifier | None = None
    attribute_reference: tuple[AttributeReference, ...] = ()


@response(Operation.GET_ATTRIBUTES)
class GetAttributesResponse(Response):
    """The answer to GetAttributesRequest."""

    unique_identifier: UniqueIdentifier
    attributes: FlatAttributeList | None = item(default=Attributes())


@request(Operation.GET_ATTRIBUTE_LIST)
class GetAttributeListRequest(Request):
    """List the names of an object's attributes.  Source: KMIP 1.4 §4.13; 2.1 §6.1.21."""

    unique_identifier: UniqueIdentifier | None = None


@response(Operation.GET_ATTRIBUTE_LIST)
class GetAttributeListResponse(Response):
    """The answer to GetAttributeListRequest."""

    unique_identifier: UniqueIdentifier
    attribute_reference: tuple[AttributeReference, ...] = ()


@request(Operation.ADD_ATTRIBUTE)
class AddAttributeRequest(Request):
    """Add an instance of an attribute.  Source: KMIP 1.4 §4.14; 2.1 §6.1.2."""

    unique_identifier: UniqueIdentifier | None = None
    new_attribute: SingleAttribute


@response(Operation.ADD_ATTRIBUTE)
class AddAttributeResponse(Response):
    """The answer to AddAttributeRequest."""

    unique_identifier: UniqueIdentifier
    new_attribute: SingleAttribute | None = item(until=V1_4)


@request(Operation.MODIFY_ATTRIBUTE)
class ModifyAttributeRequest(Request):
    """Change an instance of an attribute.  Source: KMIP 1.4 §4.15; 2.1 §6.1.34."""

    unique_identifier: UniqueIdentifier | None = None
    current_attribute: SingleAttribute | None = item(since=V2_0)
    new_attribute: SingleAttribute


@response(Operation.MODIFY_ATTRIBUTE)
class ModifyAttributeResponse(Response):
    """The answer to ModifyAttributeRequest."""

    unique_identifier: UniqueIdentifier
    new_attribute: SingleAttribute | None = item(until=V1_4)


@request(Operation.DELETE_ATTRIBUTE)
class DeleteAttributeRequest(Request):
    """Delete an instance of an attribute, or all.  Source: KMIP 1.4 §4.16; 2.1 §6.1.13."""

    unique_identifier: UniqueIdentifier | None = None
    # In 1.x too, which does not have it: cyphera names the attribute so (docs/divergences.md).
    current_attribute: SingleAttribute | None = None
    attribute_reference: AttributeReference | None = None
    attribute_index: Integer | None = item(until=V1_4)


@response(Operation.DELETE_ATTRIBUTE)
class DeleteAttributeResponse(Response):
    """The answer to DeleteAttributeRequest."""

    unique_identifier: UniqueIdentifier
    current_attribute: SingleAttribute | None = item(until=V1_4)


@request(Operation.SET_ATTRIBUTE)
class SetAttributeRequest(Request):
    """Set a single-instance attribute.  Source: KMIP 2.1 §6.1.51."""

    unique_identifier: UniqueIdentifier | None = None
    new_attribute: SingleAttribute


@response(Operation.SET_ATTRIBUTE)
class SetAttributeResponse(Response):
    """The answer to SetAttributeRequest."""

    unique_identifier: UniqueIdentifier


@request(Operation.ADJUST_ATTRIBUTE)
class AdjustAttributeRequest(Request):
    """Increment, decrement or negate an attribute.  Source: KMIP 2.1 §6.1.3."""

    unique_identifier: UniqueIdentifier | None = None
    attribute_reference: AttributeReference
    adjustment_type: AdjustmentType
    adjustment_value: AnyValue | None = None


@response(Operation.ADJUST_ATTRIBUTE)
class AdjustAttributeResponse(Response):
    """The answer to AdjustAttributeRequest."""

    unique_identifier: UniqueIdentifier

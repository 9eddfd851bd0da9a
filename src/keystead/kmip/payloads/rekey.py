"""Replacing keys: Re-key, Re-key Key Pair, Re-Provision."""

from __future__ import annotations

from keystead.kmip.attributes import AttributeList
from keystead.kmip.enums import Operation
from keystead.kmip.identifiers import UniqueIdentifier
from keystead.kmip.objects import Certificate, CertificateRequest
from keystead.kmip.payloads.base import Request, Response, request, response
from keystead.kmip.schema import Interval, Regardless, Structure, item, structure
from keystead.kmip.structures import ProtectionStorageMasks
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_4, V2_0, V2_1, V3_0


@structure
class TemplateAttribute(Structure):
    """An empty Template-Attribute in a Re-key of 2.0: PyKMIP sends it, though 2.0 has no templates.

    A leniency (docs/divergences.md): it must be empty.
    """

    TAG = Tag.TEMPLATE_ATTRIBUTE


@request(Operation.RE_KEY)
class ReKeyRequest(Request):
    """Replace a symmetric key by a new one.  Source: KMIP 1.4 §4.4; 2.1 §6.1.46."""

    unique_identifier: UniqueIdentifier | None = None
    offset: Interval | None = None
    attributes: AttributeList | None = None
    protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)
    template_attribute: TemplateAttribute | None = item(kind=Regardless(TemplateAttribute), since=V2_0, until=V2_1)


@response(Operation.RE_KEY)
class ReKeyResponse(Response):
    """The answer to ReKeyRequest."""

    unique_identifier: UniqueIdentifier
    attributes: AttributeList | None = item(until=V1_4)


@request(Operation.RE_KEY_KEY_PAIR)
class ReKeyKeyPairRequest(Request):
    """Replace a key pair by a new one.  Source: KMIP 1.4 §4.5; 2.1 §6.1.47."""

    private_key_unique_identifier: UniqueIdentifier | None = item(
        tag={V1_0: Tag.PRIVATE_KEY_UNIQUE_IDENTIFIER, V3_0: Tag.UNIQUE_IDENTIFIER}
    )
    offset: Interval | None = None
    common_attributes: AttributeList | None = None
    private_key_attributes: AttributeList | None = None
    public_key_attributes: AttributeList | None = None
    common_protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)
    private_protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)
    public_protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)


@response(Operation.RE_KEY_KEY_PAIR)
class ReKeyKeyPairResponse(Response):
    """The answer to ReKeyKeyPairRequest."""

    private_key_unique_identifier: UniqueIdentifier
    public_key_unique_identifier: UniqueIdentifier
    private_key_attributes: AttributeList | None = item(until=V1_4)
    public_key_attributes: AttributeList | None = item(until=V1_4)


@request(Operation.RE_PROVISION)
class ReProvisionRequest(Request):
    """Replace the credential of the client itself.  Source: KMIP 2.1 §6.1.48."""

    certificate_request: CertificateRequest | None = None
    certificate: Certificate | None = None


@response(Operation.RE_PROVISION)
class ReProvisionResponse(Response):
    """The answer to ReProvisionRequest."""

    unique_identifier: UniqueIdentifier | None = None

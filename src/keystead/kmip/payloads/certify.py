"""Certificates: Certify, Re-certify, Validate."""

from __future__ import annotations

from keystead.kmip.attributes import AttributeList
from keystead.kmip.enums import CertificateRequestType, Operation, ValidityIndicator
from keystead.kmip.identifiers import UniqueIdentifier
from keystead.kmip.objects import Certificate
from keystead.kmip.payloads.base import Request, Response, request, response
from keystead.kmip.schema import DateTime, Interval, item
from keystead.kmip.structures import ProtectionStorageMasks
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_4, V2_0


@request(Operation.CERTIFY)
class CertifyRequest(Request):
    """Issue a certificate for a public key.  Source: KMIP 1.4 §4.7; 2.1 §6.1.6."""

    unique_identifier: UniqueIdentifier | None = None
    certificate_request_type: CertificateRequestType | None = None
    certificate_request_value: bytes | None = item(
        tag={V1_0: Tag.CERTIFICATE_REQUEST, V2_0: Tag.CERTIFICATE_REQUEST_VALUE}
    )
    attributes: AttributeList | None = None
    protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)


@response(Operation.CERTIFY)
class CertifyResponse(Response):
    """The answer to CertifyRequest."""

    unique_identifier: UniqueIdentifier
    attributes: AttributeList | None = item(until=V1_4)


@request(Operation.RE_CERTIFY)
class ReCertifyRequest(Request):
    """Renew a certificate.  Source: KMIP 1.4 §4.8; 2.1 §6.1.45."""

    unique_identifier: UniqueIdentifier | None = None
    certificate_request_unique_identifier: UniqueIdentifier | None = item(since=V2_0)
    certificate_request_type: CertificateRequestType | None = None
    certificate_request_value: bytes | None = item(
        tag={V1_0: Tag.CERTIFICATE_REQUEST, V2_0: Tag.CERTIFICATE_REQUEST_VALUE}
    )
    offset: Interval | None = None
    attributes: AttributeList | None = None
    protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)


@response(Operation.RE_CERTIFY)
class ReCertifyResponse(Response):
    """The answer to ReCertifyRequest."""

    unique_identifier: UniqueIdentifier
    attributes: AttributeList | None = item(until=V1_4)


@request(Operation.VALIDATE)
class ValidateRequest(Request):
    """Validate a chain of certificates.  Source: KMIP 1.4 §4.24; 2.1 §6.1.57."""

    certificate: tuple[Certificate, ...] = ()
    unique_identifier: tuple[UniqueIdentifier, ...] = ()
    validity_date: DateTime | None = None


@response(Operation.VALIDATE)
class ValidateResponse(Response):
    """The answer to ValidateRequest."""

    validity_indicator: ValidityIndicator

"""Handing objects out: Get, Export, and leave to use them: Check, Obtain Lease, Get Usage Allocation."""

from __future__ import annotations

from keystead.kmip.attributes import FlatAttributeList
from keystead.kmip.enums import (
    CryptographicUsageMask,
    KeyCompressionType,
    KeyFormatType,
    KeyWrapType,
    ObjectType,
    Operation,
)
from keystead.kmip.identifiers import UniqueIdentifier
from keystead.kmip.objects import AnyObject, KeyWrappingSpecification
from keystead.kmip.payloads.base import Request, Response, request, response
from keystead.kmip.schema import DateTime, Interval, LongInteger, item
from keystead.kmip.version import V1_4


@request(Operation.GET)
class GetRequest(Request):
    """Hand out an object.  Source: KMIP 1.4 §4.11; 2.1 §6.1.19."""

    unique_identifier: UniqueIdentifier | None = None
    key_format_type: KeyFormatType | None = None
    key_wrap_type: KeyWrapType | None = item(since=V1_4)
    key_compression_type: KeyCompressionType | None = None
    key_wrapping_specification: KeyWrappingSpecification | None = None

    @property
    def plain(self) -> bool:
        """It asks for the object as it is: no format, compression or wrapping."""
        return (
            self.key_format_type is None
            and self.key_wrapping_specification is None
            and self.key_wrap_type is None
            and self.key_compression_type is None
        )


@response(Operation.GET)
class GetResponse(Response):
    """The answer to GetRequest."""

    object_type: ObjectType
    unique_identifier: UniqueIdentifier
    object: AnyObject


@request(Operation.EXPORT)
class ExportRequest(Request):
    """Hand out an object with all its attributes.  Source: KMIP 1.4 §4.40; 2.1 §6.1.18."""

    unique_identifier: UniqueIdentifier | None = None
    key_format_type: KeyFormatType | None = None
    key_wrap_type: KeyWrapType | None = None
    key_compression_type: KeyCompressionType | None = None
    key_wrapping_specification: KeyWrappingSpecification | None = None


@response(Operation.EXPORT)
class ExportResponse(Response):
    """The answer to ExportRequest."""

    object_type: ObjectType
    unique_identifier: UniqueIdentifier
    attributes: FlatAttributeList | None = None
    object: AnyObject


@request(Operation.CHECK)
class CheckRequest(Request):
    """Ask whether a use of an object would be allowed.  Source: KMIP 1.4 §4.10; 2.1 §6.1.7."""

    unique_identifier: UniqueIdentifier | None = None
    usage_limits_count: LongInteger | None = None
    cryptographic_usage_mask: CryptographicUsageMask | None = None
    lease_time: Interval | None = None


@response(Operation.CHECK)
class CheckResponse(Response):
    """The answer to CheckRequest."""

    unique_identifier: UniqueIdentifier | None = None
    usage_limits_count: LongInteger | None = None
    cryptographic_usage_mask: CryptographicUsageMask | None = None
    lease_time: Interval | None = None


@request(Operation.OBTAIN_LEASE)
class ObtainLeaseRequest(Request):
    """Obtain or renew a lease on an object.  Source: KMIP 1.4 §4.17; 2.1 §6.1.35."""

    unique_identifier: UniqueIdentifier | None = None


@response(Operation.OBTAIN_LEASE)
class ObtainLeaseResponse(Response):
    """The answer to ObtainLeaseRequest."""

    unique_identifier: UniqueIdentifier
    lease_time: Interval
    last_change_date: DateTime


@request(Operation.GET_USAGE_ALLOCATION)
class GetUsageAllocationRequest(Request):
    """Take a part of what Usage Limits leave.  Source: KMIP 1.4 §4.18; 2.1 §6.1.23."""

    unique_identifier: UniqueIdentifier | None = None
    usage_limits_count: LongInteger


@response(Operation.GET_USAGE_ALLOCATION)
class GetUsageAllocationResponse(Response):
    """The answer to GetUsageAllocationRequest."""

    unique_identifier: UniqueIdentifier

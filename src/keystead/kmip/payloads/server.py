"""What a server says and is told of itself: Query, Discover Versions, defaults and constraints."""

from __future__ import annotations

from keystead.kmip.attributes import FlatAttributeList
from keystead.kmip.enums import AttestationType, ClientRegistrationMethod, ObjectType, Operation, QueryFunction
from keystead.kmip.payloads.base import Request, Response, request, response
from keystead.kmip.schema import Structure, item, structure
from keystead.kmip.structures import (
    CapabilityInformation,
    CredentialInformation,
    ExtensionInformation,
    ObjectGroups,
    ObjectTypes,
    ProfileInformation,
    ProtectionStorageMasks,
    ProtocolVersion,
    RNGParameters,
    ServerInformation,
    ValidationInformation,
)
from keystead.kmip.version import V1_1, V1_2, V1_3, V2_0, V2_1, V3_0


@structure
class ObjectDefaults(Structure):
    """The attributes that new objects of a type get.  Source: 2.1 §7.22."""

    object_type: ObjectType | None = None
    object_types: ObjectTypes | None = item(since=V2_1)
    attributes: FlatAttributeList
    object_groups: ObjectGroups | None = item(since=V2_1)


@structure
class DefaultsInformation(Structure):
    """Source: 2.1 §7.11."""

    object_defaults: tuple[ObjectDefaults, ...] = ()


@structure
class Constraint(Structure):
    """What new objects of some types and groups must be like.  Source: 2.1 §7.6."""

    object_types: ObjectTypes | None = None
    object_groups: ObjectGroups | None = None
    attributes: FlatAttributeList | None = None


@structure
class Constraints(Structure):
    """Source: 2.1 §7.7."""

    constraint: tuple[Constraint, ...] = ()


@request(Operation.QUERY)
class QueryRequest(Request):
    """Ask what the server can do.  Source: KMIP 1.4 §4.25; 2.1 §6.1.40."""

    query_function: tuple[QueryFunction, ...]
    object_groups: ObjectGroups | None = item(since=V2_1, until=V2_1)


@response(Operation.QUERY)
class QueryResponse(Response):
    """The answer to QueryRequest."""

    operation: tuple[Operation, ...] = ()
    object_type: tuple[ObjectType, ...] = ()
    vendor_identification: str | None = None
    server_information: ServerInformation | None = None
    application_namespace: tuple[str, ...] = ()
    extension_information: tuple[ExtensionInformation, ...] = item(default=(), since=V1_1)
    attestation_type: tuple[AttestationType, ...] = item(default=(), since=V1_2)
    rng_parameters: tuple[RNGParameters, ...] = item(default=(), since=V1_3)
    profile_information: tuple[ProfileInformation, ...] = item(default=(), since=V1_3)
    validation_information: tuple[ValidationInformation, ...] = item(default=(), since=V1_3)
    capability_information: tuple[CapabilityInformation, ...] = item(default=(), since=V1_3)
    client_registration_method: tuple[ClientRegistrationMethod, ...] = item(default=(), since=V1_3)
    defaults_information: DefaultsInformation | None = item(since=V2_0)
    protection_storage_masks: ProtectionStorageMasks | None = item(since=V2_0)
    credential_information: CredentialInformation | None = item(since=V3_0)


@request(Operation.DISCOVER_VERSIONS)
class DiscoverVersionsRequest(Request):
    """Ask which versions the server speaks, the preferred first.  Source: KMIP 1.4 §4.26; 2.1 §6.1.16."""

    protocol_version: tuple[ProtocolVersion, ...] = ()


@response(Operation.DISCOVER_VERSIONS)
class DiscoverVersionsResponse(Response):
    """The answer to DiscoverVersionsRequest."""

    protocol_version: tuple[ProtocolVersion, ...] = ()


@request(Operation.SET_DEFAULTS)
class SetDefaultsRequest(Request):
    """Set the attributes that new objects get.  Source: KMIP 2.1 §6.1.53."""

    defaults_information: DefaultsInformation | None = None


@response(Operation.SET_DEFAULTS)
class SetDefaultsResponse(Response):
    """The answer to SetDefaultsRequest."""


@request(Operation.SET_CONSTRAINTS)
class SetConstraintsRequest(Request):
    """Set what new objects must be like; without Constraints, lift them.  Source: KMIP 2.1 §6.1.52."""

    constraints: Constraints | None = None


@response(Operation.SET_CONSTRAINTS)
class SetConstraintsResponse(Response):
    """The answer to SetConstraintsRequest."""


@request(Operation.GET_CONSTRAINTS)
class GetConstraintsRequest(Request):
    """Read what new objects must be like.  Source: KMIP 2.1 §6.1.22."""


@response(Operation.GET_CONSTRAINTS)
class GetConstraintsResponse(Response):
    """The answer to GetConstraintsRequest."""

    constraints: Constraints

"""What the server says of itself: Query, Discover Versions."""

from __future__ import annotations

from functools import cache
from typing import Final

import keystead
from keystead.engine import attestation, extensions, rules
from keystead.engine.context import Context
from keystead.engine.extensions import VENDOR
from keystead.engine.handlers import handles, operations
from keystead.engine.making import NAMESPACES
from keystead.engine.managed import RNG
from keystead.engine.storage import STORAGE
from keystead.errors import OperationFailed
from keystead.kmip.enums import (
    ClientRegistrationMethod,
    DestroyAction,
    Enumeration,
    ObjectType,
    Operation,
    ProfileName,
    QueryFunction,
    ResultReason,
    RNGMode,
    ShreddingAlgorithm,
    UnwrapMode,
)
from keystead.kmip.messages import protocol_version
from keystead.kmip.objects import OBJECTS
from keystead.kmip.payloads.server import (
    DiscoverVersionsRequest,
    DiscoverVersionsResponse,
    QueryRequest,
    QueryResponse,
)
from keystead.kmip.structures import (
    CREDENTIALS,
    CapabilityInformation,
    CredentialInformation,
    ProfileInformation,
    ProtectionStorageMasks,
    ServerInformation,
)
from keystead.kmip.version import Version

_F = QueryFunction
OBJECT_TYPES: Final = tuple(sorted({*OBJECTS, ObjectType.USER, ObjectType.GROUP}))
CREDENTIAL_TYPES: Final = tuple(CREDENTIALS)


@handles(QueryRequest)
def query(context: Context, request: QueryRequest) -> QueryResponse:
    """Answer what is asked for, drawn from the tables.  Source: KMIP 1.4 §4.25; 2.1 §6.1.40."""
    version = context.version
    asked = frozenset(request.query_function)
    if not asked:
        raise OperationFailed(ResultReason.INVALID_MESSAGE, "a Query needs a Query Function")
    known = bool(context.caller.identity)  # nobody needs be, but then hears nothing of who is or which build this is
    permitted = context.delegation.operations if context.delegation is not None else None
    return QueryResponse(
        operation=tuple(
            o
            for o in _operations_of(version)
            if (permitted is None or o in permitted) and (o is not Operation.INTEROP or context.engine.interop)
        )
        if _F.QUERY_OPERATIONS in asked
        else (),
        object_type=_object_types_of(version) if _F.QUERY_OBJECTS in asked else (),
        vendor_identification=VENDOR if _F.QUERY_SERVER_INFORMATION in asked else None,
        server_information=_information() if known and _F.QUERY_SERVER_INFORMATION in asked else None,
        application_namespace=NAMESPACES if _F.QUERY_APPLICATION_NAMESPACES in asked else (),
        extension_information=extensions.information(whole=_F.QUERY_EXTENSION_MAP in asked)
        if asked & {_F.QUERY_EXTENSION_LIST, _F.QUERY_EXTENSION_MAP}
        else (),
        attestation_type=attestation.TYPES if _F.QUERY_ATTESTATION_TYPES in asked else (),
        rng_parameters=(RNG,) if _F.QUERY_RNGS in asked else (),
        profile_information=tuple(ProfileInformation(profile_name=name) for name in PROFILES if _has(version, name))
        if _F.QUERY_PROFILES in asked
        else (),
        capability_information=(_CAPABILITIES,) if _F.QUERY_CAPABILITIES in asked else (),
        client_registration_method=(ClientRegistrationMethod.CLIENT_REGISTERED,)
        if _F.QUERY_CLIENT_REGISTRATION_METHODS in asked
        else (),
        defaults_information=rules.object_defaults(context, request.object_groups)
        if known and _F.QUERY_DEFAULTS_INFORMATION in asked
        else None,
        credential_information=CredentialInformation(credential_type=CREDENTIAL_TYPES)
        if _F.QUERY_CREDENTIAL_INFORMATION in asked
        else None,
        protection_storage_masks=ProtectionStorageMasks(protection_storage_mask=(STORAGE,))
        if _F.QUERY_STORAGE_PROTECTION_MASKS in asked
        else None,
    )


def _has(version: Version, value: Enumeration) -> bool:
    return value.since <= version <= value.until


@cache
def _operations_of(version: Version) -> tuple[Operation, ...]:
    return tuple(operation for operation in operations() if _has(version, operation))


@cache
def _object_types_of(version: Version) -> tuple[ObjectType, ...]:
    return tuple(object_type for object_type in OBJECT_TYPES if _has(version, object_type))


_CONFORMING: Final = (
    "Advanced Cryptographic Server",
    "Asymmetric Key Lifecycle Server",
    "Baseline Server",
    "Basic Cryptographic Server",
    "HTTPS Server",
    "JSON Server",
    "Opaque Managed Object Store Server",
    "PKCS#11 Server",
    "Quantum Safe Server",
    "RNG Cryptographic Server",
    "Storage Array with Self Encrypting Drive Server",
    "Suite B minLOS_128 Server",
    "Suite B minLOS_192 Server",
    "Symmetric Key Foundry Server",
    "Symmetric Key Lifecycle Server",
    "Tape Library Server",
    "XML Server",
)
PROFILES: Final = tuple(name for name in ProfileName if name.title.startswith(_CONFORMING))
"""The profiles that the server conforms to: those whose test cases it passes in every version."""

_CAPABILITIES = CapabilityInformation(
    streaming_capability=True,
    asynchronous_capability=True,
    attestation_capability=True,
    batch_undo_capability=True,
    batch_continue_capability=True,
    unwrap_mode=UnwrapMode.NOT_PROCESSED,
    destroy_action=DestroyAction.KEY_MATERIAL_DELETED,
    shredding_algorithm=ShreddingAlgorithm.CRYPTOGRAPHIC,
    rng_mode=RNGMode.SHARED_INSTANTIATION,
    quantum_safe_capability=True,
)


def _information() -> ServerInformation:
    return ServerInformation(
        server_name=VENDOR, server_version=keystead.__version__, product_name=VENDOR, build_level=keystead.__version__
    )


@handles(DiscoverVersionsRequest)
def discover_versions(context: Context, request: DiscoverVersionsRequest) -> DiscoverVersionsResponse:
    """The versions that both speak, in the client's order; all, the newest first, if it named none.

    Source: KMIP 1.4 §4.26; 2.1 §6.1.16.
    """
    ours = [protocol_version(version) for version in reversed(Version)]
    theirs = request.protocol_version
    return DiscoverVersionsResponse(protocol_version=tuple(v for v in theirs if v in ours) if theirs else tuple(ours))

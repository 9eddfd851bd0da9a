"""The life of an object: Activate, Deactivate, Revoke, Destroy, Obliterate, Archive, Recover."""

from __future__ import annotations

from keystead.kmip.enums import Operation
from keystead.kmip.identifiers import UniqueIdentifier
from keystead.kmip.payloads.base import Request, Response, request, response
from keystead.kmip.schema import DateTime
from keystead.kmip.structures import DeactivationReason, RevocationReason


@request(Operation.ACTIVATE)
class ActivateRequest(Request):
    """Have an object become Active now.  Source: KMIP 1.4 §4.19; 2.1 §6.1.1."""

    unique_identifier: UniqueIdentifier | None = None


@response(Operation.ACTIVATE)
class ActivateResponse(Response):
    """The answer to ActivateRequest."""

    unique_identifier: UniqueIdentifier


@request(Operation.DEACTIVATE)
class DeactivateRequest(Request):
    """Have an object become Deactivated.  Source: KMIP 3.0 §6.1.14."""

    unique_identifier: UniqueIdentifier | None = None
    deactivation_reason: DeactivationReason | None = None
    deactivation_date: DateTime | None = None


@response(Operation.DEACTIVATE)
class DeactivateResponse(Response):
    """The answer to DeactivateRequest."""

    unique_identifier: UniqueIdentifier


@request(Operation.REVOKE)
class RevokeRequest(Request):
    """Deactivate an object, or say that it is compromised.  Source: KMIP 1.4 §4.20; 2.1 §6.1.44."""

    unique_identifier: UniqueIdentifier | None = None
    revocation_reason: RevocationReason | None = None
    compromise_occurrence_date: DateTime | None = None


@response(Operation.REVOKE)
class RevokeResponse(Response):
    """The answer to RevokeRequest."""

    unique_identifier: UniqueIdentifier


@request(Operation.DESTROY)
class DestroyRequest(Request):
    """Destroy the material of an object.  Source: KMIP 1.4 §4.21; 2.1 §6.1.15."""

    unique_identifier: UniqueIdentifier | None = None


@response(Operation.DESTROY)
class DestroyResponse(Response):
    """The answer to DestroyRequest."""

    unique_identifier: UniqueIdentifier


@request(Operation.OBLITERATE)
class ObliterateRequest(Request):
    """Destroy an object and forget its attributes.  Source: KMIP 3.0 §6.1.39."""

    unique_identifier: UniqueIdentifier | None = None


@response(Operation.OBLITERATE)
class ObliterateResponse(Response):
    """The answer to ObliterateRequest."""


@request(Operation.ARCHIVE)
class ArchiveRequest(Request):
    """Move an object to archival storage.  Source: KMIP 1.4 §4.22; 2.1 §6.1.4."""

    unique_identifier: UniqueIdentifier | None = None


@response(Operation.ARCHIVE)
class ArchiveResponse(Response):
    """The answer to ArchiveRequest."""

    unique_identifier: UniqueIdentifier


@request(Operation.RECOVER)
class RecoverRequest(Request):
    """Bring an object back from archival storage.  Source: KMIP 1.4 §4.23; 2.1 §6.1.42."""

    unique_identifier: UniqueIdentifier | None = None


@response(Operation.RECOVER)
class RecoverResponse(Response):
    """The answer to RecoverRequest."""

    unique_identifier: UniqueIdentifier

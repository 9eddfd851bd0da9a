"""Activate, Deactivate, Revoke, Destroy, Obliterate, Archive, Recover: each writes a date."""

from __future__ import annotations

from keystead.engine.context import Context
from keystead.engine.handlers import handles
from keystead.engine.managed import Managed
from keystead.errors import OperationFailed
from keystead.kmip.attributes import ATTRIBUTES
from keystead.kmip.enums import DeactivationReasonCode, ObjectType, ResultReason, RevocationReasonCode, State
from keystead.kmip.payloads.lifecycle import (
    ActivateRequest,
    ActivateResponse,
    ArchiveRequest,
    ArchiveResponse,
    DeactivateRequest,
    DeactivateResponse,
    DestroyRequest,
    DestroyResponse,
    ObliterateRequest,
    ObliterateResponse,
    RecoverRequest,
    RecoverResponse,
    RevokeRequest,
    RevokeResponse,
)
from keystead.kmip.structures import DeactivationReason, RevocationReason
from keystead.kmip.tags import Tag
from keystead.policy.lifecycle import Event, check_transition, event_of


def _stateful(managed: Managed) -> Managed:
    if managed.object_type not in ATTRIBUTES[Tag.STATE].applies_to:
        raise OperationFailed(ResultReason.INVALID_OBJECT_TYPE, f"{managed.object_type} objects have no state")
    return managed


def _not_destroyed(managed: Managed) -> None:
    """There is nothing left that could be destroyed, archived or recovered (K40)."""
    if managed.destroyed:
        raise OperationFailed(ResultReason.OBJECT_DESTROYED, "the object is destroyed")


@handles(ActivateRequest, changes=True)
def activate(context: Context, request: ActivateRequest) -> ActivateResponse:
    """Write the Activation Date.  Source: KMIP 1.4 §4.19; 2.1 §6.1.1."""
    managed = _stateful(context.object(request.unique_identifier))
    check_transition(managed.state(context.now), Event.ACTIVATE)
    managed = managed.put(Tag.ACTIVATION_DATE, context.now)
    managed.dates.check(context.now)
    context.save(managed)
    return ActivateResponse(unique_identifier=managed.unique_identifier)


@handles(DeactivateRequest, changes=True)
def deactivate(context: Context, request: DeactivateRequest) -> DeactivateResponse:
    """Write the Deactivation Date, which may lie ahead.  Source: 3.0 CSD01 §6.1."""
    managed = _stateful(context.object(request.unique_identifier))
    check_transition(managed.state(context.now), Event.DEACTIVATE)
    date = max(request.deactivation_date or context.now, context.now)
    reason = request.deactivation_reason or DeactivationReason(
        deactivation_reason_code=DeactivationReasonCode.UNSPECIFIED
    )
    context.save(managed.update({Tag.DEACTIVATION_DATE: date, Tag.DEACTIVATION_REASON: reason}))
    return DeactivateResponse(unique_identifier=managed.unique_identifier)


@handles(RevokeRequest, changes=True)
def revoke(context: Context, request: RevokeRequest) -> RevokeResponse:
    """Write the Deactivation Date, or for a compromise the Compromise Date.  Source: KMIP 1.4 §4.20; 2.1 §6.1.44."""
    managed = _stateful(context.object(request.unique_identifier))
    reason = request.revocation_reason or RevocationReason(revocation_reason_code=RevocationReasonCode.UNSPECIFIED)
    event = event_of(reason.revocation_reason_code)
    state = managed.state(context.now)
    occurred = request.compromise_occurrence_date
    if event is Event.COMPROMISE:
        check_transition(state, event)
        if occurred is not None and occurred > context.now:
            raise OperationFailed(ResultReason.INVALID_FIELD, "the Compromise Occurrence Date lies in the future")
        managed = managed.update(
            {
                Tag.COMPROMISE_DATE: context.now,
                Tag.COMPROMISE_OCCURRENCE_DATE: occurred
                if occurred is not None
                else managed.get(Tag.INITIAL_DATE, context.now),
            }
        )
    else:
        if occurred is not None:
            raise OperationFailed(
                ResultReason.INVALID_FIELD, "a Compromise Occurrence Date goes with a compromise only"
            )
        if state is not State.DEACTIVATED:
            check_transition(state, event)
            managed = managed.put(Tag.DEACTIVATION_DATE, context.now)
    context.save(managed.put(Tag.REVOCATION_REASON, reason))
    return RevokeResponse(unique_identifier=managed.unique_identifier)


@handles(DestroyRequest, changes=True)
def destroy(context: Context, request: DestroyRequest) -> DestroyResponse:
    """Forget the material; the attributes stay, but of a template.  Source: KMIP 1.4 §4.21; 2.1 §6.1.15."""
    managed = context.object(request.unique_identifier)
    if managed.object_type in ATTRIBUTES[Tag.STATE].applies_to:
        check_transition(managed.state(context.now), Event.DESTROY)
    else:
        _not_destroyed(managed)
    if managed.object_type is ObjectType.TEMPLATE:
        context.forget(managed)
    else:
        context.shred(managed.put(Tag.DESTROY_DATE, context.now))
    return DestroyResponse(unique_identifier=managed.unique_identifier)


@handles(ObliterateRequest, changes=True)
def obliterate(context: Context, request: ObliterateRequest) -> ObliterateResponse:
    """Forget the object altogether.  Source: 3.0 CSD01 §6.1."""
    managed = context.object(request.unique_identifier)
    if not managed.destroyed and managed.object_type in ATTRIBUTES[Tag.STATE].applies_to:
        check_transition(managed.state(context.now), Event.DESTROY)
    context.forget(managed)
    return ObliterateResponse()


@handles(ArchiveRequest, changes=True)
def archive(context: Context, request: ArchiveRequest) -> ArchiveResponse:
    """Write the Archive Date; the object must be recovered before it is used.  Source: KMIP 1.4 §4.22; 2.1 §6.1.4."""
    managed = context.object(request.unique_identifier)
    _not_destroyed(managed)
    if managed.archived:
        raise OperationFailed(ResultReason.OBJECT_ARCHIVED, "the object is archived already")
    context.save(managed.put(Tag.ARCHIVE_DATE, context.now))
    return ArchiveResponse(unique_identifier=managed.unique_identifier)


@handles(RecoverRequest, changes=True)
def recover(context: Context, request: RecoverRequest) -> RecoverResponse:
    """Take the Archive Date away.  Source: KMIP 1.4 §4.23; 2.1 §6.1.42."""
    managed = context.object(request.unique_identifier)
    _not_destroyed(managed)
    if managed.archived:
        context.save(managed.put(Tag.ARCHIVE_DATE, None))
    context.placeholder = managed.unique_identifier
    return RecoverResponse(unique_identifier=managed.unique_identifier)

"""What may be done to an object in which state: K33 of the catalogue, and what older versions may not lose: K02."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from keystead.kmip import ttlv
from keystead.kmip.attributes import Attribute, VendorAttributeName
from keystead.kmip.enums import (
    Operation,
    ProtectionLevel,
    ResultReason,
    ResultStatus,
    RevocationReasonCode,
    State,
)
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.attributes import (
    AddAttributeRequest,
    DeleteAttributeRequest,
    GetAttributesRequest,
    ModifyAttributeRequest,
)
from keystead.kmip.payloads.lifecycle import (
    ActivateRequest,
    ArchiveRequest,
    DeactivateRequest,
    DestroyRequest,
    ObliterateRequest,
    RecoverRequest,
    RevokeRequest,
)
from keystead.kmip.payloads.rekey import ReKeyRequest
from keystead.kmip.reasons import for_version
from keystead.kmip.structures import Name, RevocationReason
from keystead.kmip.tags import Tag
from keystead.kmip.version import V1_0, V1_4, V2_0, V3_0, Version
from tests.engine.hostile import ACTIVATE, Way, changing, each_way, edited, events, last_event, refused, tagged
from tests.engine.keys import create
from tests.engine.test_use import reach
from tests.engine.world import World

R, S = ResultReason, State
WRONG, GONE = R.WRONG_KEY_LIFECYCLE_STATE, R.OBJECT_DESTROYED


def revocation(code: RevocationReasonCode) -> Callable[[str], Request]:
    reason = RevocationReason(revocation_reason_code=code)
    return lambda key: RevokeRequest(unique_identifier=key, revocation_reason=reason)


CHANGES: Final[Mapping[str, Callable[[str], Request]]] = {
    "activate": lambda key: ActivateRequest(unique_identifier=key),
    "deactivate": lambda key: DeactivateRequest(unique_identifier=key),
    "cease": revocation(RevocationReasonCode.CESSATION_OF_OPERATION),
    "compromise": revocation(RevocationReasonCode.KEY_COMPROMISE),
    "destroy": lambda key: DestroyRequest(unique_identifier=key),
    "obliterate": lambda key: ObliterateRequest(unique_identifier=key),
    "archive": lambda key: ArchiveRequest(unique_identifier=key),
    "recover": lambda key: RecoverRequest(unique_identifier=key),
    "re-key": lambda key: ReKeyRequest(unique_identifier=key),
}
PRE, ACTIVE, OFF, BAD, DEAD, BAD_DEAD = State
NOTHING = None
"""Nothing of the object is left."""
#                PRE     ACTIVE  OFF     BAD       DEAD      BAD_DEAD
OUTCOMES: Final[Mapping[str, tuple[State | ResultReason | None, ...]]] = {
    "activate":   (ACTIVE, WRONG,  WRONG,  WRONG,    GONE,     GONE),
    "deactivate": (WRONG,  OFF,    WRONG,  WRONG,    GONE,     GONE),
    "cease":      (WRONG,  OFF,    OFF,    WRONG,    GONE,     GONE),
    "compromise": (BAD,    BAD,    BAD,    WRONG,    BAD_DEAD, GONE),
    "destroy":    (DEAD,   WRONG,  DEAD,   BAD_DEAD, GONE,     GONE),
    "obliterate": (NOTHING, WRONG, NOTHING, NOTHING, NOTHING,  NOTHING),
    "archive":    (PRE,    ACTIVE, OFF,    BAD,      GONE,     GONE),
    "recover":    (PRE,    ACTIVE, OFF,    BAD,      GONE,     GONE),
    "re-key":     (PRE,    ACTIVE, OFF,    BAD,      GONE,     GONE),
}  # fmt: skip
"""The state that follows, or why not.  Source: KMIP 1.4 §3.22, figure 1; 2.1 §4.57; 3.0 CSD01 §6.1 for two of them."""


@pytest.mark.parametrize("version", [V1_0, V1_4, V2_0, V3_0], ids=str)
@pytest.mark.parametrize("change", CHANGES)
def test_k33_every_change_in_every_state(world: World, change: str, version: Version) -> None:
    for state, outcome in zip(State, OUTCOMES[change], strict=True):
        key = reach(world, state)
        request = CHANGES[change](key)
        if not request.OPERATION.since <= version:
            continue
        before = world.do(GetAttributesRequest(unique_identifier=key)).attributes
        item = world.ask(request, version=version)
        if isinstance(outcome, ResultReason):
            assert item.result_reason is for_version(outcome, version, request.OPERATION), state
            assert world.do(GetAttributesRequest(unique_identifier=key)).attributes == before
            continue
        assert item.result_status is ResultStatus.SUCCESS, (state, item.result_message)
        if outcome is NOTHING:
            assert world.refused(GetAttributesRequest(unique_identifier=key)) is R.OBJECT_NOT_FOUND
        else:
            assert world.do(GetAttributesRequest(unique_identifier=key)).attributes.get(Tag.STATE) is outcome


def test_k02_an_older_client_loses_nothing_that_it_cannot_say(world: World) -> None:
    """What it changes it changes; what its version has no word for stays."""
    key = create(
        world,
        name=Name(name_value="before"),
        sensitive=True,
        protection_level=ProtectionLevel.HIGH,
        contact_information="somebody",
        comment="a word of 1.4",
    )
    vendors = Attribute(VendorAttributeName("Example", "thing"), ttlv.Item(Tag.ATTRIBUTE_VALUE, ttlv.INTEGER, 7))
    world.do(AddAttributeRequest(unique_identifier=key, new_attribute=vendors))

    def told() -> dict[Any, Any]:
        found = world.do(GetAttributesRequest(unique_identifier=key), version=V3_0).attributes
        return {
            a.name: a.value for a in found if a.name not in (Tag.NAME, Tag.CONTACT_INFORMATION, Tag.LAST_CHANGE_DATE)
        }

    before = told()
    new = Attribute(Tag.NAME, Name(name_value="after"), 0)
    world.do(ModifyAttributeRequest(unique_identifier=key, new_attribute=new), version=V1_0)
    world.do(DeleteAttributeRequest(unique_identifier=key, attribute_reference=Tag.CONTACT_INFORMATION), version=V1_0)
    world.do(ArchiveRequest(unique_identifier=key), version=V1_0)
    world.do(RecoverRequest(unique_identifier=key), version=V1_0)
    assert told() == before
    assert {Tag.SENSITIVE, Tag.PROTECTION_LEVEL, Tag.COMMENT, vendors.name} <= before.keys()


@each_way
@pytest.mark.parametrize("number", [0, 0x1C, 0xFF, 0x7FFF, 0x80000001, 0xFFFFFFFF], ids=hex)
def test_k38_an_operation_that_there_is_not_is_not_supported(world: World, way: Way, number: int) -> None:
    """Whether it is unknown, a vendor's or, as Put, sent by servers only: whatever is in it."""
    message = edited(way.message(ACTIVATE), changing(tagged(Tag.OPERATION), value=number))
    before = last_event(world)
    item = refused(world, way, way.write(message), R.OPERATION_NOT_SUPPORTED)
    assert item.operation == number
    assert len(events(world, before)) == 1


LATER = [(version, operation) for version in Version for operation in Operation if operation.since > version]


@pytest.mark.parametrize(("version", "operation"), LATER, ids=[f"{v}-{o.name}" for v, o in LATER])
def test_k38_nor_is_one_that_the_version_does_not_have(world: World, version: Version, operation: Operation) -> None:
    """Also if what is in it could not be read in any version."""
    way = Way(version, "ttlv")
    message = edited(way.message(ACTIVATE), changing(tagged(Tag.OPERATION), value=int(operation)))
    refused(world, way, way.write(message), R.OPERATION_NOT_SUPPORTED)

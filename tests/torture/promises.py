"""What a client was promised of its objects, and how it asks for it.

Each client remembers, by every answer that it gets, what must be true from then on.  A request that had no answer when
the server died is in doubt: the events of the audit say whether it was done, and then its effect must be there, whole,
or else nothing of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keystead.kmip.enums import ObjectType, ResultReason, ResultStatus, RevocationReasonCode, State
from keystead.kmip.messages import ResponseBatchItem
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.attributes import DeleteAttributeRequest, GetAttributesRequest, SetAttributeRequest
from keystead.kmip.payloads.create import CreateKeyPairRequest, CreateRequest, RegisterRequest
from keystead.kmip.payloads.crypto import EncryptRequest
from keystead.kmip.payloads.get import GetRequest
from keystead.kmip.payloads.lifecycle import (
    ActivateRequest,
    ArchiveRequest,
    DestroyRequest,
    RecoverRequest,
    RevokeRequest,
)
from keystead.kmip.payloads.rekey import ReKeyKeyPairRequest, ReKeyRequest
from keystead.kmip.schema import dump
from keystead.kmip.tags import Tag
from keystead.kmip.version import V2_1
from tests.engine.world import payload
from tests.torture.drill import Report

LINKS = (Tag.PRIVATE_KEY_LINK, Tag.PUBLIC_KEY_LINK, Tag.REPLACEMENT_OBJECT_LINK, Tag.REPLACED_OBJECT_LINK)
_DESTROYED = (State.DESTROYED, State.DESTROYED_COMPROMISED)


@dataclass
class Promised:
    """An object as its owner knows it; what is None was not seen yet."""

    object_type: ObjectType
    state: State | None
    names: tuple[str, ...] = ()
    note: str = ""
    links: dict[Tag, str] = field(default_factory=dict)
    archived: bool = False
    limit: int | None = None
    left: int | None = None
    digest: bytes | None = None


@dataclass
class Promises:
    """All objects of one client.

    Attributes:
        touched: objects that were changed, or may have been, since they were last looked at.
    """

    objects: dict[str, Promised] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)

    def apply(self, request: Request, identifiers: Sequence[str]) -> None:
        """Remember what follows from a request that was done.

        Args:
            identifiers: those that its answer names.
        """
        effect = EFFECTS.get(type(request))
        if effect is not None:
            self.touched.update(identifiers)
            effect(self, request, identifiers)

    def doubt(self, request: Request) -> None:
        """Look again at what a request may have changed."""
        for name in ("unique_identifier", "private_key_unique_identifier"):
            found = self.objects.get(getattr(request, name, None) or "")
            if found is not None:
                self.touched.update((getattr(request, name), *found.links.values()))

    def questions(self, identifiers: Sequence[str]) -> list[Request]:
        """What to ask of each: two requests."""
        return [
            question
            for identifier in identifiers
            for question in (
                GetAttributesRequest(unique_identifier=identifier),
                GetRequest(unique_identifier=identifier),
            )
        ]

    def compare(self, identifiers: Sequence[str], answers: Sequence[ResponseBatchItem], report: Report) -> None:
        """Hold the answers to `questions` against what was promised."""
        for number, identifier in enumerate(identifiers):
            if len(answers) < 2 * number + 2:
                report.check(False, f"no more answers than {len(answers)}, and nothing is told of {identifier}")
                return
            attributes, got = answers[2 * number : 2 * number + 2]
            self._compare(identifier, self.objects[identifier], attributes, got, report)
        self.touched.difference_update(identifiers)

    def _compare(
        self, identifier: str, known: Promised, told: ResponseBatchItem, got: ResponseBatchItem, report: Report
    ) -> None:
        if told.result_status is not ResultStatus.SUCCESS:
            report.check(False, f"{identifier} is gone: {told.result_message}")
            return
        found: dict[Any, list[Any]] = {}
        for attribute in payload(told).attributes:
            found.setdefault(attribute.name, []).append(attribute.value)
        state = found[Tag.STATE][0]
        known.state = known.state or state
        limits = found.get(Tag.USAGE_LIMITS, [None])[0]
        what = {
            "state": (known.state, state),
            "note": (known.note, "".join(found.get(Tag.CONTACT_INFORMATION, ()))),
            "names": (sorted(known.names), sorted(name.name_value for name in found.get(Tag.NAME, ()))),
            "links": (known.links, {tag: str(found[tag][0]) for tag in LINKS if tag in found}),
            "archived": (known.archived, Tag.ARCHIVE_DATE in found),
            "usage left": (known.left, None if limits is None else limits.usage_limits_count),
        }
        for name, (promised, is_now) in what.items():
            report.check(promised == is_now, f"{name} of {identifier}: promised {promised!r}, found {is_now!r}")
        self._compare_material(identifier, known, got, report)

    @staticmethod
    def _compare_material(identifier: str, known: Promised, got: ResponseBatchItem, report: Report) -> None:
        if known.state in _DESTROYED or known.archived:
            wanted = ResultReason.OBJECT_DESTROYED if known.state in _DESTROYED else ResultReason.OBJECT_ARCHIVED
            report.check(got.result_reason is wanted, f"Get of {identifier}: {got.result_reason}, not {wanted}")
        elif got.result_status is not ResultStatus.SUCCESS:
            report.check(False, f"the material of {identifier} is gone: {got.result_message}")
        else:
            digest = digest_of(payload(got).object)
            known.digest = known.digest or digest
            report.check(known.digest == digest, f"the material of {identifier} is another")


def digest_of(secret: Any) -> bytes:
    """What stands for a key."""
    material = secret.key_block.key_value.key_material
    return hashlib.sha256(material if isinstance(material, bytes) else dump(material, V2_1)).digest()


def answered(request: Request, payload: Any) -> tuple[str, ...]:
    """The identifiers that an answer names, as the effects want them."""
    names = _PAIR_NAMES if type(request) in _PAIRS else ("unique_identifier",)
    return tuple(found for name in names if isinstance(found := getattr(payload, name, None), str))


def recorded(request: Request, subjects: Sequence[str]) -> tuple[str, ...]:
    """The same by the event of a request."""
    return tuple(subjects[-2:] if type(request) in _PAIRS else subjects[-1:])


_PAIRS = (CreateKeyPairRequest, ReKeyKeyPairRequest)
_PAIR_NAMES = ("private_key_unique_identifier", "public_key_unique_identifier")


# --- effects ---


def _made(request: Any) -> Promised:
    asked = request.attributes or request.common_attributes
    limits = asked.get(Tag.USAGE_LIMITS)
    name = asked.get(Tag.NAME)
    return Promised(
        ObjectType.SYMMETRIC_KEY,
        State.ACTIVE if asked.get(Tag.ACTIVATION_DATE) is not None else State.PRE_ACTIVE,
        names=() if name is None else (name.name_value,),
        note=asked.get(Tag.CONTACT_INFORMATION) or "",
        limit=None if limits is None else limits.usage_limits_total,
        left=None if limits is None else limits.usage_limits_total,
    )


def _create(promises: Promises, request: Any, identifiers: Sequence[str]) -> None:
    promises.objects[identifiers[0]] = _made(request)


def _register(promises: Promises, request: Any, identifiers: Sequence[str]) -> None:
    made = _made(request)
    made.object_type, made.digest = request.object_type, digest_of(request.object)
    promises.objects[identifiers[0]] = made


def _create_pair(promises: Promises, request: CreateKeyPairRequest, identifiers: Sequence[str]) -> None:
    common = request.common_attributes
    assert common is not None
    state = State.ACTIVE if common.get(Tag.ACTIVATION_DATE) is not None else State.PRE_ACTIVE
    private, public = identifiers
    promises.objects[private] = Promised(ObjectType.PRIVATE_KEY, state, links={Tag.PUBLIC_KEY_LINK: public})
    promises.objects[public] = Promised(ObjectType.PUBLIC_KEY, state, links={Tag.PRIVATE_KEY_LINK: private})


def _replace(promises: Promises, old: str, new: str) -> None:
    before = promises.objects[old]
    promises.objects[new] = Promised(
        before.object_type, None, before.names, before.note, {Tag.REPLACED_OBJECT_LINK: old},
        limit=before.limit, left=before.limit,
    )  # fmt: skip
    before.names = ()
    before.links[Tag.REPLACEMENT_OBJECT_LINK] = new
    promises.touched.add(old)


def _re_key(promises: Promises, request: ReKeyRequest, identifiers: Sequence[str]) -> None:
    _replace(promises, str(request.unique_identifier), identifiers[0])


def _re_key_pair(promises: Promises, request: ReKeyKeyPairRequest, identifiers: Sequence[str]) -> None:
    private = str(request.private_key_unique_identifier)
    public = promises.objects[private].links[Tag.PUBLIC_KEY_LINK]
    for old, new, tag, other in (
        (private, identifiers[0], Tag.PUBLIC_KEY_LINK, identifiers[1]),
        (public, identifiers[1], Tag.PRIVATE_KEY_LINK, identifiers[0]),
    ):
        _replace(promises, old, new)
        promises.objects[new].links[tag] = other


def _activate(promises: Promises, request: ActivateRequest, identifiers: Sequence[str]) -> None:
    promises.objects[identifiers[0]].state = State.ACTIVE


def _revoke(promises: Promises, request: RevokeRequest, identifiers: Sequence[str]) -> None:
    found = promises.objects[identifiers[0]]
    assert request.revocation_reason is not None
    if request.revocation_reason.revocation_reason_code is RevocationReasonCode.KEY_COMPROMISE:
        found.state = State.DESTROYED_COMPROMISED if found.state in _DESTROYED else State.COMPROMISED
    elif found.state is State.ACTIVE:
        found.state = State.DEACTIVATED


def _destroy(promises: Promises, request: DestroyRequest, identifiers: Sequence[str]) -> None:
    found = promises.objects[identifiers[0]]
    found.state = State.DESTROYED_COMPROMISED if found.state is State.COMPROMISED else State.DESTROYED


def _archive(promises: Promises, request: ArchiveRequest, identifiers: Sequence[str]) -> None:
    promises.objects[identifiers[0]].archived = True


def _recover(promises: Promises, request: RecoverRequest, identifiers: Sequence[str]) -> None:
    promises.objects[identifiers[0]].archived = False


def _set(promises: Promises, request: SetAttributeRequest, identifiers: Sequence[str]) -> None:
    promises.objects[identifiers[0]].note = request.new_attribute.value


def _delete(promises: Promises, request: DeleteAttributeRequest, identifiers: Sequence[str]) -> None:
    promises.objects[identifiers[0]].note = ""


def _use(promises: Promises, request: EncryptRequest, identifiers: Sequence[str]) -> None:
    found = promises.objects[identifiers[0]]
    if found.left is not None:
        found.left -= 1


EFFECTS: Mapping[type[Request], Callable[[Promises, Any, Sequence[str]], None]] = {
    CreateRequest: _create,
    RegisterRequest: _register,
    CreateKeyPairRequest: _create_pair,
    ReKeyRequest: _re_key,
    ReKeyKeyPairRequest: _re_key_pair,
    ActivateRequest: _activate,
    RevokeRequest: _revoke,
    DestroyRequest: _destroy,
    ArchiveRequest: _archive,
    RecoverRequest: _recover,
    SetAttributeRequest: _set,
    DeleteAttributeRequest: _delete,
    EncryptRequest: _use,
}
"""What follows from a request that was done; one that is not here changes nothing."""

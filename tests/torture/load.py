"""Clients that create, change and destroy keys, and remember what they were told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from keystead.audit.log import Event
from keystead.engine.engine import OUT_OF_SERVICE
from keystead.engine.locate import MOST_LOCATED
from keystead.kmip.attributes import Attribute
from keystead.kmip.connection import Connection
from keystead.kmip.enums import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    RecommendedCurve,
    ResultReason,
    ResultStatus,
    RevocationReasonCode,
    State,
    StorageStatusMask,
    UsageLimitsUnit,
)
from keystead.kmip.messages import ResponseBatchItem, load_response
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.attributes import DeleteAttributeRequest, SetAttributeRequest
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
from keystead.kmip.payloads.locate import LocateRequest
from keystead.kmip.payloads.rekey import ReKeyKeyPairRequest, ReKeyRequest
from keystead.kmip.structures import (
    CryptographicDomainParameters,
    CryptographicParameters,
    Name,
    RevocationReason,
    UsageLimits,
)
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import MAXIMUM_RESPONSE_BYTES
from keystead.policy.access import Caller
from tests.engine.keys import attributes, symmetric
from tests.engine.world import request_message
from tests.torture.drill import Report
from tests.torture.promises import Promises, answered, recorded

MOST_OBJECTS = 800
"""Fewer than one Locate gives."""
_M = CryptographicUsageMask
_UNDO, _CONTINUE = BatchErrorContinuationOption.UNDO, BatchErrorContinuationOption.CONTINUE
_TITLES = {status: status.title for status in ResultStatus}


@dataclass(frozen=True)
class Asked:
    """A message that was sent."""

    requests: tuple[Request, ...]
    option: BatchErrorContinuationOption | None = None

    @property
    def message(self) -> bytes:
        return request_message(*self.requests, batch_error_continuation_option=self.option)


def out_of_service(items: Sequence[ResponseBatchItem]) -> bool:
    """Whether a message was refused as a whole because the server could keep no record of it."""
    return _failed_whole(items) and items[0].result_message == OUT_OF_SERVICE.message


def _failed_whole(items: Sequence[ResponseBatchItem]) -> bool:
    return items[0].result_reason is ResultReason.GENERAL_FAILURE and items[0].operation is None


Outcome = tuple[str, str, tuple[str, ...]]
"""Of an event or a batch item: operation, status, identifiers that the answer names."""


@dataclass
class Client:
    """One client and its connection.

    Attributes:
        waiting: messages that have no answer yet, in their order.
        acknowledged: outcomes that the client was told and that no event was seen of yet.
        events: events of it that were not matched yet.
        done: how many messages were answered.
    """

    caller: Caller
    random: Random
    report: Report
    promises: Promises = field(default_factory=Promises)
    waiting: deque[Asked] = field(default_factory=deque)
    acknowledged: deque[Outcome] = field(default_factory=deque)
    events: deque[Event] = field(default_factory=deque)
    framer: Connection = field(default_factory=lambda: Connection(MAXIMUM_RESPONSE_BYTES, requests=False))
    done: int = 0
    _names: int = 0

    # --- what it sends ---

    def ask(self) -> bytes:
        """Think of something to do."""
        asked = self.random.choices(_DO, _WEIGHTS)[0](self)
        return self.send(asked)

    def send(self, asked: Asked) -> bytes:
        self.waiting.append(asked)
        return asked.message

    def name(self) -> str:
        self._names += 1
        return f"{self.caller.name}-{self._names}"

    def pick(self, *wanted: ObjectType) -> str:
        """One of its objects, mostly one that was not destroyed; "" if there is none."""
        good = [
            identifier
            for identifier, known in self.promises.objects.items()
            if (not wanted or known.object_type in wanted)
            and (known.state is not State.DESTROYED or self.random.random() < 0.05)
        ]
        return self.random.choice(good) if good else ""

    # --- what it is told ---

    def receive(self, data: bytes) -> None:
        """Take answers."""
        for answer in self.framer.receive(data):
            self.told(load_response(answer)[0].batch_item)

    def told(self, items: Sequence[ResponseBatchItem]) -> tuple[Asked, Sequence[ResponseBatchItem]]:
        """Remember an answer."""
        asked = self.waiting.popleft()
        self.done += 1
        if out_of_service(items):
            self.report.counts["refused, out of service"] += 1
            return asked, items
        if _failed_whole(items):  # for a lack of memory: nothing was done, and an event says so
            self.report.counts["refused, internal error"] += 1
            self.acknowledged.append(("", _TITLES[ResultStatus.OPERATION_FAILED], ()))
            return asked, items
        undone = any(item.result_status is ResultStatus.OPERATION_UNDONE for item in items)
        outcomes: list[Outcome] = []
        for request, item in zip(asked.requests, items, strict=False):
            status = ResultStatus.SUCCESS if item.result_status is ResultStatus.OPERATION_UNDONE else item.result_status
            named = answered(request, item.response_payload) if item.response_payload is not None else ()
            outcomes.append((request.OPERATION.title, _TITLES[status], named))
            if status is ResultStatus.SUCCESS and not undone:
                try:
                    self.promises.apply(request, named)
                except KeyError:
                    self.report.check(False, f"{request.OPERATION} succeeds with {named}, which was not there")
        if undone:
            again = ResultStatus.OPERATION_UNDONE.title
            outcomes += [(operation, again, ()) for operation, _, _ in outcomes[:-1]]
        self.acknowledged.extend(outcomes)
        return asked, items

    # --- after the server died ---

    def recover(self) -> int:
        """Settle by the events what was in doubt; how many messages turned out to be done.

        All events until now are in `events`.
        """
        self.framer = Connection(MAXIMUM_RESPONSE_BYTES, requests=False)
        self.match()
        self.report.check(not self.acknowledged, f"acknowledged, and no event of it: {list(self.acknowledged)[:3]}")
        self.acknowledged.clear()
        done = 0
        while self.waiting and self.events:
            self._settle(self.waiting.popleft())
            done += 1
        self.report.check(not self.events, f"events of what nobody asked: {list(self.events)[:3]}")
        self.events.clear()
        for asked in self.waiting:
            for request in asked.requests:
                self.promises.doubt(request)
        self.waiting.clear()
        return done

    def _settle(self, asked: Asked) -> None:
        """A message that was done, and whose answer did not arrive."""
        if self.events[0].operation == "":  # it was refused as a whole
            self.events.popleft()
            return
        found: list[Event] = []
        for request in asked.requests:
            event = self.events.popleft() if self.events else None
            self.report.check(
                event is not None and event.operation == request.OPERATION.title,
                f"a batch is in the audit in part: {asked}, {found}",
            )
            if event is None:
                return
            found.append(event)
            if event.status != _TITLES[ResultStatus.SUCCESS] and asked.option is not _CONTINUE:
                break
        if asked.option is _UNDO and found[-1].status != _TITLES[ResultStatus.SUCCESS]:
            for event in found[:-1]:
                again = self.events.popleft() if self.events else None
                self.report.check(
                    again is not None
                    and (again.operation, again.status) == (event.operation, ResultStatus.OPERATION_UNDONE.title),
                    f"what was undone is not in the audit: {asked}",
                )
            return
        for request, event in zip(asked.requests, found, strict=False):
            if event.status == _TITLES[ResultStatus.SUCCESS]:
                self.promises.apply(request, recorded(request, event.unique_identifiers))

    def match(self) -> None:
        """Strike out events and acknowledgements that belong to each other."""
        while self.acknowledged and self.events:
            operation, status, named = self.acknowledged.popleft()
            event = self.events.popleft()
            self.report.check(
                (event.operation, event.status) == (operation, status)
                and (not named or set(named) <= set(event.unique_identifiers)),
                f"acknowledged {operation} {status} {named}, the event says {event}",
            )
            self.report.counts["events matched"] += 1


# --- what there is to do ---


def _attributes(client: Client, **more: object) -> dict[str, object]:
    asked: dict[str, object] = {
        "cryptographic_algorithm": CryptographicAlgorithm.AES,
        "cryptographic_length": client.random.choice((128, 256)),
        "cryptographic_usage_mask": _M.ENCRYPT | _M.DECRYPT,
        **more,
    }
    if client.random.random() < 0.6:
        asked["activation_date"] = 1
    if client.random.random() < 0.5:
        asked["name"] = Name(name_value=client.name())
    if client.random.random() < 0.5:
        asked["contact_information"] = _note(client)
    return asked


def _note(client: Client) -> str:
    return f"{client.random.getrandbits(64):x}" * client.random.choice((1, 1, 1, 100, 1000))


def _create_request(client: Client) -> Request:
    if len(client.promises.objects) > MOST_OBJECTS:
        return DestroyRequest(unique_identifier=client.pick())
    asked = _attributes(client)
    if client.random.random() < 0.2:
        asked["usage_limits"] = UsageLimits(
            usage_limits_total=1000, usage_limits_count=1000, usage_limits_unit=UsageLimitsUnit.OBJECT
        )
    return CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes(**asked))


def _create(client: Client) -> Asked:
    return Asked((_create_request(client),))


def _register(client: Client) -> Asked:
    key = client.random.randbytes(32)
    asked = _attributes(client, cryptographic_length=256)
    return Asked(
        (RegisterRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes(**asked), object=symmetric(key)),)
    )


def _create_pair(client: Client) -> Asked:
    asked = attributes(
        cryptographic_algorithm=CryptographicAlgorithm.EC,
        cryptographic_domain_parameters=CryptographicDomainParameters(recommended_curve=RecommendedCurve.P_256),
        activation_date=1,
    )
    return Asked(
        (
            CreateKeyPairRequest(
                common_attributes=asked,
                private_key_attributes=attributes(cryptographic_usage_mask=_M.SIGN),
                public_key_attributes=attributes(cryptographic_usage_mask=_M.VERIFY),
            ),
        )
    )


def _activate(client: Client) -> Asked:
    return Asked((ActivateRequest(unique_identifier=client.pick()),))


def _revoke(client: Client) -> Asked:
    code = client.random.choice((RevocationReasonCode.KEY_COMPROMISE, RevocationReasonCode.CESSATION_OF_OPERATION))
    reason = RevocationReason(revocation_reason_code=code)
    return Asked((RevokeRequest(unique_identifier=client.pick(), revocation_reason=reason),))


def _destroy(client: Client) -> Asked:
    return Asked((DestroyRequest(unique_identifier=client.pick()),))


def _archive(client: Client) -> Asked:
    identifier = client.pick()
    known = client.promises.objects.get(identifier)
    cls = RecoverRequest if known is not None and known.archived else ArchiveRequest
    return Asked((cls(unique_identifier=identifier),))


def _set_request(client: Client, identifier: str) -> Request:
    return SetAttributeRequest(
        unique_identifier=identifier, new_attribute=Attribute(Tag.CONTACT_INFORMATION, _note(client))
    )


def _set(client: Client) -> Asked:
    return Asked((_set_request(client, client.pick()),))


def _delete(client: Client) -> Asked:
    return Asked(
        (DeleteAttributeRequest(unique_identifier=client.pick(), attribute_reference=Tag.CONTACT_INFORMATION),)
    )


def _re_key(client: Client) -> Asked:
    return Asked((ReKeyRequest(unique_identifier=client.pick(ObjectType.SYMMETRIC_KEY)),))


def _re_key_pair(client: Client) -> Asked:
    return Asked((ReKeyKeyPairRequest(private_key_unique_identifier=client.pick(ObjectType.PRIVATE_KEY)),))


def _encrypt(client: Client) -> Asked:
    """Uses the key up, if it is limited."""
    ecb = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
    limited = [name for name, known in client.promises.objects.items() if known.left]
    identifier = client.random.choice(limited) if limited else client.pick(ObjectType.SYMMETRIC_KEY)
    return Asked((EncryptRequest(unique_identifier=identifier, cryptographic_parameters=ecb, data=bytes(32)),))


def _read(client: Client) -> Asked:
    return Asked((GetRequest(unique_identifier=client.pick()), LocateRequest(maximum_items=5)))


def _several(client: Client) -> Asked:
    """What is done is done, whatever becomes of the rest."""
    requests = [_create_request(client), ActivateRequest(), _set_request(client, client.pick())]
    return Asked((*requests, *_destroy(client).requests), _CONTINUE)


def _undone(client: Client) -> Asked:
    """All of it, or nothing: the last request fails every other time."""
    last = client.pick() if client.random.random() < 0.5 else "nobody-has-this-name"
    requests = [_create_request(client), _set_request(client, client.pick()), *_create_pair(client).requests]
    return Asked((*requests, _set_request(client, last)), _UNDO)


_ACTIONS: dict[Callable[[Client], Asked], int] = {
    _create: 6,
    _register: 4,
    _create_pair: 4,
    _activate: 3,
    _revoke: 2,
    _destroy: 3,
    _archive: 2,
    _set: 5,
    _delete: 2,
    _re_key: 4,
    _re_key_pair: 3,
    _encrypt: 3,
    _read: 1,
    _several: 3,
    _undone: 3,
}
_DO, _WEIGHTS = list(_ACTIONS), list(_ACTIONS.values())

EVERYTHING = LocateRequest(
    maximum_items=MOST_LOCATED,
    storage_status_mask=StorageStatusMask.ON_LINE_STORAGE
    | StorageStatusMask.ARCHIVAL_STORAGE
    | StorageStatusMask.DESTROYED_STORAGE,
)
"""Finds all that a client has."""

"""One request's view of the world: who asks, when, in which version, within which transaction.

A handler reaches objects through five verbs and no other way:

object      find an object and authorise the operation on it
find        search for objects (Locate)
add         keep a new object
save        keep a changed object
material    unwrap the secret of an object
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from keystead.custody.zones import Kind, Vault
from keystead.engine import identities, outputs
from keystead.engine.ledger import OBJECT_PARTS, part_of
from keystead.engine.managed import Managed, filed_as, gather, index_of, names_of
from keystead.engine.records import close_record, open_record, size_of
from keystead.errors import CustodyError, OperationFailed, TamperError
from keystead.kmip.enums import (
    CryptographicUsageMask,
    ObjectClass,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
    UniqueIdentifierEnumeration,
)
from keystead.kmip.identifiers import NameReference
from keystead.kmip.messages import ResponseBatchItem
from keystead.kmip.objects import OBJECTS, ManagedObject
from keystead.kmip.payloads import Response
from keystead.kmip.schema import dump, load
from keystead.kmip.tags import Tag
from keystead.kmip.version import NEWEST, V2_0, Version
from keystead.policy.access import Caller, Grant, permitted
from keystead.store import Criteria, NameTaken, Transaction

if TYPE_CHECKING:
    from keystead.engine.engine import Engine
    from keystead.engine.streams import Stream
    from keystead.engine.tickets import Delegation
    from keystead.engine.waiting import Submission

log = logging.getLogger("keystead.engine")

M = TypeVar("M", bound=ManagedObject)

MOST_LOOKED_AT: Final = 1000
"""Where an index alone does not decide.  They are opened in the turn, for which all clients wait."""
FEW: Final = 4
"""Whoever finds so few uses them: each is looked at.  Long lists are left to the sweep (`integrity`)."""

_KINDS: Final[Mapping[ObjectType, Kind]] = {
    ObjectType.PRIVATE_KEY: Kind.PRIVATE,
    ObjectType.SECRET_DATA: Kind.SECRET,
    ObjectType.OPAQUE_OBJECT: Kind.SECRET,
    ObjectType.PGP_KEY: Kind.PRIVATE,
    ObjectType.SPLIT_KEY: Kind.SECRET,
    ObjectType.PASSWORD_CREDENTIAL: Kind.SECRET,
    ObjectType.DEVICE_CREDENTIAL: Kind.SECRET,
    ObjectType.ONE_TIME_PASSWORD_CREDENTIAL: Kind.SECRET,
    ObjectType.HASHED_PASSWORD_CREDENTIAL: Kind.SECRET,
}
_SYSTEM_OBJECTS: Final = "system-objects"
_LETS_IN: Final = frozenset({ObjectType.USER, ObjectType.CERTIFICATE})
"""What lets somebody in by a certificate: whoever is connected is looked up anew when one of them changes."""
_O = Operation
_ON_LINE: Final = frozenset(
    {
        _O.ADD_ATTRIBUTE, _O.MODIFY_ATTRIBUTE, _O.DELETE_ATTRIBUTE, _O.SET_ATTRIBUTE, _O.ADJUST_ATTRIBUTE, _O.CHECK,
        _O.OBTAIN_LEASE, _O.GET_USAGE_ALLOCATION, _O.ACTIVATE, _O.DEACTIVATE, _O.REVOKE, _O.DESTROY,
    }
)  # fmt: skip
"""What an archived object must be recovered for; Get and uses find out by themselves.  Source: KMIP 1.4 chapter 11."""
_HALVES: Final = (" Private Key", " Public Key")
Result = tuple[Operation, tuple[str, ...]]
_WRAPPING: Final = CryptographicUsageMask.WRAP_KEY | CryptographicUsageMask.UNWRAP_KEY


def kind_of(object_type: ObjectType, usage_mask: CryptographicUsageMask) -> Kind:
    """The kind of zone that an object belongs to: keys that wrap keys lie apart from those that encrypt data."""
    if object_type in _KINDS:
        return _KINDS[object_type]
    return Kind.KEY_ENCRYPTION if usage_mask & _WRAPPING else Kind.DATA_ENCRYPTION


_ALIKE: Final = 0x8000
"""In front of a sealed object: every version writes it as it is."""


def _sealable(secret: ManagedObject, version: Version) -> bytes:
    """An object as it is sealed: the version in which it is written, then its item."""
    item = dump(secret, version)
    tag = type(secret).TAG
    alike = tag is not None and all(
        v is version or (tag.since <= v <= tag.until and dump(secret, v) == item)
        for v in (Version.V1_0, Version.V1_4, Version.V2_1, Version.V3_0)
    )
    return (int(version) | (_ALIKE if alike else 0)).to_bytes(2, "big") + item


_ALL_PARTS: Final = (1 << OBJECT_PARTS) - 1


_NAMES: Final = ("unique_identifier", "private_key_unique_identifier", "public_key_unique_identifier")


def named(payload: Response | None) -> tuple[str, ...]:
    """The unique identifiers in an answer, in their order."""
    found: list[str] = []
    for field in _NAMES:
        value = getattr(payload, field, None) or ()
        found += (value,) if isinstance(value, str) else value
    return tuple(found)


class Identifiers:
    """Makes UUIDs of version 7: ordered by time, so that inserts are cheap and newest-first needs no sorting.

    Source: RFC 9562 section 5.7, with the counter of its section 6.2 method 1.
    """

    def __init__(self) -> None:
        self._last = 0
        self.quarantine = 0

    def new(self) -> str:
        """An identifier that was never given before, and is in no part of the store that is in quarantine."""
        while True:
            found = self._next()
            if not self.quarantine >> part_of(found) & 1 or self.quarantine & _ALL_PARTS == _ALL_PARTS:
                return found

    def _next(self) -> str:
        stamp = max(int(time.time() * 1000) << 12, self._last + 1)
        self._last = stamp
        value = (stamp >> 12) << 80 | 7 << 76 | (stamp & 0xFFF) << 64 | 2 << 62 | secrets.randbits(62)
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Turn:
    """One transaction, in which all messages that arrived together are answered.

    Attributes:
        now: the time of all of them, POSIX seconds.
        changed: what they changed, by unique identifier; None where an object is gone.
        originals: what that was before; None where it was not there.
        cache: objects that were read before and are still as they were; `large`, those that it does not keep.
        sizes: how much the store keeps of what was changed, in bytes.
        prepared: results of slow work that was done before the transaction began, by what was asked for.
        weight: of the slow work that the message at hand has asked for so far.
        said: what the header of the next answer says besides the usual.
        rules: defaults and constraints that were looked up, by domain and scope; None once any was set.
        rehearsal: whether nothing is to be done but to find out which slow work there is.
        streams: operations in parts that were begun or went on, by Correlation Value; None where one is over.
        touched: their Correlation Values, a stream as often as it had a part.
    """

    def __init__(self, engine: Engine, transaction: Transaction, now_us: int) -> None:
        self.engine = engine
        self.transaction = transaction
        self.now_us = now_us
        self.now = now_us // 1_000_000
        self.changed: dict[str, Managed | None] = {}
        self.originals: dict[str, Managed | None] = {}
        self.forgotten: dict[str, int] = {}
        self.events: list[bytes] = []
        self.headers: dict[tuple[Version, int], bytes] = {}
        self.cache = engine.cache
        self.large: dict[str, Managed] = {}
        self.sizes: dict[str, int] = {}
        self.prepared: dict[Any, list[Any]] = {}
        self.weight = 0
        self.said: Mapping[str, Any] = {}
        self.rules: dict[tuple[str, str], dict[str, Any]] | None = {}
        self.rehearsal = False
        self.streams: dict[bytes, Stream | None] = {}
        self.touched: list[bytes] = []

    def end_streams(self, since: int) -> None:
        """End the streams that were touched since so many were."""
        self.streams |= dict.fromkeys(self.touched[since:])

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo everything within if it raises; streams cannot be taken back, and are over."""
        before, touched = dict(self.changed), len(self.touched)
        try:
            with self.transaction.savepoint():
                yield
        except BaseException:
            self.changed = before
            self.end_streams(touched)
            raise

    def fetch(self, unique_identifier: str) -> Managed | None:
        """The object as this turn sees it, or None."""
        if unique_identifier in self.changed:
            return self.changed[unique_identifier]
        found = self.cache.get(unique_identifier) or self.large.get(unique_identifier)
        if found is None:
            record = self.transaction.get(unique_identifier)
            if record is None:
                return None
            found = open_record(self.engine.vault, record)
            if not self.cache.keep(found, size_of(record)):
                self.large[unique_identifier] = found
        return found

    def opens(self, unique_identifier: str) -> bool:
        """Whether there is an object whose secret can be opened."""
        try:
            managed = self.fetch(unique_identifier)
            if managed is None or managed.envelope is None:
                return False
            opened(self.engine.vault, managed)
        except (TamperError, CustodyError):
            return False
        return True

    def change(self, unique_identifier: str, managed: Managed | None, size: int = 0) -> None:
        """Note what an object was before this turn, and what it is now, of so many bytes."""
        if unique_identifier not in self.originals:
            before = self.cache.get(unique_identifier) or self.large.get(unique_identifier)
            self.originals[unique_identifier] = before
        self.changed[unique_identifier] = managed
        self.sizes[unique_identifier] = size


def opened(vault: Vault, managed: Managed) -> bytes:
    """What was sealed as the secret of an object.  Raises: TamperError, CustodyError."""
    envelope = managed.envelope
    assert envelope is not None
    return vault.open(managed.domain, envelope[0], managed.unique_identifier, managed.owner, 1, envelope[1:])


def _page(found: list[str], criteria: Criteria) -> tuple[list[str], int]:
    """The part of a whole list that is asked for, and its length."""
    last = None if criteria.maximum_items is None else criteria.offset_items + criteria.maximum_items
    return found[criteria.offset_items : last], len(found)


class Context:
    """What one message carries from batch item to batch item; its state lives and dies here.

    Attributes:
        operation: of the batch item at hand.
        placeholder: the ID Placeholder.
        results: the unique identifiers in the answers to the batch items before, with their operations.
        outputs: the Data in these answers.
        subjects: the objects that the batch item at hand touched, for the audit.
        on_wire: the answer is written at once, so it may be given written already.
        note: what the batch item at hand wants to be remembered, for the audit.
        delegation: what a ticket permits; None where nothing narrows what the caller may do.
        refusal: why nothing of the message is done.
        submission: what the message says of being answered later; None where nothing is to be.
    """

    __slots__ = (
        "caller",
        "delegation",
        "engine",
        "note",
        "now",
        "on_wire",
        "operation",
        "outputs",
        "placeholder",
        "refusal",
        "results",
        "subjects",
        "submission",
        "transaction",
        "turn",
        "version",
    )  # fmt: skip

    def __init__(self, turn: Turn, caller: Caller, version: Version) -> None:
        self.turn = turn
        self.engine = turn.engine
        self.transaction = turn.transaction
        self.now = turn.now
        self.caller = caller
        self.version = version
        self.operation = Operation.QUERY
        self.placeholder: str | None = None
        self.results: list[Result] = []
        self.outputs: list[outputs.Output] = []
        self.subjects: list[str] = []
        self.note = ""
        self.on_wire = False
        self.delegation: Delegation | None = None
        self.refusal: OperationFailed | None = None
        self.submission: Submission | None = None

    # --- the five verbs ---

    def object(self, unique_identifier: str | int | None, operation: Operation | None = None) -> Managed:
        """Find an object and authorise the operation at hand (or another) on it.

        Raises:
            OperationFailed: Object Not Found, as well for an object that the caller may not see; Permission Denied for
                one that it may see; Object Archived.
        """
        name = self.resolve(unique_identifier)
        found = self._visible(name, operation)
        if self.delegation is not None:
            self.delegation.cover(name, found)
        if found is None:
            raise self.absent()
        self.subjects.append(found.unique_identifier)
        if found.archived and (operation or self.operation) in _ON_LINE:
            raise OperationFailed(ResultReason.OBJECT_ARCHIVED, "the object is archived; Recover it first")
        return found

    def _visible(self, name: str, operation: Operation | None) -> Managed | None:
        """An object that the caller may do an operation on; None if it is not there or the caller may not see it."""
        found = self.turn.fetch(name)
        caller = self.caller
        if found is None:
            return None
        if not (caller.identity and caller.identity == found.owner and caller.domain == found.domain):
            grants = [
                Grant(grantee, frozenset(map(Operation, operations)))
                for grantee, operations in self.transaction.grants(found.unique_identifier, found.owner, found.domain)
            ]
            if not permitted(caller, found.owner, found.domain, operation or self.operation, grants):
                names = (caller.identity, *caller.groups)
                if caller.domain == found.domain and any(grant.grantee in names for grant in grants):
                    raise OperationFailed(
                        ResultReason.PERMISSION_DENIED,
                        f"you were not granted {operation or self.operation} on this object",
                    )
                return None
        return found

    def find(self, criteria: Criteria, holds: Callable[[Managed], bool] | None = None) -> tuple[list[str], int]:
        """Search among the objects that the caller may see; (unique identifiers, newest first; how many match).

        Args:
            holds: what has to be seen at the objects themselves.

        Raises:
            OperationFailed: Server Limit Exceeded; too many would have to be looked at.
        """
        if holds is not None:
            return self._find_by_looking(criteria, holds)
        if self.delegation is not None and self.delegation.narrow:
            return self._find_narrowly(criteria, self.delegation)
        located = self.transaction.locate(criteria)
        found = list(located.identifiers)
        if len(found) <= FEW and (criteria.names or criteria.equal):
            found = [name for name in found if self._meets(name, criteria)]
        return found, located.total - len(located.identifiers) + len(found)

    def _meets(self, name: str, criteria: Criteria) -> bool:
        """Whether an object is what was searched for: what is searched is not sealed, what it was made from is."""
        try:
            managed = self.turn.fetch(name)
        except TamperError:
            return True  # whoever uses it is told
        blind, wanted = self.engine.vault.blind, {number for number, _ in criteria.equal}
        names = set() if managed is None else set(names_of(managed))
        if managed is not None and not any(names.isdisjoint(some) for some in criteria.names):
            index = index_of(managed, wanted) if wanted else ()
            held = {(number, blind(managed.domain, number, value)) for number, value in index if number in wanted}
            if held.issuperset(criteria.equal):
                return True
        log.critical("integrity check failed", extra={"fields": {"found by what it is not": name}})
        return False

    def _find_by_looking(self, criteria: Criteria, holds: Callable[[Managed], bool]) -> tuple[list[str], int]:
        everything = replace(criteria, maximum_items=MOST_LOOKED_AT, offset_items=0)
        candidates, total = self.find(everything)
        if total > len(candidates):
            raise OperationFailed(
                ResultReason.SERVER_LIMIT_EXCEEDED,
                f"more than {MOST_LOOKED_AT:,} objects would have to be looked at; search by less of the structure,"
                " or by more attributes",
            )
        return _page([name for name in candidates if self._holds(name, holds)], criteria)

    def _holds(self, name: str, holds: Callable[[Managed], bool]) -> bool:
        try:
            managed = self.turn.fetch(name)
        except TamperError:
            return True  # whoever uses it is told
        return managed is not None and holds(managed)

    def _find_narrowly(self, criteria: Criteria, delegation: Delegation) -> tuple[list[str], int]:
        """Search among the objects that a ticket extends to."""
        located = self.transaction.locate(replace(criteria, maximum_items=None, offset_items=0))
        return _page(
            [name for name in located.identifiers if delegation.permits(name, self.turn.fetch(name))], criteria
        )

    def add(self, managed: Managed, secret: ManagedObject | None = None, version: Version | None = None) -> Managed:
        """Keep a new object.

        Args:
            secret: the object itself, to be sealed; None if the server is not given it.
            version: in which it came, and can be written without loss.

        Raises:
            OperationFailed: Non Unique Name Attribute.
        """
        if self.delegation is not None:
            self.delegation.cover(managed.unique_identifier, managed)
        envelope = managed.envelope
        if secret is not None:
            plaintext = _sealable(secret, version or NEWEST)
            kind = kind_of(managed.object_type, managed.usage_mask)
            envelope = bytes([kind]) + self.engine.vault.seal(
                managed.domain, kind, managed.unique_identifier, managed.owner, 1, plaintext
            )
        generation = self.turn.forgotten.get(managed.unique_identifier, 0) + 1
        managed = replace(managed, generation=generation, envelope=envelope)
        self._write(managed, None)
        if managed.get(Tag.OBJECT_CLASS) is ObjectClass.SYSTEM and not self.system_objects:
            self.transaction.put_entry(_SYSTEM_OBJECTS, managed.domain, b"")
        self.placeholder = managed.unique_identifier
        self.subjects.append(managed.unique_identifier)
        return managed

    def save(self, managed: Managed, *, touch: bool = True) -> Managed:
        """Keep a changed object.

        Args:
            touch: its Last Change Date becomes now.

        Raises:
            OperationFailed: Non Unique Name Attribute.
            Conflict: another transaction changed it first.
        """
        before = managed.generation
        if touch:
            managed = managed.put(Tag.LAST_CHANGE_DATE, self.now)
        managed = replace(managed, generation=before + 1)
        self._write(managed, before)
        return managed

    def material(self, managed: Managed) -> ManagedObject:
        """Unwrap the secret of an object that `object` handed out.

        Raises:
            OperationFailed: Object Destroyed, Object Archived, Key Value Not Present.
            TamperError: what the store holds is not what was sealed.
        """
        plaintext = self._plaintext(managed)
        version = Version(int.from_bytes(plaintext[:2], "big") & ~_ALIKE)
        return load(OBJECTS[managed.object_type], plaintext[2:], version)

    def written(self, managed: Managed) -> bytes | None:
        """The secret of a settled object as one item, if every version writes it alike; None if not.

        Raises:
            TamperError, CustodyError: it cannot be opened.
        """
        plaintext = opened(self.engine.vault, managed)
        return plaintext[2:] if plaintext[0] << 8 & _ALIKE else None

    def _plaintext(self, managed: Managed) -> bytes:
        if managed.destroyed:
            raise OperationFailed(ResultReason.OBJECT_DESTROYED, "the object is destroyed")
        if managed.archived:
            raise OperationFailed(ResultReason.OBJECT_ARCHIVED, "the object is archived; Recover it first")
        if managed.envelope is None or managed.get(Tag.KEY_VALUE_PRESENT) is False:
            raise OperationFailed(ResultReason.KEY_VALUE_NOT_PRESENT, "the server does not hold the key value")
        return opened(self.engine.vault, managed)

    def shred(self, managed: Managed) -> Managed:
        """Save an object without its secret: the key that sealed it is gone with its envelope."""
        self.engine.loaded_keys.pop((managed.unique_identifier, managed.envelope), None)
        return self.save(replace(managed, envelope=None))

    def forget(self, managed: Managed) -> None:
        """Drop an object, its attributes too."""
        self.engine.loaded_keys.pop((managed.unique_identifier, managed.envelope), None)
        self.transaction.delete(managed.unique_identifier)
        if managed.object_type in _LETS_IN:
            identities.touch(self.transaction)
        self.turn.forgotten[managed.unique_identifier] = managed.generation
        self.turn.change(managed.unique_identifier, None)

    # --- what they stand on ---

    def note_result(self, item: ResponseBatchItem, operation: Operation) -> None:
        """Remember what a batch item gave, for those after it."""
        if item.result_status is ResultStatus.SUCCESS:
            self.results.append((operation, named(item.response_payload)))
            data = outputs.data_of(item.response_payload)
            if data is not None:
                self.outputs.append((operation, data))

    def resolve(self, unique_identifier: str | int | None) -> str:
        """The unique identifier that a message means.

        Raises:
            OperationFailed: Object Not Found; there is no ID Placeholder, or no such batch item.
        """
        if type(unique_identifier) is str:
            return unique_identifier
        if unique_identifier is None or unique_identifier is UniqueIdentifierEnumeration.ID_PLACEHOLDER:
            if self.placeholder is None:
                raise OperationFailed(
                    ResultReason.OBJECT_NOT_FOUND, "no Unique Identifier was given and the ID Placeholder is empty"
                )
            return self.placeholder
        if isinstance(unique_identifier, NameReference):
            named, total = self.find(self.criteria(names=(filed_as(str(unique_identifier)),), maximum_items=2))
            if total != 1:
                raise self.absent()
            return named[0]
        if isinstance(unique_identifier, UniqueIdentifierEnumeration):
            return self._given_by(unique_identifier.title)
        if isinstance(unique_identifier, int):
            try:
                return [name for _, names in self.results for name in names][unique_identifier]
            except IndexError:
                raise self.absent() from None
        return str(unique_identifier)

    def _given_by(self, title: str) -> str:
        """What the most recent operation of a title gave, or a half of a key pair.  Source: KMIP 2.1 §11.58."""
        half = next((place for place, suffix in enumerate(_HALVES) if title.endswith(suffix)), None)
        wanted = title if half is None else title.removesuffix(_HALVES[half])
        for operation, names in reversed(self.results):
            if operation.title == wanted:
                if half is None and len(names) > 1:
                    raise OperationFailed(
                        ResultReason.FEATURE_NOT_SUPPORTED, "several objects are meant; ask for one at a time"
                    )
                if names:
                    return names[half or 0]
        raise self.absent()

    def absent(self) -> OperationFailed:
        """The one answer for what is not there and for what the caller may not see.

        To a user of 1.x it is Permission Denied in both cases, as the test cases have it (TC-111, TC-112).
        """
        if self.caller.by_credential and self.version < V2_0:
            return OperationFailed(ResultReason.PERMISSION_DENIED, "there is no such object of yours")
        return OperationFailed(ResultReason.OBJECT_NOT_FOUND, "there is no object with this Unique Identifier")

    @property
    def system_objects(self) -> bool:
        """Whether there ever was an object of the class System in the domain."""
        return self.transaction.entry(_SYSTEM_OBJECTS, self.caller.domain) is not None

    def criteria(self, **conditions: Any) -> Criteria:
        """Conditions on the objects that the caller may see."""
        caller = self.caller
        return Criteria(domain=caller.domain, visible_to=(caller.identity, *caller.groups), now=self.now, **conditions)

    def _write(self, managed: Managed, before: int | None) -> None:
        names = managed.all(Tag.NAME)
        if len(names) > 1 and len(set(names)) < len(names):
            raise OperationFailed(ResultReason.NON_UNIQUE_NAME_ATTRIBUTE, "the object has this Name already")
        record = close_record(self.engine.vault, managed, self.now)
        try:
            if before is None:
                self.transaction.add(record)
            else:
                self.transaction.save(record, before)
        except NameTaken:
            raise OperationFailed(
                ResultReason.NON_UNIQUE_NAME_ATTRIBUTE, "another of your objects already has this Name"
            ) from None
        if before is not None and managed.object_type in _LETS_IN:
            identities.touch(self.transaction)
        self.turn.change(managed.unique_identifier, managed, size_of(record))


__all__ = ["Context", "Identifiers", "Turn", "gather"]

"""A managed object as handlers see it, and the record that the store keeps of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations, count
from typing import Any, Final

from keystead.engine.storage import STORAGE
from keystead.kmip import ttlv
from keystead.kmip.attributes import (
    ATTRIBUTES,
    COUNTERS,
    LINK_TYPES,
    LINKS,
    Attribute,
    AttributeName,
    Link,
    VendorAttributeName,
    dump_stored,
)
from keystead.kmip.enums import (
    CryptographicUsageMask,
    KeyFormatType,
    NameType,
    ObjectClass,
    ObjectType,
    RNGAlgorithm,
    State,
)
from keystead.kmip.objects import ManagedObject
from keystead.kmip.schema import DateTime, Structure, fields_of, kind_of
from keystead.kmip.structures import Digest, Name, RNGParameters, UsageLimits, X509CertificateIdentifier
from keystead.kmip.tags import Tag
from keystead.policy.lifecycle import Dates
from keystead.policy.wrapping import History

DATES: Final = frozenset(row.tag for row in ATTRIBUTES.values() if row.kind is kind_of(DateTime))
"""The attributes that are dates: Locate searches them by range."""
COMPUTED: Final = frozenset({Tag.UNIQUE_IDENTIFIER, Tag.OBJECT_TYPE, Tag.STATE})
"""What follows from the record or from time, and is not stored among the attributes."""
SERVER_VENDORS: Final = frozenset({"y", "Keystead"})
"""The vendors whose attributes the server alone sets: in 1.x their names begin with y-.  Source: KMIP 1.4 §3.39."""
HISTORY: Final = VendorAttributeName("Keystead", "History")
"""Where an object's history is kept: no client sees it."""
LEASE_SECONDS: Final = 3600
DEFAULT_GROUP: Final = "default"
"""The reserved Object Group, for what its maker put into none.  Source: KMIP 1.1 §3.33."""
RNG: Final = RNGParameters(rng_algorithm=RNGAlgorithm.DRBG)
"""The random number generator of the operating system."""
USUAL: Final[Mapping[Tag, Any]] = {
    Tag.LEASE_TIME: LEASE_SECONDS,
    Tag.FRESH: False,
    Tag.SENSITIVE: False,
    Tag.ALWAYS_SENSITIVE: False,
    Tag.EXTRACTABLE: True,
    Tag.NEVER_EXTRACTABLE: False,
    Tag.KEY_FORMAT_TYPE: KeyFormatType.RAW,
    Tag.OBJECT_CLASS: ObjectClass.USER,
    Tag.PROTECTION_STORAGE_MASK: STORAGE,
    Tag.RANDOM_NUMBER_GENERATOR: RNG,
}
"""Values that nearly every object has: an object is not indexed under them, but where it has another value, or none.
So what is looked for by a usual value is whatever has no entry for the attribute."""
IMPLIED: Final[Mapping[Tag, Any]] = {Tag.OPERATION_POLICY_NAME: "default", **dict.fromkeys(COUNTERS, 0)}
"""Values that an object has as long as nobody gave it another: they are neither stored nor indexed, and whatever has no
entry for the attribute has the value.  Source: KMIP 1.4 §3.18; 3.0 §4.13."""
_ABSENT: Final = b"absent"
MOST_COMBINED_FIELDS: Final = 6
"""A structure of so many fields, or fewer, is indexed under every combination of them; a longer one under each of its
fields and each pair.  So whoever asks for more than two of those has to look at what is found: see `agrees`."""
_ANY: Final = b"any"


@dataclass(frozen=True, slots=True)
class Managed:
    """A managed object.

    Attributes:
        generation: counts its changes, from 1; 0 before it was ever stored.
        attributes: the instances of each attribute, by name.
        envelope: the sealed object; None once it is destroyed, or if the server never had it.
    """

    unique_identifier: str
    domain: str
    owner: str
    object_type: ObjectType
    generation: int = 0
    attributes: Mapping[AttributeName, tuple[Attribute, ...]] = field(default_factory=dict)
    envelope: bytes | None = None
    _settled: bool | None = field(default=None, init=False, repr=False, compare=False)

    # --- reading ---

    def get(self, name: AttributeName, default: Any = None) -> Any:
        """The value of the first instance of an attribute."""
        found = self.attributes.get(name)
        return found[0].value if found else default

    def all(self, name: AttributeName) -> list[Any]:
        """The values of all instances of an attribute."""
        return [attribute.value for attribute in self.attributes.get(name, ())]

    @property
    def dates(self) -> Dates:
        get = self.get
        return Dates(
            get(Tag.ACTIVATION_DATE),
            get(Tag.PROCESS_START_DATE),
            get(Tag.PROTECT_STOP_DATE),
            get(Tag.DEACTIVATION_DATE),
            get(Tag.COMPROMISE_DATE),
            get(Tag.DESTROY_DATE),
        )

    def state(self, now: int) -> State:
        return self.dates.state(now)

    @property
    def usage_mask(self) -> CryptographicUsageMask:
        return self.get(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0))  # type: ignore[no-any-return]

    @property
    def history(self) -> History:
        """What became of its bytes."""
        item = self.get(HISTORY)
        return History(0 if item is None else item.value)

    def with_history(self, history: History) -> Managed:
        """Remember what became of its bytes."""
        if history == self.history:
            return self
        return self.put(HISTORY, _as_item(history) if history else None)

    @property
    def sensitive(self) -> bool:
        """Whether its bytes leave only wrapped, or not at all."""
        return bool(self.get(Tag.SENSITIVE)) or self.get(Tag.EXTRACTABLE) is False

    @property
    def settled(self) -> bool:
        """Whether its bytes may leave as they are, and nothing about it is changed by that.

        So it is with a key that was handed out before; it is worked out once.
        """
        known = self._settled
        if known is None:
            known = not (
                self.envelope is None
                or self.sensitive
                or self.destroyed
                or self.archived
                or self.get(Tag.KEY_VALUE_PRESENT) is False
                or self.get(Tag.FRESH)
                or self.history.known_here_only
            )
            object.__setattr__(self, "_settled", known)
        return known

    @property
    def destroyed(self) -> bool:
        return self.get(Tag.DESTROY_DATE) is not None

    @property
    def archived(self) -> bool:
        return self.get(Tag.ARCHIVE_DATE) is not None

    def instances(self, name: AttributeName, now: int) -> tuple[Attribute, ...]:
        """The instances of an attribute, computed ones too."""
        if name is Tag.UNIQUE_IDENTIFIER:
            return (Attribute(name, self.unique_identifier),)
        if name is Tag.OBJECT_TYPE:
            return (Attribute(name, self.object_type),)
        if name is Tag.STATE:
            return (Attribute(name, self.state(now)),) if self.object_type in ATTRIBUTES[Tag.STATE].applies_to else ()
        if name == HISTORY:
            return ()
        found = self.attributes.get(name, ())
        if not found and isinstance(name, Tag) and name in IMPLIED and self.object_type in ATTRIBUTES[name].applies_to:
            return (Attribute(name, IMPLIED[name]),)
        return found

    def everything(self, now: int) -> Iterator[Attribute]:
        """All instances of all attributes; but the counters, which are given to who asks for them by name."""
        for computed in (Tag.UNIQUE_IDENTIFIER, Tag.OBJECT_TYPE, Tag.STATE):
            yield from self.instances(computed, now)
        for name, instances in self.attributes.items():
            if name != HISTORY and name not in COUNTERS:
                yield from instances
        for name, value in IMPLIED.items():
            if name not in self.attributes and name not in COUNTERS:
                yield Attribute(name, value)

    # --- changing: each gives a changed copy ---

    def put(self, name: AttributeName, value: Any) -> Managed:
        """Set the only instance of an attribute; None removes it."""
        changed = dict(self.attributes)
        if value is None:
            changed.pop(name, None)
        else:
            changed[name] = alone(name, value, self._only_index(name))
        return self._having(changed)

    def update(self, values: Mapping[AttributeName, Any]) -> Managed:
        """Set the only instance of several attributes; None removes one."""
        changed = dict(self.attributes)
        for name, value in values.items():
            if value is None:
                changed.pop(name, None)
            else:
                changed[name] = alone(name, value, self._only_index(name))
        return self._having(changed)

    def add(self, name: AttributeName, value: Any) -> Managed:
        """Add an instance; its index is one more than any before."""
        before = self.attributes.get(name, ())
        return self._having({**self.attributes, name: (*before, Attribute(name, value, self._next(name)))})

    def _next(self, name: AttributeName) -> int:
        """The index of one more instance."""
        return max((i.index or 0 for one in siblings(name) for i in self.attributes.get(one, ())), default=-1) + 1

    def _only_index(self, name: AttributeName) -> int:
        """The index of an only instance; links of all types count together."""
        if name not in LINK_TYPES:
            return 0
        present = self.attributes.get(name)
        return (present[0].index or 0) if present else self._next(name)

    def with_instances(self, name: AttributeName, instances: Iterable[Attribute]) -> Managed:
        """Set all instances of an attribute."""
        kept = tuple(instances)
        changed = dict(self.attributes)
        if kept:
            changed[name] = kept
        else:
            changed.pop(name, None)
        return self._having(changed)

    def _having(self, attributes: Mapping[AttributeName, tuple[Attribute, ...]]) -> Managed:
        return Managed(
            self.unique_identifier,
            self.domain,
            self.owner,
            self.object_type,
            self.generation,
            attributes,
            self.envelope,
        )


def siblings(name: AttributeName) -> Iterable[AttributeName]:
    """The attributes whose instances are numbered together: up to 2.1 all links are instances of one attribute."""
    return LINK_TYPES if name in LINK_TYPES else (name,)


def gather(attributes: Iterable[Attribute]) -> dict[AttributeName, tuple[Attribute, ...]]:
    """Group instances by name."""
    found: dict[AttributeName, list[Attribute]] = {}
    for attribute in attributes:
        found.setdefault(attribute.name, []).append(attribute)
    return numbered(found)


def numbered(
    attributes: Mapping[AttributeName, Iterable[Attribute]],
) -> dict[AttributeName, tuple[Attribute, ...]]:
    """Number the instances of each attribute from 0, and those of all links together."""
    links = count()
    return {
        name: only_or_all(
            name,
            [
                instance if instance.index == number else Attribute(name, instance.value, number)
                for instance, number in zip(instances, links if name in LINK_TYPES else count(), strict=False)
            ],
        )
        for name, instances in attributes.items()
    }


def only_or_all(name: AttributeName, instances: Sequence[Attribute]) -> tuple[Attribute, ...]:
    """The instances of an attribute as an object has them."""
    if len(instances) != 1:
        return tuple(instances)
    return alone(name, instances[0].value, instances[0].index or 0)


def alone(name: AttributeName, value: Any, index: int = 0) -> tuple[Attribute, ...]:
    """The only instance of an attribute; one for all objects that have the same.

    So an object in the cache is small, and the collector, for which everybody waits, has little to look at.
    """
    usual = _USUALLY_ALONE.get(name)
    if usual is not None and index == 0 and usual[0].value == value:
        return usual
    return _alone(name, value, index) if isinstance(value, int) else (Attribute(name, value, index),)


@lru_cache(4096, typed=True)
def _alone(name: AttributeName, value: int, index: int) -> tuple[Attribute, ...]:
    return (Attribute(name, value, index),)


def _as_item(history: History) -> ttlv.Item:
    return ttlv.Item(int(Tag.ATTRIBUTE_VALUE), ttlv.INTEGER, int(history))


_OFTEN: Final[tuple[tuple[AttributeName, Any], ...]] = (
    *USUAL.items(),
    (Tag.OBJECT_GROUP, DEFAULT_GROUP),
    (HISTORY, _as_item(History.MADE_HERE)),
)
_USUALLY_ALONE: Final[Mapping[AttributeName, tuple[Attribute, ...]]] = {
    name: (Attribute(name, value, 0),) for name, value in _OFTEN
}


# --- what Locate finds an object by -----------------------------------------------------------------------------------


_PUBLIC: Final = f"{ObjectType.PUBLIC_KEY.title}\0"


def names_of(managed: Managed) -> tuple[str, ...]:
    """The Names that nothing else of the same owner may use; free again once the object is destroyed.

    Public keys have theirs to themselves, so that both halves of a pair can have the Name of a Common
    Template-Attribute.  Source: KMIP 1.4 §4.2.
    """
    if managed.destroyed:
        return ()
    beside = _PUBLIC if managed.object_type is ObjectType.PUBLIC_KEY else ""
    return tuple(beside + name_key(name) for name in managed.all(Tag.NAME))


def filed_as(key: str) -> tuple[str, ...]:
    """The names that an object is stored under which has this one."""
    return key, _PUBLIC + key


def name_key(name: Name) -> str:
    """A Name as one text, its type included."""
    if name.name_type is NameType.UNINTERPRETED_TEXT_STRING:
        return name.name_value
    return f"{name.name_type.title}\0{name.name_value}"


def conditions(name: AttributeName, value: Any) -> list[tuple[int, bytes]]:
    """What an object must all be indexed under to match a value of an attribute, as (attribute number, bytes).

    A structure that lacks fields matches every structure that agrees in the fields that it has.
    Source: KMIP 1.4 section 4.9.
    """
    number = _number(name)
    if isinstance(value, CryptographicUsageMask):
        return [(number, bit.to_bytes(4, "big")) for bit in _bits(value)]
    if isinstance(value, Digest):
        return [(number, _encoded(name, _digest_fields(value)))]
    if isinstance(value, Link):
        return _link_conditions(value)
    if isinstance(value, Structure):
        fields = _fields(value)
        most = _most_combined(value)
        parts = combinations(fields, most) if len(fields) > most else (fields,)
        return [(number, _encoded(name, part)) for part in parts]
    return [(number, _encoded(name, value))]


def in_doubt(value: Any) -> bool:
    """Whether an object may meet the conditions of a value that none of its instances agrees with."""
    return isinstance(value, Structure) and len(_fields(value)) > _most_combined(value)


def agrees(managed: Managed, name: AttributeName, value: Structure) -> bool:
    """Whether one instance of an attribute has all the fields of a structure."""
    fields = _fields(value)
    return any(all(getattr(held, field) == part for field, part in fields) for held in managed.all(name))


def _most_combined(value: Structure) -> int:
    fields = len(fields_of(type(value)))
    return fields if fields <= MOST_COMBINED_FIELDS else 2


def _link_conditions(link: Link) -> list[tuple[int, bytes]]:
    """A link of some type to anything, or of any type to some object: up to 2.1 it is one attribute."""
    found = []
    if link.linked_object_identifier is not None:
        found.append((int(Tag.LINK), _encoded(Tag.LINK, link.linked_object_identifier)))
    if link.link_type is not None and link.link_type in LINKS:
        found.append((int(LINKS[link.link_type]), _ANY))
    return found


def part_condition(name: Tag, **fields: Any) -> tuple[int, bytes]:
    """What every object is indexed under whose structure has these values in these fields."""
    return int(name), _encoded(name, tuple(fields.items()))


def index_of(managed: Managed, wanted: Collection[int] | None = None) -> set[tuple[int, bytes]]:
    """Everything that an object is indexed under for equality.

    Args:
        wanted: attribute numbers; all if it is not given.
    """
    found: set[tuple[int, bytes]] = set()
    for name, instances in managed.attributes.items():
        if name in DATES or name in USUAL or name is Tag.NAME or name == HISTORY:
            continue
        number = _number(name)
        if wanted is not None and number not in wanted and name not in LINK_TYPES:
            continue
        for instance in instances:
            value = instance.value
            if isinstance(name, Tag) and name in IMPLIED and IMPLIED[name] == value:
                continue
            found.update(_entries(name, value))
            if isinstance(name, Tag) and name in LINK_TYPES:
                found.update(_link_conditions(Link(link_type=LINK_TYPES[name], linked_object_identifier=value)))
    for name, usual in USUAL.items():
        if wanted is not None and int(name) not in wanted:
            continue
        value = managed.get(name)
        if value is None:
            found.add((int(name), _ABSENT))
        elif value is not usual and value != usual:
            found.update(_entries(name, value))
    return found


def _entries(name: AttributeName, value: Any) -> Iterable[tuple[int, bytes]]:
    """What an instance of an attribute is indexed under."""
    return _parts(name, value) if isinstance(value, Structure) else conditions(name, value)


def _parts(name: AttributeName, value: Structure) -> Iterator[tuple[int, bytes]]:
    """The combinations of the fields of a structure."""
    number, prefix, most = _number(name), _prefix(name), _most_combined(value)
    for fields in _spellings(value):
        encoded = [_joined(map(_canonical, field)) for field in fields]
        for size in range(1, min(most, len(fields)) + 1):
            for part in combinations(encoded, size):
                yield number, prefix + _joined(part)


def _spellings(value: Structure) -> Iterator[tuple[tuple[str, Any], ...]]:
    """The fields by which a structure is found."""
    if isinstance(value, Digest):
        yield _digest_fields(value)
        return
    if isinstance(value, UsageLimits):  # its numbers are compared, not matched
        yield (("usage_limits_unit", value.usage_limits_unit),)
        return
    fields = _fields(value)
    yield fields
    if isinstance(value, X509CertificateIdentifier) and len(value.certificate_serial_number) < 0x80:
        # Clients search for the serial number as the whole DER INTEGER as well: the OASIS cases TC-PKCS12-2.
        number = value.certificate_serial_number
        yield tuple(
            (name, bytes((2, len(number))) + number if name == "certificate_serial_number" else part)
            for name, part in fields
        )


def _digest_fields(value: Digest) -> tuple[tuple[str, Any], ...]:
    """The fields of a Digest without the Hashing Algorithm, which follows from the value, if there is one."""
    return tuple(
        (name, part) for name, part in _fields(value) if name != "hashing_algorithm" or value.digest_value is None
    )


def numbers_of(managed: Managed) -> tuple[tuple[int, int], ...]:
    """What an object is indexed under for ranges: its dates, and how much Usage Limits leave."""
    found = [(int(name), instance.value) for name in DATES for instance in managed.attributes.get(name, ())]
    limits = managed.get(Tag.USAGE_LIMITS)
    if isinstance(limits, UsageLimits):
        found.append((int(Tag.USAGE_LIMITS_TOTAL), limits.usage_limits_total))
        found.append((int(Tag.USAGE_LIMITS_COUNT), limits.usage_limits_count or 0))
    return tuple(found)


def _bits(mask: int) -> Iterator[int]:
    return (1 << position for position in range(32) if mask >> position & 1)


def _fields(value: Structure) -> tuple[tuple[str, Any], ...]:
    """The fields that a structure has, in order."""
    return tuple(
        (field.name, part)
        for field in fields_of(type(value))
        if (part := getattr(value, field.name)) is not None and part != ()
    )


def _encoded(name: AttributeName, value: Any) -> bytes:
    """A value as bytes that are equal exactly when the values are."""
    return _prefix(name) + _canonical(value)


def _number(name: AttributeName) -> int:
    return int(name) if isinstance(name, Tag) else int(Tag.ATTRIBUTE)


def _prefix(name: AttributeName) -> bytes:
    return b"" if isinstance(name, Tag) else b"\0".join(part.encode() for part in name) + b"\0"


def _canonical(value: Any) -> bytes:
    if isinstance(value, str):
        return b"s" + value.encode()
    if isinstance(value, int):
        return b"i%d" % value
    if isinstance(value, bytes):
        return b"b" + value
    if isinstance(value, ttlv.Item):
        return b"t" + ttlv.encode(replace(value, tag=int(Tag.ATTRIBUTE_VALUE)))
    if isinstance(value, Structure):
        return _canonical(_fields(value))
    return _joined(map(_canonical, value))


def _joined(parts: Iterable[bytes]) -> bytes:
    return b"(" + b"".join([len(part).to_bytes(4, "big") + part for part in parts]) + b")"


def dump_attributes(managed: Managed) -> bytes:
    """All stored attributes, as the store seals them."""
    return dump_stored(instance for instances in managed.attributes.values() for instance in instances)


__all__ = [
    "COMPUTED",
    "DATES",
    "Managed",
    "ManagedObject",
    "VendorAttributeName",
    "conditions",
    "dump_attributes",
    "filed_as",
    "gather",
    "index_of",
    "names_of",
    "numbered",
    "numbers_of",
    "part_condition",
    "siblings",
]

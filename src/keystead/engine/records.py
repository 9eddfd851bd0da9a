"""Managed objects as the store keeps them: sealed, and with what is searched beside it."""

from __future__ import annotations

from dataclasses import replace
from struct import Struct, error
from typing import Any, Final

from keystead.custody.zones import Vault
from keystead.engine.managed import Managed, dump_attributes, index_of, names_of, numbers_of, only_or_all
from keystead.errors import TamperError
from keystead.kmip.attributes import load_stored
from keystead.kmip.enums import ObjectType
from keystead.kmip.tags import Tag
from keystead.store import Record

TAG_BYTES: Final = 16
_HEAD: Final = Struct(f">I?{TAG_BYTES}s")
"""In front of the attributes, under the same seal: the object type, whether the server has the object itself, and the
tag that this ends in, which stays when its key is rotated."""


def close_record(vault: Vault, managed: Managed, now: int) -> Record:
    """Seal the attributes of an object and index it.

    Args:
        now: POSIX seconds, for an object without an Initial Date.

    Raises:
        CustodyError: sealed or out of reach.
    """
    sealed = vault.seal_attributes(
        managed.domain,
        managed.unique_identifier,
        managed.owner,
        managed.generation,
        _head(managed.object_type, managed.envelope) + dump_attributes(managed),
    )
    return _record(vault, managed, sealed, managed.get(Tag.INITIAL_DATE, now))


def _head(object_type: int, envelope: bytes | None) -> bytes:
    return _HEAD.pack(object_type, envelope is not None, tag_of(envelope or b""))


def _record(vault: Vault, managed: Managed, sealed: bytes, initial_date: int) -> Record:
    """A record with its index: all that the store keeps beside what is sealed follows from the attributes."""
    domain, dates = managed.domain, managed.dates
    return Record(
        unique_identifier=managed.unique_identifier,
        domain=domain,
        owner=managed.owner,
        object_type=int(managed.object_type),
        generation=managed.generation,
        initial_date=initial_date,
        activation_date=dates.activation,
        deactivation_date=dates.deactivation,
        compromise_date=dates.compromise,
        destroy_date=dates.destroy,
        archive_date=managed.get(Tag.ARCHIVE_DATE),
        attributes=sealed,
        material=managed.envelope,
        names=names_of(managed),
        index=vault.blinded(domain, index_of(managed)),
        dates=numbers_of(managed),
    )


def tag_of(material: bytes) -> bytes:
    """What a sealed object ends in: it stays when its key is rotated, and no other secret has it."""
    return material[-TAG_BYTES:]


def size_of(record: Record) -> int:
    """Bytes that the store keeps of an object."""
    return len(record.attributes) + len(record.material or b"")


def indexed(vault: Vault, record: Record) -> Record:
    """The record with what the store finds an object by made anew from its sealed attributes.

    Raises:
        TamperError: the attributes are not what was sealed for it.
        CustodyError: sealed or out of reach.
    """
    managed = open_record(vault, record)
    return _record(vault, managed, record.attributes, managed.get(Tag.INITIAL_DATE, record.initial_date))


def open_record(vault: Vault, record: Record) -> Managed:
    """Open the sealed attributes of a record.

    Raises:
        TamperError: they are not what was sealed for it, or the row says otherwise.
        CustodyError: sealed or out of reach.
    """
    try:
        attributes = vault.open_attributes(
            record.domain, record.unique_identifier, record.owner, record.generation, record.attributes
        )
        head = _head(record.object_type, record.material)
    except (TypeError, AttributeError, OverflowError, error):  # a column of another type, or out of range
        raise TamperError("the row of an object is damaged") from None
    if attributes[: _HEAD.size] != head:
        raise TamperError("the row of an object says otherwise than what was sealed")
    found: dict[Any, list[Any]] = {}
    for attribute in load_stored(attributes[_HEAD.size :]):
        found.setdefault(attribute.name, []).append(attribute)
    return Managed(
        record.unique_identifier,
        record.domain,
        record.owner,
        ObjectType(record.object_type),
        record.generation,
        {name: only_or_all(name, instances) for name, instances in found.items()},
        record.material,
    )


def destroyed(vault: Vault, record: Record, at: int) -> Record:
    """The record without its secret, whose attributes say that it was destroyed.

    Args:
        at: POSIX seconds.

    Raises:
        TamperError: the attributes are not what was sealed for it.
        CustodyError: sealed or out of reach.
    """
    managed = open_record(vault, record).put(Tag.DESTROY_DATE, at).put(Tag.LAST_CHANGE_DATE, at)
    return close_record(vault, replace(managed, envelope=None, generation=record.generation + 1), at)


def reseal(vault: Vault, record: Record) -> bytes:
    """The attributes of a record, sealed under the newest key.  Raises: TamperError, CustodyError."""
    bound = (record.domain, record.unique_identifier, record.owner, record.generation)
    return vault.seal_attributes(*bound, vault.open_attributes(*bound, record.attributes))

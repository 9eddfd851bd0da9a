"""Records as rows of the SQL tables, and under what they are filed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from struct import Struct, error
from typing import Any, Final

from keystead.errors import StoreError, TamperError
from keystead.store import BLIND_BYTES, Record
from keystead.store.shelves import EVERY, NAME, NEVER, OPEN_ENDED, TYPE, UNTIL, name_value, type_value

COLUMNS: Final = (
    "unique_identifier, domain, owner, object_type, generation, initial_date, activation_date, deactivation_date,"
    " compromise_date, destroy_date, archive_date, attributes, material, names, terms, dates"
)
FILED_COLUMNS: Final = "space, standing, object_type, activation_date, deactivation_date, names, terms, dates"
_TERM: Final = Struct(f">I{BLIND_BYTES}s")
_DATE: Final = Struct(">Iq")
_BLOB: Final = (bytes, type(None))
_DAMAGED: Final = "a row of the database is damaged"
_MAKE_RECORD: Final[Callable[..., Record]] = Record  # the columns of a row have no types


@dataclass(frozen=True, slots=True)
class Filed:
    """Where an object is filed, and under what."""

    space: int
    standing: int
    names: set[str]
    terms: set[tuple[int, bytes]]
    numbers: set[tuple[int, int]]


def columns_of(record: Record) -> tuple[Any, ...]:
    """The columns of a record, in the order of COLUMNS."""
    return (
        record.unique_identifier,
        record.domain,
        record.owner,
        record.object_type,
        record.generation,
        record.initial_date,
        record.activation_date,
        record.deactivation_date,
        record.compromise_date,
        record.destroy_date,
        record.archive_date,
        record.attributes,
        record.material,
        json.dumps(record.names) if record.names else "",
        b"".join([_TERM.pack(*term) for term in sorted(record.index)]),
        b"".join([_DATE.pack(*date) for date in record.dates]),
    )


def record_of(row: tuple[Any, ...]) -> Record:
    """The record in a row of COLUMNS.  Raises: TamperError."""
    attributes, material, names, terms, dates = row[11:]
    try:
        filed = (
            tuple(json.loads(names)) if names else (),
            frozenset(_TERM.iter_unpack(terms)),
            tuple(_DATE.iter_unpack(dates)),
        )
    except (ValueError, TypeError, error):
        raise TamperError(_DAMAGED) from None
    if type(attributes) is not bytes or type(material) not in _BLOB:
        raise TamperError(_DAMAGED)
    return _MAKE_RECORD(*row[:13], *filed)


def filed_row(row: tuple[Any, ...]) -> Filed:
    """How an object is filed, by its FILED_COLUMNS.  Raises: TamperError."""
    space, standing, object_type, activation, deactivation, names, terms, dates = row
    try:
        named = json.loads(names) if names else []
        return Filed(
            space,
            standing,
            set(named),
            terms_of(object_type, named, _TERM.iter_unpack(terms)),
            numbers_of(activation, deactivation, _DATE.iter_unpack(dates)),
        )
    except (ValueError, TypeError, AttributeError, OverflowError, error, StoreError):
        raise TamperError(_DAMAGED) from None


def names_of(filed: Filed | None, number: int) -> set[tuple[int, str, int]]:
    return {(filed.space, name, number) for name in filed.names} if filed else set()


def terms_of(object_type: int, names: Iterable[str], index: Iterable[tuple[int, bytes]]) -> set[tuple[int, bytes]]:
    """Everything that an object is found by, for equality."""
    found = set(index)
    found.add((EVERY, b""))
    found.add((TYPE, type_value(object_type)))
    found.update((NAME, name_value(name)) for name in names)
    return found


def numbers_of(
    activation: int | None, deactivation: int | None, dates: Iterable[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Everything that an object is found by, for ranges."""
    found = set(dates)
    if len(dict(found)) != len(found):
        raise StoreError("an attribute has two numbers to search it by")
    if deactivation is not None:
        found.add((UNTIL, deactivation))
    else:
        found.add((OPEN_ENDED, NEVER if activation is None else activation))
    return found

"""How a Locate is put together, so that it never scans.

Each shelf that the caller may see is searched by itself; the parts are merged by the number of the object.  Within a
shelf, one condition drives: its rows are read from an index, and each is checked against the other conditions by a
look-up.  The condition with the fewest rows drives, which a bounded count finds out.  So the work grows with the
shortest list of objects that a condition names, and with nothing that others own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from keystead.store import ALL, Criteria, Located
from keystead.store.shelves import (
    ALWAYS,
    ARCHIVED,
    COMPROMISED,
    DESTROYED,
    EVERY,
    NAME,
    NEVER,
    OPEN_ENDED,
    STANDINGS,
    TYPE,
    UNTIL,
    name_value,
    type_value,
)

Query = tuple[str, tuple[Any, ...]]
Rows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

MOST_PARTS: Final = 100
"""Of one statement; more are searched in several."""
_PROBES: Final = (32, 1_024, 32_768)
"""How far rows are counted to find the condition that has the fewest."""

_ON_LINE, _ARCHIVAL, _DESTROYED_STORAGE = 1, 2, 4
_PRE_ACTIVE, _ACTIVE, _DEACTIVATED, _COMPROMISED, _DESTROYED, _DESTROYED_COMPROMISED = range(1, 7)
_DATED: Final = frozenset({_PRE_ACTIVE, _ACTIVE, _DEACTIVATED})
"""The states that dates tell apart."""


@dataclass(frozen=True, slots=True)
class Posted:
    """Objects that are posted under any of some values of an attribute."""

    attribute: int
    values: tuple[bytes, ...]

    def driver(self, shelf: int) -> Query:
        any_of = "= ?" if len(self.values) == 1 else f"IN ({_marks(self.values)})"
        return (
            f"SELECT d.object FROM postings d WHERE d.shelf = ? AND d.attribute = ? AND d.value {any_of}",
            (shelf, self.attribute, *self.values),
        )

    def check(self, shelf: int) -> Query:
        return (
            "EXISTS (SELECT 1 FROM postings p WHERE p.shelf = ? AND p.attribute = ?"
            f" AND p.value IN ({_marks(self.values)}) AND p.object = d.object)",
            (shelf, self.attribute, *self.values),
        )


@dataclass(frozen=True, slots=True)
class Numbered:
    """Objects that have a number within a range, both ends included."""

    attribute: int
    first: int
    last: int

    def driver(self, shelf: int) -> Query:
        return (
            "SELECT d.object FROM numbers d WHERE d.shelf = ? AND d.attribute = ? AND d.number BETWEEN ? AND ?",
            (shelf, self.attribute, self.first, self.last),
        )

    def check(self, shelf: int) -> Query:
        return (
            "EXISTS (SELECT 1 FROM numbers n WHERE n.object = d.object AND n.shelf = ? AND n.attribute = ?"
            " AND n.number BETWEEN ? AND ?)",
            (shelf, self.attribute, self.first, self.last),
        )


@dataclass(frozen=True, slots=True)
class Identified:
    """Objects with one of some unique identifiers."""

    values: tuple[str, ...]

    def driver(self, shelf: int) -> Query:
        on_shelf, parameters = _EVERY.check(shelf)
        return (
            f"SELECT d.object FROM objects d WHERE d.unique_identifier IN ({_marks(self.values)}) AND {on_shelf}",
            (*self.values, *parameters),
        )

    def check(self, shelf: int) -> Query:
        return (
            "EXISTS (SELECT 1 FROM objects o WHERE o.object = d.object"
            f" AND o.unique_identifier IN ({_marks(self.values)}))",
            self.values,
        )


@dataclass(frozen=True, slots=True)
class Lacking:
    """Objects that are posted under no value of an attribute: it has its usual value.  It never drives."""

    attribute: int

    def check(self, shelf: int) -> Query:
        return (
            "NOT EXISTS (SELECT 1 FROM postings p WHERE p.object = d.object AND p.shelf = ? AND p.attribute = ?)",
            (shelf, self.attribute),
        )


@dataclass(frozen=True, slots=True)
class NotBefore:
    """Objects that have no number smaller than this: a larger one, or none.  It never drives."""

    attribute: int
    first: int

    def check(self, shelf: int) -> Query:
        return (
            "NOT EXISTS (SELECT 1 FROM numbers n WHERE n.object = d.object AND n.shelf = ? AND n.attribute = ?"
            " AND n.number < ?)",
            (shelf, self.attribute, self.first),
        )


Condition = Posted | Numbered | Identified
Remainder = Lacking | NotBefore
"""What no index leads to: another condition drives, and this is looked up."""
_EVERY: Final = Posted(EVERY, (b"",))


@dataclass(frozen=True, slots=True)
class _Part:
    """What is searched by itself: a shelf, a range of lifecycle dates or none, and a condition on the Activation Date
    that follows from a state."""

    shelf: int
    phase: Numbered | None = None
    activation: Query | None = None


def locate(rows: Rows, criteria: Criteria) -> Located:
    """Search; see `keystead.store.Transaction.locate`."""
    conditions = _conditions(criteria)
    empty = any(not condition.values for condition in conditions if isinstance(condition, Posted | Identified))
    parts = [] if empty else list(_parts(rows, criteria))
    if not parts:
        return Located((), 0)
    queries = [_query(rows, part, conditions) for part in parts]
    if len(queries) > MOST_PARTS:
        return _locate_many(rows, criteria, queries)
    # An object can be seen in several spaces, but in one it is found once only.
    union = " UNION " if len({part.shelf // STANDINGS for part in parts}) > 1 else " UNION ALL "
    limit = NEVER if criteria.maximum_items is None else criteria.maximum_items
    most = min(limit + criteria.offset_items, NEVER)
    newest = union.join(f"SELECT * FROM ({sql} ORDER BY 1 DESC LIMIT ?)" for sql, _ in queries)
    found = rows(
        f"SELECT o.unique_identifier FROM ({newest} ORDER BY 1 DESC LIMIT ? OFFSET ?) f"
        " JOIN objects o ON o.object = f.object ORDER BY f.object DESC",
        (*(value for _, values in queries for value in (*values, most)), limit, criteria.offset_items),
    )
    total = criteria.offset_items + len(found)
    if len(found) == limit or (not found and criteria.offset_items):
        total = _count(rows, queries, union)
    return Located(tuple(row[0] for row in found), total)


def _count(rows: Rows, queries: Sequence[Query], union: str) -> int:
    if union == " UNION ":
        sql, parameters = _union(queries)
        return int(rows(f"SELECT count(*) FROM ({sql}) f", parameters)[0][0])
    return sum(rows(sql.replace("d.object", "count(*)", 1), parameters)[0][0] for sql, parameters in queries)


def _locate_many(rows: Rows, criteria: Criteria, queries: Sequence[Query]) -> Located:
    """Search more parts than a statement can have: a reader of a whole domain with very many owners."""
    objects: set[int] = set()
    for some in _chunks(queries):
        objects.update(row[0] for row in rows(*_union(some)))
    first = criteria.offset_items
    last = None if criteria.maximum_items is None else first + criteria.maximum_items
    identifiers: list[str] = []
    for some in _chunks(sorted(objects, reverse=True)[first:last]):
        found = rows(
            f"SELECT unique_identifier FROM objects WHERE object IN ({_marks(some)}) ORDER BY object DESC", some
        )
        identifiers += [row[0] for row in found]
    return Located(tuple(identifiers), len(objects))


def _conditions(criteria: Criteria) -> list[Condition | Remainder]:
    """What an object must all meet, the most telling first."""
    found: list[Condition | Remainder] = []
    if criteria.identifiers is not None:
        found.append(Identified(tuple(dict.fromkeys(criteria.identifiers))))
    found += [Posted(NAME, tuple(map(name_value, names))) for names in criteria.names]
    found += [Posted(attribute, (value,)) for attribute, value in criteria.equal]
    found += [Numbered(attribute, max(first, ALWAYS), min(last, NEVER)) for attribute, first, last in criteria.dates]
    if criteria.object_types is not None:
        found.append(Posted(TYPE, tuple(map(type_value, dict.fromkeys(criteria.object_types)))))
    found += [Lacking(attribute) for attribute in criteria.lacking]
    found += [NotBefore(attribute, first) for attribute, first in criteria.not_before]
    return found


def _parts(rows: Rows, criteria: Criteria) -> Iterator[_Part]:
    """Every shelf to search, and which of what lies on it."""
    standings = [
        (standing, states)
        for standing in range(STANDINGS)
        if _storage(standing) & criteria.storage_status_mask and (states := _wanted(standing, criteria.states)) != set()
    ]
    if not standings:
        return
    for space in _spaces(rows, criteria):
        for standing, states in standings:
            shelf = space * STANDINGS + standing
            if states is None:
                yield _Part(shelf)
                continue
            for state in states:
                for phase, activation in _phases(state, criteria.now):
                    yield _Part(shelf, phase, activation)


def _storage(standing: int) -> int:
    """The bit of the Storage Status Mask that a standing falls under.  Source: KMIP 2.1 section 6.1.31."""
    if standing & DESTROYED:
        return _DESTROYED_STORAGE
    return _ARCHIVAL if standing & ARCHIVED else _ON_LINE


def _wanted(standing: int, states: Iterable[int] | None) -> set[int] | None:
    """Which of the states that dates tell apart are wanted of a standing; None for all that lies there."""
    if states is None:
        return None
    wanted = set(states)
    if standing & DESTROYED:
        settled = _DESTROYED_COMPROMISED if standing & COMPROMISED else _DESTROYED
    elif standing & COMPROMISED:
        settled = _COMPROMISED
    else:
        return None if wanted >= _DATED else wanted & _DATED
    return None if settled in wanted else set()


def _phases(state: int, now: int) -> list[tuple[Numbered, Query | None]]:
    """A state, as ranges of the lifecycle dates.  Source: KMIP 2.1 section 4.57."""
    if state == _DEACTIVATED:
        return [(Numbered(UNTIL, ALWAYS, now), None)]
    begun = "EXISTS (SELECT 1 FROM objects o WHERE o.object = d.object AND o.activation_date <= ?)"
    if state == _ACTIVE:
        return [(Numbered(OPEN_ENDED, ALWAYS, now), None), (Numbered(UNTIL, now + 1, NEVER), (begun, (now,)))]
    return [
        (Numbered(OPEN_ENDED, now + 1, NEVER), None),
        (Numbered(UNTIL, now + 1, NEVER), (f"NOT {begun}", (now,))),
    ]


def _spaces(rows: Rows, criteria: Criteria) -> list[int]:
    """The spaces that the caller may see: its own, what it was granted, and all of owners who granted it all."""
    readers = tuple(reader for reader in criteria.visible_to if reader)
    if not readers:
        return []
    domain = criteria.domain
    found = rows(
        "SELECT space FROM spaces WHERE domain = ? AND reader = ? AND owned = 1"
        f" UNION SELECT space FROM spaces WHERE domain = ? AND reader IN ({_marks(readers)}) AND owned = 0"
        " UNION SELECT s.space FROM grants g JOIN spaces s"
        " ON s.domain = g.domain AND s.owned = 1 AND s.reader = g.owner"
        f" WHERE g.domain = ? AND g.grantee IN ({_marks(readers)}) AND g.owner > ''"
        f" UNION SELECT s.space FROM (SELECT 1 FROM grants WHERE domain = ? AND grantee IN ({_marks(readers)})"
        " AND owner = ? LIMIT 1) f CROSS JOIN spaces s WHERE s.domain = ? AND s.owned = 1",
        (domain, criteria.visible_to[0], domain, *readers, domain, *readers, domain, *readers, ALL, domain),
    )
    return [row[0] for row in found]


def _query(rows: Rows, part: _Part, conditions: Sequence[Condition | Remainder]) -> Query:
    """The statement that finds the objects of a part."""
    shelf = part.shelf
    all_conditions = [condition for condition in conditions if not isinstance(condition, Remainder)]
    if part.phase is not None:
        all_conditions.append(part.phase)
    if not all_conditions:
        all_conditions.append(_EVERY)
    drives = _fewest(rows, shelf, all_conditions)
    sql, parameters = drives.driver(shelf)
    for condition in all_conditions:
        if condition is not drives:
            check, more = condition.check(shelf)
            sql, parameters = f"{sql} AND {check}", (*parameters, *more)
    for remainder in conditions:
        if isinstance(remainder, Remainder):
            check, more = remainder.check(shelf)
            sql, parameters = f"{sql} AND {check}", (*parameters, *more)
    if part.activation is not None:
        sql, parameters = f"{sql} AND {part.activation[0]}", (*parameters, *part.activation[1])
    return sql, parameters


def _fewest(rows: Rows, shelf: int, conditions: Sequence[Condition]) -> Condition:
    """The condition with the fewest rows."""
    if len(conditions) == 1:
        return conditions[0]
    for limit in _PROBES:
        best, fewest = conditions[0], limit
        for condition in conditions:
            sql, parameters = condition.driver(shelf)
            number = rows(f"SELECT count(*) FROM ({sql} LIMIT ?) f", (*parameters, fewest))[0][0]
            if number < fewest:
                best, fewest = condition, number
            if fewest <= 1:
                return best
        if fewest < limit:
            return best
    return conditions[0]


def _union(queries: Sequence[Query]) -> Query:
    return " UNION ".join(sql for sql, _ in queries), tuple(value for _, values in queries for value in values)


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _chunks(items: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    iterator = iter(items)
    while chunk := tuple(islice(iterator, MOST_PARTS)):
        yield chunk

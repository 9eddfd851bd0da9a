"""Whether what Locate reads says the same as the rows of the objects.

The copies that are searched are not sealed: whoever writes to the database can hide an object, or let another be found
in its place.  These two look at everything once, a part at a time: what ought to be filed and is not, and what is
filed and ought not to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from keystead.errors import TamperError
from keystead.store import Stray
from keystead.store.rows import COLUMNS, FILED_COLUMNS, Filed, filed_row, record_of
from keystead.store.shelves import STANDINGS, standing_of

Rows = Callable[..., list[tuple[Any, ...]]]

_WALK: Final = (
    f"SELECT object, space, standing, {COLUMNS} FROM objects WHERE unique_identifier > ?"
    " ORDER BY unique_identifier LIMIT ?"
)
_FILED: Final = f"SELECT {FILED_COLUMNS} FROM objects WHERE object = ?"
_READERS: Final = (
    "SELECT s.space FROM grants g JOIN spaces s ON s.domain = g.domain AND s.reader = g.grantee AND s.owned = 0"
    " WHERE g.object = ?"
)
_POSTED: Final = "SELECT 1 FROM postings WHERE shelf = ? AND attribute = ? AND value = ? AND object = ?"
_NUMBERED: Final = "SELECT 1 FROM numbers WHERE shelf = ? AND attribute = ? AND number = ? AND object = ?"
_NAMED: Final = "SELECT object FROM names WHERE space = ? AND name = ?"
_TABLES: Final = (
    ("postings", ("shelf", "attribute", "value", "object")),
    ("numbers", ("shelf", "attribute", "number", "object")),
    ("names", ("space", "name", "object")),
    ("grants", ("domain", "grantee", "owner", "object")),
)
"""What is filed, by table, and the columns that order it; the last is the object."""


def misfiled(rows: Rows, after: str, limit: int) -> list[tuple[str, str]]:
    """See `keystead.store.Transaction.misfiled`."""
    found = []
    for number, space, standing, *columns in rows(_WALK, (after, limit)):
        record = record_of(tuple(columns))
        filed = filed_row((space, standing, columns[3], *columns[6:8], *columns[13:]))
        if rows("SELECT domain, reader, owned FROM spaces WHERE space = ?", (space,)) != [
            (record.domain, record.owner, 1)
        ]:
            found.append((record.unique_identifier, "its space is another owner's"))
        if standing != standing_of(record):
            found.append((record.unique_identifier, "its standing contradicts its dates"))
        found += [(record.unique_identifier, what) for what in _missing(rows, number, filed)]
    return found


def _missing(rows: Rows, number: int, filed: Filed) -> Iterator[str]:
    """What an object ought to be filed under and is not."""
    for space in (filed.space, *(row[0] for row in rows(_READERS, (number,)))):
        shelf = space * STANDINGS + filed.standing
        if not all(rows(_POSTED, (shelf, *term, number)) for term in filed.terms):
            yield "a posting is missing"
        if not all(rows(_NUMBERED, (shelf, *entry, number)) for entry in filed.numbers):
            yield "a number is missing"
    if any(rows(_NAMED, (filed.space, name)) != [(number,)] for name in filed.names):
        yield "a name is missing"


def strays(rows: Rows, after: tuple[Any, ...], limit: int) -> tuple[list[Stray], tuple[Any, ...] | None]:
    """See `keystead.store.Transaction.strays`; a place to go on is the table and the columns of the last row."""
    table, *last = after or (0,)
    name, columns = _TABLES[table]
    where = f" WHERE ({', '.join(columns)}) > ({', '.join('?' * len(columns))})" if last else ""
    page = rows(
        f"SELECT {', '.join(columns)} FROM {name}{where} ORDER BY {', '.join(columns)} LIMIT ?",
        (*last, limit),
    )
    known: dict[Any, tuple[Filed, set[int]] | None] = {}
    found = []
    for row in page:
        number = row[-1]
        try:
            if number not in known:
                known[number] = _filed(rows, number)
        except TamperError:  # its own row is damaged, so that nobody knows
            continue
        if not (name == "grants" and number == 0) and not _belongs(name, row, known[number]):
            found.append(Stray(name, tuple(row)))
    if len(page) == limit:
        return found, (table, *page[-1])
    return found, (table + 1,) if table + 1 < len(_TABLES) else None


def remove(rows: Rows, stray: Stray) -> None:
    """Remove what is filed and ought not to be."""
    columns = dict(_TABLES)[stray.table]
    rows(f"DELETE FROM {stray.table} WHERE {' AND '.join(f'{column} = ?' for column in columns)}", stray.row)


def _filed(rows: Rows, number: int) -> tuple[Filed, set[int]] | None:
    """How the object of a number is filed, and in which spaces; None if there is no such object."""
    found = rows(_FILED, (number,))
    if not found:
        return None
    filed = filed_row(found[0])
    return filed, {filed.space, *(row[0] for row in rows(_READERS, (number,)))}


def _belongs(table: str, row: Sequence[Any], known: tuple[Filed, set[int]] | None) -> bool:
    """Whether something filed says what its object says."""
    if known is None:
        return False
    filed, spaces = known
    if table == "grants":
        return bool(row[2] == "")
    if table == "names":
        return bool(row[0] == filed.space and row[1] in filed.names)
    if type(row[0]) is not int:
        return False
    space, standing = divmod(row[0], STANDINGS)
    on_shelf = space in spaces and standing == filed.standing
    return bool(on_shelf and tuple(row[1:3]) in (filed.terms if table == "postings" else filed.numbers))

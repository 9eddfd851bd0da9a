"""Backups: one sealed file with all that a server is, of one moment, made while it serves.

A backup has sections, of which each can be restored without the others: the configuration, the authority, and the
keys: the root of trust as it lies on the disk, the key-encryption keys as it wrapped them, and the database, row by
row, as it is sealed there.  Nothing is opened to make one, and nothing in it lies less sealed than where it came from;
the whole is sealed once more, under a key that only the root of trust unwraps.

The database is read in one transaction; the key-encryption keys before and after its beginning, so that all under
which something in it lies are there, even if they are rotated meanwhile.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from keystead import __version__
from keystead.custody import archive
from keystead.custody.files import writing
from keystead.custody.keks import KekStore, Tombstone
from keystead.custody.rootfile import ROOT_FILE
from keystead.errors import StoreError, TamperError
from keystead.store import Entry, GrantRow, Record, Store, Transaction
from keystead.store.rows import columns_of, record_of

FORMAT: Final = 1
SUFFIX: Final = ".keystead"
CONFIGURATION, AUTHORITY, KEYS = "configuration", "ca", "keys"
SECTIONS: Final = {CONFIGURATION: 1, AUTHORITY: 2, KEYS: 3}
"""The classes of what is backed up, and the numbers of their sections."""
_END: Final = 255
_PAGE: Final = 500
MOST_FILE_BYTES: Final = 4 << 20

Seal = Callable[[bytes], archive.FileKey]
"""The digest of a header → a fresh key for the file, from the root of trust."""
Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is, and how much there is."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Files:
    """What of the disk goes into a backup: by class, each file's name in the backup and where it lies."""

    configuration: Mapping[str, Path] = field(default_factory=dict)
    authority: Mapping[str, Path] = field(default_factory=dict)
    custody: Mapping[str, Path] = field(default_factory=dict)


@dataclass(slots=True)
class Counts:
    """How much of what is in a backup."""

    files: int = 0
    keks: int = 0
    tombstones: int = 0
    objects: int = 0
    entries: int = 0
    grants: int = 0
    events: int = 0


# --- items ------------------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"b": base64.b64encode(value).decode()}
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)


def _thing(found: dict[str, Any]) -> Any:
    return base64.b64decode(found["b"], validate=True) if found.keys() == {"b"} else found


class _Gatherer:
    """Puts items together into frames, at most as fast as is asked for."""

    def __init__(self, writer: archive.Writer, bytes_per_second: int | None) -> None:
        self._writer = writer
        self._rate = bytes_per_second
        self._began, self._written = time.monotonic(), 0
        self._section, self._content = 0, bytearray()

    def add(self, section: int, item: list[Any]) -> None:
        data = json.dumps(item, separators=(",", ":"), default=_plain).encode()
        if section != self._section or len(self._content) + len(data) > archive.FRAME_BYTES:
            self.flush()
            self._section = section
        self._content += data + b"\n"

    def flush(self) -> None:
        if self._content:
            self._writer.write(self._section, bytes(self._content))
            self._written += len(self._content)
            self._content.clear()
            if self._rate is not None:
                time.sleep(max(0.0, self._written / self._rate - (time.monotonic() - self._began)))

    def end(self, counts: Counts) -> None:
        self.flush()
        self._writer.write(_END, json.dumps(asdict(counts)).encode(), last=True)


# --- making one -------------------------------------------------------------------------------------------------------


def create(
    path: Path,
    store: Store,
    keks: KekStore,
    seal: Seal,
    files: Files,
    *,
    classes: tuple[str, ...] = tuple(SECTIONS),
    origin: str = "",
    bytes_per_second: int | None = None,
    progress: Progress = silent,
) -> Counts:
    """Write a backup; the file is there only once it is whole.

    Args:
        store: as it lies on the disk; nothing in it is opened.
        classes: which of SECTIONS.
        origin: whose it is, for people.
        bytes_per_second: at most so fast.

    Raises:
        StoreError: the database cannot be read, or the file is there already or cannot be written.
        CustodyError: the root of trust is sealed.
    """
    try:
        with writing(path) as file:
            return _create(file, store, keks, seal, files, classes, origin, bytes_per_second, progress)
    except FileExistsError:
        raise StoreError(f"{path} is there already; nothing is overwritten") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}; no part of it is left") from None


def _create(
    file: BinaryIO,
    store: Store,
    keks: KekStore,
    seal: Seal,
    files: Files,
    classes: tuple[str, ...],
    origin: str,
    bytes_per_second: int | None,
    progress: Progress,
) -> Counts:
    root, before = keks.root(), wrapped_keys(keks)
    with store.begin(write=False) as transaction:
        total, last = transaction.object_count(), transaction.last_event()
        wrapped = before | wrapped_keys(keks)
        header: dict[str, Any] = {
            "format": FORMAT,
            "identifier": archive.identifier(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "keystead": __version__,
            "origin": origin,
            "classes": list(classes),
            "root": root,
            "objects": total,
            "events": last,
        }
        # The root lies in front, of whichever classes it is: it opens what comes after it.  It is sealed itself.
        head = files.custody.get(ROOT_FILE)
        header["root_file"] = None if head is None else json.loads(_read(head))
        key = seal(archive.digest_of(header))
        named = root if head is None else header["root_file"]["identifier"]
        if not root == keks.root() == key.root == named:
            raise StoreError("the root of trust was being changed meanwhile: make the backup once more")
        gatherer = _Gatherer(archive.Writer(file, header, key), bytes_per_second)
        counts = Counts()
        for name, number, found in (
            (CONFIGURATION, SECTIONS[CONFIGURATION], files.configuration),
            (AUTHORITY, SECTIONS[AUTHORITY], files.authority),
            (KEYS, SECTIONS[KEYS], files.custody),
        ):
            for entry, where in found.items() if name in classes else ():
                gatherer.add(number, ["file", entry, _read(where), where.stat().st_mode & 0o777])
                counts.files += 1
        if KEYS in classes:
            for zone, (key_bytes, created) in sorted(wrapped.items()):
                gatherer.add(SECTIONS[KEYS], ["kek", *zone, key_bytes, created])
                counts.keks += 1
            for stone in keks.tombstones():
                gatherer.add(SECTIONS[KEYS], ["tombstone", *astuple(stone)])
                counts.tombstones += 1
            _rows(transaction, gatherer, counts, total, last, progress)
        gatherer.end(counts)
    return counts


def wrapped_keys(keks: KekStore) -> dict[tuple[str, int, int], tuple[bytes, int]]:
    """All key-encryption keys, by (domain, kind, generation): as they are wrapped, and when they were made."""
    return {
        (domain, kind, generation): (wrapped, created)
        for domain, kind, _ in keks.zones()
        for generation, wrapped, created in keks.made(domain, kind)
    }


def _rows(
    transaction: Transaction, gatherer: _Gatherer, counts: Counts, total: int, last: int, progress: Progress
) -> None:
    section = SECTIONS[KEYS]
    place: Any = ("", "")
    while entries := transaction.all_entries(place, _PAGE):
        for each in entries:
            gatherer.add(section, ["entry", each.kind, each.key, each.value, each.version, each.expires])
        counts.entries += len(entries)
        place = entries[-1].kind, entries[-1].key
    place = ""
    while records := transaction.records(place, _PAGE):
        for record in records:
            gatherer.add(section, ["object", *columns_of(record)])
        counts.objects += len(records)
        place = records[-1].unique_identifier
        progress("objects", counts.objects, total)
    while grants := transaction.grant_rows(counts.grants, _PAGE):
        for grant in grants:
            row = (grant.domain, grant.owner, grant.unique_identifier, grant.grantee, grant.operations)
            gatherer.add(section, ["grant", *row])
        counts.grants += len(grants)
    place = 0
    while events := transaction.events(place, _PAGE):
        for _, event in events:
            gatherer.add(section, ["event", event])
        counts.events += len(events)
        place = events[-1][0]
        progress("events", counts.events, last)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MOST_FILE_BYTES:
        raise StoreError(f"{path} is too large to be what it ought to be")
    return data


# --- reading one ------------------------------------------------------------------------------------------------------

Item = tuple[str, tuple[Any, ...]]
"""What it is, and its fields."""


def read_header(path: Path) -> dict[str, Any]:
    """What a backup says of itself; verified only once it is opened.

    Raises:
        TamperError: it is no backup.
        StoreError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            header = archive.read_header(file)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
    if type(header.get("format")) is not int:
        raise TamperError(_NONE)
    if header["format"] > FORMAT:
        raise StoreError(f"{path.name} was made by a newer version of Keystead")
    if not all(name in header and is_one(header[name]) for name, is_one in _HEADER.items()):
        raise TamperError(_NONE)
    return header


_NONE: Final = "this is not a backup of Keystead"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()  # it is shown before it is verified


def _is_number(value: Any) -> bool:
    return type(value) is int and value >= 0


_HEADER: Final[Mapping[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("identifier", "created", "keystead", "origin"), _is_text),
    **dict.fromkeys(("objects", "events"), _is_number),
    "classes": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "root": lambda value: value is None or _is_text(value),
    "root_file": lambda value: value is None or isinstance(value, dict),
}
"""What a header has, and what it must look like."""


def items(path: Path, key: bytes) -> Iterator[Item]:
    """As `items_with_sections`, without the sections."""
    for what, fields, _ in items_with_sections(path, key):
        yield what, fields


def items_with_sections(path: Path, key: bytes) -> Iterator[tuple[str, tuple[Any, ...], int]]:
    """Everything in a backup and the section it is in, in its order; at its end it was whole and unaltered.

    Args:
        key: from `archive.open_key`.

    Raises:
        TamperError: it was altered, cut short, or put together from others.
        StoreError: it cannot be read.
    """
    counts, said = Counts(), None
    try:
        with path.open("rb") as file:
            header = archive.read_header(file)
            for section, content in archive.frames(file, header, key):
                if section == _END:
                    said = Counts(**json.loads(content))
                    continue
                for line in content.splitlines():
                    what, *fields = json.loads(line, object_hook=_thing)
                    setattr(counts, _COUNTED[what], getattr(counts, _COUNTED[what]) + 1)
                    yield what, tuple(fields), section
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise TamperError("a backup that is sealed as it ought to be has no sense") from None
    if said != counts:
        raise TamperError("a backup does not hold as much as it says")


_COUNTED: Final = {
    "file": "files",
    "kek": "keks",
    "tombstone": "tombstones",
    "object": "objects",
    "entry": "entries",
    "grant": "grants",
    "event": "events",
}


def record_in(fields: tuple[Any, ...]) -> Record:
    """The record of an "object" item.  Raises: TamperError."""
    return record_of(fields)


def entry_in(fields: tuple[Any, ...]) -> Entry:
    """The entry of an "entry" item."""
    return Entry(*fields)


def grant_in(fields: tuple[Any, ...]) -> GrantRow:
    """The grant of a "grant" item."""
    domain, owner, unique_identifier, grantee, operations = fields
    return GrantRow(domain, owner, unique_identifier, grantee, frozenset(operations))


def tombstone_in(fields: tuple[Any, ...]) -> Tombstone:
    """The tombstone of a "tombstone" item."""
    return Tombstone(*fields)

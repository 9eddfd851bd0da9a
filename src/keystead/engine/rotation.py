"""New keys for zones, while clients are served: what lies under an old key is put under the new one, a slice at a time.

`rotate` gives zones new key-encryption keys, `shred` takes the old ones away as well; then there is a job, kept in the
store: it walks over all objects and all sealed values, and at its end retires every key under which nothing lies any
more.  A server that was killed goes on where the job was.  Whatever is sealed meanwhile lies under the new key, since
each transaction learns first under which keys it is to seal (`guard.State.keks`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from keystead.audit.log import Event
from keystead.custody.zones import Kind, Vault
from keystead.engine import sealed, waiting
from keystead.engine.guard import GuardedTransaction
from keystead.engine.records import destroyed, reseal
from keystead.errors import OperationFailed, TamperError
from keystead.kmip.enums import ResultReason
from keystead.store import Record

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

JOB: Final = ("rotation", "job")
KEYS, OBJECTS, VALUES, RETIRE = "keys", "objects", "values", "retire"
Zone = tuple[str, int, int]
"""Domain, kind, and the generation up to which its keys are to go."""
MOST_SECONDS: Final = 0.006
"""Of the loop's time, for a slice."""
_PAGE: Final = 64
_WAITING: Final = (waiting.KEPT, waiting.FETCHED)
MATERIAL: Final = (Kind.DATA_ENCRYPTION, Kind.KEY_ENCRYPTION, Kind.PRIVATE, Kind.SECRET)
"""The kinds of zone that objects lie in; attributes lie in that of the metadata."""


@dataclass(frozen=True, slots=True)
class Job:
    """How far the walk is.

    Attributes:
        what: for people.
        operator: who began it.
        total: how many objects there were when it began.
        done: how many were looked at; `changed`, sealed anew; `destroyed`, whose key was shredded.
        damaged: how many are not what was sealed; they stay as they are, and the keys that they name too.
        zones: that get new keys.
        shredded: zones whose old keys are destroyed, and with them what lies under those.
        began: POSIX seconds.
    """

    what: str
    operator: str
    began: int
    total: int
    phase: str = KEYS
    after: tuple[str, ...] = ("",)
    done: int = 0
    changed: int = 0
    destroyed: int = 0
    damaged: int = 0
    zones: tuple[Zone, ...] = ()
    shredded: tuple[Zone, ...] = ()

    @classmethod
    def decode(cls, data: bytes) -> Job:
        found = json.loads(data)
        found["after"] = tuple(found["after"])
        for name in ("zones", "shredded"):
            found[name] = tuple(map(tuple, found[name]))
        return cls(**found)

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def zones_of(engine: Engine, domain: str | None, kind: Kind | None) -> list[tuple[str, Kind]]:
    """The zones that there are of a domain (None: of all) and a kind (None: all)."""
    return [(of, each) for of, each, _ in engine.vault.zones() if domain in (None, of) and kind in (None, each)]


def rotate(engine: Engine, zones: Sequence[tuple[str, Kind]], operator: str) -> Job:
    """Give zones new keys and begin to put everything under them.

    Raises:
        OperationFailed: Item Not Found, if there is no such zone.
        StoreError, CustodyError, TamperError: nothing was begun, or it goes on at the next start.
    """
    return _begin(engine, zones, operator, "Rotate Zone Key", shred=False)


def shred(engine: Engine, zones: Sequence[tuple[str, Kind]], operator: str) -> Job:
    """Destroy the keys of zones, and with them every object in them, for ever.  Raises: as `rotate`."""
    if any(kind not in MATERIAL for _, kind in zones):
        raise OperationFailed(ResultReason.INVALID_FIELD, "the metadata of a domain outlives its keys")
    return _begin(engine, zones, operator, "Shred Zone", shred=True)


def _begin(engine: Engine, zones: Sequence[tuple[str, Kind]], operator: str, operation: str, *, shred: bool) -> Job:
    if not zones:
        raise OperationFailed(ResultReason.ITEM_NOT_FOUND, "there is no such zone: keystead zone list")
    named = ", ".join(f"{kind} of {domain or 'the server'}" for domain, kind in zones)
    old = tuple((domain, int(kind), engine.vault.current(domain, kind)) for domain, kind in zones)
    with engine.store.begin() as transaction:
        found = transaction.entry(*JOB)
        before = Job.decode(found) if found else None
        job = Job(
            what=f"{operation}: {named}",
            operator=operator,
            began=int(engine.clock()),
            total=transaction.state.objects,
            zones=(before.zones if before and before.phase == KEYS else ()) + old,
            shredded=(before.shredded if before else ()) + (old if shred else ()),
        )
        transaction.put_entry(*JOB, job.encode())
        transaction.append_events([_event(engine, operation, named, operator)])
        transaction.commit()
    labour(engine)  # at once the first of the keys
    return job


def progress(engine: Engine) -> Job | None:
    """The job that goes on; None if there is none."""
    with engine.store.begin(write=False) as transaction:
        found = transaction.entry(*JOB)
    return Job.decode(found) if found else None


def labour(engine: Engine) -> bool:
    """Do a slice of what there is to do, for some milliseconds; whether there is more.

    Raises:
        StoreError, CustodyError, TamperError: it goes on later.
    """
    with engine.store.begin(write=False) as transaction:
        found = transaction.entry(*JOB)
    if found is None:
        return False
    before = Job.decode(found)
    if before.phase == KEYS:
        return _keys(engine, before)
    deadline, changed = time.monotonic() + MOST_SECONDS, []
    with engine.store.begin() as transaction:
        found = transaction.entry(*JOB)
        if found is None:
            return False
        job: Job | None = Job.decode(found)
        while job is not None and time.monotonic() < deadline:
            job, touched = _PHASES[job.phase](engine, transaction, job)
            changed += touched
        if job is not None:
            transaction.put_entry(*JOB, job.encode())
        transaction.commit()
    for name in changed:
        engine.cache.pop(name, None)
    return job is not None


# --- the phases -------------------------------------------------------------------------------------------------------


def _keys(engine: Engine, job: Job) -> bool:
    """Make the new key of a zone, and destroy its old ones if it is to be shredded; whether there is more to do.

    That takes long, with an HSM above all, so it comes before the transaction; once more after a crash, which does no
    harm.
    """
    zone = domain, kind, old = job.zones[0]
    while engine.vault.current(domain, kind) <= old:
        engine.vault.rotate(domain, Kind(kind))
    if zone in job.shredded:
        engine.vault.shred(domain, Kind(kind), old)
    with engine.store.begin() as transaction:
        found = transaction.entry(*JOB)
        if found is None:
            return False
        job = Job.decode(found)
        left = tuple(other for other in job.zones if other != zone)
        transaction.put_entry(*JOB, replace(job, zones=left, phase=KEYS if left else OBJECTS).encode())
        transaction.set_state(keks=transaction.state.keks + 1)
        transaction.commit()
    engine.cache.clear()
    return True


def _objects(engine: Engine, transaction: GuardedTransaction, job: Job) -> tuple[Job, list[str]]:
    page = transaction.records(job.after[0], _PAGE)
    touched, lost, damaged = [], [], 0
    for record in page:
        try:
            if _is_shredded(engine.vault, record, job):
                lost.append(record)
            elif _renew(engine.vault, transaction, record):
                touched.append(record.unique_identifier)
        except TamperError:
            damaged += 1
    for record in lost:
        _mark_destroyed(engine, transaction, record)
        touched.append(record.unique_identifier)
    job = replace(
        job,
        done=job.done + len(page),
        changed=job.changed + len(touched) - len(lost),
        destroyed=job.destroyed + len(lost),
        damaged=job.damaged + damaged,
    )
    if len(page) == _PAGE:
        return replace(job, after=(page[-1].unique_identifier,)), touched
    return replace(job, phase=VALUES, after=("", "")), touched


def _is_shredded(vault: Vault, record: Record, job: Job) -> bool:
    if not job.shredded or record.material is None:
        return False
    kind, generation = record.material[0], vault.generation_of(record.material[1:])
    return any(zone[:2] == (record.domain, kind) and generation <= zone[2] for zone in job.shredded)


def _renew(vault: Vault, transaction: GuardedTransaction, record: Record) -> bool:
    """Put an object under the newest keys of its zones; whether it was not there."""
    attributes, material = record.attributes, record.material
    if vault.generation_of(attributes) < vault.current(record.domain, Kind.METADATA):
        attributes = reseal(vault, record)
    if material is not None and vault.generation_of(material[1:]) < vault.current(record.domain, material[0]):
        bound = (record.domain, material[0], record.unique_identifier, record.owner, 1)
        material = material[:1] + vault.rewrap(*bound, material[1:])
    if attributes is record.attributes and material is record.material:
        return False
    transaction.reseal(record.unique_identifier, record.generation, attributes, material)
    return True


def _mark_destroyed(engine: Engine, transaction: GuardedTransaction, record: Record) -> None:
    transaction.save(destroyed(engine.vault, record, int(engine.clock())), record.generation)


def _values(engine: Engine, transaction: GuardedTransaction, job: Job) -> tuple[Job, list[str]]:
    page = transaction.all_entries((job.after[0], job.after[1]), _PAGE)
    damaged = 0
    for entry in page:
        if entry.kind in sealed.KINDS:
            try:
                value = sealed.resealed(engine.vault, entry)
            except TamperError:
                damaged += 1
                continue
            if value is not None:
                transaction.keep_entry(replace(entry, value=value))
    job = replace(job, damaged=job.damaged + damaged)
    if len(page) == _PAGE:
        return replace(job, after=(page[-1].kind, page[-1].key)), []
    return replace(job, phase=RETIRE, after=("",)), []


def _retire(engine: Engine, transaction: GuardedTransaction, job: Job) -> tuple[Job | None, list[str]]:
    """Destroy the keys under which nothing lies any more.  Those of what is damaged stay: it may yet be mended."""
    vault, retired = engine.vault, 0
    if not job.damaged:
        held = _held(vault, transaction)
        for domain, kind, current in vault.zones():
            for generation in vault.generations(domain, kind):
                if generation < current and (kind, generation) not in held:
                    retired += vault.retire(domain, kind, generation)
    transaction.set_state(keks=transaction.state.keks + 1)
    transaction.delete_entry(*JOB)
    said = f"{job.changed} objects under new keys, {job.destroyed} destroyed, {retired} old keys retired"
    if job.damaged:
        said += f"; {job.damaged} are damaged, so that the old keys stay"
    transaction.append_events([_event(engine, f"{job.what.partition(':')[0]} Done", said, job.operator)])
    return None, []


def _held(vault: Vault, transaction: GuardedTransaction) -> set[tuple[int, int]]:
    """The (kind, generation) that results of asynchronous requests lie under; they do not stay for long."""
    return {
        (Kind.SECRET, vault.generation_of(value[1:]))
        for kind in _WAITING
        for _, value in transaction.entries(kind)
        if len(value) > 1
    }


_PHASES: Final = {OBJECTS: _objects, VALUES: _values, RETIRE: _retire}


def _event(engine: Engine, operation: str, message: str, operator: str) -> bytes:
    return Event(
        time=int(engine.clock() * 1_000_000), name=operator, operation=operation, status="Success", message=message
    ).encode()


__all__ = ["JOB", "MATERIAL", "Job", "labour", "progress", "rotate", "shred", "zones_of"]

"""What operators do to the keys of zones and to the database as a whole: methods of the administration."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from keystead.custody import archive
from keystead.custody.zones import Kind
from keystead.engine import integrity, rotation
from keystead.engine.admin import Administration
from keystead.engine.administration import method
from keystead.engine.integrity import Report


@method
def zones(administration: Administration) -> list[dict[str, Any]]:
    """The zones of all domains: how their keys stand."""
    vault = administration.engine.vault
    return [
        {
            "domain": domain,
            "kind": str(kind),
            "generation": current,
            "generations": list(vault.generations(domain, kind)),
            "created": vault.created(domain, kind),
        }
        for domain, kind, current in vault.zones()
    ]


@method
def rotate_zones(administration: Administration, kind: Kind | None = None, everywhere: bool = False) -> dict[str, Any]:
    """Give zones of the domain (or of all) a new key, and begin to put everything under it."""
    engine = administration.engine
    found = rotation.zones_of(engine, None if everywhere else administration.domain, kind)
    return _shown(rotation.rotate(engine, found, administration.operator))


@method
def shred_zone(administration: Administration, kind: Kind | None = None) -> dict[str, Any]:
    """Destroy the keys of a zone of the domain, or of all its zones but the metadata, and every object in them."""
    engine = administration.engine
    found = rotation.zones_of(engine, administration.domain, kind)
    if kind is None:
        found = [(domain, each) for domain, each in found if each in rotation.MATERIAL]
    return _shown(rotation.shred(engine, found, administration.operator))


@method
def rotation_progress(administration: Administration) -> dict[str, Any] | None:
    """How far the walk is; None if there is none."""
    job = rotation.progress(administration.engine)
    return None if job is None else _shown(job)


@method(slow=True)
def check_integrity(administration: Administration) -> dict[str, Any]:
    """Add everything up and look into every object; quarantine what is not as it was left."""
    engine = administration.engine

    def told(done: int, total: int) -> None:
        administration.progress("objects", done, total)

    report = integrity.examine(engine.store, told=told)
    integrity.act(engine, report)
    return _report(report)


@method(slow=True)
def accept_state(administration: Administration) -> dict[str, Any]:
    """Take the database as it is for what it ought to be; the quarantine ends."""
    return _report(integrity.accept(administration.engine, administration.operator))


@method
def backup_key(administration: Administration, digest: bytes) -> dict[str, bytes | str]:
    """A key for a backup whose header has this digest: plain, and wrapped by the root of trust, which is named."""
    administration.note("Create Backup", digest.hex()[:16])
    key = archive.new_key(administration.engine.vault.root, digest)
    return {"plain": key.plain, "wrapped": key.wrapped, "root": key.root}


def _shown(job: rotation.Job) -> dict[str, Any]:
    names = ("what", "operator", "began", "phase", "total", "done", "changed", "destroyed", "damaged")
    found = asdict(job)
    return {name: found[name] for name in names}


def _report(report: Report) -> dict[str, Any]:
    return {**asdict(report), "strays": list(map(str, report.strays)), "sound": report.sound, "said": str(report)}

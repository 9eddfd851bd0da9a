"""keystead zone: the keys that keys lie under."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from keystead.cli.commands import Commands
from keystead.cli.options import config_option, json_option, load_config
from keystead.cli.tables import Columns, field, show

KINDS: Final = ("data-encryption", "key-encryption", "private", "secret")
POLL_SECONDS: Final = 0.3


@click.group(cls=Commands)
def zone() -> None:
    """Rotate and shred the keys of zones.

    A zone is a domain and a kind of key: data-encryption keys, key-encryption keys, private keys, secrets, and the
    metadata of them all.  Each object lies under a key of its own, that under the key of its zone, that under the root
    of trust.

    \b
    Examples:
      keystead zone list
      keystead zone rotate
      keystead zone shred --domain retired --kind secret
    """


COLUMNS: Final[Columns] = {
    "domain": lambda row: row["domain"] or "(the server)",
    "kind": field("kind"),
    "generation": field("generation"),
    "older": lambda row: str(len(row["generations"]) - 1 or ""),
    "made": lambda row: datetime.fromtimestamp(row["created"], UTC).strftime("%Y-%m-%d %H:%M"),
}
domain_option = click.option("--domain", help="That of the configuration unless given.")
wait_option = click.option("--wait/--no-wait", default=True, show_default=True, help="Show how far it is until it is.")


@zone.command("list")
@config_option
@json_option
def list_zones(config_path: Path | None, as_json: bool) -> None:
    """List the zones: the generation of each key, how many older ones still hold something, when it was made.

    \b
    Examples:
      keystead zone list
      keystead zone list --json | jq '.[] | select(.domain == "default")'
    """
    from keystead.cli.administration import administration

    with administration(load_config(config_path)) as administrator:
        rows = administrator.call("zones")
        job = administrator.call("rotation_progress")
    show(rows, COLUMNS, as_json)
    if job is not None and not as_json:
        click.echo(f"\n{_line(job)}")


@zone.command()
@config_option
@domain_option
@click.option("--kind", type=click.Choice((*KINDS, "metadata")), help="All kinds unless given.")
@click.option("--all-domains", is_flag=True, help="Those of every domain, the server's own too.")
@wait_option
def rotate(config_path: Path | None, domain: str | None, kind: str | None, all_domains: bool, wait: bool) -> None:
    """Give zones a new key and put everything under it, while clients are served.

    It goes on by itself if this command, or the server, is ended meanwhile.  When nothing lies under an old key any
    more, that key is destroyed.

    \b
    Examples:
      keystead zone rotate
      keystead zone rotate --kind private --no-wait
      keystead zone rotate --all-domains
    """
    from keystead.cli.administration import administration

    with administration(load_config(config_path), domain) as administrator:
        job = administrator.call("rotate_zones", kind=kind, everywhere=all_domains)
        _follow(administrator, job, wait)


@zone.command()
@config_option
@domain_option
@click.option("--kind", type=click.Choice(KINDS), help="All but the metadata unless given.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@wait_option
def shred(config_path: Path | None, domain: str | None, kind: str | None, yes: bool, wait: bool) -> None:
    """Destroy the keys of a zone, or of a whole domain, and with them every object in it.  Nothing brings them back.

    The objects say that they are destroyed; their attributes stay.  No backup revives them on this installation.

    \b
    Examples:
      keystead zone shred --domain retired
      keystead zone shred --domain default --kind secret
    """
    from keystead.cli.administration import administration

    config = load_config(config_path)
    what = f"every {kind or 'object'} of the domain {domain or config.policy.domain}"
    if not yes:
        click.confirm(f"Destroy {what}, for ever?", abort=True)
    with administration(config, domain) as administrator:
        _follow(administrator, administrator.call("shred_zone", kind=kind), wait)


def _follow(administrator: Any, job: dict[str, Any], wait: bool) -> None:
    """Show how far the walk is; do it here if no server does."""
    if administrator.running and not wait:
        click.echo("Begun. keystead zone list shows how far it is.")
        return
    engine = None if administrator.running else administrator.engine
    last: dict[str, Any] = job
    found: dict[str, Any] | None = job
    while found is not None:
        last = found
        administrator.show({"what": _line(found), "done": found["done"], "total": 0})
        if engine is not None:
            deadline = time.monotonic() + POLL_SECONDS
            while engine.labour() and time.monotonic() < deadline:
                pass
        else:
            time.sleep(POLL_SECONDS)
        found = administrator.call("rotation_progress")
    administrator.show({"what": _line(last), "done": 1, "total": 1})
    if last["damaged"]:
        click.echo(_damaged(last))
    elif last["what"].startswith("Shred"):
        click.echo("Done: the keys are destroyed, and every object that lay under them says so.")
    else:
        click.echo("Done: everything lies under the newest keys.")


def _line(job: dict[str, Any]) -> str:
    share = 100 * job["done"] // job["total"] if job["total"] else 100
    return f"{job['what']}: {job['done']:,} of {job['total']:,} objects ({share} %)"


def _damaged(job: dict[str, Any]) -> str:
    return (
        f"Done but for {job['damaged']} that are damaged: they stay as they are, and so do the old keys. "
        "See keystead integrity check."
    )

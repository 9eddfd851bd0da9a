"""keystead integrity: whether the database is as it was left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from keystead.cli.commands import Commands
from keystead.cli.options import config_option, json_option, load_config


@click.group(cls=Commands)
def integrity() -> None:
    """Check that the database is as it was left.

    A server does so by itself, at its start and about each minute.  What does not add up is put in quarantine: requests
    that need it are refused, the rest is served.

    \b
    Examples:
      keystead integrity check
      keystead integrity accept
    """


@integrity.command()
@config_option
@json_option
def check(config_path: Path | None, as_json: bool) -> int:
    """Add up every row and look into every object.  The exit status is 1 if something is not as it was left.

    \b
    Examples:
      keystead integrity check
      keystead integrity check --json | jq .damaged
    """
    from keystead.cli.administration import administration

    with administration(load_config(config_path)) as administrator:
        report: dict[str, Any] = administrator.call("check_integrity")
    if as_json:
        click.echo(json.dumps(report))
    else:
        click.echo(f"{report['said'][0].upper()}{report['said'][1:]}.")
        for title in ("damaged", "misfiled", "strays", "ungranted", "unread", "events"):
            for name in report[title]:
                click.echo(f"  {title}: {name}")
        if report["wrong"]:
            click.echo("What does not add up is in quarantine: restore a backup, or keystead integrity accept.")
    return 0 if report["sound"] else 1


@integrity.command()
@config_option
@json_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept(config_path: Path | None, as_json: bool, yes: bool) -> None:
    """Take the database as it is for what it ought to be.

    For when you know why it is not as it was left: an old copy that you put in place yourself, a row that cannot be
    mended.  The quarantine ends; it is an event of the audit.  If in doubt, restore a backup instead.

    \b
    Examples:
      keystead integrity accept
    """
    if not yes:
        click.confirm("Trust whatever is in the database now?", abort=True)
    from keystead.cli.administration import administration

    with administration(load_config(config_path)) as administrator:
        report = administrator.call("accept_state")
    said = f"{report['objects']} objects and {report['entries']} values are taken as they are."
    click.echo(json.dumps(report) if as_json else said)

"""keystead audit: the record of every request."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import click

from keystead.cli.commands import Commands
from keystead.cli.options import config_option, json_option, load_config

PAGE = 1000
FOLLOW_SECONDS = 0.5


@click.group(cls=Commands)
def audit() -> None:
    """Read the record of every request, allowed or refused.

    \b
    Examples:
      keystead audit tail
      keystead audit tail --follow --json | jq 'select(.status != "Success")'
    """


@audit.command()
@config_option
@click.option("--lines", default=20, show_default=True, type=click.IntRange(0), help="So many of the latest events.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes.")
@json_option
def tail(config_path: Path | None, lines: int, follow: bool, as_json: bool) -> None:
    """Show the latest events.

    Reads the database only: the server may run or not, and no key is needed.

    \b
    Examples:
      keystead audit tail --lines 100
      keystead audit tail --follow
      keystead audit tail --lines 1000 --json > events.jsonl
    """
    from keystead.audit.log import Event
    from keystead.store import open as open_store

    with closing(open_store(load_config(config_path).store.url)) as store:
        with store.begin(write=False) as transaction:
            after = max(0, transaction.last_event() - lines)
        while True:
            with store.begin(write=False) as transaction:
                events = [Event.decode(data, sequence) for sequence, data in transaction.events(after, PAGE)]
            for event in events:
                click.echo(event.json() if as_json else event.line())
                after = event.sequence
            if len(events) < PAGE:
                if not follow:
                    return
                time.sleep(FOLLOW_SECONDS)

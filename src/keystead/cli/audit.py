"""keystead audit: the record of every request."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

from keystead.cli.options import config_option, json_option, load_config

PAGE = 1000
FOLLOW_SECONDS = 0.5


@click.group()
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

    \b
    Examples:
      keystead audit tail --lines 100
      keystead audit tail --follow
      keystead audit tail --lines 1000 --json > events.jsonl
    """
    from keystead.audit.log import Event
    from keystead.store import open as open_store

    store = open_store(load_config(config_path).store.url)  # events are not sealed: no root of trust is needed

    def page(after: int, limit: int = PAGE) -> list[Event]:
        with store.begin(write=False) as transaction:
            return [Event.decode(data, sequence) for sequence, data in transaction.events(after, limit)]

    try:
        after = max(0, _last(lambda sequence: bool(page(sequence - 1, 1))) - lines)
        while True:
            events = page(after)
            for event in events:
                click.echo(event.json() if as_json else event.line())
                after = event.sequence
            if len(events) < PAGE:
                if not follow:
                    return
                time.sleep(FOLLOW_SECONDS)
    finally:
        store.close()


def _last(exists: Callable[[int], bool]) -> int:
    """Find the last sequence number; they are dense from 1, so few looks do, however long the log is."""
    high = 1
    while exists(high):
        high *= 2
    low = high // 2  # exists, or is 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if exists(middle) else (low, middle)
    return low

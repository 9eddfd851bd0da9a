"""Lists, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

WIDE: Final = 4096
Columns = Mapping[str, Callable[[Mapping[str, Any]], str]]
"""A title → what a row shows under it."""


def show(rows: Sequence[Mapping[str, Any]], columns: Columns, as_json: bool) -> None:
    """Print a list."""
    if as_json:
        click.echo(json.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in columns:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(
            *(Text(printable(column(row))) for column in columns.values())
        )  # Text: no markup of a name counts
    console = Console()
    # Nobody reads a pipe by its columns: a row stays on its line there.
    console.print(table, width=None if console.is_terminal else WIDE)


def printable(text: str) -> str:
    """A text that says nothing to a terminal."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def field(name: str) -> Callable[[Mapping[str, Any]], str]:
    """A column that shows a field as it is."""
    return lambda row: str(row[name])


def several(name: str, none: str = "") -> Callable[[Mapping[str, Any]], str]:
    """A column that shows a list, or a word if there is nothing in it."""
    return lambda row: ", ".join(map(str, row[name])) or none


def day(seconds: int) -> str:
    """A date in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")

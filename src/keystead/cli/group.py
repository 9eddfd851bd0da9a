"""keystead group: clients and users to whom something is granted together."""

from __future__ import annotations

from typing import Final

import click

from keystead.cli.administration import Administrator, administering
from keystead.cli.commands import Commands
from keystead.cli.options import json_option
from keystead.cli.tables import Columns, field, several, show


@click.group(cls=Commands)
def group() -> None:
    """Make groups, and say who is in them.

    Members have what their groups were granted (keystead grant).  Those of the group "administrators" arrange things
    for a whole domain: its users, groups, defaults and constraints.

    \b
    Examples:
      keystead group add night
      keystead group add-member night backup
      keystead group list
    """


@group.command()
@click.argument("name")
@administering
def add(operators: Administrator, name: str) -> None:
    """Make the group NAME.

    \b
    Examples:
      keystead group add night
    """
    operators.call("add_group", name=name)
    click.echo(f"{name} is there.")


@group.command("list")
@json_option
@administering
def list_groups(operators: Administrator, as_json: bool) -> None:
    """List the groups of a domain and their members.

    \b
    Examples:
      keystead group list
      keystead group list --json | jq '.[] | select(.name == "administrators") | .members'
    """
    show(operators.call("groups"), COLUMNS, as_json)


@group.command()
@click.argument("name")
@administering
def remove(operators: Administrator, name: str) -> None:
    """Forget the group NAME, and what it was granted.

    \b
    Examples:
      keystead group remove night
    """
    operators.call("remove_group", name=name)
    click.echo(f"{name} is forgotten.")


@group.command("add-member")
@click.argument("group")
@click.argument("name")
@administering
def add_member(operators: Administrator, group: str, name: str) -> None:
    """Put the client or user NAME into GROUP.

    \b
    Examples:
      keystead group add-member night backup
    """
    operators.call("join_group", group=group, member=name)
    click.echo(f"{name} is in {group}.")


@group.command("remove-member")
@click.argument("group")
@click.argument("name")
@administering
def remove_member(operators: Administrator, group: str, name: str) -> None:
    """Take the client or user NAME out of GROUP.

    \b
    Examples:
      keystead group remove-member night backup
    """
    operators.call("leave_group", group=group, member=name)
    click.echo(f"{name} is not in {group}.")


COLUMNS: Final[Columns] = {"name": field("name"), "members": several("members"), "identity": field("identity")}
"""What the list shows of a group."""

"""keystead grant: what an owner lets others do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from keystead.cli.administration import Administrator, administering
from keystead.cli.commands import Commands
from keystead.cli.options import json_option
from keystead.cli.tables import Columns, field, several, show

F = TypeVar("F", bound=Callable[..., Any])

owner_option = click.option("--owner", required=True, metavar="NAME", help="The client or user that owns the objects.")
grantee_option = click.option("--to", "grantee", required=True, metavar="NAME", help="The client, user or group.")
object_option = click.option(
    "--object", "unique_identifier", default="*", metavar="UID", help="One object; all of the owner's unless given."
)


@click.group(cls=Commands)
def grant() -> None:
    """Let clients, users and groups work with objects of others.

    Nobody may do anything with an object but its owner and those who were granted it; to all others it is as if it
    were not there.

    \b
    Examples:
      keystead grant add --owner app --to backup --operation Get --operation Locate
      keystead grant list
      keystead grant remove --owner app --to backup
    """


@grant.command()
@owner_option
@grantee_option
@object_option
@click.option("--operation", "operations", multiple=True, help="An operation of KMIP, as Get; may be given again.")
@click.option("--all-operations", is_flag=True, help="Whatever the owner may do, Destroy included.")
@administering
def add(
    operators: Administrator,
    owner: str,
    grantee: str,
    unique_identifier: str,
    operations: tuple[str, ...],
    all_operations: bool,
) -> None:
    """Let somebody do operations on one object, or on all of an owner, those that come later too.

    A grant takes the place of the one before to the same grantee on the same objects.

    \b
    Examples:
      keystead grant add --owner app --to backup --operation Get
      keystead grant add --owner app --to night --object 01a20bf2-91df-7000-89a8-462eb3ab3d11 --operation Encrypt
      keystead grant add --owner old-app --to new-app --all-operations
    """
    if bool(operations) == all_operations:
        raise click.UsageError("say which with --operation, or --all-operations")
    operators.call("grant", owner=owner, grantee=grantee, unique_identifier=unique_identifier, operations=operations)
    click.echo(f"{grantee} may {', '.join(operations) or 'do everything'}, on {_objects(owner, unique_identifier)}.")


@grant.command("list")
@click.option("--owner", metavar="NAME", help="Only what this one lets others do.")
@click.option("--to", "grantee", metavar="NAME", help="Only what this one was granted.")
@json_option
@administering
def list_grants(operators: Administrator, owner: str | None, grantee: str | None, as_json: bool) -> None:
    """List the grants of a domain.

    \b
    Examples:
      keystead grant list
      keystead grant list --owner app
      keystead grant list --to backup --json
    """
    show(operators.call("grants", owner=owner, grantee=grantee), COLUMNS, as_json)


@grant.command()
@owner_option
@grantee_option
@object_option
@administering
def remove(operators: Administrator, owner: str, grantee: str, unique_identifier: str) -> None:
    """Take a grant back; it has no effect any more on the next request.

    \b
    Examples:
      keystead grant remove --owner app --to backup
      keystead grant remove --owner app --to night --object 01a20bf2-91df-7000-89a8-462eb3ab3d11
    """
    operators.call("revoke_grant", owner=owner, grantee=grantee, unique_identifier=unique_identifier)
    click.echo(f"{grantee} has no such grant any more, on {_objects(owner, unique_identifier)}.")


def _objects(owner: str, unique_identifier: str) -> str:
    return f"all objects of {owner}" if unique_identifier == "*" else f"{unique_identifier} of {owner}"


COLUMNS: Final[Columns] = {
    "owner": field("owner"),
    "object": lambda row: "all" if row["unique_identifier"] == "*" else str(row["unique_identifier"]),
    "to": field("grantee"),
    "operations": several("operations", "all"),
}
"""What the list shows of a grant."""

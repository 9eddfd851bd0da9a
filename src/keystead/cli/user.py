"""keystead user: people and devices that show a password."""

from __future__ import annotations

import base64
import secrets
import sys
import urllib.parse
from pathlib import Path
from typing import Final

import click

from keystead.cli.administration import Administrator, administering
from keystead.cli.commands import Commands
from keystead.cli.options import json_option
from keystead.cli.tables import Columns, day, field, several, show
from keystead.errors import ConfigError

MOST_PASSWORD_BYTES: Final = 4096
SEED_BYTES: Final = 20
"""As long as the digest of HMAC-SHA-1, which authenticators use.  Source: RFC 4226 section 4, R6."""

password_option = click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take the password from a file that only its owner may read, instead of asking for it.",
)
group_option = click.option("--group", "groups", multiple=True, help="A group to be in; may be given again.")


@click.group(cls=Commands)
def user() -> None:
    """Make users and devices, list them, lock them out.

    A user shows a name and a password in the message, over any client's certificate; it owns what it makes.  One of the
    name of a client is that client: its password is asked for beside its certificate.  A name that is asked for may be
    an identity, as `keystead user list` shows it, too.

    \b
    Examples:
      keystead user add fred --group operators
      keystead user list
      keystead user disable fred
    """


@user.command()
@click.argument("name")
@group_option
@password_option
@administering
def add(operators: Administrator, name: str, groups: tuple[str, ...], password_file: Path | None) -> None:
    """Make the user NAME, who is let in by a password.

    \b
    Examples:
      keystead user add fred
      keystead user add fred --group operators --password-file /run/secrets/fred
    """
    operators.call("add_user", name=name, password=_password(password_file), groups=groups)
    click.echo(f"{name} is let in.")


@user.command("add-device")
@group_option
@password_option
@click.option("--serial-number", "device_serial_number", metavar="TEXT", help="Its serial number.")
@click.option("--device-id", "device_identifier", metavar="TEXT", help="Its Device Identifier.")
@click.option("--network-id", "network_identifier", metavar="TEXT", help="Its Network Identifier.")
@click.option("--machine-id", "machine_identifier", metavar="TEXT", help="Its Machine Identifier.")
@click.option("--media-id", "media_identifier", metavar="TEXT", help="Its Media Identifier.")
@administering
def add_device(
    operators: Administrator,
    groups: tuple[str, ...],
    password_file: Path | None,
    **identifiers: str | None,
) -> None:
    """Make a device, which is let in by its identifiers and a password.

    A serial number tells a device by itself; without one, all the other identifiers together do.

    \b
    Examples:
      keystead user add-device --serial-number SN-4711 --media-id LTO-0042
    """
    device = {name: value for name, value in identifiers.items() if value is not None}
    if not device:
        raise click.UsageError("a device has at least one identifier")
    made = operators.call("add_device", device=device | {"password": _password(password_file)}, groups=groups)
    click.echo(f"{made['name']} is let in, as {made['identity']}.")


@user.command("list")
@json_option
@administering
def list_users(operators: Administrator, as_json: bool) -> None:
    """List the users and devices of a domain.

    \b
    Examples:
      keystead user list
      keystead user list --json | jq '.[] | select(.disabled) | .name'
    """
    show(operators.call("users"), COLUMNS, as_json)


@user.command()
@click.argument("name")
@password_option
@click.option("--hashed", is_flag=True, help="It may be shown as KMIP's Hashed Password too, and is kept less safely.")
@administering
def passwd(operators: Administrator, name: str, password_file: Path | None, hashed: bool) -> None:
    """Give the user NAME another password.

    \b
    Examples:
      keystead user passwd fred
      keystead user passwd fred --password-file /run/secrets/fred
    """
    operators.call("set_password", name=name, password=_password(password_file), hashed=hashed)
    click.echo(f"{name} has a new password.")


@user.command("one-time")
@click.argument("name")
@click.option("--off", is_flag=True, help="Ask for none any more.")
@administering
def one_time(operators: Administrator, name: str, off: bool) -> None:
    """Ask the user NAME for a one-time password beside the password.

    Shows once what an authenticator is set up with: six digits, a new number every 30 seconds.

    \b
    Examples:
      keystead user one-time fred
      keystead user one-time fred --off
    """
    seed = secrets.token_bytes(SEED_BYTES)
    operators.call(
        "set_one_time_password", name=name, one_time=None if off else {"otp_algorithm": "TOTP", "seed": seed}
    )
    if off:
        click.echo(f"{name} shows no one-time password any more.")
        return
    text = base64.b32encode(seed).decode().rstrip("=")
    label = urllib.parse.quote(f"keystead:{name}", safe=":")
    click.echo(f"Set {name}'s authenticator up with this; it is not shown again:")
    click.echo(f"  otpauth://totp/{label}?secret={text}&issuer=keystead")


@user.command()
@click.argument("name")
@administering
def disable(operators: Administrator, name: str) -> None:
    """Lock the user or device NAME out, at once.

    \b
    Examples:
      keystead user disable fred
    """
    operators.call("disable_user", name=name)
    click.echo(f"{name} is locked out.")


@user.command()
@click.argument("name")
@administering
def enable(operators: Administrator, name: str) -> None:
    """Let the user or device NAME in again.

    \b
    Examples:
      keystead user enable fred
    """
    operators.call("enable_user", name=name)
    click.echo(f"{name} is let in.")


@user.command()
@click.argument("name")
@administering
def remove(operators: Administrator, name: str) -> None:
    """Forget the user or device NAME.

    It must own no objects any more.  One that is made later under the same name is another user and inherits nothing.

    \b
    Examples:
      keystead user remove fred
    """
    operators.call("remove_user", name=name)
    click.echo(f"{name} is forgotten.")


def _password(file: Path | None) -> str:
    """The password in a file, or the one that is typed.  Raises: ConfigError, CustodyError."""
    if file is not None:
        from keystead.custody.files import read_private

        try:
            return read_private(file, MOST_PASSWORD_BYTES).rstrip(b"\r\n").decode()
        except UnicodeDecodeError:
            raise ConfigError(f"{file} is not UTF-8") from None
    if not sys.stdin.isatty():
        raise ConfigError("a password is asked for at a terminal, or comes from --password-file")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True))


COLUMNS: Final[Columns] = {
    "name": field("name"),
    "kind": lambda row: "device" if row["devices"] else "user",
    "groups": several("groups"),
    "made": lambda row: day(row["made"]),
    "shows": lambda row: "nothing: disabled" if row["disabled"] else ", ".join(row["shows"]) or "a credential object",
    "over": lambda row: "its client only" if row["client"] not in ("", row["identity"]) else "any client",
    "identity": field("identity"),
}
"""What the list shows of a user."""

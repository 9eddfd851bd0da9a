"""keystead wrapping-key: which keys Sensitive keys may leave under."""

from __future__ import annotations

import click

from keystead.cli.administration import Administrator, administering


@click.group("wrapping-key")
def wrapping_key() -> None:
    """Say which keys Sensitive keys may be wrapped by.

    A key that was made here, and that nobody ever had in plain, may wrap Sensitive keys anyhow.  One that came from
    outside may not, for whoever brought it could open what it wraps: trust it only if that is wanted, for example for
    the key of a partner's HSM.

    \b
    Examples:
      keystead wrapping-key trust 01a20bf2-91df-7000-89a8-462eb3ab3d11
    """


@wrapping_key.command()
@click.argument("uid")
@administering
def trust(operators: Administrator, uid: str) -> None:
    """Let Sensitive keys leave under the key UID.

    \b
    Examples:
      keystead wrapping-key trust 01a20bf2-91df-7000-89a8-462eb3ab3d11
    """
    operators.call("trust_wrapping_key", unique_identifier=uid, trusted=True)
    click.echo(f"{uid} may wrap Sensitive keys.")


@wrapping_key.command()
@click.argument("uid")
@administering
def distrust(operators: Administrator, uid: str) -> None:
    """Let no Sensitive key leave under the key UID any more.

    \b
    Examples:
      keystead wrapping-key distrust 01a20bf2-91df-7000-89a8-462eb3ab3d11
    """
    operators.call("trust_wrapping_key", unique_identifier=uid, trusted=False)
    click.echo(f"{uid} may wrap no Sensitive keys.")

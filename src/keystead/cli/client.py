"""keystead client: who may ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keystead.cli.layout import Layout, check_name
from keystead.cli.options import config_option, json_option, load_config
from keystead.errors import ConfigError

if TYPE_CHECKING:
    from keystead.engine.admin import Administration


@click.group()
def client() -> None:
    """Enrol and list clients, and lock them out.

    \b
    Examples:
      keystead client enroll backup
      keystead client list
      keystead client disable backup
    """


@client.command()
@click.argument("name")
@config_option
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Bind this certificate, issued elsewhere, instead of issuing one.",
)
@click.option("--domain", help="The domain it belongs to; that of the configuration unless given.")
@click.option("--group", "groups", multiple=True, help="A group that it is in; may be given again.")
@click.option("--key", "kind", default="P-256", show_default=True, help="P-256, P-384, RSA-2048 or RSA-3072.")
def enroll(
    name: str,
    config_path: Path | None,
    certificate: Path | None,
    domain: str | None,
    groups: tuple[str, ...],
    kind: str,
) -> None:
    """Let a client in, under NAME.

    Issues a certificate and a key for it, unless it brings a certificate of its own from an authority that the server
    trusts.  From then on it is known by its issuer and public key; its name is for people.

    \b
    Examples:
      keystead client enroll backup
      keystead client enroll db7 --key RSA-2048 --group databases
      keystead client enroll web --certificate web.pem
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    from keystead.cli.opening import open_root, opener
    from keystead.pki.ca import Authority
    from keystead.pki.files import read_certificate
    from keystead.server.tls import leaf_fault

    config = load_config(config_path)
    layout = Layout(config.directory)
    check_name(name)
    engine = opener(config, open_root(config))()
    try:
        if certificate is not None:
            der = read_certificate(certificate).public_bytes(Encoding.DER)
            if fault := leaf_fault(der):
                raise ConfigError(f"{certificate}: {fault}")
        else:
            if any(path.exists() for path in layout.client(name)):
                raise ConfigError(f"{layout.client(name)[0]} is there already; nothing is overwritten")
            layout.make()
            der = layout.issue_client(Authority.load(layout.ca, layout.ca_key), name, kind)
        engine.enroll(name, der, domain or config.policy.domain, groups)
    finally:
        engine.close()
    click.echo(f"{name} is enrolled.")
    if certificate is None:
        pem, key = layout.client(name)
        click.echo(f"Give it these, by a safe way, and then remove the key here:\n  {pem}\n  {key}\n  {layout.ca}")


@client.command()
@click.argument("name")
@config_option
@click.option("--domain", help="The domain it belongs to; that of the configuration unless given.")
def disable(name: str, config_path: Path | None, domain: str | None) -> None:
    """Lock a client out.

    A server that runs lets it in no more, and ends its open connections within seconds.  What it owns stays.

    \b
    Examples:
      keystead client disable backup
    """
    _administer(config_path, domain, lambda administration: administration.disable_client(name))
    click.echo(f"{name} is locked out.")


@client.command()
@click.argument("name")
@config_option
@click.option("--domain", help="The domain it belongs to; that of the configuration unless given.")
def enable(name: str, config_path: Path | None, domain: str | None) -> None:
    """Let a client in again that was locked out.

    \b
    Examples:
      keystead client enable backup
    """
    _administer(config_path, domain, lambda administration: administration.enable_client(name))
    click.echo(f"{name} is let in again.")


def _administer(config_path: Path | None, domain: str | None, work: Callable[[Administration], object]) -> None:
    from keystead.cli.opening import open_root, opener
    from keystead.engine.admin import Administration

    config = load_config(config_path)
    engine = opener(config, open_root(config))()
    try:
        work(Administration(engine, domain or config.policy.domain))
    finally:
        engine.close()


@client.command("list")
@config_option
@json_option
def list_clients(config_path: Path | None, as_json: bool) -> None:
    """List the clients.

    \b
    Examples:
      keystead client list
      keystead client list --json
    """
    from keystead.cli.opening import open_root, opener

    config = load_config(config_path)
    engine = opener(config, open_root(config))()
    try:
        clients = engine.clients()
    finally:
        engine.close()
    if as_json:
        click.echo(json.dumps(clients, default=str))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in COLUMNS:
        table.add_column(title, overflow="fold")
    for row in clients:
        table.add_row(*(Text(show(row)) for show in COLUMNS.values()))  # Text: no markup of a name counts
    Console().print(table)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


COLUMNS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "name": lambda row: str(row["name"]),
    "domain": lambda row: str(row["domain"]),
    "groups": lambda row: ", ".join(row["groups"]),
    "enrolled": lambda row: _day(row["enrolled"]),
    "until": lambda row: "disabled" if row["disabled"] else _day(row["not_after"]),
    "identity": lambda row: str(row["identity"]),
}
"""What the list shows of a client."""

"""keystead client: who may ask."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from keystead.cli.administration import Administrator, administering, administration
from keystead.cli.commands import Commands
from keystead.cli.layout import Layout, check_name
from keystead.cli.options import config_option, domain_option, json_option, load_config
from keystead.cli.tables import Columns, day, field, several, show
from keystead.errors import ConfigError, OperationFailed


@click.group(cls=Commands)
def client() -> None:
    """Enrol clients, list them, lock them out.

    These work while the server runs, and without it as long as its root of trust can be opened here.  What is changed
    holds at once; connections that are open end within seconds.

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
@domain_option
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

    from keystead.pki.ca import Authority
    from keystead.pki.files import read_certificate
    from keystead.server.tls import leaf_fault

    config = load_config(config_path)
    layout = Layout(config.directory)
    check_name(name)
    with administration(config, domain) as operators:
        if certificate is not None:
            der = read_certificate(certificate).public_bytes(Encoding.DER)
            if fault := leaf_fault(der):
                raise ConfigError(f"{certificate}: {fault}")
        else:
            if any(path.exists() for path in layout.client(name)):
                raise ConfigError(f"{layout.client(name)[0]} is there already; nothing is overwritten")
            layout.make()
            der = layout.issue_client(Authority.load(layout.ca, layout.ca_key), name, kind)
        try:
            operators.call("enroll_client", name=name, certificate=der, groups=groups)
        except OperationFailed:
            if certificate is None:  # nobody is let in by them
                for path in layout.client(name):
                    path.unlink()
            raise
    click.echo(f"{name} is enrolled.")
    if certificate is None:
        pem, key = layout.client(name)
        click.echo(f"Give it these, by a safe way, and then remove the key here:\n  {pem}\n  {key}\n  {layout.ca}")


@client.command("list")
@config_option
@json_option
def list_clients(config_path: Path | None, as_json: bool) -> None:
    """List the clients of every domain.

    \b
    Examples:
      keystead client list
      keystead client list --json | jq '.[] | select(.disabled) | .name'
    """
    with administration(load_config(config_path)) as operators:
        show(operators.call("clients"), COLUMNS, as_json)


@client.command()
@click.argument("name")
@administering
def disable(operators: Administrator, name: str) -> None:
    """Lock the client NAME out.

    What it owns stays.  Its open connections end within seconds.

    \b
    Examples:
      keystead client disable backup
    """
    operators.call("disable_client", name=name)
    click.echo(f"{name} is locked out.")


@client.command()
@click.argument("name")
@administering
def enable(operators: Administrator, name: str) -> None:
    """Let the client NAME in again.

    \b
    Examples:
      keystead client enable backup
    """
    operators.call("enable_client", name=name)
    click.echo(f"{name} is let in again.")


@client.command()
@click.argument("name")
@administering
def remove(operators: Administrator, name: str) -> None:
    """Forget the client NAME.

    It must own no objects any more.  One that is enrolled later under the same name, or by the same certificate, is
    another client and inherits nothing.

    \b
    Examples:
      keystead client remove backup
    """
    operators.call("remove_client", name=name)
    click.echo(f"{name} is forgotten.")


@client.command()
@click.argument("name")
@click.option(
    "--public-key",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The attestation key of its TPM (PEM).",
)
@click.option("--registers", metavar="HEX", help="The digest of the registers that it has to be in; any unless given.")
@click.option("--waive", is_flag=True, help="It need not attest any more.")
@administering
def attest(operators: Administrator, name: str, public_key: Path | None, registers: str | None, waive: bool) -> None:
    """Have the client NAME attest the state of its machine.

    \b
    Examples:
      keystead client attest db7 --public-key db7-ak.pem
      keystead client attest db7 --public-key db7-ak.pem --registers 9f86d081884c7d65...
      keystead client attest db7 --waive
    """
    if waive == (public_key is not None):
        raise click.UsageError("say --public-key, or --waive")
    if public_key is None:
        operators.call("waive_attestation", name=name)
        click.echo(f"{name} need not attest any more.")
        return
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    try:
        key = load_pem_public_key(public_key.read_bytes())
        digest = bytes.fromhex(registers or "")
    except ValueError:
        raise ConfigError("--public-key is a PEM file, --registers is hexadecimal") from None
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    operators.call("require_attestation", name=name, public_key=der, registers=digest)
    click.echo(f"{name} has to attest.")


COLUMNS: Final[Columns] = {
    "name": field("name"),
    "domain": field("domain"),
    "groups": several("groups"),
    "enrolled": lambda row: day(row["enrolled"]),
    "until": lambda row: "disabled" if row["disabled"] else day(row["not_after"]),
    "identity": field("identity"),
}
"""What the list shows of a client."""

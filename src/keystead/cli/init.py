"""keystead init: from nothing to a server that can be started."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from keystead.cli.layout import Layout
from keystead.errors import ConfigError

MINIMUM_PASSPHRASE = 12


@click.command()
@click.option("--dir", "directory", type=click.Path(path_type=Path, file_okay=False), help="Where everything is kept.")
@click.option("--domain", help="The domain that clients are enrolled in.")
@click.option(
    "--host", "hosts", multiple=True, metavar="NAME", help="A DNS name or address clients reach the server by."
)
@click.option("--root", type=click.Choice(["key-file", "passphrase"]), help="What opens the root of trust.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take the passphrase from a file, at each start too; only its owner may read it.",
)
@click.option("--kmip-port", type=click.IntRange(1, 65_535), default=5696, show_default=True)
@click.option("--https-port", type=click.IntRange(1, 65_535), default=5697, show_default=True)
@click.option("--yes", is_flag=True, help="Ask nothing: take the defaults.")
def init(
    directory: Path | None,
    domain: str | None,
    hosts: tuple[str, ...],
    root: str | None,
    passphrase_file: Path | None,
    kmip_port: int,
    https_port: int,
    yes: bool,
) -> None:
    """Set up a server: configuration, root of trust, certificates.

    What is not said is asked.  It makes keystead.toml, an authority that clients' certificates come from, the server's
    certificate, and the root of trust, which everything that is stored is sealed under.

    \b
    Examples:
      keystead init
      keystead init --dir /var/lib/keystead --host kms.example.org --root passphrase
      keystead init --dir /srv/ks --host 192.0.2.10 --yes
    """
    from keystead.cli.opening import make_key_file_root, passphrase
    from keystead.custody.software import SoftwareRoot

    ask = not yes and sys.stdin.isatty()

    def answer(given: str | None, question: str, default: str) -> str:
        return given or (str(click.prompt(question, default=default)) if ask else default)

    layout = Layout(Path(answer(str(directory) if directory else None, "Directory", "keystead-data")).absolute())
    if layout.config.exists():
        raise ConfigError(f"{layout.config} is there already; init never changes a server that exists")
    domain = answer(domain, "Domain of the clients", "default")
    if not hosts:
        hosts = tuple(answer(None, "Names clients reach it by, besides localhost", "localhost").split())
    root = "passphrase" if passphrase_file else answer(root, "Root of trust: key-file or passphrase", "key-file")
    secret = _new_passphrase(passphrase(passphrase_file) if passphrase_file else None) if root == "passphrase" else b""

    layout.make()
    custody: dict[str, object] = {"root": root, "directory": layout.custody.name}
    if root == "passphrase":
        SoftwareRoot.create(layout.custody, secret, "passphrase")
        if passphrase_file:
            custody["passphrase_file"] = passphrase_file.absolute()
    else:
        make_key_file_root(layout.custody, layout.root_key)
    authority = layout.authority(f"Keystead {domain} CA")
    layout.issue_server(authority, hosts)
    # Last: a directory with a configuration is a server that is whole.
    layout.write_config(
        {
            "server": {"kmip_port": kmip_port, "https_port": https_port},
            "store": {"url": f"sqlite:{layout.store.relative_to(layout.directory)}"},
            "custody": custody,
            "policy": {"domain": domain},
        }
    )
    click.echo(_next_steps(layout, root, kmip_port))


def _new_passphrase(given: bytes | None) -> bytes:
    if given is None:
        if not sys.stdin.isatty():
            raise ConfigError("a new passphrase is asked for at a terminal, or comes from --passphrase-file")
        given = str(click.prompt("New passphrase", hide_input=True, confirmation_prompt="Once more", err=True)).encode()
    if len(given) < MINIMUM_PASSPHRASE:
        raise ConfigError(f"a passphrase has at least {MINIMUM_PASSPHRASE} characters")
    return given


def _next_steps(layout: Layout, root: str, port: int) -> str:
    keep = (
        f"{layout.root_key} opens everything. Move it to another disk and name it in [custody] key_file."
        if root == "key-file"
        else "The passphrase opens everything, and nothing opens without it. Keep it where two people can find it."
    )
    return f"""\
Keystead is set up in {layout.directory}.

{keep}
{layout.ca_key} makes clients: keep it off this machine when you are done enrolling.

Next:
  keystead client enroll NAME --config {layout.config}
  keystead serve --config {layout.config}

Clients reach it at port {port}, trusting {layout.ca}."""

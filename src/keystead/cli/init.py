"""keystead init: from nothing to a server that can be started."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from keystead.cli.layout import Layout
from keystead.errors import ConfigError

ROOTS = ("key-file", "passphrase", "shares", "pkcs11")


@click.command()
@click.option("--dir", "directory", type=click.Path(path_type=Path, file_okay=False), help="Where everything is kept.")
@click.option("--domain", help="The domain that clients are enrolled in.")
@click.option(
    "--host", "hosts", multiple=True, metavar="NAME", help="A DNS name or address clients reach the server by."
)
@click.option("--root", type=click.Choice(ROOTS), help="What opens the root of trust.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take the passphrase from a file, at each start too; only its owner may read it.",
)
@click.option(
    "--module", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="For pkcs11: the HSM's module."
)
@click.option("--token", metavar="LABEL", help="For pkcs11: the label of its token.")
@click.option(
    "--pin-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="For pkcs11: a file with its PIN."
)
@click.option(
    "--kmip-port", type=click.IntRange(1, 65_535), default=5696, show_default=True, help="The port for KMIP over TLS."
)
@click.option(
    "--https-port",
    type=click.IntRange(1, 65_535),
    default=5697,
    show_default=True,
    help="The port for KMIP over HTTPS.",
)
@click.option("--yes", is_flag=True, help="Ask nothing: take the defaults.")
def init(
    directory: Path | None,
    domain: str | None,
    hosts: tuple[str, ...],
    root: str | None,
    passphrase_file: Path | None,
    module: Path | None,
    token: str | None,
    pin_file: Path | None,
    kmip_port: int,
    https_port: int,
    yes: bool,
) -> None:
    """Set up a server: configuration, root of trust, certificates.

    What is not said is asked.  It makes keystead.toml, an authority that clients' certificates come from, the server's
    certificate, and the root of trust, which everything that is stored is sealed under.  A root that custodians share,
    or that is in an HSM, is made by the next command: keystead operator init.

    \b
    Examples:
      keystead init
      keystead init --dir /var/lib/keystead --host kms.example.org --root passphrase
      keystead init --dir /srv/ks --host 192.0.2.10 --yes
      keystead init --dir /var/lib/keystead --host kms.example.org --root shares
      keystead init --dir /srv/ks --root pkcs11 --module /usr/lib/softhsm/libsofthsm2.so --token keystead
    """
    from keystead.cli.opening import make_key_file_root
    from keystead.cli.roots import new_passphrase
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
    if passphrase_file:
        root = "passphrase"
    elif module or token or pin_file:
        root = "pkcs11"
    else:
        root = answer(root, f"Root of trust: {', '.join(ROOTS)}", "key-file")
    if root not in ROOTS:
        raise ConfigError(f"--root: is {' or '.join(ROOTS)}")
    if root == "pkcs11" and (module is None or token is None):
        raise ConfigError("--root pkcs11: say --module and --token of the HSM")
    secret = new_passphrase(passphrase_file) if root == "passphrase" else b""

    layout.make()
    custody: dict[str, object] = {"root": root, "directory": layout.custody.name}
    if root == "passphrase":
        SoftwareRoot.create(layout.custody, secret, "passphrase")
        if passphrase_file:
            custody["passphrase_file"] = passphrase_file.absolute()
    elif root == "key-file":
        make_key_file_root(layout.custody, layout.root_key)
    elif module is not None:
        custody |= {"pkcs11_module": module.absolute(), "pkcs11_token": token}
        if pin_file is not None:
            custody["pin_file"] = pin_file.absolute()
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


KEEP = {
    "key-file": "{root_key} opens everything. Move it to another disk and name it in [custody] key_file.",
    "passphrase": "The passphrase opens everything, nothing opens without it. Keep it where two people can find it.",
    "shares": "There is no root of trust yet: call the custodians together.",
    "pkcs11": "There is no root of trust yet: its key is made in the HSM.",
}
MAKE = {
    "shares": "keystead operator init --shares 5 --threshold 3 --config {config}",
    "pkcs11": "keystead operator init --config {config}",
}


def _next_steps(layout: Layout, root: str, port: int) -> str:
    keep = KEEP[root].format(root_key=layout.root_key)
    make = f"\n  {MAKE[root].format(config=layout.config)}" if root in MAKE else ""
    return f"""\
Keystead is set up in {layout.directory}.

{keep}
{layout.ca_key} makes clients: keep it off this machine when you are done enrolling.

Next:{make}
  keystead client enroll NAME --config {layout.config}
  keystead serve --config {layout.config}

Clients reach it at port {port}, trusting {layout.ca}."""

"""keystead dev: a server to try things with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keystead.cli.layout import Layout, check_name
from keystead.config import Config
from keystead.pki.files import PRIVATE, write_atomic

if TYPE_CHECKING:
    from keystead.engine.engine import Engine
    from keystead.pki.ca import Authority

DEFAULT_CLIENTS = ("alice", "bob")
STOP_SECONDS = 3.0
"""Whoever tries things does not want to wait for a key that is still being made."""


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where everything is kept, to be found again; a fresh directory, removed at the end, unless given.",
)
@click.option("--kmip-port", type=click.IntRange(0, 65_535), default=5696, show_default=True, help="0: any free one.")
@click.option("--https-port", type=click.IntRange(0, 65_535), default=5697, show_default=True, help="0: any free one.")
@click.option(
    "--client", "clients", multiple=True, metavar="NAME", help="A client to enrol; alice and bob unless given."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that answer.")
@click.option("--store", "store_url", metavar="URL", help="The database; one in the directory unless given.")
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Is written once the server answers: its process, ports, authority and clients in JSON.",
)
def dev(
    directory: Path | None,
    kmip_port: int,
    https_port: int,
    clients: tuple[str, ...],
    workers: int,
    store_url: str | None,
    ready_file: Path | None,
) -> int:
    """Run a throw-away server, at once.

    It makes an authority, a server's certificate for localhost, and a certificate and key for each client; it is
    unsealed by a key file beside its data, so it protects nothing.  Started again on the same directory it goes on
    where it was.

    \b
    Examples:
      keystead dev
      keystead dev --dir /tmp/ks --client app --client backup
      keystead dev --kmip-port 0 --https-port 0 --ready-file /tmp/ready.json
    """
    from keystead.custody.memory import overwrite_what_is_freed

    names = tuple(dict.fromkeys(check_name(name) for name in clients or DEFAULT_CLIENTS))
    overwrite_what_is_freed(small=False)
    signal.signal(signal.SIGTERM, _stop)  # until there is a server that stops by itself
    if ready_file is not None and not ready_file.absolute().parent.is_dir():
        raise click.BadParameter(f"{ready_file.parent} is no directory", param_hint="--ready-file")
    temporary = directory is None
    layout = Layout(Path(tempfile.mkdtemp(prefix="keystead-")) if directory is None else directory.absolute())
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    try:
        return _run(layout, kmip_port, https_port, names, workers, store_url, ready_file, temporary)
    finally:
        if temporary:
            shutil.rmtree(layout.directory, ignore_errors=True)


def _from_here(url: str) -> str:
    """The address of a store, its file taken from where the command was given, as a shell's user means it."""
    scheme, _, path = url.partition(":")
    return f"{scheme}:{Path(path).absolute()}" if scheme == "sqlite" and path and not path.startswith("/") else url


def _stop(*_: object) -> None:
    raise SystemExit(0)


def _run(
    layout: Layout,
    kmip_port: int,
    https_port: int,
    names: tuple[str, ...],
    workers: int,
    store_url: str | None,
    ready_file: Path | None,
    temporary: bool,
) -> int:
    from keystead.cli.opening import keep_in_memory, make_key_file_root, open_root, opener, sealed_file
    from keystead.cli.serve import begin_anew
    from keystead.pki.issue import Rules
    from keystead.server.log import configure
    from keystead.server.serve import serve

    layout.make()
    authority = layout.authority("Keystead dev CA")
    layout.issue_server(authority, ())
    issuer = layout.issuer("Keystead dev issuer")
    url = _from_here(store_url) if store_url else f"sqlite:{layout.store.relative_to(layout.directory)}"
    server: dict[str, object] = {
        "kmip_host": "localhost",
        "kmip_port": kmip_port,
        "https_host": "localhost",
        "https_port": https_port,
        "workers": workers,
        "stop_seconds": STOP_SECONDS,
    }
    custody = {
        "root": "key-file",
        "directory": layout.custody.name,
        "key_file": f"{layout.custody.name}/root.key",
        "swap": "allowed",  # what is protected by nothing needs no more than a word about it
    }
    layout.write_config({"server": server, "store": {"url": url}, "custody": custody})
    config = Config.load(layout.config)
    configure("warning", config.server.log_format)
    keep_in_memory(config)
    make_key_file_root(layout.custody, layout.root_key)
    root = open_root(config)
    open_keeping = opener(config, root)

    def open_engine() -> Engine:
        engine = open_keeping()
        # Nobody is set up here, so whoever names a user or a device for the first time makes it (docs/threats.md).
        engine.enrol_unknown_users = engine.interop = True
        # Whoever asks gets a certificate, but from an authority that lets nobody in.
        engine.authority, engine.issuing = issuer, Rules(dns_suffixes=None, smallest_rsa_bits=1024)
        return engine

    _enroll(open_engine(), layout, authority, names)

    def ready(ports: Mapping[str, int]) -> None:
        if dict(ports) != {"kmip": kmip_port, "https": https_port}:  # other commands read them there
            server.update(kmip_port=ports["kmip"], https_port=ports["https"])
            layout.write_config({"server": server, "store": {"url": url}, "custody": custody})
        _write_profiles(layout, ports, names)
        if ready_file is not None:
            facts = json.dumps(_facts(layout, ports, names, url), indent=2)
            write_atomic(ready_file.absolute(), facts.encode(), PRIVATE)
        click.echo(_welcome(layout, ports, names, temporary))

    sealed_file(config).unlink(missing_ok=True)
    status = serve(config, open_engine, ready, open_keeping.to_seal)
    if open_keeping.sealing and not temporary:
        # Told to seal itself: what waits to be unsealed is an ordinary server on the same directory.
        begin_anew([sys.executable, "-m", "keystead", "serve", "--config", str(layout.config)])
    return status


def _enroll(engine: Engine, layout: Layout, authority: Authority, names: tuple[str, ...]) -> None:
    try:
        for name in names:
            certificate = layout.issue_client(authority, name)
            if engine.caller_of(certificate, "") is None:
                engine.enroll(name, certificate)
    finally:
        engine.close()


def _facts(layout: Layout, ports: Mapping[str, int], names: tuple[str, ...], url: str) -> dict[str, object]:
    files = {name: layout.client(name) for name in names}
    return {
        "pid": os.getpid(),
        "ports": dict(ports),
        "ca": str(layout.ca),
        "clients": {
            name: {"cert": str(pem), "key": str(key), "profile": str(layout.profile(name))}
            for name, (pem, key) in files.items()
        },
        "directory": str(layout.directory),
        "config": str(layout.config),
        "store": url,
    }


def _write_profiles(layout: Layout, ports: Mapping[str, int], names: tuple[str, ...]) -> None:
    """Write, for each client, what `keystead call --profile` and the client library need to be it."""
    for name in names:
        certificate, private_key = (path.relative_to(layout.directory) for path in layout.client(name))
        profile = {
            "server": f"localhost:{ports['kmip']}",
            "ca": layout.ca.name,
            "certificate": str(certificate),
            "private_key": str(private_key),
        }
        write_atomic(layout.profile(name), json.dumps(profile, indent=2).encode(), PRIVATE)


def _welcome(layout: Layout, ports: Mapping[str, int], names: tuple[str, ...], temporary: bool) -> str:
    certificate, private_key = layout.client(names[0])
    # In a virtual environment that is not active there is no such command: say it so that it can be pasted.
    command = "keystead" if shutil.which("keystead") else sys.argv[0]
    return f"""\
Keystead dev is ready.  It is for trying things: whoever can read its directory can read its keys.

  KMIP     localhost:{ports["kmip"]}
  HTTPS    https://localhost:{ports["https"]}/kmip
  data     {layout.directory}{"  (removed at the end)" if temporary else ""}
  clients  {", ".join(names)}  (certificates and keys in {layout.directory / "clients"})

Make a first key:

  {command} call Create algorithm=AES length=256 name=first usage=Encrypt,Decrypt \\
      --profile {layout.profile(names[0])}

Or look at the connection with OpenSSL:

  openssl s_client -connect localhost:{ports["kmip"]} -CAfile {layout.ca} \\
      -cert {certificate} -key {private_key} </dev/null

Ctrl-C stops it."""

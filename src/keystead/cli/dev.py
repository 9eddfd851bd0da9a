"""keystead dev: a server to try things with."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keystead.cli.layout import Layout, check_name
from keystead.config import Config
from keystead.errors import ConfigError
from keystead.pki.files import PRIVATE, private_directory, write_atomic

if TYPE_CHECKING:
    from keystead.engine.engine import Engine
    from keystead.pki.ca import Authority

DEFAULT_CLIENTS = ("alice", "bob")
LOCK_FILE = "dev.lock"
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
    try:
        sections = _sections(layout, kmip_port, https_port, workers, store_url)
        # Before anything is written: what is wrong with the options is told by those who know.
        config = Config.parse(layout.render_config(sections), layout.directory, "keystead dev")
        with _alone(layout.directory) as lock:
            return _run(layout, replace(config, file=layout.config), sections, names, ready_file, temporary, lock)
    finally:
        if temporary:
            shutil.rmtree(layout.directory, ignore_errors=True)


@contextmanager
def _alone(directory: Path) -> Iterator[int]:
    """Have a directory for oneself, for as long as this process lives, whatever command it becomes.

    The lock is one of the process (`lockf`): workers do not inherit it, so none that outlives a killed one keeps it.

    Returns:
        an open file, whose text says who holds the lock.

    Raises:
        ConfigError: another `keystead dev` has it; says which.
    """
    private_directory(directory)
    descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE)
    os.set_inheritable(descriptor, True)  # told to seal itself, the process becomes `keystead serve`
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            who = os.pread(descriptor, 200, 0).decode("ascii", "replace").strip() or "it is just starting"
            raise ConfigError(
                f"{directory}: keystead dev runs on this directory already ({who}); stop it, or give another --dir"
            ) from None
        _tell(descriptor, f"process {os.getpid()}")
        yield descriptor
    finally:
        os.close(descriptor)


def _tell(lock: int, text: str) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{text}\n".encode(), 0)


def _from_here(url: str) -> str:
    """The address of a store, its file taken from where the command was given, as a shell's user means it."""
    scheme, _, path = url.partition(":")
    return f"{scheme}:{Path(path).absolute()}" if scheme == "sqlite" and path and not path.startswith("/") else url


def _stop(*_: object) -> None:
    raise SystemExit(0)


Sections = dict[str, dict[str, object]]


def _sections(layout: Layout, kmip_port: int, https_port: int, workers: int, store_url: str | None) -> Sections:
    """The configuration that the options ask for."""
    server: dict[str, object] = {
        "kmip_host": "localhost",
        "kmip_port": kmip_port,
        "https_host": "localhost",
        "https_port": https_port,
        "workers": workers,
        "stop_seconds": STOP_SECONDS,
    }
    url = _from_here(store_url) if store_url else f"sqlite:{layout.store.relative_to(layout.directory)}"
    custody: dict[str, object] = {
        "root": "key-file",
        "directory": layout.custody.name,
        "key_file": f"{layout.custody.name}/root.key",
        "swap": "allowed",  # what is protected by nothing needs no more than a word about it
    }
    return {"server": server, "store": {"url": url}, "custody": custody}


def _run(
    layout: Layout,
    config: Config,
    sections: Sections,
    names: tuple[str, ...],
    ready_file: Path | None,
    temporary: bool,
    lock: int,
) -> int:
    from keystead.cli.opening import keep_in_memory, make_key_file_root, open_root, opener, sealed_file
    from keystead.cli.serve import begin_anew
    from keystead.pki.issue import Rules
    from keystead.server.log import configure
    from keystead.server.serve import serve

    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    layout.make()
    authority = layout.authority("Keystead dev CA")
    layout.issue_server(authority, ())
    issuer = layout.issuer("Keystead dev issuer")
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
        sections["server"] |= {f"{name}_port": port for name, port in ports.items()}
        layout.write_config(sections)  # only now is it known that it starts, and where
        _tell(
            lock, f"process {os.getpid()}, {', '.join(f'{name.upper()} port {port}' for name, port in ports.items())}"
        )
        _write_profiles(layout, ports, names)
        if ready_file is not None:
            facts = json.dumps(_facts(layout, ports, names, str(sections["store"]["url"])), indent=2)
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


def _own_command() -> str:
    """How this program was called, to be pasted: as a module, or by a name that may not be on the path."""
    if sys.argv[0].endswith("__main__.py"):
        return f"{shlex.quote(sys.executable)} -m keystead"
    return "keystead" if shutil.which("keystead") else shlex.quote(sys.argv[0])


def _welcome(layout: Layout, ports: Mapping[str, int], names: tuple[str, ...], temporary: bool) -> str:
    certificate, private_key = (shlex.quote(str(path)) for path in layout.client(names[0]))
    command = _own_command()
    return f"""\
Keystead dev is ready.  It is for trying things: whoever can read its directory can read its keys.

  KMIP     localhost:{ports["kmip"]}
  HTTPS    https://localhost:{ports["https"]}/kmip
  data     {layout.directory}{"  (removed at the end)" if temporary else ""}
  clients  {", ".join(names)}  (certificates and keys in {layout.directory / "clients"})

Make a first key:

  {command} call Create algorithm=AES length=256 name=first usage=Encrypt,Decrypt \\
      --profile {shlex.quote(str(layout.profile(names[0])))}

Or look at the connection with OpenSSL:

  openssl s_client -connect localhost:{ports["kmip"]} -CAfile {shlex.quote(str(layout.ca))} \\
      -cert {certificate} -key {private_key} </dev/null

Ctrl-C stops it."""

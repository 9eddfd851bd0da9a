"""keystead operator: who guards the guards.  Roots of trust, custodians and their ceremony."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import click

from keystead.cli.ceremony import Wanted, ask, ask_share, opening_options, read_share, share_option, share_options, who
from keystead.cli.commands import Commands
from keystead.cli.options import config_option, json_option, load_config
from keystead.config import Config
from keystead.errors import ConfigError, CustodyError

F = TypeVar("F", bound=Callable[..., Any])

KINDS: Final = ("shares", "pkcs11", "passphrase", "key-file")
WAIT_SECONDS: Final = 20.0
NOT_RUNNING: Final = "not running"


@click.group(cls=Commands)
def operator() -> None:
    """Look after the root of trust: custodians, sealing, rotation.

    \b
    Examples:
      keystead operator init --shares 5 --threshold 3
      keystead operator unseal
      keystead operator status
    """


def token_options(command: F) -> F:
    """Give a command the place of a token in an HSM."""
    for option in (
        click.option(
            "--pin-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="A file with its PIN."
        ),
        click.option("--token", metavar="LABEL", help="The label of its token."),
        click.option(
            "--module", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="The HSM's PKCS#11 module."
        ),
    ):
        command = option(command)
    return command


def passphrase_option(command: F) -> F:
    """Give a command a new passphrase."""
    return click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="Take the new passphrase from a file, at each start too.",
    )(command)


# --- init -------------------------------------------------------------------------------------------------------------


@operator.command()
@config_option
@share_options
def init(config_path: Path | None, wanted: Wanted) -> None:
    """Make the root of trust of a new server: shared among custodians, or in an HSM.

    Each custodian comes to the terminal, sees a share, writes it down, and acknowledges it by typing some of its words.
    Only when all have done so is the root made; before that nothing is kept.  For an HSM ([custody] root = "pkcs11"),
    the key is made in the token.

    \b
    Examples:
      keystead operator init --shares 5 --threshold 3
      keystead operator init --threshold 2 --custodian Ada --custodian Grace --custodian Hedy
      keystead operator init --config /etc/keystead/keystead.toml
    """
    from keystead.cli.roots import coming, configure, recorded
    from keystead.custody import refuse_if_lost
    from keystead.custody.rootfile import ROOT_FILE, exclusive, kind_of

    config = load_config(config_path)
    directory = config.custody.directory
    if (directory / ROOT_FILE).exists():
        there = kind_of(directory)
        raise ConfigError(
            f"there is a root of trust already, of the kind {there}: keystead operator rotate for a new one,"
            " keystead operator migrate --to shares (or another kind)"
        )
    refuse_if_lost(directory)
    kind = "shares" if wanted.said else config.custody.root
    if kind not in ("shares", "pkcs11"):
        raise ConfigError('say --shares and --threshold, or [custody] root = "pkcs11" in the configuration')
    new = coming(config, kind, wanted)
    with exclusive(directory), recorded(config, "Init Root", new.said):
        configure(config, new.settings)
        root = new.create(ROOT_FILE, None)
        said = root.name
        root.close()
    click.echo(f"The root of trust is made: {said}.")
    if kind == "shares":
        click.echo("Start the server: keystead serve.  It waits until enough custodians say: keystead operator unseal.")
    else:
        click.echo("Start the server: keystead serve.")


@operator.command()
@click.argument("name")
@config_option
@share_option
def acknowledge(name: str, config_path: Path | None, share_file: Path | None) -> None:
    """Record that the custodian NAME has the share, which is typed or given once; it is not kept.

    For shares that were handed over in files or printed.  The server need not run, and stays as it is.

    \b
    Examples:
      keystead operator acknowledge Ada
    """
    from keystead.cli.roots import custodians_of, keep_acknowledged

    config = load_config(config_path)
    custodians = custodians_of(config)
    given = read_share(share_file) if share_file else ask_share(name)
    holder = custodians.names[custodians.accept(name, given)]
    keep_acknowledged(config, custodians, (holder,))
    click.echo(f"{holder} has the share; that is on record.")


# --- sealing ----------------------------------------------------------------------------------------------------------


@operator.command()
@config_option
@click.option("--custodian", "name", metavar="NAME", help="Whose share it is.")
@share_option
@click.option("--withdraw", is_flag=True, help="Take the share back that you gave.")
@click.option("--server", metavar="HOST:PORT", help="The HTTPS port of another machine's server.")
@click.option("--ca", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Whom that server comes from.")
@json_option
def unseal(
    config_path: Path | None,
    name: str | None,
    share_file: Path | None,
    withdraw: bool,
    server: str | None,
    ca: Path | None,
    as_json: bool,
) -> None:
    """Give one custodian's share to the server that waits for it.

    Each custodian does this once, at whichever terminal: on the server's machine, or with --server and --ca from
    anywhere.  What was given expires after 15 minutes.  A server whose root is not one of shares is unsealed at once.

    \b
    Examples:
      keystead operator unseal
      keystead operator unseal --custodian Ada --server kms.example.org:5697 --ca ca.pem
      keystead operator unseal --custodian Ada --withdraw
    """
    from keystead.cli.sealed import SealedServer

    config = None
    if server is not None:
        there = SealedServer.remote(server, ca)
    else:
        config = load_config(config_path)
        if config.custody.root != "shares":
            _let_go(config)
            return
        there = SealedServer.local(config)
    before = there.ask("GET")
    if not before["sealed"]:
        click.echo(json.dumps(before) if as_json else "The server is not sealed.")
        return
    if not as_json and not share_file:
        click.echo(f"The server is sealed: {_progress(before)}.")
    name = name or ask("Custodian")
    share = read_share(share_file) if share_file else ask_share(name)
    after = there.ask("DELETE" if withdraw else "POST", {"custodian": name, "share": share})
    if as_json:
        click.echo(json.dumps(after))
        return
    click.echo(f"{name} took the share back: {_progress(after)}." if withdraw else f"Thank you, {name}.")
    if after["sealed"] and not withdraw:
        click.echo(f"The server is still sealed: {_progress(after)}.")
    elif not after["sealed"]:
        state = _settled(config, ("ok",)) if config else "ok"
        serves = "and serves" if state == "ok" else f"but is {state} yet; see its log"
        click.echo(f"{after['threshold']} of {after['threshold']} shares: the server is unsealed {serves}.")


def _progress(told: dict[str, Any]) -> str:
    given, left = told["progress"], told["threshold"] - told["progress"]
    said = f"{given} of {told['threshold']} shares are given, {left} more needed"
    return said + (f"; they expire in {told['expires_seconds'] // 60 + 1} min" if given else "")


@operator.command()
@config_option
def seal(config_path: Path | None) -> None:
    """Seal the server: it forgets every key and serves nobody until it is unsealed.

    Whoever may write the custody directory may do this.  A server that does not run starts sealed.

    \b
    Examples:
      keystead operator seal
    """
    from keystead.cli.opening import sealed_file
    from keystead.cli.roots import recorded
    from keystead.cli.status import health
    from keystead.custody.files import write_private

    config = load_config(config_path)
    before = health(config)
    if not sealed_file(config).exists():
        with recorded(config, "Seal"):
            write_private(sealed_file(config), b"keystead operator seal\n")
    if before == NOT_RUNNING:
        click.echo("The server does not run; it will start sealed.")
        return
    if _settled(config, ("sealed",)) != "sealed":
        raise CustodyError("the server did not seal itself: stop it")
    click.echo("The server is sealed: no key is left in its memory.")


def _let_go(config: Config) -> None:
    """Let a server open its root again that needs nobody for it."""
    from keystead.cli.opening import sealed_file
    from keystead.cli.roots import recorded
    from keystead.cli.status import health

    if not sealed_file(config).exists():
        state = health(config)
        click.echo("The server is not sealed." if state != "sealed" else "The server waits for its token; see its log.")
        return
    with recorded(config, "Unseal", config.custody.root):
        sealed_file(config).unlink(missing_ok=True)
    if health(config) == NOT_RUNNING:
        click.echo("The server does not run; it may open its root of trust when it starts.")
        return
    if config.custody.root == "passphrase" and config.custody.passphrase_file is None:
        click.echo("The server asks for the passphrase at its own terminal.")
        return
    state = _settled(config, ("ok",))
    click.echo("The server is unsealed and serves." if state == "ok" else f"The server is {state}; see its log.")


def _settled(config: Config, wanted: tuple[str, ...]) -> str:
    """The server's health once it is as wanted, or at the end of one's patience."""
    from keystead.cli.status import health

    deadline = time.monotonic() + config.server.stop_seconds + WAIT_SECONDS
    while (state := health(config)) not in wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return state


# --- changes ----------------------------------------------------------------------------------------------------------


@operator.command()
@config_option
@share_options
@opening_options
@passphrase_option
def rekey(
    config_path: Path | None, wanted: Wanted, share_files: tuple[Path, ...], passphrase_file: Path | None
) -> None:
    """Give the same root new shares, or a new passphrase: the old ones open nothing here any more.

    As many custodians as open the root have to agree.  A server that runs goes on; one that is sealed forgets the
    shares that it was given.  A backup from before has the root as it was then: with that, the old ones still open this
    same root.  If they may have been seen, rotate it instead.

    \b
    Examples:
      keystead operator rekey
      keystead operator rekey --shares 7 --threshold 4
    """
    from keystead.cli.ceremony import gather, hand_out
    from keystead.cli.opening import passphrase
    from keystead.cli.roots import configure, custodians_of, keep_acknowledged, new_passphrase, recorded, spelled
    from keystead.custody.rootfile import exclusive
    from keystead.custody.software import SoftwareRoot

    config = load_config(config_path)
    directory, kind = config.custody.directory, config.custody.root
    if kind == "passphrase":
        old = passphrase(config.custody.passphrase_file)
        SoftwareRoot.open(directory, old).close()  # before anybody is asked for a new one
        new = new_passphrase(passphrase_file)
        with exclusive(directory), recorded(config, "Rekey Root", kind):
            SoftwareRoot.reseal(directory, old, new)
            configure(config, {"passphrase_file": spelled(passphrase_file)})
        click.echo("The passphrase is changed.")
    elif kind == "shares":
        there = custodians_of(config)
        old = gather(there, share_files)
        SoftwareRoot.open(directory, old).close()
        handed = hand_out(wanted.after(there))
        said = who(handed.custodians)
        with exclusive(directory), recorded(config, "Rekey Root", said):
            keep_acknowledged(config, handed.custodians, handed.taken)
            SoftwareRoot.reseal(directory, old, handed.key, kind, custodians=handed.custodians.dump())
        click.echo(f"The root is opened by {said}.")
        click.echo(_OLD_SHARES)
    else:
        raise ConfigError(f"a root of the kind {kind} is not rekeyed: keystead operator rotate")


@operator.command()
@config_option
@share_options
@opening_options
@passphrase_option
def rotate(
    config_path: Path | None, wanted: Wanted, share_files: tuple[Path, ...], passphrase_file: Path | None
) -> None:
    """Make a new root of the same kind, and put every key under it, while the server runs.

    Shares and passphrases are new ones too.  In an HSM, a new key is made under the next label with a number.

    \b
    Examples:
      keystead operator rotate
      keystead operator rotate --shares 5 --threshold 3
    """
    from keystead.cli.roots import coming, custodians_of, succeed

    config = load_config(config_path)
    kind = config.custody.root
    if kind == "shares":
        wanted = wanted.after(custodians_of(config))
    succeed(config, share_files, lambda: coming(config, kind, wanted, passphrase_file, another=True), "Rotate Root")
    _moved(config, kind, kind)


@operator.command()
@config_option
@click.option("--to", "kind", type=click.Choice(KINDS), required=True, help="What is to hold the root.")
@share_options
@opening_options
@passphrase_option
@token_options
def migrate(
    config_path: Path | None,
    kind: str,
    wanted: Wanted,
    share_files: tuple[Path, ...],
    passphrase_file: Path | None,
    module: Path | None,
    token: str | None,
    pin_file: Path | None,
) -> None:
    """Move to a root of another kind, or in another HSM, while the server runs or not: every key is put under it.

    The configuration is changed to say so.  A move that was interrupted is finished by the same command.

    \b
    Examples:
      keystead operator migrate --to shares --shares 5 --threshold 3
      keystead operator migrate --to pkcs11 --module /usr/lib/softhsm/libsofthsm2.so --token keystead
      keystead operator migrate --to passphrase --passphrase-file /run/secrets/keystead
    """
    from keystead.cli.roots import coming, configure, elsewhere, finish, recorded, spelled, succeed
    from keystead.custody import settle
    from keystead.custody.rootfile import kind_of

    config = load_config(config_path)
    there, named = elsewhere(config, module, token, pin_file)
    before, directory = config.custody.root, config.custody.directory
    settle(directory)
    found = kind_of(directory)
    if found == kind != before:
        with recorded(config, "Migrate Root", f"{before} to {kind}, which was interrupted"):
            configure(config, {"root": kind, "key_file": None, "passphrase_file": spelled(passphrase_file), **named})
        finish(config, kind)
        click.echo(f"The root of trust was moved already ({kind}); the configuration says so now.")
        return
    if kind == before and not (kind == "pkcs11" and named):
        raise ConfigError(f"the root is of the kind {kind} already: keystead operator rotate")

    def make() -> Any:
        new = coming(there, kind, wanted, passphrase_file)
        new.settings.update(named)
        return new

    succeed(config, share_files, make, "Migrate Root")
    _moved(config, before, kind)


_OLD_SHARES: Final = "The old shares open nothing here any more: destroy them once no backup needs them."


def _moved(config: Config, before: str, kind: str) -> None:
    click.echo(f"Every key is under the new root ({kind}); nothing here is wrapped by the old one.")
    if before == "pkcs11":
        label = f"{config.custody.pkcs11_token}"
        click.echo(f"The old key is still in the token {label}: destroy it once no backup needs it.")
    elif before == "shares":
        click.echo(_OLD_SHARES)


# --- status -----------------------------------------------------------------------------------------------------------


@operator.command()
@config_option
@json_option
def status(config_path: Path | None, as_json: bool) -> None:
    """Tell of the root of trust: its kind, who holds what, how the server stands and what it lacks.

    \b
    Examples:
      keystead operator status
      keystead operator status --json | jq .custodians
    """
    from keystead.cli.roots import custodians_of, head_of
    from keystead.cli.sealed import SealedServer
    from keystead.cli.status import told
    from keystead.custody import settle
    from keystead.custody.acknowledged import acknowledged

    config = load_config(config_path)
    settle(config.custody.directory)
    head = head_of(config)
    server = told(config)
    facts: dict[str, Any] = {
        "kind": head.get("kind"),
        "identifier": head.get("identifier"),
        "public_key": head.get("public_key"),
        "server": server.pop("status"),
        **server,
    }
    if facts["kind"] == "shares":
        custodians = custodians_of(config)
        facts |= {"threshold": custodians.threshold, "shares": len(custodians.names)}
        known = acknowledged(config.custody.directory, custodians)
        facts["custodians"] = [
            {"name": name, "share": at + 1, "acknowledged": known.get(name)} for at, name in enumerate(custodians.names)
        ]
        if facts["server"] == "sealed":
            progress = SealedServer.local(config).ask("GET")
            facts |= {name: progress[name] for name in ("progress", "expires_seconds") if name in progress}
    elif facts["kind"] == "pkcs11":
        facts |= {name: head.get(name) for name in ("token", "key", "mechanism")}
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        if name != "custodians":
            click.echo(f"{name.replace('_', ' '):17}{value}")
    for custodian in facts.get("custodians", ()):
        when = custodian["acknowledged"]
        said = f"acknowledged {when}" if when else "not acknowledged: keystead operator acknowledge"
        click.echo(f"{'share ' + str(custodian['share']):17}{custodian['name']}, {said}")


@operator.command("check-token")
@config_option
@token_options
@json_option
def check_token(
    config_path: Path | None, module: Path | None, token: str | None, pin_file: Path | None, as_json: bool
) -> int:
    """Tell whether a token of an HSM can hold the root: what it needs, and what the token has of it.

    It is tried with keys that live in the session only.  With --module and --token no configuration is needed.  The
    exit status is 0 if the token can.

    \b
    Examples:
      keystead operator check-token
      keystead operator check-token --module /usr/lib/softhsm/libsofthsm2.so --token keystead
    """
    from keystead.cli.opening import pin, token_of
    from keystead.cli.roots import elsewhere
    from keystead.custody.pkcs11 import Token, examine

    if config_path is None and module is not None and token is not None:
        with TemporaryDirectory() as notes:
            found = examine(Token(module, token, pin_file=pin_file), pin(pin_file), Path(notes))
    else:
        config, _ = elsewhere(load_config(config_path), module, token, pin_file)
        found = examine(token_of(config), pin(config.custody.pin_file), config.custody.directory)
    can = all(found.values())
    if as_json:
        click.echo(json.dumps({"can": can, "needs": found}))
    else:
        for need, has in found.items():
            click.echo(f"{need:24}{', '.join(has) or 'NO'}")
        click.echo("The token can hold the root." if can else "The token cannot hold the root.")
    return 0 if can else 69

"""keystead operator: who guards the guards.  Roots of trust, custodians and their ceremony."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from keystead.cli.options import config_option, json_option, load_config
from keystead.config import Config
from keystead.errors import ConfigError, CustodyError

if TYPE_CHECKING:
    from keystead.custody import RootOfTrust
    from keystead.custody.shares import Custodians

F = TypeVar("F", bound=Callable[..., Any])

KINDS: Final = ("shares", "pkcs11", "passphrase", "key-file")
CUSTODIANS_FILE: Final = "custodians.json"
CHECKED_WORDS: Final = 3
"""So many words of a share a custodian types when acknowledging it."""
WAIT_SECONDS: Final = 20.0
MINIMUM_PASSPHRASE: Final = 12
MOST_SHARE_BYTES: Final = 8192


@click.group()
def operator() -> None:
    """Look after the root of trust: custodians, sealing, rotation.

    \b
    Examples:
      keystead operator init --shares 5 --threshold 3
      keystead operator unseal
      keystead operator status
    """


def share_options(command: F) -> F:
    """Give a command the options of a new set of shares."""
    for option in (
        click.option(
            "--share-dir",
            type=click.Path(path_type=Path, file_okay=False),
            help="Write the sheets into files there instead of showing them; take the files away at once.",
        ),
        click.option("--custodian", "names", multiple=True, metavar="NAME", help="Who holds a share; one for each."),
        click.option("--threshold", type=click.IntRange(2, 16), help="How many of them open the root."),
        click.option("--shares", "number", type=click.IntRange(2, 16), help="How many custodians there are."),
    ):
        command = option(command)
    return command


def opening_options(command: F) -> F:
    """Give a command the shares that open the root there is, in files."""
    return click.option(
        "--share-file",
        "share_files",
        multiple=True,
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="A custodian's share in a file, instead of typing it; one for each.",
    )(command)


# --- init -------------------------------------------------------------------------------------------------------------


@operator.command()
@config_option
@share_options
def init(
    config_path: Path | None, number: int | None, threshold: int | None, names: tuple[str, ...], share_dir: Path | None
) -> None:
    """Make the root of trust of a new server: shared among custodians, or in an HSM.

    Each custodian comes to the terminal, sees a share, writes it down, and acknowledges it by typing some of its words.
    Only when all have done so is the root made; before that nothing is kept.  For an HSM ([custody] root = "pkcs11"),
    the key is made in the token.

    \b
    Examples:
      keystead operator init --shares 5 --threshold 3
      keystead operator init --shares 3 --threshold 2 --custodian Ada --custodian Grace --custodian Hedy
      keystead operator init --config /etc/keystead/keystead.toml
    """
    from keystead.custody.memory import harden
    from keystead.custody.rootfile import ROOT_FILE, exclusive

    config = load_config(config_path)
    directory = config.custody.directory
    if (directory / ROOT_FILE).exists():
        raise ConfigError("there is a root of trust already: keystead operator rotate, or operator migrate")
    kind = "shares" if number or threshold or names else config.custody.root
    if kind not in ("shares", "pkcs11"):
        raise ConfigError('say --shares and --threshold, or [custody] root = "pkcs11" in the configuration')
    harden()
    with exclusive(directory):
        if kind == "pkcs11":
            _pkcs11(config)(ROOT_FILE, None).close()
            people: Sequence[str] = ()
        else:
            create, people = _shares(config, number, threshold, names, share_dir)
            create(ROOT_FILE, None).close()
    _configure(config, kind)
    _note(config, "Init Root", f"{kind}" + (f", {_who(config)}" if people else ""))
    click.echo(f"The root of trust is made ({kind}).")
    if people:
        click.echo("Start the server: keystead serve.  It waits until enough custodians say: keystead operator unseal.")


@operator.command()
@click.argument("name")
@config_option
@opening_options
def acknowledge(name: str, config_path: Path | None, share_files: tuple[Path, ...]) -> None:
    """Record that the custodian NAME has the share, which is typed or given once; it is not kept.

    For shares that were handed over in files.  The server need not run, and stays as it is.

    \b
    Examples:
      keystead operator acknowledge Ada
    """
    config = load_config(config_path)
    custodians = _custodians(config)
    given = _read_share(share_files[0]) if share_files else _ask_share(name)
    custodians.accept(name, given)
    _acknowledge(config, custodians, name)
    click.echo(f"{name} has the share.")


# --- sealing ----------------------------------------------------------------------------------------------------------


@operator.command()
@config_option
@click.option("--custodian", "name", metavar="NAME", help="Whose share it is.")
@opening_options
@click.option("--withdraw", is_flag=True, help="Take the share back that you gave.")
@click.option("--server", metavar="HOST:PORT", help="The HTTPS port of another machine's server.")
@click.option("--ca", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Whom that server comes from.")
@json_option
def unseal(
    config_path: Path | None,
    name: str | None,
    share_files: tuple[Path, ...],
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

    if server is not None:
        there = SealedServer.remote(server, ca)
    else:
        config = load_config(config_path)
        there = SealedServer.local(config)
        if config.custody.root != "shares":
            _let_go(config)
            return
    before = there.ask("GET")
    if not before.get("sealed"):
        click.echo(json.dumps(before) if as_json else "The server is not sealed.")
        return
    name = name or _ask("Custodian")
    share = _read_share(share_files[0]) if share_files else _ask_share(name)
    after = there.ask("DELETE" if withdraw else "POST", {"custodian": name, "share": share})
    if as_json:
        click.echo(json.dumps(after))
    elif after["sealed"]:
        click.echo(
            f"{after['progress']} of {after['threshold']}; it expires in {after['expires_seconds'] // 60 + 1} min."
        )
    else:
        click.echo(f"{after['threshold']} of {after['threshold']}: the server is unsealed.")


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
    from keystead.cli.status import health
    from keystead.custody.files import write_private

    config = load_config(config_path)
    if not sealed_file(config).exists():
        _note(config, "Seal", "")
        write_private(sealed_file(config), b"keystead operator seal\n")
    deadline = time.monotonic() + config.server.stop_seconds + WAIT_SECONDS
    while (state := health(config)) == "ok":
        if time.monotonic() > deadline:
            raise CustodyError("the server did not seal itself")
        time.sleep(0.1)
    click.echo("The server is sealed." if state == "sealed" else "The server does not run; it will start sealed.")


def _let_go(config: Config) -> None:
    from keystead.cli.opening import sealed_file
    from keystead.cli.status import health

    if not sealed_file(config).exists():
        click.echo("The server is not sealed.")
        return
    _note(config, "Unseal", config.custody.root)
    sealed_file(config).unlink(missing_ok=True)
    deadline = time.monotonic() + WAIT_SECONDS
    while (state := health(config)) == "sealed" and time.monotonic() < deadline:
        time.sleep(0.1)
    click.echo("The server is unsealed." if state == "ok" else f"It may open its root of trust; the server is {state}.")


# --- changes ----------------------------------------------------------------------------------------------------------


@operator.command()
@config_option
@share_options
@opening_options
@click.option("--passphrase-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="The new one's.")
def rekey(
    config_path: Path | None,
    number: int | None,
    threshold: int | None,
    names: tuple[str, ...],
    share_dir: Path | None,
    share_files: tuple[Path, ...],
    passphrase_file: Path | None,
) -> None:
    """Give the same root new shares, or a new passphrase: the old ones open nothing any more.

    As many custodians as open the root have to agree.  A server that runs goes on.

    \b
    Examples:
      keystead operator rekey
      keystead operator rekey --shares 7 --threshold 4
    """
    from keystead.custody.rootfile import exclusive
    from keystead.custody.software import SoftwareRoot

    config = load_config(config_path)
    directory, kind = config.custody.directory, config.custody.root
    if kind not in ("shares", "passphrase"):
        raise ConfigError(f"a root of the kind {kind} is not rekeyed: keystead operator rotate")
    if kind == "passphrase":
        from keystead.cli.opening import passphrase

        old = passphrase(config.custody.passphrase_file)
        SoftwareRoot.open(directory, old).close()
        with exclusive(directory):
            SoftwareRoot.reseal(directory, old, _new_passphrase(passphrase_file))
        _configure(config, kind, passphrase_file)
        _note(config, "Rekey Root", kind)
    else:
        custodians, key = _together(config, share_files)
        SoftwareRoot.open(directory, key).close()
        names = names or (custodians.names if number in (None, len(custodians.names)) else ())
        new, new_key, shown = _hand_out(
            number or len(custodians.names), threshold or custodians.threshold, names, share_dir
        )
        with exclusive(directory):
            SoftwareRoot.reseal(directory, key, new_key, kind, custodians=new.dump())
            _keep_acknowledged(config, new, shown)
        _note(config, "Rekey Root", _who(config))
    click.echo(
        "The old ones open nothing any more. Destroy them." if kind == "shares" else "The passphrase is changed."
    )


@operator.command()
@config_option
@share_options
@opening_options
@click.option("--passphrase-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="The new one's.")
def rotate(
    config_path: Path | None,
    number: int | None,
    threshold: int | None,
    names: tuple[str, ...],
    share_dir: Path | None,
    share_files: tuple[Path, ...],
    passphrase_file: Path | None,
) -> None:
    """Make a new root of the same kind, and put every key under it, while the server runs.

    Shares and passphrases are new ones too.  In an HSM, a new key is made under a label with a number.

    \b
    Examples:
      keystead operator rotate
      keystead operator rotate --shares 5 --threshold 3
    """
    config = load_config(config_path)
    _succeed(config, config.custody.root, number, threshold, names, share_dir, share_files, passphrase_file)


@operator.command()
@config_option
@click.option("--to", "kind", type=click.Choice(KINDS), required=True, help="What is to hold the root.")
@share_options
@opening_options
@click.option("--passphrase-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="The new one's.")
def migrate(
    config_path: Path | None,
    kind: str,
    number: int | None,
    threshold: int | None,
    names: tuple[str, ...],
    share_dir: Path | None,
    share_files: tuple[Path, ...],
    passphrase_file: Path | None,
) -> None:
    """Move to a root of another kind, while the server runs or not: every key is put under it.

    The configuration is changed to say so.  To an HSM, [custody] has to name its module and token before.

    \b
    Examples:
      keystead operator migrate --to shares --shares 5 --threshold 3
      keystead operator migrate --to pkcs11
      keystead operator migrate --to passphrase --passphrase-file /run/secrets/keystead
    """
    config = load_config(config_path)
    if kind == config.custody.root:
        raise ConfigError(f"the root is of the kind {kind} already: keystead operator rotate")
    _succeed(config, kind, number, threshold, names, share_dir, share_files, passphrase_file)


def _succeed(
    config: Config,
    kind: str,
    number: int | None,
    threshold: int | None,
    names: tuple[str, ...],
    share_dir: Path | None,
    share_files: tuple[Path, ...],
    passphrase_file: Path | None,
) -> None:
    from keystead.cli.status import health
    from keystead.custody import Means, open_root
    from keystead.custody.keks import SqliteKekStore
    from keystead.custody.rootfile import KEY_FILE
    from keystead.custody.succession import HANDOVER_SECONDS, succeed

    directory, before = config.custody.directory, config.custody.root
    old = _open(config, share_files)
    make: Callable[[str, bytes | None], RootOfTrust]
    try:
        if kind == "shares":
            if before == "shares":
                there = _custodians(config)
                names = names or (there.names if number in (None, len(there.names)) else ())
                number, threshold = number or len(there.names), threshold or there.threshold
            make, _ = _shares(config, number, threshold, names, share_dir)
        elif kind == "pkcs11":
            make = _pkcs11(config, another=before == "pkcs11")
        else:
            make = _software(config, kind, passphrase_file)
        with closing(SqliteKekStore(directory)) as keks:
            succeed(directory, keks, old, make).close()
            try:
                _configure(config, kind, passphrase_file)
                _note(config, "Rotate Root" if kind == before else "Migrate Root", f"{before} to {kind}")
                if health(config) == "ok":
                    time.sleep(HANDOVER_SECONDS)
            finally:
                keks.forget_testament()
    finally:
        old.close()
    if kind == "key-file":
        open_root("key-file", directory, Means(key_file=config.custody.key_file)).close()  # puts the key in its place
    elif before == "key-file":
        (config.custody.key_file or directory / KEY_FILE).unlink(missing_ok=True)
    click.echo(f"Every key is under the new root ({kind}); nothing here is wrapped by the old one.")


# --- status -----------------------------------------------------------------------------------------------------------


@operator.command()
@config_option
@json_option
def status(config_path: Path | None, as_json: bool) -> None:
    """Tell of the root of trust: its kind, who holds what, whether the server is sealed.

    \b
    Examples:
      keystead operator status
      keystead operator status --json | jq .custodians
    """
    from keystead.cli.sealed import SealedServer
    from keystead.cli.status import health
    from keystead.custody import settle
    from keystead.custody.rootfile import read_head

    config = load_config(config_path)
    settle(config.custody.directory)
    try:
        head = read_head(config.custody.directory)
    except ValueError:
        raise CustodyError("root.json is damaged") from None
    facts: dict[str, Any] = {
        "kind": head.get("kind"),
        "identifier": head.get("identifier"),
        "public_key": head.get("public_key"),
        "server": health(config),
    }
    if facts["kind"] == "shares":
        custodians = _custodians(config)
        facts |= {"threshold": custodians.threshold, "shares": len(custodians.names)}
        known = _acknowledged(config, custodians)
        facts["custodians"] = [
            {"name": name, "share": at + 1, "acknowledged": known.get(name)} for at, name in enumerate(custodians.names)
        ]
    elif facts["kind"] == "pkcs11":
        facts |= {name: head.get(name) for name in ("token", "key", "mechanism")}
    if facts["server"] == "sealed" and facts["kind"] == "shares":
        facts["progress"] = SealedServer.local(config).ask("GET").get("progress", 0)
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        if name != "custodians":
            click.echo(f"{name.replace('_', ' '):12}{value}")
    for custodian in facts.get("custodians", ()):
        click.echo(
            f"{'':12}{custodian['share']}  {custodian['name']}  {custodian['acknowledged'] or 'not acknowledged'}"
        )


# --- what they stand on -----------------------------------------------------------------------------------------------


def _open(config: Config, share_files: Sequence[Path]) -> RootOfTrust:
    """Open the root that there is, whatever its kind."""
    if config.custody.root != "shares":
        from keystead.cli.opening import open_root

        return open_root(config)
    from keystead.custody.software import SoftwareRoot

    _, key = _together(config, share_files)
    return SoftwareRoot.open(config.custody.directory, key)


def _together(config: Config, share_files: Sequence[Path]) -> tuple[Custodians, bytes]:
    """Have enough custodians give their shares; the key that they open with."""
    from keystead.custody.memory import harden
    from keystead.custody.shares import REFUSED, Ceremony

    harden()
    custodians = _custodians(config)
    found: list[bytes] = []
    ceremony = Ceremony(custodians, found.append)
    files = list(share_files)
    while not found:
        if share_files and not files:
            raise CustodyError(f"{ceremony.progress} shares: more are needed")
        try:
            if files:
                share = _read_share(files.pop(0))
                ceremony.submit(_holder(custodians, share), share)
            else:
                name = _ask(f"Custodian ({ceremony.progress} so far)")
                ceremony.submit(name, _ask_share(name))
        except CustodyError as error:
            if share_files or str(error) != REFUSED:
                raise
            click.echo(f"{error}", err=True)
    return custodians, found[0]


def _holder(custodians: Custodians, share: str) -> str:
    """Whose a share in a file is; "" if it is nobody's, which is refused as any other."""
    for name in custodians.names:
        try:
            custodians.accept(name, share)
        except CustodyError:
            continue
        return name
    return ""


def _custodians(config: Config) -> Custodians:
    from keystead.custody import settle
    from keystead.custody.rootfile import read_head
    from keystead.custody.shares import Custodians

    settle(config.custody.directory)
    try:
        return Custodians.load(read_head(config.custody.directory))
    except ValueError:
        raise CustodyError("root.json is damaged") from None


def _shares(
    config: Config, number: int | None, threshold: int | None, names: tuple[str, ...], share_dir: Path | None
) -> tuple[Callable[[str, bytes | None], RootOfTrust], Sequence[str]]:
    """Hand out a new set of shares; what makes the root that they open, and who has them."""
    from keystead.custody.software import SoftwareRoot

    number = number or len(names)
    if not number or not threshold:
        raise ConfigError("say how many custodians there are and how many open the root: --shares and --threshold")
    custodians, key, shown = _hand_out(number, threshold, names, share_dir)

    def create(file: str, signing: bytes | None) -> RootOfTrust:
        root = SoftwareRoot.create(
            config.custody.directory, key, "shares", custodians=custodians.dump(), signing=signing, file=file
        )
        _keep_acknowledged(config, custodians, shown)
        return root

    return create, custodians.names


def _hand_out(
    number: int, threshold: int, names: Sequence[str], share_dir: Path | None
) -> tuple[Custodians, bytes, tuple[str, ...]]:
    """Make shares and give each to its custodian; the custodians, the key, and who acknowledged at once."""
    from keystead.custody.files import write_private
    from keystead.custody.memory import harden
    from keystead.custody.shares import check_custodians, sheet, split

    harden()
    if not names:
        names = [_ask(f"Name of custodian {at + 1} of {number}") for at in range(number)]
    if len(names) != number:
        raise ConfigError(f"--custodian: {number} shares need {number} names")
    check_custodians(names, threshold)
    custodians, shares, key = split(names, threshold)
    sheets = [sheet(custodians, at, share) for at, share in enumerate(shares)]
    if share_dir is not None:
        for at, text in enumerate(sheets):
            write_private(share_dir / f"share-{at + 1}.txt", text.encode())
        click.echo(f"The shares are in {share_dir}. Give each to its custodian and remove it here.")
        return custodians, key, ()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        for text in sheets:
            click.echo(text)
        return custodians, key, ()
    for at, (name, share) in enumerate(zip(names, shares, strict=True)):
        _show(name, sheets[at], share.split())
    return custodians, key, tuple(names)


def _show(name: str, text: str, words: Sequence[str]) -> None:
    """Show a share to its custodian alone, until it is acknowledged."""
    click.pause(f"{name} to the terminal, please; everybody else away. Any key shows the share.")
    try:
        while True:
            click.echo(text)
            click.pause("Write it down, or print it. Any key hides it.")
            _wipe_screen()
            asked = sorted(secrets.SystemRandom().sample(range(len(words)), CHECKED_WORDS))
            if all(_ask(f"Word {at + 1}").lower() == words[at] for at in asked):
                click.echo(f"{name} has the share.")
                return
            click.echo("That is another word. Here it is again.")
    finally:
        _wipe_screen()


def _wipe_screen() -> None:
    # What was scrolled away is wiped too (ECMA-48 ED 3, as terminals have it).
    click.echo("\x1b[H\x1b[2J\x1b[3J", nl=False)


def _software(config: Config, kind: str, passphrase_file: Path | None) -> Callable[[str, bytes | None], RootOfTrust]:
    from keystead.custody.rootfile import NEXT_KEY_FILE
    from keystead.custody.software import SoftwareRoot, make_key_file

    directory = config.custody.directory

    def create(file: str, signing: bytes | None) -> RootOfTrust:
        if kind == "passphrase":
            opener = _new_passphrase(passphrase_file)
        else:
            (directory / NEXT_KEY_FILE).unlink(missing_ok=True)
            opener = make_key_file(directory / NEXT_KEY_FILE)
        return SoftwareRoot.create(directory, opener, kind, signing=signing, file=file)

    return create


def _pkcs11(config: Config, *, another: bool = False) -> Callable[[str, bytes | None], RootOfTrust]:
    from keystead.cli.opening import pin, token_of
    from keystead.custody.pkcs11 import PKCS11Root

    token = token_of(config)
    asked = pin(config.custody.pin_file)
    return lambda file, signing: PKCS11Root.create(
        config.custody.directory, token, asked, signing, file, another=another
    )


def _new_passphrase(file: Path | None) -> bytes:
    from keystead.cli.opening import passphrase

    if file is not None:
        given = passphrase(file)
    elif sys.stdin.isatty():
        given = str(click.prompt("New passphrase", hide_input=True, confirmation_prompt="Once more", err=True)).encode()
    else:
        raise ConfigError("a new passphrase is asked for at a terminal, or comes from --passphrase-file")
    if len(given) < MINIMUM_PASSPHRASE:
        raise ConfigError(f"a passphrase has at least {MINIMUM_PASSPHRASE} characters")
    return given


def _ask(question: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigError(f"{question}: there is no terminal to ask at")
    return str(click.prompt(question, err=True)).strip()


def _ask_share(name: str) -> str:
    """Have a share typed, unseen; a slip of the pen is told at once, since the words themselves tell it."""
    from keystead.custody.shares import well_formed, words

    if not sys.stdin.isatty():
        raise ConfigError("there is no terminal to type the share at: name its file with --share-file")
    while not well_formed(share := str(click.prompt(f"The words of {name}'s share", hide_input=True, err=True))):
        click.echo("Some word is not right. Once more, please.", err=True)
    return words(share)


def _read_share(file: Path) -> str:
    from keystead.custody.files import read_private
    from keystead.custody.shares import words

    return words(read_private(file, MOST_SHARE_BYTES).decode("utf-8", "replace"))


def _note(config: Config, operation: str, message: str) -> None:
    from keystead.engine.unsealing import note
    from keystead.store import open as open_store

    with closing(open_store(config.store.url)) as store:
        note(store, operation, message)


def _who(config: Config) -> str:
    custodians = _custodians(config)
    return f"{custodians.threshold} of {len(custodians.names)}: {', '.join(custodians.names)}"


def _acknowledged(config: Config, custodians: Custodians) -> dict[str, str]:
    """When each custodian of this set acknowledged the share."""
    try:
        found = json.loads((config.custody.directory / CUSTODIANS_FILE).read_text())
        return dict(found["acknowledged"]) if found["set"] == custodians.digests[0].hex() else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _keep_acknowledged(config: Config, custodians: Custodians, names: Sequence[str]) -> None:
    from keystead.custody.files import write_private

    now = datetime.now(UTC).isoformat(timespec="seconds")
    known = _acknowledged(config, custodians) | dict.fromkeys(names, now)
    document = json.dumps({"set": custodians.digests[0].hex(), "acknowledged": known}, indent=2) + "\n"
    write_private(config.custody.directory / CUSTODIANS_FILE, document.encode(), replace=True)
    for name in names:
        _note(config, "Acknowledge Share", name)


def _acknowledge(config: Config, custodians: Custodians, name: str) -> None:
    _keep_acknowledged(
        config, custodians, (next(one for one in custodians.names if one.casefold() == name.casefold()),)
    )


def _configure(config: Config, kind: str, passphrase_file: Path | None = None) -> None:
    """Have the configuration file name the root's kind; tell what to write if it cannot be written."""
    from keystead.cli.settings import rewrite

    named: dict[str, str | None] = {"root": kind}
    if kind != "key-file" and config.custody.key_file is not None:
        named["key_file"] = None
    if kind != "passphrase" and config.custody.passphrase_file is not None:
        named["passphrase_file"] = None
    if kind == "passphrase" and passphrase_file is not None:
        named["passphrase_file"] = str(passphrase_file.absolute())
    rewrite(config, "custody", named)

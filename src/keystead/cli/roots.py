"""Roots of trust under the operator's hand: made, opened, put one after another, and on record."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keystead.cli.ceremony import Wanted, gather, hand_out, who
from keystead.config import Config
from keystead.errors import ConfigError, CustodyError, KeysteadError

if TYPE_CHECKING:
    from keystead.custody import RootOfTrust
    from keystead.custody.shares import Custodians

MINIMUM_PASSPHRASE: Final = 12
MINIMUM_DIFFERENT: Final = 6

Create = Callable[[str, bytes | None], "RootOfTrust"]
"""Makes a root: under the name of a file, with a seed to sign by."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A root that is to be made.

    Attributes:
        kind: of root.
        create: makes it.
        said: of it in the audit.
        settings: of [custody] in the configuration; None takes a key out.
    """

    kind: str
    create: Create
    said: str
    settings: dict[str, str | None]


def coming(
    config: Config, kind: str, wanted: Wanted, passphrase_file: Path | None = None, *, another: bool = False
) -> Coming:
    """Ask for all that a root of a kind needs, and hand out its shares.

    Args:
        config: says where an HSM is, and where its PIN.
        another: for an HSM, make another key beside the one that there is.

    Raises:
        ConfigError: something was not said.
        CustodyError: it cannot be had.
    """
    from keystead.custody.rootfile import KEY_FILE

    directory = config.custody.directory
    settings: dict[str, str | None] = {"root": kind, "key_file": None, "passphrase_file": None}
    if kind == "shares":
        handed = hand_out(wanted)

        def create(file: str, signing: bytes | None) -> RootOfTrust:
            from keystead.custody.software import SoftwareRoot

            dumped = handed.custodians.dump()
            root = SoftwareRoot.create(directory, handed.key, kind, custodians=dumped, signing=signing, file=file)
            keep_acknowledged(config, handed.custodians, handed.taken)
            return root

        return Coming(kind, create, f"shares, {who(handed.custodians)}", settings)
    if kind == "pkcs11":
        return Coming(kind, _in_token(config, another), "pkcs11", settings)
    if kind == "passphrase":
        passphrase = new_passphrase(passphrase_file)
        if passphrase_file is not None:
            settings["passphrase_file"] = spelled(passphrase_file)
        return Coming(kind, _under_passphrase(directory, passphrase), kind, settings)
    del settings["key_file"]  # where it is, if it is one already
    place = (config.custody.key_file or directory / KEY_FILE).parent
    if not os.access(place, os.W_OK):
        raise ConfigError(f"[custody] key_file: the new key is to be put into {place}, which cannot be written")
    return Coming(kind, _under_key_file(directory), kind, settings)


def _in_token(config: Config, another: bool) -> Create:
    from keystead.cli.opening import pin, token_of
    from keystead.custody.pkcs11 import PKCS11Root

    token, asked = token_of(config), pin(config.custody.pin_file)
    directory = config.custody.directory
    return lambda file, signing: PKCS11Root.create(directory, token, asked, signing, file, another=another)


def _under_passphrase(directory: Path, passphrase: bytes) -> Create:
    from keystead.custody.software import SoftwareRoot

    return lambda file, signing: SoftwareRoot.create(directory, passphrase, "passphrase", signing=signing, file=file)


def _under_key_file(directory: Path) -> Create:
    from keystead.custody.files import shred
    from keystead.custody.rootfile import NEXT_KEY_FILE
    from keystead.custody.software import SoftwareRoot, make_key_file

    def create(file: str, signing: bytes | None) -> RootOfTrust:
        shred(directory / NEXT_KEY_FILE)  # of one that was not finished
        opener = make_key_file(directory / NEXT_KEY_FILE)
        return SoftwareRoot.create(directory, opener, "key-file", signing=signing, file=file)

    return create


def new_passphrase(file: Path | None) -> bytes:
    """A new passphrase, from a file or asked for twice.

    Raises:
        ConfigError: there is no terminal, or it is too easily guessed.
        CustodyError: others may read the file.
    """
    from keystead.cli.opening import passphrase

    if file is not None:
        given = passphrase(file)
    elif sys.stdin.isatty():
        given = str(click.prompt("New passphrase", hide_input=True, confirmation_prompt="Once more", err=True)).encode()
    else:
        raise ConfigError("a new passphrase is asked for at a terminal, or comes from --passphrase-file")
    try:
        characters = given.decode()
    except ValueError:
        raise ConfigError("a passphrase is text in UTF-8") from None
    if len(characters) < MINIMUM_PASSPHRASE or len(set(characters)) < MINIMUM_DIFFERENT:
        raise ConfigError(
            f"a passphrase has at least {MINIMUM_PASSPHRASE} characters, {MINIMUM_DIFFERENT} of them different;"
            " better six words, or more"
        )
    return given


def opened(config: Config, share_files: Sequence[Path]) -> RootOfTrust:
    """Open the root that there is, whatever its kind; if it is one of shares, by those of its custodians.

    Raises:
        ConfigError, CustodyError.
    """
    if config.custody.root != "shares":
        from keystead.cli.opening import open_root

        return open_root(config)
    from keystead.custody.software import SoftwareRoot

    return SoftwareRoot.open(config.custody.directory, gather(custodians_of(config), share_files))


def succeed(config: Config, share_files: Sequence[Path], make: Callable[[], Coming], operation: str) -> None:
    """Put every key under a root that is made now, and have the configuration say so.

    Raises:
        ConfigError, CustodyError, TamperError: nothing is changed.
    """
    from keystead.cli.status import NOT_RUNNING, health
    from keystead.custody import Means, open_root
    from keystead.custody.keks import open_keks
    from keystead.custody.succession import HANDOVER_SECONDS
    from keystead.custody.succession import succeed as put_under

    directory, before = config.custody.directory, config.custody.root
    with closing(opened(config, share_files)) as old:
        new = make()
        running = health(config) not in (NOT_RUNNING, "sealed")
        with recorded(config, operation, f"{before} to {new.said}"), closing(open_keks(directory)) as keks:
            put_under(directory, keks, old, new.create).close()
            try:
                configure(config, new.settings)
                if running:
                    click.echo("Every key is under the new root. The server goes over to it ...")
                    time.sleep(HANDOVER_SECONDS)
            finally:
                keks.forget_testament()  # by it the old root opens the new one
    if new.kind == "key-file":
        open_root("key-file", directory, Means(key_file=config.custody.key_file)).close()  # puts the key in its place
    finish(config, new.kind)


def finish(config: Config, kind: str) -> None:
    """Take away what opened the root before, if it was a file of ours."""
    from keystead.custody.files import shred
    from keystead.custody.rootfile import KEY_FILE

    if config.custody.root == "key-file" != kind:
        shred(config.custody.key_file or config.custody.directory / KEY_FILE)


def custodians_of(config: Config) -> Custodians:
    """Those of the root that there is.  Raises: CustodyError, if there is none or it is not one of shares."""
    from keystead.custody import settle
    from keystead.custody.shares import Custodians

    settle(config.custody.directory)
    return Custodians.load(head_of(config))


def head_of(config: Config) -> dict[str, object]:
    """What is known of the root that there is.  Raises: CustodyError."""
    from keystead.custody import refuse_if_lost
    from keystead.custody.rootfile import ROOT_FILE, read_head

    refuse_if_lost(config.custody.directory)
    if not (config.custody.directory / ROOT_FILE).exists():
        raise CustodyError("there is no root of trust yet: keystead operator init")
    try:
        return read_head(config.custody.directory)
    except ValueError:
        raise CustodyError("root.json is damaged") from None


def keep_acknowledged(config: Config, custodians: Custodians, names: Sequence[str]) -> None:
    """Keep it on record, and in the audit, that custodians have their shares.  Raises: CustodyError, StoreError."""
    from keystead.custody.acknowledged import acknowledge

    acknowledge(config.custody.directory, custodians, names)
    for name in names:
        with recorded(config, "Acknowledge Share", name):
            pass


@contextmanager
def recorded(config: Config, operation: str, message: str = "") -> Iterator[None]:
    """Do something as an event of the audit, before and after: what cannot be recorded is not done.

    Raises:
        StoreError: it cannot be recorded.
    """
    from keystead.engine.administration import operator_of
    from keystead.engine.unsealing import note
    from keystead.store import open as open_store

    name = operator_of(os.geteuid())
    with closing(open_store(config.store.url)) as store:
        note(store, operation, message, name=name, status="Operation Pending")
        try:
            yield
        except BaseException as error:
            said = str(error) if isinstance(error, KeysteadError) else type(error).__name__
            with suppress(KeysteadError):
                note(
                    store, operation, f"{message}: {said}", name=name, status="Operation Failed",
                    reason="General Failure",
                )  # fmt: skip
            raise
        note(store, operation, message, name=name)


def configure(config: Config, settings: dict[str, str | None]) -> None:
    """Have [custody] of the configuration file say it; tell what to write if it cannot be written."""
    from keystead.cli.settings import rewrite

    # What is not there need not be taken out.
    there = {key for key in settings if getattr(config.custody, key) is not None}
    rewrite(config, "custody", {key: value for key, value in settings.items() if value is not None or key in there})


def elsewhere(
    config: Config, module: Path | None, token: str | None, pin_file: Path | None
) -> tuple[Config, dict[str, str | None]]:
    """The configuration as it is with another token of an HSM, and what of it is new."""
    named: dict[str, Path | str | None] = {
        "pkcs11_module": module,
        "pkcs11_token": token,
        "pin_file": pin_file,
    }
    # The PIN of one token is not tried at another.
    changed = {key: value for key, value in named.items() if value or (token and key == "pin_file")}
    custody = replace(config.custody, **changed)  # type: ignore[arg-type]  # each is of its own type
    return replace(config, custody=custody), {key: spelled(value) for key, value in changed.items()}


def spelled(value: Path | str | None) -> str | None:
    """A setting as the configuration file has it; a path from where it is."""
    return str(value.absolute()) if isinstance(value, Path) else value

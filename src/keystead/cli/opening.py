"""Opening what commands work on: the root of trust, and the engine over it."""

from __future__ import annotations

import functools
import logging
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keystead.config import Config
from keystead.custody import Means, RootOfTrust
from keystead.custody import open_root as open_root_of_trust
from keystead.custody.files import read_private
from keystead.custody.memory import harden_server
from keystead.custody.rootfile import ROOT_FILE, SEALED_FILE
from keystead.custody.software import SoftwareRoot, make_key_file, read_key_file
from keystead.errors import ConfigError, CustodyError

if TYPE_CHECKING:
    from keystead.custody.pkcs11 import Token
    from keystead.engine.engine import Engine

log = logging.getLogger("keystead.cli")

MAXIMUM_PASSPHRASE_BYTES = 1024


def keep_in_memory(config: Config) -> None:
    """See to it, before a server has any key, that keys stay in its memory; say once, in its log, what is refused.

    Raises:
        ConfigError: they could be swapped out, and that is not allowed.
    """
    if refused := harden_server(config.custody.swap):
        log.warning("memory", extra={"fields": {"refused": refused}})


def open_root(config: Config) -> RootOfTrust:
    """Open the root of trust of a configuration, asking for its passphrase or PIN if there is no file with it.

    One of shares stays sealed: only a ceremony opens it.

    Raises:
        ConfigError: it needs a passphrase and there is nobody to ask.
        CustodyError: it is not there, or cannot be opened.
    """
    custody = config.custody
    means = Means(
        key_file=custody.key_file,
        passphrase=functools.partial(passphrase, custody.passphrase_file),
        token=token_of(config) if custody.root == "pkcs11" else None,
        pin=functools.partial(pin, custody.pin_file),
    )
    return open_root_of_trust(custody.root, custody.directory, means)


def token_of(config: Config) -> Token:
    """Where the key in the HSM of a configuration is.  Raises: ConfigError."""
    from keystead.custody.pkcs11 import Token

    custody = config.custody
    if custody.pkcs11_module is None or custody.pkcs11_token is None:
        raise ConfigError("[custody] pkcs11_module, pkcs11_token: name the HSM's module and token")
    return Token(custody.pkcs11_module, custody.pkcs11_token, custody.pkcs11_key, custody.pin_file)


class Opening:
    """Opens the engine, in whichever process calls it, under the root that holds now.

    Attributes:
        root: of this process; the next engine is opened under it.
        sealing: the server stops because it was told to seal itself.
    """

    def __init__(self, config: Config, root: RootOfTrust) -> None:
        self._config = config
        self.root = root
        self.sealing = False
        self._engine: Engine | None = None
        self._stamp = root_stamp(config)

    def __call__(self) -> Engine:
        """Open the engine.  Raises: ConfigError, StoreError, TamperError, CustodyError."""
        from keystead.engine.engine import Engine

        self._engine = Engine.open(self._config, self.root)
        return self._engine

    def to_seal(self) -> bool:
        """Whether a server has to seal itself; about each second, in each of its processes.

        It was told to, or missed that its root was changed: then it has to be opened again.
        """
        stamp = root_stamp(self._config)
        if stamp != self._stamp:
            self._stamp = stamp
            self._follow()
        # The engine goes over to another root by itself, and seals the one of before.
        roots = [self.root] if self._engine is None else [self.root, self._engine.vault.root]
        for root in roots:
            root.look()
        self.sealing = sealed_file(self._config).exists() or all(root.sealed for root in roots)
        return self.sealing

    def _follow(self) -> None:
        """Go over to another root: engines that are opened later are opened under it."""
        from keystead.custody.keks import open_keks
        from keystead.custody.zones import Vault

        try:
            if self._engine is not None:  # whose vault shares the root of before, and seals it
                self._engine.vault.follow()
                self.root = self._engine.vault.root
                return
            with closing(Vault(self.root, open_keks(self._config.custody.directory))) as vault:
                vault.follow()
                self.root = vault.root
        except CustodyError as error:
            log.critical("the root of trust was changed", extra={"fields": {"said": str(error)}})


def opener(config: Config, root: RootOfTrust) -> Opening:
    """Give what opens the engine, in whichever process calls it."""
    return Opening(config, root)


def root_stamp(config: Config) -> tuple[int, int] | None:
    """Which `root.json` there is, to see that it was changed."""
    try:
        found = (config.custody.directory / ROOT_FILE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def sealed_file(config: Config) -> Path:
    """What seals a server while it is there."""
    return config.custody.directory / SEALED_FILE


def passphrase(file: Path | None) -> bytes:
    """Read the passphrase from its file, else ask for it.

    Raises:
        ConfigError: there is no terminal to ask at.
        CustodyError: the file cannot be read, or others can read it.
    """
    if file is not None:
        return read_private(file, MAXIMUM_PASSPHRASE_BYTES).rstrip(b"\r\n")
    return _asked("Passphrase of the root of trust", "[custody] passphrase_file", "passphrase")


def pin(file: Path | None) -> bytes:
    """Read the PIN of the token from its file, else ask for it.  Raises: as `passphrase`."""
    from keystead.custody.pkcs11 import read_pin

    if file is not None:
        return read_pin(file)
    return _asked("PIN of the token", "[custody] pin_file", "PIN")


def _asked(question: str, key: str, what: str) -> bytes:
    if not sys.stdin.isatty():
        raise ConfigError(f"{key}: there is no terminal to ask for the {what} at")
    return str(click.prompt(question, hide_input=True, err=True)).encode()


def make_key_file_root(directory: Path, key_file: Path) -> None:
    """Make a root of trust that a key file opens, if there is none yet; takes up where it was interrupted."""
    if not (directory / ROOT_FILE).exists():
        key = read_key_file(key_file) if key_file.exists() else make_key_file(key_file)
        SoftwareRoot.create(directory, key)

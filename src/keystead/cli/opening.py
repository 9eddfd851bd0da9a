"""Opening what commands work on: the root of trust, and the engine over it."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keystead.config import Config
from keystead.custody import RootOfTrust
from keystead.custody import open_root as open_root_of_trust
from keystead.custody.files import read_private
from keystead.custody.memory import harden
from keystead.custody.software import ROOT_FILE, SoftwareRoot, make_key_file, read_key_file
from keystead.errors import ConfigError

if TYPE_CHECKING:
    from keystead.engine.engine import Engine

log = logging.getLogger("keystead.cli")

MAXIMUM_PASSPHRASE_BYTES = 1024


def open_root(config: Config) -> RootOfTrust:
    """Open the root of trust of a configuration, asking for its passphrase if there is no file with it.

    Raises:
        ConfigError: it needs a passphrase and there is nobody to ask.
        CustodyError: it is not there, or cannot be opened.
    """
    refused = harden()  # before there is anything in memory that is worth reading
    log.info("memory", extra={"fields": {"refused": refused}})
    custody = config.custody
    return open_root_of_trust(
        custody.root, custody.directory, custody.key_file, functools.partial(passphrase, custody.passphrase_file)
    )


def opener(config: Config, root: RootOfTrust) -> Callable[[], Engine]:
    """Give what opens the engine, in whichever process calls it."""

    def open_engine() -> Engine:
        from keystead.engine.engine import Engine

        return Engine.open(config, root)

    return open_engine


def passphrase(file: Path | None) -> bytes:
    """Read the passphrase from its file, else ask for it.

    Raises:
        ConfigError: there is no terminal to ask at.
        CustodyError: the file cannot be read, or others can read it.
    """
    if file is not None:
        return read_private(file, MAXIMUM_PASSPHRASE_BYTES).rstrip(b"\r\n")
    if not sys.stdin.isatty():
        raise ConfigError("[custody] passphrase_file: there is no terminal to ask for the passphrase at")
    return str(click.prompt("Passphrase of the root of trust", hide_input=True, err=True)).encode()


def make_key_file_root(directory: Path, key_file: Path) -> None:
    """Make a root of trust that a key file opens, if there is none yet; takes up where it was interrupted."""
    if not (directory / ROOT_FILE).exists():
        key = read_key_file(key_file) if key_file.exists() else make_key_file(key_file)
        SoftwareRoot.create(directory, key)

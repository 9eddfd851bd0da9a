"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from keystead.config import FILE_NAME, Config
from keystead.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])
SYSTEM_FILE = Path("/etc/keystead") / FILE_NAME


def config_option(command: F) -> F:
    """Give a command --config."""
    option = click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"The configuration; $KEYSTEAD_CONFIG, else ./{FILE_NAME}, else {SYSTEM_FILE}.",
    )
    return option(command)


def json_option(command: F) -> F:
    """Give a command --json."""
    return click.option("--json", "as_json", is_flag=True, help="For programs: JSON.")(command)


def load_config(path: Path | None) -> Config:
    """Load the configuration that was named, or the one that is found.

    Raises:
        ConfigError: there is none, or it is wrong.
    """
    if path is not None:
        return Config.load(path)
    if named := os.environ.get("KEYSTEAD_CONFIG"):
        return Config.load(Path(named))
    for candidate in (Path(FILE_NAME), SYSTEM_FILE):
        if candidate.exists():
            return Config.load(candidate)
    raise ConfigError(f"no {FILE_NAME} here and no {SYSTEM_FILE}: name one with --config, or make one: keystead init")


def domain_option(command: F) -> F:
    """Give a command --domain."""
    text = "The domain that it is about; that of the configuration unless given."
    return click.option("--domain", help=text)(command)

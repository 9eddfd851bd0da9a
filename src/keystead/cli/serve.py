"""keystead serve."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keystead.cli.options import config_option, load_config
from keystead.config import Config

if TYPE_CHECKING:
    from keystead.custody import RootOfTrust

Ready = Callable[[Mapping[str, int]], None]


@click.command()
@config_option
def serve(config_path: Path | None) -> int:
    """Run the server of a configuration.

    If its root of trust is one of shares, it starts sealed and waits for its custodians: keystead operator unseal.

    SIGTERM and SIGINT stop it: what has arrived is answered first.  SIGHUP reads certificates, keys and revocation
    lists again; changed files are noticed without it, too.

    \b
    Examples:
      keystead serve --config /var/lib/keystead/keystead.toml
      KEYSTEAD_CONFIG=/etc/keystead/keystead.toml keystead serve
    """
    from keystead.cli.opening import open_root, opener, sealed_file
    from keystead.server.log import configure
    from keystead.server.serve import serve as serve_until_stopped

    config = load_config(config_path)
    configure(config.server.log_level, config.server.log_format)
    root: RootOfTrust | None = None
    if config.custody.root == "shares" or sealed_file(config).exists():
        root, config = serve_sealed(config)
        if root is None:
            return 0
    opening = opener(config, root or open_root(config))
    status = serve_until_stopped(config, opening, leave=opening.to_seal)
    if opening.sealing:
        begin_anew([sys.executable, *sys.orig_argv[1:]])
    return status


def serve_sealed(config: Config) -> tuple[RootOfTrust | None, Config]:
    """Serve as a sealed server until it is unsealed.

    Returns:
        the root, None if the server was stopped; the configuration with the ports that it listens on.
    """
    from keystead.cli.opening import open_root, sealed_file
    from keystead.custody import settle
    from keystead.custody.memory import harden
    from keystead.custody.rootfile import read_head
    from keystead.custody.shares import Ceremony, Custodians
    from keystead.custody.software import SoftwareRoot
    from keystead.engine.unsealing import Unsealing
    from keystead.server.serve import serve as serve_until_stopped
    from keystead.store import open as open_store

    harden()
    directory, mark = config.custody.directory, sealed_file(config)
    settle(directory)
    opened: list[RootOfTrust] = []
    ceremony = None
    if config.custody.root == "shares":
        locked = open_root(config)  # says what is wrong with it before anybody is asked for a share
        custodians = Custodians.load(read_head(directory))
        ceremony = Ceremony(custodians, lambda key: opened.append(SoftwareRoot.open(directory, key)))
        locked.close()
    listening: dict[str, int] = {}
    serve_until_stopped(
        replace(config, server=replace(config.server, workers=1)),
        lambda: Unsealing(open_store(config.store.url), ceremony),
        listening.update,
        lambda: bool(opened) or (ceremony is None and not mark.exists()),
    )
    # A port that was any free one stays the same.
    server = replace(config.server, kmip_port=listening["kmip"], https_port=listening["https"])
    config = replace(config, server=server)
    if opened:
        mark.unlink(missing_ok=True)
        return opened[0], config
    return (open_root(config) if ceremony is None and not mark.exists() else None), config


def begin_anew(command: list[str]) -> None:
    """Become a new process under the same number: no key that this one's memory held is left in it."""
    os.execv(command[0], command)

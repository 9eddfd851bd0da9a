"""keystead serve."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

import click

from keystead.cli.options import config_option, load_config
from keystead.config import Config
from keystead.errors import CustodyError, KeysteadError, OutOfReach

if TYPE_CHECKING:
    from keystead.custody import RootOfTrust

log = logging.getLogger("keystead.cli")

ATTEMPT_SECONDS: Final = 2.0
"""How often a token is looked for that was not there at the start."""
Ready = Callable[[Mapping[str, int]], None]


@click.command()
@config_option
def serve(config_path: Path | None) -> int:
    """Run the server of a configuration.

    If its root of trust is one of shares, it starts sealed and waits for its custodians: keystead operator unseal.  If
    the HSM with its root is out of reach, it starts sealed too, and opens it when it is there.

    SIGTERM and SIGINT stop it: what has arrived is answered first.  SIGHUP reads certificates, keys and revocation
    lists again; changed files are noticed without it, too.

    \b
    Examples:
      keystead serve --config /var/lib/keystead/keystead.toml
      KEYSTEAD_CONFIG=/etc/keystead/keystead.toml keystead serve
    """
    from keystead.cli.opening import keep_in_memory, opener
    from keystead.custody.memory import overwrite_what_is_freed
    from keystead.server.log import configure
    from keystead.server.serve import serve as serve_until_stopped

    config = load_config(config_path)
    overwrite_what_is_freed(small=config.custody.overwritten == "all")
    configure(config.server.log_level, config.server.log_format)
    keep_in_memory(config)
    root, config = await_root(config)
    if root is None:
        return 0
    opening = opener(config, root)
    status = serve_until_stopped(config, opening, leave=opening.to_seal)
    if opening.sealing:
        begin_anew()
    return status


def await_root(config: Config) -> tuple[RootOfTrust | None, Config]:
    """Open the root of trust; serve as a sealed server until it can be opened.

    Returns:
        the root, None if the server was stopped; the configuration with the ports that it listens on.

    Raises:
        ConfigError, CustodyError: it cannot be opened, and waiting would not help.
    """
    from keystead.cli.opening import open_root, sealed_file

    if config.custody.root != "shares" and not sealed_file(config).exists():
        try:
            return open_root(config), config
        except OutOfReach as error:
            if config.custody.pin_file is None:  # nobody would be there to type it again
                raise
            log.critical("the token is out of reach: sealed until it is there", extra={"fields": {"said": str(error)}})
    return serve_sealed(config)


def serve_sealed(config: Config) -> tuple[RootOfTrust | None, Config]:
    """Serve as a sealed server until it is unsealed.  Returns and raises: as `await_root`."""
    from keystead.custody import settle
    from keystead.engine.unsealing import Unsealing
    from keystead.server.serve import serve as serve_until_stopped
    from keystead.store import open as open_store

    settle(config.custody.directory)
    waiting = Waiting(config)
    listening: dict[str, int] = {}
    serve_until_stopped(
        replace(config, server=replace(config.server, workers=1)),
        lambda: Unsealing(open_store(config.store.url), waiting.ceremony),
        listening.update,
        waiting.over,
    )
    if waiting.changed:
        begin_anew()
    if not listening:
        return None, config
    # A port that was any free one stays the same.
    server = replace(config.server, kmip_port=listening["kmip"], https_port=listening["https"])
    return waiting.root(), replace(config, server=server)


class Waiting:
    """What a sealed server waits for: its custodians, its operator, its token.

    Attributes:
        ceremony: takes custodians' shares; None if the root is not one of shares.
        changed: the root was changed meanwhile: those who gave shares gave shares of another one.
    """

    def __init__(self, config: Config) -> None:
        from keystead.cli.opening import open_root, root_stamp
        from keystead.custody.rootfile import read_head
        from keystead.custody.shares import Ceremony, Custodians
        from keystead.custody.software import SoftwareRoot

        self._config = config
        self._stamp = root_stamp(config)
        self._opened: list[RootOfTrust] = []
        self._attempt: Future[RootOfTrust] | None = None
        self._said = ""
        self._attempted_at = float("-inf")
        self._let_go = False
        self.ceremony: Ceremony | None = None
        self.changed = False
        if config.custody.root == "shares":
            directory = config.custody.directory
            open_root(config).close()  # says what is wrong with it before anybody is asked for a share
            self._custodians = Custodians.load(read_head(directory))
            self.ceremony = Ceremony(
                self._custodians, lambda key: self._opened.append(SoftwareRoot.open(directory, key))
            )

    def over(self) -> bool:
        """Whether it is over; about each second."""
        from keystead.cli.opening import sealed_file

        self.changed = not self._opened and self._is_another()
        if self.changed or self._opened:
            return True
        if self.ceremony is not None or sealed_file(self._config).exists():
            return False
        if self._config.custody.root == "pkcs11" and self._config.custody.pin_file is not None:
            self._attempt_to_open()
            return bool(self._opened)
        self._let_go = True
        return True

    def root(self) -> RootOfTrust | None:
        """The root, opened; None if it may not be: the server was stopped."""
        from keystead.cli.opening import open_root, sealed_file

        if self._opened:
            sealed_file(self._config).unlink(missing_ok=True)
            return self._opened[0]
        return open_root(self._config) if self._let_go else None

    def _is_another(self) -> bool:
        """Whether the root is not the one that is waited for any more."""
        from keystead.cli.opening import root_stamp
        from keystead.custody.rootfile import read_head
        from keystead.custody.shares import Custodians

        stamp = root_stamp(self._config)
        if stamp == self._stamp or self.ceremony is None:
            return stamp != self._stamp
        try:
            head = read_head(self._config.custody.directory)
        except (CustodyError, ValueError):  # damaged, or gone: what custodians gave is kept until it is there again
            return False
        try:
            same = Custodians.load(head) == self._custodians
        except CustodyError:
            return True
        if same:
            self._stamp = stamp
        return not same

    def _attempt_to_open(self) -> None:
        """Look for the token, in a thread of its own: it may take long, and those who ask for health may not wait."""
        from keystead.cli.opening import open_root

        if self._attempt is not None and self._attempt.done():
            attempt, self._attempt = self._attempt, None
            try:
                self._opened.append(attempt.result())
            except KeysteadError as error:
                if str(error) != self._said:
                    log.critical("the root of trust cannot be opened", extra={"fields": {"said": str(error)}})
                self._said = str(error)
        elif self._attempt is None and time.monotonic() - self._attempted_at > ATTEMPT_SECONDS:
            self._attempted_at = time.monotonic()
            self._attempt = Future()
            Thread(target=_fulfil, args=(self._attempt, lambda: open_root(self._config)), daemon=True).start()


def _fulfil(future: Future[RootOfTrust], work: Callable[[], RootOfTrust]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - it is raised where it is asked for
        future.set_exception(error)


def begin_anew(command: Sequence[str] = ()) -> None:
    """Become a new process under the same number: no key that this one's memory held is left in it.

    Args:
        command: another one than that of this process.
    """
    command = [*command] or [sys.executable, *sys.orig_argv[1:]]
    os.execv(command[0], command)

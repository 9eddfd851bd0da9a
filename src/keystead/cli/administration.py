"""The administration, whether a server runs or not: on its socket, or in its place."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, cast

import click

from keystead.cli.options import config_option, domain_option, load_config
from keystead.config import Config
from keystead.engine.administration import SEALED, STATUS, load_error, operator_of
from keystead.errors import CustodyError
from keystead.server.admin import LOCK_FILE, SOCKET_FILE, in_directory

MOST_LINE_BYTES: Final = 256 << 20
CONNECT_SECONDS: Final = 5.0
TAKEOVER_SECONDS: Final = 3.0
"""So long it may take until another worker serves the socket of one that died."""
SILENCE_SECONDS: Final = 60.0
"""A server that lives says more often than this that it does."""
_PAUSE_SECONDS: Final = 0.1
_UNSEAL: Final = "start the server and unseal it: keystead serve, then keystead operator unseal"

F = TypeVar("F", bound=Callable[..., Any])
Show = Callable[[Mapping[str, Any]], None]
"""Is shown the progress of a slow method: what, done, total."""


class Administrator(Protocol):
    """Does the methods of `keystead.engine.methods`, and `status`.

    Attributes:
        running: whether a server does them, and not this process.
    """

    running: bool

    def call(self, method: str, /, **arguments: Any) -> Any:
        """Do a method of the administration; what it gives, as JSON has it.

        Args:
            arguments: by name; bytes are sent in Base64.

        Raises:
            OperationFailed, CustodyError, StoreError, TamperError: on both ways the same.
        """


@contextmanager
def administration(config: Config, domain: str | None = None, show: Show | None = None) -> Iterator[Administrator]:
    """Give whoever does the methods of the administration: the server that runs, else this process.

    Args:
        domain: that the methods are about; that of the configuration unless given.
        show: is shown the progress of a slow method; a terminal is, unless given.

    Raises:
        CustodyError: no server runs, and the root of trust cannot be opened here.
        ConfigError, StoreError, TamperError: as opening the engine does.
    """
    domain, show = domain or config.policy.domain, show or show_progress
    remote = running(config, domain, show)
    if remote is not None:
        yield remote
        return
    from keystead.cli.opening import open_root, opener, sealed_file

    if sealed_file(config).exists():
        raise CustodyError(f"{SEALED}, and does not run; {_UNSEAL}")
    root = open_root(config)
    if root.sealed:
        raise CustodyError(f"the root of trust cannot be opened here ({root.name}); {_UNSEAL}")
    with closing(opener(config, root)()) as engine:
        yield Local(engine, domain, show)


def running(config: Config, domain: str | None = None, show: Show | None = None) -> Remote | None:
    """Give the server that runs; None if none does.  Raises: CustodyError, as `connect`."""
    connection = connect(config.custody.directory)
    if connection is None:
        return None
    connection.close()  # each call has its own: who knows how long an operator thinks
    return Remote(config.custody.directory, domain or config.policy.domain, show or show_progress)


def administering(command: F) -> F:
    """Give a command --config and --domain, and as its first argument whoever does the methods."""

    @config_option
    @domain_option
    @functools.wraps(command)
    def run(config_path: Path | None, domain: str | None, **given: Any) -> Any:
        with administration(load_config(config_path), domain) as operators:
            return command(operators, **given)

    return cast(F, run)


@dataclass(slots=True)
class Local:
    """Does the methods in this process."""

    engine: Any
    domain: str
    show: Show
    running: bool = False

    def call(self, method: str, /, **arguments: Any) -> Any:
        from keystead.engine import methods as _methods  # noqa: F401 - enters the methods
        from keystead.engine.admin import Administration
        from keystead.engine.administration import perform

        if method == STATUS:
            return _round(self.engine.status())

        def progress(what: str, done: int = 0, total: int = 0) -> None:
            self.show({"what": what, "done": done, "total": total})

        administration = Administration(self.engine, self.domain, operator_of(os.geteuid()), progress)
        return _round(perform(administration, method, _round(arguments)))


@dataclass(slots=True)
class Remote:
    """Has a server do the methods."""

    directory: Path
    domain: str
    show: Show
    running: bool = True

    def call(self, method: str, /, **arguments: Any) -> Any:
        request = {"method": method, "arguments": _round(arguments), "domain": self.domain}
        connection = connect(self.directory)
        if connection is None:
            raise CustodyError("the server does not run any more")
        try:
            with connection:
                connection.settimeout(SILENCE_SECONDS)
                with suppress(ConnectionError):  # refused before it was read: the answer says why
                    connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as lines:
                    return self._answer(lines.readline(MOST_LINE_BYTES), lines)
        except TimeoutError:
            raise _broken(f"nothing for {SILENCE_SECONDS:.0f} seconds") from None
        except OSError as error:
            raise _broken(error.strerror or type(error).__name__) from None

    def _answer(self, line: bytes, lines: Any) -> Any:
        while True:
            try:
                found = json.loads(line)
                if "progress" not in found:
                    break
                self.show(found["progress"])
            except (ValueError, TypeError):
                raise _broken("it ended the connection" if not line else "its answer cannot be read") from None
            line = lines.readline(MOST_LINE_BYTES)
        if "error" in found:
            error = load_error(found["error"])
            raise CustodyError(f"{SEALED}: keystead operator unseal") if str(error) == SEALED else error
        return found["result"]


def connect(directory: Path) -> socket.socket | None:
    """Connect to the server that runs; None if none does.

    Raises:
        CustodyError: one runs, but cannot be reached.
    """
    deadline = time.monotonic() + TAKEOVER_SECONDS
    while True:
        try:
            return _connected(directory)
        except FileNotFoundError:
            if not _served(directory):
                return None
        except ConnectionRefusedError:  # left by a worker that died, whose place another one takes, if there is one
            pass
        except OSError as error:
            raise CustodyError(f"the server cannot be asked: {SOCKET_FILE}: {error.strerror}") from None
        if time.monotonic() > deadline:
            if _served(directory):
                raise CustodyError(f"a server runs, but does not answer at {SOCKET_FILE}")
            return None
        time.sleep(_PAUSE_SECONDS)


def _connected(directory: Path) -> socket.socket:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(in_directory(descriptor, SOCKET_FILE))
    except BaseException:
        connection.close()
        raise
    finally:
        os.close(descriptor)
    return connection


def _served(directory: Path) -> bool:
    """Whether a server holds the lock of the socket."""
    try:
        descriptor = os.open(directory / LOCK_FILE, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def show_progress(progress: Mapping[str, Any]) -> None:
    """Show on a terminal how far a slow method is."""
    if not progress or not sys.stderr.isatty():
        return
    done, total = progress.get("done", 0), progress.get("total", 0)
    text = f"{progress.get('what', '')} {done}" + (f" of {total}" if total else "")
    click.echo(f"\r{text}\x1b[K", nl=bool(total) and done >= total, err=True)


def _round(value: Any) -> Any:
    """A value as the other end of a socket would have it."""
    from keystead.engine.administration import shown

    return json.loads(json.dumps(shown(value)))


def _broken(why: str) -> CustodyError:
    return CustodyError(f"the server did not answer ({why}); what was asked for may have been done or not")

"""keystead: the command."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, NoReturn

import click

from keystead import __version__
from keystead.cli.commands import Commands
from keystead.cli.exits import EXIT_STATUSES, exit_status
from keystead.custody.memory import harden
from keystead.errors import KeysteadError

THREAD_NAME: Final = "keystead-prepare"
"""What threads are called that do slow work (`keystead.engine.preparing`)."""
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "init": ("keystead.cli.init:init", "Set up a server: configuration, root of trust, certificates."),
    "serve": ("keystead.cli.serve:serve", "Run the server of a configuration."),
    "dev": ("keystead.cli.dev:dev", "Run a throw-away server, at once."),
    "status": ("keystead.cli.status:status", "Tell how the server stands."),
    "client": ("keystead.cli.client:client", "Enrol clients, list them, lock them out."),
    "user": ("keystead.cli.user:user", "Make users and devices, list them, lock them out."),
    "group": ("keystead.cli.group:group", "Make groups, and say who is in them."),
    "grant": ("keystead.cli.grant:grant", "Let clients, users and groups work with objects of others."),
    "wrapping-key": ("keystead.cli.wrapping_key:wrapping_key", "Say which keys Sensitive keys may be wrapped by."),
    "call": ("keystead.cli.call:call", "Call an operation of a server."),
    "decode": ("keystead.cli.decode:decode", "Print a KMIP message as a tree."),
    "operator": ("keystead.cli.operator:operator", "Look after the root of trust: custodians, sealing, rotation."),
    "zone": ("keystead.cli.zone:zone", "Rotate and shred the keys of zones."),
    "backup": ("keystead.cli.backup:backup", "Back up, verify and restore."),
    "integrity": ("keystead.cli.integrity:integrity", "Check that the database is as it was left."),
    "audit": ("keystead.cli.audit:audit", "Read the record of every request."),
}
"""A command → where it lives and what it does.  Help reads this table only, so it is there at once."""


class LazyGroup(Commands):
    """Loads a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def meaning(self, ctx: click.Context, name: str) -> str:
        """What a command does, without loading any."""
        return COMMANDS[name][1]


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_STATUSES,
)
@click.version_option(__version__, "--version", message="keystead %(version)s")
def cli() -> None:
    """Keystead: a key manager that speaks KMIP.

    \b
    Try it:
      keystead dev                             a server with two clients, at once
    Run it:
      keystead init --dir /var/lib/keystead    answer its questions
      keystead serve --config /var/lib/keystead/keystead.toml
      keystead client enroll backup --config /var/lib/keystead/keystead.toml
    Use it:
      keystead call Create algorithm=AES length=256 --profile alice.json

    Each command has its own help, with examples: keystead call --help
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its status, in a process that is hardened: most are given or shown some secret."""
    harden()
    end(run(arguments))


def run(arguments: Sequence[str] | None) -> int:
    """Run a command; its exit status."""
    try:
        status = cli.main(arguments, prog_name="keystead", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except (KeysteadError, OSError) as error:
        click.echo(f"keystead: {_told(error)}", err=True)
        return exit_status(error)
    return status if isinstance(status, int) else 0


def _told(error: Exception) -> str:
    """What went wrong, in a sentence; of the operating system's refusals without their numbers."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error) or type(error).__name__
    files = [file if isinstance(file, int) else os.fsdecode(file) for file in (error.filename, error.filename2) if file]
    return f"{' to '.join(map(str, files))}: {error.strerror}" if files else error.strerror


def end(status: int) -> NoReturn:
    """Exit; a thread that still makes a key is not waited for: nobody is left to have it."""
    if any(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    main()

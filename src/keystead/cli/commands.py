"""Commands of commands."""

from __future__ import annotations

import difflib
from typing import Final

import click

_LONGEST_SENTENCE: Final = 300


class Commands(click.Group):
    """A command of commands: lists what each does in its whole first sentence, and guesses at one that is misspelt."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.meaning(ctx, name)) for name in self.list_commands(ctx)])

    def meaning(self, ctx: click.Context, name: str) -> str:
        """What a command does."""
        command = self.get_command(ctx, name)
        return command.get_short_help_str(_LONGEST_SENTENCE) if command is not None else ""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; say what may be meant by one that is not there."""
        near = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
        if near and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(f"No such command {args[0]!r}. Did you mean {near[0]!r}?", ctx)
        return super().resolve_command(ctx, args)

"""Shares at a terminal: what a custodian sees, types and takes along."""

from __future__ import annotations

import functools
import secrets
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from keystead.errors import ConfigError, CustodyError

if TYPE_CHECKING:
    from keystead.custody.shares import Custodians

F = TypeVar("F", bound=Callable[..., Any])

CHECKED_WORDS: Final = 3
"""So many words of a share a custodian types when acknowledging it."""
MOST_SHARE_BYTES: Final = 8192


@dataclass(frozen=True, slots=True)
class Wanted:
    """A set of shares that is to be made, and how the shares come to their custodians.

    Attributes:
        share_dir: into files there, instead of being shown.
        print_with: a command that prints what it reads.
    """

    number: int | None = None
    threshold: int | None = None
    names: tuple[str, ...] = ()
    share_dir: Path | None = None
    print_with: str | None = None

    @property
    def said(self) -> bool:
        """Whether anything was said of who holds shares."""
        return bool(self.number or self.threshold or self.names)

    def after(self, before: Custodians) -> Wanted:
        """The same with what was not said as it is with the set that there is."""
        same = not self.names and self.number in (None, len(before.names))
        return replace(
            self,
            number=self.number or len(self.names or before.names),
            threshold=self.threshold or before.threshold,
            names=before.names if same else self.names,
        )


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A new set of shares.

    Attributes:
        key: what they open together.
        taken: who acknowledged a share at once.
    """

    custodians: Custodians
    key: bytes
    taken: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<HandedOut {who(self.custodians)}>"


def share_options(command: F) -> F:
    """Give a command the options of a new set of shares, as one argument `wanted`."""

    @functools.wraps(command)
    def with_wanted(
        *args: Any,
        number: int | None,
        threshold: int | None,
        names: tuple[str, ...],
        share_dir: Path | None,
        print_with: str | None,
        **more: Any,
    ) -> Any:
        return command(*args, wanted=Wanted(number, threshold, names, share_dir, print_with), **more)

    for option in (
        click.option(
            "--print-with", metavar="COMMAND", help="Print each sheet by a command such as lp instead of showing it."
        ),
        click.option(
            "--share-dir",
            type=click.Path(path_type=Path, file_okay=False),
            help="Write the sheets into files there instead of showing them; take the files away at once.",
        ),
        click.option("--custodian", "names", multiple=True, metavar="NAME", help="Who holds a share; one for each."),
        click.option("--threshold", type=click.IntRange(2, 16), help="How many of them open the root."),
        click.option("--shares", "number", type=click.IntRange(2, 16), help="How many custodians there are."),
    ):
        with_wanted = option(with_wanted)
    return with_wanted  # type: ignore[return-value]


def opening_options(command: F) -> F:
    """Give a command the shares that open the root there is, in files."""
    return click.option(
        "--share-file",
        "share_files",
        multiple=True,
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="A custodian's share in a file, instead of typing it; one for each.",
    )(command)


def share_option(command: F) -> F:
    """Give a command one custodian's share, in a file."""
    return click.option(
        "--share-file",
        multiple=True,
        callback=_only_one,
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="The share in a file, instead of typing it.",
    )(command)


def _only_one(_ctx: click.Context, _param: click.Parameter, given: tuple[Path, ...]) -> Path | None:
    if len(given) > 1:  # all but one would be passed over in silence
        raise click.BadParameter("each custodian gives a share: call this once for each")
    return given[0] if given else None


def who(custodians: Custodians) -> str:
    """Who opens, in words."""
    return f"{custodians.threshold} of {len(custodians.names)}: {', '.join(custodians.names)}"


# --- a new set --------------------------------------------------------------------------------------------------------


def hand_out(wanted: Wanted) -> HandedOut:
    """Make shares and give each to its custodian; nothing is kept of them here.

    Raises:
        ConfigError: it is not said who they are for, or there is no way to give them.
        CustodyError: it would not be split knowledge; a sheet cannot be written or printed.
    """
    from keystead.custody.shares import check_custodians, sheet, split

    number = wanted.number or len(wanted.names)
    if not number or not wanted.threshold:
        raise ConfigError("say how many custodians there are and how many open the root: --shares and --threshold")
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if not terminal and wanted.share_dir is None and wanted.print_with is None:
        raise ConfigError("there is no terminal to show the shares at: --share-dir writes, --print-with prints them")
    names = wanted.names or tuple(ask(f"Name of custodian {at + 1} of {number}") for at in range(number))
    if len(names) != number:
        raise ConfigError(f"--custodian: {number} shares need {number} names")
    check_custodians(names, wanted.threshold)
    custodians, shares, key = split(names, wanted.threshold)
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {socket.gethostname()}"
    sheets = [sheet(custodians, at, share, made) for at, share in enumerate(shares)]
    if wanted.share_dir is not None:
        _write(wanted.share_dir, sheets)
        click.echo(
            f"The shares are in {wanted.share_dir}. Give each to its custodian, who says"
            " keystead operator acknowledge NAME, and remove it here."
        )
        return HandedOut(custodians, key, ())
    taken = []
    for name, share, text in zip(names, shares, sheets, strict=True):
        if terminal:
            _give(name, text, share.split(), wanted.print_with)
            taken.append(name)
        else:
            _print(text, str(wanted.print_with))
    return HandedOut(custodians, key, tuple(taken))


def _write(directory: Path, sheets: Sequence[str]) -> None:
    from keystead.custody.files import shred, writing

    files = [directory / f"share-{number}.txt" for number in range(1, len(sheets) + 1)]
    target, written = directory, list[Path]()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for target, text in zip(files, sheets, strict=True):
            with writing(target) as file:  # it belongs to who makes it, whoever the directory belongs to
                file.write(text.encode())
            written.append(target)
    except BaseException as error:
        for each in written:
            shred(each)
        if not isinstance(error, OSError):
            raise
        said = "is there already" if isinstance(error, FileExistsError) else f"cannot be written: {error.strerror}"
        raise CustodyError(f"{target} {said}") from None


def _print(text: str, command: str) -> None:
    try:
        done = subprocess.run(shlex.split(command), input=text.encode(), stdout=subprocess.DEVNULL)
    except (OSError, ValueError) as error:
        raise CustodyError(f"--print-with: the sheet cannot be printed: {error}") from None
    if done.returncode:
        raise CustodyError(f"--print-with: the sheet was not printed (status {done.returncode})")


def _give(name: str, text: str, words: Sequence[str], command: str | None) -> None:
    """Show a share to its custodian alone, or print it, until it is acknowledged."""
    does = "prints" if command else "shows"
    _pause(f"{name} to the terminal, please; everybody else away. Any key {does} the share.")
    try:
        while True:
            if command:
                _print(text, command)
            else:
                click.echo(text)
                _pause("Write it down. Any key hides it.")
                _wipe_screen()
            click.echo(f"{name}, type {CHECKED_WORDS} words of it, to show that you have it.")
            asked = sorted(secrets.SystemRandom().sample(range(len(words)), CHECKED_WORDS))
            # All are asked for before any is judged.
            typed = [ask(f"Word {at + 1}").lower() for at in asked]
            if typed == [words[at] for at in asked]:
                break
            click.echo(f"That is not what the sheet says. Here it is again{', printed' if command else ''}.")
    finally:
        _wipe_screen()
    click.echo(f"{name} has the share.")


def _pause(text: str) -> None:
    """Wait for a key; unlike click's own, the one that breaks off does."""
    click.echo(text, nl=False)
    try:
        click.getchar()
    except EOFError:
        raise click.Abort from None
    finally:
        click.echo()


def _wipe_screen() -> None:
    # What was scrolled away is wiped too (ECMA-48 ED 3, as terminals have it).
    click.echo("\x1b[H\x1b[2J\x1b[3J", nl=False)


# --- the set that there is --------------------------------------------------------------------------------------------


def gather(custodians: Custodians, share_files: Sequence[Path]) -> bytes:
    """Have enough custodians give their shares, at this terminal or in files; the key that they open together.

    Raises:
        ConfigError: there is no terminal, and no file.
        CustodyError: a file holds no share that is accepted, or there are too few.
    """
    from keystead.custody.shares import REFUSED, Ceremony

    found: list[bytes] = []
    ceremony = Ceremony(custodians, found.append)
    files = list(share_files)
    if not files:
        if not sys.stdin.isatty():
            raise ConfigError(
                f"{custodians.threshold} of {', '.join(custodians.names)} have to give their shares, and there is no"
                " terminal to type them at: name each one's file with --share-file"
            )
        click.echo(f"{custodians.threshold} of {', '.join(custodians.names)} have to agree, one after the other.")
    while not found:
        if share_files and not files:
            raise CustodyError(f"{ceremony.progress} shares: more are needed")
        try:
            if files:
                share = read_share(files.pop(0))
                ceremony.submit(_holder(custodians, share), share)
            else:
                name = ask(f"Custodian ({ceremony.progress} so far)")
                ceremony.submit(name, ask_share(name))
        except CustodyError as error:
            if share_files or str(error) != REFUSED:
                raise
            click.echo(f"{error}", err=True)
    return found[0]


def _holder(custodians: Custodians, share: str) -> str:
    """Whose a share in a file is; "" if it is nobody's, which is refused as any other."""
    for name in custodians.names:
        try:
            custodians.accept(name, share)
        except CustodyError:
            continue
        return name
    return ""


def ask(question: str) -> str:
    """Ask at the terminal.  Raises: ConfigError, if there is none."""
    if not sys.stdin.isatty():
        raise ConfigError(f"{question}: there is no terminal to ask at")
    return str(click.prompt(question, err=True)).strip()


def ask_share(name: str) -> str:
    """Have a share typed, unseen; a slip of the pen is told at once, since the words themselves tell it."""
    from keystead.custody.shares import well_formed, words

    if not sys.stdin.isatty():
        raise ConfigError("there is no terminal to type the share at: name its file with --share-file")
    question = f"The words of {name}'s share (they are not shown)"
    while not well_formed(share := str(click.prompt(question, hide_input=True, err=True))):
        click.echo("A word is missing or wrong; the share was not sent. Once more, please.", err=True)
    return words(share)


def read_share(file: Path) -> str:
    """The share in a file.  Raises: CustodyError, if others may read it."""
    from keystead.custody.files import read_private
    from keystead.custody.shares import words

    return words(read_private(file, MOST_SHARE_BYTES).decode("utf-8", "replace"))

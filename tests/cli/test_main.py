"""The command line: help, its table of commands, exit statuses."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from keystead import errors
from keystead.cli.call import OUT_OF_REACH, REFUSALS
from keystead.cli.exits import EXITS, MEANINGS, exit_status
from keystead.cli.main import COMMANDS, cli, run
from keystead.kmip.enums import ResultReason

TOP = """\
Usage: keystead [OPTIONS] COMMAND [ARGS]...

  Keystead: a key manager that speaks KMIP.

  Try it:
    keystead dev                             a server with two clients, at once
  Run it:
    keystead init --dir /var/lib/keystead    answer its questions
    keystead serve --config /var/lib/keystead/keystead.toml
    keystead client enroll backup --config /var/lib/keystead/keystead.toml
  Use it:
    keystead call Create algorithm=AES length=256 --profile alice.json

  Each command has its own help, with examples: keystead call --help

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Commands:
{commands}

  Exit status: 0 done; 1 refused, or not as it should be; 2 wrong command line;
  4 not found; 5 exists already; 6 wrong state; 7 not supported; 65 not a KMIP
  message; 69 server, database or root of trust out of reach; 70 failed; 74 file
  cannot be read or written; 75 pending, or to be tried again; 76 tampered with;
  77 not permitted; 78 wrong configuration; 130 interrupted.
"""


def test_help_shows_how_to_begin() -> None:
    result = CliRunner().invoke(cli, ["--help"], prog_name="keystead", terminal_width=80)
    width = max(map(len, COMMANDS))
    assert result.output == TOP.format(
        commands="\n".join(f"  {name:{width}}  {meaning}" for name, (_, meaning) in COMMANDS.items())
    )
    assert result.exit_code == 0


OPTIONS = {
    "init": ["--dir", "--domain", "--host", "--root", "--passphrase-file", "--kmip-port", "--https-port", "--yes"],
    "serve": ["--config"],
    "dev": ["--dir", "--kmip-port", "--https-port", "--client", "--workers", "--store", "--ready-file"],
    "status": ["--config", "--json"],
    "client enroll": ["--config", "--certificate", "--domain", "--group", "--key"],
    "client list": ["--config", "--json"],
    "client disable": ["--config", "--domain"],
    "client enable": ["--config", "--domain"],
    "zone list": ["--config", "--json"],
    "zone rotate": ["--config", "--domain", "--kind", "--all-domains", "--wait"],
    "zone shred": ["--config", "--domain", "--kind", "--yes", "--wait"],
    "backup create": ["--config", "--class", "--rate", "--json"],
    "backup list": ["--json"],
    "backup verify": ["--deep", "--share-file", "--key-file", "--passphrase-file", "--pin-file", "--json"],
    "backup restore": ["--dir", "--class", "--share-file", "--key-file", "--passphrase-file", "--pin-file", "--yes"],
    "integrity check": ["--config", "--json"],
    "integrity accept": ["--config", "--yes"],
    "audit tail": ["--config", "--lines", "--follow", "--json"],
}


@pytest.mark.parametrize("command", OPTIONS)
def test_help_of_a_command_teaches_by_examples_and_names_its_options(command: str) -> None:
    result = CliRunner().invoke(cli, [*command.split(), "--help"], prog_name="keystead")
    assert result.exit_code == 0
    examples = result.output.partition("Examples:")[2].partition("Options:")[0]
    assert f"keystead {command}" in examples
    for option in OPTIONS[command]:
        assert option in result.output.partition("Options:")[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_of_the_table_is_there_and_says_what_the_table_says_or_more(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, click.Command)
    assert command.name == name


def test_help_loads_nothing_that_it_does_not_need() -> None:
    code = (
        "import sys, keystead.cli.main as m\n"
        "try: m.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([n for n in ('cryptography', 'uvloop', 'starlette', 'rich', 'sqlite3') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_exception_ends_with_the_status_of_its_nearest_class() -> None:
    assert exit_status(errors.ConfigError("x")) == 78
    assert exit_status(errors.Conflict("x")) == 75
    assert exit_status(errors.StoreError("x")) == 69
    assert exit_status(errors.OperationFailed(ResultReason.ITEM_NOT_FOUND, "x")) == 1
    assert exit_status(FileNotFoundError("x")) == 74
    assert exit_status(KeyError("x")) == 70
    every = {
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.KeysteadError)
    }
    assert every <= set(EXITS)
    assert {*EXITS.values(), *REFUSALS.values(), OUT_OF_REACH, 0, 2, 130} == set(MEANINGS)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nothing"], 2, "No such command 'nothing'"),
        (["sttus"], 2, "Did you mean 'status'?"),
        (["serve", "--confg", "x"], 2, "Did you mean '--config'"),
        (["serve", "--config", "/nowhere/keystead.toml"], 78, "keystead: /nowhere/keystead.toml: No such file"),
        (["dev", "--client", "../x"], 78, "a client's name has"),
        (["dev", "--kmip-port", "70000"], 2, "70000"),
        (["init", "--yes", "--dir", "/proc/x"], 74, "keystead: /proc/x: No such file or directory"),
        (["init", "--yes", "--dir", "/dev/null/x"], 74, "keystead: /dev/null/x: Not a directory"),
    ],
)
def test_what_goes_wrong_is_said_in_a_sentence_with_a_status(
    arguments: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == status
    said_by_all = capsys.readouterr().err
    assert said in said_by_all
    assert "Traceback" not in said_by_all
    assert "[Errno" not in said_by_all

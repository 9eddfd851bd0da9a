"""At a terminal: a share is shown to its custodian alone, acknowledged, and typed unseen."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.custody.shares import words
from tests.cli.site import NAMES, Site, Terminal, leaves_no_core, site

WIPED = "\x1b[H\x1b[2J\x1b[3J"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path / "data") as made:
        made.init("--root", "shares")
        yield made


def take_share(terminal: Terminal, name: str, *, wrong_first: bool = False) -> str:
    """Be a custodian: come, write the share down, say some words of it; the share."""
    terminal.until(f"{name} to the terminal, please; everybody else away. Any key shows the share.")
    text = terminal.until("Any key hides it.", " ").partition("Write it down")[0]
    share = words(text.replace("\r\n", "\n"))
    assert len(share.split()) == 33, text
    assert f"custodian   {name}" in text
    for attempt in range(2 if wrong_first else 1):
        if attempt:
            terminal.until("Any key hides it.")
        terminal.until(WIPED, " ")
        terminal.until(f"{name}, type 3 words of it")
        for _ in range(3):
            number = int(re.findall(r"Word (\d+): ", terminal.until(": ").replace("\n", " "))[-1])
            said = "wrong" if wrong_first and not attempt else share.split()[number - 1]
            terminal.type(f"{said}\r")
        if wrong_first and not attempt:
            terminal.until("That is not what the sheet says. Here it is again.")
    terminal.until(WIPED)  # the words that were typed are gone, too
    terminal.until(f"{name} has the share.")
    return share


def test_a_ceremony_from_the_first_word_to_the_server_that_serves(place: Site) -> None:
    at = ("--config", place.config)
    terminal = Terminal("operator", "init", "--shares", 3, "--threshold", 2, *at)
    for number, name in enumerate(NAMES[:3], 1):
        terminal.until(f"Name of custodian {number} of 3: ")
        terminal.type(f"{name}\r")
    shares = [take_share(terminal, name, wrong_first=name == "Grace") for name in NAMES[:3]]
    terminal.until("The root of trust is made: software shares ")
    assert terminal.end() == 0
    kept = b"".join(path.read_bytes() for path in place.directory.rglob("*") if path.is_file())
    for share in shares:
        assert not any(
            f"{one} {two}".encode() in kept for one, two in zip(share.split(), share.split()[1:], strict=False)
        )
    facts = place.status()
    assert (facts["kind"], facts["threshold"], facts["shares"], facts["server"]) == ("shares", 2, 3, "not running")
    assert [each["name"] for each in facts["custodians"]] == list(NAMES[:3])
    assert all(each["acknowledged"] for each in facts["custodians"])
    for name in NAMES[:3]:
        assert re.search(rf"Acknowledge Share +Success +{name}", place.run("audit", "tail"))

    place.serve("sealed")
    terminal = Terminal("operator", "unseal", *at)
    terminal.until("The server is sealed: 0 of 2 shares are given, 2 more needed.")
    terminal.until("Custodian: ")
    terminal.type("Ada\r")
    terminal.until("The words of Ada's share (they are not shown): ")
    assert leaves_no_core(terminal.process.pid)  # M11
    terminal.type(f"{shares[0].rpartition(' ')[0]}\r")
    terminal.until("A word is missing or wrong; the share was not sent. Once more, please.")
    terminal.until("(they are not shown): ")
    terminal.type(f"{shares[0].upper()}\r")
    terminal.until("Thank you, Ada.")
    terminal.until("The server is still sealed: 1 of 2 shares are given, 1 more needed; they expire in 15 min.")
    assert terminal.end() == 0
    assert shares[0].split()[5].encode() not in terminal.shown.lower()  # it was typed unseen

    terminal = Terminal("operator", "unseal", "--custodian", "Hedy", *at)
    terminal.until("1 of 2 shares are given, 1 more needed; they expire in 15 min.")
    terminal.until("(they are not shown): ")
    terminal.type(f"{shares[0]}\r")  # another's, again
    terminal.until("the share is not accepted")
    assert terminal.end() == 69
    terminal = Terminal("operator", "unseal", "--custodian", "Hedy", *at)
    terminal.until("(they are not shown): ")
    terminal.type(f"{shares[2]}\r")
    terminal.until("2 of 2 shares: the server is unsealed and serves.")
    assert terminal.end() == 0
    assert place.status()["server"] == "ok"


@pytest.mark.parametrize("words", [("rekey",), ("migrate", "--to", "key-file")])
def test_m11_a_passphrase_is_typed_where_no_core_is_left(tmp_path: Path, words: tuple[str, ...]) -> None:
    with site(tmp_path / "data") as place:
        file = tmp_path / "passphrase"
        file.write_text("a passphrase of some length")
        file.chmod(0o600)
        place.init("--passphrase-file", file)
        place.config.write_text(re.sub("passphrase_file.*\n", "", place.config.read_text()))
        terminal = Terminal("operator", *words, "--config", place.config)
        terminal.until("Passphrase of the root of trust: ")
        assert leaves_no_core(terminal.process.pid)
        terminal.interrupt()
        assert terminal.end() == 130


def test_a_new_set_at_the_terminal_needs_the_old_one(place: Site) -> None:
    at = ("--config", place.config)
    place.operator("init", *place.share_options("old", 3, 2))
    old = [words(sheet.read_text()) for sheet in place.sheets("old")]
    terminal = Terminal("operator", "rekey", *at)
    terminal.until("2 of Ada, Grace, Hedy have to agree, one after the other.")
    for so_far, (name, share) in enumerate([("Grace", old[0]), ("Grace", old[1]), ("Hedy", old[2])]):
        terminal.until(f"Custodian ({max(0, so_far - 1)} of 2 so far): ")
        terminal.type(f"{name}\r")
        terminal.until(f"The words of {name}'s share (they are not shown): ")
        terminal.type(f"{share}\r")
        if not so_far:
            terminal.until("the share is not accepted")
    new = [take_share(terminal, name) for name in NAMES[:3]]
    terminal.until("The root is opened by 2 of 3: Ada, Grace, Hedy.")
    assert terminal.end() == 0
    assert not set(new) & set(old)
    place.serve("sealed")
    said = place.operator("unseal", "--custodian", "Ada", "--share-file", place.sheets("old")[0], status=69)
    assert "the share is not accepted" in said


def test_who_breaks_off_leaves_nothing(place: Site) -> None:
    before = sorted(path.name for path in place.custody.iterdir())
    terminal = Terminal(
        "operator", "init", "--config", place.config, "--threshold", 2, "--custodian", "Ada", "--custodian", "Grace"
    )
    take_share(terminal, "Ada")
    terminal.until("Grace to the terminal")
    terminal.until("Any key hides it.", " ")
    terminal.interrupt()
    assert terminal.end() == 130
    assert terminal.shown.count(WIPED.encode()) >= 3
    assert terminal.shown.rstrip().endswith(b"interrupted")
    assert sorted(path.name for path in place.custody.iterdir()) == before
    assert "there is no root of trust yet" in place.operator("status", status=69)


def test_sheets_are_printed_by_a_command_and_never_written(place: Site, tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    printer = tmp_path / "printer"
    printer.write_text(f"#!/bin/sh\ncat >> {printed}\n")
    printer.chmod(0o755)
    people = ["--custodian", "Ada", "--custodian", "Grace Hopper"]
    failing = place.operator("init", "--threshold", 2, *people, "--print-with", "false", status=69)
    assert "the sheet was not printed (status 1)" in failing
    assert "cannot be printed" in place.operator(
        "init", "--threshold", 2, *people, "--print-with", "/no/such", status=69
    )
    assert not (place.custody / "root.json").exists()
    said = place.operator("init", "--threshold", 2, *people, "--print-with", f"{printer} --any option")
    sheets = printed.read_text().split("# Keystead: a share of a root of trust\n")[1:]
    assert len(sheets) == 2
    assert "custodian   Grace Hopper" in sheets[1]
    for sheet in sheets:
        assert len(words(sheet).split()) == 33
        assert words(sheet) not in said
    assert not any(each["acknowledged"] for each in place.status()["custodians"])
    file = tmp_path / "sheet"
    file.write_text(sheets[1])
    file.chmod(0o644)
    assert "0600" in place.operator("acknowledge", "grace hopper", "--share-file", file, status=69)
    file.chmod(0o600)
    assert "not accepted" in place.operator("acknowledge", "Ada", "--share-file", file, status=69)
    said = place.operator("acknowledge", "grace hopper", "--share-file", file)
    assert said == "Grace Hopper has the share; that is on record.\n"
    assert [bool(each["acknowledged"]) for each in place.status()["custodians"]] == [False, True]
    assert "not acknowledged: keystead operator acknowledge" in place.operator("status")


def test_sheets_in_files_are_their_owners_alone(place: Site) -> None:
    said = place.operator("init", *place.share_options("sheets"))
    assert "Give each to its custodian, who says keystead operator acknowledge NAME, and remove it here." in said
    sheets = place.sheets()
    assert [sheet.name for sheet in sheets] == [f"share-{number}.txt" for number in range(1, 6)]
    for sheet in sheets:
        assert sheet.stat().st_mode & 0o777 == 0o600
    for path in place.custody.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    again = place.operator("init", *place.share_options("more"), status=78)
    assert "there is a root of trust already, of the kind shares" in again
    assert not (place.directory / "more").exists()


def test_sheets_that_cannot_all_be_written_are_not_left(place: Site) -> None:
    place.directory.joinpath("sheets").mkdir(mode=0o700)
    (place.directory / "sheets" / "share-3.txt").write_text("in the way")
    assert "share-3.txt is there already" in place.operator("init", *place.share_options("sheets"), status=69)
    assert [path.name for path in place.sheets()] == ["share-3.txt"]
    assert not (place.custody / "root.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--shares", "3", "--threshold", "2"], "there is no terminal"),
        (["--shares", "3"], "--threshold"),
        (["--threshold", "2"], "--shares"),
        (["--shares", "3", "--threshold", "2", "--custodian", "Ada", "--share-dir", "x"], "3 shares need 3 names"),
        (["--threshold", "3", "--custodian", "Ada", "--custodian", "Bo", "--share-dir", "x"], "at most all"),
        (["--threshold", "2", "--custodian", "Ada", "--custodian", "ADA", "--share-dir", "x"], "named twice"),
        (["--shares", "1", "--threshold", "1"], "1 is not in the range"),
        (["--shares", "17", "--threshold", "2"], "17 is not in the range"),
        ([], "--shares and --threshold"),
    ],
)
def test_what_is_missing_is_said_before_anybody_is_shown_a_share(
    place: Site, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.directory)
    answer = place.operator("init", *arguments, status=None)
    assert said in answer
    assert not (place.custody / "root.json").exists()
    assert not (place.directory / "x").exists()
    assert len(words(answer).split()) < 100
    assert os.listdir(place.custody) in ([], [".lock"])

"""Pages that are run: the blocks of a page, done in order in one shell, and what they print held against the page.

A block is run if its language is followed by one of these words (Markdown shows the block all the same):

run         do it; the `text` block that follows, if one does, is what it prints
background  leave it running until the page is done
file=NAME   write it into a file

Identifiers, times and random bytes differ each time: what looks like one matches any other, and the same identifier
on a page is the same one in what is printed.  `...` stands for anything.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_FENCE = re.compile(r"^( *)```(\S*) ?(.*)\n((?:.*\n)*?)\1```$", re.MULTILINE)
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_VARYING = {
    "uuid": _UUID,
    "anything": r"\.\.\.",
    "time": r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)",
    "date": r"\d{4}-\d\d-\d\d",
    "bytes": r"\b[0-9a-f]{10,}\b",
    "number": r"^ *\d+(?=  )",
}
_VARIES = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _VARYING.items()), re.MULTILINE)
_SECONDS = 60
_END = "--- the block ends ---"


class Block(NamedTuple):
    """A fenced block: what is run if it is marked, where it stands, and what is to be printed."""

    language: str
    words: str
    text: str
    line: int


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    for match in _FENCE.finditer(page):
        indent = match[1]
        text = "\n".join(line.removeprefix(indent) for line in match[4].split("\n"))
        found.append(Block(match[2], match[3].strip(), text, page[: match.start()].count("\n") + 1))
    return found


def steps(page: str) -> Iterator[tuple[Block, str | None]]:
    """The blocks that are marked, each with what it is to print if the page says so."""
    found = blocks(page)
    for number, block in enumerate(found):
        if not block.words:
            continue
        after = found[number + 1] if number + 1 < len(found) else None
        said = after.text if after is not None and after.language == "text" and block.words == "run" else None
        yield block, said


def pattern_of(said: str, known: Mapping[str, str]) -> tuple[re.Pattern[str], list[str]]:
    """What matches a text though what varies differs; and the identifiers that it binds."""
    parts, position, new = [], 0, list[str]()
    for match in _VARIES.finditer(said):
        parts.append(re.escape(said[position : match.start()]))
        kind, value = str(match.lastgroup), match[0]
        if kind == "uuid" and value in known:
            parts.append(re.escape(known[value]))
        elif kind == "uuid" and value in new:
            parts.append(f"(?P=u{new.index(value)})")
        elif kind == "uuid":
            parts.append(f"(?P<u{len(new)}>{_UUID})")
            new.append(value)
        else:
            parts.append(r"[\s\S]*?" if kind == "anything" else _VARYING[kind].replace("^ *", " *"))
        position = match.end()
    parts.append(re.escape(said[position:]))
    return re.compile("".join(parts).rstrip("\\\n") + r"\s*"), new


@dataclass
class Walk:
    """A shell in a directory, in which pages are walked through.

    Attributes:
        replaced: what stands on the page, and what is meant by it here.
        known: identifiers of the page, and what they are here.
    """

    directory: Path
    replaced: Mapping[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        scripts = Path(sys.executable).parent
        (self.directory / ".venv").symlink_to(scripts.parent)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KEYSTEAD_")}
        environment |= {"PATH": f"{scripts}:{environment['PATH']}", "COLUMNS": "120", "PYTHONWARNINGS": "error"}
        self._shell = subprocess.Popen(
            ["bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.directory,
            env=environment,
            start_new_session=True,
        )

    def close(self) -> None:
        """End the shell and what it left running."""
        os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.communicate(timeout=_SECONDS)

    def do(self, command: str) -> str:
        """Run a command; what it prints."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{command}\necho '{_END}'\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        for line in self._shell.stdout:
            if line.strip() == _END:
                return "".join(lines)
            lines.append(line)
        raise AssertionError("the shell ended: " + "".join(lines))

    def here(self, text: str, *more: Mapping[str, str]) -> str:
        """A text of the page as it is meant here."""
        for replaced in (self.replaced, *more):
            for there, here in replaced.items():
                text = text.replace(there, here)
        return text

    def page(self, page: Path) -> int:
        """Walk through a page; how many blocks were run.

        Raises:
            AssertionError: it printed something else than the page says.
        """
        done = 0
        for block, said in steps(page.read_text("utf-8")):
            done += 1
            text = self.here(block.text, self.known)
            if block.words.startswith("file="):
                (self.directory / block.words.removeprefix("file=")).write_text(text, "utf-8")
            elif block.words == "background":
                self.do(f"{text.strip()} >background-{block.line}.log 2>&1 &")
                self._wait(self.directory / f"background-{block.line}.log")
            else:
                assert block.words == "run", f"{page}:{block.line}: what is {block.words}?"
                printed = self.do(text if block.language == "sh" else f"python - <<'PAGE'\n{text}PAGE")
                if said is not None:
                    self._check(f"{page}:{block.line}", self.here(said), printed)
        return done

    def _wait(self, log: Path) -> None:
        """Until a server says that it is ready, or has said nothing new for a while."""
        deadline = time.monotonic() + _SECONDS
        while not re.search(r"ready|sealed|listening", log.read_text() if log.exists() else ""):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def _check(self, where: str, said: str, printed: str) -> None:
        pattern, new = pattern_of(said, self.known)
        match = pattern.fullmatch(re.sub(r" +$", "", printed, flags=re.MULTILINE))
        assert match is not None, f"{where}: the page says\n\n{said}\nbut this was printed:\n\n{printed}"
        self.known.update((value, match[f"u{number}"]) for number, value in enumerate(new))

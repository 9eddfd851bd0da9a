"""What a drill is, and what it has to report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

SHOWN_SECONDS = 1.0
MOST_VIOLATIONS = 10
"""Enough to look at; a drill that has found so many goes no further."""


class Skipped(Exception):
    """This machine lacks something; the message says what."""


class Impossible(Skipped):
    """What it lacks cannot be installed, so that even CI may leave the drill out."""


class Enough(Exception):
    """So many violations were found that the drill ends."""


@dataclass
class Report:
    """What was counted, and what was not as it has to be.

    Attributes:
        show: is told now and then how far it is.
    """

    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    show: Callable[[Report], None] | None = None
    _next: float = 0.0

    def tick(self) -> None:
        """Tell how far it is, if it is time."""
        if self.show is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + SHOWN_SECONDS
            self.show(self)

    def check(self, holds: object, what: str) -> None:
        """Note a violation, unless it holds.  Raises: Enough."""
        self.counts["checks"] += 1
        self.tick()
        if not holds:
            self.violations.append(what)
            if len(self.violations) >= MOST_VIOLATIONS:
                raise Enough

    def __str__(self) -> str:
        return ", ".join(f"{number:,} {what}" for what, number in self.counts.items())


@dataclass(frozen=True)
class Drill:
    """A row of the table.

    Attributes:
        run: does it: how often, by which seed, in which empty directory; raises Skipped.
        ids: which lines of the security catalogue it holds.
        full: how often `make torture` does it.
        slice: how often the tests do.
    """

    name: str
    ids: str
    run: Callable[[int, int, Path, Report], None]
    full: int
    slice: int


def perform(
    drill: Drill, count: int, seed: int, directory: Path, show: Callable[[Report], None] | None = None
) -> Report:
    """Do a drill.  Raises: Skipped."""
    report = Report(show=show)
    with suppress(Enough):
        drill.run(count, seed, directory, report)
    return report

"""How much work something is: a limit in seconds fails on a busy machine and hides much on a fast one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Work:
    """Counts.

    Attributes:
        lines: of Python that were executed.
    """

    lines = 0


@contextmanager
def counted() -> Iterator[Work]:
    """Count the lines of Python that are executed within."""
    work, before = Work(), sys.gettrace()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        work.lines += event == "line"
        return trace

    sys.settrace(trace)
    try:
        yield work
    finally:
        sys.settrace(before)

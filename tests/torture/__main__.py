"""python -m tests.torture [--drill NAME ...] [--count N] [--seed S]"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.torture.drill import Report, Skipped, perform
from tests.torture.drills import DRILLS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="What is promised, when things break.")
    parser.add_argument("--drill", action="append", choices=sorted(DRILLS), help="One of them; all unless given.")
    parser.add_argument("--count", type=int, help="How often; for each drill its own number unless given.")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    # What a server says of a disk that fails is what the drills are there for: thousands of lines.
    logging.getLogger("keystead").addHandler(logging.NullHandler())
    broken = False
    for name in asked.drill or DRILLS:
        drill, started = DRILLS[name], time.monotonic()
        show = partial(_show, name) if sys.stderr.isatty() else None
        with tempfile.TemporaryDirectory(prefix="torture-") as directory:
            try:
                report = perform(drill, asked.count or drill.full, asked.seed, Path(directory), show)
            except Skipped as reason:
                print(f"{name} ({drill.ids}): left out, {reason}", flush=True)
                continue
        verdict = f"{len(report.violations)} VIOLATIONS" if report.violations else "no violation"
        print(
            f"{name} ({drill.ids}): {report}; seed {asked.seed}, {time.monotonic() - started:.0f} s: {verdict}",
            flush=True,
        )
        for violation in report.violations:
            print(f"  {violation[:2000]}", flush=True)
        broken |= bool(report.violations)
    return int(broken)


def _show(name: str, report: Report) -> None:
    """One line, written over again and again."""
    width = shutil.get_terminal_size().columns - 1
    print(f"\r{f'{name}: {report}'[:width]:{width}}\r", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

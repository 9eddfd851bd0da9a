"""All published vectors through the engine.

    python -m tests.vectors [--only PART-OF-A-NAME] [--sample N] [--seed S]

Prints for every source how many vectors were accepted with the published answer, how many refused as they must be, and
how many cannot be put as a KMIP request, by why.  Exits with 1 if one was wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.support import make_engine
from tests.vectors.run import Tally, hold
from tests.vectors.sources import SOURCES


def main() -> int:
    parser = argparse.ArgumentParser(description="Published vectors through the engine.")
    parser.add_argument("--only", default="", help="a part of the names of the sources")
    parser.add_argument("--sample", type=int, help="hold so many vectors of each source")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    asked = parser.parse_args()
    total, started = Tally(), time.monotonic()
    for source in SOURCES:
        if asked.only.lower() not in source.name.lower():
            continue
        began = time.monotonic()
        random = Random(asked.seed)  # noqa: S311 - test data
        talks = source.talks() if asked.sample is None else source.sample(asked.sample, random)
        with tempfile.TemporaryDirectory() as directory:
            engine = make_engine(Path(directory))
            try:
                tally = hold(engine, talks, source.version)
            finally:
                engine.close()
        total.add(tally)
        print(_line(source.name, tally), f"{time.monotonic() - began:6.1f} s", flush=True)
        for name, what in tally.wrong[:5]:
            print(f"    {name}: {what[:300]}")
    print(_line("all", total), f"{time.monotonic() - started:6.1f} s")
    for why, number in total.not_sayable.most_common():
        print(f"    {number:7,} not sayable: {why}")
    return 1 if total.wrong else 0


def _line(name: str, tally: Tally) -> str:
    return (
        f"{name:<40} {tally.held:7,} held: {tally.accepted:7,} accepted, {tally.refused:6,} refused, "
        f"{len(tally.wrong):4,} wrong, {tally.not_sayable.total():5,} not sayable"
    )


if __name__ == "__main__":
    sys.exit(main())

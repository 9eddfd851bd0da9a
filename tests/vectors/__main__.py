"""All published vectors through the engine.

    python -m tests.vectors [--only PART-OF-A-NAME] [--sample N] [--seed S] [--jobs J]

Prints for every source how many vectors were accepted with the published answer, how many refused as they must be, and
how many cannot be put as a KMIP request, by why.  Exits with 1 if one was wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from random import Random

from tests.support import make_engine
from tests.vectors.run import Tally, hold
from tests.vectors.sources import SOURCES


def held(number: int, sample: int | None, seed: int) -> tuple[Tally, float]:
    """Hold the vectors of a source, or a sample of them, with an engine of its own; how they went, and the seconds."""
    source, began = SOURCES[number], time.monotonic()
    random = Random(seed)
    talks = source.talks() if sample is None else source.sample(sample, random)
    with tempfile.TemporaryDirectory() as directory:
        engine = make_engine(Path(directory))
        try:
            return hold(engine, talks, source.version), time.monotonic() - began
        finally:
            engine.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Published vectors through the engine.")
    parser.add_argument("--only", default="", help="a part of the names of the sources")
    parser.add_argument("--sample", type=int, help="hold so many vectors of each source")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many sources at a time")
    asked = parser.parse_args()
    numbers = [number for number, source in enumerate(SOURCES) if asked.only.lower() in source.name.lower()]
    total, started = Tally(), time.monotonic()
    with ProcessPoolExecutor(asked.jobs) as pool:
        results = pool.map(partial(held, sample=asked.sample, seed=asked.seed), numbers)
        for number, (tally, seconds) in zip(numbers, results, strict=True):
            total.add(tally)
            print(_line(SOURCES[number].name, tally, seconds), flush=True)
            for name, what in tally.wrong[:5]:
                print(f"    {name}: {what[:300]}")
    print(_line("all", total, time.monotonic() - started))
    for why, count in total.not_sayable.most_common():
        print(f"    {count:7,} not sayable: {why}")
    return 1 if total.wrong else 0


def _line(name: str, tally: Tally, seconds: float) -> str:
    return (
        f"{name:<46} {tally.held:7,} held: {tally.accepted:7,} accepted, {tally.refused:6,} refused, "
        f"{len(tally.wrong):4,} wrong, {tally.not_sayable.total():5,} not sayable {seconds:6.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())

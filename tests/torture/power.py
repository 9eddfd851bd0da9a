"""Power cuts: what was not synced is lost, and nothing that was answered was not synced (C05, M13).

The database lies in a file system that keeps what was written in memory until it is synced; after a cut it is what
was synced that is found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random

from tests.support import make_engine
from tests.torture.drill import Impossible, Report, Skipped
from tests.torture.engines import EngineProcess, Open
from tests.torture.kill import MOST_ANSWERS, Ground
from tests.torture.load import Client

MOUNT_SECONDS = 10
CUTS = 10
"""Of one database, before another one begins."""


class Disk:
    """A mounted file system that forgets.  Raises: Skipped."""

    def __init__(self, directory: Path) -> None:
        if not Path("/dev/fuse").exists():
            raise Impossible("there is no /dev/fuse")
        script = Path(os.environ.get("KEYSTEAD_SHARED", ""), "faults", "lossyfs.py")
        if not script.exists():
            raise Skipped("KEYSTEAD_SHARED does not name the folder with faults/lossyfs.py")
        if not os.access("/dev/fuse", os.W_OK) or shutil.which("fusermount3") is None:
            raise Skipped("/dev/fuse cannot be used, or fuse3 is not installed (apt-get install fuse3)")
        if subprocess.run([sys.executable, "-c", "import mfusepy"], capture_output=True, check=False).returncode:
            raise Skipped("mfusepy is not installed (pip install mfusepy)")
        self.synced, self.place = directory / "synced", directory / "mounted"
        self._script = script
        self.place.mkdir()
        make_engine(self.synced / "data").close()  # the root of trust is made with a link, which this file system lacks
        self._mount()

    def _mount(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(self._script), str(self.synced), str(self.place)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        end = time.monotonic() + MOUNT_SECONDS
        while not self.place.is_mount():
            if self._process.poll() is not None or time.monotonic() > end:
                raise Skipped(f"FUSE does not mount: {self._process.communicate()[1].decode()[-300:]}")
            time.sleep(0.01)

    def cut(self) -> None:
        """Cut the power: what was not synced is gone."""
        self.unmount()
        self._mount()

    def unmount(self) -> None:
        """Let it go without a sync of what it holds."""
        self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()
        subprocess.run(["fusermount3", "-uz", str(self.place)], check=False, capture_output=True)
        while self.place.is_mount():
            time.sleep(0.01)


class Powerless(Ground):
    """A ground on which the power is cut after each kill."""

    def __init__(self, disk: Disk, random: Random, report: Report, open_engine: Open) -> None:
        self.disk = disk
        super().__init__(disk.place / "data", 1, random, report, open_engine)

    def start(self, crew: Sequence[Client]) -> EngineProcess:
        if hasattr(self, "engines"):
            self.disk.cut()
            self.report.counts["power cuts"] += 1
        return super().start(crew)


def run(count: int, seed: int, directory: Path, report: Report, open_engine: Open = make_engine) -> None:
    """Cut the power so often."""
    number = 0
    while report.counts["kills"] < count:
        place = directory / str(number)
        place.mkdir()
        disk = Disk(place)
        random = Random(f"{seed}/{number}")
        try:
            with closing(Powerless(disk, random, report, open_engine)) as ground:
                for _ in range(min(CUTS, count - report.counts["kills"])):
                    ground.load(random.randrange(MOST_ANSWERS))
                    ground.kill(0)
                ground.finish()
        finally:
            disk.unmount()
        number += 1

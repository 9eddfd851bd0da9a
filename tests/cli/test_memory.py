"""Keys stay in the memory of the processes that hold them: what keeps them there, and where a server refuses (M11)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keystead.custody.memory import active_swap

from .running import dev
from .site import Site, Terminal, leaves_no_core, site

HEADING = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
SWAPS = HEADING + "/dev/sda2                               partition\t8388604\t\t0\t\t-2\n"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    """A server on a machine whose swap is as the file `swaps` beside it says."""
    with site(tmp_path / "data") as made:
        made.swap = None
        made.command = [sys.executable, "-W", "error", "-m", "tests.cli.swapping", str(tmp_path / "swaps")]
        yield made


def swap(place: Site, text: str) -> None:
    (place.directory.parent / "swaps").write_text(text)


def warnings(place: Site) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in place.said().splitlines()]
    return [event for event in events if event["event"] == "memory"]


def test_what_the_system_swaps_to_is_read_as_linux_writes_it() -> None:
    assert active_swap("") == active_swap(HEADING) == []
    assert active_swap(SWAPS) == ["/dev/sda2"]
    assert active_swap(f"{SWAPS}/swap\\040file file\t1048572\t0\t-3\n") == ["/dev/sda2", "/swap\\040file"]


@pytest.mark.parametrize("root", ["key-file", "shares"])
def test_m11_a_server_starts_neither_open_nor_sealed_where_keys_could_be_swapped_out(place: Site, root: str) -> None:
    place.init("--root", root)
    if root == "shares":
        place.operator("init", *place.share_options("sheets"))
    swap(place, SWAPS)
    said = place.run("serve", status=78)
    for word in ("/dev/sda2", "RLIMIT_MEMLOCK", "LimitMEMLOCK=infinity", "turn swap off", 'swap = "allowed"'):
        assert word in said
    (place.directory.parent / "swaps").unlink()
    assert "No such file" in place.run("serve", status=78)  # it is not known that there is none

    sealed = "sealed" if root == "shares" else "ok"
    swap(place, HEADING)
    place.serve(sealed)
    assert place.stop() == 0
    swap(place, SWAPS)
    place.configure("custody", 'swap = "allowed"')
    place.serve(sealed)
    assert place.stop() == 0
    without, allowed = warnings(place)
    assert without["level"] == allowed["level"] == "warning"
    for event in (without, allowed):
        assert any("not locked" in word for word in event["refused"])


def test_m11_each_worker_refuses_for_itself(place: Site) -> None:
    place.init()
    place.configure("server", "workers = 2")
    swap(place, HEADING)
    place.serve()
    place.await_log("listening")  # with both
    assert len(warnings(place)) == 1  # not once for each
    assert place.process is not None
    swap(place, SWAPS)
    children = Path(f"/proc/{place.process.pid}/task/{place.process.pid}/children")
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    place.await_log("worker cannot start")
    assert "/dev/sda2" in place.said()
    place.await_health("ok")  # by the other one


def test_m11_dev_says_it_once_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "swaps").write_text(SWAPS)
    command = [sys.executable, "-W", "error", "-m", "tests.cli.swapping", str(tmp_path / "swaps")]
    with dev(tmp_path / "ready.json", "--workers", 2, command=command) as server:
        assert server.discover()
        _, _, said = server.end()
    (event,) = [json.loads(line) for line in said.splitlines()]
    assert (event["level"], event["event"]) == ("warning", "memory")
    assert any("not locked" in word for word in event["refused"])


def test_m11_a_command_runs_in_a_process_that_cannot_be_dumped() -> None:
    code = (
        "import atexit, ctypes, resource\n"
        "from keystead.cli.main import main\n"
        "dumpable = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)\n"
        "atexit.register(lambda: print(dumpable(), resource.getrlimit(resource.RLIMIT_CORE)))\n"
        "main(['decode', '42'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 (0, 0)"


def test_m11_a_backup_leaves_no_core_while_a_server_gives_its_key(tmp_path: Path) -> None:
    with dev(tmp_path / "ready.json", "--dir", tmp_path / "ks") as server:
        file = tmp_path / "slow.keystead"
        terminal = Terminal("backup", "create", file, "--rate", "1k", "--config", server.facts["config"])
        terminal.until("events ")
        assert leaves_no_core(terminal.process.pid)
        terminal.interrupt()
        assert terminal.end() == 130
        assert not file.exists()

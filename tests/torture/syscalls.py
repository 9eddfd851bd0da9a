"""The process dies, or the disk fails, at every system call that writes, in every operation (C01, S01-S03).

strace follows an engine process through one stop of the tour and lets it be killed, or lets the call fail, at the Nth
call of a kind.  Then the database is opened without faults: what was answered is there, and what was not is there whole
with its events, or not at all.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from random import Random

from keystead.audit.log import Event
from keystead.engine.engine import Engine, Incoming
from keystead.kmip.connection import Connection
from keystead.kmip.enums import Operation
from keystead.kmip.messages import ResponseBatchItem, load_request, load_response
from keystead.kmip.payloads.session import PingRequest
from keystead.pki.ca import Authority
from keystead.policy.access import Caller
from tests.engine.world import request_message
from tests.support import make_engine
from tests.torture.drill import Report, Skipped
from tests.torture.engines import DEFECT, EngineProcess
from tests.torture.load import out_of_service
from tests.torture.tour import STOPS, Refused, Tour
from tests.torture.whole import check_directory

WRITES = ("pwrite64", "pwritev", "write", "writev", "fdatasync", "fsync", "ftruncate", "fallocate", "unlink", "rename")
"""What changes a file, or makes a change durable."""
ANSWERS = ("sendto",)
"""What sends an answer: a process that dies there has done the work and not said so."""
OPENS = ("openat",)
"""What opens a file: only those of the server's data are let fail (S03)."""
FAULTS = {
    "killed": ("signal=SIGKILL:when={n}", (*WRITES, *ANSWERS)),
    "EIO": ("error=EIO:when={n}", WRITES),
    "disk full": ("error=ENOSPC:when={n}", ("pwrite64", "pwritev", "write", "writev", "fallocate")),
    "disk full from then on": ("error=ENOSPC:when={n}+", ("pwrite64", "pwritev", "fallocate")),
    "no descriptor": ("error=EMFILE:when={n}", OPENS),
    "no permission": ("error=EACCES:when={n}", OPENS),
    "read-only": ("error=EROFS:when={n}", OPENS),
    "disk fails from then on": ("error=EIO:when={n}+", ("pwrite64", "fdatasync", "fsync")),
}
"""What is done to a call, and to which calls."""
_DATA = re.compile(r"keystead\.db(-wal)?>.*INJECTED")
"""A call on the database or its log that failed, as strace writes it."""
_CLIENT = "tourist"
_LATER = "asynchronous request"
"""So begins what the events say of what was done later, of the server's own accord."""


class Died(Exception):
    """The engine process is gone."""


@dataclass
class Told:
    """What the client asked, in its order, and what it was answered; the last may have no answer."""

    asked: list[tuple[Operation, ...]] = field(default_factory=list)
    answers: list[Sequence[ResponseBatchItem]] = field(default_factory=list)
    lived: bool = True

    @property
    def refusals(self) -> list[bool]:
        """Of each answer, whether the engine was out of service."""
        return [out_of_service(answer) for answer in self.answers]


def require_strace() -> str:
    """The path of strace.  Raises: Skipped."""
    found = shutil.which("strace")
    if found is None:
        raise Skipped("strace is not installed")
    return found


@dataclass
class Scene:
    """A database to begin with, and a client of it."""

    directory: Path
    caller: Caller = field(init=False)
    events: int = 0
    objects: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        with closing(self.open(self.directory)) as engine:
            self.caller = engine.enroll(_CLIENT, Authority.create(_CLIENT, "P-256").issue_client(_CLIENT).der)
            for stop in ("create", "create_key_pair"):  # so that the zones have their keys
                STOPS[stop](Tour(self.speaker(engine), Random(0)))
        events, self.objects = self.look(self.directory)
        self.events = events[-1].sequence

    def open(self, directory: Path) -> Engine:
        engine = make_engine(directory)
        engine.interop = True
        return engine

    def speaker(self, engine: Engine) -> Callable[[bytes], bytes]:
        return lambda message: engine.answer([Incoming(message, self.caller)])[0]

    def look(self, directory: Path) -> tuple[list[Event], set[str]]:
        """The events in a directory since this one was made, and the objects there."""
        with closing(self.open(directory)) as engine, engine.store.begin(write=False) as transaction:
            events = [Event.decode(data, number) for number, data in transaction.events(self.events, 10_000)]
            return events, {record.unique_identifier for record in transaction.records(limit=10_000)}

    def copy(self, to: Path) -> Path:
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.directory, to)
        return to


def traced(arguments: Sequence[str]) -> tuple[Callable[[int], None], list[subprocess.Popen[bytes]]]:
    """What attaches strace to a process; and the process of strace, once it does."""
    strace, started = require_strace(), []

    def attend(pid: int) -> None:
        tracer = subprocess.Popen(
            [strace, "-f", "-qqq", "-p", str(pid), *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        started.append(tracer)
        status = Path(f"/proc/{pid}/status")
        while "TracerPid:\t0" in status.read_text():
            if tracer.poll() is not None:
                raise Skipped(f"strace cannot attach: {tracer.communicate()[1].decode().strip()}")

    return attend, started


def pass_through(scene: Scene, stop: str, directory: Path, seed: int, arguments: Sequence[str], report: Report) -> Told:
    """Do one stop under strace, and ask twice more at its end; what was told."""
    attend, tracers = traced(arguments)
    engine, told = EngineProcess(directory, [scene.caller], scene.open, attend), Told()
    try:
        if engine.ready():
            speak = _speaker(engine.sockets[0], told)
            with suppress(Refused):
                STOPS[stop](Tour(speak, Random(seed)))
            for _ in range(2):  # of which the first may meet the fault
                speak(request_message(PingRequest()))
        else:
            report.check(not engine.said.startswith(DEFECT), f"{stop}, at the start: {engine.said}")
            told.lived = bool(engine.said)
    except Died:
        told.lived = False
    finally:
        engine.kill()
        engine.close()
        for tracer in tracers:
            tracer.communicate()
    return told


def _speaker(connection: socket.socket, told: Told) -> Callable[[bytes], bytes]:
    framer = Connection(requests=False)

    def speak(message: bytes) -> bytes:
        told.asked.append(tuple(item.operation for item in load_request(message)[0].batch_item))
        try:
            connection.sendall(message)
            while data := connection.recv(1 << 20):
                for answer in framer.receive(data):
                    told.answers.append(load_response(answer)[0].batch_item)
                    return answer
        except ConnectionError:
            pass
        raise Died

    return speak


def check_after(scene: Scene, directory: Path, told: Told, report: Report, where: str, *, maybe: bool) -> None:
    """Open the database without faults and hold it against what was told.

    Args:
        maybe: a message that was refused because the engine was out of service may have been done.
    """
    try:
        check_directory(directory, report)
        events, found = scene.look(directory)
    except Exception as error:  # noqa: BLE001 - whatever it is, it was not to happen
        report.check(False, f"{where}: {error!r}")
        return
    named = {name for event in events for name in event.unique_identifiers}
    report.check(found - scene.objects <= named, f"{where}: objects that no event names")
    later = [event.message for event in events if event.message.startswith(_LATER)]
    report.check(len(later) == len(set(later)), f"{where}: what was to be done later was done twice")
    left = deque(event for event in events if not event.message.startswith(_LATER))
    for operations, answer in zip_longest(told.asked, told.answers):
        if answer is not None and not out_of_service(answer):
            report.counts["answered"] += 1
            _match(operations, answer, left, report, where)
        else:
            report.counts["not answered"] += 1
            if (answer is None or maybe) and left and left[0].operation == operations[0].title:
                seen = [left.popleft().operation for _ in operations if left]
                report.check(seen == [each.title for each in operations], f"{where}: {operations} in part")
    report.check(not left, f"{where}: events of what was not done: {list(left)[:3]}")


def _match(
    operations: Sequence[Operation],
    answer: Sequence[ResponseBatchItem],
    events: deque[Event],
    report: Report,
    where: str,
) -> None:
    """An event for each batch item that was answered."""
    for operation, item in zip(operations, answer, strict=False):
        event = events.popleft() if events else None
        report.check(
            event is not None and (event.operation, event.status) == (operation.title, item.result_status.title),
            f"{where}: answered {operation} {item.result_status}, the event says {event}",
        )


def calls_of(scene: Scene, stop: str, work: Path, seed: int, report: Report) -> Counter[str]:
    """How many calls of each kind one stop makes, from the opening of the database on."""
    log = work / "trace"
    counted = scene.copy(work / "counted")
    arguments = ["-o", str(log), "-e", "trace=" + ",".join((*WRITES, *ANSWERS, *OPENS))]
    told = pass_through(scene, stop, counted, seed, arguments, report)
    report.check(told.lived and not any(told.refusals), f"{stop} does not go through without a fault")
    calls: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        name = line.split(maxsplit=1)[1].split("(")[0]
        calls[name] += name not in OPENS or str(counted) in line
    return calls


def points(scene: Scene, work: Path, seed: int, report: Report) -> Iterator[tuple[str, str, str, int]]:
    """All faults: (stop, fault, call, the how many-th)."""
    for stop in STOPS:
        calls = calls_of(scene, stop, work, seed, report)
        for fault, (_, kinds) in FAULTS.items():
            for kind in kinds:
                for number in range(1, calls[kind] + 1):
                    yield stop, fault, kind, number


def _files(directory: Path) -> list[Path]:
    """The files of a server's data, those too that are not there yet."""
    found = [file for file in directory.rglob("*") if file.is_file() and file.name != "root.key"]  # which a test reads
    logs = [file.with_name(f"{file.name}{end}") for file in found if file.suffix == ".db" for end in ("-wal", "-shm")]
    return [*found, *logs]


def run(count: int, seed: int, directory: Path, report: Report) -> None:
    """Let so many of all faults happen, chosen by the seed; all of them if there are fewer."""
    require_strace()
    scene = Scene(directory / "scene")
    every = list(points(scene, directory, seed, report))
    report.counts["points"] = len(every)
    chosen = every if count >= len(every) else Random(seed).sample(every, count)
    for stop, fault, kind, number in chosen:
        where = f"{stop}, {fault} at {kind} {number}"
        inject = f"inject={kind}:{FAULTS[fault][0].format(n=number)}"
        work = scene.copy(directory / "work")
        only = [word for file in _files(work) for word in ("-P", str(file))] if kind in OPENS else []
        log = directory / "trace"
        told = pass_through(scene, stop, work, seed, ["-y", "-o", str(log), "-e", inject, *only], report)
        report.counts[fault] += 1
        refusals = told.refusals
        report.check(told.lived or fault == "killed", f"{where}: the engine died of it")
        if (fault == "disk full" or kind in OPENS) and refusals:
            report.check(not all(refusals[-2:]), f"{where}: it does not recover when the cause has ended")
        if "EIO" in FAULTS[fault][0] and True in refusals and _DATA.search(log.read_text()):
            report.check(all(refusals[refusals.index(True) :]), f"{where}: it goes on though the disk failed")
        check_after(scene, work, told, report, where, maybe="EIO" in FAULTS[fault][0] or fault == "killed")

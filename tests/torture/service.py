"""The real server under load: it is stopped, killed, halted, and starved of memory (C04, R05, G1).

Clients speak to `keystead dev` over mutual TLS.  Whatever becomes of the server, each is held to what it acknowledged:
the events of the audit say what was done, and the objects are as they were promised.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from random import Random

from keystead.audit.log import Event
from keystead.custody.anchor import Anchor
from keystead.custody.keks import SqliteKekStore
from keystead.custody.software import SoftwareRoot
from keystead.custody.zones import Vault
from keystead.engine.engine import Engine
from keystead.kmip.enums import BatchErrorContinuationOption
from keystead.kmip.messages import ResponseBatchItem, load_response
from keystead.kmip.payloads import Request
from keystead.policy.access import Caller
from keystead.store import open as open_store
from tests.torture.drill import Report
from tests.torture.kill import QUESTIONS
from tests.torture.load import EVERYTHING, Asked, Client
from tests.torture.servers import START_SECONDS, Server, Wire
from tests.torture.whole import check_directory

NAMES = ("alice", "bob", "carol", "dave")
WORKERS = 2
BURST = 3
"""Messages that a client sends at once, at most."""
LOAD_SECONDS = 0.6
"""At most, before something happens."""
HALT_SECONDS, LONG_HALT_SECONDS = 1.5, 60.0
MANY = 60
"""With so many things to happen, the first halt is a long one."""
REPLACED_SECONDS = 20


def open_served(directory: Path) -> Engine:
    """The engine over the data of a server that does not run, or beside one that does."""
    custody = directory / "custody"
    vault = Vault(SoftwareRoot.open(custody, (custody / "root.key").read_bytes()), SqliteKekStore(custody))
    (database,) = (directory / "store").glob("*.db")
    return Engine(open_store(f"sqlite:{database}"), vault, anchor=Anchor(custody))


class Talker(threading.Thread):
    """A client that goes on asking until it is told to stop or its connection breaks."""

    def __init__(self, client: Client, wire: Wire) -> None:
        super().__init__(daemon=True)
        self.client, self.wire = client, wire
        self.enough = threading.Event()
        self.broken: Exception | None = None

    def run(self) -> None:
        try:
            while not self.enough.is_set():
                count = self.client.random.randint(1, BURST)
                self.wire.socket.sendall(b"".join(self.client.ask() for _ in range(count)))
                for _ in range(count):
                    self.client.told(load_response(self.wire.answer())[0].batch_item)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
            self.broken = error

    def stop(self) -> None:
        self.enough.set()
        self.join()


class Ground:
    """A server and its clients."""

    def __init__(self, directory: Path, random: Random, report: Report, *, patient: bool) -> None:
        self.directory, self.random, self.report = directory, random, report
        self.patient = patient
        self.sequence = 0
        self.clients = [Client(Caller("", name, "default"), Random(random.random()), report) for name in NAMES]
        self.server = self.start()

    def start(self) -> Server:
        clients = [word for name in NAMES for word in ("--client", name)]
        return Server(self.directory, "--workers", WORKERS, *clients)

    def load(self) -> list[Talker]:
        """Let the clients work for a while; they go on."""
        talkers = [Talker(client, self.server.connect(client.caller.name)) for client in self.clients]
        for talker in talkers:
            talker.wire.socket.settimeout(LONG_HALT_SECONDS + START_SECONDS)
        for talker in talkers:
            talker.start()
        time.sleep(self.random.random() * LOAD_SECONDS)
        return talkers

    def settle(self, talkers: Sequence[Talker]) -> int:
        """Stop the clients, and see whether all is as it was promised; how many messages were done and not answered."""
        for talker in talkers:
            talker.stop()
            talker.wire.close()
            known = talker.broken is None or isinstance(talker.broken, OSError)
            self.report.check(known, f"a client met {talker.broken!r}")
        self.read_events()
        unanswered = 0
        for client in self.clients:
            self.report.counts["acknowledged messages"] += client.done
            client.done = 0
            self.report.counts["in doubt"] += len(client.waiting)
            unanswered += client.recover()
        self.report.counts["in doubt and done"] += unanswered
        return unanswered

    def read_events(self) -> None:
        """Give each client the events of what it did."""
        clients = {client.caller.name: client for client in self.clients}
        with closing(open_served(self.directory)) as engine, engine.store.begin(write=False) as transaction:
            while found := transaction.events(self.sequence, 10_000):
                for sequence, data in found:
                    self.report.check(sequence == self.sequence + 1, f"event {self.sequence + 1} is missing")
                    self.sequence = sequence
                    event = Event.decode(data, sequence)
                    if event.name in clients and event.address:
                        clients[event.name].events.append(event)
                        self.report.counts["events"] += 1

    def verify(self) -> None:
        """Let each client ask for what it was promised, and whether there is anything else."""
        for client in self.clients:
            with closing(self.server.connect(client.caller.name)) as wire:
                promises, touched = client.promises, list(client.promises.touched)
                (answer,) = _talk(wire, client, [EVERYTHING])
                found = {str(each) for each in getattr(answer.response_payload, "unique_identifier", ())}
                differ = found ^ set(promises.objects)
                self.report.check(not differ, f"objects of {client.caller.name} differ: {differ}")
                for first in range(0, len(touched), QUESTIONS):
                    part = [each for each in touched[first : first + QUESTIONS] if each in promises.objects]
                    promises.compare(part, _talk(wire, client, promises.questions(part)), self.report)

    def close(self) -> None:
        for pid in self.server.workers if self.server.process.poll() is None else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.close()


def _talk(wire: Wire, client: Client, requests: Sequence[Request]) -> Sequence[ResponseBatchItem]:
    if not requests:
        return ()
    message = client.send(Asked(tuple(requests), BatchErrorContinuationOption.CONTINUE))
    return client.told(load_response(wire.speak(message))[0].batch_item)[1]


# --- what happens to it -----------------------------------------------------------------------------------------------


def terminate(ground: Ground, report: Report) -> None:
    """SIGTERM: what was taken in is answered, and the exit status is 0."""
    talkers = ground.load()
    status = ground.server.end(signal.SIGTERM)
    report.check(status == 0, f"SIGTERM: the exit status is {status}")
    lost = ground.settle(talkers)
    report.check(not lost, f"SIGTERM: {lost} messages were done and not answered")
    check_directory(ground.directory, report, open_served)
    ground.server = ground.start()


def kill_all(ground: Ground, report: Report) -> None:
    """SIGKILL for every process at once."""
    talkers = ground.load()
    for pid in {ground.server.pid, *ground.server.workers}:
        os.kill(pid, signal.SIGKILL)
    ground.server.process.wait()
    ground.settle(talkers)
    ground.server = ground.start()


def kill_watcher(ground: Ground, report: Report) -> None:
    """SIGKILL for the process that watches over the workers: they do not stay behind."""
    talkers, workers = ground.load(), ground.server.workers
    ground.server.end(signal.SIGKILL)
    gone = _eventually(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers))
    report.check(gone, "workers go on without the process that watches over them")
    ground.settle(talkers)
    ground.server = ground.start()


def kill_worker(ground: Ground, report: Report) -> None:
    """SIGKILL for a worker: it is replaced, and the clients of the others notice nothing."""
    talkers = ground.load()
    workers = ground.server.workers
    victim = ground.random.choice(workers)
    own = [talker for talker in talkers if _serves(victim, talker.wire)]
    os.kill(victim, signal.SIGKILL)
    replaced = _eventually(lambda: len(set(ground.server.workers) - {victim}) == len(workers))
    report.check(replaced, "a worker that was killed is not replaced")
    for talker in talkers:
        if talker not in own:
            report.check(talker.broken is None, f"a client of another worker met {talker.broken!r}")
    ground.settle(talkers)


def halt(ground: Ground, report: Report) -> None:
    """SIGSTOP for a while: everybody waits, and nothing else happens."""
    talkers = ground.load()
    every = {ground.server.pid, *ground.server.workers}
    for pid in every:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(LONG_HALT_SECONDS if ground.patient else HALT_SECONDS)
    ground.patient = False
    for pid in every:
        os.kill(pid, signal.SIGCONT)
    time.sleep(0.3)
    for talker in talkers:
        report.check(talker.broken is None, f"a client met {talker.broken!r} though the server only stood still")
    ground.settle(talkers)


def starve(ground: Ground, report: Report) -> None:
    """No memory for a while: requests fail, a worker may die of it, and all goes on afterwards."""
    talkers = ground.load()
    for pid in ground.server.workers:
        with suppress(ProcessLookupError, FileNotFoundError):
            size = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
            _, hard = resource.prlimit(pid, resource.RLIMIT_AS)
            resource.prlimit(pid, resource.RLIMIT_AS, (size, hard))
    time.sleep(0.5)
    for pid in ground.server.workers:
        with suppress(ProcessLookupError):
            _, hard = resource.prlimit(pid, resource.RLIMIT_AS)
            resource.prlimit(pid, resource.RLIMIT_AS, (hard, hard))
    serves = _eventually(lambda: len(ground.server.workers) == WORKERS)
    report.check(serves, "workers that died of a lack of memory are not replaced")
    ground.settle(talkers)


def _serves(pid: int, wire: Wire) -> bool:
    """Whether a process has the other end of a connection."""
    ours, theirs = wire.socket.getsockname()[1], wire.socket.getpeername()[1]
    ends = f":{theirs:04X}", f":{ours:04X}"
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
                links = (os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink())
                return f"socket:[{fields[9]}]" in set(links)
    return False


def _eventually(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + REPLACED_SECONDS
    while time.monotonic() < end:
        with suppress(FileNotFoundError):
            if holds():
                return True
        time.sleep(0.02)
    return False


FAULTS: Sequence[Callable[[Ground, Report], None]] = (terminate, kill_worker, halt, kill_all, starve, kill_watcher)


def run(count: int, seed: int, directory: Path, report: Report) -> None:
    """Let so many things happen, each kind in its turn."""
    ground = Ground(directory / "data", Random(seed), report, patient=count >= MANY)
    with closing(ground):
        for number in range(count):
            fault = FAULTS[number % len(FAULTS)]
            fault(ground, report)
            report.counts[fault.__name__] += 1
            ground.verify()
        ground.server.end()
    check_directory(ground.directory, report, open_served)

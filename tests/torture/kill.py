"""kill -9 under load: what was acknowledged is there, and nothing is there in part (C01-C03, C06, G1, G2).

One engine or two work on one database for several clients, each of which sends the next requests before it has the
answers to the last ones.  At a moment of chance one engine is killed, or both, or one that is just starting.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from random import Random

from keystead.audit.log import Event
from keystead.kmip.enums import BatchErrorContinuationOption
from keystead.kmip.messages import ResponseBatchItem, load_response
from keystead.kmip.payloads import Request
from keystead.policy.access import Caller
from tests.support import make_engine
from tests.torture.drill import Report
from tests.torture.engines import EngineProcess, Open
from tests.torture.load import EVERYTHING, Asked, Client
from tests.torture.whole import check_directory

LIFE = 60
"""Kills that a database goes through before it is looked at as a whole and another one begins."""
CLIENTS = 4
PIPELINE = 3
MOST_ANSWERS = 40
"""To the clients together before a kill."""
MOST_DELAY_SECONDS = 0.002
"""From the last answer to the kill: about a turn."""
MOST_START_SECONDS = 0.03
LOOP = 100
"""So often in a row an engine is killed while it recovers."""
IN_START = 0.1
"""How often an engine is killed while it starts."""
QUESTIONS = 40
"""Objects that one message asks about."""


class Ground:
    """A database, the engines on it and their clients.

    Args:
        crew: how many engines.
    """

    def __init__(self, directory: Path, crew: int, random: Random, report: Report, open_engine: Open) -> None:
        self.directory = directory
        self.random = random
        self.report = report
        self.open_engine = open_engine
        self.sequence = 0
        self.crews = [
            [Client(Caller(f"id-{number}", f"client-{number}", "default"), random, report) for number in part]
            for part in (range(first, CLIENTS, crew) for first in range(crew))
        ]
        open_engine(directory).close()
        self.engines = [self.start(crew) for crew in self.crews]

    def start(self, crew: Sequence[Client]) -> EngineProcess:
        """Start an engine, now and then after one that does not live to answer."""
        while self.random.random() < IN_START:
            self.die(crew)
        while True:
            engine = EngineProcess(self.directory, [client.caller for client in crew], self.open_engine)
            if not engine.ready():
                self.report.check(False, f"an engine does not start: status {engine.kill()}")
                continue
            return engine

    def die(self, crew: Sequence[Client]) -> None:
        """Start an engine, and kill it while it recovers what there is."""
        engine = EngineProcess(self.directory, [client.caller for client in crew], self.open_engine)
        time.sleep(self.random.random() * MOST_START_SECONDS)
        engine.kill()
        engine.close()
        self.report.counts["kills in the start"] += 1

    def load(self, answers: int) -> None:
        """Let the clients work until they have so many answers more."""
        whose = {
            ours: client
            for engine, crew in zip(self.engines, self.crews, strict=True)
            for ours, client in zip(engine.sockets, crew, strict=True)
        }
        enough = sum(client.done for client in whose.values()) + answers
        while sum(client.done for client in whose.values()) < enough:
            for ours, client in whose.items():
                while len(client.waiting) < PIPELINE:
                    ours.sendall(client.ask())
            for ours in select.select(list(whose), [], [])[0]:
                whose[ours].receive(ours.recv(1 << 20))

    def kill(self, number: int, again: int = 0) -> None:
        """Kill an engine, start another one, and see whether all is as it was promised.

        Args:
            again: how many are killed in between, each in its start.
        """
        engine, crew = self.engines[number], self.crews[number]
        engine.kill()
        for ours, client in zip(engine.sockets, crew, strict=True):
            with suppress(ConnectionResetError):  # it had not read all; what it sent counts
                while data := ours.recv(1 << 20):
                    client.receive(data)
        engine.close()
        self.report.counts["kills"] += 1
        for _ in range(again):
            self.die(crew)
        self.engines[number] = engine = self.start(crew)
        self.read_events(engine)
        for client in crew:
            self.report.counts["acknowledged messages"] += client.done
            client.done = 0
            self.report.counts["in doubt"] += len(client.waiting)
            self.report.counts["in doubt and done"] += client.recover()
        for ours, client in zip(engine.sockets, crew, strict=True):
            self.verify(ours, client, list(client.promises.touched))

    def read_events(self, engine: EngineProcess) -> None:
        """Give each client the events of what it did."""
        clients = {client.caller.identity: client for crew in self.crews for client in crew}
        for sequence, data in engine.events(self.sequence):
            self.sequence += 1
            self.report.check(sequence == self.sequence, f"event {self.sequence} is missing, {sequence} follows")
            self.sequence = sequence
            event = Event.decode(data, sequence)
            clients[event.caller].events.append(event)
            self.report.counts["events"] += 1
        for client in clients.values():
            client.match()

    def verify(self, ours: socket.socket, client: Client, identifiers: Sequence[str]) -> None:
        """Let a client ask for what it was promised, and whether there is anything else."""
        promises = client.promises
        (answer,) = self.talk(ours, client, [EVERYTHING])
        found = {str(each) for each in getattr(answer.response_payload, "unique_identifier", ())}
        self.report.check(found == set(promises.objects), f"objects differ: {found ^ set(promises.objects)}")
        for first in range(0, len(identifiers), QUESTIONS):
            part = [each for each in identifiers[first : first + QUESTIONS] if each in promises.objects]
            promises.compare(part, self.talk(ours, client, promises.questions(part)), self.report)
            self.report.counts["objects verified"] += len(part)

    def talk(self, ours: socket.socket, client: Client, requests: Sequence[Request]) -> Sequence[ResponseBatchItem]:
        """Send a message and wait for its answer."""
        if not requests:
            return ()
        ours.sendall(client.send(Asked(tuple(requests), BatchErrorContinuationOption.CONTINUE)))
        while True:
            for answer in client.framer.receive(ours.recv(1 << 20)):
                return client.told(load_response(answer)[0].batch_item)[1]

    def finish(self) -> None:
        """Verify everything there is, then kill all and look at the database from outside."""
        for engine, crew in zip(self.engines, self.crews, strict=True):
            for ours, client in zip(engine.sockets, crew, strict=True):
                while client.waiting:
                    client.receive(ours.recv(1 << 20))
                self.verify(ours, client, list(client.promises.objects))
        self.read_events(self.engines[0])
        for client in (client for crew in self.crews for client in crew):
            client.recover()
        self.close()
        check_directory(self.directory, self.report)

    def close(self) -> None:
        """Kill what lives."""
        for engine in self.engines:
            engine.kill()
            engine.close()
        self.engines = []


def run(count: int, seed: int, directory: Path, report: Report, open_engine: Open = make_engine) -> None:
    """Kill engines so often."""
    number = 0
    while report.counts["kills"] < count:
        random = Random(f"{seed}/{number}")
        ground = Ground(directory / str(number), 1 + number % 2, random, report, open_engine)
        with closing(ground):
            for _ in range(min(LIFE, count - report.counts["kills"])):
                ground.load(random.randrange(MOST_ANSWERS))
                time.sleep(random.random() * MOST_DELAY_SECONDS)
                for each in random.choice(([0], [len(ground.engines) - 1], range(len(ground.engines)))):
                    ground.kill(each)
            ground.finish()
        number += 1


def loop(count: int, seed: int, directory: Path, report: Report, open_engine: Open = make_engine) -> None:
    """Kill engines again and again while they recover what another one left, so often (C06)."""
    for number in range(count):
        random = Random(f"{seed}/{number}")
        ground = Ground(directory / str(number), 1, random, report, open_engine)
        with closing(ground):
            ground.load(random.randrange(MOST_ANSWERS))
            ground.kill(0, again=LOOP)
            ground.finish()

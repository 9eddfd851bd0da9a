"""Who is answered when: order, fairness and the length of a turn (M15, R01)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from keystead.engine.engine import Incoming
from keystead.policy.access import Caller
from keystead.server import turns as turns_module
from keystead.server.turns import MAXIMUM_TURN, Turns


class Sender:
    def __init__(self, holder: str) -> None:
        self.holder = holder
        self.caller: Caller | None = Caller(holder, holder, "default")


class Recorder:
    """Answers each message with itself, as many of a turn as it is told to."""

    def __init__(self, most: int = MAXIMUM_TURN) -> None:
        self.most = most
        self.turns: list[list[Incoming]] = []

    def answer(self, messages: Sequence[Incoming], seconds: float | None = None) -> list[bytes]:
        assert seconds == turns_module.TURN_SECONDS
        begun = list(messages[: self.most])
        self.turns.append(begun)
        return [incoming.message for incoming in begun]


def converse(engine: Recorder, talk: Callable[[Turns, Callable[..., None]], Any]) -> list[bytes]:
    """Submit in one turn of the loop; the answers, in the order in which they were delivered."""
    delivered: list[bytes] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        made = Turns(engine, loop)  # type: ignore[arg-type]

        def send(sender: Sender, *messages: str) -> None:
            for message in messages:
                assert sender.caller is not None
                made.submit(Incoming(message.encode(), sender.caller), delivered.append, sender)

        talk(made, send)
        while not made.empty:
            await asyncio.sleep(0)

    asyncio.run(main())
    return delivered


def test_R01_whoever_sends_little_does_not_wait_for_whoever_sends_much() -> None:
    engine = Recorder(most=10)
    flood = [Sender("alice") for _ in range(4)]
    bob = Sender("bob")

    def talk(_: Turns, send: Callable[..., None]) -> None:
        for number in range(400):
            for each, sender in enumerate(flood):
                send(sender, f"a{each}.{number}")
        send(bob, "b0", "b1")

    answers = converse(engine, talk)
    assert len(answers) == 1602
    turn_of = {incoming.message: number for number, turn in enumerate(engine.turns) for incoming in turn}
    assert turn_of[b"b0"] <= 1
    assert turn_of[b"b1"] <= 2
    for each in range(4):  # and nobody's messages have overtaken each other
        own = [answer for answer in answers if answer.startswith(b"a%d." % each)]
        assert own == [b"a%d.%d" % (each, number) for number in range(400)]


def test_R01_the_connections_of_a_client_take_turns_too() -> None:
    engine = Recorder(most=4)
    busy, other = Sender("alice"), Sender("alice")

    def talk(_: Turns, send: Callable[..., None]) -> None:
        send(busy, *(f"x{number}" for number in range(MAXIMUM_TURN + 100)))
        send(other, "y")

    converse(engine, talk)
    assert next(number for number, turn in enumerate(engine.turns) if any(i.message == b"y" for i in turn)) <= 1


def test_what_is_sent_while_answers_are_given_comes_behind_what_waits() -> None:
    engine = Recorder(most=3)
    order: list[bytes] = []

    async def main() -> None:
        made = Turns(engine, asyncio.get_running_loop())  # type: ignore[arg-type]
        sender = Sender("alice")
        assert sender.caller is not None
        caller = sender.caller

        def deliver(answer: bytes) -> None:
            order.append(answer)
            if answer == b"0":
                made.submit(Incoming(b"last", caller), deliver, sender)

        for number in range(8):
            made.submit(Incoming(b"%d" % number, caller), deliver, sender)
        while not made.empty:
            await asyncio.sleep(0)

    asyncio.run(main())
    assert order == [b"%d" % number for number in range(8)] + [b"last"]


def test_R01_what_has_waited_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "LONGEST_WAIT_SECONDS", -1.0)
    engine = Recorder(most=1)
    converse(engine, lambda _, send: send(Sender("alice"), "a", "b"))
    (first,), (second,) = engine.turns
    assert not first.overdue  # it found room in a turn at once
    assert second.overdue


def test_L16_what_a_connection_that_is_over_sent_is_not_begun() -> None:
    engine = Recorder(most=1)
    gone, other = Sender("alice"), Sender("alice")

    def talk(made: Turns, send: Callable[..., None]) -> None:
        send(other, "first")
        send(gone, *(f"g{number}" for number in range(MAXIMUM_TURN + 10)))
        send(other, "other")
        made.forget(gone)

    answers = converse(engine, talk)
    assert answers.count(b"other") == 1
    assert sum(answer.startswith(b"g") for answer in answers) == MAXIMUM_TURN - 1  # those had their turn already


def test_a_delivery_that_fails_costs_nobody_else_an_answer() -> None:
    engine = Recorder()
    got: list[bytes] = []

    async def main() -> None:
        made = Turns(engine, asyncio.get_running_loop())  # type: ignore[arg-type]
        caller = Caller("alice", "alice", "default")
        made.submit(Incoming(b"a", caller), got.append, Sender("alice"))
        made.submit(Incoming(b"b", caller), lambda _: 1 / 0, Sender("alice"))  # type: ignore[arg-type, return-value]
        made.submit(Incoming(b"c", caller), got.append, Sender("bob"))
        while not made.empty:
            await asyncio.sleep(0)

    asyncio.run(main())
    assert got == [b"a", b"c"]


def test_a_turn_is_not_lengthened_by_what_found_no_room() -> None:
    engine = Recorder()
    converse(engine, lambda _, send: [send(Sender(f"c{n}"), "m") for n in range(3 * MAXIMUM_TURN)])
    assert [len(turn) for turn in engine.turns] == [MAXIMUM_TURN] * 3

"""The KMIP port: framing, order, limits and deadlines (T01-T04, T12, T26, T27, L11, L13, L16)."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import struct
import time
from collections.abc import Callable

import pytest

from keystead.server.listener import site_of
from keystead.server.log import JsonFormatter

from .harness import (
    INVALID,
    REQUEST,
    Echo,
    Pki,
    Running,
    closed_within,
    eventually,
    exactly,
    receive,
    request,
    response,
)

Start = Callable[..., Running]


def test_T01_closing_without_a_byte_is_quiet(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = start()
    with server.connect():
        pass
    with server.raw():
        pass
    assert server.exchange() == response()
    assert [record for record in caplog.records if record.levelno > logging.WARNING] == []


@pytest.mark.parametrize("size", range(1, 8))
def test_T02_a_stall_within_the_header_ends_the_connection(start: Start, engine: Echo, size: int) -> None:
    server = start(stall_seconds=0.2)
    with server.connect() as connection:
        connection.sendall(request()[:size])
        assert closed_within(connection, 2)
    assert engine.turns == []


def test_T02_a_connection_that_only_waits_is_not_stalled(start: Start) -> None:
    server = start(stall_seconds=0.1, message_seconds=0.2)
    with server.connect() as connection:
        time.sleep(0.5)
        connection.sendall(request())
        assert receive(connection) == response()


def test_T03_a_length_of_4_gib_is_refused_at_its_header(start: Start, engine: Echo) -> None:
    server = start()
    with server.connect() as connection:
        connection.sendall(REQUEST + b"\xff\xff\xff\xff")
        assert receive(connection) == INVALID
        assert closed_within(connection, 2)
    assert engine.messages == [REQUEST + b"\xff\xff\xff\xff"]


def test_T03_the_refusal_arrives_even_if_the_rest_follows(start: Start) -> None:
    server = start()
    with server.connect() as connection:
        connection.sendall(REQUEST + b"\xff\xff\xff\xf8" + bytes(200_000))
        assert receive(connection) == INVALID


def test_T03_a_header_in_pieces_is_refused_too(start: Start) -> None:
    server = start()
    with server.connect() as connection:
        for byte in REQUEST + b"\xff\xff\xff\xff":
            connection.sendall(bytes([byte]))
            time.sleep(0.01)
        assert receive(connection) == INVALID
        assert closed_within(connection, 2)


def test_T04_a_message_of_the_limit_is_read_and_a_longer_one_is_not(start: Start) -> None:
    server = start(maximum_message_bytes=4096)
    assert server.exchange(message=request(bytes(4088))) == response(bytes(4088))
    assert server.exchange(message=request(bytes(4096))) == INVALID


def test_T05_what_is_no_request_is_answered_once(start: Start, engine: Echo) -> None:
    server = start()
    with server.connect() as connection:
        connection.sendall(response() * 3)
        assert receive(connection) == INVALID
        assert closed_within(connection, 2)
    assert len(engine.messages) == 1


def test_T26_a_message_that_drips_has_a_deadline(start: Start, engine: Echo) -> None:
    server = start(stall_seconds=0.3, message_seconds=0.5)
    with server.connect() as connection:
        begin = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in request(bytes(1000)):
                connection.sendall(bytes([byte]))
                time.sleep(0.02)
                if time.monotonic() - begin > 3:
                    break
        assert time.monotonic() - begin < 2
    assert engine.turns == []


def test_T27_messages_in_one_record_are_answered_in_order_and_share_a_turn(start: Start, engine: Echo) -> None:
    server = start(pipeline=64)
    bodies = [i.to_bytes(8, "big") for i in range(50)]
    with server.connect() as connection:
        connection.sendall(b"".join(map(request, bodies)))
        assert receive(connection, 50) == b"".join(map(response, bodies))
    assert len(engine.turns[0]) == 50


def test_T27_L13_one_message_in_a_thousand_records_is_answered(start: Start) -> None:
    server = start()
    message = request(bytes(992))
    with server.connect() as connection:
        for i in range(len(message)):
            connection.send(message[i : i + 1])
        assert receive(connection) == response(bytes(992))


def test_a_longer_pipeline_than_the_limit_is_answered_in_order(start: Start, engine: Echo) -> None:
    server = start(pipeline=3)
    bodies = [i.to_bytes(8, "big") for i in range(100)]
    with server.connect() as connection:
        connection.sendall(b"".join(map(request, bodies)))
        assert receive(connection, 100) == b"".join(map(response, bodies))
    assert max(map(len, engine.turns)) <= 3


def test_what_arrives_in_one_turn_from_many_shares_a_commit(start: Start, engine: Echo) -> None:
    server = start()
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(8)]
        server.call(lambda: time.sleep(0.2))  # the loop is busy; meanwhile all of these arrive
        time.sleep(0.05)
        for connection in connections:
            connection.sendall(request())
        for connection in connections:
            assert receive(connection) == response()
    assert max(map(len, engine.turns)) == 8


def test_a_client_that_does_not_read_is_not_read_and_let_go(start: Start, engine: Echo) -> None:
    engine.inflate = 1 << 16
    server = start(write_seconds=0.4)
    with server.connect() as connection, server.connect("bob") as bob:
        connection.settimeout(0.5)
        sent = 0
        with contextlib.suppress(OSError):
            for _ in range(100_000):
                connection.sendall(request() * 64)
                sent += 64
        answered = len(engine.messages)
        assert answered < 2000  # by far not all that was sent has been handed on
        bob.sendall(request())
        assert len(receive(bob)) > 1 << 16  # others are served
        assert eventually(lambda: len(server.worker._kmip.connections) == 1)


def test_a_slow_reader_gets_every_answer_in_order(start: Start, engine: Echo) -> None:
    engine.inflate = 1 << 14
    server = start(pipeline=8)
    bodies = [i.to_bytes(8, "big") for i in range(300)]
    with server.connect() as connection:
        connection.sendall(b"".join(map(request, bodies)))
        time.sleep(0.3)
        assert receive(connection, 300) == b"".join(response(body + bytes(1 << 14)) for body in bodies)


def test_an_unused_connection_is_closed(start: Start) -> None:
    server = start(idle_seconds=0.3, stall_seconds=0.2)
    with server.connect() as connection:
        for _ in range(3):
            time.sleep(0.2)
            connection.sendall(request())
            assert receive(connection) == response()
        assert closed_within(connection, 2)


def test_L11_half_open_handshakes_end_at_their_deadline(start: Start) -> None:
    server = start(handshake_seconds=0.3)
    with contextlib.ExitStack() as stack:
        half_open = [stack.enter_context(server.raw()) for _ in range(10)]
        assert all(closed_within(one, 3) for one in half_open)
    assert eventually(lambda: server.worker._kmip.count == 0)


def test_L11_a_flood_of_half_open_handshakes_keeps_nobody_out(start: Start) -> None:
    server = start(half_open_per_address=20, handshake_seconds=30)
    before = len(os.listdir("/proc/self/fd"))
    with contextlib.ExitStack() as stack:
        flood = [stack.enter_context(server.raw()) for _ in range(200)]
        slowest = 0.0
        for _ in range(20):
            begin = time.monotonic()
            assert server.exchange() == response()
            slowest = max(slowest, time.monotonic() - begin)
        assert slowest < 0.5
        assert server.worker._kmip.count <= 21
        assert closed_within(flood[0], 1)  # the oldest went first
    assert eventually(lambda: server.worker._kmip.count == 0)
    assert eventually(lambda: len(os.listdir("/proc/self/fd")) <= before + 1)


def test_R02_one_connection_too_many_of_a_client_ends_its_least_used_one(start: Start) -> None:
    server = start(connections_per_client=5, connections=100, stall_seconds=0.2)
    with contextlib.ExitStack() as stack:
        bob = stack.enter_context(server.connect("bob"))
        alices = [stack.enter_context(server.connect()) for _ in range(5)]
        time.sleep(0.2)  # a sweep: from here on it counts who is of use
        for one in alices[1:]:
            one.sendall(request())
            assert receive(one) == response()
        assert server.exchange() == response()
        assert closed_within(alices[0], 2)
        for one in (bob, *alices[1:]):
            one.sendall(request())
            assert receive(one) == response()


def test_R02_one_client_with_very_many_connections_keeps_nobody_out(start: Start) -> None:
    server = start(connections_per_client=20, connections=20)
    with contextlib.ExitStack() as stack:
        bob = stack.enter_context(server.connect("bob"))
        for _ in range(60):
            stack.enter_context(server.connect())
        assert server.exchange("bob") == response()
        bob.sendall(request())
        assert receive(bob) == response()  # whoever has the most loses one first
        assert eventually(lambda: server.worker._kmip.count <= 20)


def test_L11_a_flood_of_handshakes_from_everywhere_leaves_room(start: Start) -> None:
    server = start(connections=40, connections_per_client=40, half_open_per_address=1000, handshake_seconds=30)
    with contextlib.ExitStack() as stack, server.connect("bob") as bob:
        flood = [stack.enter_context(server.raw()) for _ in range(100)]
        for _ in range(5):
            assert server.exchange() == response()
        assert closed_within(flood[0], 2)
        bob.sendall(request())
        assert receive(bob) == response()


def test_M15_waiting_bytes_are_bounded_and_cost_whoever_has_the_most_of_them(start: Start, engine: Echo) -> None:
    server = start(buffer_bytes=4 << 20, stall_seconds=30)
    with contextlib.ExitStack() as stack:
        bob = stack.enter_context(server.connect("bob"))
        bob.sendall(request(bytes(200_000))[:100_000])
        begun = request(bytes(1_000_000))[:-8]
        stalled = []
        for _ in range(12):
            stalled.append(stack.enter_context(server.connect()))
            with contextlib.suppress(OSError):
                stalled[-1].sendall(begun)
        assert closed_within(stalled[0], 2)
        assert eventually(lambda: 0 < server.worker._kmip.held <= 4 << 20)
        assert len(server.worker._kmip.connections) <= 6
        bob.sendall(request(bytes(200_000))[100_000:])
        assert receive(bob) == response(bytes(200_000))
    assert eventually(lambda: server.worker._kmip.held == 0)


def test_M15_answers_that_nobody_reads_are_bounded(start: Start, engine: Echo) -> None:
    engine.inflate = 1 << 20
    server = start(buffer_bytes=8 << 20)
    with contextlib.ExitStack() as stack:
        bob = stack.enter_context(server.connect("bob"))
        for _ in range(8):
            connection = stack.enter_context(server.connect())
            connection.sendall(request() * 16)
        assert eventually(lambda: len(engine.messages) >= 16 * 4)
        assert eventually(lambda: server.worker._kmip.held <= 8 << 20)
        bob.sendall(request())
        assert len(receive(bob)) > 1 << 20


def test_addresses_count_by_site() -> None:
    assert site_of("192.0.2.7") == "192.0.2.7"
    assert site_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert site_of("2001:db8:1:2:3::4") == site_of("2001:db8:1:2:ffff::1") == "2001:db8:1:2::"
    assert site_of("fe80::1%eth0") == "fe80::"


def test_L16_a_reset_after_sending_leaves_the_server_well(start: Start, engine: Echo) -> None:
    server = start()
    for _ in range(20):
        connection = server.connect()
        connection.sendall(request())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    assert server.exchange() == response()
    assert all(message == request() for message in engine.messages)
    assert eventually(lambda: server.worker._kmip.count == 0)


def test_the_caller_is_told_to_the_engine(start: Start, engine: Echo) -> None:
    server = start()
    server.exchange("alice")
    server.exchange("bob")
    callers = [turn[0].caller for turn in engine.turns]
    assert [(caller.name, caller.address) for caller in callers] == [("alice", "127.0.0.1"), ("bob", "127.0.0.1")]


def test_a_defect_of_the_engine_closes_the_connection_and_its_words_do_not_reach_the_log(
    start: Start, engine: Echo, caplog: pytest.LogCaptureFixture
) -> None:
    server = start()
    engine.fail = True
    assert server.exchange() == b""
    engine.fail = False
    assert server.exchange() == response()
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert any(json.loads(line)["event"] == "defect" and json.loads(line)["id"] for line in lines)
    assert not any("0123456789abcdef" in line for line in lines)


def test_requests_leave_no_line_in_the_log(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = start()
    caplog.clear()
    caplog.set_level(logging.DEBUG, "keystead")
    for _ in range(5):
        server.exchange()
    assert caplog.records == []


def test_a_stop_answers_what_has_arrived(start: Start, engine: Echo, pki: Pki) -> None:
    server = start()
    with server.connect() as busy, server.connect("bob") as idle, server.connect() as partial:
        partial.sendall(request()[:10])
        time.sleep(0.05)
        server.call(lambda: time.sleep(0.2))
        time.sleep(0.05)
        busy.sendall(request() * 20)
        server.begin_stop()
        assert receive(busy, 20) == response() * 20
        assert closed_within(busy, 2)
        assert closed_within(idle, 2)
        partial.sendall(request()[10:])
        assert receive(partial) == response()  # it had begun, and there was time
        assert closed_within(partial, 2)
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        server.raw()


def test_a_stop_does_not_wait_for_ever(start: Start) -> None:
    server = start(stop_seconds=0.3)
    with server.connect() as partial, server.raw() as half_open:
        partial.sendall(request()[:10])
        time.sleep(0.05)
        begin = time.monotonic()
        server.stop()
        assert time.monotonic() - begin < 2
        assert exactly(partial, 1) == b""
        assert closed_within(half_open, 1)


def test_upkeep_is_done_each_second_and_survives_its_failures(start: Start, engine: Echo) -> None:
    server = start()
    assert eventually(lambda: engine.beats >= 1, 3)
    engine.upkeep = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    time.sleep(1.2)
    assert server.exchange() == response()

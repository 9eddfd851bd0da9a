"""Bytes in, whole messages out."""

from __future__ import annotations

import pytest

from keystead.errors import CodecError
from keystead.kmip.connection import Connection
from keystead.kmip.ttlv import MAXIMUM_MESSAGE_BYTES


def message(size: int = 16, head: str = "42007801") -> bytes:
    return bytes.fromhex(head) + (size - 8).to_bytes(4, "big") + bytes(size - 8)


def test_T01_nothing_is_no_message() -> None:
    connection = Connection()
    assert connection.receive(b"") == []
    assert connection.idle


@pytest.mark.parametrize("size", range(1, 8))
def test_T02_a_part_of_a_header_is_waited_for(size: int) -> None:
    connection = Connection()
    assert connection.receive(message()[:size]) == []
    assert not connection.idle


def test_T03_a_length_of_4_GiB_is_refused_at_its_header() -> None:
    with pytest.raises(CodecError):
        Connection().receive(bytes.fromhex("42007801ffffffff"))


def test_T04_the_longest_message_is_read_and_a_longer_one_refused() -> None:
    longest = message(MAXIMUM_MESSAGE_BYTES)
    assert Connection().receive(longest) == [longest]
    with pytest.raises(CodecError):
        Connection().receive(message(MAXIMUM_MESSAGE_BYTES + 8)[:8])
    with pytest.raises(CodecError):
        Connection(64).receive(message(72))


@pytest.mark.parametrize("head", ["42007b01", "42007802", "42007701", "16030100", "474554 20".replace(" ", "")])
def test_T05_what_is_no_request_is_refused_at_its_first_bytes(head: str) -> None:
    for size in range(1, 9):
        data = message(head=head)[:size]
        if not bytes.fromhex("42007801").startswith(data[:4]):
            with pytest.raises(CodecError):
                Connection().receive(data)


def test_T05_a_client_reads_responses() -> None:
    response = message(head="42007b01")
    assert Connection(requests=False).receive(response) == [response]
    with pytest.raises(CodecError):
        Connection(requests=False).receive(message())


@pytest.mark.parametrize("pieces", [1, 2, 3])
@pytest.mark.parametrize("size", range(9, 16))
def test_T11_a_message_is_a_multiple_of_8_bytes(size: int, pieces: int) -> None:
    data, connection, step = message(size), Connection(), -(-size // pieces)

    def arrive() -> None:
        for start in range(0, size, step):
            connection.receive(data[start : start + step])

    with pytest.raises(CodecError):
        arrive()


def test_T27_two_messages_in_one_piece_come_out_in_order() -> None:
    first, second = message(16), message(24)
    assert Connection().receive(first + second) == [first, second]


def test_T27_a_message_in_many_pieces_comes_out_whole() -> None:
    data = message(1000)
    connection = Connection()
    found = [out for byte in data for out in connection.receive(bytes([byte]))]
    assert found == [data]
    assert connection.idle


@pytest.mark.parametrize("cut", range(1, 40))
def test_T27_messages_come_out_whole_wherever_they_are_cut(cut: int) -> None:
    first, second = message(16), message(24)
    connection = Connection()
    found = connection.receive((first + second)[:cut]) + connection.receive((first + second)[cut:])
    assert found == [first, second]

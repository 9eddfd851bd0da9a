"""An event comes back as it was, whatever is in it, and stays one line."""

from __future__ import annotations

import hashlib
import json
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.audit import log
from keystead.audit.log import MOST_IDENTIFIERS, MOST_TEXT_BYTES, Event, export, rfc3339
from keystead.errors import TamperError

EVENT = Event(
    time=1_790_000_000_123_456,
    operation="Get",
    status="Operation Failed",
    caller="0190-caller",
    name="alice",
    domain="default",
    address="127.0.0.1",
    reason="Permission Denied",
    message="you may not",
    version="2.1",
    client_correlation="c-1",
    server_correlation="s-1",
    unique_identifiers=("0190-one", "0190-two"),
)

TEXTS = [name for name, kind in get_type_hints(Event).items() if kind is str]
short_text = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
events = st.builds(
    Event,
    time=st.integers(-(2**63), 2**63 - 1),
    unique_identifiers=st.lists(short_text, max_size=5).map(tuple),
    sequence=st.just(0),
    **dict.fromkeys(TEXTS, short_text),
)


@given(events)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    data = event.encode()
    assert Event.decode(data) == event
    assert Event.decode(data, 7) == event._replace(sequence=7)
    assert Event.decode(data).encode() == data


def test_every_field_is_kept() -> None:
    for name in Event._fields:
        if name != "sequence":
            assert getattr(Event.decode(EVENT.encode()), name) == getattr(EVENT, name) != ""


def test_two_events_never_have_the_same_bytes() -> None:
    one = Event(time=1, operation="ab", status="c")
    others = [
        one._replace(operation="a", status="bc"),
        one._replace(status="", caller="c"),
        one._replace(unique_identifiers=("",)),
        one._replace(unique_identifiers=("a", "b")),
        one._replace(unique_identifiers=("ab",)),
        one._replace(time=2),
    ]
    assert len({event.encode() for event in (one, *others)}) == 7


def test_what_is_kept_to_be_written_again_stays_small() -> None:
    for number in range(3 * log._MOST_KNOWN):
        for text in (f"{number}", f"{number}" * 200):
            event = Event(time=number, operation="Get", status="Success", name=text)
            assert Event.decode(event.encode()).name.startswith(str(number))
    assert len(log._KNOWN) <= log._MOST_KNOWN
    assert all(len(said) < 2000 for texts in log._KNOWN for said in texts)


@pytest.mark.parametrize(
    "text",
    [
        "line\nbreak",
        "carriage\rreturn",
        "nul\0byte",
        "\x1b[2J\x1b]0;title\x07",
        '"}\n{"forged":true',
        "\u2028\u2029\x85\x0b\x0c",
        "\u202eright to left",
        "\udc80 lone surrogate",
        "<script>alert(1)</script>",
        "=1+1",
    ],
)
def test_no_field_breaks_the_record_it_is_in(text: str) -> None:
    """A03."""
    event = Event(time=1, unique_identifiers=(text, text), **dict.fromkeys(TEXTS, text))
    kept = Event.decode(event.encode(), 3)
    line = kept.json()
    assert line.isascii()
    assert line.isprintable()
    assert len(line.splitlines()) == 1
    parsed = json.loads(line)
    assert parsed["sequence"] == 3
    assert parsed["name"] == kept.name == text.encode("utf-8", "backslashreplace").decode()
    shown = kept.line()
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1


def test_a_long_text_is_cut_and_digested_never_dropped() -> None:
    """A02."""
    for text in ("x" * 1_048_576, "ü" * 600, "x" * (MOST_TEXT_BYTES + 1)):
        kept = Event.decode(EVENT._replace(name=text).encode())
        assert len(kept.name.encode()) <= MOST_TEXT_BYTES
        assert kept.name.startswith(text[:100])
        assert hashlib.sha256(text.encode()).hexdigest() in kept.name
        assert f"({len(text.encode())} bytes)" in kept.name
    whole = "x" * MOST_TEXT_BYTES
    assert Event.decode(EVENT._replace(name=whole).encode()).name == whole


def test_very_many_identifiers_are_digested_never_dropped() -> None:
    """A02."""
    identifiers = tuple(f"object {number}" for number in range(100_000))
    kept = Event.decode(EVENT._replace(unique_identifiers=identifiers).encode())
    assert len(kept.unique_identifiers) == MOST_IDENTIFIERS
    assert kept.unique_identifiers[:-1] == identifiers[: MOST_IDENTIFIERS - 1]
    assert "100000 in all" in kept.unique_identifiers[-1]
    other = (*identifiers[:-1], "another")
    assert Event.decode(EVENT._replace(unique_identifiers=other).encode()) != kept


def test_bytes_that_are_no_event_are_refused() -> None:
    data = EVENT.encode()
    for length in range(len(data)):
        with pytest.raises(TamperError):
            Event.decode(data[:length])
    for wrong in (data + b"\0", b"\2" + data[1:], data.replace(b"alice", b"\xff\xff\xff\xff\xff")):
        with pytest.raises(TamperError):
            Event.decode(wrong)


def test_json_is_canonical_and_leaves_out_what_is_empty() -> None:
    event = Event(time=1_790_000_000_123_456, operation="Ping", status="Success", sequence=9)
    expected = '{"operation":"Ping","sequence":9,"status":"Success","time":"2026-09-21T14:13:20.123456Z"}'
    assert event.json() == expected
    assert list(json.loads(EVENT.json())) == sorted(json.loads(EVENT.json()))


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (2**31 * 10**6, "2038-01-19T03:14:08.000000Z"),
        (253402300799999999, "9999-12-31T23:59:59.999999Z"),
        (253402300800000000, "253402300800000000"),
        (-(2**63), "-9223372036854775808"),
    ],
)
def test_every_time_can_be_shown(microseconds: int, text: str) -> None:
    """D02, D03."""
    assert rfc3339(microseconds) == text


def test_an_export_has_the_leaves() -> None:
    lines = list(export([(1, EVENT.encode()), (2, EVENT._replace(name="bob").encode())]))
    assert [json.loads(line)["sequence"] for line in lines] == [1, 2]
    assert Event.decode(bytes.fromhex(json.loads(lines[1])["leaf"])).name == "bob"

"""Logs: one line an event, nothing forged, nothing secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from keystead.server.log import JsonFormatter, TextFormatter, configure


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    logger = logging.getLogger("keystead")
    handlers, level, propagate = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers[:], logger.propagate = handlers, propagate
    logger.setLevel(level)


def test_an_event_is_one_line_of_json() -> None:
    stream = io.StringIO()
    configure("info", "auto", stream)
    logging.getLogger("keystead.server").info("listening", extra={"fields": {"kmip": 5696, "names": ["a", "b"]}})
    logging.getLogger("keystead.server").debug("not said")
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert list(event) == ["time", "level", "event", "kmip", "names"]
    assert (event["level"], event["event"], event["kmip"]) == ("info", "listening", 5696)
    assert event["time"].endswith("Z")


@pytest.mark.parametrize("form", ["json", "text"])
def test_A03_a_field_cannot_forge_a_line_or_drive_a_terminal(form: str) -> None:
    stream = io.StringIO()
    configure("info", form, stream)
    evil = 'x\r\n{"level": "info"}\x1b[2J\x00\u2028"'
    logging.getLogger("keystead.server").warning("refused", extra={"fields": {"name": evil}})
    text = stream.getvalue()
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    assert "\x00" not in text


def test_a_text_line_reads_well() -> None:
    record = logging.makeLogRecord({"msg": "worker died", "levelname": "ERROR", "fields": {"worker": 1, "said": "a b"}})
    assert TextFormatter().format(record).endswith('error   worker died worker=1 said="a b"')


def test_an_exception_says_where_and_not_what() -> None:
    try:
        raise ValueError("the key is 0123456789abcdef")
    except ValueError as error:
        information = (ValueError, error, error.__traceback__)
        record = logging.makeLogRecord({"msg": "defect", "levelname": "ERROR", "exc_info": information})
    for formatter in (JsonFormatter(), TextFormatter()):
        line = formatter.format(record)
        assert "ValueError" in line
        assert "test_log.py" in line
        assert "0123456789abcdef" not in line

"""Structured logs: one line an event, JSON for machines, text for people; no secrets, no values of exceptions.

An event is `log.info("name", extra={"fields": {...}})`.  Requests are not logged: they are audited.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

MAXIMUM_TEXT = 2_000


def configure(level: str = "info", form: str = "auto", stream: TextIO | None = None) -> None:
    """Send the events of Keystead to a stream.

    Args:
        level: debug, info, warning or error.
        form: json, text, or auto: text where the stream is a terminal.
        stream: standard error unless given.
    """
    stream = stream or sys.stderr
    text = form == "text" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter() if text else JsonFormatter())
    root = logging.getLogger("keystead")
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    root.propagate = False
    # Its words are not ours to vouch for: what matters of an HTTP request is audited or logged here.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)


def event_of(record: logging.LogRecord) -> dict[str, Any]:
    """Give a log record as an event: time, level, event, then its fields."""
    event: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "event": record.getMessage(),
    }
    event.update(getattr(record, "fields", {}))
    if record.exc_info and record.exc_info[0] is not None:
        # What an exception says may hold what a client sent; where it was raised does not.
        event["exception"] = record.exc_info[0].__name__
        event["at"] = where(record.exc_info[2])
    return event


def where(trace: TracebackType | None) -> list[str]:
    """Name the places of a traceback, innermost last, without any value."""
    frames = traceback.extract_tb(trace)[-8:]
    return [f"{frame.filename.rpartition('/keystead/')[2]}:{frame.lineno} {frame.name}" for frame in frames]


class JsonFormatter(logging.Formatter):
    """A JSON object a line; whatever a field holds, it stays one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Render an event."""
        return json.dumps(event_of(record), default=_plain)


class TextFormatter(logging.Formatter):
    """A line for people: time, level, event, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Render an event."""
        event = event_of(record)
        head = f"{event.pop('time')[11:19]} {event.pop('level'):7} {_plain(event.pop('event'))}"
        return " ".join([head, *(f"{name}={_quoted(value)}" for name, value in event.items())])


def _plain(value: object) -> str:
    """A value's text with whatever could forge a line or drive a terminal escaped."""
    text = str(value)[:MAXIMUM_TEXT]
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _quoted(value: object) -> str:
    if isinstance(value, int | float | bool):
        return str(value)
    plain = _plain(value if isinstance(value, str) else json.dumps(value, default=str))
    return plain if plain and " " not in plain else json.dumps(plain)

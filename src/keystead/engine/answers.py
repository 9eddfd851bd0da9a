"""What leaves: answers as bytes, and the event of the audit that stands for each batch item."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from keystead.audit.log import Event
from keystead.engine.context import Turn
from keystead.kmip.messages import RequestMessage, ResponseBatchItem, ResponseHeader, dump_response, protocol_version
from keystead.kmip.schema import dump
from keystead.kmip.version import V1_4, Version
from keystead.policy.access import Caller


class Answers:
    """Writes answers.

    Attributes:
        written: how many it has.
    """

    def __init__(self) -> None:
        self.written = 0
        self._boot = secrets.token_hex(4)

    def write(self, turn: Turn, message: RequestMessage, version: Version, items: Sequence[ResponseBatchItem]) -> bytes:
        """The answer to a message."""
        self.written += 1
        correlation = message.request_header.client_correlation_value if version >= V1_4 else None
        if correlation is None and not turn.said:
            # All such answers of a turn have the same header.
            header = turn.headers.get((version, len(items)))
            if header is None:
                header = dump(self._header(turn, version, len(items)), version)
                turn.headers[version, len(items)] = header
        else:
            header = dump(self._header(turn, version, len(items), correlation), version)
        return dump_response(header, items, version)

    def _header(self, turn: Turn, version: Version, count: int, correlation: str | None = None) -> ResponseHeader:
        return ResponseHeader(
            protocol_version=protocol_version(version),
            time_stamp=turn.now,
            client_correlation_value=correlation,
            server_correlation_value=None if correlation is None else f"{self._boot}-{self.written}",
            batch_count=count,
            **turn.said,
        )


def record(
    turn: Turn, caller: Caller, version: Version, item: ResponseBatchItem, subjects: Sequence[str], note: str = ""
) -> None:
    """Add the event of a batch item to those of the turn.

    Args:
        subjects: the objects that it was about.
        note: what is remembered in place of its Result Message.
    """
    operation, reason = item.operation, item.result_reason
    turn.events.append(
        Event(
            time=turn.now_us,
            operation="" if operation is None else operation.title,
            status=item.result_status.title,
            caller=caller.identity,
            name=f"{caller.name} over {caller.client}" if caller.client else caller.name,
            domain=caller.domain,
            address=caller.address,
            reason="" if reason is None else reason.title,
            message=note or item.result_message or "",
            version=version.text,
            unique_identifiers=tuple(subjects),
        ).encode()
    )

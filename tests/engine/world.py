"""Conversations between callers and an engine, at a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keystead.engine.engine import Engine, Incoming
from keystead.kmip.attributes import Attributes
from keystead.kmip.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    ResultReason,
    ResultStatus,
)
from keystead.kmip.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    dump_message,
    load_response,
    protocol_version,
)
from keystead.kmip.payloads import Request
from keystead.kmip.payloads.create import CreateRequest
from keystead.kmip.structures import Name
from keystead.kmip.tags import Tag
from keystead.kmip.version import V2_1, V3_0, Version
from keystead.policy.access import Caller
from tests.support import make_engine

START = 1_800_000_000


@dataclass
class Clock:
    """POSIX seconds; stands still until it is moved."""

    now: float = START

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class World:
    """An engine, its clock, and callers to speak to it."""

    directory: Path
    clock: Clock
    engine: Engine
    callers: dict[str, Caller] = field(default_factory=dict)

    def batch(
        self, *requests: Request, who: str = "alice", version: Version = V2_1, **header: Any
    ) -> tuple[ResponseBatchItem, ...]:
        """Send a message; the batch items of the answer."""
        message = request_message(*requests, version=version, **header)
        (answer,) = self.engine.answer([Incoming(message, self.callers[who])])
        return load_response(answer)[0].batch_item

    def ask(self, request: Request, **how: Any) -> ResponseBatchItem:
        """Send one request; its batch item."""
        (item,) = self.batch(request, **how)
        return item

    def do(self, request: Request, **how: Any) -> Any:
        """Send one request that succeeds; its payload."""
        item = self.ask(request, **how)
        assert item.result_status is ResultStatus.SUCCESS, (item.result_reason, item.result_message)
        return item.response_payload

    def refused(self, request: Request, **how: Any) -> ResultReason | None:
        """Send one request that is refused; why."""
        item = self.ask(request, **how)
        assert item.result_status is ResultStatus.OPERATION_FAILED, item
        return item.result_reason

    def create(self, name: str | None = None, **how: Any) -> str:
        """Create an AES key; its unique identifier."""
        return str(self.do(create_request(name), **how).unique_identifier)

    def reopen(self) -> None:
        """Stop the engine and start it on the same data."""
        self.engine.close()
        self.engine = make_engine(self.directory, self.clock)


def request_message(*requests: Request, version: Version = V2_1, **header: Any) -> bytes:
    """A Request Message of so many batch items."""
    count = len(requests)
    return dump_message(
        RequestMessage(
            request_header=RequestHeader(
                protocol_version=protocol_version(version), batch_count=count if version < V3_0 else None, **header
            ),
            batch_item=tuple(
                RequestBatchItem(
                    operation=request.OPERATION,
                    unique_batch_item_id=bytes((number,)) if count > 1 and version < V3_0 else None,
                    request_payload=request,
                )
                for number, request in enumerate(requests)
            ),
        ),
        version,
    )


def payload(item: ResponseBatchItem) -> Any:
    """What a batch item gave; that there is something is part of the test."""
    assert item.response_payload is not None, item.result_message
    return item.response_payload


def create_request(name: str | None = None, **attributes: Any) -> CreateRequest:
    """Ask for an AES key of 256 bits that encrypts and decrypts."""
    asked: dict[Any, Any] = {
        Tag.CRYPTOGRAPHIC_ALGORITHM: CryptographicAlgorithm.AES,
        Tag.CRYPTOGRAPHIC_LENGTH: 256,
        Tag.CRYPTOGRAPHIC_USAGE_MASK: CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT,
        **{Tag[key.upper()]: value for key, value in attributes.items()},
    }
    if name is not None:
        asked[Tag.NAME] = Name(name_value=name)
    return CreateRequest(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes.of(asked))

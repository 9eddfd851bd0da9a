"""Refusals of whole messages, and what a caller is told of a defect.

Source: KMIP 1.4 section 11.1: a message that cannot be answered item by item is answered by one batch item without
Operation.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Final

from keystead.errors import CodecError, OperationFailed
from keystead.kmip import encodings
from keystead.kmip.enums import ResultReason, ResultStatus
from keystead.kmip.messages import (
    RequestBatchItem,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    UnsupportedVersion,
    dump_message,
    protocol_version,
)
from keystead.kmip.reasons import for_version
from keystead.kmip.version import OLDEST, V3_0, Version

if TYPE_CHECKING:
    from keystead.engine.engine import Incoming

log = logging.getLogger("keystead.engine")

MAXIMUM_BATCH_ITEMS: Final = 128


def failed(asked: RequestBatchItem | None, error: OperationFailed, version: Version) -> ResponseBatchItem:
    """The batch item of a refusal.

    Args:
        asked: what is refused; None for a message as a whole.
    """
    operation = asked.operation if asked else None
    return ResponseBatchItem(
        operation=operation,
        unique_batch_item_id=asked.unique_batch_item_id if asked else None,
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=for_version(ResultReason(error.reason), version, operation),
        result_message=error.message,
    )


def of_codec(error: CodecError) -> OperationFailed:
    """What cannot be read, as a refusal."""
    return OperationFailed(error.reason or ResultReason.INVALID_MESSAGE, str(error))


def whole(incoming: Incoming, error: OperationFailed | CodecError) -> tuple[Version, ResponseBatchItem]:
    """The version in which a message is refused as a whole, whatever is in it, and the one batch item of the answer."""
    version = _version(incoming, error)
    return version, failed(None, of_codec(error) if isinstance(error, CodecError) else error, version)


def alone(item: ResponseBatchItem, version: Version, now: int, encoding: str) -> bytes:
    """An answer of one batch item."""
    header = ResponseHeader(protocol_version=protocol_version(version), time_stamp=now, batch_count=1)
    message = dump_message(ResponseMessage(response_header=header, batch_item=(item,)), version)
    return encodings.from_ttlv(message, encoding)


def refuse(incoming: Incoming, error: OperationFailed, now: int) -> bytes:
    """Refuse a message as a whole, without a turn."""
    version, item = whole(incoming, error)
    return alone(item, version, now, incoming.encoding)


def _version(incoming: Incoming, error: OperationFailed | CodecError) -> Version:
    """The version to answer in: that which the message names, or the nearest below; the oldest if it names none."""
    try:
        if isinstance(error, UnsupportedVersion):
            raise error
        return encodings.version_of(incoming.message, incoming.encoding)
    except UnsupportedVersion as unsupported:
        return unsupported.answer_in
    except CodecError:
        return OLDEST


def check_batch(message: RequestMessage, version: Version) -> None:
    """Refuse a batch as a whole, before anything of it is done.

    Raises:
        OperationFailed: Invalid Message, Server Limit Exceeded.

    Source: KMIP 1.4 sections 6.4, 6.15 and 7.2.
    """
    items, header = message.batch_item, message.request_header
    if not items:
        raise OperationFailed(ResultReason.INVALID_MESSAGE, "the message has no Batch Item")
    if len(items) > MAXIMUM_BATCH_ITEMS:
        raise OperationFailed(
            ResultReason.SERVER_LIMIT_EXCEEDED, f"a message may have at most {MAXIMUM_BATCH_ITEMS} Batch Items"
        )
    if version < V3_0:
        if header.batch_count != len(items):
            raise OperationFailed(ResultReason.INVALID_MESSAGE, "the Batch Count is not the number of Batch Items")
        if len(items) > 1:
            identifiers = {item.unique_batch_item_id for item in items}
            if None in identifiers or len(identifiers) != len(items):
                raise OperationFailed(
                    ResultReason.INVALID_MESSAGE, "each of several Batch Items needs a Unique Batch Item ID of its own"
                )


def defect() -> OperationFailed:
    """What a caller is told of a defect: an identifier, under which the log has the rest."""
    number = secrets.token_hex(6)
    log.exception("defect", extra={"fields": {"id": number}})
    return OperationFailed(ResultReason.GENERAL_FAILURE, f"internal error {number}")

"""Texts that come out of certificates and key files."""

from __future__ import annotations

from keystead.errors import CodecError, OperationFailed
from keystead.kmip.enums import ResultReason
from keystead.kmip.ttlv import decode_text


def readable(text: str) -> str:
    """Refuse a text that a message could not hold: it would come out as an attribute, and nobody could read it.

    Raises:
        OperationFailed: Invalid Field.
    """
    try:
        return decode_text(text.encode())
    except (CodecError, UnicodeEncodeError):
        raise OperationFailed(
            ResultReason.INVALID_FIELD, "a name in it is too long or holds a character that is not allowed"
        ) from None

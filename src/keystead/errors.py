"""The exceptions of Keystead.

KeysteadError
├── CodecError          these bytes are not that structure; says where            → Invalid Message
├── OperationFailed     a refusal in KMIP's words: a Result Reason and a sentence the caller may read
├── Pending             approval or time is needed; carries the correlation value → Operation Pending
├── ConfigError         names the key of the configuration; stops the start
├── StoreError
│   └── Conflict        another transaction was first: run this one again
├── CustodyError        the root of trust is sealed, or refuses
│   └── OutOfReach      the HSM does not answer: it may come back
└── TamperError         an integrity check failed: refuse service, raise the alarm

What is none of these is a defect: it is logged with an identifier and the caller sees General Failure.
"""

from __future__ import annotations

from enum import IntEnum


class KeysteadError(Exception):
    """The base of every exception that Keystead raises on purpose."""


class CodecError(KeysteadError):
    """These bytes are not that structure.

    Args:
        message: what is wrong and where, without any value that was sent.
        offset: of the item at fault in bytes, or None where the encoding has no bytes.
        reason: the Result Reason to answer with; None means Invalid Message.
    """

    def __init__(self, message: str, offset: int | None = None, reason: IntEnum | None = None) -> None:
        super().__init__(message if offset is None else f"{message} (at byte {offset})")
        self.offset = offset
        self.reason = reason


class OperationFailed(KeysteadError):
    """A refusal in KMIP's words.

    Args:
        reason: a `keystead.kmip.enums.ResultReason`.
        message: a sentence the caller may read: no secret, nothing of objects that are not theirs.
    """

    def __init__(self, reason: IntEnum, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class Pending(KeysteadError):
    """The operation goes on, or waits for an approval; Poll with the correlation value."""

    def __init__(self, correlation_value: bytes, message: str = "") -> None:
        super().__init__(message or "the operation is pending")
        self.correlation_value = correlation_value


class ConfigError(KeysteadError):
    """The configuration is wrong: names the key."""


class StoreError(KeysteadError):
    """The database is out of reach or refuses."""


class Conflict(StoreError):
    """Another transaction was first: run this one again."""


class CustodyError(KeysteadError):
    """The root of trust is sealed, cannot be opened, or refuses."""


class OutOfReach(CustodyError):
    """What holds the root of trust does not answer: it may come back."""


class TamperError(KeysteadError):
    """An integrity check failed: what the store holds is not what was written."""

"""The protocol versions, in order."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class Version(IntEnum):
    """A KMIP protocol version: its value orders it, `text` names it.

    Source: KMIP 1.0-2.1 (OASIS Standards), 3.0 (Committee Specification Draft 01).
    """

    V1_0 = 0x100
    V1_1 = 0x101
    V1_2 = 0x102
    V1_3 = 0x103
    V1_4 = 0x104
    V2_0 = 0x200
    V2_1 = 0x201
    V3_0 = 0x300

    major: int
    minor: int
    text: str

    def __new__(cls, value: int) -> Self:
        self = int.__new__(cls, value)
        self._value_ = value
        self.major, self.minor = divmod(value, 0x100)
        self.text = f"{self.major}.{self.minor}"
        return self

    @property
    def last_of_major(self) -> Version:
        """The newest version of the same major version."""
        return max(version for version in Version if version.major == self.major)

    def __str__(self) -> str:
        return self.text


V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, V3_0 = Version
OLDEST, NEWEST = V1_0, V3_0

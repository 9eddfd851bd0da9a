"""Objects that were read before and are still as they were."""

from __future__ import annotations

from typing import Final

from keystead.engine.managed import Managed

MOST: Final = 100_000
MOST_BYTES: Final = 64 << 20
LARGEST: Final = 16_384
"""Bytes of an object that is kept: keys and certificates are smaller."""


class Cache(dict[str, Managed]):
    """Opened objects by their unique identifiers: small ones, and not too many of them.

    Attributes:
        kept_bytes: of all that was kept since it was empty.
    """

    __slots__ = ("kept_bytes",)

    def __init__(self) -> None:
        super().__init__()
        self.kept_bytes = 0

    @property
    def full(self) -> bool:
        """Whether it is time to empty it."""
        return len(self) > MOST or self.kept_bytes > MOST_BYTES

    def keep(self, managed: Managed, size: int) -> bool:
        """Put an object in the place of what it was before; False if it is too large.

        Args:
            size: bytes that the store keeps of it.
        """
        if size > LARGEST:
            self.pop(managed.unique_identifier, None)
            return False
        self[managed.unique_identifier] = managed
        self.kept_bytes += size
        return True

    def clear(self) -> None:
        """Empty it."""
        super().clear()
        self.kept_bytes = 0

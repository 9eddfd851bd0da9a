"""How many messages were answered, by all workers together."""

from __future__ import annotations

import mmap
from struct import Struct
from typing import Final

_COUNT: Final = Struct("=Q")


class Tally:
    """A count for each worker, in memory that they share: each writes its own and reads all of them.

    Made before the workers are forked; what a worker that died had counted stays.
    """

    def __init__(self, workers: int) -> None:
        self._memory = mmap.mmap(-1, workers * _COUNT.size)

    def add(self, worker: int, number: int) -> None:
        """Count messages that a worker has answered."""
        (before,) = _COUNT.unpack_from(self._memory, worker * _COUNT.size)
        _COUNT.pack_into(self._memory, worker * _COUNT.size, before + number)

    @property
    def total(self) -> int:
        """What all of them have counted."""
        return sum(count for (count,) in _COUNT.iter_unpack(self._memory[:]))

"""How many connections each worker has, on a page of memory that all of them read: so each knows whose turn it is."""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import Final

_SLOTS: Final = 512
"""Two generations of as many workers as there may be. A worker looks at all for each connection (5 us)."""
_BYTES: Final = 8
_NOBODY: Final = 1 << 60


def new_board() -> int:
    """Return the file descriptor of a page on which nobody stands yet."""
    with tempfile.TemporaryFile(buffering=0) as file:
        descriptor = os.dup(file.fileno())
    os.truncate(descriptor, _SLOTS * _BYTES)
    board = Board(descriptor)
    for slot in range(_SLOTS):
        board.clear(slot)
    return descriptor


class Board:
    """The page. Each slot is written by one process at a time, and a number that is read too early harms nobody."""

    def __init__(self, descriptor: int) -> None:
        self._counts = memoryview(mmap.mmap(descriptor, _SLOTS * _BYTES)).cast("q")

    def free(self) -> int:
        """Return a slot that is nobody's until something is written there; when all are taken, the last one."""
        counts = self._counts.tolist()
        return counts.index(_NOBODY) if _NOBODY in counts else _SLOTS - 1

    def write(self, slot: int, connections: int) -> None:
        """Say how many connections the worker of this slot has."""
        self._counts[slot] = connections

    def clear(self, slot: int) -> None:
        """Say that nobody takes connections there."""
        self._counts[slot] = _NOBODY

    def least(self, slot: int) -> int | None:
        """Return how many the worker has that has the fewest, beside this slot's; None when there is no other."""
        counts = self._counts.tolist()
        counts[slot] = _NOBODY
        fewest: int = min(counts)
        return None if fewest == _NOBODY else fewest

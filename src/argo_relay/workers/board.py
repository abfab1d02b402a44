"""How many connections each worker has, on a page of memory that all of them read: so each knows whose turn it is."""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import Final

_SLOTS: Final = 1024
"""More than four generations of as many workers as there may be."""
_BYTES: Final = 8
_NOBODY: Final = -1


def new_board() -> int:
    """Return the file descriptor of a page on which nobody stands yet."""
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(_NOBODY.to_bytes(_BYTES, signed=True) * _SLOTS)
        return os.dup(file.fileno())


class Board:
    """The page. Each slot is written by one process at a time, and a number that is read too early harms nobody."""

    def __init__(self, descriptor: int) -> None:
        self._counts = memoryview(mmap.mmap(descriptor, _SLOTS * _BYTES)).cast("q")

    def free(self) -> int:
        """Return a slot that is nobody's; it stays so until something is written there."""
        return self._counts.tolist().index(_NOBODY)

    def write(self, slot: int, connections: int) -> None:
        """Say how many connections the worker of this slot has."""
        self._counts[slot] = connections

    def clear(self, slot: int) -> None:
        """Say that nobody takes connections there."""
        self._counts[slot] = _NOBODY

    def least(self, slot: int) -> int | None:
        """Return how many the worker has that has the fewest, beside this slot's; None when there is no other."""
        others = [count for at, count in enumerate(self._counts.tolist()) if count != _NOBODY and at != slot]
        return min(others, default=None)

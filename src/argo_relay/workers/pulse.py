"""Whether the other end of a link still says something: a process that stands still says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

BEATS: Final = 6
"""How many times within the limit a worker says that it is there, and how many turns of the watch it has for that."""


class Pulse:
    """Calls once when nothing has been heard for some seconds.

    They are counted in turns of this process: while it stands still itself (Ctrl-Z, a machine that sleeps), what others
    have said meanwhile waits to be read, and nobody's silence may count.
    """

    def __init__(self, on_silence: Callable[[float], object]) -> None:
        """`on_silence` gets the limit, in seconds."""
        self._on_silence = on_silence
        self._limit = 0.0
        self._turns = 0
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, limit: float | None) -> None:
        """Wait for that many seconds of silence from now on, whatever the limit was before; None: for none."""
        self.stop()
        if limit is not None:
            self._limit, self._turns = limit, 0
            self._wait()

    def heard(self) -> None:
        """Take note that the other end has said something."""
        self._turns = 0

    def stop(self) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._limit / BEATS, self._turn)

    def _turn(self) -> None:
        self._turns += 1
        # The first turn may come right after what was heard last.
        if self._turns <= BEATS:
            self._wait()
        else:
            self._timer = None
            self._on_silence(self._limit)

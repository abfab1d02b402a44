"""Where time comes from. Nothing else in the package asks for it, so a test of an hour takes none."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two times, both in seconds: one to measure with, one to show to people."""

    def now(self) -> float:
        """Return a time that only moves forward; its zero means nothing."""
        ...

    def wall(self) -> float:
        """Return the time of day as Unix seconds."""
        ...


class SystemClock:
    """The machine's own clocks."""

    # The functions themselves: an exchange asks twenty times, and a method around them costs more than they do.
    now = staticmethod(time.monotonic)
    """Return the monotonic time in seconds."""
    wall = staticmethod(time.time)
    """Return Unix seconds."""

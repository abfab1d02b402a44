"""Timers that outlive whom they serve: setting and cancelling one takes 1.7 us, and an exchange has two.

Nearly every deadline moves away before it comes. So an alarm that is set stays set when its guard has ended, and the
next guard takes it over, the last used first: it is set anew only where it would ring too late. One that rings for
nothing is heard by whoever has it then, who looks at what is due. There are as many as there were guards at one time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from argo_relay.clock import Clock


class Alarm:
    """One timer, which calls `call` when it rings; None: nobody has it."""

    __slots__ = ("_clock", "_handle", "call", "loop", "rings_at")

    def __init__(self, clock: Clock) -> None:
        self.call: Callable[[], None] | None = None
        self.rings_at = math.inf
        """When it rings, in the clock's time."""
        self.loop = asyncio.get_running_loop()
        self._clock = clock
        self._handle: asyncio.TimerHandle | None = None

    def set(self, when: float) -> None:
        """Have it ring then, and not before."""
        if self._handle is not None:
            self._handle.cancel()
        self.rings_at = when
        # At least a millisecond: uvloop counts in those, and a timer that comes early must not spin.
        self._handle = self.loop.call_later(max(when - self._clock.now(), 0.001), self._ring)

    def _ring(self) -> None:
        self._handle, self.rings_at = None, math.inf
        if self.call is not None:
            self.call()

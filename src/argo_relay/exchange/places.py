"""Places for exchanges, at an upstream or in all: given out in the order in which they were asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from argo_relay.errors import Refused
from argo_relay.policy.admission import Held, crowded, expected_wait


class Capacity(Protocol):
    """Places as an exchange sees them: this process's own, or some that several processes share."""

    in_use: int
    most: int | None
    """None: as many as come."""
    where: str
    """Said to those who would wait too long."""

    @property
    def waiting(self) -> int:
        """How many wait."""
        ...

    @property
    def full(self) -> bool:
        """Whether who asks for a place now has to wait, as far as is known here."""
        ...

    def take_now(self) -> bool:
        """Take a place if there is one here; say whether there was."""
        ...

    async def take(self, left: float) -> None:
        """Take a place, once there is one; raise Refused (503, Retry-After) when that would take longer than `left`."""
        ...

    def give(self, held: float) -> None:
        """Give a place back, after so many seconds."""
        ...


class Places:
    """So many at once; who comes later waits."""

    def __init__(self, most: int | None, where: str) -> None:
        self.in_use = 0
        self.most = most
        self.where = where
        self._line: deque[asyncio.Future[None]] = deque()
        self._held = Held()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._line)

    @property
    def full(self) -> bool:
        """Whether who asks for a place now has to wait."""
        return self.most is not None and (self.in_use >= self.most or bool(self._line))

    def take_now(self) -> bool:
        """Take a place if there is one here; say whether there was."""
        if self.most is not None and (self.in_use >= self.most or self._line):
            return False
        self.in_use += 1
        return True

    async def take(self, left: float) -> None:
        """Take a place, once there is one; raise Refused (503, Retry-After) when that would take longer than `left`.

        Cancelling it gives the turn to the next one.
        """
        if self.take_now() or self.most is None:
            return
        ahead = len(self._line)
        wait = expected_wait(ahead, self.most, self._held.mean)
        if wait is not None and wait > left:
            raise Refused(crowded(self.where, ahead, wait, left))
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                # The turn came in the same moment.
                self._pass_on()
            elif turn in self._line:
                self._line.remove(turn)
            raise

    def give(self, held: float) -> None:
        """Give a place back, after so many seconds."""
        if self.most is not None:
            self._held.saw(held)
        if self._line:
            self._pass_on()
        else:
            self.in_use -= 1

    def _pass_on(self) -> None:
        while self._line:
            turn = self._line.popleft()
            # One that is cancelled leaves the line when its task goes on, which may be after this: it has no place.
            if not turn.cancelled():
                turn.set_result(None)
                return
        self.in_use -= 1

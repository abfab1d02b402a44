"""When a failing upstream is left alone: the circuit breaker. Pure: time is passed in, in seconds."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What a breaker says of its upstream."""

    CLOSED = "closed"
    RESTING = "resting"
    PROBING = "probing"
    """Its rest is over, and one request tries it."""


class Breaker:
    """One upstream's, or one model's there. It rests after some failures in a row, then one request probes it."""

    def __init__(self, failures: int, rest: float) -> None:
        """`failures` 0: it never rests."""
        self.clean = True
        """Nothing has failed since the last whole answer: then only a failure tells it anything."""
        self._most = failures
        self._rest = rest
        self._failed = 0
        self._since: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """What it says now; RESTING when the rest is over means that the next request is to be the probe."""
        if self._since is None:
            return State.CLOSED
        return State.PROBING if self._probing else State.RESTING

    def rests(self, now: float) -> bool:
        """Say whether others are to be asked first."""
        return self._since is not None and (self._probing or now - self._since < self._rest)

    def began(self, now: float) -> None:
        """Take note of an attempt: after the rest it is the probe, until it has ended."""
        if self._since is not None and not self.rests(now):
            self._probing = True

    def answers(self) -> None:
        """Take note that an answer has begun: the probe's ends the rest, but one failure more brings another."""
        if self._probing:
            self._since, self._probing = None, False

    def worked(self) -> None:
        """Take note of a whole answer: all is well again."""
        self.clean, self._failed, self._since, self._probing = True, 0, None, False

    def failed(self, now: float) -> bool:
        """Take note of a failure; return whether a rest begins with it."""
        self.clean = False
        self._failed += 1
        was, self._probing = self._since, False
        if self._most and self._failed >= self._most:
            self._since = now
        return was is None and self._since is not None

    def ended(self) -> None:
        """Take note that an attempt is over without telling anything, as when its client left."""
        self._probing = False

"""One call to an upstream: what it waits for, and the timers that are its own. It is also the transport's Progress."""

from __future__ import annotations

import math
from collections.abc import Callable

from argo_relay.clock import Clock
from argo_relay.errors import DeadlinePassed
from argo_relay.exchange.guard import Guard
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.policy.deadline import Phase, Stamps, attempt_due

# See `policy.deadline`.
_PREPARING, _CONNECTING, _SENDING = Phase.PREPARING, Phase.CONNECTING, Phase.SENDING
_WAITING, _STREAMING, _WRITING = Phase.WAITING, Phase.STREAMING, Phase.WRITING


class Attempt(Guard):
    """See `exchange.guard`. Its timers end the attempt, and leave the exchange to decide what comes next."""

    def __init__(self, clock: Clock, watchdog: Watchdog, again: Callable[[], None] | None = None) -> None:
        """`again` is told of each call that the transport repeats."""
        self.alarms = watchdog.alarms
        self._clock = clock
        self.stamps = Stamps(clock.now(), _PREPARING)
        self._again = again or _nobody
        self._watchdog = watchdog
        self._writing_since = 0.0

    def rest(self) -> None:
        """Forget whom to tell, too: it is over."""
        self.reason, self._again = None, _nobody

    def enter(self, phase: Phase) -> None:
        """Say what it waits for now."""
        # No timer is set: what may be due sooner has a method of its own here, and for the rest the timer looks itself.
        self.stamps.phase = phase

    def connect(self) -> None:
        """Say that the upstream is asked now."""
        stamps = self.stamps
        stamps.started = stamps.connecting = now = self._clock.now()
        stamps.phase = _CONNECTING
        self._look_by(now + self._watchdog.limits.connect.seconds)

    def connecting(self) -> None:
        """Take note that the call goes out once more: the connection had been closing when it was sent."""
        self._again()
        self.stamps.connecting = self._clock.now()
        self.stamps.phase = _CONNECTING
        self._look()

    def connected(self) -> None:
        """Take note that a connection to the upstream stands."""
        self.stamps.phase = _SENDING

    def sent(self) -> None:
        """Take note that the request is on its way."""
        self.stamps.sent = self._clock.now()
        self.stamps.phase = _WAITING
        if self._watchdog.limits.first_event is not None:
            self._look()

    def content(self) -> float:
        """Take note that something came that carries content; return the seconds since the upstream was asked."""
        stamps = self.stamps
        first = stamps.content is None
        stamps.content = now = self._clock.now()
        if first and (idle := self._watchdog.limits.idle) is not None:
            # From here on the timer looks for itself what is due, also where nothing is written before the end.
            self._look_by(now + idle.seconds)
        return now - stamps.started

    def writing(self) -> None:
        """Say that the client is being written to: while it does not read, the upstream's silence is not its own."""
        self.stamps.phase = _WRITING
        self._writing_since = self._clock.now()
        self._watchdog.writing()

    def written(self) -> None:
        """Say that the client has taken what was written; the time that took is no gap of the upstream's."""
        self._watchdog.written()
        if self.stamps.content is not None:
            self.stamps.content += self._clock.now() - self._writing_since
        self.stamps.phase = _STREAMING
        if self._alarm is not None and self._alarm.rings_at == math.inf:
            # It has rung meanwhile. Else it looks for itself: what is due has only moved away.
            self._look()

    def passed(self, content: bool) -> None:
        """Take note that the client has taken something at once; `content`: it carried content, and came just now."""
        now = self._clock.now()
        if content:
            if self.stamps.content is None:
                self.content()
            self.stamps.content = now
        self._watchdog.passed(now)

    def elapsed(self) -> float:
        """Return the seconds since the upstream was asked."""
        return self._clock.now() - self.stamps.started

    def _due(self) -> float | None:
        due = attempt_due(self._watchdog.limits, self.stamps)
        return None if due is None else due[0]

    def _fired(self, now: float) -> None:
        due = attempt_due(self._watchdog.limits, self.stamps)
        if due is not None and now >= due[0]:
            self.interrupt(DeadlinePassed(due[1]))


def _nobody() -> None:
    return None

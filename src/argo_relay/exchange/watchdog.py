"""Watches one exchange: its budget, its client, the process; and its client's silence, for signs of life."""

from __future__ import annotations

from collections.abc import Callable

from argo_relay.clock import Clock
from argo_relay.errors import ClientLeft, DeadlinePassed
from argo_relay.exchange.alarm import Alarm
from argo_relay.exchange.guard import Guard
from argo_relay.policy.deadline import Limits, Phase, Stamps, budget_due


class Watchdog(Guard):
    """See `exchange.guard`. A timer, the client leaving and the process stopping all interrupt it."""

    def __init__(self, clock: Clock, limits: Limits, alarms: list[Alarm] | None = None) -> None:
        """`alarms`: those that no exchange of the relay has now; None: it has its own."""
        self.alarms = [] if alarms is None else alarms
        self._clock = clock
        self.limits = limits
        self.stamps = Stamps(clock.now())
        self._attempt: Stamps | None = None
        self._beat: Callable[[], None] | None = None
        self._beat_every = 0.0
        self._quiet_since = 0.0
        self._writing = False

    def received(self) -> None:
        """Take note that the request's body has been read: the total runs from here."""
        self.stamps.started = self._clock.now()
        self.stamps.phase = Phase.PREPARING

    def client_left(self) -> None:
        """End the exchange: nobody waits for its reply."""
        self.interrupt(ClientLeft())

    def settle(self, limits: Limits) -> None:
        """Have these limits hold from now on."""
        self.limits = limits
        self._look_by(self.stamps.started + limits.total.seconds)

    @property
    def phase(self) -> Phase:
        """What the exchange waits for now: its newest attempt's phase, where that is what it waits for."""
        return self.stamps.phase if self._attempt is None else self._attempt.phase

    def enter(self, phase: Phase) -> None:
        """Say what the exchange waits for now, no attempt being under way."""
        self.stamps.phase, self._attempt = phase, None
        self._look()

    def follow(self, attempt: Stamps) -> None:
        """Say that the exchange waits for an attempt from now on."""
        self.stamps.phase, self._attempt = attempt.phase, attempt

    def writing(self) -> None:
        """Say that the client is being written to: until that is done no sign of life is due."""
        self._writing = True

    def written(self) -> None:
        """Say that the client has taken what was written."""
        # No timer is set: what is due has only moved away, and it has looked for that all the while.
        self._writing = False
        self._quiet_since = self._clock.now()

    def passed(self, now: float) -> None:
        """Take note that the client has taken something without a wait: what is due has only moved away."""
        self._quiet_since = now

    def beat(self, every: float, call: Callable[[], None]) -> None:
        """Call `call` whenever nothing has been written for `every` seconds; a later call takes an earlier one's place.

        The silence is counted from the first.
        """
        if self._beat is None:
            self._quiet_since = self._clock.now()
        self._beat, self._beat_every = call, every
        self._look()

    def rest(self) -> None:
        """Forget whom to call, too: the exchange is over."""
        self.reason = self._beat = self._attempt = None

    def elapsed(self) -> float:
        """Return the seconds since the exchange began to be measured."""
        return self._clock.now() - self.stamps.started

    def left(self) -> float:
        """Return the seconds that are left of the total."""
        return self.limits.total.seconds - self.elapsed()

    def _due(self) -> float:
        when, _ = budget_due(self.limits, self.stamps)
        if self._beat is None:
            return when
        return min(when, self._quiet_since + self._beat_every)

    def _fired(self, now: float) -> None:
        when, timer = budget_due(self.limits, self.stamps)
        if now >= when:
            self.interrupt(DeadlinePassed(timer))
        elif self._beat is not None and now >= self._quiet_since + self._beat_every:
            self._quiet_since = now
            if not self._writing:
                self._beat()

"""The one thing that can end an exchange before its time: a timer, the client leaving, the process stopping.

An exchange's task runs inside `async with watchdog`. Whatever it awaits there, an interruption cancels that wait and
comes out of the block as the exception given as its reason; the transport cuts the upstream's connection on the way.

One lazy timer serves all: stamps move without touching it, and when it fires it looks at what is due next
(about 0 a read, against 8 to 16 us for a timeout object around each).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType

from argo_relay.clock import Clock
from argo_relay.errors import DeadlinePassed, RelayError
from argo_relay.policy.deadline import Limits, Phase, Stamps, next_due


class Watchdog:
    """Watches one exchange; see the module. It is also the transport's Progress."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self.limits = limits
        self.stamps = Stamps(clock.now())
        self.reason: RelayError | None = None
        self._clock = clock
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0.0
        self._beat: Callable[[], None] | None = None
        self._beat_every = 0.0
        self._quiet_since = 0.0
        self._writing_since = 0.0

    async def __aenter__(self) -> None:
        self._task = asyncio.current_task()
        self._arm()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if self._timer is not None:
            self._timer.cancel()
        if self.reason is None or task is None:
            return
        if not isinstance(error, asyncio.CancelledError):
            # The cancellation was asked for but has not come out, or something swallowed it: take it here, now.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
        if task.uncancel() == 0:
            raise self.reason from None
        if not isinstance(error, asyncio.CancelledError):
            # Whoever else cancelled the task meant it, too, and the one CancelledError for both was taken above.
            raise asyncio.CancelledError

    def received(self) -> None:
        """Take note that the request's body has been read: the total runs from here."""
        self.stamps.started = self._clock.now()
        self.stamps.phase = Phase.PREPARING

    def enter(self, phase: Phase) -> None:
        """Say what the exchange waits for now."""
        self.stamps.phase = phase
        if phase is Phase.CONNECTING:
            # What an earlier attempt has sent and seen is no answer to this one.
            self.stamps.connecting, self.stamps.sent, self.stamps.content = self._clock.now(), None, None
        self._arm()

    def connected(self) -> None:
        """Take note that a connection to the upstream stands."""
        self.enter(Phase.SENDING)

    def sent(self) -> None:
        """Take note that the request is on its way."""
        self.stamps.sent = self._clock.now()
        self.enter(Phase.WAITING)

    def content(self) -> None:
        """Take note that the upstream has sent something that carries content."""
        self.stamps.content = self._clock.now()

    def writing(self) -> None:
        """Say that the client is being written to: while it does not read, the upstream's silence is not its own."""
        self.stamps.phase = Phase.WRITING
        self._writing_since = self._clock.now()

    def written(self) -> None:
        """Say that the client has taken what was written; the time that took is no gap of the upstream's."""
        self._quiet_since = self._clock.now()
        if self.stamps.content is not None:
            self.stamps.content += self._quiet_since - self._writing_since
        self.stamps.phase = Phase.STREAMING
        self._arm()

    def beat(self, every: float, call: Callable[[], None]) -> None:
        """Call `call` whenever nothing has been written for `every` seconds."""
        self._beat, self._beat_every, self._quiet_since = call, every, self._clock.now()
        self._arm()

    def interrupt(self, reason: RelayError) -> None:
        """End the exchange's block with `reason`; the first reason counts, and after the block nothing happens."""
        if self._task is None or self.reason is not None:
            return
        self.reason = reason
        self._task.cancel()

    def elapsed(self) -> float:
        """Return the seconds since the exchange began to be measured."""
        return self._clock.now() - self.stamps.started

    def left(self) -> float:
        """Return the seconds that are left of the total."""
        return self.limits.total.seconds - self.elapsed()

    def _arm(self) -> None:
        if self._task is None or self.reason is not None:
            return
        when, _ = next_due(self.limits, self.stamps)
        if self._beat is not None and self.stamps.phase is not Phase.WRITING:
            when = min(when, self._quiet_since + self._beat_every)
        if self._timer is not None:
            if self._armed_for <= when:
                return
            self._timer.cancel()
        self._armed_for = when
        # At least a millisecond: uvloop counts in those, and a timer that comes early must not spin.
        self._timer = self._task.get_loop().call_later(max(when - self._clock.now(), 0.001), self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = self._clock.now()
        when, timer = next_due(self.limits, self.stamps)
        if now >= when:
            self.interrupt(DeadlinePassed(timer))
        elif self._beat is not None and now >= self._quiet_since + self._beat_every:
            self._quiet_since = now
            if self.stamps.phase is not Phase.WRITING:
                self._beat()
        self._arm()

"""What an attempt's end says: of the upstream, for others to know; and of what may be tried next."""

from __future__ import annotations

import logging
from typing import Final

import msgspec

from argo_relay.errors import ConnectFailed, DeadlinePassed, Refused, RelayError, UpstreamError
from argo_relay.exchange.attempt import Attempt
from argo_relay.exchange.lane import Lane, UpstreamRefused
from argo_relay.exchange.plan import Plan
from argo_relay.exchange.site import Candidate
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.neutral.loss import Losses
from argo_relay.policy.deadline import Limit, Phase, Source, Timer
from argo_relay.policy.retry import Broke, Trouble, retry_after_of

_OPERATORS: Final = (Source.MODEL, Source.CONFIG, Source.DEFAULT)
"""Whose limits an upstream is judged by: a client may be in more of a hurry than any upstream could be."""
_log = logging.getLogger("argo_relay")


class Trial(msgspec.Struct):
    """One attempt, with all that belongs to it."""

    candidate: Candidate
    plan: Plan
    attempt: Attempt
    lane: Lane

    @property
    def losses(self) -> Losses:
        """What could not be said, of the request and of the reply so far."""
        return [*self.plan.losses, *self.plan.stage.losses]


def trouble_of(error: RelayError, now: float) -> Trouble | None:
    """Return what an attempt's error says; None when no other attempt could do better. `now` in Unix seconds."""
    if isinstance(error, UpstreamRefused):
        failure = error.failure
        told = retry_after_of(dict(error.headers), now)
        retry_after = failure.retry_after if told is None else told
        return Trouble(broke=Broke.STATUS, status=failure.status, retry_after=retry_after, final=failure.final)
    if isinstance(error, UpstreamError):
        return Trouble(broke=Broke.CONNECTION)
    if isinstance(error, DeadlinePassed):
        return Trouble(broke=Broke.TIMER)
    if isinstance(error, Refused) and error.failure.at_fault != "client":
        return Trouble(broke=Broke.REPLY)
    return None


def note_worked(trial: Trial, now: float) -> None:
    """Let a candidate be known by an attempt that has had its whole reply."""
    candidate, first_event = trial.candidate, trial.lane.first_event
    candidate.worked()
    if first_event is not None:
        candidate.doing.pace(trial.plan.stream).saw(first_event, now)


def note_failed(trial: Trial, error: BaseException, watchdog: Watchdog, now: float) -> None:
    """Let a candidate be known by an attempt that has ended in an error, as far as that says anything of it.

    What it has sent is given up: what is tried next is planned anew, and would be held beside it.
    """
    candidate = trial.candidate
    trial.plan.call = None
    if isinstance(error, UpstreamRefused):
        # What a client has done wrong, or too often, speaks for the upstream.
        bad = error.failure.status >= 500
        if not bad:
            candidate.worked()
            return
    elif isinstance(error, DeadlinePassed):
        bad = _operators(watchdog, Timer(error.timer))
    elif isinstance(error, UpstreamError):
        bad = True
    elif isinstance(error, Refused):
        bad = error.failure.at_fault == "upstream"
    else:
        # The client left, the relay stops, or the whole budget is spent: on this attempt, if it had most of it.
        late = isinstance(watchdog.reason, DeadlinePassed) and trial.lane.first_event is None
        most = trial.attempt.elapsed() >= watchdog.limits.total.seconds / 2
        bad = late and most and _operators(watchdog, Timer.TOTAL)
    if not bad:
        candidate.ended()
        return
    # Whichever timer has ended the wait.
    connecting = trial.attempt.stamps.phase is Phase.CONNECTING
    unreachable = connecting or isinstance(error, ConnectFailed)
    if candidate.failed(now, unreachable=unreachable):
        what = "cannot be reached" if unreachable else f"fails for the model {candidate.model}"
        _log.warning("the upstream %s %s: it rests, and is tried last until then", candidate.site.name, what)


def _operators(watchdog: Watchdog, timer: Timer) -> bool:
    limit: Limit = watchdog.limits.of(timer)
    return limit.source in _OPERATORS

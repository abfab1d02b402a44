"""Who is let in, and how long the wait for a place will be."""

from __future__ import annotations

import math

from argo_relay.errors import Refused
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.policy.deadline import shown

_RETRY_AFTER = 1.0
_NEWEST = 0.2
"""How much the newest of the times counts in their mean."""


class Admission:
    """Counts the exchanges under way, and says no beyond the limit or while the process is stopping."""

    def __init__(self, max_in_flight: int, max_queue: int) -> None:
        self.max_in_flight = max_in_flight
        self.max_queue = max_queue
        self.most = max_in_flight + max_queue
        """How many there may be, with those that wait."""
        self.in_flight = 0
        """Those that wait for a place are among them."""
        self.stopping = False

    async def admit(self) -> None:
        """Let one in, as `enter` does; where others have a say in it, they may have to be asked."""
        self.enter()

    def enter(self) -> None:
        """Let one in; raise Refused (503 with Retry-After) when there is room for none."""
        if self.stopping:
            raise Refused(stopping())
        if self.in_flight >= self.most:
            raise Refused(full_house(self.most))
        self.in_flight += 1

    def leave(self) -> None:
        """Let one out."""
        self.in_flight -= 1


class Held:
    """For how long places have been held lately, in seconds: the mean, the newest counting most."""

    def __init__(self) -> None:
        self.mean: float | None = None

    def saw(self, seconds: float) -> None:
        """Take note of one."""
        self.mean = seconds if self.mean is None else self.mean + _NEWEST * (seconds - self.mean)


def expected_wait(ahead: int, places: int, held: float | None) -> float | None:
    """Return the seconds until a place is free for one who has `ahead` others before it; None when nothing is known."""
    return None if held is None else (ahead + 1) * held / places


def crowded(where: str, ahead: int, wait: float, left: float) -> Failure:
    """Return the 503 for a request that would have waited for longer than it may take."""
    message = (
        f"All places {where} are taken and {ahead} requests wait before this one, about {shown(math.ceil(wait))} s; "
        f"this request has {shown(round(left, 1))} s. Try again later, or give it a longer `timeout`."
    )
    return _overloaded(message, "queue_too_long", float(max(1, math.ceil(wait - left))))


def full_house(most: int) -> Failure:
    """Return the 503 for a request that would have been one too many."""
    message = (
        f"{most} requests are under way or waiting, which is all that `max_in_flight` and `max_queue` allow. "
        "Try again in a moment, or raise them."
    )
    return _overloaded(message, "max_in_flight", _RETRY_AFTER)


def stopping() -> Failure:
    """Return the 503 of a process that is shutting down."""
    return _overloaded("The relay is shutting down. Send the request again in a moment.", "shutting_down", _RETRY_AFTER)


def _overloaded(message: str, code: str, retry_after: float) -> Failure:
    return Failure(kind=FailureKind.OVERLOADED, status=503, code=code, message=message, retry_after=retry_after)

"""How many exchanges may run at once."""

from __future__ import annotations

from argo_relay.errors import Refused
from argo_relay.neutral.failure import Failure, FailureKind

_RETRY_AFTER = 1.0


class Admission:
    """Counts the exchanges under way, and says no beyond the limit or while the process is stopping."""

    def __init__(self, max_in_flight: int) -> None:
        self.max_in_flight = max_in_flight
        self.in_flight = 0
        self.stopping = False

    def enter(self) -> None:
        """Take a place; raise Refused (503 with Retry-After) when there is none."""
        if self.stopping:
            raise Refused(stopping())
        if self.in_flight >= self.max_in_flight:
            message = (
                f"{self.in_flight} requests are under way, which is all that `max_in_flight` allows. "
                "Try again in a moment, or raise it."
            )
            raise Refused(_overloaded(message, "max_in_flight"))
        self.in_flight += 1

    def leave(self) -> None:
        """Give the place back."""
        self.in_flight -= 1


def stopping() -> Failure:
    """Return the 503 of a process that is shutting down."""
    return _overloaded("The relay is shutting down. Send the request again in a moment.", "shutting_down")


def _overloaded(message: str, code: str) -> Failure:
    return Failure(kind=FailureKind.OVERLOADED, status=503, code=code, message=message, retry_after=_RETRY_AFTER)

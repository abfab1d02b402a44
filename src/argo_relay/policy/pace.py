"""How fast a candidate has begun to answer lately, so that none is asked that cannot do it in the time left."""

from __future__ import annotations

from collections import deque
from typing import Final

_REMEMBERED: Final = 20
_ENOUGH: Final = 5
"""Fewer answers than this prove nothing."""
_GOOD_FOR: Final = 300.0
"""Seconds for which an answer is recent. Who is skipped gives none, and would never be asked again."""


class Pace:
    """The times to the first event of a candidate's last answers, in seconds; time is passed in, too."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)

    def saw(self, seconds: float, now: float) -> None:
        """Take note of one."""
        self._seen.append((now, seconds))

    def can_within(self, left: float, now: float) -> bool:
        """Say whether it may answer in the time left: at its quickest it has, or little is known."""
        recent = [seconds for when, seconds in self._seen if now - when <= _GOOD_FOR]
        return len(recent) < _ENOUGH or min(recent) <= left

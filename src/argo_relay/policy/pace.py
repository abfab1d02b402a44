"""How fast a candidate has begun to answer lately, so that none is asked that cannot do it in the time left."""

from __future__ import annotations

from collections import deque
from typing import Final

_REMEMBERED: Final = 20
_ENOUGH: Final = 5
"""Fewer answers than this prove nothing."""


class Pace:
    """The times to the first event of a candidate's last answers, in seconds."""

    def __init__(self) -> None:
        self._seen: deque[float] = deque(maxlen=_REMEMBERED)

    def saw(self, seconds: float) -> None:
        """Take note of one."""
        self._seen.append(seconds)

    def can_within(self, left: float) -> bool:
        """Say whether it may answer in the time left: at its quickest it has, or little is known."""
        return len(self._seen) < _ENOUGH or min(self._seen) <= left

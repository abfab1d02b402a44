"""How many requests may be hedged: an upstream that is slow for all must not get twice the work."""

from __future__ import annotations

from typing import Final

_MOST_SAVED: Final = 10.0
"""Hedges that a quiet time can save up."""


class HedgeShare:
    """Grants hedges to a share of the requests that it is told of."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._saved = 0.0

    def asked(self) -> None:
        """Take note of a request."""
        self._saved = min(self._saved + self._share, _MOST_SAVED)

    def take(self) -> bool:
        """Grant a hedge, if there is one."""
        # Twenty times a twentieth is a little less than one.
        if self._saved < 1 - 1e-9:
            return False
        self._saved -= 1
        return True

"""What did not cross from one dialect to another, counted since the start."""

from __future__ import annotations

from typing import Final

from argo_relay.neutral.loss import Losses, name_of

_MOST_NAMES: Final = 200
"""A name may be a word of a client's, and clients must not make the table grow without end."""
_REST: Final = "other"


class LossCount:
    """Counts losses by what is lost."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def note(self, losses: Losses) -> None:
        """Count the losses of one exchange; names that come when the table is full count as `other`."""
        counts = self._counts
        for loss in losses:
            name = name_of(loss)
            if name not in counts and len(counts) >= _MOST_NAMES:
                name = _REST
            counts[name] = counts.get(name, 0) + 1

    def shown(self) -> dict[str, int]:
        """Return how many there were of each, the most frequent first."""
        return dict(sorted(self._counts.items(), key=lambda item: (-item[1], item[0])))

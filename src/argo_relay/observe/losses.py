"""What did not cross from one dialect to another, counted since the start."""

from __future__ import annotations

from collections.abc import Mapping
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
        for loss in losses:
            self._count(name_of(loss), 1)

    def add(self, counts: Mapping[str, int]) -> None:
        """Count what another has counted, in the same way."""
        for name, count in counts.items():
            self._count(name, count)

    def shown(self) -> dict[str, int]:
        """Return how many there were of each, the most frequent first."""
        return dict(sorted(self._counts.items(), key=lambda item: (-item[1], item[0])))

    def _count(self, name: str, count: int) -> None:
        counts = self._counts
        if name not in counts and len(counts) >= _MOST_NAMES:
            name = _REST
        counts[name] = counts.get(name, 0) + count

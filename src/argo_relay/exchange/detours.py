"""Routes that an upstream turns out not to have: Argo's for Responses came between August and September of 2026."""

from __future__ import annotations

import logging
from typing import Final

from argo_relay.clock import Clock
from argo_relay.neutral.failure import Failure

_TRY_AGAIN_SECONDS: Final = 600.0
_NONE: Final[frozenset[str]] = frozenset()

_log = logging.getLogger("argo_relay")


class Detours:
    """The dialects of routes that were missing lately; models are asked on others until these are tried again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._missed: dict[str, float] = {}

    def missing(self) -> frozenset[str]:
        """Return the dialects whose routes are not to be tried now."""
        if not self._missed:
            return _NONE
        now = self._clock.now()
        return frozenset(name for name, since in self._missed.items() if now - since < _TRY_AGAIN_SECONDS)

    def note(self, dialect: str) -> None:
        """Take note that a route is missing, and tell of it when it is news."""
        if dialect not in self._missed:
            _log.warning(
                "the upstream has no route of the dialect %s; its clients are served on another, and it is tried again "
                "every %g s",
                dialect,
                _TRY_AGAIN_SECONDS,
            )
        self._missed[dialect] = self._clock.now()


def is_missing_route(failure: Failure) -> bool:
    """Say whether a web server has answered, in its own words: a model that is missing is told in the dialect's."""
    return failure.status == 404 and failure.code == "upstream_404"

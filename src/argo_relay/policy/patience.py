"""How long the client itself waits: the official SDKs say it in headers of their own.

It is the time that they wait for the next byte, so a stream that is kept alive outlives it; a whole reply, of which
nothing comes before it is done, does not. See docs/timeouts.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import msgspec

from argo_relay.policy.deadline import Limit, Limits, Source, as_seconds, shown

HEADERS: Final = ("x-stainless-read-timeout", "x-stainless-timeout")
"""Python's SDKs send the first (and the second, perhaps for something else), those for JavaScript the second."""
_AHEAD_SECONDS: Final = 0.5
"""By how much our error comes before the client gives up, so that it is the error that the client gets."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """For how many seconds the client waits in silence, and the header that says so."""

    seconds: float
    header: str


def patience_of(headers: Mapping[str, str]) -> Patience | None:
    """Return a client's patience; None where no header holds a number (`NOT_GIVEN` is what some send instead)."""
    return _patience(headers.get(HEADERS[0]), headers.get(HEADERS[1]))


@lru_cache(64)
def _patience(*given: str | None) -> Patience | None:
    """Return the first that is one; an SDK says the same with each request."""
    for name, value in zip(HEADERS, given, strict=True):
        seconds = as_seconds(value)
        if seconds is not None:
            return Patience(seconds=seconds, header=name)
    return None


def within(limits: Limits, patience: Patience | None) -> Limits:
    """Return the limits for a reply of which no byte goes out before it is done: the total ends before the patience."""
    total = None if patience is None else _total(patience, limits.total.seconds)
    return limits if total is None else msgspec.structs.replace(limits, total=total)


@lru_cache(64)
def _total(patience: Patience, asked: float) -> Limit | None:
    """Return the limit that a client's patience sets, None for one that is no shorter; an SDK says the same each time.

    `asked`: the total without it, in seconds.
    """
    seconds = max(patience.seconds - _AHEAD_SECONDS, patience.seconds / 2)
    if seconds >= asked:
        return None
    field = f"the client's own timeout of {shown(patience.seconds)} s (header `{patience.header}`)"
    return Limit(seconds=seconds, source=Source.PATIENCE, field=field, asked=asked)


def beat_every(heartbeat: float, patience: Patience | None) -> float:
    """Return the seconds of silence after which a sign of life is due: at least three within a client's patience."""
    return heartbeat if patience is None else min(heartbeat, patience.seconds / 3)

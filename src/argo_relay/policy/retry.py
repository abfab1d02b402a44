"""What becomes of an exchange after an attempt has failed: another candidate, another try after a pause, or the end.

All of it happens before the first byte of the client's reply, and inside the exchange's one budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from enum import StrEnum
from typing import Final

import msgspec

from argo_relay.policy.deadline import as_seconds

_ELSEWHERE: Final = frozenset({429, 500, 502, 503, 504, 529})
"""Statuses that say nothing of what another upstream would answer."""
_AGAIN: Final = frozenset({502, 503, 529})
"""Statuses that are gone in a moment, as a rule; https://docs.claude.com/en/api/errors has 529."""
_TOLD_WHEN: Final = frozenset({429, 500, 502, 503, 504, 529})
"""Statuses after which the same upstream is asked again where it says when."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 8.0


class Broke(StrEnum):
    """How an attempt failed."""

    CONNECTION = "connection"
    """No connection was made, or it ended before the reply did."""
    STATUS = "status"
    TIMER = "timer"
    """A timer of the attempt's own: connect or first_event."""
    REPLY = "reply"
    """What came is no reply."""


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that failed; `retry_after` is what the upstream asks for, in seconds; `final`: it is no use again."""

    broke: Broke
    status: int | None = None
    retry_after: float | None = None
    final: bool = False


def may_go_elsewhere(trouble: Trouble) -> bool:
    """Say whether another candidate may succeed; no upstream makes good what is wrong with the request."""
    return trouble.broke is not Broke.STATUS or trouble.status in _ELSEWHERE


def pause_before(round_: int, trouble: Trouble, chance: float) -> float | None:
    """Return the seconds to wait before the same upstream is asked again; None where that is no use.

    `round_` counts from 1. The upstream's own word counts, where it has one; else the pause is drawn with full jitter
    (`chance`: 0 to 1) from one that doubles:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
    """
    if trouble.final or trouble.broke in (Broke.TIMER, Broke.REPLY):
        return None
    if trouble.broke is Broke.STATUS:
        if trouble.retry_after is not None:
            return trouble.retry_after if trouble.status in _TOLD_WHEN else None
        if trouble.status not in _AGAIN:
            return None
    most: float = min(_FIRST_PAUSE * 2 ** (round_ - 1), _LONGEST_PAUSE)
    return chance * most


def retry_after_of(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that an upstream's reply asks to wait; `now` in Unix seconds.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after: seconds or a date. OpenAI adds `retry-after-ms`.
    """
    exact = as_seconds(headers.get("retry-after-ms"))
    if exact is not None:
        return exact / 1000
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    seconds = as_seconds(text)
    return seconds if seconds is not None else _until(text, now)


def _until(text: str, now: float) -> float | None:
    date = parsedate_tz(text)
    if date is None:
        return None
    try:
        # A date without a zone is in GMT, as the standard has it.
        return max(0.0, mktime_tz((*date[:9], date[9] or 0)) - now)
    except (ValueError, OverflowError):
        return None

"""What a request asks for in the way of timeouts: its body's `timeout`, then its headers.

`timeout` is not a field of any vendor's API: the relay takes it out before anything is sent upstream.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final

from argo_relay.errors import Refused
from argo_relay.neutral.failure import bad_request
from argo_relay.policy.deadline import SET_BY_REQUESTS, Limit, Source, Timer, as_seconds

HEADERS: Final = ("x-request-timeout", "x-server-timeout")
"""Headers that carry a total in seconds, strongest first: ours, and the one that Google's SDKs send."""

ON_TIMEOUT: Final = "x-on-timeout"
"""The header that says how a reply ends at its limit, where the body does not."""
_ENDINGS: Final = (
    '"partial" (what has been generated is handed over, as at a length limit) or "error" (the reply ends with an error)'
)
_MEMBERS: Final = {timer.value: timer for timer in SET_BY_REQUESTS}
_HOW: Final = 'Give seconds above zero, such as 120, or an object such as {"total": 120, "idle": 30}.'


def wish(timeout: Any, headers: Mapping[str, str]) -> dict[Timer, Limit | None]:
    """Return the timers that a request sets; raise Refused (400, the field named) for what is no limit."""
    asked = {} if timeout is None else _from_body(timeout)
    if Timer.TOTAL not in asked:
        asked |= _from_headers(headers)
    return asked


def wants_partial(timeout: Any, headers: Mapping[str, str]) -> bool:
    """Return whether a reply is to be handed over as far as it has come; raise Refused (400) for what says neither.

    Of the body's `timeout` only what `wish` has let through.
    """
    if timeout is None and ON_TIMEOUT not in headers:
        return False
    given = timeout.get("on_timeout") if isinstance(timeout, dict) else None
    if given is None and (written := headers.get(ON_TIMEOUT)) is not None:
        given = written.strip().lower()
        if not _is_ending(given):
            raise Refused(bad_request(f"The header `{ON_TIMEOUT}` must be {_ENDINGS}.", ON_TIMEOUT, "invalid_timeout"))
    return bool(given == "partial")


def _is_ending(value: Any) -> bool:
    return isinstance(value, str) and value in ("partial", "error")


def _from_body(timeout: Any) -> dict[Timer, Limit | None]:
    if isinstance(timeout, dict):
        return _from_object(timeout)
    seconds = as_seconds(timeout)
    if seconds is None:
        raise _refusal(f"`timeout` must be a number of seconds above zero. {_HOW}")
    return {Timer.TOTAL: Limit(seconds=seconds, source=Source.BODY, field="`timeout` in the request body")}


def _from_object(members: dict[str, Any]) -> dict[Timer, Limit | None]:
    asked: dict[Timer, Limit | None] = {}
    for key, value in members.items():
        if key == "on_timeout":
            if value is not None and not _is_ending(value):
                raise _refusal(f"`timeout.on_timeout` must be {_ENDINGS}.")
        elif key not in _MEMBERS:
            near = difflib.get_close_matches(key[:40], [*_MEMBERS, "on_timeout"], 1)
            hint = f"did you mean `{near[0]}`?" if near else f"it takes {', '.join(_MEMBERS)} and on_timeout."
            raise _refusal(f"`timeout` has no member `{key[:40]}`; {hint}")
        elif value is not None:
            seconds = as_seconds(value)
            if seconds is None:
                raise _refusal(f"`timeout.{key}` must be a number of seconds above zero. {_HOW}")
            field = f"`timeout.{key}` in the request body"
            asked[_MEMBERS[key]] = Limit(seconds=seconds, source=Source.BODY, field=field)
    return asked


def _from_headers(headers: Mapping[str, str]) -> dict[Timer, Limit | None]:
    for name in HEADERS:
        if name in headers:
            seconds = as_seconds(headers[name])
            if seconds is None:
                message = f"The header `{name}` must be a number of seconds above zero."
                raise Refused(bad_request(message, name, "invalid_timeout"))
            return {Timer.TOTAL: Limit(seconds=seconds, source=Source.HEADER, field=f"the header `{name}`")}
    return {}


def _refusal(message: str) -> Refused:
    return Refused(bad_request(message, "timeout", "invalid_timeout"))

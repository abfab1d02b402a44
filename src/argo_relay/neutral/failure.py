"""An error as data: what went wrong, before any dialect has words for it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class FailureKind(StrEnum):
    """What sort of failure it is; each dialect maps a kind to its own error type."""

    BAD_REQUEST = "bad_request"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    METHOD = "method_not_allowed"
    SLOW_REQUEST = "slow_request"
    TOO_LARGE = "too_large"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    UPSTREAM = "upstream"
    INTERNAL = "internal"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One failure, ready to be written in any dialect.

    `message` is a sentence for a person and says what to do next; it never holds an upstream URL, a key or a prompt.
    `param` names the request's field at fault, `retry_after` is in seconds, `timer` is the timer that fired,
    `request_id` is ours, as the reply's header says it, `upstream_request_id` the upstream's own. `final`: trying again
    is in vain, whatever the status says.
    """

    kind: FailureKind
    message: str
    status: int
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None
    timer: str | None = None
    request_id: str | None = None
    upstream_request_id: str | None = None
    final: bool = False
    at_fault: Literal["client", "gateway", "upstream"] = "gateway"


def bad_request(message: str, param: str | None, code: str = "invalid_value") -> Failure:
    """Return the 400 for a request whose field `param` cannot be accepted."""
    return Failure(kind=FailureKind.BAD_REQUEST, message=message, status=400, code=code, param=param, at_fault="client")

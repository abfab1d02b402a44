"""What an upstream's HTTP status says of its error, in whatever form it comes."""

from __future__ import annotations

from typing import Any, Final

from argo_relay.neutral.failure import Failure, FailureKind

_KINDS: Final = {
    400: FailureKind.BAD_REQUEST,
    401: FailureKind.AUTHENTICATION,
    403: FailureKind.PERMISSION,
    404: FailureKind.NOT_FOUND,
    405: FailureKind.METHOD,
    408: FailureKind.TIMEOUT,
    413: FailureKind.TOO_LARGE,
    422: FailureKind.BAD_REQUEST,
    429: FailureKind.RATE_LIMIT,
    503: FailureKind.OVERLOADED,
    504: FailureKind.TIMEOUT,
    529: FailureKind.OVERLOADED,
}
OPENAI_TYPES: Final = {
    FailureKind.BAD_REQUEST: "invalid_request_error",
    FailureKind.AUTHENTICATION: "authentication_error",
    FailureKind.PERMISSION: "permission_error",
    FailureKind.NOT_FOUND: "not_found_error",
    FailureKind.METHOD: "invalid_request_error",
    FailureKind.SLOW_REQUEST: "timeout_error",
    FailureKind.TOO_LARGE: "invalid_request_error",
    FailureKind.RATE_LIMIT: "rate_limit_error",
    FailureKind.OVERLOADED: "overloaded_error",
    FailureKind.TIMEOUT: "timeout_error",
    FailureKind.UPSTREAM: "upstream_error",
    FailureKind.INTERNAL: "server_error",
}
"""What both of OpenAI's APIs call each kind."""
_LONGEST_DETAIL: Final = 300


def kind_of(status: int) -> FailureKind:
    """Return the kind of failure that a status stands for."""
    return _KINDS.get(status, FailureKind.UPSTREAM if status >= 500 else FailureKind.BAD_REQUEST)


def failure_without_object(status: int, reason: str, value: Any) -> Failure:
    """Return the failure for a body that is no error object (a gateway's page, say): it is only named.

    `value` is the body as JSON, None where it is none. FastAPI's `detail` is told: Argo answers so to requests that it
    cannot read.
    """
    return Failure(
        kind=kind_of(status),
        status=status,
        code=f"upstream_{status}",
        message=f"The upstream answered {status} {reason} without an error object{_detail(value)}."
        + (" Try again in a moment." if status >= 500 else ""),
        at_fault="upstream",
    )


def _detail(value: Any) -> str:
    detail = value.get("detail") if isinstance(value, dict) else None
    if isinstance(detail, list):
        detail = "; ".join(str(one.get("msg")) for one in detail if isinstance(one, dict))
    return f": {detail[:_LONGEST_DETAIL]}" if isinstance(detail, str) and detail else ""


def _broken(code: str, message: str) -> Failure:
    return Failure(
        kind=FailureKind.UPSTREAM, status=502, code=code, message=f"{message} Try again.", at_fault="upstream"
    )


INCOMPLETE: Final = _broken("upstream_incomplete", "The upstream stopped before its reply was complete.")
UNREADABLE: Final = _broken("upstream_unreadable", "The upstream sent an event that cannot be read.")

"""Errors as Anthropic's API writes them: https://platform.claude.com/docs/en/api/errors."""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.statuses import failure_without_object, kind_of
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx, sse
from argo_relay.neutral.failure import Failure, FailureKind

_TYPES: Final = {
    FailureKind.BAD_REQUEST: "invalid_request_error",
    FailureKind.AUTHENTICATION: "authentication_error",
    FailureKind.PERMISSION: "permission_error",
    FailureKind.NOT_FOUND: "not_found_error",
    FailureKind.METHOD: "invalid_request_error",
    FailureKind.SLOW_REQUEST: "timeout_error",
    FailureKind.TOO_LARGE: "request_too_large",
    FailureKind.RATE_LIMIT: "rate_limit_error",
    FailureKind.OVERLOADED: "overloaded_error",
    FailureKind.TIMEOUT: "timeout_error",
    FailureKind.UPSTREAM: "api_error",
    FailureKind.INTERNAL: "api_error",
}
# The status that Anthropic gives each type, for errors that come without one: inside a stream, or inside a 200.
STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def encode_error(failure: Failure) -> bytes:
    """Return the JSON body of an error reply; `request_id` stands beside the error, where it is known."""
    body: dict[str, Any] = {"type": "error", "error": {"type": _TYPES[failure.kind], "message": failure.message}}
    if failure.request_id is not None:
        body["request_id"] = failure.request_id
    return jsonx.encode(body)


def encode_stream_error(failure: Failure) -> bytes:
    """Return the frame that ends a stream; no `message_stop` follows, which would say that the reply is complete."""
    return sse.write(encode_error(failure), b"error")


def decode_error(status: int, reason: str, body: bytes) -> Failure:
    """Return an upstream's error as a Failure; what is not an error object (a gateway's HTML page) is only named."""
    value = _value(body)
    error = _error_object(value)
    if error is None:
        return failure_without_object(status, reason, value)
    return Failure(
        kind=kind_of(status),
        status=status,
        message=_text(error.get("message")) or f"The upstream answered {status} {reason}.",
        code=_text(error.get("code")),
        param=_text(error.get("param")),
        at_fault="upstream",
    )


def decode_inner_error(value: dict[str, Any]) -> Failure | None:
    """Return the error that an event or a 200's body is; None when it is none."""
    error = _error_object(value)
    if error is None or (value.get("type") != "error" and "content" in value):
        return None
    kind = error.get("type")
    status = STATUSES.get(kind, 502) if isinstance(kind, str) else 502
    return Failure(
        kind=kind_of(status),
        status=status,
        message=_text(error.get("message")) or "The upstream sent an error that does not say what is wrong.",
        code=_text(error.get("code")),
        param=_text(error.get("param")),
        at_fault="upstream",
    )


def _value(body: bytes) -> Any:
    try:
        return jsonx.decode(body)
    except BadJson:
        return None


def _error_object(value: Any) -> dict[str, Any] | None:
    if isinstance(value, list) and len(value) == 1:
        # Google's streams answer an error as a list of one.
        value = value[0]
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else None


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)

"""Errors as OpenAI's API writes them: https://platform.openai.com/docs/guides/error-codes."""

from __future__ import annotations

from typing import Any, Final

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
    FailureKind.TOO_LARGE: "invalid_request_error",
    FailureKind.RATE_LIMIT: "rate_limit_error",
    FailureKind.OVERLOADED: "overloaded_error",
    FailureKind.TIMEOUT: "timeout_error",
    FailureKind.UPSTREAM: "upstream_error",
    FailureKind.INTERNAL: "server_error",
}
_LONGEST_DETAIL: Final = 300
_KINDS: Final = {
    400: FailureKind.BAD_REQUEST,
    401: FailureKind.AUTHENTICATION,
    403: FailureKind.PERMISSION,
    404: FailureKind.NOT_FOUND,
    405: FailureKind.METHOD,
    413: FailureKind.TOO_LARGE,
    422: FailureKind.BAD_REQUEST,
    429: FailureKind.RATE_LIMIT,
    503: FailureKind.OVERLOADED,
    529: FailureKind.OVERLOADED,
}


def encode_error(failure: Failure) -> bytes:
    """Return the JSON body of an error reply."""
    return jsonx.encode(
        {
            "error": {
                "message": failure.message,
                "type": _TYPES[failure.kind],
                "param": failure.param,
                "code": failure.code,
            }
        }
    )


def encode_stream_error(failure: Failure) -> bytes:
    """Return the frame that ends a stream: the official clients raise APIError at it, wherever it stands.

    No `[DONE]` follows: it would tell agents that the answer is complete.
    """
    return sse.write(encode_error(failure))


def decode_error(status: int, reason: str, body: bytes) -> Failure:
    """Return an upstream's error as a Failure; what is not an error object (a gateway's HTML page) is only named."""
    kind = _KINDS.get(status, FailureKind.UPSTREAM if status >= 500 else FailureKind.BAD_REQUEST)
    error = _error_object(body)
    if error is None:
        return Failure(
            kind=kind,
            status=status,
            code=f"upstream_{status}",
            message=f"The upstream answered {status} {reason} without an error object{_detail(body)}."
            + (" Try again in a moment." if status >= 500 else ""),
            at_fault="upstream",
        )
    return Failure(
        kind=kind,
        status=status,
        message=str(error.get("message") or f"The upstream answered {status} {reason}."),
        code=_text(error.get("code")),
        param=_text(error.get("param")),
        at_fault="upstream",
    )


def _error_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = jsonx.decode(body)
    except BadJson:
        return None
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else None


def _detail(body: bytes) -> str:
    """Return what FastAPI's error bodies say, which Argo sends for requests that it cannot read; else nothing."""
    try:
        value = jsonx.decode(body)
    except BadJson:
        return ""
    detail = value.get("detail") if isinstance(value, dict) else None
    if isinstance(detail, list):
        detail = "; ".join(str(one.get("msg")) for one in detail if isinstance(one, dict))
    return f": {detail[:_LONGEST_DETAIL]}" if isinstance(detail, str) and detail else ""


def _text(value: object) -> str | None:
    return None if value is None else str(value)

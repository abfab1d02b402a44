"""Errors as OpenAI's API writes them: https://platform.openai.com/docs/guides/error-codes."""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.statuses import OPENAI_TYPES, failure_without_object, kind_of
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx, sse
from argo_relay.neutral.failure import Failure, FailureKind

# What an error within a 200 would have had as its status: by its code or, where that says nothing, by its type.
_STATUSES: Final = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "server_is_overloaded": 503,
    "slow_down": 503,
    "overloaded_error": 503,
    "service_unavailable_error": 503,
    "context_length_exceeded": 400,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "bad_request_error": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "timeout_error": 504,
}
# The words that Codex acts upon: it stops at the first, and waits at the second.
_STREAM_CODES: Final = {
    FailureKind.OVERLOADED: "server_is_overloaded",
    FailureKind.RATE_LIMIT: "rate_limit_exceeded",
}
_SILENT: Final = "The upstream reported an error without saying which."


def encode_error(failure: Failure) -> bytes:
    """Return the JSON body of an error reply."""
    error = {
        "message": failure.message,
        "type": OPENAI_TYPES[failure.kind],
        "param": failure.param,
        "code": failure.code,
    }
    return jsonx.encode({"error": error})


def encode_failed(failure: Failure) -> dict[str, Any]:
    """Return the `error` of a response that has failed; Codex shows its message and acts upon its code."""
    return {"code": _STREAM_CODES.get(failure.kind, failure.code or "server_error"), "message": failure.message}


def encode_stream_error(failure: Failure, created: dict[str, Any], number: int) -> bytes:
    """Return the frame that ends a stream whose own events were relayed: the text of `error` events is lost in Codex.

    `created` is the response as the stream's first event had it, empty if there was none: the SDKs' helpers refuse an
    event with another id. `number` is the event's in the stream: one client tried (the `ai` SDK) insists on it.
    """
    response = {
        "id": "resp_failed",
        "object": "response",
        "created_at": 0,
        "model": "",
        "output": [],
        **created,
        "status": "failed",
        "error": encode_failed(failure),
        "incomplete_details": None,
        "usage": None,
    }
    return sse.write(
        jsonx.encode({"type": "response.failed", "sequence_number": number, "response": response}), b"response.failed"
    )


def decode_error(status: int, reason: str, body: bytes) -> Failure:
    """Return an upstream's error as a Failure; what is not an error object (a gateway's HTML page) is only named.

    Servers behind this path write errors in any vendor's way, so all are read.
    """
    value = _value(body)
    error = _error_object(value)
    if error is None:
        return failure_without_object(status, reason, value)
    return Failure(
        kind=kind_of(status),
        status=status,
        message=_words(error) or f"The upstream answered {status} {reason}.",
        code=_code(error),
        param=_text(error.get("param")),
        at_fault="upstream",
    )


def decode_failed(error: Any) -> Failure:
    """Return the error of a failed response, or of an error event within a stream."""
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        error = {}
    code = _code(error)
    status = _STATUSES.get(code or "") or _STATUSES.get(_text(error.get("type")) or "") or 502
    return Failure(
        kind=kind_of(status),
        status=status,
        message=_words(error) or _SILENT,
        code=code,
        param=_text(error.get("param")),
        at_fault="upstream",
    )


def decode_inner_error(value: dict[str, Any]) -> Failure | None:
    """Return the failure that stands in a 200's body; None when there is none."""
    error = value.get("error")
    if error or value.get("status") == "failed":
        return decode_failed(error)
    return None


def _value(body: bytes) -> Any:
    try:
        value = jsonx.decode_loosely(body)
    except BadJson:
        return None
    # Google wraps errors of streams in a list.
    return value[0] if isinstance(value, list) and value else value


def _error_object(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, str) and error:
        # xAI: the code stands beside the words; others write the words beside a name.
        message = value.get("message") or value.get("detail")
        return {"message": message if isinstance(message, str) and message else error, "code": value.get("code")}
    if isinstance(error, dict) and error:
        return error
    if isinstance(value.get("message"), str) and value["message"]:
        return value
    return None


def _code(error: dict[str, Any]) -> str | None:
    code = error.get("code")
    if isinstance(code, int) and isinstance(error.get("status"), str):
        # Google's code is the status once more; its word says more.
        return str(error["status"])
    return _text(code)


def _words(error: dict[str, Any]) -> str:
    message = error.get("message")
    return message if isinstance(message, str) else ""


def _text(value: object) -> str | None:
    return None if value is None or isinstance(value, dict | list) or value == "" else str(value)

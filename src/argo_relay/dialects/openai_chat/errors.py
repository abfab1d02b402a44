"""Errors as OpenAI's API writes them: https://platform.openai.com/docs/guides/error-codes."""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.statuses import OPENAI_TYPES, failure_without_object, kind_of
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx, sse
from argo_relay.neutral.failure import Failure

# What an error within a 200 would have had as its status: by its code or, where that says nothing, by its type.
_STATUSES: Final = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "overloaded_error": 503,
    "service_unavailable_error": 503,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "tool_use_failed": 400,
    "invalid_request_error": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
}


def encode_error(failure: Failure) -> bytes:
    """Return the JSON body of an error reply."""
    return jsonx.encode(
        {
            "error": {
                "message": failure.message,
                "type": OPENAI_TYPES[failure.kind],
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
    value = _value(body)
    error = _error_object(value)
    if error is None:
        return failure_without_object(status, reason, value)
    return Failure(
        kind=kind_of(status),
        status=status,
        message=str(error.get("message") or f"The upstream answered {status} {reason}."),
        code=_text(error.get("code")),
        param=_text(error.get("param")),
        at_fault="upstream",
    )


def decode_inner_error(value: dict[str, Any]) -> Failure | None:
    """Return the failure that stands in a 200's body, or in a chunk; None when there is none.

    OpenRouter writes it into the choice that it broke off: https://openrouter.ai/docs/api/reference/errors-and-debugging.
    """
    error = _error_of(value)
    if error is None:
        return None
    code, kind = error.get("code"), error.get("type")
    if isinstance(code, int) and 400 <= code < 600:
        status = code
    else:
        status = _STATUSES.get(str(code)) or _STATUSES.get(str(kind)) or 502
    return Failure(
        kind=kind_of(status),
        status=status,
        message=str(error.get("message") or "The upstream reported an error without saying which. Try again."),
        code=_text(code),
        param=_text(error.get("param")),
        at_fault="upstream",
    )


def _error_of(value: dict[str, Any]) -> dict[str, Any] | None:
    if value.get("error"):
        return _error_object(value) or {}
    choices = value.get("choices")
    if isinstance(choices, list):
        inner = [choice["error"] for choice in choices[:1] if isinstance(choice, dict) and choice.get("error")]
        return (_error_object({"error": inner[0]}) or {}) if inner else None
    # vLLM and SGLang write the error itself.
    return value if value.get("object") == "error" or isinstance(value.get("message"), str) else None


def _error_object(value: Any) -> dict[str, Any] | None:
    if isinstance(value, list) and value:
        # Gemini wraps it in a list.
        value = value[0]
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, str) and error:
        # xAI: the code stands beside the words.
        return {"message": error, "code": value.get("code")}
    if isinstance(error, dict) and error:
        return error
    return value if isinstance(value.get("message"), str) and value["message"] else None


def _value(body: bytes) -> Any:
    try:
        return jsonx.decode_loosely(body)
    except BadJson:
        return None


def _text(value: object) -> str | None:
    return None if value is None or isinstance(value, dict | list) else str(value)

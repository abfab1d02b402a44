"""What Argo refuses, and in which words.

Argo wraps the exception of a vendor's SDK: the vendor's error stands as a Python repr inside `message`, `type` is the
exception's class. Bodies were recorded from production in May 2026; the ones that were not say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from argo_relay.simulator.models import Model
from argo_relay.simulator.request import ChatRequest, Refusal
from argo_relay.simulator.wire import HTML_HEADERS, JSON_HEADERS, Headers, encode

_ROLES = frozenset({"system", "user", "assistant", "tool", "function"})
_WHOLE_LIMIT = 21_000
"""Tokens: what Anthropic's SDK reckons to fit in ten minutes without a stream."""

_SDK_CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}
_NGINX_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def error(message: str, kind: str, code: str = "internal_error") -> dict[str, Any]:
    """Return Argo's envelope around `message`."""
    return {"error": {"message": message, "type": kind, "code": code}}


def wrapped(status: int, inner: dict[str, Any]) -> dict[str, Any]:
    """Return the envelope around a vendor's error, which becomes a Python repr."""
    kind = _SDK_CLASSES.get(status, "InternalServerError" if status >= 500 else "APIStatusError")
    relayed = {"error": inner}
    return error(f"Error code: {status} - {relayed}", kind)


def _relayed(message: str, kind: str, param: str | None, code: str) -> Refusal:
    inner = {"message": message, "type": kind, "param": param, "code": code}
    return Refusal(status=400, body=encode(wrapped(400, inner)))


def invalid_model(name: str) -> Refusal:
    """Return the refusal of a name that Argo does not know; its words are known, its type and code inferred."""
    return Refusal(status=400, body=encode(error(f"Invalid model: {name}", "invalid_request_error", "model_not_found")))


def bad_directive(message: str) -> Refusal:
    """Return the simulator's own refusal, the one that Argo never gives."""
    return Refusal(status=400, body=encode(error(message, "invalid_request_error", "simulator_directive")))


QUOTA = wrapped(
    429,
    {
        "code": 429,
        "message": "Resource exhausted. Quota exceeded for aiplatform.googleapis.com/generate_content_requests.",
        "status": "RESOURCE_EXHAUSTED",
    },
)
"""How a stream fails that has begun."""


def ordered(status: int, retry_after: float | None) -> Refusal:
    """Return the error that a directive orders."""
    headers: Headers = () if retry_after is None else ((b"retry-after", f"{retry_after:g}".encode()),)
    if status == 502:
        return Refusal(status=502, body=_NGINX_PAGE, headers=(*HTML_HEADERS, *headers))
    if status == 429:
        return Refusal(status=429, body=encode(QUOTA), headers=(*JSON_HEADERS, *headers))
    inner = {
        "message": f"The simulator was told to answer {status}.",
        "type": "server_error",
        "param": None,
        "code": None,
    }
    if status < 500:
        inner["type"] = "invalid_request_error"
    return Refusal(status=status, body=encode(wrapped(status, inner)), headers=(*JSON_HEADERS, *headers))


def _embedding_model(_request: ChatRequest, model: Model) -> Refusal | None:
    if model.chats:
        return None
    # Azure's words; Argo's were not recorded.
    message = (
        f"The chatCompletion operation does not work with the specified model, {model.served_as}. "
        "Please choose different model and try again."
    )
    return Refusal(status=400, body=encode(wrapped(400, {"code": "OperationNotSupported", "message": message})))


def _temperature(request: ChatRequest, model: Model) -> Refusal | None:
    value = request.body.get("temperature")
    if not model.default_sampling_only or not isinstance(value, (int, float)) or value == 1:
        return None
    return _relayed(
        f"Unsupported value: 'temperature' does not support {float(value)} with this model. "
        "Only the default (1) value is supported.",
        "invalid_request_error",
        "temperature",
        "unsupported_value",
    )


def _top_p(request: ChatRequest, model: Model) -> Refusal | None:
    if not model.default_sampling_only or request.body.get("top_p") is None:
        return None
    return _relayed(
        "Unsupported parameter: 'top_p' is not supported with this model.",
        "invalid_request_error",
        "top_p",
        "unsupported_parameter",
    )


def _role(request: ChatRequest, model: Model) -> Refusal | None:
    if model.owner != "openai":
        return None
    for index, message in enumerate(request.messages):
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            # Argo's SDK is older than the `developer` role and invents a field for it, so the vendor blames the field.
            field = f"messages[{index}].tool_calls"
            return _relayed(f"Unknown parameter: '{field}'.", "invalid_request_error", field, "unknown_parameter")
    return None


def _whole_claude(request: ChatRequest, model: Model) -> Refusal | None:
    limit = request.body.get("max_tokens")
    if model.owner != "anthropic" or request.stream or (type(limit) is int and limit <= _WHOLE_LIMIT):
        return None
    message = (
        "Streaming is required for operations that may take longer than 10 minutes. "
        "See https://github.com/anthropics/anthropic-sdk-python#long-requests for more details"
    )
    return Refusal(status=500, body=encode(error(message, "ValueError")))


def _null_content(request: ChatRequest, model: Model) -> Refusal | None:
    if model.owner != "google" or all(message.get("content", "") is not None for message in request.messages):
        return None
    return Refusal(status=500, body=encode(error("'NoneType' object is not iterable", "TypeError")))


def _parallel_calls(request: ChatRequest, model: Model) -> Refusal | None:
    calls = (message.get("tool_calls") for message in request.messages)
    if model.owner != "google" or not any(isinstance(made, list) and len(made) > 1 for made in calls):
        return None
    # Argo hands Gemini each result in a turn of its own. The vendor's words are known, the wrapping inferred.
    inner = {
        "code": 400,
        "message": "Please ensure that the number of function response parts is equal to the number of function call "
        "parts of the function call turn.",
        "status": "INVALID_ARGUMENT",
    }
    return Refusal(status=400, body=encode(wrapped(400, inner)))


def _unanswered(messages: list[dict[str, Any]]) -> Iterator[str]:
    answered = {str(message.get("tool_call_id")) for message in messages if message.get("role") == "tool"}
    for message in messages:
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict) and str(call.get("id")) not in answered:
                yield str(call.get("id"))


def _orphan_calls(request: ChatRequest, model: Model) -> Refusal | None:
    orphans = list(_unanswered(request.messages)) if model.owner == "openai" else []
    if not orphans:
        return None
    return _relayed(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(orphans)}",
        "invalid_request_error",
        "messages",
        "invalid_value",
    )


RULES: tuple[Callable[[ChatRequest, Model], Refusal | None], ...] = (
    _embedding_model,
    _whole_claude,
    _role,
    _null_content,
    _parallel_calls,
    _orphan_calls,
    _temperature,
    _top_p,
)
"""Each looks at one thing that Argo or a vendor behind it refuses; the first to refuse answers."""


def judge(request: ChatRequest, model: Model) -> Refusal | None:
    """Return what Argo answers at once, or None for a request that reaches the model."""
    return next((refusal for rule in RULES if (refusal := rule(request, model))), None)

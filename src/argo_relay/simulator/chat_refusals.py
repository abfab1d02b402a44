"""What Argo and the vendors behind it refuse of a chat request. What was not recorded from production says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from argo_relay.simulator.errors import STREAMING_REQUIRED, WHOLE_LIMIT, error, relayed, unsupported_operation, wrapped
from argo_relay.simulator.models import Model
from argo_relay.simulator.request import Refusal, Request, dicts
from argo_relay.simulator.seals import gemini_takes
from argo_relay.simulator.wire import encode

_ROLES = frozenset({"system", "user", "assistant", "tool", "function"})


def _embedding_model(_request: Request, model: Model) -> Refusal | None:
    return None if model.chats else unsupported_operation("chatCompletion", model.served_as)


def temperature(request: Request, model: Model) -> Refusal | None:
    """Refuse another temperature than 1 where the model has but that."""
    value = request.body.get("temperature")
    if not model.default_sampling_only or not isinstance(value, (int, float)) or value == 1:
        return None
    return relayed(
        f"Unsupported value: 'temperature' does not support {float(value)} with this model. "
        "Only the default (1) value is supported.",
        "invalid_request_error",
        "temperature",
        "unsupported_value",
    )


def top_p(request: Request, model: Model) -> Refusal | None:
    """Refuse any top_p where the model takes none."""
    if not model.default_sampling_only or request.body.get("top_p") is None:
        return None
    return relayed(
        "Unsupported parameter: 'top_p' is not supported with this model.",
        "invalid_request_error",
        "top_p",
        "unsupported_parameter",
    )


def _max_tokens(request: Request, model: Model) -> Refusal | None:
    refusing = {"taken": (), "not by gpt4o": ("gpt4o",), "not by openai": (model.internal_id,)}
    if model.owner != "openai" or request.body.get("max_tokens") is None:
        return None
    if model.internal_id not in refusing[request.ways.era.max_tokens]:
        return None
    return relayed(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "invalid_request_error",
        "max_tokens",
        "unsupported_parameter",
    )


def _role(request: Request, model: Model) -> Refusal | None:
    if model.owner != "openai":
        return None
    for index, message in enumerate(request.messages):
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            # Argo's SDK is older than the `developer` role and invents a field for it, so the vendor blames the field.
            field = f"messages[{index}].tool_calls"
            return relayed(f"Unknown parameter: '{field}'.", "invalid_request_error", field, "unknown_parameter")
    return None


def _whole_claude(request: Request, model: Model) -> Refusal | None:
    limit = request.body.get("max_tokens")
    if request.ways.era.whole_claude or model.owner != "anthropic" or request.stream:
        return None
    if type(limit) is int and limit <= WHOLE_LIMIT:
        return None
    return Refusal(status=500, body=encode(error(STREAMING_REQUIRED, "ValueError")))


def _null_content(request: Request, model: Model) -> Refusal | None:
    if model.owner != "google" or all(message.get("content", "") is not None for message in request.messages):
        return None
    return Refusal(status=500, body=encode(error("'NoneType' object is not iterable", "TypeError")))


def _parallel_calls(request: Request, model: Model) -> Refusal | None:
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


def _orphan_calls(request: Request, model: Model) -> Refusal | None:
    orphans = list(_unanswered(request.messages)) if model.owner == "openai" else []
    if not orphans:
        return None
    return relayed(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(orphans)}",
        "invalid_request_error",
        "messages",
        "invalid_value",
    )


def _thought_signatures(request: Request, model: Model) -> Refusal | None:
    calls = [call for message in request.messages for call in dicts(message.get("tool_calls"))]
    extras = [call["extra_content"].get("google") for call in calls if isinstance(call.get("extra_content"), dict)]
    given = [extra["thought_signature"] for extra in extras if isinstance(extra, dict) and "thought_signature" in extra]
    if model.owner != "google" or all(map(gemini_takes, given)):
        return None
    # The vendor's words; how Argo wraps them is inferred.
    inner = {"code": 400, "message": "Corrupted thought signature.", "status": "INVALID_ARGUMENT"}
    return Refusal(status=400, body=encode(wrapped(400, inner)))


RULES: tuple[Callable[[Request, Model], Refusal | None], ...] = (
    _embedding_model,
    _whole_claude,
    _role,
    _null_content,
    _parallel_calls,
    _orphan_calls,
    _thought_signatures,
    _max_tokens,
    temperature,
    top_p,
)
"""Each looks at one thing that Argo or a vendor behind it refuses; the first to refuse answers."""


def judge(request: Request, model: Model) -> Refusal | None:
    """Return what Argo answers at once, or None for a request that reaches the model."""
    return next((refusal for rule in RULES if (refusal := rule(request, model))), None)

"""What Argo and the vendors behind it refuse of a chat request. What was not recorded from production says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from argo_relay.simulator import imagined
from argo_relay.simulator import openai_refusals as openai
from argo_relay.simulator.errors import (
    STREAMING_REQUIRED,
    WHOLE_LIMIT,
    error,
    relayed,
    relayed_from_claude,
    unsupported_operation,
)
from argo_relay.simulator.gemini_refusals import gemini
from argo_relay.simulator.messages_matrix import sampling_problem
from argo_relay.simulator.models import Model
from argo_relay.simulator.request import Refusal, Request, dicts
from argo_relay.simulator.wire import encode

_ROLES = frozenset({"system", "user", "assistant", "tool", "function"})


def _embedding_model(_request: Request, model: Model) -> Refusal | None:
    return None if model.chats else unsupported_operation("chatCompletion", model.served_as)


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


def _sampling(request: Request, model: Model) -> Refusal | None:
    """Refuse what the same Claude refuses on `/v1/messages`; inferred from there."""
    problem = sampling_problem(request, model) if model.owner == "anthropic" else None
    return None if problem is None else relayed_from_claude(problem)


def _unanswered(messages: list[dict[str, Any]]) -> Iterator[str]:
    answered = {str(message.get("tool_call_id")) for message in messages if message.get("role") == "tool"}
    for message in messages:
        for call in dicts(message.get("tool_calls")):
            if str(call.get("id")) not in answered:
                yield str(call.get("id"))


def _uncalled(messages: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    called: set[str] = set()
    for index, message in enumerate(messages):
        called.update(str(call.get("id")) for call in dicts(message.get("tool_calls")))
        if message.get("role") == "tool" and str(message.get("tool_call_id")) not in called:
            yield index, str(message.get("tool_call_id"))


def _orphan_calls(request: Request, model: Model) -> Refusal | None:
    """Refuse calls without a result: known of OpenAI and Anthropic, in their words."""
    orphans = ", ".join(_unanswered(request.messages))
    if not orphans or model.owner == "google":
        return None
    if model.owner == "anthropic":
        return relayed_from_claude(
            f"`tool_use` ids were found without `tool_result` blocks immediately after: {orphans}. Each `tool_use` "
            "block must have a corresponding `tool_result` block in the next message."
        )
    return relayed(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {orphans}",
        "invalid_request_error",
        "messages",
        "invalid_value",
    )


def _orphan_results(request: Request, model: Model) -> Refusal | None:
    """Refuse results of calls that nobody made, in the vendors' words."""
    orphan = next(_uncalled(request.messages), None)
    if orphan is None or model.owner == "google":
        return None
    index, name = orphan
    if model.owner == "anthropic":
        return relayed_from_claude(
            f"unexpected `tool_use_id` found in `tool_result` blocks: {name}. Each `tool_result` block must have a "
            "corresponding `tool_use` block in the previous message."
        )
    return relayed(
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
        "invalid_request_error",
        f"messages.[{index}].role",
        None,
    )


def _claude_images(request: Request, model: Model) -> Refusal | None:
    if model.owner != "anthropic" or request.ways.fetch_images or openai.by_url(request) is None:
        return None
    return relayed_from_claude("messages.0.content.0.image.source.base64.data: URL sources are not supported")


RULES: tuple[Callable[[Request, Model], Refusal | None], ...] = (
    _embedding_model,
    _whole_claude,
    _role,
    _orphan_calls,
    _orphan_results,
    _sampling,
    _claude_images,
    imagined.on_chat,
    openai.max_tokens,
    openai.temperature,
    openai.top_p,
    openai.effort,
    openai.penalties,
    openai.descriptions,
    openai.images,
    gemini,
)
"""Each looks at one thing that Argo or a vendor behind it refuses; the first to refuse answers."""


def judge(request: Request, model: Model) -> Refusal | None:
    """Return what Argo answers at once, or None for a request that reaches the model."""
    return next((refusal for rule in RULES if (refusal := rule(request, model))), None)

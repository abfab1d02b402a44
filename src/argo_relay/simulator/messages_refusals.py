"""What Argo and Vertex refuse of a request to `/v1/messages`. What was not recorded from Argo says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from argo_relay.simulator import imagined
from argo_relay.simulator.errors import STREAMING_REQUIRED, WHOLE_LIMIT
from argo_relay.simulator.messages_errors import failure, invalid_request, relayed
from argo_relay.simulator.messages_matrix import Takes, sampling_problem, takes
from argo_relay.simulator.models import Model
from argo_relay.simulator.request import Refusal, Request, blocks, dicts, parts_in
from argo_relay.simulator.seals import signed

_EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})
_ROLES = frozenset({"user", "assistant", "system"})
_RESULTS = ("document", "image", "search_result", "text", "tool_reference")
"""What a tool's result may consist of; that Claude refuses OpenAI's `input_image` there is known."""
_EMPTY = "all messages must have non-empty content except for the optional final assistant message"
_BUDGET = (
    "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at "
    "https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size"
)


def only_claude(_request: Request, model: Model) -> Refusal | None:
    """Refuse everybody else's models."""
    if model.owner == "anthropic":
        return None
    return invalid_request(
        f"Model '{model.internal_id}' is not supported on the /v1/messages endpoint. This endpoint only supports "
        "Anthropic Claude models. For OpenAI and Gemini models, use /argoapi/v1/chat/completions"
    )


def _limit(request: Request, _model: Model) -> Refusal | None:
    limit = request.body.get("max_tokens")
    if limit is None:
        return invalid_request("max_tokens is required")
    if type(limit) is not int:
        return relayed("max_tokens: Input should be a valid integer")  # the vendor's words
    if limit < 1:
        return relayed("max_tokens: Input should be greater than or equal to 1")  # the vendor's words
    if limit > WHOLE_LIMIT and not request.stream:
        return failure(STREAMING_REQUIRED)
    return None


def _thinking_problem(thinking: dict[str, Any], limit: object, able: Takes) -> str | None:
    kind, budget = thinking.get("type"), thinking.get("budget_tokens")
    if kind == "enabled":
        return _budget_problem(budget, limit, able)
    if kind == "adaptive" and not able.adaptive:
        return (
            "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: "
            "'disabled', 'enabled'"
        )
    if kind == "adaptive" and budget is not None:
        return "thinking.adaptive.budget_tokens: Extra inputs are not permitted"
    return None


def _budget_problem(budget: object, limit: object, able: Takes) -> str | None:
    if not able.enabled:
        return (
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
            '"output_config.effort" to control thinking behavior.'
        )
    if type(budget) is not int:
        return "thinking.enabled.budget_tokens: Field required"  # the vendor's words, as the next
    if budget < 1024:
        return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
    return _BUDGET if isinstance(limit, int) and limit <= budget else None


def _thinking(request: Request, model: Model) -> Refusal | None:
    thinking = request.body.get("thinking")
    if not isinstance(thinking, dict):
        return None
    able = takes(model.internal_id, request.ways.era)
    if imagined.no_budgets(request, model):
        able = msgspec.structs.replace(able, enabled=False, adaptive=True)
    problem = _thinking_problem(thinking, request.body.get("max_tokens"), able)
    return None if problem is None else relayed(problem)


def _effort(request: Request, model: Model) -> Refusal | None:
    config = request.body.get("output_config")
    effort = config.get("effort") if isinstance(config, dict) else None
    if effort is None or takes(model.internal_id, request.ways.era).any_effort or effort in _EFFORTS:
        return None
    return relayed("output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")


def _sampling(request: Request, model: Model) -> Refusal | None:
    problem = sampling_problem(request, model)
    return None if problem is None else relayed(problem)


def _block_problem(block: dict[str, Any], where: str, able: Takes) -> str | None:
    """Return what the vendor says of a block: its words, but for the empty thinking, which is known only to fail."""
    match block.get("type"):
        case "text" if not block.get("text"):
            return "messages: text content blocks must be non-empty"
        case "thinking":
            return _thought_problem(block, where, able)
        case "redacted_thinking":
            return f"{where}: Invalid `data` in `redacted_thinking` block"
        case "tool_result":
            return _result_problem(block, where)
        case _:
            return None


def _thought_problem(block: dict[str, Any], where: str, able: Takes) -> str | None:
    thought, given = block.get("thinking"), block.get("signature")
    if not isinstance(thought, str) or not (thought or able.wordless):
        return f"{where}.thinking: each thinking block must contain thinking"
    if not isinstance(given, str) or not given:
        return f"{where}.thinking.signature: Field required"
    return None if not thought or signed(thought, given) else f"{where}: Invalid `signature` in `thinking` block"


def _result_problem(block: dict[str, Any], where: str) -> str | None:
    for index, part in enumerate(blocks(block)):
        if part.get("type") not in _RESULTS:
            return (
                f"{where}.tool_result.content.{index}: Input tag '{part.get('type')}' found using 'type' does not "
                f"match any of the expected tags: {', '.join(map(repr, _RESULTS))}"
            )
    return None


def _message_problems(messages: list[dict[str, Any]], able: Takes) -> Iterator[str | None]:
    if not messages:
        yield "messages: at least one message is required"
    for index, message in enumerate(messages):
        if message.get("role") not in _ROLES:
            yield f"messages.{index}.role: Input should be 'user' or 'assistant'"
        if not message.get("content") and not (index == len(messages) - 1 and message.get("role") == "assistant"):
            yield f"messages.{index}: {_EMPTY}"
        for number, block in enumerate(blocks(message)):
            yield _block_problem(block, f"messages.{index}.content.{number}", able)


def _messages(request: Request, model: Model) -> Refusal | None:
    able = takes(model.internal_id, request.ways.era)
    problem = next(filter(None, _message_problems(request.messages, able)), None)
    return None if problem is None else relayed(problem)


def _fetched(request: Request, _model: Model) -> Refusal | None:
    """Refuse images and documents by URL, in Vertex' words; whether Argo fetches them is not known."""
    for part in () if request.ways.fetch_images else parts_in(request.messages):
        source = part.get("source")
        if isinstance(source, dict) and source.get("type") == "url":
            return relayed("messages.0.content.0.image.source.base64.data: URL sources are not supported")
    return None


def _ids(message: dict[str, Any], kind: str, field: str) -> list[str]:
    return [str(block.get(field)) for block in blocks(message) if block.get("type") == kind]


def _pairs(request: Request, _model: Model) -> Refusal | None:
    """Refuse calls and results that do not follow each other; in the vendor's words."""
    said = [(index, message) for index, message in enumerate(request.messages) if message.get("role") != "system"]
    called: list[str] = []
    for index, message in [*said, (len(request.messages), {})]:
        results = _ids(message, "tool_result", "tool_use_id")
        missing = [name for name in called if name not in results]
        if missing:
            return relayed(
                f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
                "next message."
            )
        strange = [name for name in results if name not in called]
        if strange:
            return relayed(
                f"messages.{index}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{', '.join(strange)}. Each `tool_result` block must have a corresponding `tool_use` block in the "
                "previous message."
            )
        called = _ids(message, "tool_use", "id")
    return None


def _tools(request: Request, _model: Model) -> Refusal | None:
    """Refuse a tool without a schema of type object; in the vendor's words."""
    for index, tool in enumerate(dicts(request.body.get("tools"))):
        if tool.get("type", "custom") != "custom":
            continue
        schema = tool.get("input_schema")
        if not isinstance(schema, dict):
            return relayed(f"tools.{index}.custom.input_schema: Field required")
        if "type" not in schema:
            return relayed(f"tools.{index}.custom.input_schema.type: Field required")
        if schema["type"] != "object":
            return relayed(f"tools.{index}.custom.input_schema.type: Input should be 'object'")
    return None


_COUNTING: tuple[Callable[[Request, Model], Refusal | None], ...] = (
    only_claude,
    _thinking,
    _messages,
    _pairs,
    _fetched,
    _tools,
)
RULES = (only_claude, _limit, _thinking, _effort, imagined.on_messages, _sampling, _messages, _pairs, _fetched, _tools)
"""Each looks at one thing that Argo or a vendor behind it refuses; the first to refuse answers."""


def judge(request: Request, model: Model) -> Refusal | None:
    """Return what Argo answers at once, or None for a request that reaches the model."""
    return next((refusal for rule in RULES if (refusal := rule(request, model))), None)


def judge_count(request: Request, model: Model) -> Refusal | None:
    """Return the same for a request to count its tokens."""
    return next((refusal for rule in _COUNTING if (refusal := rule(request, model))), None)

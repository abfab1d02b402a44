"""The shapes of Argo's answers on `/v1/responses`: what OpenAI's SDK dumps, keys in their order, nulls and all.

Whole replies as recorded in September 2026, as far as the recording goes (to `conversation`); what follows, and the
events, were not recorded and follow the SDK.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from argo_relay.simulator.answer import Part, Tokens
from argo_relay.simulator.ids import item_id
from argo_relay.simulator.models import Model
from argo_relay.simulator.request import Request, dicts
from argo_relay.simulator.seals import sealed

_PREFIXES = {"thinking": "rs", "text": "msg", "call": "fc"}
_PHASED = frozenset({"gpt54", "gpt54mini", "gpt54nano", "gpt55", "gpt56sol", "gpt56terra", "gpt56luna"})
"""Models that say of a text that it is the final answer."""
_OUTSIDE_CELS = frozenset({"o1", "o3", "o3-mini"})


def deployment(model: Model) -> str:
    """Return what Azure calls the model: this is what a reply's `model` says on this route."""
    name = re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model.served_as)
    return f"aiops-{name}" if name in _OUTSIDE_CELS else f"aiops-cels-{name.replace('.', '-')}"


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What every body of one reply repeats."""

    id: str
    created: int
    model: str
    request: Request
    phase: str | None = None

    @classmethod
    def of(cls, model: Model, request: Request, created: int) -> Head:
        """Return a new reply's."""
        phase = "final_answer" if model.internal_id in _PHASED else None
        return cls(id=item_id("resp"), created=created, model=deployment(model), request=request, phase=phase)


def part_id(part: Part) -> str:
    """Return a new id for a part's item."""
    return item_id("ctc" if part.call is not None and part.call.free else _PREFIXES[part.kind])


def output_text(text: str) -> dict[str, Any]:
    """Return the content of a message."""
    return {"annotations": [], "text": text, "type": "output_text", "logprobs": []}


def summary_text(text: str) -> dict[str, Any]:
    """Return the content of a reasoning's summary."""
    return {"text": text, "type": "summary_text"}


def _call(name: str, part: Part, text: str, status: str) -> dict[str, Any]:
    call = part.call
    if call is None:
        return {}
    if call.free:
        return {"call_id": call.id, "input": text, "name": call.name, "type": "custom_tool_call", "id": name}
    item = {"arguments": text, "call_id": call.id, "name": call.name, "type": "function_call", "id": name}
    spaced = {} if call.namespace is None else {"namespace": call.namespace}
    return item | spaced | {"status": status}


def opened(head: Head, part: Part, name: str) -> dict[str, Any]:
    """Return an item that has only begun."""
    if part.kind == "call":
        return _call(name, part, "", "in_progress")
    if part.kind == "thinking":
        return {"id": name, "summary": [], "type": "reasoning", "content": [], "encrypted_content": ""}
    return _message(head, name, [], "in_progress")


def _message(head: Head, name: str, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    return {
        "id": name,
        "content": content,
        "role": "assistant",
        "status": status,
        "type": "message",
        "phase": head.phase,
    }


def item(head: Head, part: Part, name: str, status: str = "completed") -> dict[str, Any]:
    """Return a whole item."""
    if part.kind == "call":
        return _call(name, part, part.text, status)
    if part.kind == "thinking":
        return {
            "id": name,
            "summary": [summary_text(part.text)] if part.pieces else [],
            "type": "reasoning",
            "content": [],
            "encrypted_content": sealed("reasoning", part.text),
        }
    return _message(head, name, [output_text(part.text)], status)


def usage(tokens: Tokens) -> dict[str, Any]:
    """Return the usage object."""
    known = tokens.total is not None
    return {
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": 0 if known else None},
        "output_tokens": tokens.completion,
        "output_tokens_details": {"reasoning_tokens": tokens.thinking if known else None},
        "total_tokens": tokens.total,
    }


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        return tool
    shown = {"name": tool.get("name"), "parameters": tool.get("parameters"), "strict": tool.get("strict", True)}
    return shown | {"type": "function", "description": tool.get("description")}


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, (int, float)) else default


def _given(body: dict[str, Any], name: str, kind: type) -> Any:
    value = body.get(name)
    return value if isinstance(value, kind) else None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How far a response has come."""

    status: str | None
    output: list[dict[str, Any]]
    spent: dict[str, Any] | None
    error: dict[str, Any] | None = None


def response(head: Head, outcome: Outcome) -> dict[str, Any]:
    """Return the response itself."""
    body = head.request.body
    text = _given(body, "text", dict) or {}
    reasoning = _given(body, "reasoning", dict) or {}
    done = outcome.status not in {"in_progress", None}
    cut = outcome.status == "incomplete"
    return {
        "id": head.id,
        "created_at": float(head.created),
        "error": outcome.error,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "instructions": _given(body, "instructions", str),
        "metadata": _given(body, "metadata", dict) or {},
        "model": head.model,
        "object": "response",
        "output": outcome.output,
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "temperature": _number(body.get("temperature"), 1.0),
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": [_tool(tool) for tool in dicts(body.get("tools"))],
        "top_p": _number(body.get("top_p"), 0.98 if head.phase else 1.0),
        "background": False,
        "completed_at": float(head.created + 1) if done and not outcome.error else None,
        "conversation": None,
        "max_output_tokens": head.request.turn.limit,
        "max_tool_calls": None,
        "previous_response_id": None,
        "prompt": None,
        "prompt_cache_key": _given(body, "prompt_cache_key", str),
        "prompt_cache_retention": None,
        "reasoning": {"effort": reasoning.get("effort"), "generate_summary": None, "summary": reasoning.get("summary")},
        "safety_identifier": None,
        "service_tier": "default",
        "status": outcome.status,
        "text": {"format": text.get("format") or {"type": "text"}, "verbosity": text.get("verbosity") or "medium"},
        "top_logprobs": 0,
        "truncation": "disabled",
        "usage": outcome.spent,
        "user": _given(body, "user", str),
        "store": body.get("store") is not False,
    }

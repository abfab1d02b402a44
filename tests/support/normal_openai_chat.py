"""Chat Completions requests in one spelling, so that two that say the same are equal."""

from __future__ import annotations

from typing import Any


def normal(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request with every value in its plainest spelling; what remains different says something different."""
    made = _said(body)
    made.pop("timeout", None)
    if "max_completion_tokens" in made:
        made["max_tokens"] = made.pop("max_completion_tokens")
    if isinstance(made.get("stop"), str):
        made["stop"] = [made["stop"]]
    made["messages"] = [_message(message) for message in made["messages"]]
    if "tools" in made:
        made["tools"] = [_tool(tool) for tool in made["tools"]]
    form = made.get("response_format")
    if isinstance(form, dict):
        made["response_format"] = _said({"type": "json_schema", **form} if "json_schema" in form else form)
    for name in ("tools", "functions", "stop", "stream", "stream_options"):
        # Empty, or false, they say what their absence says.
        if not made.get(name):
            made.pop(name, None)
    return made


def _said(value: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in value.items() if one is not None}


def _message(message: dict[str, Any]) -> dict[str, Any]:
    made = _said(message)
    content = made.get("content")
    if isinstance(content, list):
        parts = [_part(part) for part in content]
        plain = len(parts) == 1 and parts[0].keys() == {"type", "text"}
        made["content"] = parts[0]["text"] if plain else parts
    if isinstance(made.get("tool_calls"), list):
        made["tool_calls"] = [{"type": "function", **_said(call)} for call in made["tool_calls"]]
    for name in ("content", "tool_calls", "reasoning_content", "reasoning"):
        if made.get(name) in ("", []):
            del made[name]
    return made


def _part(part: dict[str, Any]) -> dict[str, Any]:
    made = _said(part)
    for name in ("image_url", "video_url"):
        if part.get("type") == name and isinstance(part.get(name), str):
            made[name] = {"url": made[name]}
    return made


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    made = _said(tool)
    if isinstance(made.get("function"), dict):
        made = {"type": "function", **made, "function": _said(made["function"])}
    return made

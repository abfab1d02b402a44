"""Responses requests in one spelling, so that two that say the same are equal."""

from __future__ import annotations

from typing import Any


def normal(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request with every value in its plainest spelling; what remains different says something different."""
    made = _said(body)
    made.pop("timeout", None)
    given = made.pop("input", None)
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if given:
        made["input"] = [_item(item) for item in given]
    for name in ("reasoning", "text", "tool_choice"):
        if isinstance(made.get(name), dict):
            made[name] = _said(made[name])
    if isinstance(made.get("text"), dict) and isinstance(made["text"].get("format"), dict):
        made["text"]["format"] = _said(made["text"]["format"])
    if "tools" in made:
        made["tools"] = [_said(tool) for tool in made["tools"]]
    for name in ("tools", "instructions", "text", "stream"):
        # Empty, or false, they say what their absence says.
        if not made.get(name):
            made.pop(name, None)
    return made


def _said(value: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in value.items() if one is not None}


def _item(item: dict[str, Any]) -> dict[str, Any]:
    kind = item.get("type", "message")
    if kind == "message":
        return {**_said(item), "type": kind, "content": _parts(item.get("content"), item.get("role"))}
    if kind in ("function_call_output", "custom_tool_call_output"):
        return {**_said(item), "output": _parts(item.get("output"), "user")}
    if kind in ("function_call", "custom_tool_call", "reasoning"):
        made = _said(item)
        if kind == "reasoning" and not made.get("content"):
            made.pop("content", None)
        return made
    return item


def _parts(content: Any, role: Any) -> Any:
    kind = "output_text" if role == "assistant" else "input_text"
    if isinstance(content, str) or not content:
        return [{"type": kind, "text": content or ""}]
    return [_part(part) for part in content] if isinstance(content, list) else content


def _part(part: dict[str, Any]) -> dict[str, Any]:
    made = _said(part)
    for name in ("annotations", "logprobs"):
        if name in made and not made[name]:
            del made[name]
    return made

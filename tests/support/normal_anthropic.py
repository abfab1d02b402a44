"""Messages requests in one spelling, so that two that say the same are equal."""

from __future__ import annotations

from typing import Any


def normal(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request with every value in its plainest spelling; what remains different says something different."""
    made = _said(body)
    made.pop("timeout", None)
    made["messages"] = [_message(message) for message in made.get("messages", ())]
    if system := _blocks(made.pop("system", None)):
        made["system"] = system
    if "tools" in made:
        made["tools"] = [_tool(tool) for tool in made["tools"]]
    for name in ("thinking", "tool_choice", "metadata", "output_config"):
        if name in made:
            made[name] = _said(made[name])
    for name in ("tools", "stop_sequences", "metadata", "output_config", "stream"):
        # Empty, or false, they say what their absence says.
        if not made.get(name):
            made.pop(name, None)
    return made


def _said(value: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in value.items() if one is not None}


def _message(message: dict[str, Any]) -> dict[str, Any]:
    return {**_said(message), "content": _blocks(message["content"])}


def _blocks(content: Any) -> list[Any]:
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    blocks = [_block(block) for block in content or ()]
    return [block for block in blocks if block.get("type") != "text" or block["text"].strip()]


def _block(block: dict[str, Any]) -> dict[str, Any]:
    made = _said(block)
    if made.get("type") == "tool_result":
        made["content"] = _blocks(made.get("content"))
    if made.get("type") == "text" and not made.get("citations"):
        made.pop("citations", None)
    if made.get("type") == "thinking" and not made.get("signature"):
        made.pop("signature", None)
    if isinstance(made.get("source"), dict):
        made["source"] = _said(made["source"])
    return made


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    made = _said(tool)
    if made.get("type") == "custom":
        del made["type"]
    if made.get("defer_loading") is False:
        del made["defer_loading"]
    return made

"""Builds what a client sends next: its conversation with the reply in it as it came, and every call answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final


def follow_up(dialect: str, reply: dict[str, Any]) -> dict[str, Any]:
    """Return the body of the next request of a client that got this whole reply."""
    return {"model": "case-model", **_NEXT[dialect](reply)}


def _chat(reply: dict[str, Any]) -> dict[str, Any]:
    message = reply["choices"][0]["message"]
    answers = [
        {"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in message.get("tool_calls") or []
    ]
    return {"messages": [{"role": "user", "content": "Hello."}, message, *answers]}


def _responses(reply: dict[str, Any]) -> dict[str, Any]:
    answers = [
        {"type": f"{item['type']}_output", "call_id": item["call_id"], "output": "done"}
        for item in reply["output"]
        if item["type"] in {"function_call", "custom_tool_call"}
    ]
    return {"input": [{"role": "user", "content": "Hello."}, *reply["output"], *answers]}


def _anthropic(reply: dict[str, Any]) -> dict[str, Any]:
    answers = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "done"}
        for block in reply["content"]
        if block["type"] == "tool_use"
    ]
    turns = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": reply["content"]}]
    answered = [{"role": "user", "content": answers}] if answers else []
    return {"max_tokens": 99, "messages": [*turns, *answered]}


def _google(reply: dict[str, Any]) -> dict[str, Any]:
    content = reply["candidates"][0]["content"]
    calls = [part["functionCall"] for part in content.get("parts", []) if "functionCall" in part]
    answers = [
        {"functionResponse": {**({"id": call["id"]} if "id" in call else {}), "name": call["name"], "response": {}}}
        for call in calls
    ]
    turns = [{"role": "user", "parts": [{"text": "Hello."}]}, content]
    return {"contents": [*turns, *([{"role": "user", "parts": answers}] if answers else [])]}


_NEXT: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic": _anthropic,
    "google": _google,
}

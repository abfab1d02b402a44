"""A conversation with a Gemini model as Argo's chat route can take it.

Two quirks of Argo's own, both reported in 2026-04: `content: null` is a 500 (`'NoneType' object is not iterable`), and
calls made in parallel are a 400, because each result reaches Gemini in a turn of its own.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any


def conversation(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages without nulls, and each call with its result right after it; the same list if they are so."""
    if not any(_is_null(message) or len(_calls(message)) > 1 for message in messages):
        return messages
    return [message | {"content": ""} if _is_null(message) else message for message in _in_sequence(messages)]


def _is_null(message: dict[str, Any]) -> bool:
    return message.get("content", "") is None


def _calls(message: dict[str, Any]) -> list[Any]:
    calls = message.get("tool_calls")
    return calls if isinstance(calls, list) else []


def _in_sequence(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    at = 0
    while at < len(messages):
        message, at = messages[at], at + 1
        if len(_calls(message)) < 2:
            yield message
            continue
        start = at
        while at < len(messages) and messages[at].get("role") != "assistant" and not _calls(messages[at]):
            at += 1
        yield from _one_by_one(message, messages[start:at])


def _one_by_one(message: dict[str, Any], following: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a message's calls one a message, each with its result; then what else was said before the next turn."""
    results: defaultdict[str, deque[dict[str, Any]]] = defaultdict(deque)
    others = []
    for one in following:
        if one.get("role") == "tool":
            results[str(one.get("tool_call_id"))].append(one)
        else:
            others.append(one)
    for index, call in enumerate(_calls(message)):
        spoken = message if index == 0 else {"role": "assistant", "content": ""}
        yield spoken | {"tool_calls": [call]}
        mine = results[str(call.get("id"))] if isinstance(call, dict) else None
        if mine:
            yield mine.popleft()
    for left in results.values():
        yield from left
    yield from others

"""Conversations for the table of Argo's ways, told once and written as each SDK's users write them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from support.argo_row import ANTHROPIC, CHAT, GOOGLE, QUICK, RESPONSES

GO_ON: Final = f"and now? [chunks=5] {QUICK}"


class Says(NamedTuple):
    """Somebody's words: user, assistant, system or developer; `parts` tells them in a list of parts."""

    who: str
    text: str = GO_ON
    parts: bool = False


class Calls(NamedTuple):
    """The model calls tools of these names, by call id."""

    calls: dict[str, str]
    nothing: object = None
    """What chat has for the words that were not said."""


class Result(NamedTuple):
    """What a call gave."""

    call: str
    name: str
    text: str = "It is sunny."


Turn = Says | Calls | Result
ARGUMENTS: Final = {"city": "Lemont"}


def told(*turns: Turn) -> dict[str, Any]:
    """Return a conversation by dialect."""
    return {
        CHAT: [one for turn in turns for one in _chat(turn)],
        RESPONSES: [one for turn in turns for one in _responses(turn)],
        ANTHROPIC: _joined(_anthropic(turn) for turn in turns),
        GOOGLE: _google(turns),
    }


def _chat(turn: Turn) -> list[Any]:
    if isinstance(turn, Says):
        return [{"role": turn.who, "content": [{"type": "text", "text": turn.text}] if turn.parts else turn.text}]
    if isinstance(turn, Result):
        return [{"role": "tool", "tool_call_id": turn.call, "content": turn.text}]
    calls = [
        {"id": call, "type": "function", "function": {"name": name, "arguments": json.dumps(ARGUMENTS)}}
        for call, name in turn.calls.items()
    ]
    return [{"role": "assistant", "content": turn.nothing, "tool_calls": calls}]


def _responses(turn: Turn) -> list[Any]:
    if isinstance(turn, Says):
        kind = "output_text" if turn.who == "assistant" else "input_text"
        return [{"role": turn.who, "content": [{"type": kind, "text": turn.text}] if turn.parts else turn.text}]
    if isinstance(turn, Result):
        return [{"type": "function_call_output", "call_id": turn.call, "output": turn.text}]
    return [
        {"type": "function_call", "call_id": call, "name": name, "arguments": json.dumps(ARGUMENTS)}
        for call, name in turn.calls.items()
    ]


def _anthropic(turn: Turn) -> dict[str, Any]:
    if isinstance(turn, Says):
        return {"role": turn.who, "content": [{"type": "text", "text": turn.text}]}
    if isinstance(turn, Result):
        return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": turn.call, "content": turn.text}]}
    calls = [{"type": "tool_use", "id": call, "name": name, "input": ARGUMENTS} for call, name in turn.calls.items()]
    return {"role": "assistant", "content": calls}


def _google(turns: Iterable[Turn]) -> list[Any]:
    contents = _joined({"role": one["role"], "content": one["parts"]} for one in map(_content, turns))
    return [{"role": one["role"], "parts": one["content"]} for one in contents]


def _content(turn: Turn) -> dict[str, Any]:
    if isinstance(turn, Says):
        return {"role": "model" if turn.who == "assistant" else "user", "parts": [{"text": turn.text}]}
    if isinstance(turn, Result):
        given = {"id": turn.call, "name": turn.name, "response": {"output": turn.text}}
        return {"role": "user", "parts": [{"function_response": given}]}
    made = [{"id": call, "name": name, "args": ARGUMENTS} for call, name in turn.calls.items()]
    return {"role": "model", "parts": [{"function_call": call} for call in made]}


def _joined(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages with those of one side that follow each other as one."""
    joined: list[dict[str, Any]] = []
    for message in messages:
        if joined and joined[-1]["role"] == message["role"]:
            joined[-1] = {"role": message["role"], "content": [*joined[-1]["content"], *message["content"]]}
        else:
            joined.append(message)
    return joined

"""A request to `/v1/messages`, as far as its shape goes, which Argo refuses in Anthropic's way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from argo_relay.simulator.messages_errors import invalid_request
from argo_relay.simulator.request import (
    Choice,
    Heard,
    RefusedError,
    Request,
    Tool,
    Turn,
    blocks,
    cost,
    dicts,
    images_in,
    positive,
    text_of,
)


def _holds_result(message: dict[str, Any]) -> bool:
    return any(block.get("type") == "tool_result" for block in blocks(message))


def _prompt(messages: list[dict[str, Any]]) -> str:
    """Return what the user said last: agents add words of their own to a tool's result, which replace nothing."""
    said: list[str] = []
    for message in reversed(messages):
        if message.get("role") == "user":
            said.append(text_of(message))
            if not _holds_result(message):
                break
    return "\n".join(reversed(said))


def _tools(body: dict[str, Any]) -> Iterator[Tool]:
    for tool in dicts(body.get("tools")):
        if isinstance(tool.get("name"), str) and tool.get("type", "custom") == "custom":
            yield Tool(name=tool["name"], schema=tool.get("input_schema"))


def _choice(body: dict[str, Any]) -> Choice:
    choice = body.get("tool_choice")
    if not isinstance(choice, dict):
        return Choice()
    kind, name = choice.get("type"), choice.get("name")
    demanded = "any" if kind == "any" else name if kind == "tool" and isinstance(name, str) else None
    return Choice(
        demanded=demanded, forbidden=kind == "none", parallel=choice.get("disable_parallel_tool_use") is not True
    )


def _schema(body: dict[str, Any]) -> tuple[bool, object]:
    config = body.get("output_config")
    wanted = config.get("format") if isinstance(config, dict) else None
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return False, None
    return True, wanted.get("schema")


def _tokens(body: dict[str, Any], messages: list[dict[str, Any]]) -> int:
    texts = [text_of(message) for message in messages] + [text_of({"content": body.get("system")})]
    return 7 + sum(map(cost, texts))  # "ping" was 8 tokens for Haiku 4.5


def _turn(body: dict[str, Any], messages: list[dict[str, Any]]) -> Turn:
    said = [message for message in messages if message.get("role") != "system"]
    structured, schema = _schema(body)
    return Turn(
        prompt=_prompt(messages),
        tools=tuple(_tools(body)),
        choice=_choice(body),
        answered=bool(said) and _holds_result(said[-1]),
        images=images_in(messages),
        structured=structured,
        schema=schema,
        limit=positive(body.get("max_tokens")),
        tokens=_tokens(body, messages),
    )


def _refused(message: str) -> RefusedError:
    return RefusedError(invalid_request(message))


def read(heard: Heard) -> Request:
    """Return the request, or raise RefusedError; but for max_tokens, the words are inferred."""
    body = heard.value
    if heard.problem:
        raise _refused("There was an error parsing the body")
    if not isinstance(body, dict):
        raise _refused("The body must be an object")
    model, messages = body.get("model"), body.get("messages")
    if not isinstance(model, str) or not model:
        raise _refused("model is required")
    if not isinstance(messages, list):
        raise _refused("messages is required")
    if len(dicts(messages)) < len(messages):
        raise _refused("messages: Input should be a valid dictionary")
    return Request(body=body, model=model, messages=messages, turn=_turn(body, messages))

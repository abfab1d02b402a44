"""A neutral request becomes a Messages request: https://platform.claude.com/docs/en/api/messages."""

from __future__ import annotations

from typing import Any

import msgspec

from argo_relay.dialects.anthropic import tools
from argo_relay.dialects.anthropic.content_decoder import Block, encode_cache
from argo_relay.dialects.anthropic.content_encoder import ContentEncoder, results_first
from argo_relay.dialects.anthropic.options import Asked, encode_options
from argo_relay.dialects.anthropic.outline import DIALECT
from argo_relay.dialects.base import Target, lose_extras
from argo_relay.neutral.content import Text
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.request import Message, Request


def encode_request(request: Request, target: Target) -> tuple[dict[str, Any], Losses]:
    """Return the body that asks an upstream for it."""
    losses: Losses = []
    own = request.dialect == DIALECT
    system, messages = _conversation(request, ContentEncoder(losses, own=own), losses)
    asked = Asked(request, target, own or _thinkable(messages), losses)
    options, instruction = encode_options(asked)
    if instruction is not None:
        system.append({"type": "text", "text": instruction})
    body: dict[str, Any] = {"model": target.model, "max_tokens": options.pop("max_tokens")}
    if system:
        body["system"] = _shortest(system)
    body["messages"] = messages
    body |= options
    _add_tools(asked, body)
    if request.cache is not None:
        body["cache_control"] = encode_cache(request.cache)
    if request.stream:
        body["stream"] = True
    for name, value in request.extras.get(DIALECT, {}).items():
        both = isinstance(value, dict) and isinstance(body.get(name), dict)
        body[name] = body[name] | value if both else value
    lose_extras(request, DIALECT, losses)
    return body, losses


def _conversation(request: Request, encoder: ContentEncoder, losses: Losses) -> tuple[list[Block], list[Block]]:
    """Return the top-level instructions and the messages."""
    own = request.dialect == DIALECT
    leading = _leading(request.messages)
    system: list[Block] = []
    for index, message in enumerate(request.messages[:leading]):
        system += encoder.blocks(_texts_only(message, f"messages[{index}]", losses), f"messages[{index}]")
    messages: list[Block] = []
    for index, message in enumerate(request.messages[leading:], leading):
        path = f"messages[{index}]"
        if own:
            content = encoder.blocks(message, path)
            messages.append(_own_message(message, content))
        else:
            _add_foreign(messages, message, encoder, path, losses)
    for turn in messages if not own else ():
        if turn["role"] == "user":
            turn["content"] = results_first(turn["content"])
    if not messages and system and not own:
        why = "Anthropic wants at least one message: the instructions are one."
        losses.append(Loss(path="messages[0]", what="system", why=why, how="moved"))
        return [], [{"role": "user", "content": system}]
    return system, messages


def _leading(messages: tuple[Message, ...]) -> int:
    for index, message in enumerate(messages):
        if message.role not in ("system", "developer") or message.extras.get(DIALECT, {}).get("inline"):
            return index
    return len(messages)


def _texts_only(message: Message, path: str, losses: Losses) -> Message:
    texts = tuple(part for part in message.parts if isinstance(part, Text))
    if len(texts) == len(message.parts):
        return message
    losses.append(Loss(path=path, what="system", why="Anthropic's instructions hold nothing but text."))
    return msgspec.structs.replace(message, parts=texts)


def _own_message(message: Message, content: list[Block]) -> Block:
    extras = dict(message.extras.get(DIALECT, {}))
    extras.pop("inline", None)
    return {"role": message.role, "content": _shortest(content), **extras}


def _add_foreign(messages: list[Block], message: Message, encoder: ContentEncoder, path: str, losses: Losses) -> None:
    """Add what another dialect's message says; turns of one side that follow each other are one turn."""
    role: str = message.role
    if role in ("system", "developer"):
        why = "Anthropic takes instructions at the beginning only: these are a turn of the user's."
        losses.append(Loss(path=path, what="system", why=why, how="approximated"))
        role = "user"
    if message.name is not None:
        losses.append(Loss(path=f"{path}.name", what="name", why="Anthropic's turns have no names."))
    content = encoder.blocks(message, path)
    if not content:
        return
    if messages and messages[-1]["role"] == role:
        messages[-1]["content"] += content
    else:
        messages.append({"role": role, "content": content})


def _shortest(content: list[Block]) -> str | list[Block]:
    """Return content as text where it is nothing else: servers that only resemble Anthropic's read that best."""
    only = content[0] if len(content) == 1 else {}
    return only["text"] if only.keys() == {"type", "text"} and only["type"] == "text" else content


def _thinkable(messages: list[Block]) -> bool:
    """Say whether a model may think with a budget: not amid calls whose turn does not begin with signed thoughts."""
    if len(messages) < 2 or messages[-1]["role"] != "user":
        return True
    last = messages[-2]["content"]
    amid = any(block["type"] == "tool_result" for block in messages[-1]["content"])
    return not amid or (bool(last) and last[0]["type"] in ("thinking", "redacted_thinking"))


def _add_tools(asked: Asked, body: dict[str, Any]) -> None:
    request = asked.request
    made = tools.encode_tools(request, asked.losses)
    if made or (request.tools and request.dialect == DIALECT):
        body["tools"] = made
    choice = tools.encode_choice(request, asked.losses)
    if choice is None or (not made and request.dialect != DIALECT):
        return
    thinking = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
    if thinking and choice["type"] in tools.FORCED and request.dialect != DIALECT:
        asked.lose("tool_choice", "tool_choice", "A model that thinks cannot be made to call a tool.")
        if request.parallel_tools is not False:
            return
        choice = {"type": "auto", "disable_parallel_tool_use": True}
    body["tool_choice"] = choice

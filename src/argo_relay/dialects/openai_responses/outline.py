"""What the relay must know of a Responses request, and what it refuses before anything is sent upstream.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.dialects.bodies import NUMBER, Types, read_body, require, wrong_type
from argo_relay.framing.apart import Long
from argo_relay.neutral.content import Extras

DIALECT: Final = "openai_responses"
ISSUER: Final = "openai"
"""Whose seals and files the dialect's bare fields hold."""

# The types that the reference gives, where they have never changed; null is "not given" everywhere. What is not in
# this table, and every value's range, is for the upstream to judge.
_TYPES: Final[Types] = {
    "model": ((str,), "a string"),
    "input": ((str, list), "a string or a list of items"),
    "instructions": ((str,), "a string"),
    "stream": ((bool,), "true or false"),
    "store": ((bool,), "true or false"),
    "temperature": (NUMBER, "a number"),
    "top_p": (NUMBER, "a number"),
    "top_logprobs": ((int,), "a whole number"),
    "max_output_tokens": ((int,), "a whole number"),
    "tools": ((list,), "a list of tools"),
    "tool_choice": ((str, dict), "a string or an object"),
    "parallel_tool_calls": ((bool,), "true or false"),
    "reasoning": ((dict,), "an object"),
    "text": ((dict,), "an object"),
    "include": ((list,), "a list of strings"),
    "metadata": ((dict,), "an object"),
    "previous_response_id": ((str,), "a string"),
    "prompt_cache_key": ((str,), "a string"),
    "service_tier": ((str,), "a string"),
    "user": ((str,), "a string"),
}
# Not `instructions`, nor what is said of tools: a reply repeats them.
_LONG: Final = Long(
    members=frozenset({"input"}),
    names=frozenset({b"input", b"content", b"text", b"output", b"image_url", b"file_data"}),
    addresses=frozenset({b"image_url", b"file_data"}),
)
_INSTEAD_OF_INPUT: Final = ("prompt", "previous_response_id", "conversation")


def outline(incoming: Incoming) -> Outline:
    """Read a request; raise Refused (400, the field named) when it cannot be one."""
    document = read_body(incoming, _TYPES, _LONG)
    values = document.values
    _check_present(values)
    items = values.get("input")
    if isinstance(items, list):
        for index, item in enumerate(items):
            _check_item(index, item)
    for index, tool in enumerate(values.get("tools") or ()):
        if not isinstance(tool, dict):
            raise wrong_type(f"tools[{index}]", "an object")
    return Outline(
        model=values.get("model") or "",
        stream=bool(values.get("stream")),
        timeout=values.get("timeout"),
        body=document,
    )


def extras_of(own: dict[str, Any]) -> Extras:
    """Return the dialect's members as extras; none when there are none."""
    return {DIALECT: own} if own else {}


def text_of(value: Any) -> str:
    """Return a text; an empty one for whatever is none."""
    return value if isinstance(value, str) else ""


def _check_present(values: dict[str, Any]) -> None:
    # A stored prompt may name the model and hold the input.
    if not values.get("model") and not values.get("prompt"):
        require(values, "model")
    if not values.get("input") and not any(values.get(field) for field in _INSTEAD_OF_INPUT):
        require(values, "input")


def _check_item(index: int, item: Any) -> None:
    path = f"input[{index}]"
    if not isinstance(item, dict):
        raise wrong_type(path, "an object")
    kind = item.get("type", "message")
    if not isinstance(kind, str):
        raise wrong_type(f"{path}.type", "a string such as `message`")
    if kind != "message":
        return
    if not isinstance(item.get("role"), str):
        raise wrong_type(f"{path}.role", "a string such as `user`")
    content = item.get("content")
    if not isinstance(content, str | list | None):
        raise wrong_type(f"{path}.content", "a string or a list of parts")
    for at, part in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(part, dict):
            raise wrong_type(f"{path}.content[{at}]", "an object")

"""What the relay must know of a Chat Completions request, and what it refuses before anything is sent upstream.

https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.dialects.bodies import NUMBER, Types, read_body, require, wrong_type

DIALECT: Final = "openai_chat"

# The types that the reference gives, where they have never changed; null is "not given" everywhere. What is not in
# this table, and every value's range, is for the upstream to judge.
_TYPES: Final[Types] = {
    "model": ((str,), "a string"),
    "messages": ((list,), "a list of messages"),
    "stream": ((bool,), "true or false"),
    "stream_options": ((dict,), "an object"),
    "temperature": (NUMBER, "a number"),
    "top_p": (NUMBER, "a number"),
    "n": ((int,), "a whole number"),
    "max_tokens": ((int,), "a whole number"),
    "max_completion_tokens": ((int,), "a whole number"),
    "presence_penalty": (NUMBER, "a number"),
    "frequency_penalty": (NUMBER, "a number"),
    "stop": ((str, list), "a string or a list of strings"),
    "tools": ((list,), "a list of tools"),
    "tool_choice": ((str, dict), "a string or an object"),
    "parallel_tool_calls": ((bool,), "true or false"),
    "response_format": ((dict,), "an object"),
    "logprobs": ((bool,), "true or false"),
    "top_logprobs": ((int,), "a whole number"),
    "logit_bias": ((dict,), "an object"),
    "user": ((str,), "a string"),
}


def outline(incoming: Incoming) -> Outline:
    """Read a request; raise Refused (400, the field named) when it cannot be one."""
    document = read_body(incoming, _TYPES)
    values = document.values
    require(values, "model", "messages")
    for index, message in enumerate(values["messages"]):
        _check_message(index, message)
    return Outline(
        model=values["model"], stream=bool(values.get("stream")), timeout=values.get("timeout"), body=document
    )


def _check_message(index: int, message: Any) -> None:
    path = f"messages[{index}]"
    if not isinstance(message, dict):
        raise wrong_type(path, "an object")
    role = message.get("role")
    if not isinstance(role, str):
        raise wrong_type(f"{path}.role", "a string such as `user`")
    if not isinstance(message.get("content"), str | list | None):
        raise wrong_type(f"{path}.content", "a string or a list of parts")

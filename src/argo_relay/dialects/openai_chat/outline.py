"""What the relay must know of a Chat Completions request, and what it refuses before anything is sent upstream.

https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.errors import BadJson, Refused
from argo_relay.framing.jsonx import JsonObject
from argo_relay.neutral.failure import bad_request

DIALECT: Final = "openai_chat"

_NUMBER: Final = (int, float)
# The types that the reference gives, where they have never changed; null is "not given" everywhere. What is not in
# this table, and every value's range, is for the upstream to judge.
_TYPES: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "model": ((str,), "a string"),
    "messages": ((list,), "a list of messages"),
    "stream": ((bool,), "true or false"),
    "stream_options": ((dict,), "an object"),
    "temperature": (_NUMBER, "a number"),
    "top_p": (_NUMBER, "a number"),
    "n": ((int,), "a whole number"),
    "max_tokens": ((int,), "a whole number"),
    "max_completion_tokens": ((int,), "a whole number"),
    "presence_penalty": (_NUMBER, "a number"),
    "frequency_penalty": (_NUMBER, "a number"),
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
    try:
        document = JsonObject(incoming.body)
    except BadJson as bad:
        raise Refused(
            bad_request(f"The request body cannot be read: {bad.reason}.", bad.path, "invalid_json")
        ) from None
    values = document.values
    for field, (types, wanted) in _TYPES.items():
        if field in values:
            _check_type(field, values[field], types, wanted)
    for field in ("model", "messages"):
        if not values.get(field):
            raise Refused(
                bad_request(f"`{field}` is required and must not be empty.", field, "missing_required_parameter")
            )
    for index, message in enumerate(values["messages"]):
        _check_message(index, message)
    return Outline(
        model=values["model"], stream=bool(values.get("stream")), timeout=values.get("timeout"), body=document
    )


def _check_type(field: str, value: Any, types: tuple[type, ...], wanted: str) -> None:
    # bool is an int to Python, and never one to a vendor.
    fits = isinstance(value, types) and (not isinstance(value, bool) or bool in types)
    if value is not None and not fits:
        raise Refused(bad_request(f"`{field}` must be {wanted}.", field, "invalid_type"))


def _check_message(index: int, message: Any) -> None:
    path = f"messages[{index}]"
    if not isinstance(message, dict):
        raise Refused(bad_request(f"`{path}` must be an object.", path, "invalid_type"))
    role = message.get("role")
    if not isinstance(role, str):
        raise Refused(bad_request(f"`{path}.role` must be a string such as `user`.", f"{path}.role", "invalid_type"))
    if not isinstance(message.get("content"), str | list | None):
        raise Refused(
            bad_request(f"`{path}.content` must be a string or a list of parts.", f"{path}.content", "invalid_type")
        )

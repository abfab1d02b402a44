"""What the relay must know of a Messages request, and what it refuses before anything is sent upstream.

https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.errors import BadJson, Refused
from argo_relay.framing.jsonx import JsonObject
from argo_relay.neutral.failure import bad_request

DIALECT: Final = "anthropic"

_NUMBER: Final = (int, float)
# The types that the reference gives, where they have never changed; null is "not given" everywhere. What is not in
# this table, and every value's range, is for the upstream to judge: clients send betas that no reference knows.
_TYPES: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "model": ((str,), "a string"),
    "messages": ((list,), "a list of messages"),
    "max_tokens": ((int,), "a whole number"),
    "system": ((str, list), "a string or a list of text blocks"),
    "stream": ((bool,), "true or false"),
    "temperature": (_NUMBER, "a number"),
    "top_p": (_NUMBER, "a number"),
    "top_k": (_NUMBER, "a number"),
    "stop_sequences": ((list,), "a list of strings"),
    "tools": ((list,), "a list of tools"),
    "tool_choice": ((dict,), "an object"),
    "thinking": ((dict,), "an object"),
    "metadata": ((dict,), "an object"),
    "output_config": ((dict,), "an object"),
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
    if not isinstance(message.get("role"), str):
        raise Refused(bad_request(f"`{path}.role` must be a string such as `user`.", f"{path}.role", "invalid_type"))
    if not isinstance(message.get("content"), str | list):
        raise Refused(
            bad_request(f"`{path}.content` must be a string or a list of blocks.", f"{path}.content", "invalid_type")
        )

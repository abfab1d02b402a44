"""What the bodies of all requests have in common: they are JSON objects, whose members have types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.errors import BadJson, Refused
from argo_relay.framing.apart import Long
from argo_relay.framing.jsonx import JsonObject
from argo_relay.neutral.failure import bad_request

Types = dict[str, tuple[tuple[type, ...], str]]
"""By member: the types that it may have, and the words for them; null is "not given" everywhere."""
NUMBER: Final = (int, float)


def read_body(incoming: Incoming, types: Types, long: Long | None = None) -> JsonObject:
    """Return a request's body; raise Refused (400, the field named) when it is none, or a member has another type.

    `long`: where it has texts that may be set apart.
    """
    try:
        document = JsonObject(incoming.body, long if incoming.apart else None)
    except BadJson as bad:
        raise Refused(
            bad_request(f"The request body cannot be read: {bad.reason}.", bad.path, "invalid_json")
        ) from None
    values = document.values
    for field, value in values.items():
        if field in types:
            _check_type(field, value, *types[field])
    return document


def outline_messages(incoming: Incoming, types: Types, content: tuple[tuple[type, ...], str], long: Long) -> Outline:
    """Return the outline of a request whose conversation is `messages`; raise Refused as `read_body` does.

    Each has a `role`, and a `content` of one of these types, which are told in these words.
    """
    allowed, wanted = content
    document = read_body(incoming, types, long)
    values = document.values
    require(values, "model", "messages")
    for index, message in enumerate(values["messages"]):
        if not isinstance(message, dict):
            raise wrong_type(f"messages[{index}]", "an object")
        if not isinstance(message.get("role"), str):
            raise wrong_type(f"messages[{index}].role", "a string such as `user`")
        if not isinstance(message.get("content"), allowed):
            raise wrong_type(f"messages[{index}].content", wanted)
    return Outline(
        model=values["model"], stream=bool(values.get("stream")), timeout=values.get("timeout"), body=document
    )


def require(values: Mapping[str, Any], *fields: str) -> None:
    """Raise Refused when one of the fields is missing, or empty."""
    for field in fields:
        if not values.get(field):
            raise Refused(
                bad_request(f"`{field}` is required and must not be empty.", field, "missing_required_parameter")
            )


def blocks(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; none of what is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def wrong_type(path: str, wanted: str) -> Refused:
    """Return the error for a field of the wrong type; `wanted` says what it must be."""
    return Refused(bad_request(f"`{path}` must be {wanted}.", path, "invalid_type"))


def _check_type(field: str, value: Any, allowed: tuple[type, ...], wanted: str) -> None:
    if type(value) in allowed:
        return
    # bool is an int to Python, and never one to a vendor.
    fits = isinstance(value, allowed) and (not isinstance(value, bool) or bool in allowed)
    if value is not None and not fits:
        raise wrong_type(field, wanted)

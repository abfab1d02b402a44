"""A Messages request becomes a neutral one: https://platform.claude.com/docs/en/api/messages."""

from __future__ import annotations

from typing import Any, Final, get_args

from argo_relay.dialects.anthropic import options, tools
from argo_relay.dialects.anthropic.content_decoder import Origin, decode_block, decode_cache, encode_cache
from argo_relay.dialects.anthropic.outline import DIALECT
from argo_relay.dialects.base import Outline, passed_over
from argo_relay.errors import Refused
from argo_relay.neutral.content import Part, Text
from argo_relay.neutral.failure import bad_request
from argo_relay.neutral.request import Message, Request, Role

_KNOWN: Final = (
    frozenset({"model", "messages", "system", "tools", "tool_choice", "stream", "max_tokens", "timeout"})
    | {"cache_control", "service_tier"}
    | options.KNOWN
)
_MESSAGE: Final = frozenset({"role", "content"})
_ROLES: Final[dict[str, Role]] = {one: one for one in get_args(Role)}


def decode_request(outline: Outline) -> Request:
    """Return what a client asks for; raise Refused, naming the field, for what cannot be read."""
    values = outline.body.values
    choice, parallel = tools.decode_choice(values.get("tool_choice"))
    messages = [_message(message, at) for at, message in enumerate(values["messages"])]
    said = values.get("system") or ""
    if system := _text(said) if isinstance(said, str) else _blocks(said, "system", 0):
        messages.insert(0, Message(role="system", parts=system))
    tier = values.get("service_tier")
    cache = values.get("cache_control")
    return Request(
        dialect=DIALECT,
        model=outline.model,
        messages=tuple(messages),
        tools=tools.decode_tools(values.get("tools")),
        tool_choice=choice,
        parallel_tools=parallel,
        sampling=options.decode_sampling(values),
        max_output=values.get("max_tokens"),
        reasoning=options.decode_reasoning(values),
        output=options.decode_output(values),
        cache=decode_cache(cache),
        stream=outline.stream,
        end_user=options.decode_end_user(values),
        service_tier=tier if isinstance(tier, str) else None,
        extras=_extras(values, cache),
    )


def _extras(values: dict[str, Any], cache: Any) -> dict[str, dict[str, Any]]:
    rest = passed_over(values, _KNOWN) | options.leftovers(values)
    mark = decode_cache(cache)
    if cache is not None and (mark is None or encode_cache(mark) != cache):
        rest["cache_control"] = cache
    return {DIALECT: rest} if rest else {}


def _message(message: dict[str, Any], at: int) -> Message:
    role = _ROLES.get(message["role"])
    if role is None:
        path = f"messages[{at}].role"
        raise Refused(bad_request(f"`{path}` must be `user`, `assistant` or `system`.", path))
    extras = passed_over(message, _MESSAGE)
    if role in ("system", "developer"):
        # It stands among the messages, and goes back there: the top-level field is another place.
        extras["inline"] = True
    content = message["content"]
    # Paths are for errors: to make one for each text, too, takes as long as the text itself.
    parts = _text(content) if isinstance(content, str) else _blocks(content, f"messages[{at}].content", at)
    return Message(role=role, parts=parts, extras={DIALECT: extras} if extras else {})


def _text(content: str) -> tuple[Part, ...]:
    return (Text(text=content),) if content else ()


def _blocks(content: list[Any], path: str, at: int) -> tuple[Part, ...]:
    parts = []
    for index, block in enumerate(content):
        _check(block, f"{path}[{index}]")
        parts.append(decode_block(block, Origin(client=True, spare_id=f"call_{at}_{index}")))
    return tuple(parts)


# By type of block: the members whose type is part of what the block is.
_CHECKED: Final[dict[str, tuple[tuple[str, type, str], ...]]] = {
    "text": (("text", str, "a string"),),
    "thinking": (("thinking", str, "a string"),),
    "redacted_thinking": (("data", str, "a string"),),
    "tool_use": (("name", str, "a string"), ("input", dict, "an object")),
    "tool_result": (("tool_use_id", str, "a string"),),
    "image": (("source", dict, "an object"),),
    "document": (("source", dict, "an object"),),
}


def _check(block: Any, path: str) -> None:
    if not isinstance(block, dict):
        raise Refused(bad_request(f"`{path}` must be an object.", path, "invalid_type"))
    kind = block.get("type")
    if not isinstance(kind, str):
        raise Refused(bad_request(f"`{path}.type` must be a string such as `text`.", f"{path}.type", "invalid_type"))
    for member, wanted, words in _CHECKED.get(kind, ()):
        if not isinstance(block.get(member), wanted):
            raise Refused(bad_request(f"`{path}.{member}` must be {words}.", f"{path}.{member}", "invalid_type"))
    if kind == "tool_result":
        content = block.get("content")
        if not isinstance(content, str | list | None):
            raise Refused(
                bad_request(f"`{path}.content` must be a string or a list.", f"{path}.content", "invalid_type")
            )
        for index, inner in enumerate(content if isinstance(content, list) else ()):
            _check(inner, f"{path}.content[{index}]")

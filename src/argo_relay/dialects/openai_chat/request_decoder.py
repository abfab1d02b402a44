"""A Chat Completions request becomes a neutral one: https://platform.openai.com/docs/api-reference/chat/create."""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.base import Outline, passed_over
from argo_relay.dialects.openai_chat import options, tools
from argo_relay.dialects.openai_chat.content_decoder import (
    MESSAGE,
    Origin,
    decode_content,
    decode_said,
    extras_of,
    str_or_none,
)
from argo_relay.dialects.openai_chat.outline import DIALECT
from argo_relay.errors import Refused
from argo_relay.neutral import seals
from argo_relay.neutral.content import Media, Part, Text, ToolCall, ToolResult
from argo_relay.neutral.failure import bad_request
from argo_relay.neutral.request import Message, Request, Role

_KNOWN: Final = (
    frozenset({"model", "messages", "stream", "timeout", "tools", "tool_choice", "functions", "function_call"})
    | {"parallel_tool_calls", "stream_options"}
    | options.KNOWN
)
_PLAIN: Final = frozenset({"role", "content", "name"})
_SAID: Final = MESSAGE | {"name"}
_ANSWER: Final = _PLAIN | {"tool_call_id"}
_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
}


def decode_request(outline: Outline) -> Request:
    """Return what a client asks for; raise Refused, naming the field, for what cannot be read."""
    values = outline.body.values
    _check(values)
    stream_options = values.get("stream_options") or {}
    extras = passed_over(values, _KNOWN)
    if rest := passed_over(stream_options, frozenset({"include_usage"})):
        extras["stream_options"] = rest
    return Request(
        dialect=DIALECT,
        model=outline.model,
        messages=_Conversation().read(values["messages"]),
        tools=tools.decode_tools(values),
        tool_choice=tools.decode_choice(values),
        parallel_tools=values.get("parallel_tool_calls"),
        sampling=options.decode_sampling(values),
        max_output=options.decode_limit(values),
        reasoning=options.decode_reasoning(values),
        output=options.decode_output(values.get("response_format")),
        verbosity=values.get("verbosity"),
        cache_key=values.get("prompt_cache_key"),
        stream=outline.stream,
        include_usage=bool(stream_options.get("include_usage")),
        end_user=values.get("user"),
        metadata=values.get("metadata"),
        store=values.get("store"),
        service_tier=values.get("service_tier"),
        extras=extras_of(extras),
    )


# What the outline leaves to the upstream, and a translation has to rely on.
_CHECKED: Final[tuple[tuple[str, type, str], ...]] = (
    ("verbosity", str, "a string"),
    ("prompt_cache_key", str, "a string"),
    ("metadata", dict, "an object"),
    ("store", bool, "true or false"),
    ("service_tier", str, "a string"),
    ("functions", list, "a list of functions"),
)


def _check(values: dict[str, Any]) -> None:
    for field, wanted, words in _CHECKED:
        if not isinstance(values.get(field), wanted | None):
            raise Refused(bad_request(f"`{field}` must be {words}.", field, "invalid_type"))


class _Conversation:
    """Reads messages in order: results of tools that follow each other are one message."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._results: list[ToolResult] = []
        self._legacy = "call_0"

    def read(self, values: list[dict[str, Any]]) -> tuple[Message, ...]:
        for at, value in enumerate(values):
            if value["role"] in ("tool", "function"):
                self._results.append(self._result(value, at))
            else:
                self._flush()
                self._messages.append(self._message(value, at))
        self._flush()
        return tuple(self._messages)

    def _flush(self) -> None:
        if self._results:
            self._messages.append(Message(role="user", parts=tuple(self._results)))
            self._results = []

    def _message(self, value: dict[str, Any], at: int) -> Message:
        role = _ROLES.get(value["role"])
        if role is None:
            known = ", ".join(f"`{one}`" for one in _ROLES)
            field = f"messages[{at}].role"
            raise Refused(bad_request(f"`{field}` must be one of {known} and `tool`.", field))
        content = value.get("content")
        if len(value) == 2 and isinstance(content, str) and content:
            # Most say one text and nothing else: 0.3 us, and 1.6 us by the way of all others, which comes to the same.
            return Message(role=role, parts=(Text(text=content),))
        origin = Origin(client=True, spare=f"call_{at}")
        _check_parts(content, at)
        if role == "assistant":
            parts: list[Part] = decode_said(value, origin)
            rest = passed_over(value, _SAID)
            self._note_legacy(parts)
        else:
            parts = decode_content(content, origin)
            rest = passed_over(value, _PLAIN)
        return Message(role=role, parts=tuple(parts), name=str_or_none(value.get("name")), extras=extras_of(rest))

    def _note_legacy(self, parts: list[Part]) -> None:
        for part in parts:
            if isinstance(part, ToolCall) and tools.LEGACY in part.extras.get(DIALECT, {}):
                self._legacy = part.id

    def _result(self, value: dict[str, Any], at: int) -> ToolResult:
        _check_parts(value.get("content"), at)
        legacy = value["role"] == "function"
        call = self._legacy if legacy else value.get("tool_call_id")
        if not isinstance(call, str) or not call:
            field = f"messages[{at}].tool_call_id"
            raise Refused(bad_request(f"`{field}` must name the call.", field, "missing_required_parameter"))
        parts = decode_content(value.get("content"), Origin(client=True, spare=f"call_{at}"))
        rest: dict[str, Any] = passed_over(value, _ANSWER)
        if legacy:
            rest[tools.LEGACY] = True
        return ToolResult(
            call=seals.without_seal(call)[0],
            name=str_or_none(value.get("name")),
            parts=tuple(part for part in parts if isinstance(part, Text | Media)),
            extras=extras_of(rest),
        )


def _check_parts(content: Any, at: int) -> None:
    for index, part in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(part, dict):
            field = f"messages[{at}].content[{index}]"
            raise Refused(bad_request(f"`{field}` must be an object.", field, "invalid_type"))

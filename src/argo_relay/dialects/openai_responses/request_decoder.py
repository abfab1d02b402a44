"""A Responses request becomes a Request: https://platform.openai.com/docs/api-reference/responses/create."""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.base import Outline, passed_over
from argo_relay.dialects.openai_responses.content_decoder import (
    CONTENT_PART,
    TEXTS,
    Item,
    decode_item,
    decode_message,
)
from argo_relay.dialects.openai_responses.options import (
    INSTRUCTIONS,
    decode_reasoning_wish,
    decode_sampling,
    decode_text,
)
from argo_relay.dialects.openai_responses.outline import DIALECT, ISSUER, extras_of, text_of
from argo_relay.dialects.openai_responses.tools import decode_tool_choice, decode_tools
from argo_relay.framing import jsonx
from argo_relay.neutral import seals
from argo_relay.neutral.content import Media, Opaque, Part, Text, ToolResult
from argo_relay.neutral.request import Message, Request, Role
from argo_relay.neutral.tools import HostedTool, Tool

_KNOWN: Final = frozenset(
    {
        "model",
        "input",
        "instructions",
        "stream",
        "timeout",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "temperature",
        "top_p",
        "top_logprobs",
        "max_output_tokens",
        "reasoning",
        "text",
        "prompt_cache_key",
        "metadata",
        "previous_response_id",
        "service_tier",
        "store",
        "user",
    }
)
_OF_MESSAGE: Final = frozenset({"type", "role", "content"})
_OF_RESULT: Final = frozenset({"type", "call_id", "output"})
_OF_IMAGE: Final = frozenset({"type", "image_url", "file_id", "detail"})
_OF_FILE: Final = frozenset({"type", "file_data", "file_url", "file_id", "filename", "detail"})
_RESULTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_ROLES: Final[dict[str, Role]] = {"user": "user", "system": "system", "developer": "developer"}
_ADDITIONAL: Final = "additional_tools"
_OF_DEVELOPER: Final = frozenset({_ADDITIONAL, "configuration_update"})


def decode_request(outline: Outline) -> Request:
    """Return what a client asks for; raise Refused (400, the field named) for what cannot be read."""
    values = outline.body.values
    extras = passed_over(values, _KNOWN)
    output, verbosity, text = decode_text(values.get("text"))
    if text:
        extras["text"] = text
    conversation = _Conversation()
    if instructions := values.get("instructions"):
        conversation.add_instructions(instructions)
    conversation.add_input(values.get("input"))
    return Request(
        dialect=DIALECT,
        model=outline.model,
        messages=conversation.finished(),
        tools=(*decode_tools(values.get("tools") or []), *conversation.tools),
        tool_choice=decode_tool_choice(values.get("tool_choice")),
        parallel_tools=values.get("parallel_tool_calls"),
        sampling=decode_sampling(values),
        max_output=values.get("max_output_tokens"),
        reasoning=decode_reasoning_wish(values.get("reasoning")),
        output=output,
        verbosity=verbosity,
        cache_key=values.get("prompt_cache_key"),
        stream=outline.stream,
        end_user=values.get("user"),
        metadata=values.get("metadata"),
        continues=values.get("previous_response_id"),
        store=values.get("store"),
        service_tier=values.get("service_tier"),
        extras=extras_of(extras),
    )


class _Conversation:
    """Gathers items into messages: what the model said in one turn is one message, and so are results in a row."""

    def __init__(self) -> None:
        self.tools: list[Tool] = []
        self._messages: list[Message] = []
        self._role: Role = "user"
        self._parts: list[Part] = []

    def add_instructions(self, text: str) -> None:
        marked = {DIALECT: {INSTRUCTIONS: True}}
        self._messages.append(Message(role="system", parts=(Text(text=text),), extras=marked))

    def add_input(self, value: str | list[Item] | None) -> None:
        if isinstance(value, str):
            self._messages.append(Message(role="user", parts=(Text(text=value),)))
            return
        for number, item in enumerate(value or ()):
            self._add(item, number)

    def finished(self) -> tuple[Message, ...]:
        self._flush()
        return tuple(self._messages)

    def _add(self, item: Item, number: int) -> None:
        kind = item.get("type", "message")
        if kind == "message":
            self._add_message(item, number)
        elif kind in _RESULTS:
            self._gather("user", [_decode_result(item, number)])
        elif kind in _OF_DEVELOPER:
            if kind == _ADDITIONAL and isinstance(item.get("tools"), list):
                tools = decode_tools(item["tools"], f"input[{number}].tools", additional=True)
                # Hosted ones are nothing to other dialects, and this one has them in the item.
                self.tools += [tool for tool in tools if not isinstance(tool, HostedTool)]
            self._gather("developer", [Opaque(dialect=DIALECT, payload=item)])
        elif kind.endswith(("_output", "_response")):
            self._gather("user", [Opaque(dialect=DIALECT, payload=item)])
        else:
            self._gather("assistant", decode_item(item, number, client=True))

    def _add_message(self, item: Item, number: int) -> None:
        role = item["role"]
        if role == "assistant":
            self._gather("assistant", decode_message(item, client=True))
            return
        if role not in _ROLES:
            self._gather("user", [Opaque(dialect=DIALECT, payload=item)])
            return
        self._flush()
        content = item.get("content")
        parts = (
            (Text(text=content),)
            if isinstance(content, str)
            else tuple(_part_of_message(part) for part in content or ())
        )
        extras = extras_of(passed_over(item, _OF_MESSAGE))
        self._messages.append(Message(role=_ROLES[role], parts=parts, extras=extras))

    def _gather(self, role: Role, parts: list[Part]) -> None:
        if role != self._role:
            self._flush()
        self._role = role
        self._parts += parts

    def _flush(self) -> None:
        if self._parts:
            self._messages.append(Message(role=self._role, parts=tuple(self._parts)))
            self._parts = []


def _part_of_message(part: dict[str, Any]) -> Part:
    return _decode_input_part(part) or Opaque(dialect=DIALECT, payload={"type": CONTENT_PART, "part": part})


def _decode_result(item: Item, number: int) -> ToolResult:
    """Return what a tool gave back; an output that no part can hold rides along whole."""
    given = item.get("call_id")
    call, _ = seals.without_seal(given if isinstance(given, str) and given else f"call_{number}")
    output = item.get("output")
    rest = passed_over(item, _OF_RESULT)
    parts: list[Text | Media] = []
    if isinstance(output, str):
        parts = [Text(text=output)] if output else []
    elif isinstance(output, list):
        for one in output:
            part = _decode_input_part(one) if isinstance(one, dict) else None
            if part is None:
                rest["output"] = output
            else:
                parts.append(part)
    elif output is not None:
        parts = [Text(text=jsonx.encode(output).decode("utf-8"))]
        rest["output"] = output
    return ToolResult(
        call=call,
        parts=tuple(parts),
        kind="custom" if item["type"] == "custom_tool_call_output" else "function",
        extras=extras_of(rest),
    )


def _decode_input_part(part: Item) -> Text | Media | None:
    """Return a part of a message that is not the model's; None when no part can hold it."""
    kind = part.get("type")
    if isinstance(kind, str) and kind in TEXTS:
        rest = passed_over(part, frozenset({"type", "text"}))
        if kind != "input_text":
            rest["type"] = kind
        return Text(text=text_of(part.get("text")), extras=extras_of(rest))
    if kind == "input_image":
        return _image(part)
    return _file(part) if kind == "input_file" else None


def _image(part: Item) -> Media | None:
    url, file = part.get("image_url"), part.get("file_id")
    rest = extras_of(passed_over(part, _OF_IMAGE))
    detail = part.get("detail")
    detail = detail if isinstance(detail, str) else None
    if isinstance(url, str) and file is None:
        media_type, data = _decode_data_url(url)
        if data is not None:
            return Media(kind="image", media_type=media_type, data=data, detail=detail, extras=rest)
        return Media(kind="image", url=url, detail=detail, extras=rest)
    if isinstance(file, str) and url is None:
        return Media(kind="image", file=file, issuer=ISSUER, detail=detail, extras=rest)
    return None


def _file(part: Item) -> Media | None:
    given = [name for name in ("file_data", "file_url", "file_id") if part.get(name) is not None]
    if len(given) != 1 or not isinstance(part[given[0]], str):
        return None
    value = part[given[0]]
    name, detail = part.get("filename"), part.get("detail")
    media_type, data, url, file = None, None, None, None
    if given[0] == "file_data":
        media_type, data = _decode_data_url(value)
        if data is None:
            data = value
    elif given[0] == "file_url":
        url = value
    else:
        file = value
    return Media(
        kind="document",
        media_type=media_type,
        data=data,
        url=url,
        file=file,
        issuer=ISSUER if file is not None else None,
        name=name if isinstance(name, str) else None,
        detail=detail if isinstance(detail, str) else None,
        extras=extras_of(passed_over(part, _OF_FILE)),
    )


def _decode_data_url(url: str) -> tuple[str | None, str | None]:
    """Return the type and the base64 text of a `data:` URL in its plain form; two Nones for any other."""
    if not url.startswith("data:"):
        return None, None
    head, comma, data = url[5:].partition(",")
    media_type, mark, form = head.partition(";")
    if not comma or not mark or form != "base64" or not media_type:
        return None, None
    return media_type, data

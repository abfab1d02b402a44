"""What law 6 asks of encoders: one row for each thing that the neutral language can say in a request.

Each row sets one field, or adds one part, to a small request. Every field of the neutral types has a row here, or
stands in `UNSAID` with the reason why it may cross in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from argo_relay.neutral.content import (
    CacheMark,
    Citation,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from argo_relay.neutral.request import Message, OutputFormat, ReasoningWish, Request, Sampling
from argo_relay.neutral.tools import CustomTool, FunctionTool, HostedTool, ToolChoice
from support.law_requests import strings
from support.sights import plain_request

MARK: Final = "Zq7marker"
IMAGE: Final = "WnE3bWFya2Vy"

UNSAID: Final = {
    "Request.dialect": "whose request it is, is not for the upstream",
    "Request.messages": "the rows of the parts add messages",
    "Request.model": "the target names the model",
    "Request.stream": "Google says it in the path",
    "Request.received": "a reply says it, not a request",
    "Request.include_usage": "the relay always asks for usage",
    "OutputFormat.extras": "one dialect's own",
    "ToolChoice.extras": "one dialect's own",
    "ReasoningWish.extras": "one dialect's own",
    "FunctionTool.extras": "one dialect's own",
    "CustomTool.extras": "one dialect's own",
    "Message.extras": "one dialect's own, mostly ids",
    "Text.extras": "one dialect's own, mostly ids",
    "Media.extras": "one dialect's own, mostly ids",
    "Reasoning.extras": "one dialect's own, mostly ids",
    "ToolCall.extras": "one dialect's own, mostly ids",
    "ToolResult.extras": "one dialect's own, mostly ids",
    "Refusal.extras": "one dialect's own, mostly ids",
    "Text.logprobs": "what a model made of its words is no part of a request",
    "Reasoning.form": "a summary is read as a thought",
    "Reasoning.item": "an id that one API gives out",
    "ToolCall.item": "an id that one API gives out",
    "ToolCall.id": "Google pairs calls and results by order where ids are not its own",
    "ToolResult.call": "as ToolCall.id",
    "ToolResult.name": "the call that is answered has it",
    "ToolResult.kind": "the call that is answered has it",
    "ToolCall.kind": "the row of the custom tool says it",
    "HostedTool.dialect": "the payload is what is said",
    "Opaque.dialect": "the payload is what is said",
    "Citation.dialect": "the payload is what is said",
    "Citation.payload": "the fields are what other dialects say",
    "Citation.start": "an offset is nothing without its citation",
    "Citation.end": "an offset is nothing without its citation",
    "Citation.quote": "a citation is said or lost as a whole",
    "Citation.title": "a citation is said or lost as a whole",
    "Seal.issuer": "law 7",
    "Seal.kind": "law 7",
    "Media.issuer": "the row of the file says it",
    "Media.kind": "the rows of the data say it",
    "Media.media_type": "the rows of the data say it",
}
TYPES: Final = (
    Request,
    Sampling,
    ReasoningWish,
    OutputFormat,
    ToolChoice,
    FunctionTool,
    CustomTool,
    HostedTool,
    Message,
    Text,
    Media,
    Reasoning,
    ToolCall,
    ToolResult,
    Refusal,
    Opaque,
    CacheMark,
    Citation,
    Seal,
)


class Row(NamedTuple):
    """One thing to say: a request without it, requests that say it (one of them must be heard), and words of it."""

    field: str
    about: str
    without: Request
    ways: tuple[Request, ...]
    marks: tuple[str, ...] = ()


_BASE: Final = plain_request("other")
_TOOL: Final = FunctionTool(name="look", schema={"type": "object", "properties": {}})
_WITH_TOOL: Final = msgspec.structs.replace(_BASE, tools=(_TOOL,))
_CALL: Final = ToolCall(id="call_1", name="look", arguments="{}")
_CUSTOM: Final = CustomTool(name="patch")


def rows() -> Iterator[Row]:
    """Yield every row."""
    yield from _request_rows()
    yield from _inner_rows("Sampling", "sampling", Sampling(), _SAMPLING)
    yield from _inner_rows("Sampling", "sampling", Sampling(logprobs=True), {"top_logprobs": (3,)})
    yield from _inner_rows("ReasoningWish", "reasoning", ReasoningWish(effort="low"), _WISHES)
    yield from _inner_rows(
        "ReasoningWish", "reasoning", ReasoningWish(), {"effort": ("high", "none"), "budget": (4096,)}
    )
    yield from _inner_rows("OutputFormat", "output", OutputFormat(kind="schema", schema={"type": "object"}), _FORMATS)
    yield _row("OutputFormat.kind", output=OutputFormat(kind="json"))
    yield from _choice_rows()
    yield from _tool_rows()
    yield from _part_rows()
    yield from _cache_rows()


_REQUEST: Final[dict[str, tuple[Any, ...]]] = {
    "tools": ((_TOOL,),),
    "tool_choice": (ToolChoice(mode="required"),),
    "parallel_tools": (False, True),
    "sampling": (Sampling(temperature=0.5),),
    "max_output": (1234,),
    "reasoning": (ReasoningWish(effort="high"),),
    "output": (OutputFormat(kind="json"),),
    "verbosity": ("low",),
    "cache": (CacheMark(),),
    "cache_key": (MARK,),
    "end_user": (MARK,),
    "metadata": ({"batch": MARK},),
    "continues": (MARK,),
    "store": (True, False),
    "service_tier": ("flex", "priority", "auto"),
    "extras": ({"nobody": {"logit_bias": {"1": 5}}},),
}
_SAMPLING: Final[dict[str, tuple[Any, ...]]] = {
    "temperature": (0.5,),
    "top_p": (0.5,),
    "top_k": (7,),
    "frequency_penalty": (0.5,),
    "presence_penalty": (0.5,),
    "seed": (7,),
    "stop": ((MARK,),),
    "logprobs": (True,),
}
_WISHES: Final[dict[str, tuple[Any, ...]]] = {
    "mode": ("off", "on", "adaptive"),
    "summary": ("detailed",),
    "visible": (True, False),
}
_FORMATS: Final[dict[str, tuple[Any, ...]]] = {
    "schema": ({"type": "object", "title": MARK},),
    "name": (MARK,),
    "description": (MARK,),
    "strict": (True, False),
}


def _row(field: str, about: str = "", without: Request = _BASE, **said: Any) -> Row:
    return Row(field, about, without, (msgspec.structs.replace(without, **said),))


def _request_rows() -> Iterator[Row]:
    for name, values in _REQUEST.items():
        base = _WITH_TOOL if name in {"tool_choice", "parallel_tools"} else _BASE
        yield Row(f"Request.{name}", "", base, tuple(msgspec.structs.replace(base, **{name: one}) for one in values))


def _inner_rows(kind: str, where: str, base: Any, fields: dict[str, tuple[Any, ...]]) -> Iterator[Row]:
    without = msgspec.structs.replace(_BASE, **{where: base})
    for name, values in fields.items():
        made = [msgspec.structs.replace(base, **{name: value}) for value in values]
        yield Row(f"{kind}.{name}", "", without, tuple(msgspec.structs.replace(_BASE, **{where: one}) for one in made))


def _choice_rows() -> Iterator[Row]:
    grouped = FunctionTool(name="look", namespace="files", schema={"type": "object", "properties": {}})
    base = msgspec.structs.replace(_BASE, tools=(_TOOL, grouped, _CUSTOM))
    for mode in ("none", "required"):
        yield _row("ToolChoice.mode", mode, base, tool_choice=ToolChoice(mode=mode))
    named = msgspec.structs.replace(base, tool_choice=ToolChoice(mode="tool", name="look"))
    yield Row("ToolChoice.name", "", base, (named,), ("look",))
    yield _row("ToolChoice.kind", "", base, tool_choice=ToolChoice(mode="tool", name="patch", kind="custom"))
    yield _row("ToolChoice.namespace", "", named, tool_choice=ToolChoice(mode="tool", name="look", namespace="files"))
    auto = msgspec.structs.replace(base, tool_choice=ToolChoice(mode="auto"))
    yield _row("ToolChoice.allowed", "", auto, tool_choice=ToolChoice(mode="auto", allowed=("look",)))
    hosted = ToolChoice(mode="hosted", extras={"nobody": {"type": "web_search"}})
    yield _row("ToolChoice.mode", "hosted", base, tool_choice=hosted)


def _tool_rows() -> Iterator[Row]:
    said = {
        "name": (MARK,),
        "description": (MARK,),
        "schema": ({"type": "object", "properties": {}, "title": MARK},),
        "strict": (True, False),
        "namespace": (MARK,),
        "deferred": (True,),
    }
    for name, values in said.items():
        made = tuple(
            msgspec.structs.replace(_BASE, tools=(msgspec.structs.replace(_TOOL, **{name: value}),)) for value in values
        )
        yield Row(f"FunctionTool.{name}", "", _WITH_TOOL, made)
    customs: dict[str, Any] = {
        "name": MARK,
        "description": MARK,
        "format": {"type": "grammar", "syntax": "lark", "definition": MARK},
        "namespace": MARK,
    }
    base = msgspec.structs.replace(_BASE, tools=(_CUSTOM,))
    for name, value in customs.items():
        tool = msgspec.structs.replace(_CUSTOM, **{name: value})
        yield Row(f"CustomTool.{name}", "", base, (msgspec.structs.replace(_BASE, tools=(tool,)),), (MARK,))
    yield _row("HostedTool.payload", tools=(HostedTool(dialect="nobody", payload={"type": MARK}),))


def _part_rows() -> Iterator[Row]:
    thought = Seal(issuer="openai_chat", kind="thought", value=MARK)
    cited = Citation(url=f"https://{MARK}", dialect="nobody", payload={})
    user: list[tuple[str, str, Part]] = [
        ("Text.text", "user", Text(text=MARK)),
        ("Media.data", "image", Media(kind="image", media_type="image/png", data=IMAGE)),
        ("Media.url", "image", Media(kind="image", url=f"https://example.org/{MARK}.png")),
        ("Media.file", "image", Media(kind="image", file=MARK, issuer="nobody")),
        ("Media.data", "document", Media(kind="document", media_type="application/pdf", data=IMAGE)),
        ("Media.url", "document", Media(kind="document", url=f"https://example.org/{MARK}.pdf")),
        ("Media.text", "document", Media(kind="document", media_type="text/plain", text=MARK)),
        ("Media.name", "document", Media(kind="document", media_type="application/pdf", data="aGk=", name=MARK)),
        ("Media.detail", "", Media(kind="image", url=f"https://example.org/{MARK}.png", detail="high")),
        ("Media.data", "audio", Media(kind="audio", media_type="audio/wav", data=IMAGE)),
        ("Media.url", "video", Media(kind="video", media_type="video/mp4", url=f"https://example.org/{MARK}")),
        ("Opaque.payload", "user", Opaque(dialect="nobody", payload={"type": MARK})),
    ]
    model: list[tuple[str, str, Part]] = [
        ("Text.text", "assistant", Text(text=MARK)),
        ("Text.citations", "", Text(text="a", citations=(cited,))),
        ("Citation.url", "", Text(text="a", citations=(cited,))),
        ("Reasoning.text", "", Reasoning(text=MARK)),
        ("Reasoning.seal", "", Reasoning(text="a", seal=Seal(issuer="openai_chat", kind="encrypted", value=MARK))),
        ("Text.seal", "", Text(text="a", seal=thought)),
        ("Media.data", "assistant", Media(kind="image", media_type="image/png", data=IMAGE)),
        (
            "Media.seal",
            "",
            Media(kind="image", data="aGk=", seal=Seal(issuer="openai_chat", kind="thought", value=MARK)),
        ),
        ("Refusal.text", "", Refusal(text=MARK)),
        ("Opaque.payload", "assistant", Opaque(dialect="nobody", payload={"type": MARK})),
    ]
    for field, about, part in user:
        yield _added(field, about, Message(role="user", parts=(part,)))
    for field, about, part in model:
        yield _added(field, about, Message(role="assistant", parts=(part,)))
    for role in ("system", "developer"):
        yield _added("Message.role", role, Message(role=role, parts=(Text(text=MARK),)))
        first = msgspec.structs.replace(_BASE, messages=(Message(role=role, parts=(Text(text=MARK),)), *_BASE.messages))
        yield Row("Message.parts", f"{role} first", _BASE, (first,), (MARK,))
    yield _added("Message.name", "", Message(role="user", parts=(Text(text="a"),), name=MARK))
    yield from _call_rows()


def _call_rows() -> Iterator[Row]:
    seal = Seal(issuer="openai_chat", kind="thought", value=MARK)
    calls = {
        "name": ToolCall(id="call_1", name=MARK),
        "arguments": ToolCall(id="call_1", name="look", arguments=f'{{"a":"{MARK}"}}'),
        "arguments broken": ToolCall(id="call_1", name="look", arguments=f'{{"a":"{MARK}'),
        "arguments free": ToolCall(id="call_1", name="patch", arguments=MARK, kind="custom"),
        "namespace": ToolCall(id="call_1", name="look", namespace=MARK),
        "seal": ToolCall(id="call_1", name="look", seal=seal),
    }
    for name, call in calls.items():
        turn = (Message(role="assistant", parts=(call,)), _result(Text(text="done"), kind=call.kind))
        field, _, about = name.partition(" ")
        yield _added(f"ToolCall.{field}", about, *turn)
    results: dict[str, tuple[Text | Media, ...]] = {
        "text": (Text(text=MARK),),
        "image": (Media(kind="image", media_type="image/png", data=IMAGE),),
        "document": (Media(kind="document", media_type="application/pdf", data=IMAGE),),
    }
    for about, parts in results.items():
        yield _added("ToolResult.parts", about, Message(role="assistant", parts=(_CALL,)), _result(*parts))
    fine = (*_BASE.messages, Message(role="assistant", parts=(_CALL,)), _result(Text(text="a")))
    failed = (*fine[:-1], _result(Text(text="a"), failed=True))
    yield _row("ToolResult.failed", "", msgspec.structs.replace(_BASE, messages=fine), messages=failed)


def _result(*parts: Text | Media, **said: Any) -> Message:
    return Message(role="user", parts=(ToolResult(call="call_1", parts=parts, **said),))


def _added(field: str, about: str, *messages: Message) -> Row:
    said = msgspec.structs.replace(_BASE, messages=(*_BASE.messages, *messages))
    leaves = "".join(strings(msgspec.to_builtins(said)))
    return Row(field, about, _BASE, (said,), tuple(mark for mark in (MARK, IMAGE) if mark in leaves))


def _cache_rows() -> Iterator[Row]:
    mark = CacheMark()
    bearers: dict[str, tuple[Part, ...]] = {
        "Text": (Text(text="a"),),
        "Media": (Media(kind="image", media_type="image/png", data="aGk="),),
    }
    for name, parts in bearers.items():
        marked = tuple(msgspec.structs.replace(part, cache=mark) for part in parts)
        yield _swapped(f"{name}.cache", (Message(role="user", parts=parts),), (Message(role="user", parts=marked),))
    call = Message(role="assistant", parts=(_CALL,))
    marked_call = Message(role="assistant", parts=(msgspec.structs.replace(_CALL, cache=mark),))
    result = _result(Text(text="a"))
    yield _swapped("ToolCall.cache", (call, result), (marked_call, result))
    yield _swapped("ToolResult.cache", (call, result), (call, _result(Text(text="a"), cache=mark)))
    short = (Message(role="user", parts=(Text(text="a", cache=mark),)),)
    yield _swapped("CacheMark.ttl", short, (Message(role="user", parts=(Text(text="a", cache=CacheMark(ttl="1h")),)),))
    yield _row("FunctionTool.cache", "", _WITH_TOOL, tools=(msgspec.structs.replace(_TOOL, cache=mark),))


def _swapped(field: str, without: tuple[Message, ...], said: tuple[Message, ...]) -> Row:
    base = msgspec.structs.replace(_BASE, messages=without)
    return _row(field, "", base, messages=said)

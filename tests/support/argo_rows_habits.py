"""What Argo makes of limits, conversations, tools and images: 1.9 and 1.10 of the facts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from anthropic import omit

from support.argo_row import (
    ABSENT,
    ANTHROPIC,
    CHAT,
    CLAUDE,
    GEMINI,
    GOOGLE,
    GPT,
    RESPONSES,
    Answer,
    Aside,
    Error,
    Row,
)
from support.argo_turns import Calls, Result, Says, told
from support.said import DOT

_NO_SUCH_ROLE: Final = "its API has one place for instructions, which is no message"
_TEXT_ONLY: Final = "its API has but text there"


_STRICT: Final = {f"{RESPONSES} {CLAUDE}": Answer(losses="strict=dropped")}
"""OpenAI's word for tools whose calls must fit their schema."""


def _orphan(what: str) -> dict[str, Any]:
    """Return what rows of calls and results without each other have in common."""
    told_both = Answer(losses=f"strict=dropped, {what}=approximated")
    return {
        "wishes": {"tools": True},
        "gets": Answer(losses=f"{what}=approximated"),
        "unlike": {f"{RESPONSES} {CLAUDE}": told_both},
    }


def _limits() -> Iterator[Row]:
    for name, asks, wishes, more, gathered in (
        ("no limit", "without a limit, whole or streamed", {}, {ANTHROPIC: {"max_tokens": omit}}, False),
        ("limit over 21,000", "for 32,000 tokens at most", {"limit": 32_000}, {}, True),
        ("limit of 21,000", "for 21,000 tokens at most", {"limit": 21_000}, {}, False),
    ):
        yield Row(
            section="1.9",
            name=name,
            does="refuses whole replies that might take ten minutes: 500 `Streaming is required`",
            asks=asks,
            models=(CLAUDE, "argo:claude-opus-4.7"),
            wishes=wishes,
            more=more,
            sent={"whole:stream": True if gathered else ABSENT, "stream:stream": True},
        )


def _conversations() -> Iterator[Row]:
    asked, called = Says("user", "Weather?"), Calls({"call_1": "get_weather"})
    two = Calls({"call_1": "get_weather", "call_2": "get_time"})
    both = (Result("call_1", "get_weather"), Result("call_2", "get_time"))
    yield Row(
        section="1.9",
        name="developer role",
        does="knows no `developer`: 400 about `messages[0].tool_calls`",
        asks="with instructions of the developer's",
        models=("argo:o3", GPT, CLAUDE, GEMINI),
        before=told(Says("developer", "Be brief."), Says("user")),
        sent={"chat:messages.0.role": "system", "messages:system": "(present)"},
        without=dict.fromkeys((ANTHROPIC, GOOGLE), _NO_SUCH_ROLE),
    )
    yield Row(
        section="1.9",
        name="null content",
        does="fails inside on `content: null` (Gemini)",
        asks="after a tool call without words",
        wishes={"tools": True},
        before=told(asked, called, Result("call_1", "get_weather"), Says("user")),
        unlike=_STRICT,
    )
    yield Row(
        section="1.9",
        name="parallel calls",
        does="refuses two calls at once with Gemini: `number of function response parts`",
        asks="after two tool calls at once",
        models=(GEMINI,),
        wishes={"tools": True},
        before=told(asked, two, *both, Says("user")),
        sent={
            "messages.1.tool_calls.0.function.name": "get_weather",
            "messages.1.tool_calls.1": ABSENT,
            "messages.2.role": "tool",
            "messages.3.tool_calls.0.function.name": "get_time",
            "messages.4.role": "tool",
        },
    )
    yield Row(
        section="1.9",
        name="parallel calls of others",
        does="takes two calls at once with others",
        asks="after two tool calls at once",
        models=(GPT, CLAUDE),
        wishes={"tools": True},
        before=told(asked, two, *both, Says("user")),
        sent={"chat:messages.1.tool_calls.1.function.name": "get_time"},
        unlike=_STRICT,
    )
    yield Row(
        section="1.9",
        name="instructions in parts",
        does="refuses instructions that are a list of parts (Gemini)",
        asks="with such instructions",
        before=told(Says("system", "Be brief.", parts=True), Says("user", parts=True)),
        models=(GEMINI,),
        sent={"messages.0.content": "Be brief."},
        without=dict.fromkeys((ANTHROPIC, GOOGLE), _NO_SUCH_ROLE),
    )
    yield Row(
        section="1.9",
        name="tools of Claude",
        does="told Claude's tool calls as Python text on the chat route",
        asks="for a tool call: the relay asks on the Messages route",
        models=(CLAUDE,),
        era="2026-05",
        wishes={"tools": True},
        prompt="[tool=get_weather]",
        gets=Answer(stop="called", words="", calls=1, losses={RESPONSES: "strict=dropped"}),
    )
    yield Row(
        section="1.9",
        name="empty thought",
        does="refuses thoughts without text and signature in a history (Claude)",
        asks="after such a thought",
        models=(CLAUDE,),
        before={
            ANTHROPIC: [
                {"role": "user", "content": "Hm?"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "", "signature": ""},
                        {"type": "text", "text": "Yes."},
                    ],
                },
                {"role": "user", "content": Says("user").text},
            ]
        },
        sent={"messages.1.content.0.type": "text"},
        without=dict.fromkeys((CHAT, RESPONSES, GOOGLE), "only Anthropic's API has such blocks"),
    )
    yield Row(
        section="1.9",
        name="call without a result",
        does="refuses tool calls that nobody answered",
        asks="after an interrupted tool call",
        before=told(asked, called, Says("user")),
        **_orphan("tool_call"),
    )
    yield Row(
        section="1.9",
        name="result without a call",
        does="refuses results of calls that nobody made",
        asks="with a tool's result whose call is gone",
        before=told(asked, Says("assistant", "A moment."), Result("call_9", "get_weather"), Says("user")),
        **_orphan("tool_result"),
    )


_DEFS: Final = {
    "type": "object",
    "properties": {"where": {"$ref": "#/$defs/Place"}},
    "required": ["where"],
    "$defs": {"Place": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


def _tool(schema: dict[str, Any] | None, description: str = "Looks.") -> dict[str, Any]:
    """Return one tool, as each SDK's users offer it."""
    declared: dict[str, Any] = {"name": "look", "description": description}
    google = declared | ({} if schema is None else {"parameters_json_schema": schema})
    return {
        CHAT: {
            "tools": [{"type": "function", "function": declared | ({} if schema is None else {"parameters": schema})}]
        },
        RESPONSES: {"tools": [{"type": "function", **declared, "parameters": schema, "strict": False}]},
        ANTHROPIC: {"tools": [declared | {"input_schema": {} if schema is None else schema}]},
        GOOGLE: {
            "tools": [{"function_declarations": [google]}],
            "automatic_function_calling": {"disable": True},
        },
    }


def _tools() -> Iterator[Row]:
    calls = Answer(stop="called", words="", calls=1)
    yield Row(
        section="1.9",
        name="schemas with references",
        does="refuses `$ref` and `$defs` in tools' schemas (Gemini)",
        asks="with such a schema",
        prompt="[tool=look]",
        more=_tool(_DEFS),
        sent={"chat:tools.0.function.name": "look"},
        gets=calls,
    )
    yield Row(
        section="1.9",
        name="references resolved",
        does="the same",
        asks="with such a schema",
        models=(GEMINI,),
        prompt="[tool=look]",
        more=_tool(_DEFS),
        sent={
            "tools.0.function.parameters.$defs": ABSENT,
            "tools.0.function.parameters.properties.where.properties.city.type": "string",
        },
        gets=calls,
    )
    yield Row(
        section="1.9",
        name="tool without parameters",
        does="wants `type: object` of tools that take nothing",
        asks="with a tool that has no schema",
        prompt="[tool=look]",
        more=_tool(None),
        gets=calls,
    )
    yield Row(
        section="1.9",
        name="long description",
        does="refuses tools' descriptions over 1024 characters (GPT)",
        asks="with one of 2000",
        models=(GPT,),
        prompt="[tool=look]",
        more=_tool(_DEFS, "word " * 400),
        gets=Answer(stop="called", words="", calls=1, losses="description=approximated"),
    )
    yield Row(
        section="1.9",
        name="custom tool",
        does="takes custom tools (GPT)",
        asks="with a tool that takes plain text",
        models=(GPT,),
        more={
            CHAT: {"tools": [{"type": "custom", "custom": {"name": "patch", "description": "Patches."}}]},
            RESPONSES: {"tools": [{"type": "custom", "name": "patch", "description": "Patches."}]},
        },
        sent={"tools.0.type": "custom"},
        without={
            f"{CHAT} stream": "its SDK's helper for streams refuses them",
            ANTHROPIC: "its API has none",
            GOOGLE: "its API has none",
        },
    )


def _images() -> Iterator[Row]:
    yield Row(
        section="1.9",
        name="image in a tool's result",
        does="refuses OpenAI's `input_image` there (Claude)",
        asks="after a tool gave an image",
        models=(CLAUDE,),
        wishes={"tools": True},
        before={
            RESPONSES: [
                {"role": "user", "content": "Look."},
                {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city": "x"}'},
                {
                    "type": "function_call_output",
                    "call_id": "call_1",
                    "output": [{"type": "input_image", "image_url": f"data:image/png;base64,{DOT}"}],
                },
                {"role": "user", "content": Says("user").text},
            ],
            ANTHROPIC: [
                {"role": "user", "content": "Look."},
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "x"}}],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "call_1",
                            "content": [
                                {
                                    "type": "image",
                                    "source": {"type": "base64", "media_type": "image/png", "data": DOT},
                                }
                            ],
                        },
                        {"type": "text", "text": Says("user").text},
                    ],
                },
            ],
            GOOGLE: [
                {"role": "user", "parts": [{"text": "Look."}]},
                {"role": "model", "parts": [{"function_call": {"id": "call_1", "name": "get_weather", "args": {}}}]},
                {
                    "role": "user",
                    "parts": [
                        {
                            "function_response": {
                                "id": "call_1",
                                "name": "get_weather",
                                "response": {"output": "here"},
                                "parts": [{"inline_data": {"mime_type": "image/png", "data": DOT}}],
                            }
                        },
                        {"text": Says("user").text},
                    ],
                },
            ],
        },
        sent={"messages.2.content.0.content.-1.type": "image"},
        without={CHAT: _TEXT_ONLY},
        gets=Answer(holds="1 image", losses={RESPONSES: "strict=dropped"}),
    )
    yield Row(
        section="1.9",
        name="51 images",
        does="refuses more than 50 images (GPT)",
        asks="about 51",
        models=(GPT,),
        before=_pictures(51),
        gets=Answer(holds="50 images", note="an answer about the last 50", losses="image=dropped"),
    )
    yield Row(
        section="1.9",
        name="image by URL",
        does="does not fetch images, as far as is known",
        asks="about an image by its URL",
        wishes={"image": "url"},
        gets=Answer(holds="1 image", note="an answer about the image, which the relay has fetched"),
    )


def _pictures(count: int) -> dict[str, Any]:
    url = f"data:image/png;base64,{DOT}"
    source = {"type": "base64", "media_type": "image/png", "data": DOT}
    text = Says("user").text
    chat = [{"type": "image_url", "image_url": {"url": url}}] * count
    responses = [{"type": "input_image", "image_url": url, "detail": "auto"}] * count
    return {
        CHAT: [{"role": "user", "content": [*chat, {"type": "text", "text": text}]}],
        RESPONSES: [{"role": "user", "content": [*responses, {"type": "input_text", "text": text}]}],
        ANTHROPIC: [
            {
                "role": "user",
                "content": [*([{"type": "image", "source": source}] * count), {"type": "text", "text": text}],
            }
        ],
        GOOGLE: [
            {
                "role": "user",
                "parts": [*([{"inline_data": {"mime_type": "image/png", "data": DOT}}] * count), {"text": text}],
            }
        ],
    }


def _refusals() -> Iterator[Row]:
    yield Row(
        section="1.9",
        name="context",
        does="refuses prompts over a model's context (Claude: 922,000 tokens)",
        models=(CLAUDE,),
        prompt="[error_after=0] [error_kind=too_long]",
        gets=Error(status=400, says=("prompt is too long: 1000000 tokens > 922000 maximum",)),
    )


ROWS: Final = (*_limits(), *_conversations(), *_tools(), *_images(), *_refusals())
ASIDES: Final = (
    Aside("1.9", "takes some 20 MB at its gateway", "no recording says what it answers beyond that"),
    Aside("1.9", "answers Claude Code's `HEAD` with 404", "no SDK asks so; the relay answers it by itself"),
    Aside("1.9", "sends no `Retry-After` that anybody has seen", "where one comes it is passed on (1.7, rate limit)"),
    Aside("1.9", "is not ALCF's endpoints, nor Ask Sage", "these are upstreams of other kinds (docs/dialects.md)"),
    Aside("1.10", "has an older API", "the relay does not use it: the newer routes do all that it does"),
)

"""Tokens counted here: by a real table, with what is not text accounted for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.neutral.content import Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from argo_relay.neutral.request import Message, OutputFormat, Request
from argo_relay.neutral.tools import FunctionTool
from argo_relay.operations.estimate import estimate

WORDS = "The quick brown fox jumps over the lazy dog. " * 20


def tokens(*parts: Part, owner: str = "openai", **fields: Any) -> int:
    message = Message(role="user", parts=parts)
    return estimate(Request(dialect="anthropic", model="m", messages=(message,), **fields), owner).tokens


def test_text_is_counted_by_a_real_table() -> None:
    # By OpenAI's own o200k_base the sentence is 10 tokens, and the space before the next one joins it.
    assert 200 <= tokens(Text(text=WORDS)) <= 210
    assert tokens(Text(text="")) == 7


@pytest.mark.parametrize(
    ("owner", "table"), [("openai", "o200k_base"), ("anthropic", "o200k_base"), ("google", "gemma3")]
)
def test_it_says_which_table_was_used(owner: str, table: str) -> None:
    request = Request(dialect="google", model="m", messages=(Message(role="user", parts=(Text(text=WORDS),)),))
    guess = estimate(request, owner)
    assert guess.table == table
    assert 195 <= guess.tokens <= 230


@pytest.mark.parametrize(
    "part",
    [
        Text(text=WORDS),
        Reasoning(text=WORDS),
        Refusal(text=WORDS),
        ToolCall(id="c", name="f", arguments=json.dumps({"text": WORDS})),
        ToolResult(call="c", parts=(Text(text=WORDS),)),
        Media(kind="document", text=WORDS),
        Opaque(dialect="anthropic", payload={"type": "x", "text": WORDS}),
    ],
)
def test_every_part_counts(part: Part) -> None:
    assert tokens(part) >= 200


def test_pictures_and_documents_count_without_being_read() -> None:
    picture = Media(kind="image", data="aGk=", media_type="image/png")
    assert tokens(picture) == tokens() + 1000
    assert tokens(ToolResult(call="c", parts=(picture,))) == tokens() + 1000
    document = Media(kind="document", data="A" * 40_000, media_type="application/pdf")
    assert tokens(document) == tokens() + 1500
    assert tokens(Media(kind="document", url="https://example.org/a.pdf")) == tokens() + 1000


def test_tools_and_schemas_count() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string", "description": WORDS}}}
    assert tokens(tools=(FunctionTool(name="f", schema=schema),)) > tokens() + 200
    assert tokens(output=OutputFormat(kind="schema", schema=schema)) > tokens() + 200

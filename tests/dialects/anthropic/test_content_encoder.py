from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.anthropic.content_encoder import ContentEncoder, encode_arguments, results_first
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
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.request import Message, Role

OWN_SEAL = Seal(issuer="anthropic", kind="signature", value="s")
REDACTED = Seal(issuer="anthropic", kind="redacted", value="d")
FOREIGN = Seal(issuer="google", kind="thought", value="g")
REFERENCE = {"type": "tool_reference", "tool_name": "look"}


def written(*parts: Part, own: bool = False, role: Role = "user") -> tuple[list[Any], list[tuple[str, str]]]:
    losses: Losses = []
    blocks = ContentEncoder(losses, own=own).blocks(Message(role=role, parts=parts), "messages[0]")
    return blocks, [(loss.what, loss.how) for loss in losses]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Text(text="hi"), {"type": "text", "text": "hi"}),
        (
            Text(text="hi", cache=CacheMark(ttl="1h")),
            {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ),
        (
            Text(text="hi", citations=(Citation(dialect="anthropic", payload={"type": "char_location"}),)),
            {"type": "text", "text": "hi", "citations": [{"type": "char_location"}]},
        ),
        (Text(text="x", extras={"anthropic": {"block": REFERENCE}}), REFERENCE),
        (Refusal(text="No."), {"type": "text", "text": "No."}),
        (Reasoning(text="Hm", seal=OWN_SEAL), {"type": "thinking", "thinking": "Hm", "signature": "s"}),
        (Reasoning(seal=REDACTED), {"type": "redacted_thinking", "data": "d"}),
        (
            ToolCall(id="a.b:0", name="n", namespace="g", arguments='{"x": 1}'),
            {"type": "tool_use", "id": "a_b_0", "name": "g__n", "input": {"x": 1}},
        ),
        (
            ToolResult(call="a.b:0", parts=(Text(text="ok"), Text(text=" ")), failed=True),
            {
                "type": "tool_result",
                "tool_use_id": "a_b_0",
                "content": [{"type": "text", "text": "ok"}],
                "is_error": True,
            },
        ),
        (ToolResult(call="t"), {"type": "tool_result", "tool_use_id": "t"}),
        (Opaque(dialect="anthropic", payload={"type": "compaction"}), {"type": "compaction"}),
        (
            Media(kind="image", media_type="image/png", data="QQ==", detail="auto"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}},
        ),
        (
            Media(kind="image", url="data:image/gif;base64,QQ=="),
            {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "QQ=="}},
        ),
        (Media(kind="image", url="https://i"), {"type": "image", "source": {"type": "url", "url": "https://i"}}),
        (
            Media(kind="document", data="QQ==", name="D"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "QQ=="},
                "title": "D",
            },
        ),
        (
            Media(kind="document", data="QQ==", media_type="text/csv"),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A"}},
        ),
        (
            Media(kind="document", file="f", issuer="anthropic"),
            {"type": "document", "source": {"type": "file", "file_id": "f"}},
        ),
    ],
)
def test_each_part_is_a_block(part: Part, block: dict[str, Any]) -> None:
    assert written(part) == ([block], [])


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (Text(text=" \n"), []),
        (Reasoning(text="Hm"), ["reasoning"]),
        (Reasoning(text="Hm", seal=FOREIGN), ["seal", "reasoning"]),
        (Reasoning(seal=FOREIGN), ["seal"]),
        (Media(kind="audio", data="QQ=="), ["audio"]),
        (Media(kind="video", url="https://v"), ["video"]),
        (Media(kind="document", data="QQ==", media_type="application/msword"), ["document"]),
        (Media(kind="document", data="?", media_type="text/plain"), ["document"]),
        (Media(kind="image", file="f", issuer="openai"), ["file"]),
        (Opaque(dialect="openai_responses", payload={"type": "web_search_call"}), ["web_search_call"]),
        (Opaque(dialect="google", payload=None), ["part"]),
    ],
)
def test_what_cannot_be_said_is_a_loss(part: Part, lost: list[str]) -> None:
    assert written(part) == ([], [(what, "dropped") for what in lost])


def test_what_is_said_in_part_is_a_loss() -> None:
    foreign = Citation(url="https://u", dialect="openai_chat", payload={})
    made = Citation(url="https://u", dialect="anthropic", payload={"encrypted_index": "", "url": "https://u"})
    blocks, losses = written(Text(text="hi", citations=(foreign, made), seal=FOREIGN))
    assert blocks == [{"type": "text", "text": "hi"}]
    assert losses == [("seal", "dropped"), ("citation", "dropped")]
    assert written(Media(kind="image", url="https://i", detail="low"))[1] == [("detail", "dropped")]
    assert written(ToolCall(id="t", name="n", seal=FOREIGN))[1] == [("seal", "dropped")]
    assert written(Reasoning(text="Hm", seal=REDACTED))[1] == [("reasoning", "dropped")]


def test_a_models_turn_holds_no_images() -> None:
    image = Media(kind="image", url="https://i")
    assert written(image, role="assistant") == ([], [("image", "dropped")])
    assert len(written(image, role="assistant", own=True)[0]) == 1


def test_an_unsigned_thought_goes_back_to_where_it_is_from() -> None:
    block = {"type": "thinking", "thinking": "Hm", "signature": ""}
    assert written(Reasoning(text="Hm"), own=True) == ([block], [])


@pytest.mark.parametrize(
    ("call", "value", "lossy"),
    [
        (ToolCall(id="t", name="n", arguments=""), {}, False),
        (ToolCall(id="t", name="n", arguments='{"a": 12345678901234567890123}'), {"a": 12345678901234567890123}, False),
        (ToolCall(id="t", name="n", arguments="text", kind="custom"), {"input": "text"}, False),
        (ToolCall(id="t", name="n", arguments="[1]"), {"arguments": "[1]"}, True),
        (ToolCall(id="t", name="n", arguments='{"a": '), {"arguments": '{"a": '}, True),
        (ToolCall(id="t", name="n", arguments='{"a": "\\ud83d"}'), {"a": "\ud83d"}, False),
    ],
)
def test_arguments_are_an_object(call: ToolCall, value: dict[str, Any], lossy: bool) -> None:
    losses: Losses = []
    assert encode_arguments(call, "p", losses) == value
    assert [loss.how for loss in losses] == (["approximated"] if lossy else [])


def test_an_id_is_used_once_and_results_follow() -> None:
    encoder = ContentEncoder([], own=False)
    turns = [
        encoder.blocks(Message(role="user" if isinstance(part, ToolResult) else "assistant", parts=(part,)), "m")
        for one in ("call_0", "call:0", "call_0")
        for part in (ToolCall(id=one, name="n"), ToolResult(call=one))
    ]
    assert [block.get("id") or block["tool_use_id"] for (block,) in turns] == [
        *("call_0", "call_0"),
        *("call_0_2", "call_0_2"),
        *("call_0_3", "call_0_3"),
    ]


def test_results_come_first() -> None:
    result, text = {"type": "tool_result"}, {"type": "text"}
    assert results_first([text, result, text, result]) == [result, result, text, text]

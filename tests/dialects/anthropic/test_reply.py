from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.anthropic.reply import decode_reply, encode_reply, read_reply
from argo_relay.errors import BadJson, Refused
from argo_relay.neutral import seals
from argo_relay.neutral.content import (
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
from argo_relay.neutral.reply import Reply, Stop, Usage
from argo_relay.neutral.request import Request

ASKED = Request(dialect="anthropic", model="m", messages=())
FOREIGN = Seal(issuer="google", kind="thought", value="g")
ENCRYPTED = Seal(issuer="openai", kind="encrypted", value="e")
WIRE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {"query": "q"}},
        {"type": "text", "text": "Hi", "citations": [{"type": "char_location", "cited_text": "q"}]},
        {"type": "tool_use", "id": "t", "name": "look", "input": {"b": 1, "a": 2}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 2, "service_tier": "standard", "inference_geo": "us"},
    "container": {"id": "c"},
}


def written(*parts: Part, stop: Stop | None = None, **said: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    reply = Reply(id="1", model="m", parts=parts, stop=stop or Stop(reason="end"), **said)
    body, losses = encode_reply(reply, ASKED)
    return json.loads(body), [(loss.what, loss.how) for loss in losses]


def test_a_reply_comes_back_as_it_came() -> None:
    reply = decode_reply(json.dumps(WIRE).encode())
    assert (reply.id, reply.model, reply.service_tier) == ("msg_1", "claude", "default")
    assert reply.parts[0] == Reasoning(text="Hm", seal=Seal(issuer="anthropic", kind="signature", value="s"))
    assert reply.parts[2] == Opaque(dialect="anthropic", payload=WIRE["content"][2])
    assert reply.parts[4] == ToolCall(id="t", name="look", arguments='{"b":1,"a":2}')
    assert reply.stop == Stop(reason="tool_calls", raw="tool_use")
    assert reply.extras == {"anthropic": {"container": {"id": "c"}}}
    body, losses = encode_reply(reply, ASKED)
    assert json.loads(body) == WIRE
    assert losses == []
    assert read_reply(json.dumps(WIRE).encode()).usage == reply.usage


def test_what_is_missing_is_made_up() -> None:
    reply = decode_reply(b'{"content":[{"type":"text","text":""},{"type":"tool_use","name":"n"}]}')
    assert reply == Reply(
        id="msg_0",
        model="",
        parts=(ToolCall(id="call_1", name="n", arguments="{}"),),
        stop=Stop(reason="tool_calls"),
    )


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"content":"x"}', b'{"content":["x"]}', b'{"choices":[]}'])
def test_what_is_no_reply_is_bad_json(body: bytes) -> None:
    with pytest.raises(BadJson):
        decode_reply(body)
    if not body.startswith(b"{"):
        with pytest.raises(BadJson):
            read_reply(body)


def test_an_error_in_a_200_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        decode_reply(b'{"type":"error","error":{"type":"api_error","message":"No."}}')
    assert (caught.value.failure.status, caught.value.failure.message) == (500, "No.")


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Text(text="hi"), {"type": "text", "text": "hi"}),
        (
            Text(text="hi", citations=(Citation(url="https://u", title="T", dialect="openai_chat", payload={}),)),
            {
                "type": "text",
                "text": "hi",
                "citations": [
                    {
                        "type": "web_search_result_location",
                        "cited_text": "",
                        "encrypted_index": "",
                        "title": "T",
                        "url": "https://u",
                    }
                ],
            },
        ),
        (Reasoning(text="Hm"), {"type": "thinking", "thinking": "Hm", "signature": ""}),
        (
            Reasoning(text="Hm", seal=FOREIGN),
            {"type": "thinking", "thinking": "Hm", "signature": seals.pack(FOREIGN)},
        ),
        (Reasoning(seal=ENCRYPTED), {"type": "redacted_thinking", "data": seals.pack(ENCRYPTED)}),
        (
            ToolCall(id="t", name="n", namespace="g", seal=FOREIGN),
            {"type": "tool_use", "id": seals.with_seal("t", FOREIGN), "name": "g__n", "input": {}},
        ),
    ],
)
def test_each_part_is_a_block(part: Part, block: dict[str, Any]) -> None:
    body, losses = written(part)
    assert (body["content"], losses) == ([block], [])


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (Text(text=""), []),
        (Media(kind="image", data="QQ=="), ["image"]),
        (ToolResult(call="t"), ["tool_result"]),
        (Opaque(dialect="openai_responses", payload={"type": "web_search_call"}), ["web_search_call"]),
        (Text(text="", seal=FOREIGN), ["seal"]),
    ],
)
def test_what_cannot_be_shown_is_a_loss(part: Part, lost: list[str]) -> None:
    body, losses = written(part)
    assert (body["content"], losses) == ([], [(what, "dropped") for what in lost])


def test_what_is_shown_in_part_is_a_loss() -> None:
    nowhere = Citation(dialect="google", payload={})
    body, losses = written(Text(text="hi", citations=(nowhere,), logprobs=({"token": "hi"},)))
    assert body["content"] == [{"type": "text", "text": "hi"}]
    assert losses == [("logprobs", "dropped"), ("citation", "dropped")]
    body, losses = written(ToolCall(id="t", name="n", arguments="{"), stop=Stop(reason="length"))
    assert body["content"][0]["input"] == {"arguments": "{"}
    assert (body["stop_reason"], losses) == ("max_tokens", [("arguments", "approximated")])


def test_a_refusal_is_a_text() -> None:
    body, losses = written(Refusal(text="No."), usage=Usage(input=5, output=2, cache_read=5))
    assert body == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "No."}],
        "stop_reason": "refusal",
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 2, "cache_read_input_tokens": 5},
    }
    assert losses == []


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["text", "tool_use", "thinking"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "usage", "id", "name", "error"]), inner)
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_json_is_a_reply_or_none(value: Any) -> None:
    try:
        reply = decode_reply(json.dumps(value).encode())
    except (BadJson, Refused):
        return
    assert decode_reply(encode_reply(reply, ASKED)[0]).model == reply.model

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from argo_relay.dialects.openai_responses.reply import decode_reply, encode_reply, read_reply
from argo_relay.errors import BadJson, Refused
from argo_relay.framing import jsonx
from argo_relay.neutral import seals
from argo_relay.neutral.content import (
    Citation,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from argo_relay.neutral.reply import Reply, Stop, Usage
from argo_relay.neutral.request import ReasoningWish, Request
from support.replies import JSON, REPLIES

ASKED = Request(dialect="openai_responses", model="m", messages=())
USAGE = {
    "input_tokens": 5,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 7,
}
OUTPUT: list[dict[str, Any]] = [
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "g"},
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [
            {"type": "output_text", "text": "a", "annotations": [{"type": "file_citation"}], "logprobs": []},
            {"type": "refusal", "refusal": "No."},
        ],
    },
    {"id": "ws_1", "type": "web_search_call", "status": "completed"},
    {
        "id": "fc_1",
        "type": "function_call",
        "status": "completed",
        "call_id": "c",
        "name": "f",
        "arguments": '{"b": 1, "a": 2}',
    },
    {"id": "ctc_1", "type": "custom_tool_call", "status": "completed", "call_id": "d", "name": "patch", "input": "x"},
]
BODY: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 7,
    "status": "completed",
    "model": "gpt",
    "output": OUTPUT,
    "usage": USAGE,
    "service_tier": "default",
    "temperature": 1.0,
    "billing": {"payer": "developer"},
}


def test_a_reply_is_read() -> None:
    reply = decode_reply(jsonx.encode(BODY))
    assert [type(part) for part in reply.parts] == [Reasoning, Text, Refusal, Opaque, ToolCall, ToolCall]
    assert reply.parts[0] == Reasoning(
        text="Hm.", form="summary", item="rs_1", seal=Seal(issuer="openai", kind="encrypted", value="g")
    )
    assert (reply.id, reply.model, reply.created, reply.service_tier) == ("resp_1", "gpt", 7, "default")
    assert reply.stop == Stop(reason="tool_calls", raw="completed")
    assert reply.usage == Usage(input=5, output=2, cache_read=0, cache_write=0, reasoning=0, raw=USAGE)
    # What repeats the request says nothing of its own.
    assert reply.extras == {"openai_responses": {"billing": {"payer": "developer"}}}


def test_a_reply_goes_back_as_it_came() -> None:
    body, losses = encode_reply(decode_reply(jsonx.encode(BODY)), ASKED)
    made = jsonx.decode(body)
    assert made["output"] == OUTPUT
    assert {name: made[name] for name in BODY if name != "temperature"} == {
        name: value for name, value in BODY.items() if name != "temperature"
    }
    assert not losses


def test_a_reply_repeats_its_clients_request() -> None:
    asked = Request(dialect="openai_responses", model="m", messages=(), reasoning=ReasoningWish(effort="low"))
    reply = Reply(id="r", model="gpt", parts=(), stop=Stop(reason="end"))
    made = jsonx.decode(encode_reply(reply, asked)[0])
    assert made["reasoning"] == {"effort": "low", "summary": None}
    assert (made["id"], made["output"], made["usage"], made["error"]) == ("resp_r", [], None, None)


@pytest.mark.parametrize(
    "body", [b"", b"3", b"[]", b"{}", b'{"output":{}}', b'{"output":[1]}', b"<html>", b'{"detail":"x"}']
)
def test_what_is_no_reply_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson):
        decode_reply(body)


def test_a_digest_is_its_usage() -> None:
    usage = read_reply(jsonx.encode(BODY)).usage
    assert usage is not None
    assert (usage.input, usage.output) == (5, 2)
    assert read_reply(b"{}").usage is None
    for body in (b"", b"[]"):
        with pytest.raises(BadJson):
            read_reply(body)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"code": "rate_limit_exceeded", "message": "No."}}, 429),
        ({**BODY, "status": "failed", "error": {"code": "server_error", "message": "No."}}, 502),
    ],
)
def test_an_error_in_a_200_is_one(body: dict[str, Any], status: int) -> None:
    with pytest.raises(Refused) as caught:
        decode_reply(jsonx.encode(body))
    assert (caught.value.failure.status, caught.value.failure.message) == (status, "No.")


@pytest.mark.parametrize(
    ("status", "details", "stop"),
    [
        ("incomplete", {"reason": "max_output_tokens"}, Stop(reason="length", raw="max_output_tokens")),
        ("incomplete", {"reason": "content_filter"}, Stop(reason="content_filter", raw="content_filter")),
        ("queued", None, Stop(reason="other", raw="queued")),
    ],
)
def test_how_a_reply_ended_goes_both_ways(status: str, details: Any, stop: Stop) -> None:
    reply = decode_reply(jsonx.encode({**BODY, "status": status, "incomplete_details": details}))
    assert reply.stop == stop
    made = jsonx.decode(encode_reply(reply, ASKED)[0])
    assert (made["status"], made["incomplete_details"]) == (status, details)


def test_another_dialects_reply() -> None:
    seal = Seal(issuer="anthropic", kind="signature", value="EqQB")
    reply = Reply(
        id="msg_1",
        model="claude",
        parts=(
            Reasoning(text="hm", seal=seal),
            Text(text="See A.", citations=(Citation(url="https://a.test", dialect="anthropic", payload={}),)),
            Media(kind="image", media_type="image/png", data="aGk="),
            Media(kind="audio", data="aGk="),
            Opaque(dialect="anthropic", payload={"type": "server_tool_use"}),
            ToolCall(id="c1", name="look", arguments="oops"),
            ToolResult(call="c1"),
        ),
        stop=Stop(reason="pause", raw="pause_turn"),
        usage=Usage(input=5, output=2),
    )
    body, losses = encode_reply(reply, ASKED)
    made = jsonx.decode(body)
    thought, text, image, call = made["output"]
    assert (made["id"], made["status"], made["usage"]) == ("resp_msg_1", "incomplete", USAGE)
    assert (thought["encrypted_content"], thought["summary"][0]["text"]) == (seals.pack(seal), "hm")
    assert text["content"][0]["annotations"][0]["url"] == "https://a.test"
    assert (image["type"], image["result"]) == ("image_generation_call", "aGk=")
    assert (call["call_id"], call["arguments"]) == ("c1", "oops")
    assert [(loss.path, loss.what) for loss in losses] == [
        ("parts[3]", "audio"),
        ("parts[4]", "server_tool_use"),
        ("stop.reason", "pause"),
        ("parts[6]", "tool_result"),
    ]


@given(REPLIES)
def test_what_is_written_is_read_again(reply: Reply) -> None:
    body, _ = encode_reply(reply, ASKED)
    again = decode_reply(body)
    for kind in (Text, Reasoning, Refusal):
        want = [part.text for part in reply.parts if isinstance(part, kind)]
        assert [part.text for part in again.parts if isinstance(part, kind)] == want
    assert jsonx.decode(encode_reply(again, ASKED)[0]) == jsonx.decode(body)


@given(JSON)
def test_nothing_is_too_strange(value: Any) -> None:
    for strange in (value, {"output": value}, {"output": [value]}, {**BODY, "usage": value, "status": value}):
        try:
            encode_reply(decode_reply(jsonx.encode(strange)), ASKED)
        except (BadJson, Refused):
            continue

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from argo_relay.dialects.base import Digest
from argo_relay.dialects.openai_chat.outline import outline
from argo_relay.dialects.openai_chat.reply import decode_reply, encode_reply, read_reply
from argo_relay.dialects.openai_chat.request_decoder import decode_request
from argo_relay.errors import BadJson, Refused
from argo_relay.framing import jsonx
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
from argo_relay.neutral.tools import CustomTool, FunctionTool, Tool
from support.corpus import Exchange
from support.follow_ups import follow_up
from support.replies import REPLIES, SEALS
from support.sights import plain_request, said, seals_of

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}


def test_a_reply_says_what_it_cost() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    body: dict[str, Any] = {"choices": [CHOICE], "usage": usage}
    assert read_reply(json.dumps(body).encode()) == Digest(usage=Usage(input=9, output=3, raw=body["usage"]))


@pytest.mark.parametrize("usage", [None, {}, [], {"prompt_tokens": None}])
def test_a_reply_need_not_say_what_it_cost(usage: object) -> None:
    assert read_reply(json.dumps({"choices": [CHOICE], "usage": usage}).encode()) == Digest()
    assert read_reply(json.dumps({"choices": [CHOICE]}).encode()) == Digest()


@pytest.mark.parametrize("odd", [b'"\\ud83d"', b"NaN", b"-Infinity", b"1e400", b"9" * 5_000])
def test_a_paid_reply_is_not_lost_over_an_odd_value(odd: bytes) -> None:
    body = b'{"choices":[' + odd + b'],"usage":{"prompt_tokens":9}}'
    assert read_reply(body) == Digest(usage=Usage(input=9, raw={"prompt_tokens": 9}))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502</html>", b"[]", b"null", b'"hello"', b"5", b'{"choices":[', b'{"a":"\xff"}', b"[" * 10_000],
)
def test_what_is_no_reply_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson):
        read_reply(body)


# ---------------------------------------------------------------------------------------------------- wire to neutral

ASKED = plain_request("openai_chat")
SIGNED = Seal(issuer="anthropic", kind="signature", value="EqQB")


def own(**members: Any) -> dict[str, dict[str, Any]]:
    return {"openai_chat": members}


def reply(message: dict[str, Any], finish: Any = "stop", **more: Any) -> Reply:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "m", "choices": [choice], **more}
    return decode_reply(jsonx.encode(body))


def test_a_whole_reply_is_read() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-5",
        "system_fingerprint": "fp_1",
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi.", "refusal": None, "padding": "x"},
                "logprobs": None,
                "finish_reason": "stop",
                "native_finish_reason": "end",
            }
        ],
        "usage": usage,
    }
    assert decode_reply(jsonx.encode(body)) == Reply(
        id="chatcmpl-1",
        model="gpt-5",
        created=1_700_000_000,
        service_tier="default",
        parts=(Text(text="Hi."),),
        stop=Stop(reason="end", raw="stop"),
        usage=Usage(input=9, output=3, raw=usage),
        extras=own(
            reply={"system_fingerprint": "fp_1"}, choice={"native_finish_reason": "end"}, message={"padding": "x"}
        ),
    )


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({}, ()),
        ({"content": ""}, ()),
        ({"reasoning_content": "Hm.", "content": "Hi."}, (Reasoning(text="Hm."), Text(text="Hi."))),
        ({"reasoning": "Hm.", "content": "Hi."}, (Reasoning(text="Hm."), Text(text="Hi."))),
        (
            {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "format": "f"}]},
            (Reasoning(text="Hm.", extras=own(detail={"format": "f"})),),
        ),
        (
            {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.encrypted", "data": "gAAA", "id": "rs_1"}]},
            (
                Reasoning(text="Hm."),
                Reasoning(seal=Seal(issuer="openai_chat", kind="encrypted", value="gAAA"), item="rs_1"),
            ),
        ),
        (
            {"reasoning_content": "Hm.", "reasoning_details": [{"type": "reasoning.text", "signature": "EqQB"}]},
            (Reasoning(text="Hm.", seal=Seal(issuer="openai_chat", kind="signature", value="EqQB")),),
        ),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                    {"type": "text", "text": "Hi."},
                ]
            },
            (Reasoning(text="Hm."), Text(text="Hi.")),
        ),
        (
            {"content": [{"type": "text", "text": "Hi."}, {"type": "reference", "ids": [1]}]},
            (Text(text="Hi."), Opaque(dialect="openai_chat", payload={"type": "reference", "ids": [1]})),
        ),
        ({"content": None, "refusal": "No."}, (Refusal(text="No."),)),
        (
            {"audio": {"id": "audio_1", "expires_at": 9, "data": "aGk=", "transcript": "Hi."}},
            (
                Text(text="Hi.", extras=own(audio={"id": "audio_1", "expires_at": 9})),
                Media(kind="audio", data="aGk=", extras=own()),
            ),
        ),
        (
            {"audio": {"id": "audio_1", "expires_at": 9, "data": "", "transcript": "Hi."}},
            (Text(text="Hi.", extras=own(audio={"id": "audio_1", "expires_at": 9})),),
        ),
        (
            {"content": "Here.", "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]},
            (Text(text="Here."), Media(kind="image", media_type="image/png", data="aGk=")),
        ),
    ],
)
def test_what_a_message_says(message: dict[str, Any], parts: tuple[Part, ...]) -> None:
    assert reply(message).parts == parts


def test_calls() -> None:
    made = reply(
        {
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}},
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": {"a": 2}}},
                {"id": "", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}},
                {"function": {"name": "look"}, "extra_content": {"google": {"thought_signature": "c2ln"}}},
                {"id": "c5", "function": {"arguments": "{}"}},
            ],
        }
    )
    assert made.parts == (
        ToolCall(id="c1", name="look", arguments='{"a":1}'),
        ToolCall(id="c1", name="look", arguments='{"a":2}'),
        ToolCall(id="call_1_2", name="patch", arguments="*** Begin", kind="custom"),
        ToolCall(id="call_1_3", name="look", seal=Seal(issuer="google", kind="thought", value="c2ln")),
    )
    assert made.stop == Stop(reason="tool_calls", raw="stop")


def test_a_function_call_of_the_time_before_tools() -> None:
    made = reply({"content": None, "function_call": {"name": "look", "arguments": "{}"}}, "function_call")
    assert made.parts == (ToolCall(id="call_1_0", name="look", arguments="{}", extras=own(legacy=True)),)
    assert made.stop.reason == "tool_calls"


def test_annotations_and_log_probabilities_are_the_texts() -> None:
    annotation = {
        "type": "url_citation",
        "url_citation": {"url": "https://example.org", "start_index": 0, "end_index": 2},
    }
    token = {"token": "Hi.", "logprob": -0.5}
    choice = {
        "message": {"content": "Hi.", "annotations": [annotation, 5]},
        "logprobs": {"content": [token], "refusal": [token]},
        "finish_reason": "stop",
    }
    made = decode_reply(jsonx.encode({"id": "chatcmpl-1", "choices": [choice]}))
    citation = Citation(url="https://example.org", start=0, end=2, dialect="openai_chat", payload=annotation)
    assert made.parts == (Text(text="Hi.", citations=(citation,), logprobs=(token,)),)
    assert made.extras == own(choice={"logprobs": {"refusal": [token]}})


def test_a_reply_without_an_id_gets_one_of_its_own() -> None:
    first, second = (decode_reply(jsonx.encode({"choices": [CHOICE], "created": n})) for n in (1, 2))
    assert first.id.startswith("chatcmpl-")
    assert first.id != second.id


@pytest.mark.parametrize("created", [None, 0, "5", 5.5, -1])
def test_a_time_that_is_none(created: Any) -> None:
    assert reply({"content": "Hi."}, created=created).created is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[5]}',
        b'{"choices":[{"text":"a legacy completion"}]}',
        b'{"choices":[{"message":"x"}]}',
        b'{"type":"message","content":[]}',
    ],
)
def test_what_is_no_chat_reply(body: bytes) -> None:
    with pytest.raises(BadJson):
        decode_reply(body)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"message": "Slow down.", "code": 429}}, 429),
        ({"error": {"message": "Slow down."}, "choices": [CHOICE]}, 502),
        ({"object": "error", "message": "Slow down.", "code": 400}, 400),
        ({"choices": [{**CHOICE, "error": {"message": "Slow down.", "code": 503}}]}, 503),
    ],
)
def test_an_error_in_a_200(body: dict[str, Any], status: int) -> None:
    with pytest.raises(Refused) as refused:
        decode_reply(jsonx.encode(body))
    assert (refused.value.failure.status, refused.value.failure.message) == (status, "Slow down.")


# ---------------------------------------------------------------------------------------------------- neutral to wire


def wire(*parts: Part, asked: Request = ASKED, **more: Any) -> tuple[dict[str, Any], list[str]]:
    stop = more.pop("stop", Stop(reason="end"))
    body, losses = encode_reply(Reply(id="r1", model="m", parts=parts, stop=stop, **more), asked)
    return jsonx.decode(body), [loss.what for loss in losses]


def message(*parts: Part, asked: Request = ASKED) -> dict[str, Any]:
    body, losses = wire(*parts, asked=asked)
    assert losses == []
    said: dict[str, Any] = body["choices"][0]["message"]
    assert said.pop("role") == "assistant"
    return {name: value for name, value in said.items() if value is not None}


def with_tools(*tools: Tool) -> Request:
    return Request(dialect="openai_chat", model="m", messages=(), tools=tools)


def test_a_whole_reply_is_written() -> None:
    body, losses = wire(Text(text="Hi."), created=5, usage=Usage(input=9, output=3), service_tier="default")
    assert losses == []
    assert body == {
        "id": "r1",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 3,
            "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        "service_tier": "default",
    }


def test_what_a_reply_does_not_know_is_left_out() -> None:
    body, _ = wire()
    assert body.keys() == {"id", "object", "created", "model", "choices"}
    assert (body["created"], body["choices"][0]["message"]["content"]) == (0, "")


def test_an_anthropic_id_is_made_one_of_this_dialects() -> None:
    for identifier, written in (("msg_1", "chatcmpl-msg_1"), ("gen-1", "gen-1"), ("", "chatcmpl-")):
        body, _ = encode_reply(Reply(id=identifier, model="m", parts=(), stop=Stop(reason="end")), ASKED)
        assert jsonx.decode(body)["id"] == written


def test_what_an_upstream_of_this_dialect_added_goes_back() -> None:
    own_reply = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "No.", "refusal": None, "padding": "x"},
                "logprobs": {"content": None, "refusal": [{"token": "No.", "logprob": -0.5}]},
                "finish_reason": "stop",
                "stop_reason": 5,
            }
        ],
    }
    body, losses = encode_reply(decode_reply(jsonx.encode(own_reply)), ASKED)
    assert (jsonx.decode(body), losses) == (own_reply, [])


@pytest.mark.parametrize(
    ("parts", "written"),
    [
        ((Text(text="a"), Text(text="b")), {"content": "ab"}),
        (
            (Reasoning(text="A."), Text(text="Hi."), Reasoning(text="B.")),
            {"content": "Hi.", "reasoning_content": "A.\n\nB."},
        ),
        ((Refusal(text="No"), Refusal(text=".")), {"refusal": "No."}),
        ((Text(text="Hi."), Refusal(text="No.")), {"content": "Hi.", "refusal": "No."}),
        (
            (Media(kind="image", media_type="image/png", data="aGk="), Media(kind="image", url="https://example.org")),
            {
                "images": [
                    {"index": 0, "type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                    {"index": 1, "type": "image_url", "image_url": {"url": "https://example.org"}},
                ]
            },
        ),
        (
            (
                Text(text="Hi.", extras=own(audio={"id": "audio_1"})),
                Media(kind="audio", data="aGk=", extras=own(expires_at=9)),
            ),
            {"audio": {"id": "audio_1", "data": "aGk=", "expires_at": 9, "transcript": "Hi."}},
        ),
        (
            (Text(text="Hi."), Opaque(dialect="openai_chat", payload={"type": "reference"})),
            {"content": [{"type": "text", "text": "Hi."}, {"type": "reference"}]},
        ),
        (
            (
                ToolCall(id="c1", name="look", namespace="eyes"),
                ToolCall(id="c2", name="patch", arguments="x", kind="custom"),
            ),
            {
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "eyes__look", "arguments": "{}"}},
                    {"id": "c2", "type": "custom", "custom": {"name": "patch", "input": "x"}},
                ]
            },
        ),
    ],
)
def test_what_a_message_is_written_of(parts: tuple[Part, ...], written: dict[str, Any]) -> None:
    assert message(*parts) == written


def test_a_custom_tool_is_called_with_its_text_though_the_model_wrote_an_object() -> None:
    asked = with_tools(CustomTool(name="patch"), FunctionTool(name="look"))
    calls = [
        ToolCall(id="c1", name="patch", arguments='{"input":"*** Begin"}'),
        ToolCall(id="c2", name="patch", arguments="{broken"),
        ToolCall(id="c3", name="look", arguments='{"input":"x"}'),
    ]
    assert message(*calls, asked=asked)["tool_calls"] == [
        {"id": "c1", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}},
        {"id": "c2", "type": "custom", "custom": {"name": "patch", "input": "{broken"}},
        {"id": "c3", "type": "function", "function": {"name": "look", "arguments": '{"input":"x"}'}},
    ]


def test_a_client_that_knows_no_tools_gets_its_function_called() -> None:
    asked = with_tools(FunctionTool(name="look", extras=own(legacy=True)))
    calls = (ToolCall(id="c1", name="look", arguments="{}", seal=SIGNED), ToolCall(id="c2", name="look"))
    body, losses = wire(*calls, asked=asked, stop=Stop(reason="tool_calls"))
    said = body["choices"][0]
    assert said["message"]["function_call"] == {"name": "look", "arguments": "{}"}
    assert "tool_calls" not in said["message"]
    assert said["finish_reason"] == "function_call"
    assert losses == ["seal", "tool_call"]


def test_a_legacy_call_is_a_tools_call_for_a_client_with_tools() -> None:
    call = ToolCall(id="c1", name="look", arguments="{}", extras=own(legacy=True))
    assert "function_call" in message(call)
    assert "tool_calls" in message(call, asked=with_tools(FunctionTool(name="look")))


def test_citations_are_annotations_and_count_from_the_contents_start() -> None:
    theirs = Citation(url="https://example.org", title="T", quote="q", start=1, end=2, dialect="google", payload={})
    bare = Citation(url="https://example.org", dialect="google", payload={})
    mine = Citation(dialect="openai_chat", payload={"type": "file", "file": {}})
    nowhere = Citation(title="T", dialect="google", payload={})
    body, losses = wire(Text(text="Well, "), Text(text="so.", citations=(theirs, bare, mine, nowhere)))
    first = {"url": "https://example.org", "title": "T", "start_index": 7, "end_index": 8, "content": "q"}
    second = {"url": "https://example.org", "title": "", "start_index": 6, "end_index": 9}
    assert body["choices"][0]["message"]["annotations"] == [
        {"type": "url_citation", "url_citation": first},
        {"type": "url_citation", "url_citation": second},
        {"type": "file", "file": {}},
    ]
    assert losses == ["citation"]


def test_log_probabilities() -> None:
    body, losses = wire(Text(text="a", logprobs=({"token": "a", "logprob": -1.0},)), Text(text="b"))
    token = {"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}
    assert body["choices"][0]["logprobs"] == {"content": [token], "refusal": None}
    assert losses == []


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (Text(text="a", seal=SIGNED), ["seal"]),
        (Media(kind="image", data="aGk=", seal=SIGNED), ["seal"]),
        (Media(kind="image", file="f1", issuer="google"), ["image"]),
        (Media(kind="audio", media_type="audio/wav", data="aGk="), ["audio"]),
        (Media(kind="document", data="aGk="), ["document"]),
        (Opaque(dialect="anthropic", payload={"type": "server_tool_use"}), ["server_tool_use"]),
        (Opaque(dialect="openai_chat", payload=5), ["part"]),
        (ToolResult(call="c1"), ["tool_result"]),
    ],
)
def test_what_cannot_be_said_is_a_loss(part: Part, lost: list[str]) -> None:
    assert wire(part)[1] == lost


@given(SEALS)
def test_a_calls_seal_stands_in_its_id(seal: Seal) -> None:
    (call,) = message(ToolCall(id="c1", name="look", arguments="{}", seal=seal))["tool_calls"]
    assert seals.without_seal(call["id"]) == ("c1", seal)


def test_a_thought_without_a_seal_is_plain() -> None:
    assert message(Reasoning(text="Hm.", item="rs_1")) == {"content": "", "reasoning_content": "Hm."}


def test_where_one_thought_has_a_seal_all_are_details() -> None:
    encrypted = Seal(issuer="openai", kind="encrypted", value="gAAA")
    thoughts = (
        Reasoning(text="A."),
        Reasoning(text="B.", seal=SIGNED),
        Reasoning(text="C.", form="summary", seal=encrypted, item="rs_1"),
        Reasoning(seal=encrypted),
        Reasoning(text="D."),
        Reasoning(),
    )
    said = message(*thoughts)
    assert said["reasoning_content"] == "A.\n\nB.\n\nC.\n\nD."
    assert said["reasoning_details"] == [
        {"index": 0, "type": "reasoning.text", "text": "A."},
        {"index": 1, "type": "reasoning.text", "text": "B.", "signature": seals.pack(SIGNED)},
        {
            "index": 2,
            "type": "reasoning.summary",
            "summary": "C.",
            "signature": seals.pack(encrypted),
            "id": "rs_1",
        },
        {"index": 3, "type": "reasoning.encrypted", "data": seals.pack(encrypted)},
        {"index": 4, "type": "reasoning.text", "text": "D."},
    ]


def test_a_seal_of_this_dialect_is_bare() -> None:
    signed = Seal(issuer="openai_chat", kind="signature", value="EqQB")
    encrypted = Seal(issuer="openai_chat", kind="encrypted", value="gAAA")
    details = message(Reasoning(text="A.", seal=signed), Reasoning(seal=encrypted))["reasoning_details"]
    assert (details[0]["signature"], details[1]["data"]) == ("EqQB", "gAAA")


@given(REPLIES)
def test_any_reply_is_the_same_when_it_is_read_again(given_reply: Reply) -> None:
    body, _ = encode_reply(given_reply, ASKED)
    want, got = said(given_reply, "openai_chat"), said(decode_reply(body), "openai_chat")
    # A refusal has its own place, so it does not matter when it came.
    assert (sorted(want.text), want.thought, want.calls) == (sorted(got.text), got.thought, got.calls)


@given(REPLIES)
def test_every_seal_comes_back_from_a_client_or_is_a_loss(given_reply: Reply) -> None:
    body, losses = encode_reply(given_reply, ASKED)
    exchange = Exchange(id="", dialect="openai_chat", body=follow_up("openai_chat", jsonx.decode_loosely(body)))
    request = decode_request(outline(exchange.incoming))
    home = seals_of(part for turn in request.messages for part in turn.parts)
    lost = sum(loss.what in ("seal", "image") for loss in losses)
    assert len(home) >= len(seals_of(given_reply.parts)) - lost
    assert all(seal in seals_of(given_reply.parts) for seal in home)

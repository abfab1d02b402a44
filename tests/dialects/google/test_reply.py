from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.google.reply import decode_reply, encode_reply, read_reply
from argo_relay.errors import BadJson, Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.content import Citation, Opaque, Reasoning, Refusal, Seal, Text, ToolCall
from argo_relay.neutral.reply import Reply, Stop, Usage
from argo_relay.neutral.request import Request

ASKED = Request(dialect="google", model="m", messages=())
USAGE = {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}
BODY: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "parts": [
                    {"text": "hm", "thought": True},
                    {"text": "Hello", "thoughtSignature": "c2ln"},
                    {"functionCall": {"name": "look", "args": {"a": 1}}},
                ],
                "role": "model",
            },
            "finishReason": "STOP",
            "index": 0,
            "avgLogprobs": -0.5,
            "groundingMetadata": {"webSearchQueries": ["q"]},
        }
    ],
    "promptFeedback": {"safetyRatings": []},
    "usageMetadata": USAGE,
    "modelVersion": "gemini",
    "responseId": "r1",
    "createTime": "2026-01-01T00:00:00Z",
}


def test_a_reply_is_read() -> None:
    assert decode_reply(jsonx.encode(BODY)) == Reply(
        id="r1",
        model="gemini",
        parts=(
            Reasoning(text="hm", form="summary"),
            Text(text="Hello", seal=Seal(issuer="google", kind="thought", value="c2ln")),
            ToolCall(id="call_r1_2", name="look", arguments='{"a":1}', extras={"google": {"id": None}}),
        ),
        stop=Stop(reason="tool_calls", raw="STOP"),
        usage=Usage(input=5, output=2, raw=USAGE),
        extras={
            "google": {
                "reply": {"promptFeedback": {"safetyRatings": []}, "createTime": "2026-01-01T00:00:00Z"},
                "candidate": {"avgLogprobs": -0.5, "groundingMetadata": {"webSearchQueries": ["q"]}},
            }
        },
    )


def test_a_reply_goes_back_as_it_came() -> None:
    body, losses = encode_reply(decode_reply(jsonx.encode(BODY)), ASKED)
    assert jsonx.decode(body) == BODY
    assert not losses


def test_a_list_is_a_stream_read_to_its_end() -> None:
    first = {"candidates": [{"content": {"parts": [{"text": "Hel"}]}}], "responseId": "r1"}
    last = {"candidates": [{"content": {"parts": [{"text": "lo"}]}, "finishReason": "STOP"}], "usageMetadata": USAGE}
    reply = decode_reply(jsonx.encode([first, last]))
    assert (reply.parts, reply.extras) == ((Text(text="Hello"),), {})
    assert read_reply(jsonx.encode([first, last])).usage == reply.usage


@pytest.mark.parametrize("body", [b"", b"3", b"[]", b"[1]", b"{}", b'{"detail":"x"}', b"<html>"])
def test_what_is_no_reply_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson):
        decode_reply(body)


@pytest.mark.parametrize("body", [b"", b"3", b"[]"])
def test_what_is_no_object_has_no_digest(body: bytes) -> None:
    with pytest.raises(BadJson):
        read_reply(body)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": 429, "message": "Too much.", "status": "RESOURCE_EXHAUSTED"}},
        [{"error": {"code": 429, "message": "Too much.", "status": "RESOURCE_EXHAUSTED"}}],
        [{"candidates": []}, {"error": {"code": 429, "message": "Too much."}}],
    ],
)
def test_an_error_in_a_200_is_one(body: Any) -> None:
    with pytest.raises(Refused) as caught:
        decode_reply(jsonx.encode(body))
    assert (caught.value.failure.status, caught.value.failure.message) == (429, "Too much.")


@pytest.mark.parametrize(
    ("body", "stop"),
    [
        ({"promptFeedback": {"blockReason": "JAILBREAK"}}, Stop(reason="content_filter", raw="JAILBREAK")),
        ({"candidates": [], "modelVersion": "g"}, Stop(reason="other")),
        ({"candidates": [{"content": {"odd": True}}]}, Stop(reason="other")),
        ({"candidates": [{"content": {"parts": [{"text": "a"}]}}]}, Stop(reason="end")),
    ],
)
def test_replies_that_lack_something(body: dict[str, Any], stop: Stop) -> None:
    assert decode_reply(jsonx.encode(body)).stop == stop


def test_a_blocked_prompt_goes_back_without_candidates() -> None:
    reply = decode_reply(b'{"promptFeedback":{"blockReason":"JAILBREAK"},"responseId":"r1"}')
    assert jsonx.decode(encode_reply(reply, ASKED)[0]) == {
        "promptFeedback": {"blockReason": "JAILBREAK"},
        "responseId": "r1",
    }


def test_another_dialects_reply() -> None:
    reply = Reply(
        id="msg_1",
        model="claude",
        parts=(
            Reasoning(text="hm", seal=Seal(issuer="anthropic", kind="signature", value="EqQB")),
            Text(text="See A.", citations=(Citation(url="https://a.test", dialect="anthropic", payload={}),)),
            Refusal(text="No."),
            Opaque(dialect="anthropic", payload={}),
            ToolCall(id="c1", name="look", arguments="oops"),
        ),
        stop=Stop(reason="pause", raw="pause_turn"),
        usage=Usage(input=5, output=2),
    )
    body, losses = encode_reply(reply, ASKED)
    value = jsonx.decode(body)
    candidate = value["candidates"][0]
    assert candidate["content"]["parts"][0]["thought"]
    assert [part for part in candidate["content"]["parts"] if "functionCall" in part] == [
        {"functionCall": {"id": "c1", "name": "look", "args": {"arguments": "oops"}}}
    ]
    assert candidate["groundingMetadata"]["groundingChunks"] == [{"web": {"uri": "https://a.test"}}]
    assert (candidate["finishReason"], value["usageMetadata"], value["responseId"]) == ("STOP", USAGE, "msg_1")
    assert [loss.what for loss in losses] == ["refusal", "opaque", "arguments", "pause"]
    again = decode_reply(body)
    assert again.parts[0] == Reasoning(
        text="hm", form="summary", seal=Seal(issuer="anthropic", kind="signature", value="EqQB")
    )


def test_log_probabilities_go_back() -> None:
    logprobs = ({"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": []},)
    reply = Reply(id="", model="", parts=(Text(text="a", logprobs=logprobs),), stop=Stop(reason="end", raw="STOP"))
    (text,) = decode_reply(encode_reply(reply, ASKED)[0]).parts
    assert isinstance(text, Text)
    assert text.logprobs == logprobs


def test_an_empty_reply_has_no_parts() -> None:
    reply = Reply(id="", model="", parts=(), stop=Stop(reason="length"))
    assert jsonx.decode(encode_reply(reply, ASKED)[0]) == {
        "candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}]
    }


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "candidates",
                    "content",
                    "parts",
                    "text",
                    "functionCall",
                    "name",
                    "args",
                    "error",
                    "finishReason",
                    "usageMetadata",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(json)
def test_nothing_is_too_strange(value: Any) -> None:
    try:
        reply = decode_reply(jsonx.encode(value))
    except (BadJson, Refused):
        return
    again = decode_reply(encode_reply(reply, ASKED)[0])
    assert again.parts == reply.parts

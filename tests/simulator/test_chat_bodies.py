from __future__ import annotations

import re
from typing import Any

import pytest

from argo_relay.simulator import chat_bodies as bodies
from argo_relay.simulator.answer import Answer, Part, Tokens
from argo_relay.simulator.calls import Call
from argo_relay.simulator.models import Model, find
from argo_relay.simulator.seals import sealed

FILTERS = {
    "hate": {"filtered": False, "severity": "safe"},
    "protected_material_code": {"detected": False, "filtered": False},
    "protected_material_text": {"detected": False, "filtered": False},
    "self_harm": {"filtered": False, "severity": "safe"},
    "sexual": {"filtered": False, "severity": "safe"},
    "violence": {"filtered": False, "severity": "safe"},
}
CALL = Call(id="call_1", name="get_weather")


def said(text: str, tokens: Tokens) -> Answer:
    return Answer(parts=(Part(kind="text", pieces=(text,)),), finish="stop", tokens=tokens)


def called(text: str, tokens: Tokens, *calls: Call) -> Answer:
    parts = tuple(Part(kind="call", pieces=(text,), call=call) for call in calls or (CALL,))
    return Answer(parts=parts, finish="tool_calls", tokens=tokens)


def model(name: str) -> Model:
    found = find(name)
    assert found is not None
    return found


def keys(value: Any) -> Any:
    """Return only the keys, in their order: what the recordings agree on."""
    if isinstance(value, dict):
        return [(name, keys(inner)) for name, inner in value.items()]
    return [keys(inner) for inner in value] if isinstance(value, list) else None


def test_an_openai_reply_is_the_sdks_dump_key_for_key() -> None:
    stamp = bodies.stamp(model("gpt4o"), 1779381708)
    body = bodies.whole(stamp, said("Pong!", Tokens(prompt=7, completion=3)), "stop")
    assert re.fullmatch(r"chatcmpl-[A-Za-z0-9]{29}", body["id"])
    expected = {
        "id": body["id"],
        "choices": [
            {
                "finish_reason": "stop",
                "index": 0,
                "logprobs": None,
                "message": {
                    "content": "Pong!",
                    "refusal": None,
                    "role": "assistant",
                    "audio": None,
                    "function_call": None,
                    "tool_calls": None,
                    "annotations": [],
                },
                "content_filter_results": FILTERS,
            }
        ],
        "created": 1779381708,
        "model": "gpt-4o-2024-11-20",
        "object": "chat.completion",
        "service_tier": "default",
        "system_fingerprint": "fp_ee1d74bde0",
        "usage": {
            "completion_tokens": 3,
            "prompt_tokens": 7,
            "total_tokens": 10,
            "completion_tokens_details": {
                "accepted_prediction_tokens": 0,
                "audio_tokens": 0,
                "reasoning_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
            "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
        },
    }
    assert body == expected
    assert keys(body) == keys(expected)


def test_a_gemini_reply_holds_little_but_the_text() -> None:
    stamp = bodies.stamp(model("gemini25pro"), 1779381844)
    body = bodies.whole(stamp, said("pong", Tokens(prompt=1, completion=1)), "stop")
    expected = {
        "id": body["id"],
        "object": "chat.completion",
        "created": 1779381844,
        "model": "gemini25pro",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "pong", "tool_calls": None},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    assert body == expected
    assert keys(body) == keys(expected)


@pytest.mark.parametrize(
    ("name", "served", "pattern"),
    [
        ("gpto3mini", "o3-mini-2025-01-31", r"chatcmpl-[A-Za-z0-9]{29}"),
        ("gemini25flash", "gemini25flash", r"[A-Za-z0-9]{23}"),
        ("claudeopus45", "claude-opus-4-5-20251101", r"msg_vrtx_[A-Za-z0-9]{24}"),
    ],
)
def test_each_vendor_has_its_ids_and_names(name: str, served: str, pattern: str) -> None:
    stamp = bodies.stamp(model(name), 0)
    assert stamp.model == served
    assert re.fullmatch(pattern, stamp.id)


def test_o3_and_calls_carry_no_filters() -> None:
    tokens = Tokens(prompt=1, completion=1)
    assert (
        bodies.whole(bodies.stamp(model("gpto3"), 0), said("x", tokens), "stop")["choices"][0]["content_filter_results"]
        == {}
    )
    body = bodies.whole(bodies.stamp(model("gpt4o"), 0), called("{}", tokens), "tool_calls")
    assert body["choices"][0]["content_filter_results"] == {}


@pytest.mark.parametrize("name", ["gpt4o", "gemini25pro", "claudesonnet46"])
def test_a_call_has_no_content(name: str) -> None:
    body = bodies.whole(bodies.stamp(model(name), 0), called('{"a":1}', Tokens(prompt=1, completion=2)), "tool_calls")
    message = body["choices"][0]["message"]
    assert message["content"] is None
    for call in message["tool_calls"]:
        assert ("extra_content" in call) == (name == "gemini25pro")
        call.pop("extra_content", None)
    assert message["tool_calls"] == [
        {"id": "call_1", "function": {"arguments": '{"a":1}', "name": "get_weather"}, "type": "function"}
    ]


def test_an_openai_chunk_spells_out_its_nulls() -> None:
    stamp = bodies.stamp(model("gpt5"), 5)
    body = bodies.chunk(stamp, {"content": "Hi"})
    assert list(body) == [
        "id", "choices", "created", "model", "object", "service_tier", "system_fingerprint", "usage"
    ]  # fmt: skip
    assert body["object"] == "chat.completion.chunk"
    assert body["usage"] is None
    assert body["choices"] == [
        {
            "delta": {"content": "Hi", "function_call": None, "refusal": None, "role": None, "tool_calls": None},
            "finish_reason": None,
            "index": 0,
            "logprobs": None,
            "content_filter_results": FILTERS,
        }
    ]


def test_a_gemini_chunk_does_not() -> None:
    stamp = bodies.stamp(model("gemini25pro"), 5)
    assert bodies.chunk(stamp, {}, "stop") == {
        "id": stamp.id,
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "gemini25pro",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
    }


@pytest.mark.parametrize("name", ["gpt4o", "gemini25pro"])
def test_the_usage_chunk_has_no_choice(name: str) -> None:
    stamp = bodies.stamp(model(name), 5)
    tokens = Tokens(prompt=2, completion=3)
    body = bodies.usage_chunk(stamp, tokens)
    assert body["choices"] == []
    assert body["usage"] == bodies.usage(stamp, tokens)
    assert body["usage"]["total_tokens"] == 5


def test_null_usage_is_null_throughout() -> None:
    nothing = Tokens(prompt=None, completion=None)
    assert set(bodies.usage(bodies.stamp(model("gemini25pro"), 0), nothing).values()) == {None}
    counted = bodies.usage(bodies.stamp(model("gpt4o"), 0), nothing)
    assert counted["total_tokens"] is None
    assert set(counted["completion_tokens_details"].values()) == {None}


def test_a_denial_names_the_user_and_the_model_asked_for() -> None:
    stamp = bodies.blocked_stamp("nobody", "claudehaiku45", 1790948962)
    assert (stamp.id, stamp.model) == ("msg_blocked_nobody_1790948962", "claudehaiku45")
    assert bodies.blocked_stamp(None, "x", 1).id == "msg_blocked__1"


def test_deltas() -> None:
    stamp = bodies.stamp(model("gpt4o"), 5)
    assert bodies.opening_delta(stamp, None) == {"role": "assistant", "content": ""}
    assert bodies.delta("Hi", None) == {"content": "Hi"}
    (made,) = bodies.opening_delta(stamp, CALL)["tool_calls"]
    assert made == {
        "index": 0, "id": "call_1", "function": {"name": "get_weather", "arguments": ""}, "type": "function"
    }  # fmt: skip
    assert bodies.delta('{"', 0) == {"tool_calls": [{"index": 0, "function": {"arguments": '{"'}}]}
    assert bodies.opening_call(stamp, CALL, 1)["tool_calls"][0]["index"] == 1


def test_geminis_calls_are_sealed_alike_whole_and_streamed() -> None:
    stamp = bodies.stamp(model("gemini25pro"), 5)
    (opening,) = bodies.opening_call(stamp, CALL, 0)["tool_calls"]
    body = bodies.whole(stamp, called("{}", Tokens(prompt=1, completion=1)), "tool_calls")
    (made,) = body["choices"][0]["message"]["tool_calls"]
    assert made["extra_content"] == opening["extra_content"] == {
        "google": {"thought_signature": sealed("call", "get_weather")}
    }  # fmt: skip


def test_several_calls_keep_their_order() -> None:
    other = Call(id="call_2", name="get_time")
    body = bodies.whole(
        bodies.stamp(model("gpt4o"), 5), called("{}", Tokens(prompt=1, completion=2), CALL, other), "tool_calls"
    )
    assert [call["id"] for call in body["choices"][0]["message"]["tool_calls"]] == ["call_1", "call_2"]

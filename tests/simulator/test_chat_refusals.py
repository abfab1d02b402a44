from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator.chat_refusals import judge
from argo_relay.simulator.models import find
from argo_relay.simulator.request import Refusal, Request, Turn
from argo_relay.simulator.ways import NEWEST, AsOf, Ways

USER = {"role": "user", "content": "ping"}
# As production answered on 2026-05-21, broken into lines for this page only.
TEMPERATURE = r"""
{"error":{"message":"Error code: 400 - {'error': {'message': \"Unsupported value: 'temperature' does not support 0.5
 with this model. Only the default (1) value is supported.\", 'type': 'invalid_request_error', 'param': 'temperature',
 'code': 'unsupported_value'}}","type":"BadRequestError","code":"internal_error"}}
""".replace("\n", "")
TOP_P = r"""
{"error":{"message":"Error code: 400 - {'error': {'message': \"Unsupported parameter: 'top_p' is not supported with this
 model.\", 'type': 'invalid_request_error', 'param': 'top_p',
 'code': 'unsupported_parameter'}}","type":"BadRequestError","code":"internal_error"}}
""".replace("\n", "")
# As reported in ChemGraph's issue 150, from July 2026.
STREAM_REQUIRED = """
{"error":{"message":"Streaming is required for operations that may take longer than 10 minutes.
 See https://github.com/anthropics/anthropic-sdk-python#long-requests for more details",
"type":"ValueError","code":"internal_error"}}
""".replace("\n", "")
CALLS = [{"id": "call_1", "type": "function"}, {"id": "call_2", "type": "function"}]


def judged(model: str, *messages: dict[str, Any], as_of: AsOf = NEWEST, **fields: Any) -> Refusal | None:
    known = find(model)
    assert known is not None
    asked = Request(body=fields, model=model, messages=list(messages) or [USER], turn=Turn(), ways=Ways(as_of=as_of))
    return judge(asked, known)


def answer(model: str, *messages: dict[str, Any], **fields: Any) -> tuple[int, str]:
    refusal = judged(model, *messages, **fields)
    assert refusal is not None
    assert refusal.headers == ((b"content-type", b"application/json"),)
    return refusal.status, refusal.body.decode()


@pytest.mark.parametrize("model", ["gpt5", "gpt5mini", "gpt55", "gpt5nano", "gpt56sol"])
@pytest.mark.parametrize(("value", "shown"), [(0.0, "0.0"), (0, "0.0"), (0.5, "0.5"), (2, "2.0")])
def test_gpt5_takes_no_temperature_but_one(model: str, value: float, shown: str) -> None:
    assert answer(model, temperature=value) == (400, TEMPERATURE.replace("0.5", shown))


def test_gpt5_takes_no_top_p() -> None:
    assert answer("gpt5", top_p=0.9) == (400, TOP_P)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("gpt5", {"temperature": 1}),
        ("gpt5", {"temperature": None, "top_p": None}),
        ("gpt4o", {"temperature": 0.5, "top_p": 0.5}),
        ("gpto3", {"temperature": 2}),
        ("gemini25pro", {"temperature": 0.5}),
        ("claudeopus47", {"max_tokens": 21_000}),
        ("claudeopus47", {"stream": True}),
        ("claudeopus47", {"stream": True, "max_tokens": 64_000}),
    ],
)
def test_what_reaches_the_model(model: str, fields: dict[str, Any]) -> None:
    assert judged(model, **fields) is None


@pytest.mark.parametrize(
    "fields", [{}, {"max_tokens": 21_001}, {"max_tokens": None}, {"max_completion_tokens": 100}, {"max_tokens": "5"}]
)
def test_a_whole_claude_reply_without_a_small_limit_is_a_500(fields: dict[str, Any]) -> None:
    assert answer("claudesonnet46", **fields) == (500, STREAM_REQUIRED)
    assert judged("claudesonnet46", as_of="2026-05", **fields) is None


@pytest.mark.parametrize(
    ("as_of", "refusing"),
    [("2026-04", {"gpt4o"}), ("2026-05", set()), ("2026-08", {"gpt4o", "gpto3"}), ("2026-09", {"gpt4o", "gpto3"})],
)
def test_max_tokens_is_refused_at_times(as_of: AsOf, refusing: set[str]) -> None:
    models = ("gpt4o", "gpto3", "gemini25pro")
    assert {model for model in models if judged(model, as_of=as_of, max_tokens=64)} == refusing
    assert not any(judged(model, as_of=as_of, max_completion_tokens=64) for model in models)
    for model in refusing:
        status, body = answer(model, max_tokens=64, as_of=as_of)
        assert status == 400
        assert json.loads(body)["error"]["message"] == (
            "Error code: 400 - {'error': {'message': \"Unsupported parameter: 'max_tokens' is not supported with this "
            "model. Use 'max_completion_tokens' instead.\", 'type': 'invalid_request_error', 'param': 'max_tokens', "
            "'code': 'unsupported_parameter'}}"
        )


@pytest.mark.parametrize("role", ["developer", "bot", None, ["user"]])
def test_an_unknown_role_is_blamed_on_tool_calls(role: object) -> None:
    status, body = answer("gpto3", USER, {"role": role, "content": "be brief"})
    assert status == 400
    assert json.loads(body)["error"]["message"] == (
        "Error code: 400 - {'error': {'message': \"Unknown parameter: 'messages[1].tool_calls'.\", "
        "'type': 'invalid_request_error', 'param': 'messages[1].tool_calls', 'code': 'unknown_parameter'}}"
    )


def test_openai_wants_a_result_for_each_call() -> None:
    asked = {"role": "assistant", "content": None, "tool_calls": CALLS}
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "ok"} for call in CALLS]
    assert judged("gpt4o", USER, asked, *results) is None
    status, body = answer("gpt4o", USER, asked, results[0])
    assert status == 400
    assert "did not have response messages: call_2" in body


def test_embedding_models_do_not_chat() -> None:
    status, body = answer("v3small")
    assert status == 400
    assert "does not work with the specified model, text-embedding-3-small" in body


@pytest.mark.parametrize(
    ("model", "param"), [("gpt4o", "'param': 'messages.[1].role'"), ("claudeopus46", "req_vrtx_"), ("gemini25pro", "")]
)
def test_a_result_that_nobody_asked_for(model: str, param: str) -> None:
    result = {"role": "tool", "tool_call_id": "call_1", "content": "ok"}
    status, body = answer(model, USER, result, stream=True)
    assert status == 400
    assert param in body
    call = {"role": "assistant", "content": "", "tool_calls": CALLS[:1]}
    assert judged(model, USER, call, result, stream=True) is None


def test_claude_wants_a_result_for_each_call_and_says_so_in_its_own_words() -> None:
    status, body = answer("claudeopus46", USER, {"role": "assistant", "tool_calls": CALLS}, stream=True)
    assert status == 400
    error = json.loads(body)["error"]
    assert (error["type"], error["code"]) == ("BadRequestError", "internal_error")
    assert error["message"].startswith("Error code: 400 - {'type': 'error', 'error': {'type': 'invalid_request_error'")
    assert "`tool_use` ids were found without `tool_result` blocks immediately after: call_1, call_2." in body


def test_claude_takes_the_sampling_that_it_takes_on_messages() -> None:
    assert judged("claudeopus47", as_of="2026-05", temperature=1, stream=True) is not None
    assert judged("claudeopus46", as_of="2026-05", temperature=1, stream=True) is None
    assert judged("claudeopus47", as_of="2026-08", temperature=1, stream=True) is None


def test_claude_fetches_no_images() -> None:
    shown = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}
    status, body = answer("claudeopus47", shown, stream=True)
    assert (status, "URL sources are not supported" in body) == (400, True)

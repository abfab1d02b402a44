from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from argo_relay.simulator.messages_refusals import judge, judge_count
from argo_relay.simulator.messages_request import read
from argo_relay.simulator.models import find
from argo_relay.simulator.request import Refusal, Request, hear
from argo_relay.simulator.seals import signature
from argo_relay.simulator.ways import AsOf, Ways

PING = {"role": "user", "content": "ping"}
ADAPTIVE = {"type": "adaptive"}
ENABLED = {"type": "enabled", "budget_tokens": 1024}
TAG = "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'"
BOTH = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
EFFORT = "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"


def request(model: str, fields: dict[str, Any], as_of: AsOf = "2026-05") -> Request:
    body = {"model": model, "max_tokens": 64, "messages": [PING], **fields}
    return msgspec.structs.replace(read(hear(json.dumps(body).encode())), ways=Ways(as_of=as_of))


def judged(model: str, as_of: AsOf = "2026-05", **fields: Any) -> Refusal | None:
    known = find(model)
    assert known is not None
    return judge(request(model, fields, as_of), known)


def message(refusal: Refusal | None) -> str:
    assert refusal is not None
    return str(json.loads(refusal.body)["error"]["message"])


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("claudeopus47", {"thinking": ADAPTIVE}),
        ("claudeopus47", {"thinking": {"type": "disabled"}}),
        ("claudeopus47", {"output_config": {"effort": "xhigh"}, "thinking": ADAPTIVE}),
        ("claudeopus46", {"temperature": 0.5}),
        ("claudesonnet46", {"top_p": 0.5, "thinking": ADAPTIVE}),
        ("claudesonnet46", {"thinking": ENABLED, "max_tokens": 1025}),
        ("claudehaiku45", {"thinking": ENABLED, "max_tokens": 2000}),
        ("claudehaiku45", {"output_config": {"effort": "minimal"}}),
        ("claudeopus41", {"temperature": 1, "top_p": 1}),
        ("claudehaiku45", {"max_tokens": 21_000}),
        ("claudehaiku45", {"max_tokens": 64_000, "stream": True}),
        ("claudehaiku45", {"tools": [{"type": "bash_20250124", "name": "bash"}]}),
    ],
)
def test_what_reaches_the_model(model: str, fields: dict[str, Any]) -> None:
    assert judged(model, **fields) is None


@pytest.mark.parametrize(
    ("model", "fields", "inner"),
    [
        ("claudeopus47", {"temperature": 0.5}, "`temperature` is deprecated for this model."),
        ("claudeopus5", {"top_p": 0.5}, "`top_p` is deprecated for this model."),
        ("claudeopus47", {"temperature": 0.5, "top_p": 0.5}, "`temperature` is deprecated for this model."),
        ("claudesonnet46", {"temperature": 0.5, "top_p": 0.5}, BOTH),
        ("claudehaiku45", {"temperature": 0.5, "top_p": 0.5}, BOTH),
        ("claudehaiku45", {"thinking": ADAPTIVE}, TAG),
        ("claudeopus45", {"thinking": ADAPTIVE, "output_config": {"effort": "low"}}, TAG),
        ("claudeopus41", {"thinking": ADAPTIVE}, TAG),
        (
            "claudeopus46",
            {"thinking": {**ADAPTIVE, "budget_tokens": 1024}},
            "thinking.adaptive.budget_tokens: Extra inputs are not permitted",
        ),
        ("claudeopus47", {"thinking": ENABLED}, '"thinking.type.enabled" is not supported for this model. Use '),
        ("claudesonnet46", {"thinking": ENABLED}, "`max_tokens` must be greater than `thinking.budget_tokens`. "),
        ("claudesonnet46", {"thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens: Field required"),
        ("claudesonnet46", {"thinking": {**ENABLED, "budget_tokens": 9}}, "greater than or equal to 1024"),
        ("claudeopus47", {"output_config": {"effort": "none"}}, EFFORT),
        ("claudeopus47", {"output_config": {"effort": "minimal"}}, EFFORT),
        ("claudehaiku45", {"max_tokens": "5"}, "max_tokens: Input should be a valid integer"),
        ("claudehaiku45", {"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
        ("claudehaiku45", {"tools": [{"name": "f"}]}, "tools.0.custom.input_schema: Field required"),
        ("claudehaiku45", {"tools": [{"name": "f", "input_schema": {}}]}, "input_schema.type: Field required"),
        (
            "claudehaiku45",
            {"tools": [{"name": "f", "input_schema": {"type": "string"}}]},
            "input_schema.type: Input should be 'object'",
        ),
        ("claudehaiku45", {"messages": []}, "messages: at least one message is required"),
        (
            "claudehaiku45",
            {"messages": [{"role": "tool", "content": "x"}]},
            "messages.0.role: Input should be 'user' or 'assistant'",
        ),
        ("claudehaiku45", {"messages": [{"role": "user", "content": ""}]}, "messages must have non-empty content"),
        (
            "claudehaiku45",
            {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
            "text content blocks must be non-empty",
        ),
    ],
)
def test_what_the_vendor_refuses(model: str, fields: dict[str, Any], inner: str) -> None:
    refusal = judged(model, **fields)
    said = message(refusal)
    assert refusal is not None
    assert refusal.status == 400
    assert said.startswith("Error code: 400 - {'type': 'error', 'error': {'type': 'invalid_request_error', 'message': ")
    assert inner in said.replace("\\'", "'")


@pytest.mark.parametrize("fields", [{"temperature": 0.5}, {"top_p": 0.5}, {"temperature": 0.5, "top_p": 0.5}])
@pytest.mark.parametrize("model", ["claudeopus47", "claudesonnet46", "claudehaiku45"])
def test_sampling_is_ignored_since_august(model: str, fields: dict[str, Any]) -> None:
    assert judged(model, "2026-08", **fields) is None
    assert judged(model, "2026-09", **fields) is None


@pytest.mark.parametrize("model", ["claudeopus47", "claudesonnet46", "claudehaiku45"])
def test_in_april_thinking_took_a_budget(model: str) -> None:
    assert TAG in message(judged(model, "2026-04", thinking=ADAPTIVE)).replace("\\'", "'")
    assert judged(model, "2026-04", thinking=ENABLED, max_tokens=2000) is None


def test_what_argo_refuses_itself() -> None:
    assert message(judged("claudehaiku45", max_tokens=None)) == "max_tokens is required"
    assert message(judged("gpt4o")).startswith("Model 'gpt4o' is not supported on the /v1/messages endpoint. ")
    assert judged("gemini25pro") is not None
    long = judged("claudehaiku45", max_tokens=21_001)
    assert long is not None
    assert (long.status, message(long)[:21]) == (500, "Streaming is required")


def thinking(**block: Any) -> list[dict[str, Any]]:
    return [PING, {"role": "assistant", "content": [{"type": "thinking", **block}]}, PING]


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"thinking": "Hm", "signature": signature("Hm")}, None),
        ({"thinking": "Hm!", "signature": signature("Hm")}, "Invalid `signature` in `thinking` block"),
        ({"thinking": "Hm", "signature": "EqQB"}, "Invalid `signature` in `thinking` block"),
        ({"thinking": "Hm"}, "messages.1.content.0.thinking.signature: Field required"),
        ({"thinking": "Hm", "signature": ""}, "messages.1.content.0.thinking.signature: Field required"),
        ({"thinking": "", "signature": signature("")}, "each thinking block must contain thinking"),
        ({"type": "redacted_thinking", "data": "x"}, "Invalid `data` in `redacted_thinking` block"),
    ],
)
def test_thoughts_that_come_back(block: dict[str, Any], problem: str | None) -> None:
    refusal = judged("claudehaiku45", messages=thinking(**block))
    assert problem is None if refusal is None else (problem or "?") in message(refusal)


@pytest.mark.parametrize("kind", ["image", "document"])
def test_nothing_is_fetched_unless_it_is_said_that_it_is(kind: str) -> None:
    part = {"type": kind, "source": {"type": "url", "url": "https://example.org/a"}}
    shown = request("claudeopus47", {"messages": [{"role": "user", "content": [part]}]})
    known = find("claudeopus47")
    assert known is not None
    assert "URL sources are not supported" in message(judge(shown, known))
    assert judge(msgspec.structs.replace(shown, ways=Ways(fetch_images=True)), known) is None


def test_a_result_in_openais_parts() -> None:
    content = [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "input_image", "image_url": "x"}]}]
    said = message(judged("claudehaiku45", messages=[PING, call("a"), {"role": "user", "content": content}]))
    assert "messages.2.content.0.tool_result.content.0: Input tag 'input_image' found" in said.replace("\\'", "'")


def test_a_newer_model_leaves_out_what_it_thought() -> None:
    assert judged("claudeopus47", messages=thinking(thinking="", signature=signature("Hm"))) is None
    assert "signature: Field required" in message(judged("claudeopus47", messages=thinking(thinking="")))


def call(*names: str) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "tool_use", "id": n, "name": "f", "input": {}} for n in names]}


def results(*names: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": n, "content": "x"} for n in names]}


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([PING, call("a", "b"), results("b", "a")], None),
        ([PING, call("a"), {"role": "system", "content": "x"}, results("a")], None),
        ([PING, call("a", "b"), results("a")], "without `tool_result` blocks immediately after: b."),
        ([PING, call("a"), PING], "without `tool_result` blocks immediately after: a."),
        ([PING, call("a")], "without `tool_result` blocks immediately after: a."),
        ([results("a")], "unexpected `tool_use_id` found in `tool_result` blocks: a."),
    ],
)
def test_calls_and_results_follow_each_other(messages: list[dict[str, Any]], problem: str | None) -> None:
    refusal = judged("claudehaiku45", messages=messages)
    assert problem is None if refusal is None else (problem or "?") in message(refusal)


def test_counting_asks_for_less() -> None:
    known = find("claudeopus47")
    assert known is not None
    assert judge_count(request("claudeopus47", {"max_tokens": None, "temperature": 0.5}), known) is None
    assert judge_count(request("claudeopus47", {"messages": []}), known) is not None

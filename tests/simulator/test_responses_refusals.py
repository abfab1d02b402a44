from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator.models import find
from argo_relay.simulator.request import Refusal, hear
from argo_relay.simulator.responses_refusals import judge
from argo_relay.simulator.responses_request import read
from argo_relay.simulator.seals import sealed

CALL = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "x"}


def judged(model: str, **fields: Any) -> Refusal | None:
    known = find(model)
    assert known is not None
    return judge(read(hear(json.dumps({"model": model, "input": "ping", **fields}).encode())), known)


def reasoning(content: str) -> list[dict[str, Any]]:
    return [{"type": "reasoning", "summary": [], "encrypted_content": content}]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("gpt4o", {"temperature": 0.5, "top_p": 0.5, "max_output_tokens": 16}),
        ("gpt5", {"temperature": 1}),
        ("gpt5", {"input": [CALL, OUTPUT]}),
        ("gpt5", {"input": reasoning(sealed("reasoning", "x"))}),
        ("gpt5", {"input": [{"type": "reasoning", "summary": []}]}),
        ("gpt5", {"input": [{"role": "developer", "content": "x"}]}),
    ],
)
def test_what_reaches_the_model(model: str, fields: dict[str, Any]) -> None:
    assert judged(model, **fields) is None


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        ("gpt5", {"temperature": 0.5}, "'temperature' does not support 0.5 with this model."),
        ("gpt5", {"top_p": 0.5}, "'top_p' is not supported with this model."),
        ("gpt4o", {"max_output_tokens": 5}, "Expected a value >= 16, but got 5 instead."),
        ("gpt4o", {"previous_response_id": "resp_1"}, "Previous response with id 'resp_1' not found."),
        ("gpt4o", {"input": [CALL]}, "No tool output found for function call call_1."),
        ("gpt4o", {"input": [OUTPUT]}, "No tool call found for function call output with call_id call_1."),
        ("gpt4o", {"input": reasoning("gAAAAABquGsT")}, "The encrypted content gAAAAABq... could not be verified."),
        ("claudehaiku45", {}, "Model 'claudehaiku45' is not supported on the /v1/responses endpoint."),
        ("v3small", {}, "The responses operation does not work with the specified model"),
    ],
)
def test_what_is_refused(model: str, fields: dict[str, Any], words: str) -> None:
    refusal = judged(model, **fields)
    assert refusal is not None
    assert refusal.status == 400
    assert words in json.loads(refusal.body)["error"]["message"]


def test_gemini_ends_in_a_500() -> None:
    refusal = judged("gemini25pro")
    assert refusal is not None
    assert refusal.status == 500

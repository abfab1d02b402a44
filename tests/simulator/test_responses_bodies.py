from __future__ import annotations

import json
import re

import pytest

from argo_relay.simulator import responses_bodies as bodies
from argo_relay.simulator.answer import Part, Tokens
from argo_relay.simulator.models import Model, find
from argo_relay.simulator.request import hear
from argo_relay.simulator.responses_bodies import Head, Outcome
from argo_relay.simulator.responses_request import read

# As production answered on 2026-09-27, as far as it was recorded.
RECORDED = (
    '"created_at":1790470929.0,"error":null,"incomplete_details":null,"instructions":null,"metadata":{},'
    '"model":"aiops-cels-gpt-4o","object":"response","output":[{"id":"msg_1","content":[{"annotations":[],'
    '"text":"Hello!","type":"output_text","logprobs":[]}],"role":"assistant","status":"completed","type":"message",'
    '"phase":null}],"parallel_tool_calls":true,"temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,'
    '"background":false,"completed_at":1790470930.0,"conversation":null,"max_output_tokens":'
)


def model(name: str) -> Model:
    found = find(name)
    assert found is not None
    return found


def head(name: str, **fields: object) -> Head:
    request = read(hear(json.dumps({"model": name, "input": "ping", **fields}).encode()))
    return Head.of(model(name), request, 1_790_470_929)


def test_a_response_is_the_sdks_dump_key_for_key() -> None:
    stamp = head("gpt4o")
    item = bodies.item(stamp, Part(kind="text", pieces=("Hel", "lo!")), "msg_1")
    spent = bodies.usage(Tokens(prompt=7, completion=2))
    body = bodies.response(stamp, Outcome(status="completed", output=[item], spent=spent))
    text = json.dumps(body, separators=(",", ":"))
    assert re.fullmatch(r'\{"id":"resp_[0-9a-f]{50}",', text[: text.index('"created_at"')])
    assert text[text.index('"created_at"') :].startswith(RECORDED)


def test_newer_models_say_what_is_final() -> None:
    stamp = head("gpt55")
    assert bodies.item(stamp, Part(kind="text", pieces=("x",)), "msg_1")["phase"] == "final_answer"
    assert stamp.model == "aiops-cels-gpt-5-5"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("gpto1", "aiops-o1"),
        ("gpto3", "aiops-o3"),
        ("gpto3mini", "aiops-o3-mini"),
        ("gpto4mini", "aiops-cels-o4-mini"),
        ("gpt41nano", "aiops-cels-gpt-4-1-nano"),
        ("gpt5", "aiops-cels-gpt-5"),
        ("gpt56sol", "aiops-cels-gpt-5-6-sol"),
    ],
)
def test_a_model_is_shown_as_azures_deployment(name: str, shown: str) -> None:
    assert bodies.deployment(model(name)) == shown


def test_a_request_is_repeated_in_its_response() -> None:
    tools = [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}]
    stamp = head("gpt4o", tools=tools, instructions="be brief", metadata={"a": "b"}, temperature=0, store=False)
    body = bodies.response(stamp, Outcome(status="in_progress", output=[], spent=None))
    assert body["tools"] == [
        {"name": "f", "parameters": {}, "strict": True, "type": "function", "description": None},
        {"type": "web_search"},
    ]
    assert (body["instructions"], body["metadata"], body["temperature"]) == ("be brief", {"a": "b"}, 0.0)
    assert (body["store"], body["usage"], body["completed_at"]) == (False, None, None)


def test_reasoning_as_recorded() -> None:
    part = Part(kind="thinking", pieces=("a", "b"))
    item = bodies.item(head("gpt5"), part, "rs_1")
    assert list(item) == ["id", "summary", "type", "content", "encrypted_content"]
    assert item["encrypted_content"].startswith("gAAAA")
    assert bodies.part_id(part).startswith("rs_")


def test_null_usage_is_null_throughout() -> None:
    counted = bodies.usage(Tokens(prompt=None, completion=None))
    assert json.dumps(counted).count("null") == 5

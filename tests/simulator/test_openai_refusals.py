from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from argo_relay.simulator.chat_refusals import judge as judge_chat
from argo_relay.simulator.models import MODELS, find
from argo_relay.simulator.openai_refusals import by_url, efforts
from argo_relay.simulator.request import Refusal, Request, Turn
from argo_relay.simulator.responses_refusals import judge as judge_responses
from argo_relay.simulator.ways import TODAY, Ways

PNG = "data:image/png;base64,AA=="


def asked(model: str, content: object = "ping", ways: Ways = TODAY, **fields: Any) -> Request:
    messages = [{"role": "user", "content": content}]
    return Request(body=fields, model=model, messages=messages, turn=Turn(), ways=ways)


def both(model: str, content: object = "ping", **fields: Any) -> list[Refusal | None]:
    known = find(model)
    assert known is not None
    request = asked(model, content, **fields)
    return [judge_chat(request, known), judge_responses(request, known)]


def error(refusal: Refusal | None) -> str:
    assert refusal is not None
    assert refusal.status == 400
    return str(json.loads(refusal.body)["error"]["message"])


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("gpt4o", ()),
        ("gpto1mini", ()),
        ("gpto3", ("low", "medium", "high")),
        ("gpt5mini", ("minimal", "low", "medium", "high")),
        ("gpt51", ("none", "low", "medium", "high")),
        ("gpt56sol", ("none", "low", "medium", "high", "xhigh")),
    ],
)
def test_efforts(model: str, known: tuple[str, ...]) -> None:
    assert efforts(model) == known
    row = find(model)
    assert row is not None
    for effort in ("none", "minimal", "low", "medium", "high", "xhigh", "much"):
        said = [judge_chat(asked(model, reasoning_effort=effort), row)]
        said.append(judge_responses(asked(model, reasoning={"effort": effort}), row))
        assert [refusal is None for refusal in said] == [effort in known] * 2


def test_an_effort_is_refused_in_the_words_of_each_route() -> None:
    assert error(both("gpt5", reasoning_effort="none")[0]) == (
        "Error code: 400 - {'error': {'message': \"Unsupported value: 'reasoning_effort' does not support 'none' with "
        "this model. Supported values are: 'minimal', 'low', 'medium', and 'high'.\", 'type': 'invalid_request_error', "
        "'param': 'reasoning_effort', 'code': 'unsupported_value'}}"
    )
    assert "'reasoning.effort' does not support 'none'" in error(both("gpt5", reasoning={"effort": "none"})[1])
    assert "Unrecognized request argument supplied: reasoning_effort" in error(both("gpt4o", reasoning_effort="low")[0])
    assert "'reasoning.effort' is not supported" in error(both("gpt4o", reasoning={"effort": "low"})[1])


def test_others_take_any_effort() -> None:
    for row in MODELS:
        if row.owner != "openai":
            assert judge_chat(asked(row.internal_id, reasoning_effort="much", stream=True), row) is None


def test_a_tools_description_has_a_limit() -> None:
    long, short = "x" * 1025, "x" * 1024
    chat = [{"type": "function", "function": {"name": "f", "description": long}}]
    bare = [{"type": "function", "name": "f"}, {"type": "function", "name": "g", "description": long}]
    assert "Invalid 'tools[0].function.description': string too long." in error(both("gpt4o", tools=chat)[0])
    assert "'param': 'tools[1].description', 'code': 'string_above_max_length'" in error(both("gpt4o", tools=bare)[1])
    assert both("gpt4o", tools=[{"type": "function", "name": "f", "description": short}]) == [None, None]
    assert both("claudeopus47", tools=chat, stream=True)[0] is None


@pytest.mark.parametrize("shown", [{"url": PNG}, PNG])
def test_fifty_images_and_no_more(shown: object) -> None:
    image = {"type": "image_url", "image_url": shown}
    assert both("gpt4o", [image] * 50) == [None, None]
    chat, responses = both("gpt4o", [image] * 51, input=[])
    assert "Exceeded maximum number of images (50) allowed in the request." in error(chat)
    assert "'param': 'input', 'code': None" in error(responses)
    inside = [{"type": "function_call_output", "output": [image] * 51}]
    assert "(50)" in error(both("gpt4o", inside)[1])
    assert both("gemini25pro", [image] * 51)[0] is None


@pytest.mark.parametrize("shown", ["https://example.org/a.png", "HTTP://example.org/a.png"])
def test_images_are_not_fetched_unless_it_is_said_that_they_are(shown: str) -> None:
    parts = [{"type": "text", "text": "look"}, {"type": "input_image", "image_url": shown}]
    assert by_url(asked("gpt4o", parts)) == shown
    for refusal in both("gpt4o", parts):
        assert "'code': 'invalid_image_url'" in error(refusal)
    assert both("gpt4o", parts, ways=Ways(fetch_images=True)) == [None, None]
    assert by_url(asked("gpt4o", [{"type": "input_image", "image_url": PNG}])) is None


@pytest.mark.parametrize("name", ["presence_penalty", "frequency_penalty", "logit_bias"])
def test_penalties_are_refused_where_a_model_reasons_and_since_august(name: str) -> None:
    for model, as_of, refused in (
        ("gpt5", "2026-05", False),
        ("gpt5", "2026-08", True),
        ("gpto3", "2026-09", True),
        ("gpt4o", "2026-09", False),
        ("gemini25pro", "2026-09", False),
    ):
        row = find(model)
        assert row is not None
        said = judge_chat(asked(model, "ping", msgspec.convert({"as_of": as_of}, Ways), **{name: 0.5}), row)
        assert (said is not None) == refused
    assert f"'{name}' is not supported" in error(said_of("gpt5", name))


def said_of(model: str, name: str) -> Refusal | None:
    row = find(model)
    assert row is not None
    return judge_chat(asked(model, "ping", TODAY, **{name: 0.5}), row)

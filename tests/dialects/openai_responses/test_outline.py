from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Incoming
from argo_relay.dialects.openai_responses.outline import extras_of, outline, text_of
from argo_relay.errors import Refused
from argo_relay.framing import jsonx

HELLO: dict[str, Any] = {"model": "gpt", "input": "Hello."}


def refusal(body: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        outline(Incoming(body=body))
    assert caught.value.failure.status == 400
    assert caught.value.failure.at_fault == "client"
    return caught.value


def test_what_the_relay_must_know() -> None:
    seen = outline(Incoming(body=jsonx.encode({**HELLO, "stream": True, "timeout": 120})))
    assert (seen.model, seen.stream, seen.timeout, seen.array) == ("gpt", True, 120, False)
    assert seen.body.values["input"] == "Hello."
    assert not outline(Incoming(body=jsonx.encode({**HELLO, "stream": None}))).stream


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": "a"}, "model"),
        ({"model": "", "input": "a"}, "model"),
        ({"model": "m"}, "input"),
        ({"model": "m", "input": []}, "input"),
        ({"model": "m", "input": ""}, "input"),
    ],
)
def test_model_and_input_are_required(body: dict[str, Any], param: str) -> None:
    failure = refusal(jsonx.encode(body)).failure
    assert (failure.param, failure.code) == (param, "missing_required_parameter")


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": {"id": "pmpt_1"}},
        {"model": "m", "previous_response_id": "resp_1"},
        {"model": "m", "conversation": "conv_1"},
        {"model": "m", "input": [{"role": "user", "content": None}]},
        {"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}]},
        {"model": "m", "input": "a", "tools": None, "temperature": 1, "top_p": 0.5, "new": [1]},
    ],
)
def test_what_the_vendor_takes_is_taken(body: dict[str, Any]) -> None:
    outline(Incoming(body=jsonx.encode(body)))


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"model": 5}, "model"),
        ({"input": 5}, "input"),
        ({"input": ["a"]}, "input[0]"),
        ({"input": [{"type": 1}]}, "input[0].type"),
        ({"input": [{"content": "a"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 1}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{}, "a"]}]}, "input[0].content[1]"),
        ({"instructions": ["a"]}, "instructions"),
        ({"stream": 1}, "stream"),
        ({"max_output_tokens": "9"}, "max_output_tokens"),
        ({"max_output_tokens": True}, "max_output_tokens"),
        ({"temperature": True}, "temperature"),
        ({"tools": {}}, "tools"),
        ({"tools": [1]}, "tools[0]"),
        ({"tool_choice": 1}, "tool_choice"),
        ({"text": "json"}, "text"),
        ({"reasoning": "high"}, "reasoning"),
    ],
)
def test_what_cannot_be_a_request_is_refused_by_name(changes: dict[str, Any], param: str) -> None:
    failure = refusal(jsonx.encode({**HELLO, **changes})).failure
    assert failure.param == param
    assert f"`{param}`" in failure.message


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":"m","model":"m"}', b'{"model":"\xff"}'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    assert refusal(body).failure.code == "invalid_json"


def test_small_words() -> None:
    assert (text_of("a"), text_of(5), text_of(None)) == ("a", "", "")
    assert (extras_of({"a": 1}), extras_of({})) == ({"openai_responses": {"a": 1}}, {})

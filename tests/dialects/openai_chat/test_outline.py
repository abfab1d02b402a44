"""A request is read as far as the relay must know it; what cannot be one is refused, and the field named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.dialects.openai_chat import outline as module
from argo_relay.errors import Refused
from argo_relay.neutral.failure import Failure, FailureKind

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
GOOD: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}


def outline(body: bytes) -> Outline:
    return module.outline(Incoming(body=body))


TEXTUAL = [5, 1.5, True, ["x"], {"x": 1}]
NUMERIC = ["5", True, [5], {"x": 1}]
WHOLE = [*NUMERIC, 1.5]
BOOLEAN = ["true", 0, 1, 1.0, [], {}]
OBJECT = ["x", 5, True, []]
LIST = ["x", 5, True, {}]
WRONG: dict[str, list[Any]] = {
    "model": TEXTUAL,
    "messages": [*LIST, 1.5],
    "stream": BOOLEAN,
    "stream_options": OBJECT,
    "temperature": NUMERIC,
    "top_p": NUMERIC,
    "n": WHOLE,
    "max_tokens": WHOLE,
    "max_completion_tokens": WHOLE,
    "presence_penalty": NUMERIC,
    "frequency_penalty": NUMERIC,
    "stop": [5, True, {"x": 1}],
    "tools": LIST,
    "tool_choice": [5, True, []],
    "parallel_tool_calls": BOOLEAN,
    "response_format": OBJECT,
    "logprobs": BOOLEAN,
    "top_logprobs": WHOLE,
    "logit_bias": OBJECT,
    "user": TEXTUAL,
}
RIGHT: dict[str, list[Any]] = {
    "stream": [True, False],
    "stream_options": [{}, {"include_usage": True}],
    "temperature": [0, 0.5, -1, 99],
    "top_p": [1, 0.1],
    "n": [0, 1, 2],
    "max_tokens": [0, 1, 10**30],
    "max_completion_tokens": [64],
    "presence_penalty": [-2, 0.5],
    "frequency_penalty": [2],
    "stop": ["x", ["x", "y"], []],
    "tools": [[], [{"type": "function", "function": {"name": "f"}}]],
    "tool_choice": ["auto", {"type": "function", "function": {"name": "f"}}],
    "parallel_tool_calls": [False],
    "response_format": [{"type": "json_object"}],
    "logprobs": [True],
    "top_logprobs": [5],
    "logit_bias": [{"50256": -100}],
    "user": ["", "me"],
}


def refused(body: bytes) -> Failure:
    with pytest.raises(Refused) as caught:
        outline(body)
    failure = caught.value.failure
    assert failure.kind is FailureKind.BAD_REQUEST
    assert failure.status == 400
    assert failure.at_fault == "client"
    return failure


def ask(**changed: Any) -> bytes:
    return json.dumps(GOOD | changed).encode()


def test_an_outline_is_what_the_relay_must_know() -> None:
    body = ask(stream=True, timeout={"total": 5}, unheard_of=[1])
    read = outline(body)
    assert (read.model, read.stream, read.timeout) == ("gpt-4o", True, {"total": 5})
    assert read.body.text == body


@pytest.mark.parametrize(("stream", "expected"), [({}, False), ({"stream": None}, False), ({"stream": False}, False)])
def test_a_reply_is_whole_unless_a_stream_is_asked_for(stream: dict[str, Any], expected: bool) -> None:
    assert outline(ask(**stream)).stream is expected


@pytest.mark.parametrize("timeout", [None, 0, -1, True, "soon", [], {"totl": 3}, 1.5])
def test_the_timeout_is_handed_on_as_it_was_written(timeout: object) -> None:
    assert outline(ask(timeout=timeout)).timeout == timeout


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_a_wrong_type_is_refused_and_its_field_named(field: str, value: object) -> None:
    failure = refused(ask(**{field: value}))
    assert failure.param == field
    assert failure.code == "invalid_type"
    assert f"`{field}`" in failure.message


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in RIGHT.items() for value in values])
def test_a_right_type_passes_whatever_its_value(field: str, value: object) -> None:
    assert outline(ask(**{field: value})).model == "gpt-4o"


@pytest.mark.parametrize("field", RIGHT)
def test_null_is_not_given(field: str) -> None:
    assert outline(ask(**{field: None})).stream is False


def test_every_field_of_the_table_is_tried() -> None:
    assert set(WRONG) == set(module._TYPES)
    assert set(RIGHT) == set(WRONG) - {"model", "messages"}


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"model": None, "messages": None}, "model"),
    ],
)
def test_what_is_required_must_be_there(changed: dict[str, Any], param: str) -> None:
    without = {key: value for key, value in (GOOD | changed).items() if value is not None}
    for body in (ask(**changed), json.dumps(without).encode()):
        failure = refused(body)
        assert failure.param == param
        assert failure.code == "missing_required_parameter"
        assert f"`{param}`" in failure.message


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("hello", "messages[1]"),
        (None, "messages[1]"),
        ([], "messages[1]"),
        ({}, "messages[1].role"),
        ({"role": None, "content": "x"}, "messages[1].role"),
        ({"role": 1, "content": "x"}, "messages[1].role"),
        ({"role": "user", "content": 5}, "messages[1].content"),
        ({"role": "user", "content": True}, "messages[1].content"),
        ({"role": "user", "content": {"text": "x"}}, "messages[1].content"),
    ],
)
def test_a_message_that_is_none_is_named_by_its_place(message: object, param: str) -> None:
    failure = refused(ask(messages=[*GOOD["messages"], message]))
    assert failure.param == param
    assert failure.code == "invalid_type"
    assert f"`{param}`" in failure.message


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "assistant"},
        {"role": "user", "content": [{"type": "text", "text": "x"}, 5]},
        {"role": "unheard of", "content": "", "name": 5},
    ],
)
def test_what_only_the_upstream_can_judge_passes(message: dict[str, Any]) -> None:
    assert outline(ask(messages=[message])).model == "gpt-4o"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"hello", None),
        (b"[]", None),
        (b"null", None),
        (b'"hello"', None),
        (ask()[:-1], None),
        (b"\xef\xbb\xbf" + ask(), None),
        (b'{"model":' + b"[" * 10_000 + b"]" * 10_000 + b"}", None),
        (b'{"model":"\xff"}', None),
        (b'{"model":"a","model":"a"}', "model"),
        (b'{"model":"a","messages":[],"\\u006dessages":[1]}', "messages"),
        (b'{"temperature":1e400}', "temperature"),
        (b'{"timeout":NaN}', "timeout"),
        (b'{"timeout":' + b"9" * 5_000 + b"}", "timeout"),
        (b'{"timeout":{"total":Infinity}}', "timeout.total"),
        (b'{"messages":[{"role":"user","content":[{"text":"\\ud83d"}]}]}', "messages[0].content[0].text"),
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes, param: str | None) -> None:
    failure = refused(body)
    assert failure.code == "invalid_json"
    assert failure.param == param
    assert failure.message.startswith("The request body cannot be read: ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("role"), inner, max_size=3)
    ),
    max_leaves=8,
)


@UNTIMED
@given(st.dictionaries(st.sampled_from([*WRONG, "timeout", "other"]), JSON, max_size=8), st.booleans())
def test_whatever_is_asked_is_read_or_refused(fields: dict[str, Any], complete: bool) -> None:
    body = json.dumps(GOOD | fields if complete else fields).encode()
    try:
        read = outline(body)
    except Refused as refusal:
        failure = refusal.failure
    else:
        assert read.model == json.loads(body)["model"]
        return
    assert failure.status == 400
    assert failure.param
    assert failure.param.partition("[")[0] in WRONG

from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Incoming
from argo_relay.dialects.google.outline import in_camel_case, in_list, outline
from argo_relay.errors import Refused
from argo_relay.framing import jsonx

HELLO: dict[str, Any] = {"contents": [{"parts": [{"text": "hello"}]}]}


def refusal(body: bytes, model: str | None = "m") -> Refused:
    with pytest.raises(Refused) as caught:
        outline(Incoming(body=body, model=model))
    assert caught.value.failure.status == 400
    assert caught.value.failure.at_fault == "client"
    return caught.value


def test_model_and_stream_come_from_the_path() -> None:
    seen = outline(Incoming(body=jsonx.encode(HELLO), model="gemini-2.5-flash", stream=True, array=True))
    assert (seen.model, seen.stream, seen.array, seen.timeout) == ("gemini-2.5-flash", True, True, None)


def test_a_timeout_in_the_body_is_read() -> None:
    assert outline(Incoming(body=jsonx.encode({**HELLO, "timeout": 120}), model="m")).timeout == 120


def test_a_model_in_the_body_serves_where_the_path_has_none() -> None:
    assert outline(Incoming(body=jsonx.encode({**HELLO, "model": "m"}))).model == "m"
    assert refusal(jsonx.encode(HELLO), None).failure.param == "model"


@pytest.mark.parametrize("body", [{}, {"contents": None}, {"contents": []}])
def test_contents_are_required(body: dict[str, Any]) -> None:
    failure = refusal(jsonx.encode(body)).failure
    assert (failure.param, failure.code) == ("contents", "missing_required_parameter")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"contents": "hello"}, "contents"),
        ({"contents": ["hello"]}, "contents[0]"),
        ({"contents": [{"role": 1}]}, "contents[0].role"),
        ({"contents": [{"parts": "hello"}]}, "contents[0].parts"),
        ({"contents": [{"parts": [{"text": "a"}, "b"]}]}, "contents[0].parts[1]"),
        ({"generationConfig": []}, "generationConfig"),
        ({"generation_config": 1}, "generationConfig"),
        ({"systemInstruction": "be kind"}, "systemInstruction"),
        ({"system_instruction": {"parts": 1}}, "systemInstruction.parts"),
        ({"tools": "all"}, "tools"),
        ({"tools": [1]}, "tools[0]"),
        ({"tools": [{}, None]}, "tools[1]"),
        ({"toolConfig": []}, "toolConfig"),
        ({"cachedContent": 1}, "cachedContent"),
    ],
)
def test_what_cannot_be_a_request_is_refused_by_name(changes: dict[str, Any], param: str) -> None:
    assert refusal(jsonx.encode({**HELLO, **changes})).failure.param == param


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"contents":[],"contents":[]}'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    assert refusal(body).failure.code == "invalid_json"


def test_one_content_and_one_part_may_stand_without_a_list() -> None:
    outline(Incoming(body=b'{"contents":{"parts":{"text":"a"}}}', model="m"))
    assert in_list({"a": 1}) == [{"a": 1}]
    assert in_list(None) == []


def test_known_names_become_camel_case_and_users_own_do_not() -> None:
    body = {
        "system_instruction": {"parts": [{"text": "a"}]},
        "generation_config": {"thinking_config": {"thinking_budget": 1}, "response_schema": {"any_of": []}},
        "tools": [{"function_declarations": [{"parameters_json_schema": {"properties": {"mime_type": {}}}}]}],
        "contents": [{"parts": [{"function_call": {"args": {"file_uri": 1}}, "some_new_thing": 1}]}],
        "labels": {"top_k": "x"},
    }
    assert in_camel_case(body) == {
        "systemInstruction": {"parts": [{"text": "a"}]},
        "generationConfig": {"thinkingConfig": {"thinkingBudget": 1}, "responseSchema": {"any_of": []}},
        "tools": [{"functionDeclarations": [{"parametersJsonSchema": {"properties": {"mime_type": {}}}}]}],
        "contents": [{"parts": [{"functionCall": {"args": {"file_uri": 1}}, "some_new_thing": 1}]}],
        "labels": {"top_k": "x"},
    }

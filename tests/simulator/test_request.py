from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator.request import ChatRequest, RefusedError, hear, read, text_of


def chat(**fields: Any) -> ChatRequest:
    return read(hear(json.dumps({"model": "gpt4o", "messages": [], **fields}).encode()))


def refused(raw: bytes) -> tuple[int, Any]:
    with pytest.raises(RefusedError) as caught:
        read(hear(raw))
    return caught.value.refusal.status, json.loads(caught.value.refusal.body)["detail"]


def test_what_is_not_json_is_refused_as_fastapi_does() -> None:
    assert refused(b'{"model": gpt4o}') == (
        422,
        [
            {
                "type": "json_invalid",
                "loc": ["body", 10],
                "msg": "JSON decode error",
                "input": {},
                "ctx": {"error": "Expecting value"},
            }
        ],
    )


@pytest.mark.parametrize("raw", [b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b"1" * 5000])
def test_what_no_parser_takes_is_refused(raw: bytes) -> None:
    assert refused(raw) == (400, "There was an error parsing the body")


@pytest.mark.parametrize(
    ("body", "kind", "loc"),
    [
        ([], "model_attributes_type", ["body"]),
        ({"messages": []}, "missing", ["body", "model"]),
        ({"model": "gpt4o"}, "missing", ["body", "messages"]),
        ({"model": 4, "messages": []}, "string_type", ["body", "model"]),
        ({"model": "gpt4o", "messages": {}}, "list_type", ["body", "messages"]),
        ({"model": "gpt4o", "messages": [{}, "hi"]}, "dict_type", ["body", "messages", 1]),
    ],
)
def test_a_wrong_shape_is_a_422_that_names_the_field(body: object, kind: str, loc: list[str]) -> None:
    status, detail = refused(json.dumps(body).encode())
    assert (status, detail[0]["type"], detail[0]["loc"]) == (422, kind, loc)


def test_what_was_heard_without_being_json_has_no_fields() -> None:
    assert hear(b"nonsense").field("model") is None
    assert hear(b"[]").field("model") is None
    assert hear(b'{"model": "gpt4o"}').field("model") == "gpt4o"


def test_the_prompt_is_the_last_user_message() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "image_url"}, {"type": "text", "text": "two"}, {"type": "text"}]
    messages = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "answer"},
    ]
    assert chat(messages=messages).prompt == "one\ntwo"
    assert chat(messages=[{"role": "system", "content": "be brief"}]).prompt == ""


@pytest.mark.parametrize("content", [None, 7, {}, [7, {"type": "text", "text": 7}]])
def test_content_that_is_no_text_has_none(content: object) -> None:
    assert text_of({"content": content}) == ""


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 3, "max_tokens": 5}, 3),
        ({"max_tokens": None, "max_completion_tokens": 4}, 4),
        ({"max_tokens": True}, None),
        ({"max_tokens": "5"}, None),
        ({"max_tokens": 0}, None),
    ],
)
def test_the_token_limit(fields: dict[str, Any], limit: int | None) -> None:
    assert chat(**fields).token_limit == limit


def test_stream_and_usage_are_asked_for_with_true_only() -> None:
    assert chat(stream=True).stream
    assert not chat(stream="true").stream
    assert chat(stream_options={"include_usage": True}).include_usage
    assert not chat(stream_options={"include_usage": 1}).include_usage
    assert not chat(stream_options=True).include_usage

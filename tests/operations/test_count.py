"""Token counts as two vendors ask for them and tell them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.dialects.anthropic.dialect import ANTHROPIC
from argo_relay.dialects.base import Dialect, Incoming, Target
from argo_relay.dialects.google.dialect import GOOGLE
from argo_relay.errors import BadJson, Refused
from argo_relay.neutral.content import Text
from argo_relay.neutral.request import Request
from argo_relay.operations.count import count_body, counted, decode_count, encode_count, outline_count

HI: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
WHOLE = HI | {"systemInstruction": {"parts": [{"text": "be kind"}]}}
NESTED: dict[str, Any] = {"generateContentRequest": {"model": "models/m"} | WHOLE}
ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def read(dialect: Dialect, body: dict[str, Any]) -> Request:
    known = outline_count(dialect, Incoming(body=json.dumps(body).encode(), model="m"))
    return dialect.decode_request(counted(known))


def texts(request: Request) -> list[str]:
    return [part.text for message in request.messages for part in message.parts if isinstance(part, Text)]


def test_what_is_to_be_counted_is_a_request() -> None:
    assert texts(read(ANTHROPIC, ASKED | {"system": "be kind"})) == ["be kind", "hi"]
    assert texts(read(GOOGLE, HI)) == ["hi"]
    assert texts(read(GOOGLE, NESTED)) == texts(read(GOOGLE, WHOLE)) == ["be kind", "hi"]


def test_a_nested_request_stays_as_it_came_for_who_understands_it() -> None:
    body = json.dumps(NESTED, indent=1).encode()
    known = outline_count(GOOGLE, Incoming(body=body, model="m"))
    assert known.model == "m"
    assert known.body.splice({}) == body


@pytest.mark.parametrize(
    ("dialect", "body", "param"),
    [
        (ANTHROPIC, b'{"model":"m"}', "messages"),
        (ANTHROPIC, b"{", None),
        (GOOGLE, b"{", None),
        (GOOGLE, b"[]", None),
        (GOOGLE, b"{}", "contents"),
        (GOOGLE, b'{"generateContentRequest":5}', "contents"),
        (GOOGLE, b'{"generateContentRequest":{}}', "contents"),
        (GOOGLE, b'{"generateContentRequest":{"contents":5}}', "contents"),
    ],
)
def test_what_cannot_be_counted_is_named(dialect: Dialect, body: bytes, param: str | None) -> None:
    with pytest.raises(Refused) as caught:
        dialect.decode_request(counted(outline_count(dialect, Incoming(body=body, model="m"))))
    assert (caught.value.failure.status, caught.value.failure.param) == (400, param)


def test_an_upstream_is_asked_for_the_count_only() -> None:
    tool = {"name": "f", "input_schema": {"type": "object"}}
    request = read(ANTHROPIC, ASKED | {"system": "be kind", "tools": [tool], "max_tokens": 9, "temperature": 0.5})
    members, _ = ANTHROPIC.encode_request(request, Target(model="m"))
    body = count_body("anthropic", members, "m")
    assert body.keys() == {"model", "messages", "system", "tools"}
    assert texts(read(ANTHROPIC, body)) == texts(request)


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "models/gemini-2.5-pro"])
def test_google_is_asked_with_the_whole_request(model: str) -> None:
    members, _ = GOOGLE.encode_request(read(ANTHROPIC, ASKED | {"system": "be kind"}), Target(model=model))
    body = count_body("google", members, model)
    assert body["generateContentRequest"]["model"] == "models/gemini-2.5-pro"
    assert texts(read(GOOGLE, body)) == ["be kind", "hi"]


@pytest.mark.parametrize("dialect", ["anthropic", "google"])
def test_a_count_comes_back(dialect: str) -> None:
    assert decode_count(dialect, encode_count(dialect, 42)) == 42


def test_counts_have_the_vendors_own_names() -> None:
    assert json.loads(encode_count("anthropic", 3)) == {"input_tokens": 3}
    assert json.loads(encode_count("google", 3)) == {"totalTokens": 3}
    assert decode_count("google", b'{"totalTokens":3,"cachedContentTokenCount":1}') == 3


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"input_tokens":"3"}', b'{"input_tokens":true}', b"<html>"])
def test_what_is_no_count(body: bytes) -> None:
    with pytest.raises(BadJson):
        decode_count("anthropic", body)

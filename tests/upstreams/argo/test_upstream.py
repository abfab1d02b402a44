"""Argo gets the client's very bytes but for three members, and its address stays unknown to clients."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.dialects.openai_chat.request import outline
from argo_relay.errors import BadJson
from argo_relay.upstreams.argo.upstream import ArgoUpstream, read_models

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
BASE = "https://apps.argo.example/argoapi"
MESSAGES = rb'"messages": [{"role":"user","content":"\u0078\/"}]'
UPSTREAM = ArgoUpstream(base_url=BASE, user="jdoe")


def sent(body: bytes, headers: dict[str, str] | None = None) -> tuple[str, str, dict[str, str], bytes]:
    call = UPSTREAM.chat(outline(body), "gpt4o", headers or {}, "req_1")
    assert call.body is not None
    names = [name for name, _ in call.headers]
    assert names == sorted(set(names), key=names.index)
    assert all(name == name.lower() for name in names)
    return call.method, call.url, dict(call.headers), call.body


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"model":"argo:gpt-4o","messages":[{"role":"user","content":"x"}]}',
            b'{"model":"gpt4o","messages":[{"role":"user","content":"x"}],"user":"jdoe"}',
        ),
        (
            b'{ "timeout" : 5,\n ' + MESSAGES + b' , "model":"x", "user" :"a" , "top_p":1e0}\n',
            b"{\n " + MESSAGES + b' , "model":"gpt4o", "user" :"jdoe", "top_p":1e0}\n',
        ),
        (
            b'{"model": "x" ,' + MESSAGES + b',"new":{"timeout":1 ,"user":2,"n":98765432109876543210},"user":"a"}',
            b'{"model": "gpt4o",'
            + MESSAGES
            + b',"new":{"timeout":1 ,"user":2,"n":98765432109876543210},"user":"jdoe"}',
        ),
        (
            b'{"t\\u0069meout":{"total":1},"model":"x","messages":[{"role":"user"}],"\\u0075ser":null}',
            b'{"model":"gpt4o","messages":[{"role":"user"}],"\\u0075ser":"jdoe"}',
        ),
    ],
)
def test_only_model_user_and_timeout_change(body: bytes, expected: bytes) -> None:
    assert sent(body)[3] == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@UNTIMED
@given(st.dictionaries(st.text(max_size=8).map("x-{}".format), JSON, max_size=5), st.booleans(), st.booleans())
def test_every_other_member_goes_up_as_it_came(others: dict[str, Any], named: bool, spaced: bool) -> None:
    asked = others | {"messages": [{"role": "user", "content": "x"}], "model": "x"}
    asked |= {"user": "someone", "timeout": 5} if named else {}
    body = json.dumps(asked, indent=2 if spaced else None, ensure_ascii=spaced).encode()
    up = json.loads(sent(body)[3])
    expected = {key: value for key, value in asked.items() if key != "timeout"} | {"model": "gpt4o", "user": "jdoe"}
    assert up == expected
    assert list(up) == list(expected)


def test_argo_is_told_who_asks_and_for_what() -> None:
    method, url, headers, _ = sent(b'{"model":"x","messages":[{"role":"user"}]}')
    assert (method, url) == ("POST", f"{BASE}/v1/chat/completions")
    assert headers == {
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": "Bearer jdoe",
        "content-type": "application/json",
        "x-request-id": "req_1",
    }


def test_a_stream_is_asked_for_as_a_stream() -> None:
    assert sent(b'{"model":"x","messages":[{"role":"user"}],"stream":true}')[2]["accept"] == "text/event-stream"


def test_what_clients_send_about_themselves_stays_here() -> None:
    own = {
        "authorization": "Bearer client-key",
        "x-api-key": "client-key",
        "cookie": "c",
        "host": "localhost:44497",
        "user-agent": "openai",
        "accept": "*/*",
        "accept-encoding": "gzip, br",
        "content-length": "5",
        "connection": "keep-alive",
        "x-request-id": "theirs",
        "x-request-timeout": "5",
        "x-stainless-read-timeout": "5",
        "origin": "http://localhost",
    }
    plain = b'{"model":"x","messages":[{"role":"user"}]}'
    assert sent(plain, own) == sent(plain)


def test_what_clients_say_about_their_request_goes_on() -> None:
    said = {"openai-beta": "assistants=v2", "traceparent": "00-1-2-01", "tracestate": "a=b"}
    headers = sent(b'{"model":"x","messages":[{"role":"user"}]}', said)[2]
    assert headers | said == headers


def test_the_list_of_models_is_asked_for_in_the_same_name() -> None:
    call = UPSTREAM.models()
    assert (call.method, call.url, call.body) == ("GET", f"{BASE}/v1/models", None)
    assert dict(call.headers) == {
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": "Bearer jdoe",
    }


@pytest.mark.parametrize(
    ("base", "body", "expected"),
    [
        (BASE, b"POST https://apps.argo.example/argoapi/v1/chat failed", b"POST the upstream/v1/chat failed"),
        (BASE, b"no route to apps.argo.example:443", b"no route to the upstream:443"),
        (BASE, b"https:\\/\\/apps.argo.example\\/argoapi", b"https:\\/\\/the upstream\\/argoapi"),
        (
            BASE,
            b"http://apps.argo.example/x and https://apps.argo.example",
            b"http://the upstream/x and https://the upstream",
        ),
        (BASE, b'{"error":{"message":"No."}}', b'{"error":{"message":"No."}}'),
        (BASE, b"", b""),
        ("http://10.0.0.5:8080", b"at http://10.0.0.5:8080/v1 (10.0.0.5)", b"at the upstream/v1 (the upstream)"),
        ("http://argo:8080", b"argo:gpt-4o is not at argo:8080", b"argo:gpt-4o is not at the upstream"),
        ("http://argo", b"argo:gpt-4o is not at http://argo/v1", b"argo:gpt-4o is not at the upstream/v1"),
        ("http://[::1]:8080", b"no answer from [::1]:8080 (::1)", b"no answer from the upstream (the upstream)"),
    ],
)
def test_the_upstreams_address_is_hidden(base: str, body: bytes, expected: bytes) -> None:
    assert ArgoUpstream(base_url=base, user="jdoe").hide(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"object":"list","data":[{"id":"GPT-4o","internal_id":"gpt4o"}]}',
            [{"id": "GPT-4o", "internal_id": "gpt4o"}],
        ),
        (b'[{"id":"gpt35","model_name":"GPT-3.5 Turbo"}]', [{"id": "gpt35", "model_name": "GPT-3.5 Turbo"}]),
        (b'{"data":[]}', []),
        (b'{"data":[null,"x",5,[],{"id":"a"}]}', [{"id": "a"}]),
    ],
)
def test_the_list_of_models_is_read(body: bytes, expected: list[dict[str, Any]]) -> None:
    assert read_models(body) == expected


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"null", b"5", b'"x"', b"{}", b'{"data":null}', b'{"data":{"id":"a"}}']
)
def test_what_is_no_list_of_models_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson):
        read_models(body)

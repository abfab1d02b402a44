"""Argo gets the client's bytes but for three members and what its Gemini cannot take; its address stays unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.dialects.base import Incoming
from argo_relay.dialects.openai_chat.outline import outline
from argo_relay.framing.jsonx import REMOVED
from argo_relay.models.profile import Profile
from argo_relay.upstreams.argo.upstream import ArgoUpstream
from argo_relay.upstreams.base import Ask, Operation

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
BASE = "https://apps.argo.example/argoapi"
MESSAGES = rb'"messages": [{"role":"user","content":"\u0078\/"}]'
UPSTREAM = ArgoUpstream(base_url=BASE, user="jdoe")


def sent(body: bytes, headers: dict[str, str] | None = None) -> tuple[str, str, dict[str, str], bytes]:
    read = outline(Incoming(body=body))
    ask = Ask(dialect="openai_chat", operation=Operation.GENERATE, model="gpt4o", stream=read.stream)
    call = UPSTREAM.call(ask, read.body.splice(UPSTREAM.changes(ask, read.body.values).members), headers or {}, "req_1")
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
    ("client", "owner", "spoken"),
    [
        ("openai_chat", "anthropic", "anthropic"),
        ("openai_responses", "anthropic", "anthropic"),
        ("anthropic", "anthropic", "anthropic"),
        ("openai_chat", "openai", "openai_chat"),
        ("openai_responses", "openai", "openai_responses"),
        ("anthropic", "openai", "openai_chat"),
        ("google", "openai", "openai_chat"),
        ("openai_responses", "google", "openai_chat"),
        ("google", "google", "openai_chat"),
        ("openai_responses", "unknown", "openai_chat"),
    ],
)
def test_each_model_is_asked_on_the_route_that_serves_it_best(client: str, owner: str, spoken: str) -> None:
    profile = Profile(internal_id="m", public_id="argo:m", display="M", owner=owner)
    assert UPSTREAM.dialect_for(client, profile) == spoken
    assert UPSTREAM.owner_of(profile) == (owner if owner != "unknown" else None)


def test_the_messages_route_is_told_who_asks_in_headers_only() -> None:
    ask = Ask(dialect="anthropic", operation=Operation.GENERATE, model="claudeopus47", stream=True)
    changes = UPSTREAM.changes(ask, {"messages": [], "user": "somebody-else"}).members
    assert changes == {"model": "claudeopus47", "timeout": REMOVED, "user": REMOVED}
    call = UPSTREAM.call(ask, b"{}", {"anthropic-beta": "b"}, "req_1")
    assert call.url == f"{BASE}/v1/messages"
    headers = dict(call.headers)
    assert headers["x-api-key"] == "jdoe"
    assert headers["authorization"] == "Bearer jdoe"
    assert (headers["anthropic-version"], headers["anthropic-beta"]) == ("2023-06-01", "b")
    theirs = dict(UPSTREAM.call(ask, b"{}", {"anthropic-version": "2026-10-21"}, "req_1").headers)
    assert theirs["anthropic-version"] == "2026-10-21"


def test_what_argo_has_no_path_for_is_known() -> None:
    assert UPSTREAM.offers(Operation.COUNT, "anthropic")
    assert UPSTREAM.offers(Operation.EMBED, "openai_chat")
    assert not UPSTREAM.offers(Operation.COMPLETE, "openai_chat")
    assert not UPSTREAM.offers(Operation.COUNT, "openai_chat")
    assert not UPSTREAM.offers(Operation.EMBED, "google")
    assert not UPSTREAM.passes_names
    assert UPSTREAM.lists_all
    assert not UPSTREAM.fetches


@pytest.mark.parametrize("owner", ["google", "openai", ""])
def test_only_geminis_conversations_are_changed(owner: str) -> None:
    ask = Ask(dialect="openai_chat", operation=Operation.GENERATE, model="m", owner=owner)
    changes = UPSTREAM.changes(ask, {"messages": [{"role": "assistant", "content": None}]}).members
    mended = {"messages": [{"role": "assistant", "content": ""}]} if owner == "google" else {}
    assert changes == {"model": "m", "timeout": REMOVED, "user": "jdoe"} | mended
    untouched = [{"role": "user", "content": "x"}]
    assert "messages" not in UPSTREAM.changes(ask, {"messages": untouched}).members
    assert "messages" not in UPSTREAM.changes(ask, {"input": "x"}).members


@pytest.mark.parametrize(
    ("dialect", "operation"),
    [
        ("openai_chat", Operation.GENERATE),
        ("openai_chat", Operation.EMBED),
        ("openai_responses", Operation.GENERATE),
        ("anthropic", Operation.GENERATE),
        ("anthropic", Operation.COUNT),
    ],
)
def test_a_request_may_say_whose_it_is(dialect: str, operation: Operation) -> None:
    for upstream in (UPSTREAM, ArgoUpstream(base_url=BASE)):
        ask = Ask(dialect=dialect, operation=operation, model="m", user="asmith")
        sent = upstream.call(ask, b"{}", {"authorization": "Bearer theirs", "x-api-key": "theirs"}, "req_1")
        headers = dict(sent.headers)
        assert len(headers) == len(sent.headers)
        assert headers["authorization"] == "Bearer asmith"
        assert headers.get("x-api-key") == ("asmith" if dialect == "anthropic" else None)
        changes = upstream.changes(ask, {"user": "theirs"}).members
        assert changes["user"] == (REMOVED if dialect == "anthropic" else "asmith")


def test_without_a_user_the_models_are_asked_for_in_nobodys_name() -> None:
    headers = dict(ArgoUpstream(base_url=BASE).models().headers)
    assert "authorization" not in headers
    assert dict(UPSTREAM.models().headers)["authorization"] == "Bearer jdoe"

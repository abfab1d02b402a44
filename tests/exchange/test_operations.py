"""Counting and embedding: by the upstream where it can, and otherwise here, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.config.schema import Config
from argo_relay.config.schema import Upstream as UpstreamConfig
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import BadJson, Refused
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.operations import outline_of, plan
from argo_relay.exchange.plan import Asked, Plan
from argo_relay.models.live import passing_profile
from argo_relay.models.profile import Profile
from argo_relay.models.roster import catalogue_roster
from argo_relay.upstreams.base import Operation
from argo_relay.upstreams.choose import upstream_of
from support.stage import JSON, FakeClient, Play, stage

MESSAGES: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "system": "be kind"}
CONTENTS: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
COUNTS = {
    "anthropic": Entry(dialect=DIALECTS["anthropic"], operation=Operation.COUNT),
    "google": Entry(dialect=DIALECTS["google"], operation=Operation.COUNT, model="m"),
}
ASKED = {"anthropic": MESSAGES, "google": CONTENTS}
EMBED = Entry(dialect=DIALECTS["openai_chat"], operation=Operation.EMBED)
BATCH = Entry(dialect=DIALECTS["google"], operation=Operation.EMBED, model="m")
SINGLE = Entry(dialect=DIALECTS["google"], operation=Operation.EMBED, model="m", single=True)


def argo(name: str) -> Profile:
    found = catalogue_roster().resolve(name)
    assert found is not None
    return found


def planned(
    kind: Any, entry: Entry, body: dict[str, Any], profile: Profile | None = None, headers: dict[str, str] | None = None
) -> Plan:
    upstream = upstream_of(UpstreamConfig(kind=kind), "jdoe", {}, "http://up.example")
    outline = outline_of(entry, json.dumps(body).encode())
    profile = profile or passing_profile("m")
    asked = Asked(entry=entry, outline=outline, profile=profile, headers=headers or {}, request_id="r", received=7)
    return plan(upstream, asked)


def sent(there: Plan) -> tuple[str, dict[str, Any]]:
    assert there.call is not None
    return there.call.url.removeprefix("http://up.example"), json.loads(there.call.body or b"")


def test_an_upstream_of_the_clients_dialect_counts_what_came() -> None:
    there = planned("anthropic", COUNTS["anthropic"], MESSAGES | {"odd": 1.5})
    assert sent(there) == ("/v1/messages/count_tokens", MESSAGES | {"odd": 1.5})
    assert there.own
    assert there.stage.whole(b'{"input_tokens": 7}') == b'{"input_tokens": 7}'
    nested = {"generateContentRequest": {"model": "models/m"} | CONTENTS}
    assert sent(planned("google", COUNTS["google"], nested)) == ("/v1beta/models/m:countTokens", nested)


@pytest.mark.parametrize(("client", "kind"), [("google", "anthropic"), ("anthropic", "google")])
def test_an_upstream_of_another_dialect_counts_what_it_would_be_asked(client: str, kind: str) -> None:
    there = planned(kind, COUNTS[client], ASKED[client])
    path, body = sent(there)
    assert not there.own
    assert "hi" in json.dumps(body)
    if kind == "anthropic":
        assert (path, set(body)) == ("/v1/messages/count_tokens", {"model", "messages"})
        assert json.loads(there.stage.whole(b'{"input_tokens":7}')) == {"totalTokens": 7}
    else:
        assert path == "/v1beta/models/m:countTokens"
        assert body["generateContentRequest"]["model"] == "models/m"
        assert json.loads(there.stage.whole(b'{"totalTokens":7}')) == {"input_tokens": 7}
    with pytest.raises(BadJson):
        there.stage.whole(b"{}")


@pytest.mark.parametrize("client", COUNTS)
@pytest.mark.parametrize(
    ("name", "table"), [("gpt-4o", "o200k_base"), ("gemini-2.5-pro", "gemma3"), ("claude-opus-4.5", None)]
)
def test_argo_counts_for_claude_and_the_relay_for_the_others(client: str, name: str, table: str | None) -> None:
    there = planned("argo", COUNTS[client], ASKED[client], argo(name))
    if table is None:
        assert sent(there)[0] == "/v1/messages/count_tokens"
        assert sent(there)[1]["model"] == "claudeopus45"
        return
    assert there.call is None
    assert there.headers == [("x-tokens-estimated", table)]
    (count,) = json.loads(there.stage.whole(b"")).values()
    assert 5 <= count <= 20


def test_a_strict_client_is_told_when_not_everything_is_counted() -> None:
    lossy = MESSAGES | {"top_k": 5, "tools": [{"type": "web_search_20250305", "name": "web_search"}]}
    assert planned("google", COUNTS["anthropic"], lossy).losses
    with pytest.raises(Refused) as caught:
        planned("google", COUNTS["anthropic"], lossy, headers={"x-strict": "true"})
    assert caught.value.failure.code == "translation_loss"


def test_openais_embeddings_pass_as_they_are() -> None:
    body = {"model": "m", "input": ["a"], "encoding_format": "base64", "odd": 1.5}
    there = planned("openai", EMBED, body | {"timeout": 5})
    assert sent(there) == ("/v1/embeddings", body)
    assert there.own
    reply = b'{"object":"list","data":[], "usage":{"prompt_tokens":3,"total_tokens":3}}'
    assert there.stage.whole(reply) == reply
    assert there.stage.usage is not None
    assert there.stage.usage.input == 3
    assert sent(planned("openai_responses", EMBED, body))[0] == "/v1/embeddings"
    assert sent(planned("argo", EMBED, body, argo("text-embedding-3-small")))[1]["user"] == "jdoe"


def test_googles_embeddings_pass_as_they_are_in_batches() -> None:
    batch = {"requests": [{"model": "models/m", "content": {"parts": [{"text": "a"}]}, "odd": 1.5}]}
    assert sent(planned("google", BATCH, batch)) == ("/v1beta/models/m:batchEmbedContents", batch)
    single = planned("google", SINGLE, {"content": {"parts": [{"text": "a"}]}})
    assert sent(single) == (
        "/v1beta/models/m:batchEmbedContents",
        {"requests": [{"model": "models/m", "content": {"parts": [{"text": "a"}]}}]},
    )
    assert json.loads(single.stage.whole(b'{"embeddings":[{"values":[1,2]}]}')) == {"embedding": {"values": [1, 2]}}


def test_embeddings_cross() -> None:
    google = planned("google", EMBED, {"model": "m", "input": ["a", "b"], "dimensions": 2})
    path, body = sent(google)
    assert path == "/v1beta/models/m:batchEmbedContents"
    assert [one["outputDimensionality"] for one in body["requests"]] == [2, 2]
    reply = json.loads(google.stage.whole(b'{"embeddings":[{"values":[1,2]},{"values":[3,4]}]}'))
    assert [one["embedding"] for one in reply["data"]] == [[1, 2], [3, 4]]
    openai = planned("openai", SINGLE, {"content": {"parts": [{"text": "a"}]}, "taskType": "CLUSTERING"})
    assert sent(openai) == ("/v1/embeddings", {"input": ["a"], "encoding_format": "float", "model": "m"})
    assert [loss.what for loss in openai.losses] == ["taskType"]
    assert json.loads(openai.stage.whole(b'{"data":[{"embedding":[1,2]}]}')) == {"embedding": {"values": [1, 2]}}


def test_a_vendor_without_embeddings_is_named_as_such() -> None:
    with pytest.raises(Refused) as caught:
        planned("anthropic", EMBED, {"model": "m", "input": "a"})
    assert (caught.value.failure.status, caught.value.failure.code) == (404, "no_embeddings")


@pytest.mark.parametrize(
    ("entry", "body", "param"),
    [
        (EMBED, {"model": "m"}, "input"),
        (BATCH, {}, "content"),
        (COUNTS["anthropic"], {"model": "m"}, "messages"),
        (COUNTS["google"], {}, "contents"),
        (Entry(dialect=DIALECTS["openai_responses"]), {"model": "m", "input": 5}, "input"),
    ],
)
def test_each_path_reads_its_own_kind_of_request(entry: Entry, body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as caught:
        outline_of(entry, json.dumps(body).encode())
    assert caught.value.failure.param == param


@pytest.mark.looptime
async def test_an_estimate_says_that_it_is_one() -> None:
    there = stage(Play())
    done = await there.run(FakeClient([(0, json.dumps(MESSAGES | {"model": "gpt-4o"}).encode())]), COUNTS["anthropic"])
    assert done.client.status == 200
    assert done.client.headers["x-tokens-estimated"] == "o200k_base"
    assert done.client.json()["input_tokens"] > 5
    assert done.upstream.calls == []


@pytest.mark.looptime
async def test_an_upstreams_error_is_told_in_the_clients_dialect() -> None:
    error = b'{"type":"error","error":{"type":"not_found_error","message":"no such model"}}'
    there = stage(Play(status=404, headers=JSON, body=[(0, error)]), Config(upstream=UpstreamConfig(kind="anthropic")))
    done = await there.run(FakeClient([(0, json.dumps(CONTENTS).encode())]), COUNTS["google"])
    assert (done.client.status, done.client.json()["error"]["status"]) == (404, "NOT_FOUND")

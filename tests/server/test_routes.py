"""What each path answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from argo_relay import __version__
from argo_relay.config.schema import Config, Upstream
from argo_relay.server.app import create_app
from support.site import error_of, lists_models, site
from support.stage import JSON, MESSAGE, WHOLE, Play, ask, message_stream, stage


async def test_the_root_names_endpoints_that_exist() -> None:
    async with site() as there:
        root = await there.http.get("/")
        assert root.status_code == 200
        assert root.json()["name"] == "argo-relay"
        for endpoint in root.json()["endpoints"]:
            method, path = endpoint.split()
            assert (await there.http.request(method, path)).status_code in (200, 400), endpoint


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/version", "/v1/models", "/v1/models/argo:gpt-4o"])
async def test_head_is_get_without_the_body(path: str) -> None:
    async with site() as there:
        whole = await there.http.get(path)
        head = await there.http.head(path)
    assert head.status_code == whole.status_code == 200
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert head.headers["content-length"] == str(len(whole.content))


async def test_the_version() -> None:
    async with site() as there:
        assert (await there.http.get("/version")).json() == {"name": "argo-relay", "version": __version__}


@pytest.mark.looptime
@pytest.mark.parametrize("path", ["/v1/models", "/models"])
async def test_models_are_listed_as_openai_lists_them(path: str) -> None:
    async with site() as there:
        reply = (await there.http.get(path)).json()
        assert there.calls == [], "the list is the relay's own"
    assert reply["object"] == "list"
    row = next(one for one in reply["data"] if one["internal_id"] == "claudeopus47")
    assert row == {
        "id": "argo:claude-opus-4.7",
        "object": "model",
        "created": 1_800_000_000,
        "owned_by": "anthropic",
        "internal_id": "claudeopus47",
        "name": "Claude Opus 4.7",
    }
    assert "gpt4" not in [one["internal_id"] for one in reply["data"]], "retired"


async def test_the_list_is_the_upstreams_own_once_it_is_known() -> None:
    async with site(lists_models("gpt4o", "gpt99")) as there:
        await there.stage.relay.main.directory.refresh()
        reply = (await there.http.get("/v1/models")).json()
    assert [one["id"] for one in reply["data"]] == ["argo:gpt-4o", "argo:gpt99"]


@pytest.mark.parametrize("prefix", ["/v1/models/", "/models/"])
@pytest.mark.parametrize(
    "name", ["argo:gpt-4o", "openai/gpt-4o", "openai%2Fgpt-4o", "GPT-4O", "gpt4o", "gpt-4o-2024-11-20", "argo/gpt-4o"]
)
async def test_a_model_by_any_of_its_names(prefix: str, name: str) -> None:
    async with site() as there:
        reply = await there.http.get(prefix + name)
        listed = (await there.http.get("/v1/models")).json()["data"]
    assert reply.status_code == 200
    assert reply.json()["id"] == "argo:gpt-4o"
    assert reply.json().keys() == listed[0].keys() | {"parameters"}
    renamed = next(row for row in reply.json()["parameters"] if row["parameter"] == "max_tokens")
    assert (renamed["rule"], renamed["from"]) == ("rename max_completion_tokens", "catalogue")


@pytest.mark.parametrize("name", ["gpt-4oo", "argo:gpt-4oo", "openai/gpt-4oo"])
async def test_an_unknown_model_is_a_404_with_the_closest_names(name: str) -> None:
    async with site() as there:
        reply = await there.http.get(f"/v1/models/{name}", headers={"x-request-id": "mine"})
    assert reply.status_code == 404
    error = error_of(reply)
    assert error["code"] == "model_not_found"
    assert error["param"] == "model"
    assert f"`{name}`" in error["message"]
    assert "argo:gpt-4o" in error["message"]
    assert reply.headers["x-request-id"] == "mine"


async def test_an_empty_name_is_an_unknown_model() -> None:
    async with site() as there:
        assert error_of(await there.http.get("/v1/models/"))["code"] == "model_not_found"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
async def test_exchanges_run(path: str) -> None:
    async with site(Play(headers=JSON, body=[(0, WHOLE)])) as there:
        reply = await there.http.post(path, content=ask())
        assert (reply.status_code, reply.content) == (200, WHOLE)
        assert there.calls == ["/argoapi/v1/chat/completions"]
        assert [record.status for record in there.stage.records] == [200]


async def test_nobody_waits_for_a_client_to_leave_once_its_exchange_is_over() -> None:
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": ask()}]
    sent = []

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else await asyncio.get_running_loop().create_future()

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])

    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": [], "query_string": b""}
    before = asyncio.all_tasks()
    await create_app(stage(Play(headers=JSON, body=[(0, WHOLE)])).relay)(scope, receive, send)
    assert (sent[0], sent[-1]) == ("http.response.start", "http.response.body")
    if left := asyncio.all_tasks() - before:
        await asyncio.wait(left, timeout=5)
    assert asyncio.all_tasks() == before


async def test_the_root_names_every_way_to_ask() -> None:
    async with site() as there:
        endpoints = (await there.http.get("/")).json()["endpoints"]
    assert endpoints == [
        "POST /v1/chat/completions",
        "POST /v1/responses",
        "POST /v1/messages",
        "POST /v1/messages/count_tokens",
        "POST /v1/embeddings",
        "POST /v1/completions",
        "POST /v1beta/models/MODEL:generateContent",
        "POST /v1beta/models/MODEL:streamGenerateContent",
        "POST /v1beta/models/MODEL:countTokens",
        "POST /v1beta/models/MODEL:embedContent",
        "POST /v1beta/models/MODEL:batchEmbedContents",
        "GET /v1/models",
        "GET /health",
        "GET /ready",
        "GET /version",
    ]


MESSAGES = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]}
CONTENTS = {"contents": [{"parts": [{"text": "hi"}]}]}
CLAUDE = Config(upstream=Upstream(kind="anthropic"))
ASKED: dict[str, dict[str, Any]] = {
    "/v1/messages": MESSAGES,
    "/messages": MESSAGES,
    "/v1/responses": {"model": "m", "input": "hi"},
    "/responses": {"model": "m", "input": "hi"},
    "/v1beta/models/m:generateContent": CONTENTS,
    "/v1/models/m:generateContent": CONTENTS,
    "/models/m:generateContent": CONTENTS,
}


@pytest.mark.parametrize("path", ASKED)
async def test_every_dialect_has_its_paths(path: str) -> None:
    async with site(Play(headers=JSON, body=[(0, MESSAGE)]), CLAUDE) as there:
        reply = await there.http.post(path, json=ASKED[path])
        assert reply.status_code == 200
        assert "hello" in reply.text
        assert there.calls == ["/argoapi/v1/messages"]
        dialects = {"messages": "anthropic", "responses": "openai_responses"}
        (record,) = there.stage.records
        assert record.dialect == dialects.get(path.rpartition("/")[2], "google")
        assert (record.upstream, record.spoken, record.model) == ("main", "anthropic", "m")


async def test_tokens_are_counted() -> None:
    async with site(Play(headers=JSON, body=[(0, b'{"input_tokens":7}')]), CLAUDE) as there:
        messages = await there.http.post("/v1/messages/count_tokens", json=MESSAGES)
        contents = await there.http.post("/v1beta/models/m:countTokens", json=CONTENTS)
        assert (messages.json(), contents.json()) == ({"input_tokens": 7}, {"totalTokens": 7})
        assert set(there.calls) == {"/argoapi/v1/messages/count_tokens"}


async def test_texts_are_embedded() -> None:
    vectors = Play(headers=JSON, body=[(0, b'{"data":[{"embedding":[1.0,2.0]}]}')])
    async with site(vectors, Config(upstream=Upstream(kind="openai"))) as there:
        openai = await there.http.post("/v1/embeddings", json={"model": "m", "input": "hi"})
        content = {"content": {"parts": [{"text": "hi"}]}}
        one = await there.http.post("/v1beta/models/m:embedContent", json=content)
        batch = await there.http.post("/v1beta/models/m:batchEmbedContents", json={"requests": [content]})
    assert openai.json()["data"][0]["embedding"] == [1.0, 2.0]
    assert one.json() == {"embedding": {"values": [1.0, 2.0]}}
    assert batch.json() == {"embeddings": [{"values": [1.0, 2.0]}]}


@pytest.mark.parametrize(
    ("query", "kind"), [("?alt=sse", "text/event-stream; charset=utf-8"), ("", "application/json")]
)
async def test_googles_streams_in_both_their_forms(query: str, kind: str) -> None:
    async with site(Play(body=[(0, message_stream("one", "two"))]), CLAUDE) as there:
        reply = await there.http.post(f"/v1beta/models/m:streamGenerateContent{query}", json=CONTENTS)
    assert reply.headers["content-type"] == kind
    frames = [frame.removeprefix("data: ") for frame in reply.text.split("\n\n") if frame]
    chunks = [json.loads(frame) for frame in frames] if query else reply.json()
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
    assert "".join(part["text"] for part in parts) == "onetwo"


@pytest.mark.parametrize("name", ["m", "m:", "m:predict", "gpt-4o", "a/b"])
@pytest.mark.parametrize("prefix", ["/v1beta/models/", "/v1/models/", "/models/"])
async def test_a_post_without_a_method_is_told_which_there_are(prefix: str, name: str) -> None:
    async with site() as there:
        reply = await there.http.post(prefix + name, json=CONTENTS, headers={"x-request-id": "mine"})
    error = reply.json()["error"]
    assert (reply.status_code, error["status"]) == (404, "NOT_FOUND")
    assert "generateContent" in error["message"]
    assert reply.headers["x-request-id"] == "mine"


VENDORS = {
    "openai": ("/v1/models", {}, "data", "id", "argo:gpt-4o"),
    "anthropic": ("/v1/models", {"anthropic-version": "2023-06-01"}, "data", "id", "argo:gpt-4o"),
    "google": ("/v1beta/models", {}, "models", "name", "models/argo:gpt-4o"),
    "google with v1": ("/v1/models", {"x-goog-api-key": "k"}, "models", "name", "models/argo:gpt-4o"),
}


def timeless(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what each call has of its own, the time, and what is told of one model only."""
    return {member: value for member, value in row.items() if member not in ("created", "created_at", "parameters")}


@pytest.mark.parametrize("vendor", VENDORS)
async def test_models_are_listed_as_the_clients_vendor_lists_them(vendor: str) -> None:
    path, headers, member, key, name = VENDORS[vendor]
    async with site(lists_models("gpt4o")) as there:
        await there.stage.relay.main.directory.refresh()
        listed = (await there.http.get(path, headers=headers)).json()[member]
        one = (await there.http.get(f"{path}/argo:gpt-4o", headers=headers)).json()
        missing = await there.http.get(f"{path}/gpt-9000", headers=headers)
    assert list(map(timeless, listed)) == [timeless(one)]
    assert one[key] == name
    assert missing.status_code == 404
    expected = {"openai": "code", "anthropic": "type"}.get(vendor, "status")
    assert expected in missing.json()["error"]


@pytest.mark.parametrize("prefix", ["/v1", ""])
async def test_a_websocket_is_told_to_use_http(prefix: str) -> None:
    """Codex takes 426 for that at once; any other answer costs it 6 s at each start."""
    async with site() as there:
        headers = {"upgrade": "websocket", "connection": "Upgrade"}
        reply = await there.http.get(f"{prefix}/responses", headers=headers)
    assert (reply.status_code, error_of(reply)["code"]) == (426, "websocket_unsupported")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("POST", "/v1/responses/compact"),
        ("GET", "/v1/responses"),
    ],
)
async def test_what_is_not_kept_is_told_with_what_to_do(method: str, path: str) -> None:
    async with site() as there:
        reply = await there.http.request(method, path, headers={"x-request-id": "mine"})
        assert there.calls == []
    assert (reply.status_code, error_of(reply)["code"]) == (400, "unsupported_operation")
    assert "`input`" in reply.json()["error"]["message"]
    assert reply.headers["x-request-id"] == "mine"


async def test_an_alias_is_listed_and_found_in_every_shape() -> None:
    config = Config(user="tester", aliases={"best": "gpt-5.5"})
    async with site(config=config) as there:
        openai = (await there.http.get("/v1/models")).json()["data"]
        assert {row["id"]: row.get("alias_of") for row in openai}["best"] == "argo:gpt-5.5"
        one = (await there.http.get("/v1/models/argo:best")).json()
        assert (one["id"], one["alias_of"]) == ("best", "argo:gpt-5.5")
        anthropic = (await there.http.get("/v1/models/best", headers={"anthropic-version": "1"})).json()
        assert (anthropic["id"], anthropic["alias_of"]) == ("best", "argo:gpt-5.5")
        google = (await there.http.get("/v1beta/models/best")).json()
        assert (google["name"], google["baseModelId"]) == ("models/best", "argo:gpt-5.5")


async def test_a_model_that_has_just_come_is_found() -> None:
    async with site(lists_models("gpt4o", "gpt99")) as there:
        assert (await there.http.get("/v1/models/gpt-99")).json()["id"] == "argo:gpt99"
        assert there.calls == ["/argoapi/v1/models"]
        assert (await there.http.get("/v1/models/gpt-98")).status_code == 404
        assert there.calls == ["/argoapi/v1/models"]

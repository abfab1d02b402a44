"""What each path answers."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from argo_relay import __version__
from argo_relay.server.app import create_app
from support.site import error_of, lists_models, site
from support.stage import JSON, WHOLE, Play, ask, stage


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
        await there.stage.relay.directory.refresh()
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
    assert reply.json().keys() == listed[0].keys()


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

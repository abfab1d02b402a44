from __future__ import annotations

import httpx
import pytest


@pytest.mark.parametrize("path", ["/v1/models", "/api/v1/models/"])
async def test_the_model_list(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body["object"] == "list"
    assert {tuple(row) for row in body["data"]} == {("id", "object", "created", "owned_by", "internal_id")}
    assert len({row["created"] for row in body["data"]}) == 1
    assert body["data"][0]["created"] > 1_600_000_000


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/chat/completions"), ("POST", "/v1/models"), ("GET", "/v1/messages"), ("PUT", "/simulator/exchanges")],
)
async def test_a_wrong_method(client: httpx.AsyncClient, method: str, path: str) -> None:
    response = await client.request(method, path)
    assert response.status_code == 405
    assert response.content == b'{"detail":"Method Not Allowed"}'
    assert response.headers["allow"]


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/models/", "/v1/chat/completions/", "/v1/message", "/simulator"])
async def test_an_unknown_path(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.content == b'{"detail":"Not Found"}'
    assert (await client.head(path)).status_code == 404


async def test_the_list_is_as_old_as_the_call(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for now in (1_786_728_978, 1_786_728_979):
        monkeypatch.setattr("argo_relay.simulator.app.time.time", lambda now=now: now + 0.9)
        rows = (await client.get("/v1/models")).json()["data"]
        assert {row["created"] for row in rows} == {now}


async def test_stubs(client: httpx.AsyncClient) -> None:
    for path in ("/api/v1/resource/", "/api/v1/resource/health/"):
        response = await client.get(path)
        assert (response.status_code, type(response.json())) == (200, dict)


@pytest.mark.parametrize(("as_of", "count"), [("2026-08", 12), ("2026-09", 13)])
async def test_the_document_of_the_routes(client: httpx.AsyncClient, as_of: str, count: int) -> None:
    await client.put("/simulator/era", json={"as_of": as_of})
    document = (await client.get("/openapi.json")).json()
    assert (document["openapi"], document["info"]["title"]) == ("3.1.0", "Argo Gateway API")
    assert len(document["paths"]) == count
    assert ("/v1/responses" in document["paths"]) == (count == 13)
    for path, operations in document["paths"].items():
        (method,) = operations
        assert (await client.request(method, path, content=b"{")).status_code in {200, 400, 422}


async def test_exchanges_are_forgotten_on_demand(client: httpx.AsyncClient) -> None:
    assert (await client.get("/simulator/exchanges")).json() == []
    await client.post("/v1/chat/completions", json={})
    assert len((await client.get("/simulator/exchanges")).json()) == 1
    assert (await client.delete("/simulator/exchanges")).json() == {"forgotten": 1}
    assert (await client.get("/simulator/exchanges")).json() == []

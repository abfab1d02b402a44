from __future__ import annotations

import httpx
import pytest


async def test_the_model_list(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/models")
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


async def test_exchanges_are_forgotten_on_demand(client: httpx.AsyncClient) -> None:
    assert (await client.get("/simulator/exchanges")).json() == []
    await client.post("/v1/chat/completions", json={})
    assert len((await client.get("/simulator/exchanges")).json()) == 1
    assert (await client.delete("/simulator/exchanges")).json() == {"forgotten": 1}
    assert (await client.get("/simulator/exchanges")).json() == []

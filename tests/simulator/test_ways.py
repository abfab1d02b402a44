from __future__ import annotations

import itertools
from typing import Any, get_args

import httpx
import pytest

from argo_relay.simulator.ways import ERAS, NEWEST, TODAY, AsOf, Switches

from .conftest import Ask

USER = [{"role": "user", "content": "ping"}]


def test_eras_follow_each_other_and_each_differs_from_the_last() -> None:
    assert list(ERAS) == sorted(get_args(AsOf))
    assert list(ERAS)[-1] == NEWEST == TODAY.as_of
    for before, after in itertools.pairwise(ERAS.values()):
        assert {name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)} > {"told"}


def test_what_is_not_named_stays() -> None:
    switches = Switches(TODAY)
    switches.change({"as_of": "2026-05", "gemini_500": 1})
    switches.change({"fetch_images": True})
    assert switches.shown() == {
        "as_of": "2026-05",
        "responses": True,
        "retired": True,
        "fetch_images": True,
        "gemini_500": 1.0,
        "refused": {},
    }


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"as_of": "2025-01"}, "2025-01"),
        ({"gemini_500": 2}, "gemini_500"),
        ({"responses": "no"}, "responses"),
        ({"era": "2026-05"}, "era"),
        ([], "array"),
    ],
)
def test_nonsense_changes_nothing(given: object, wrong: str) -> None:
    switches = Switches(TODAY)
    with pytest.raises(ValueError, match=wrong):
        switches.change(given)
    assert switches.ways == TODAY


async def test_a_running_simulator_is_switched(client: httpx.AsyncClient, ask: Ask) -> None:
    assert (await client.get("/simulator/era")).json()["as_of"] == NEWEST
    assert (await ask(max_tokens=64)).status_code == 400
    changed = await client.put("/simulator/era", json={"as_of": "2026-05"})
    assert changed.json() == (await client.get("/simulator/era")).json()
    assert changed.json()["as_of"] == "2026-05"
    assert (await ask(max_tokens=64)).status_code == 200


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"as_of": "never"}'])
async def test_a_switch_that_is_not_there(client: httpx.AsyncClient, content: bytes) -> None:
    refused = await client.put("/simulator/era", content=content)
    assert refused.status_code == 400
    assert refused.json()["detail"]


@pytest.mark.parametrize(
    ("ways", "there"),
    [
        ({}, True),
        ({"responses": False}, False),
        ({"as_of": "2026-08"}, False),
        ({"as_of": "2026-05", "responses": True}, False),
    ],
)
async def test_responses_came_late(client: httpx.AsyncClient, ways: dict[str, Any], there: bool) -> None:
    await client.put("/simulator/era", json=ways)
    response = await client.post("/v1/responses", json={"model": "gpt4o", "user": "tester", "input": "ping"})
    assert response.status_code == (200 if there else 404)
    assert there or response.content == b'{"detail":"Not Found"}'


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings"])
async def test_once_the_body_had_to_name_the_user(client: httpx.AsyncClient, path: str) -> None:
    body = {"model": "v3small" if "embed" in path else "gpt4o", "input": "ping", "messages": USER}
    bearer = {"authorization": "Bearer tester"}
    assert (await client.post(path, json=body, headers=bearer)).status_code == 200
    await client.put("/simulator/era", json={"as_of": "2026-04"})
    refused = await client.post(path, json=body, headers=bearer)
    assert (refused.status_code, refused.json()["error"]["code"]) == (500, "internal_error")
    denied = await client.post(path, json=body | {"user": "nobody"}, headers=bearer)
    assert denied.json()["id"].startswith("msg_blocked_nobody_")
    assert (await client.get("/simulator/exchanges")).json()[-1]["user"] == "nobody"


async def test_retired_models_can_be_gone(client: httpx.AsyncClient, ask: Ask) -> None:
    assert (await ask(model="gpt4")).status_code == 200
    everything = (await client.get("/v1/models")).json()["data"]
    await client.put("/simulator/era", json={"retired": False})
    assert (await ask(model="gpt4")).json()["error"]["message"] == "Invalid model: gpt4"
    gone = {row["internal_id"] for row in everything} - {
        row["internal_id"] for row in (await client.get("/v1/models")).json()["data"]
    }
    assert len(gone) == 13
    assert {"gpt4", "claudeopus4"} < gone
    assert (await ask(model="gpt4o")).status_code == 200

"""Refusals made up: any model, any parameter, in the words of its route."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

CHAT = {"user": "tester", "messages": [{"role": "user", "content": "ping"}]}
CLAUDE = CHAT | {"model": "claudehaiku45", "max_tokens": 2048}
BUDGET = {"type": "enabled", "budget_tokens": 1024}


async def status_of(client: httpx.AsyncClient, path: str, **body: Any) -> tuple[int, str]:
    response = await client.post(path, json=body)
    row = (await client.get("/simulator/exchanges")).json()[-1]
    assert row["status"] == response.status_code
    return response.status_code, response.text


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
async def test_openais_words(client: httpx.AsyncClient, path: str) -> None:
    asked = (CHAT if "chat" in path else {"user": "tester", "input": "ping"}) | {"model": "gpto3"}
    await client.put("/simulator/era", json={"refused": {"gpto3": ["top_p", "metadata.run"]}})
    for more, name in (({"top_p": 0.5}, "top_p"), ({"metadata": {"run": "1"}}, "metadata.run")):
        status, text = await status_of(client, path, **asked, **more)
        assert (status, f"Unsupported parameter: '{name}' is not supported with this model." in text) == (400, True)
    assert (await status_of(client, path, **asked, metadata={}))[0] == 200
    assert (await status_of(client, path, **asked | {"model": "gpto4mini"}, top_p=0.5))[0] == 200


async def test_anthropics_words(client: httpx.AsyncClient) -> None:
    await client.put("/simulator/era", json={"refused": {"claudehaiku45": ["top_k"]}})
    status, text = await status_of(client, "/v1/messages", **CLAUDE, top_k=5)
    assert (status, "`top_k` is deprecated for this model." in text) == (400, True)
    assert (await status_of(client, "/v1/messages", **CLAUDE, thinking=BUDGET))[0] == 200


async def test_budgets_give_way_to_adaptive_thinking(client: httpx.AsyncClient) -> None:
    adaptive = {"type": "adaptive"}
    assert (await status_of(client, "/v1/messages", **CLAUDE, thinking=adaptive))[0] == 400
    await client.put("/simulator/era", json={"refused": {"claudehaiku45": ["thinking.enabled"]}})
    status, text = await status_of(client, "/v1/messages", **CLAUDE, thinking=BUDGET)
    assert (status, "thinking.type.adaptive" in text) == (400, True)
    assert (await status_of(client, "/v1/messages", **CLAUDE, thinking=adaptive))[0] == 200

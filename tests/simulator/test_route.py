from __future__ import annotations

import httpx
import pytest

# Virtual time: a reply of minutes takes none.
pytestmark = pytest.mark.looptime

BODIES = [
    ("/v1/chat/completions", {"model": "gpt4o", "messages": [{"role": "user", "content": "[chunks=2] [gap=60]"}]}, 5),
    (
        "/v1/messages",
        {"model": "claudehaiku45", "max_tokens": 9, "messages": [{"role": "user", "content": "[chunks=2] [gap=60]"}]},
        7,
    ),
    ("/v1/responses", {"model": "gpt4o", "input": "[chunks=2] [gap=60]"}, 10),
]


@pytest.mark.parametrize(("path", "body", "events"), BODIES)
async def test_every_route_is_noted_with_its_events(
    client: httpx.AsyncClient, path: str, body: dict[str, object], events: int
) -> None:
    response = await client.post(path, json={**body, "stream": True}, headers={"authorization": "Bearer alice"})
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    (row,) = (await client.get("/simulator/exchanges")).json()
    assert (row["path"], row["user"], row["state"], row["events"]) == (path, "alice", "finished", events)

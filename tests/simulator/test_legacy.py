from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from argo_relay.simulator.dialect import Asked, plan
from argo_relay.simulator.legacy import DIALECTS
from argo_relay.simulator.request import hear
from argo_relay.simulator.script import Write
from argo_relay.simulator.ways import TODAY

ROOT = "/api/v1/resource"
USER = [{"role": "user", "content": "ping [chunks=3]"}]
OPENING = "This is the Argo simulator, answering as gpt4o."


async def post(client: httpx.AsyncClient, path: str, **fields: Any) -> httpx.Response:
    body = {"user": "tester", "model": "gpt4o", **fields}
    return await client.post(f"{ROOT}/{path}/", json=body, headers={"authorization": "Bearer nobody"})


@pytest.mark.parametrize(
    "fields", [{"messages": USER}, {"system": "Be brief.", "prompt": ["hello", "ping [chunks=3]"]}, {"prompt": "ping"}]
)
async def test_chat_is_a_text(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    response = await post(client, "chat", stream=True, **fields)
    assert (response.status_code, [*response.json()]) == (200, ["response"])
    assert response.json()["response"].startswith(OPENING)


async def test_messages_do_not_go_with_a_prompt(client: httpx.AsyncClient) -> None:
    response = await post(client, "chat", messages=USER, system="Be brief.")
    assert response.status_code == 200
    assert response.content == (
        b'{"response":"You passed a messages field along with a system and or prompt field. Please only pass messages '
        b'with any system and user prompts included, or only pass system and prompt alone."}'
    )


@pytest.mark.parametrize(
    ("model", "tool", "call"),
    [
        ("gpt4o", {"type": "function", "function": {"name": "f", "parameters": {}}}, "function"),
        ("claudeopus47", {"name": "f", "input_schema": {"type": "object"}}, "input"),
        ("gemini25pro", {"name": "f", "parameters": {"type": "object"}}, "args"),
    ],
)
async def test_tools(client: httpx.AsyncClient, model: str, tool: dict[str, Any], call: str) -> None:
    prompt = "ping [tool=f]"
    response = (await post(client, "chat", model=model, prompt=[prompt], tools=[tool])).json()["response"]
    assert response["content"] is None
    assert call in response["tool_calls"][0]
    unasked = (await post(client, "chat", model=model, prompt=["ping"], tools=[tool])).json()["response"]
    assert (unasked["content"][:4], unasked["tool_calls"]) == ("This", [])


def test_a_streams_characters_are_cut() -> None:
    (dialect,) = [dialect for dialect in DIALECTS if "stream" in dialect.path]
    body = {"user": "tester", "model": "gpt4o", "messages": USER}
    steps = plan(dialect, Asked(heard=hear(json.dumps(body).encode()), headers={}, at=1), TODAY)
    writes = [step.data for step in steps if isinstance(step, Write)]
    with pytest.raises(UnicodeDecodeError):
        writes[0].decode()
    assert "µ" in b"".join(writes).decode()


@pytest.mark.looptime
async def test_a_stream_is_nothing_but_text(client: httpx.AsyncClient) -> None:
    response = await post(client, "streamchat", prompt=["[comments=0.1] [first_token=1]"])
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text.startswith(OPENING)
    assert "waiting" not in response.text


@pytest.mark.parametrize("path", ["chat", "streamchat", "embed", "rerank"])
async def test_only_the_body_names_the_user(client: httpx.AsyncClient, path: str) -> None:
    fields = {"messages": USER} if "chat" in path else {"prompt": ["a"], "query": "a", "documents": ["b"]}
    for user, words in (("denied", "ACCESS DENIED"), (None, "'' could not be validated"), ("quota", "ACCESS REVOKED")):
        response = await post(client, path, user=user, **fields)
        assert response.status_code == 200
        assert words in response.text
        assert path == "streamchat" or words in response.json()["response"]
    assert (await client.get("/simulator/exchanges")).json()[-1]["user"] == "quota"


async def test_vectors(client: httpx.AsyncClient) -> None:
    body = (await post(client, "embed", model="v3large", prompt=["a", "b", "a"])).json()
    assert [*body] == ["embedding"]
    first, second, third = body["embedding"]
    assert (len(first), first == third, first == second) == (3072, True, False)


async def test_ranks(client: httpx.AsyncClient) -> None:
    body = (await post(client, "rerank", model="v3small", query="a", documents=["b", "a", "c"])).json()
    assert body["results"][0] == {"index": 1, "relevance_score": pytest.approx(1.0)}
    assert {row["index"] for row in body["results"]} == {0, 1, 2}


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("chat", {"model": "v3small", "messages": USER}, "does not work with the specified model"),
        ("chat", {"model": "gpt5", "messages": USER, "temperature": 0.5}, "'temperature' does not support 0.5"),
        ("chat", {"model": None}, "model is required"),
        ("chat", {"model": "gpt-4o", "messages": USER}, "Invalid model: gpt-4o"),
        ("embed", {"model": "gpt4o", "prompt": ["a"]}, "does not work with the specified model"),
        ("embed", {"model": "v3small"}, "prompt is required"),
        ("rerank", {"model": "v3small", "query": "a"}, "documents is required"),
    ],
)
async def test_refusals(client: httpx.AsyncClient, path: str, fields: dict[str, Any], words: str) -> None:
    response = await post(client, path, **fields)
    assert (response.status_code, words in response.json()["error"]["message"]) == (400, True)


@pytest.mark.parametrize(("content", "status"), [(b"{", 422), (b"[]", 400)])
async def test_what_is_no_request(client: httpx.AsyncClient, content: bytes, status: int) -> None:
    assert (await client.post(f"{ROOT}/chat/", content=content)).status_code == status

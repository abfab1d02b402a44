from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from argo_relay.simulator.app import create_app

Ask = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a simulator in this process, without sockets."""
    transport = httpx.ASGITransport(app=create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as http:
        yield http


@pytest.fixture
def ask(client: httpx.AsyncClient) -> Ask:
    """Post a chat request: a prompt, and the fields that differ from the plainest one."""

    async def post(prompt: str = "ping", *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        body = {"model": "gpt4o", "user": "tester", "messages": [{"role": "user", "content": prompt}], **fields}
        return await client.post("/v1/chat/completions", json=body, headers=headers)

    return post


@pytest.fixture
def message(client: httpx.AsyncClient) -> Ask:
    """Post a request to `/v1/messages`: a prompt, and the fields that differ from the plainest one."""

    async def post(
        prompt: str = "ping", *, path: str = "", headers: dict[str, str] | None = None, **fields: Any
    ) -> httpx.Response:
        messages = [{"role": "user", "content": prompt}]
        body = {"model": "claudesonnet46", "max_tokens": 1000, "messages": messages, **fields}
        sent = {"x-api-key": "tester"} if headers is None else headers
        return await client.post(f"/v1/messages{path}", json=body, headers=sent)

    return post


@pytest.fixture
def respond(client: httpx.AsyncClient) -> Ask:
    """Post a request to `/v1/responses`: a prompt, and the fields that differ from the plainest one."""

    async def post(prompt: str = "ping", **fields: Any) -> httpx.Response:
        body = {"model": "gpt4o", "user": "tester", "input": prompt, **fields}
        return await client.post("/v1/responses", json=body)

    return post

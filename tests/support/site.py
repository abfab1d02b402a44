"""The relay's web application behind an HTTP client, without sockets; its upstream plays from a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from argo_relay.config.schema import Config
from argo_relay.framing import jsonx
from argo_relay.server.app import create_app
from support.stage import JSON, Play, Plays, Stage, stage


@dataclass
class Site:
    stage: Stage
    http: httpx.AsyncClient

    @property
    def calls(self) -> list[str]:
        """The paths that the upstream was asked for."""
        return [httpx.URL(call.url).path for call in self.stage.upstream.calls]


@asynccontextmanager
async def site(
    play: Play | None = None, config: Config | None = None, others: Mapping[str, Plays] | None = None
) -> AsyncIterator[Site]:
    """Run the application; the upstream plays `play`, by default a list of models."""
    there = stage(play or lists_models("gpt4o"), config, others=others)
    transport = httpx.ASGITransport(app=create_app(there.relay))
    async with httpx.AsyncClient(transport=transport, base_url="http://relay") as http:
        yield Site(there, http)


def lists_models(*names: str, **play: Any) -> Play:
    """Return an upstream that lists these models, by Argo's own ids."""
    records = [{"id": name, "object": "model", "owned_by": "openai"} for name in names]
    return Play(headers=JSON, body=[(0, jsonx.encode({"object": "list", "data": records}))], **play)


def error_of(reply: httpx.Response) -> dict[str, Any]:
    """Return the error in a reply that must have OpenAI's shape and say which request it was."""
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"]
    body = reply.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return error

"""Exchanges straight, everything else through the application, and nobody in who may not come in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.config.schema import Config
from argo_relay.server.app import create_app
from argo_relay.server.dispatch import Dispatch, entry_at
from argo_relay.server.paths import EXCHANGES
from argo_relay.server.request import target_of
from argo_relay.upstreams.base import Operation
from support.serving import Memory, joined, until
from support.stage import JSON, WHOLE, Play, Stage, ask, stage

PAGE = "https://app.example.org"
KEYED = Config(user="tester", keys=("first-key",), origins=(PAGE,))


def test_every_exchange_has_its_paths() -> None:
    for path, entry in EXCHANGES.items():
        for prefix in (b"/v1", b""):
            assert entry_at(target_of(prefix + path.encode())) is entry
            assert entry_at(target_of(prefix + path.encode() + b"?beta=true")) is entry


@pytest.mark.parametrize("prefix", [b"/v1beta", b"/v1", b""])
@pytest.mark.parametrize(
    ("rest", "model", "operation", "array"),
    [
        (b"m:generateContent", "m", Operation.GENERATE, False),
        (b"argo:m:streamGenerateContent?alt=sse&key=k", "argo:m", Operation.GENERATE, False),
        (b"a%2Fb/c:streamGenerateContent", "a/b/c", Operation.GENERATE, True),
        (b"m:countTokens", "m", Operation.COUNT, False),
        (b"m:batchEmbedContents", "m", Operation.EMBED, False),
    ],
)
def test_google_names_model_and_method_in_its_paths(
    prefix: bytes, rest: bytes, model: str, operation: Operation, array: bool
) -> None:
    entry = entry_at(target_of(prefix + b"/models/" + rest))
    assert entry is not None
    assert (entry.dialect.name, entry.model, entry.operation, entry.array) == ("google", model, operation, array)


@pytest.mark.parametrize(
    "url",
    [
        b"/",
        b"/v1",
        b"/v1/chat/completions/",
        b"/v2/chat/completions",
        b"/V1/chat/completions",
        b"//v1/messages",
        b"/v1beta/messages",
        b"/v1/models",
        b"/v1/models/",
        b"/v1/models/gpt-4o",
        b"/models/:generateContent",
        b"/models/m:predict",
        b"/v1beta/m:generateContent",
        b"/v1/responses/resp_1/cancel",
    ],
)
def test_what_is_no_exchange(url: bytes) -> None:
    assert entry_at(target_of(url)) is None


class Front:
    """The whole application behind a dispatch; `passed` are the paths that came to it."""

    def __init__(self, config: Config | None = None) -> None:
        self.stage: Stage = stage(Play(headers=JSON, body=[(0, WHOLE)]), config)
        self.passed: list[str] = []
        app = create_app(self.stage.relay)

        async def noted(scope: Any, receive: Any, send: Any) -> None:
            self.passed.append(scope["path"])
            await app(scope, receive, send)

        self.dispatch = Dispatch(self.stage.relay, noted)

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection, memory = joined(self.dispatch)
        lines = [f"{method} {path} HTTP/1.1", "host: a", f"content-length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        connection.data_received("\r\n".join([*lines, "", ""]).encode() + body)
        await until(lambda: connection._client is None)
        connection.connection_lost(None)
        return _read(memory)


def _read(memory: Memory) -> tuple[int, dict[str, str], bytes]:
    head, _, body = memory.written.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


async def test_an_exchange_needs_no_application() -> None:
    front = Front()
    status, headers, body = await front.ask("POST", "/v1/chat/completions", ask(), x_request_id="mine")
    assert (status, body, headers["x-request-id"]) == (200, WHOLE, "mine")
    assert front.passed == []
    assert [record.status for record in front.stage.records] == [200]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/version", 200),
        ("GET", "/health", 200),
        ("GET", "/v1/models", 200),
        ("GET", "/v1/chat/completions", 405),
        ("OPTIONS", "/v1/chat/completions", 405),
        ("POST", "/nope", 404),
        ("POST", "/v1/models/m:predict", 404),
        ("GET", "/v1/models/m:generateContent", 404),
    ],
)
async def test_everything_else_is_the_applications(method: str, path: str, status: int) -> None:
    front = Front()
    assert (await front.ask(method, path))[0] == status
    assert front.passed == [path]
    assert front.stage.records == []


@pytest.mark.parametrize("how", ["authorization", "x_api_key", "query"])
async def test_a_key_opens(how: str) -> None:
    front = Front(KEYED)
    path = "/v1/chat/completions" + ("?key=first-key" if how == "query" else "")
    headers = {} if how == "query" else {how: "first-key"}
    assert (await front.ask("POST", path, ask(), **headers))[0] == 200
    assert front.passed == []


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/messages", "/v1beta/models/m:generateContent", "/v1/%63hat/completions"]
)
@pytest.mark.parametrize("headers", [{}, {"x_api_key": "another"}, {"authorization": "Basic first-key"}])
async def test_without_a_key_nobody_comes_in(path: str, headers: dict[str, str]) -> None:
    front = Front(KEYED)
    status, told, body = await front.ask("POST", path, ask(), **headers)
    assert status == 401
    assert json.loads(body)["error"]["message"]
    assert told["x-request-id"].startswith("req_")
    assert front.stage.records == []
    assert front.stage.upstream.calls == []


async def test_web_pages_are_refused_and_an_allowed_one_can_read_its_reply() -> None:
    front = Front(KEYED)
    status, told, _ = await front.ask(
        "POST", "/v1/messages", ask(), origin="https://evil.example", x_api_key="first-key"
    )
    assert status == 403
    assert "access-control-allow-origin" not in told
    assert front.stage.upstream.calls == []
    status, told, body = await front.ask("POST", "/v1/chat/completions", ask(), origin=PAGE, x_api_key="first-key")
    assert (status, body) == (200, WHOLE)
    assert told["access-control-allow-origin"] == PAGE
    assert [record.status for record in front.stage.records] == [200]

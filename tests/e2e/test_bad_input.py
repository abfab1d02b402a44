"""Bad input, sent to the real process: refused in OpenAI's shape, nothing sent upstream, the next request served."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.process import RelayProcess


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess("--simulate") as process:
        yield process


def body(**fields: Any) -> bytes:
    whole = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]} | fields
    return json.dumps({key: value for key, value in whole.items() if value is not ...}).encode()


def raw(timeout: str) -> bytes:
    return b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"timeout":' + timeout.encode() + b"}"


CASES: dict[str, tuple[bytes, int, str | None]] = {
    "empty": (b"", 400, None),
    "not JSON": (b"model=gpt-4o", 400, None),
    "cut": (body()[:-5], 400, None),
    "a list": (b"[]", 400, None),
    "null": (b"null", 400, None),
    "no model": (body(model=...), 400, "model"),
    "empty model": (body(model=""), 400, "model"),
    "model of a wrong type": (body(model=7), 400, "model"),
    "unknown model": (body(model="gpt-9000"), 404, "model"),
    "no messages": (body(messages=...), 400, "messages"),
    "empty messages": (body(messages=[]), 400, "messages"),
    "messages of a wrong type": (body(messages="hi"), 400, "messages"),
    "a message of a wrong type": (body(messages=["hi"]), 400, "messages[0]"),
    "a message without a role": (body(messages=[{"content": "hi"}]), 400, "messages[0].role"),
    "content of a wrong type": (body(messages=[{"role": "user", "content": 7}]), 400, "messages[0].content"),
    "stream of a wrong type": (body(stream="yes"), 400, "stream"),
    "temperature of a wrong type": (body(temperature="hot"), 400, "temperature"),
    "nested too deeply": (body(metadata=...)[:-1] + b',"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400, None),
    "invalid UTF-8": (body(user="?").replace(b"?", b"\xff"), 400, None),
    "a lone surrogate": (body(user="?").replace(b"?", b"\\ud800"), 400, "user"),
    "a lone surrogate inside": (
        body(messages=[{"role": "user", "content": "?"}]).replace(b"?", b"\\ud800"),
        400,
        "messages[0].content",
    ),
    "a key twice": (b'{"model":"gpt-4o",' + body()[1:], 400, "model"),
    "the timeout twice": (b'{"timeout":1,' + body(timeout=2)[1:], 400, "timeout"),
    "a number out of range": (body(temperature=1)[:-2] + b"1e400}", 400, "temperature"),
    "timeout 0": (raw("0"), 400, "timeout"),
    "timeout -1": (raw("-1"), 400, "timeout"),
    "timeout true": (raw("true"), 400, "timeout"),
    "timeout soon": (raw('"soon"'), 400, "timeout"),
    "timeout []": (raw("[]"), 400, "timeout"),
    "timeout totl": (raw('{"totl": 3}'), 400, "timeout"),
    "timeout NaN": (raw("NaN"), 400, "timeout"),
    "timeout 1e400": (raw("1e400"), 400, "timeout"),
    "timeout of 400 digits": (raw("9" * 400), 400, "timeout"),
}


def refused(reply: httpx.Response, status: int, param: str | None) -> None:
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["param"] == param
    assert error["message"]


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused(relay: RelayProcess, case: str) -> None:
    content, status, param = CASES[case]
    before = len(relay.exchanges())
    with httpx.Client(base_url=relay.url) as client:
        refused(client.post("/v1/chat/completions", content=content), status, param)
        assert len(relay.exchanges()) == before, "it went upstream"
        assert client.post("/v1/chat/completions", content=body()).status_code == 200


def test_a_body_of_70_mb(relay: RelayProcess) -> None:
    before = len(relay.exchanges())
    content = body(messages=[{"role": "user", "content": "x" * 70_000_000}])
    with httpx.Client(base_url=relay.url, timeout=30) as client:
        refused(client.post("/v1/chat/completions", content=content), 413, None)
        pieces = (content[start : start + 1_000_000] for start in range(0, len(content), 1_000_000))
        refused(client.post("/v1/chat/completions", content=pieces), 413, None)
        assert len(relay.exchanges()) == before
        assert client.post("/v1/chat/completions", content=body()).status_code == 200


def test_a_body_that_does_not_come() -> None:
    env = {"ARGO_RELAY_TIMEOUTS_BODY": "0.3"}
    with RelayProcess("--simulate", env=env) as relay, socket.create_connection(("127.0.0.1", relay.port)) as client:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        client.settimeout(20)
        reply = b""
        while piece := client.recv(65536):
            reply += piece
    head, _, content = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408")
    assert json.loads(content)["error"]["code"] == "request_too_slow"

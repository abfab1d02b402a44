"""The defects of the proxy that users have today, one by one: none of them must be here.

The numbers are those of `existing-proxy.md`, section 3.6, as is what the old one (argo-proxy 3.3.3) did. Its other
sections are proved elsewhere: a `timeout` that holds and errors without addresses (3.3, 3.4) in `test_deadlines`, the
upstream's end with the client's (3.5) in `test_leaving`, each client in its own name (3.7) in `test_identity`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from support.process import PATIENCE, RelayProcess, SimulatorProcess
from support.said import Speaker
from support.scripted import Scripted
from support.speakers import SPEAKERS

CLAUDE, GPT = "argo:claude-opus-4.5", "argo:gpt-4o"
STREAMS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
CLIENTS = pytest.mark.parametrize("client", SPEAKERS)
MAKERS = pytest.mark.parametrize("model", [CLAUDE, GPT])
QUICK = "[first_token=0] [gap=0]"
INSIDE = ("Error code", "{'", "127.0.0.1", "choices[0]", "Traceback")


@pytest.fixture(scope="module")
def argo() -> Iterator[SimulatorProcess]:
    with SimulatorProcess() as process:
        yield process


@pytest.fixture(scope="module")
def relay(argo: SimulatorProcess) -> Iterator[RelayProcess]:
    with relay_to(argo.url) as process:
        yield process


@pytest.fixture(scope="module")
def may() -> Iterator[tuple[RelayProcess, SimulatorProcess]]:
    """The Argo that was recorded, which refuses most."""
    with SimulatorProcess("--as-of", "2026-05") as argo, relay_to(argo.url) as process:
        yield process, argo


def relay_to(url: str, more: str = "") -> RelayProcess:
    # Each defect is about one request and what becomes of it.
    config = f"user: tester\nretries: 0\nupstream: {{base_url: '{url}'{more}}}\nlog: {{format: json}}\n"
    return RelayProcess(config=config)


def requested(client: str, model: str, prompt: str, *, stream: bool = False, **more: Any) -> tuple[str, dict[str, Any]]:
    """Return a small request's path and body; `more` goes into the body (Google's: into generationConfig)."""
    if client == "google":
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        contents = [{"role": "user", "parts": [{"text": prompt}]}]
        return f"/v1beta/models/{model}:{method}", {"contents": contents, "generationConfig": more}
    body: dict[str, Any] = {"model": model, "stream": stream} | more
    if client == "openai_responses":
        return "/v1/responses", body | {"input": prompt}
    path = "/v1/messages" if client == "anthropic" else "/v1/chat/completions"
    return path, body | {"messages": [{"role": "user", "content": prompt}]}


def post(relay: RelayProcess, client: str, model: str, prompt: str, **more: Any) -> httpx.Response:
    path, body = requested(client, model, prompt, **more)
    return httpx.post(relay.url + path, json=body, timeout=PATIENCE)


def seen(argo: SimulatorProcess) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = httpx.get(f"{argo.url}/simulator/exchanges").json()
    return rows


def failing(relay: RelayProcess, client: str, model: str, prompt: str, *, stream: bool) -> tuple[int | None, str]:
    """Return the status and the words of what the official SDK raises; a reply fails the test."""
    speaker: Speaker = SPEAKERS[client](relay.url)
    try:
        with pytest.raises(speaker.failures) as caught:
            speaker.say(model, prompt, stream=stream)
    finally:
        speaker.close()
    words = message_of(caught.value)
    assert not any(word in words for word in INSIDE), words
    return getattr(caught.value, "status_code", getattr(caught.value, "code", None)), words


def message_of(error: Exception) -> str:
    """Return the error's own words: what the SDKs print has the whole body around them."""
    body = getattr(error, "body", None) or getattr(error, "details", None)
    inner = body.get("error", body) if isinstance(body, dict) else {}
    return str(inner.get("message") or error)


def error_of(client: str, body: Any) -> tuple[str, str]:
    """Return an error's message and kind; a body of another dialect's form fails."""
    error = body["error"]
    if client == "google":
        assert (isinstance(error["code"], int), isinstance(error["status"], str)) == (True, True)
        return error["message"], error["status"]
    if client == "anthropic":
        assert (body["type"], set(error)) == ("error", {"type", "message"})
        return error["message"], error["type"]
    assert set(error) == {"message", "type", "param", "code"}
    return error["message"], error["type"]


LIMITS: dict[str, str] = {
    "openai_chat": "max_tokens",
    "openai_responses": "max_output_tokens",
    "anthropic": "max_tokens",
    "google": "maxOutputTokens",
}
WHOLE: dict[str, Callable[[Any], Any]] = {
    "openai_chat": lambda body: body["choices"][0]["message"]["content"],
    "openai_responses": lambda body: body["output"][0]["content"][0]["text"],
    "anthropic": lambda body: body["content"][0]["text"],
    "google": lambda body: body["candidates"][0]["content"]["parts"][0]["text"],
}


@pytest.mark.parametrize("limit", [None, 21_000, 21_001])
@CLIENTS
def test_defect_1(relay: RelayProcess, argo: SimulatorProcess, client: str, limit: int | None) -> None:
    """It answered a whole request for Claude with a stream, `text/event-stream`, where Argo wants a stream."""
    reply = post(relay, client, CLAUDE, QUICK, **({LIMITS[client]: limit} if limit else {}))
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    assert WHOLE[client](reply.json())
    assert seen(argo)[-1]["stream"] is (limit == 21_001), "only what must be one is a stream"


@STREAMS
@MAKERS
@CLIENTS
def test_defect_2(relay: RelayProcess, client: str, model: str, stream: bool) -> None:
    """It made of an error's body under status 200 a 502 about `choices[0]`, or of OpenAI's an empty answer."""
    status, words = failing(relay, client, model, f"{QUICK} [hidden_error] [error_kind=internal]", stream=stream)
    assert status in ((500,) if not stream else (500, None))
    assert "nternal server error" in words


@pytest.mark.parametrize("after", [0, 3])
@MAKERS
@CLIENTS
def test_defect_3(relay: RelayProcess, client: str, model: str, after: int) -> None:
    """It swallowed an `event: error` within a stream: the client got an empty or a half answer that ended well."""
    _, words = failing(relay, client, model, f"{QUICK} [error_after={after}] [error_kind=quota]", stream=True)
    assert "uota" in words


ENDINGS = {
    "openai_chat": ("[DONE]", '"finish_reason":"stop"'),
    "openai_responses": ("response.completed",),
    "anthropic": ("message_stop",),
    "google": ('"STOP"',),
}


@pytest.mark.parametrize("cut", ["[drop_after=3]", "[no_finish] [no_done]"])
@MAKERS
@CLIENTS
def test_defect_4(relay: RelayProcess, client: str, model: str, cut: str) -> None:
    """It let a stream that was cut end as one that is complete: `[DONE]` for chat, a plain end for the others."""
    failing(relay, client, model, f"{QUICK} {cut}", stream=True)
    text = post(relay, client, model, f"{QUICK} {cut}", stream=True).text
    assert not any(ending in text for ending in ENDINGS[client])


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "gpt-4o"}
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps(head | {"choices": choices}).encode() + b"\n\n"


UNCOUNTED = chunk({"role": "assistant", "content": "hello"}) + chunk({}, "stop") + b"data: [DONE]\n\n"
COMPLETE = {
    "openai_chat": ["[DONE]"],
    "openai_responses": ["response.output_text.done", "response.completed"],
    "anthropic": ["content_block_stop", "message_delta", "message_stop"],
    "google": ['"STOP"'],
}


def test_defect_5() -> None:
    """It never ended a Messages or a Responses stream where OpenAI's had no chunk with usage."""
    with Scripted(UNCOUNTED, "text/event-stream", ("gemini25pro",)) as upstream, relay_to(upstream.url) as relay:
        for client, endings in COMPLETE.items():
            # Gemini is on the chat route for every client, so that none of them is served by its own dialect's.
            text = post(relay, client, "argo:gemini-2.5-pro", "hi", stream=True).text
            assert "hello" in text
            places = [text.find(ending) for ending in endings]
            assert -1 not in places, f"{client}: {text}"
            assert places == sorted(places), f"{client}: {text}"
        assert {path for path, _, _ in upstream.asked} == {"/v1/chat/completions"}


@pytest.mark.parametrize("status", [400, 429, 502, 529])
@MAKERS
@CLIENTS
def test_defect_6(relay: RelayProcess, client: str, model: str, status: int) -> None:
    """It passed errors on in the upstream's form, labelled a gateway's HTML as JSON, and dropped Retry-After."""
    for stream in (False, True):
        reply = post(relay, client, model, f"{QUICK} [status={status}] [retry_after=7]", stream=stream)
        assert (reply.status_code, reply.headers["content-type"]) == (status, "application/json")
        assert reply.headers["retry-after"] == "7"
        message, kind = error_of(client, reply.json())
        assert (bool(message), bool(kind)) == (True, True)
        assert "<" not in message


@STREAMS
def test_defect_7(stream: bool) -> None:
    """It said `Upstream error` of a page under status 200, and no more."""
    page = b"<html><body>Scheduled maintenance</body></html>"
    with Scripted(page, "text/html", ("gpt4o", "claudeopus45")) as upstream, relay_to(upstream.url) as relay:
        for client in SPEAKERS:
            for model in (CLAUDE, GPT):
                status, words = failing(relay, client, model, "hi", stream=stream)
                assert status == 502
                assert "answered with text/html" in words


OPUS_47, SONNET_46, GPT_5 = "argo:claude-opus-4.7", "argo:claude-sonnet-4.6", "argo:gpt-5"
SAMPLING: dict[str, dict[str, Any]] = {
    "openai_chat": {"temperature": 0.5, "top_p": 0.9},
    "openai_responses": {"temperature": 0.5, "top_p": 0.9},
    "anthropic": {"temperature": 0.5, "top_p": 0.9, "top_k": 5, "max_tokens": 64},
    "google": {"temperature": 0.5, "topP": 0.9, "topK": 5},
}
REFUSED = {
    OPUS_47: {"temperature", "top_p", "top_k"},
    SONNET_46: {"top_p"},
    GPT_5: {"temperature", "top_p"},
}


@pytest.mark.parametrize("model", REFUSED)
@CLIENTS
def test_defect_8(may: tuple[RelayProcess, SimulatorProcess], client: str, model: str) -> None:
    """It sent what Argo rejects: sampling to Opus 4.7 and GPT-5, both kinds of it to 4.6, a budget where none goes."""
    relay, argo = may
    reply = post(relay, client, model, QUICK, **SAMPLING[client])
    assert reply.status_code == 200, reply.text
    assert not REFUSED[model] & seen(argo)[-1]["body"].keys()
    assert all(name in reply.headers["x-losses"] for name in ("temperature", "top_p") if name in REFUSED[model])
    if client == "anthropic" and model == OPUS_47:
        thinking = {"type": "adaptive", "budget_tokens": 1024}
        assert post(relay, client, model, QUICK, thinking=thinking, max_tokens=2048).status_code == 200
        assert seen(argo)[-1]["body"]["thinking"] == {"type": "adaptive"}


SCHEMA = {
    "type": "object",
    "properties": {"node": {"$ref": "#/$defs/node"}},
    "$defs": {"node": {"type": "object", "properties": {"name": {"type": "string"}}}},
    "required": ["node"],
    "additionalProperties": False,
}
SAME: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    # The kind of upstream, its model, and what the old one lost even where client and upstream spoke the same.
    "openai_chat": (
        "argo",
        GPT,
        "/v1/chat/completions",
        {
            "messages": [{"role": "user", "content": "hi"}],
            "metadata": {"run": "7"},
            "store": False,
            "service_tier": "flex",
            "prediction": {"type": "content", "content": "hello"},
            "stop": ["x"],
            "field_of_2027": {"b": 1, "a": [1.0, None]},
            "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}}],
        },
    ),
    "openai_responses": (
        "argo",
        GPT,
        "/v1/responses",
        {
            "input": "hi",
            "metadata": {"run": "7"},
            "store": False,
            "service_tier": "flex",
            "field_of_2027": True,
            "tools": [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}],
        },
    ),
    "anthropic": (
        "argo",
        CLAUDE,
        "/v1/messages",
        {
            "messages": [{"role": "user", "content": "hi"}],
            "max_tokens": 64,
            "metadata": {"user_id": "run-7"},
            "service_tier": "auto",
            "betas": ["context-management-2025-06-27"],
            "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
            "stop_sequences": ["x"],
            "field_of_2027": 1,
            "tools": [{"name": "f", "input_schema": SCHEMA, "strict": True}],
        },
    ),
    "google": (
        "google",
        "gemini-2.5-pro",
        "/v1beta/models/gemini-2.5-pro:generateContent",
        {
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "labels": {"run": "7"},
            "cachedContent": "cachedContents/1",
            "generationConfig": {"stopSequences": ["x"], "fieldOf2027": 1},
            "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}],
        },
    ),
}


@CLIENTS
def test_defect_9(client: str) -> None:
    """It lost a dozen fields, and the `anthropic-beta` header, even where client and upstream speak the same."""
    kind, model, path, body = SAME[client]
    sent = body if client == "google" else {"model": model} | body
    beta = "context-1m-2025-08-07"
    scripted = Scripted(b'{"error":{"message":"no"}}', models=("gpt4o", "claudeopus45"))
    with scripted as upstream, relay_to(upstream.url, f", kind: {kind}") as relay:
        httpx.post(relay.url + path, json=sent, headers={"anthropic-beta": beta}, timeout=PATIENCE)
        ((_, received, headers),) = upstream.asked
    # Argo's own id, and in whose name it is asked.
    own = {"openai_chat": {"user": "tester"}, "openai_responses": {"user": "tester"}}.get(client, {})
    named = {} if client == "google" else {"model": {GPT: "gpt4o", CLAUDE: "claudeopus45"}[model]}
    assert received == sent | named | own
    assert headers.get("anthropic-beta") == (beta if client == "anthropic" else None)


def test_defect_9_nothing_is_added(relay: RelayProcess) -> None:
    """It put `caller` into tool calls, `created: 0` into replies, and a chunk of usage to who had not asked for it."""
    tool = {"name": "f", "description": "d", "input_schema": {"type": "object"}}
    reply = post(relay, "anthropic", CLAUDE, f"{QUICK} [tool=f]", tools=[tool], max_tokens=64).json()
    (call,) = [block for block in reply["content"] if block["type"] == "tool_use"]
    assert set(call) == {"type", "id", "name", "input"}
    for model in (GPT, CLAUDE):
        assert post(relay, "openai_chat", model, QUICK).json()["created"] > 1_700_000_000
        text = post(relay, "openai_chat", model, QUICK, stream=True).text
        chunks = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
        assert all(one["choices"] and one["created"] for one in chunks)


@CLIENTS
def test_defect_10(relay: RelayProcess, argo: SimulatorProcess, client: str) -> None:
    """It answered a body that is an array with 500, and sent a chat without messages upstream."""
    before = len(seen(argo))
    path, body = requested(client, GPT, "hi")
    for missing in ("messages", "input", "contents"):
        body.pop(missing, None)
    for wrong in ([1], body):
        reply = httpx.post(relay.url + path, json=wrong)
        message, _ = error_of(client, reply.json())
        assert reply.status_code == 400
        assert wrong == [1] or any(name in message for name in ("messages", "input", "contents"))
    assert len(seen(argo)) == before


def test_defect_11() -> None:
    """It said that its list of models was the built-in one where upstream's was short, and the reverse."""
    with Scripted(b"{}", models=("gpt4o",)) as short, relay_to(short.url) as relay:
        assert source_of(relay) == ("upstream", 1)
    with Scripted(b"{}", models=None) as broken, relay_to(broken.url) as relay:
        relay.wait_for(lambda line: "does not say which models it has" in line)
        source, count = source_of(relay)
        assert source == "built-in catalogue"
        assert count > 32


def source_of(relay: RelayProcess) -> tuple[str, int]:
    """Return where the relay says that its models come from, and how many it lists, once it has asked."""
    deadline = time.monotonic() + PATIENCE
    while True:
        upstream = httpx.get(f"{relay.url}/ready").json()["upstream"]
        models = {row["id"] for row in httpx.get(f"{relay.url}/v1/models").json()["data"]}
        if upstream["models_from"] == "upstream" or upstream["trouble"] or time.monotonic() > deadline:
            return upstream["models_from"], len(models)

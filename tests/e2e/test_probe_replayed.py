"""The recorded probe of Argo's production, sent through the relay to the Argo of that month, in all client dialects.

Each request goes out as it was, and said in the other three dialects. What any model would take under the packaged
rules must be answered; MUST_FAIL has the rest, with what the client must read.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import httpx
import pytest

from argo_relay.dialects.base import Incoming, Target
from argo_relay.framing import jsonx
from support import corpus
from support.corpus import Probe
from support.process import RelayProcess, SimulatorProcess
from support.table import TABLE

PATHS = {"openai_chat": "/v1/chat/completions", "openai_responses": "/v1/responses", "anthropic": "/v1/messages"}
AT_ONCE = 80
PATIENCE = 60.0
INSIDE = ("Error code", "{'", "argoapi", "127.0.0.1", "localhost", "Traceback")
"""What of the upstream's inside no error may show: a repr, its address."""


@dataclass(frozen=True)
class Failing:
    """Requests that must not be answered; the first row that fits holds."""

    models: str
    variants: str
    clients: tuple[str, ...]
    status: int
    code: str
    """The error's kind in the client's dialect."""
    says: str
    why: str


MUST_FAIL = (
    Failing(
        models="claudeopus4[156]|claudesonnet4[56]|claudehaiku45",
        variants="thinking_enabled",
        clients=("anthropic",),
        status=400,
        code="invalid_request_error",
        says="`max_tokens` must be greater than `thinking.budget_tokens`.",
        why="a budget above the client's own limit: which of the two it means nobody else can know",
    ),
    Failing(
        models="claudeopus41",
        variants="*",
        clients=tuple(TABLE),
        status=500,
        code="api_error",
        says="Internal server error",
        why="the model itself was broken that day: an error's body under status 200",
    ),
)
CHANGED = (
    ("temperature_and_top_p", "top_p"),
    ("temperature*", "temperature"),
    ("top_p*", "top_p"),
    ("output_config_effort_with_adaptive", "thinking"),
    ("output_config_effort*", "output_config.effort"),
    ("thinking*", "thinking"),
    # A missing limit is no wish: what is filled in takes nothing from anybody.
    ("no_max_tokens", ""),
)
"""Which parameter's loss a client is told where production refused the variant; the first row that fits holds."""


@dataclass(frozen=True)
class Said:
    """A probe as one client's dialect has it."""

    probe: Probe
    client: str
    body: Any
    own: bool

    @property
    def name(self) -> str:
        return f"{self.probe.name} by {self.client}"

    @property
    def path(self) -> str:
        return PATHS.get(self.client) or f"/v1beta/models/{self.probe.body['model']}:generateContent"

    @property
    def failing(self) -> Failing | None:
        model, variant = self.probe.name.split()
        return next(
            (
                row
                for row in MUST_FAIL
                if any(fnmatchcase(model, pattern) for pattern in row.models.split("|"))
                and fnmatchcase(variant, row.variants)
                and self.client in row.clients
            ),
            None,
        )


@dataclass(frozen=True)
class Replay:
    """What became of all of them."""

    replies: list[tuple[Said, httpx.Response]]
    seen: list[dict[str, Any]]
    log: list[str]


def said(probe: Probe) -> Iterator[Said]:
    """Yield a probe as clients of all dialects would send it."""
    spoken = "anthropic" if probe.path == "/v1/messages" else "openai_chat"
    source = TABLE[spoken]
    yield Said(probe, spoken, probe.body, own=True)
    request = source.decode_request(source.outline(Incoming(body=jsonx.encode(probe.body))))
    for client in TABLE.values():
        if client is not source:
            body, _ = client.encode_request(request, Target(model=request.model))
            yield Said(probe, client.name, json.loads(jsonx.encode(body)), own=False)


async def send_all(url: str, requests: list[Said]) -> list[tuple[Said, httpx.Response]]:
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits) as client:
        sent = [client.post(one.path, json=one.body) for one in requests]
        return list(zip(requests, await asyncio.gather(*sent), strict=True))


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    requests = [one for probe in corpus.probes() for one in said(probe)]
    with (
        SimulatorProcess("--as-of", "2026-05") as argo,
        RelayProcess(config=f"user: tester\nupstream: {{base_url: '{argo.url}'}}\n") as relay,
    ):
        replies = asyncio.run(send_all(relay.url, requests))
        yield Replay(replies, httpx.get(f"{argo.url}/simulator/exchanges").json(), relay.log_lines)


def error_of(client: str, body: Any) -> tuple[str, str]:
    """Return an error's kind and message; anything but the dialect's own form fails."""
    error = body["error"]
    if client == "google":
        assert isinstance(error["code"], int)
        return error["details"][0]["reason"], error["message"]
    if client == "anthropic":
        assert body["type"] == "error"
        return error["type"], error["message"]
    assert set(error) == {"message", "type", "param", "code"}
    return error["code"] or error["type"], error["message"]


def is_reply(client: str, body: Any) -> bool:
    """Say whether a body is a reply with content in it, or one whose tokens all went into thoughts."""
    if client == "google":
        candidate = body["candidates"][0]
        return bool(candidate["content"].get("parts")) or candidate["finishReason"] == "MAX_TOKENS"
    if client == "anthropic":
        return body["type"] == "message" and (bool(body["content"]) or body["stop_reason"] == "max_tokens")
    if client == "openai_responses":
        return body["object"] == "response" and (bool(body["output"]) or body["status"] == "incomplete")
    choice = body["choices"][0]
    return bool(choice["message"]["content"]) or choice["finish_reason"] == "length"


def problem(one: Said, reply: httpx.Response) -> str | None:
    """Say what is wrong with a reply."""
    row = one.failing
    if row is None:
        fine = reply.status_code == 200 and is_reply(one.client, reply.json())
        return None if fine else f"not answered: {reply.status_code} {reply.text}"
    kind, message = error_of(one.client, reply.json())
    if (reply.status_code, kind) != (row.status, row.code) or row.says not in message:
        return f"must fail ({row.why}): {reply.status_code} {reply.text}"
    shown = next((word for word in INSIDE if word in reply.text), None)
    return f"shows {shown}: {reply.text}" if shown else None


def summary(replay: Replay) -> str:
    answered = [one for one, _ in replay.replies if one.failing is None]
    saved = sum(one.own and one.probe.failed for one in answered)
    reasons = Counter(one.failing.why for one, _ in replay.replies if one.failing)
    failing = "".join(f"; {count} fail: {why}" for why, count in reasons.items())
    return (
        f"probe: {len(corpus.probes())} requests to production, {len(replay.replies)} said in all dialects: "
        f"{len(answered)} answered (as {saved} were not by production){failing}"
    )


def untold(one: Said, reply: httpx.Response) -> str | None:
    """Say what a client was not told of a request that production refused and the relay changed."""
    if not one.own or one.probe.status != 400 or reply.status_code != 200:
        return None
    variant, told = one.probe.name.split()[1], reply.headers.get("x-losses", "")
    about = next(parameter for pattern, parameter in CHANGED if fnmatchcase(variant, pattern))
    return None if bool(told) == bool(about) and about in told else f"the losses are told as {told!r}"


def test_every_probe_is_answered_or_fails_cleanly_in_all_dialects(
    replay: Replay, record_property: Callable[[str, object], None]
) -> None:
    # One test: under pytest-xdist each would have all requests sent anew.
    assert corpus.absent() or len(replay.replies) == 4 * 204
    for look in (problem, untold):
        assert [f"{one.name}: {found}" for one, reply in replay.replies if (found := look(one, reply))] == []
    assert [line for line in replay.log if "learned" in line] == [], "no refusal was needed to know"
    assert len(replay.seen) == len(replay.replies), "each went upstream once"
    record_property("law", summary(replay))

"""What `bench/deadlines_vs_peers.py` measures on other gateways, held by this one: real processes, time and sockets.

Every cell runs in the four dialects at once, each on a route of its own to the simulator.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import anthropic
import httpx
import httpx2
import openai
import pytest
from google import genai

from argo_relay.config.keys import KEYS
from support.process import RelayProcess, SimulatorProcess

LATEST = 0.5
"""Seconds after its limit, or after a client has left, by which the end must have come."""
TRIES = 4
"""These machines are shared: noise can only make an end late, so the best of a few tries is what the relay does."""
SLOW = "[first_token=9]"
DRIP = "[first_token=0] [chunks=39] [gap=0.25]"
CONFIGURED = {key.name for key in KEYS}


@dataclass(frozen=True)
class Way:
    """How a dialect asks: its model, its path for a whole reply or a stream, its body for a prompt."""

    model: str
    path: Callable[[bool], str]
    body: Callable[[str], dict[str, Any]]

    def request(self, prompt: str, stream: bool, timeout: Any = None) -> tuple[str, dict[str, Any]]:
        named = {"model": self.model, "stream": stream} if "v1beta" not in self.path(stream) else {}
        limit = {} if timeout is None else {"timeout": timeout}
        return self.path(stream), named | self.body(prompt) | limit


def said(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


GEMINI = "argo:gemini-2.5-pro"
WAYS = {
    "chat": Way("argo:gpt-4o", lambda _: "/v1/chat/completions", lambda prompt: {"messages": said(prompt)}),
    "responses": Way("argo:gpt-4o", lambda _: "/v1/responses", lambda prompt: {"input": prompt}),
    "messages": Way(
        "argo:claude-opus-4.5", lambda _: "/v1/messages", lambda prompt: {"messages": said(prompt), "max_tokens": 99}
    ),
    "google": Way(
        GEMINI,
        lambda stream: f"/v1beta/models/{GEMINI}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}",
        lambda prompt: {"contents": [{"role": "user", "parts": [{"text": prompt}]}]},
    ),
}


@dataclass(frozen=True)
class Cell:
    prompt: str
    stream: bool
    timeout: Any
    limit: float
    timer: str = "total"


CELLS = {
    "a whole reply that is late": Cell(SLOW, False, 2, 2),
    "a stream that is late": Cell(SLOW, True, 2, 2),
    "a stream that drips": Cell(DRIP, True, 3, 3),
    "a stream that stalls": Cell("[first_token=0] [stall_after=2]", True, {"idle": 2}, 2, "idle"),
    "comments alone": Cell(f"{SLOW} [comments=0.25]", True, {"first_event": 2}, 2, "first_event"),
    "two pieces, then comments": Cell("[first_token=0] [stall_after=2] [comments=0.25]", True, {"idle": 2}, 2, "idle"),
}


class There:
    """A relay and its upstream, and a client of many connections."""

    def __init__(self, relay: RelayProcess, simulator: SimulatorProcess, client: httpx.AsyncClient) -> None:
        self.relay = relay
        self._simulator = simulator
        self.client = client

    async def asked(self, tag: str) -> list[dict[str, Any]]:
        """Return what the upstream was asked with a tag in its prompt, once none of it goes on."""
        rows: list[dict[str, Any]] = []
        async with asyncio.timeout(20):
            while not rows or any(row["state"] == "running" for row in rows):
                seen = await self.client.get(f"{self._simulator.url}/simulator/exchanges")
                rows = [row for row in seen.json() if tag in json.dumps(row["body"])]
        return rows

    async def heard(self, tag: str) -> None:
        """Wait until the upstream has been asked with a tag in its prompt."""
        async with asyncio.timeout(20):
            while tag not in (await self.client.get(f"{self._simulator.url}/simulator/exchanges")).text:
                pass

    async def post(self, way: Way, cell: Cell) -> tuple[httpx.Response, float]:
        path, body = way.request(cell.prompt, cell.stream, cell.timeout)
        start = time.monotonic()
        reply = await self.client.post(self.relay.url + path, json=body)
        return reply, time.monotonic() - start


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorProcess]:
    with SimulatorProcess() as process:
        yield process


@pytest.fixture(scope="module")
def relay(simulator: SimulatorProcess) -> Iterator[RelayProcess]:
    config = "retries: 2\n" if "retries" in CONFIGURED else None
    with RelayProcess("--user", "tester", "--base-url", simulator.url, config=config) as process:
        yield process


@pytest.fixture
async def there(relay: RelayProcess, simulator: SimulatorProcess) -> AsyncIterator[There]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=30, limits=limits) as client:
        yield There(relay, simulator, client)


async def in_each(does: Callable[[str, Way], Awaitable[float]]) -> None:
    """Run a cell in all dialects at once; each returns how late its end came: not much, in the best of a few tries."""
    slow = dict(WAYS)
    for _ in range(TRIES):
        late = await asyncio.gather(*(does(name, way) for name, way in slow.items()))
        slow = {name: slow[name] for name, seconds in zip(slow, late, strict=True) if seconds > LATEST}
        if not slow:
            return
    raise AssertionError(f"late by {late}: {list(slow)}")


@pytest.mark.parametrize("name", CELLS)
async def test_a_limit_holds_in_real_time_and_says_so(there: There, name: str) -> None:
    cell = CELLS[name]

    async def ends(dialect: str, way: Way) -> float:
        reply, took = await there.post(way, cell)
        assert took >= cell.limit
        assert f"{cell.timer} timeout of {cell.limit:g} s" in reply.text, dialect
        if "first_token=0" not in cell.prompt and "comments" not in cell.prompt:
            assert (reply.status_code, reply.headers["x-should-retry"]) == (504, "false")
            assert reply.headers["x-timeout-timer"] == cell.timer
        return took - cell.limit

    await in_each(ends)


LEAVES = {
    "waiting for a stream's head": (SLOW, True),
    "waiting for a whole reply": (SLOW, False),
    "mid-stream": (DRIP, True),
}


@pytest.mark.parametrize("phase", LEAVES)
async def test_the_upstream_is_left_when_the_client_leaves(there: There, phase: str) -> None:
    play, stream = LEAVES[phase]

    async def leaves(_: str, way: Way) -> float:
        tag = uuid4().hex
        path, body = way.request(f"{play} {tag}", stream)
        waiting = asyncio.create_task(there.client.post(there.relay.url + path, json=body))
        await there.heard(tag)
        left = time.time()
        waiting.cancel()
        await asyncio.wait([waiting])
        (row,) = await there.asked(tag)
        assert row["state"] == "aborted"
        late: float = row["ended"] - left
        return late

    await in_each(leaves)


def chat(url: str, prompt: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="k", timeout=2) as client:
        client.chat.completions.create(model=WAYS["chat"].model, messages=[{"role": "user", "content": prompt}])


def responses(url: str, prompt: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="k", timeout=2) as client:
        client.responses.create(model=WAYS["responses"].model, input=prompt)


def messages(url: str, prompt: str) -> None:
    model = WAYS["messages"].model
    with anthropic.Anthropic(base_url=url, api_key="k", timeout=2) as client:
        client.messages.create(model=model, max_tokens=99, messages=[{"role": "user", "content": prompt}])


def google(url: str, prompt: str) -> None:
    options = genai.types.HttpOptions(base_url=url, timeout=2000)
    with genai.Client(api_key="k", http_options=options) as client:
        client.models.generate_content(model=GEMINI, contents=prompt)


FAILURES = (openai.OpenAIError, anthropic.AnthropicError, genai.errors.APIError, httpx2.HTTPError)


async def called(there: There, call: Callable[[str, str], None]) -> list[str]:
    """Call with an SDK; return how each generation that it started ended."""
    tag = uuid4().hex
    with pytest.raises(FAILURES):
        await asyncio.to_thread(call, there.relay.url, f"{SLOW} {tag}")
    return [row["state"] for row in await there.asked(tag)]


async def test_an_sdk_call_that_times_out_starts_one_generation_and_none_runs_to_its_end(there: There) -> None:
    """The SDKs say how long they wait; they are told half a second before, and not to try again."""
    for _ in range(TRIES):
        started = await asyncio.gather(*(called(there, call) for call in (chat, responses, messages, google)))
        assert {state for states in started for state in states} == {"aborted"}
        if sum(map(len, started)) == len(started):
            return
    raise AssertionError(f"more than one generation for one call: {started}")

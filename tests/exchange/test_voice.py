"""Signs of life: before there is an upstream, and from one stage to the next."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from argo_relay.config.schema import Config, Timeouts
from argo_relay.dialects.base import Headers
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.entry import Entry
from support.stage import JSON, WHOLE, FakeClient, Play, ask, stage

pytestmark = pytest.mark.looptime

TURN = [{"role": "user", "content": "hi"}]
SAID = {"model": "gpt-4o", "stream": True, "timeout": 5}
GOOGLE = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "timeout": 5}
BEFORE: dict[str, tuple[Entry, dict[str, Any], bytes]] = {
    "chat": (Entry(dialect=DIALECTS["openai_chat"]), SAID | {"messages": TURN}, b": keep-alive\n\n"),
    "responses": (Entry(dialect=DIALECTS["openai_responses"]), SAID | {"input": "hi"}, b": keep-alive\n\n"),
    "messages": (
        Entry(dialect=DIALECTS["anthropic"]),
        SAID | {"messages": TURN, "max_tokens": 9},
        b"event: ping\ndata: {",
    ),
    "google": (Entry(dialect=DIALECTS["google"], model="gpt-4o", stream=True), GOOGLE, b"\n"),
    "google's array": (Entry(dialect=DIALECTS["google"], model="gpt-4o", stream=True, array=True), GOOGLE, b"\n"),
}


@pytest.mark.parametrize("name", BEFORE)
async def test_who_waits_for_a_place_hears_its_own_dialect_and_so_does_the_end(name: str) -> None:
    entry, body, expected = BEFORE[name]
    config = Config(user="tester", max_in_flight=1, timeouts=Timeouts(heartbeat=4))
    on = stage(Play(headers=JSON, head=6, body=[(0, WHOLE)]), config)
    first = asyncio.create_task(on.run(FakeClient([(0, ask())])))
    await asyncio.sleep(0)
    done = await on.run(FakeClient([(0, json.dumps(body).encode())]), entry)
    assert (done.client.status, done.took) == (200, 5)
    assert done.client.body.startswith(expected)
    kind = "application/json" if entry.array else "text/event-stream; charset=utf-8"
    assert done.client.headers["content-type"] == kind
    told = [line for line in done.client.body.splitlines() if b"timed out" in line or b"timeout" in line]
    assert told
    assert all(line.startswith((b"data: {", b"[{")) for line in told if b"{" in line)
    assert "x-upstream" not in done.client.headers
    await first


class SlowToBegin(FakeClient):
    """Takes a second for the head."""

    async def begin(self, status: int, headers: Headers) -> None:
        await asyncio.sleep(1)
        await super().begin(status, headers)


async def test_a_failure_while_the_first_sign_of_life_is_on_its_way_is_told_in_the_stream() -> None:
    config = Config(user="tester", retries=0, timeouts=Timeouts(heartbeat=4))
    on = stage(Play(connect=4.5, refuse=True), config)
    done = await on.run(SlowToBegin([(0, ask(stream=True))]))
    beat, error, rest = done.client.body.split(b"\n\n")
    assert (done.client.status, beat, rest) == (200, b": keep-alive", b"")
    assert error.startswith(b'data: {"error":{')

"""A client that asked for a whole reply gets one, though the upstream gave a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.config.schema import Config
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.entry import Entry
from argo_relay.observe.record import Outcome
from support.stage import FOREVER, JSON, MESSAGE, FakeClient, Play, message_event, message_stream, stage

pytestmark = pytest.mark.looptime

ARGO = Config(user="tester", retries=0)
CLAUDE = {"model": "claude-sonnet-4.5"}
SAID: dict[str, dict[str, Any]] = {
    "anthropic": {"max_tokens": 30_000, "messages": [{"role": "user", "content": "hi"}]},
    "openai_chat": {"max_tokens": 30_000, "messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"max_output_tokens": 30_000, "input": "hi"},
}


async def run(name: str, play: Play, **fields: Any) -> Any:
    body = json.dumps(CLAUDE | SAID[name] | fields).encode()
    return await stage(play, ARGO).run(FakeClient([(0, body)]), Entry(dialect=DIALECTS[name]))


@pytest.mark.parametrize("name", SAID)
async def test_a_long_whole_reply_is_gathered_from_a_stream(name: str) -> None:
    done = await run(name, Play(body=[(1, message_stream("word"))]))
    asked = json.loads(done.upstream.calls[0].body)
    assert (asked["stream"], asked["max_tokens"]) == (True, 30_000)
    assert ("accept", "text/event-stream") in done.upstream.calls[0].headers
    assert (done.client.status, done.client.headers["content-type"]) == (200, "application/json")
    assert int(done.client.headers["content-length"]) == len(done.client.body)
    assert "word" in json.dumps(done.client.json())
    assert (done.record.outcome, done.record.stream) == (Outcome.OK, False)
    assert done.record.usage is not None
    assert done.upstream.ended == [("released", 1.0)]


@pytest.mark.parametrize("name", SAID)
async def test_below_the_limit_a_whole_reply_is_asked_for(name: str) -> None:
    limit = "max_output_tokens" if name == "openai_responses" else "max_tokens"
    done = await run(name, Play(headers=JSON, body=[(1, MESSAGE)]), **{limit: 21_000})
    assert not json.loads(done.upstream.calls[0].body).get("stream")
    assert done.client.status == 200


async def test_without_a_limit_the_models_own_default_is_short_enough() -> None:
    done = await run("anthropic", Play(headers=JSON, body=[(1, MESSAGE)]), max_tokens=None)
    asked = json.loads(done.upstream.calls[0].body)
    assert asked["max_tokens"] <= 21_000
    assert not asked.get("stream")


@pytest.mark.parametrize("name", SAID)
async def test_an_upstream_that_answers_whole_after_all_is_understood(name: str) -> None:
    done = await run(name, Play(headers=JSON, body=[(1, MESSAGE)]))
    assert (done.client.status, done.client.headers["content-type"]) == (200, "application/json")
    assert json.loads(MESSAGE)["content"][0]["text"] in json.dumps(done.client.json())


@pytest.mark.parametrize("name", SAID)
async def test_whatever_ends_it_early_still_has_its_own_status(name: str) -> None:
    error = message_event({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
    begun = message_stream("word").partition(b"event: content_block_stop")[0]
    failed = await run(name, Play(body=[(1, begun), (1, error), (FOREVER, b"")]))
    assert (failed.client.status, failed.took) == (529, 2)
    assert "busy" in failed.client.json()["error"]["message"]
    broken = await run(name, Play(body=[(1, begun)]))
    assert broken.client.status == 502
    late = await run(name, Play(body=[(1, begun), (FOREVER, b"")]), timeout=5)
    assert (late.client.status, late.took) == (504, 5)

"""A route that is not there: the model is asked on another, and the route is tried again later."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from argo_relay.dialects.base import Call
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.detours import Detours, is_missing_route
from argo_relay.exchange.entry import Entry
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.transport.base import Answer, Progress
from support.stage import JSON, WHOLE, FakeClient, FakeUpstream, LoopClock, Play, Stage, stage

pytestmark = pytest.mark.looptime

RESPONSES = Entry(dialect=DIALECTS["openai_responses"])
RESPONSE = json.dumps({"id": "resp_1", "object": "response", "status": "completed", "output": []}).encode()


class Lacking(FakeUpstream):
    """Has chat, and Responses only when `whole`."""

    whole = False

    async def open(self, call: Call, progress: Progress) -> Answer:
        if not call.url.endswith("/v1/responses"):
            self.play = Play(headers=JSON, body=[(0, WHOLE)])
        elif self.whole:
            self.play = Play(headers=JSON, body=[(0, RESPONSE)])
        else:
            self.play = Play(status=404, headers=JSON, body=[(0, b'{"detail":"Not Found"}')])
        return await super().open(call, progress)

    @property
    def paths(self) -> list[str]:
        return [call.url.rpartition("/v1")[2] for call in self.calls]


def lacking() -> tuple[Stage, Lacking]:
    there = stage(Play())
    upstream = Lacking(Play())
    there.relay.main.directory.transport = upstream
    return there, upstream


def asking(**headers: str) -> FakeClient:
    return FakeClient([(0, json.dumps({"model": "gpt-4o", "input": "hi", "top_k": 1}).encode())], headers)


async def test_the_model_is_asked_on_chat_and_the_route_tried_again_later(caplog: pytest.LogCaptureFixture) -> None:
    there, upstream = lacking()
    with caplog.at_level(logging.WARNING, "argo_relay"):
        for _ in range(2):
            done = await there.run(asking(), RESPONSES)
            assert (done.client.status, done.client.json()["object"]) == (200, "response")
        assert upstream.paths == ["/responses", "/chat/completions", "/chat/completions"]
        await asyncio.sleep(601)
        await there.run(asking(), RESPONSES)
        upstream.whole = True
        await asyncio.sleep(601)
        assert (await there.run(asking(), RESPONSES)).client.json()["id"] == "resp_1"
    assert upstream.paths[3:] == ["/responses", "/chat/completions", "/responses"]
    assert len(caplog.records) == 1
    assert "no route of the dialect openai_responses" in caplog.text


async def test_where_there_is_no_way_round_the_404_is_told() -> None:
    there, upstream = lacking()
    there.relay.main.directory.transport = gone = FakeUpstream(
        Play(status=404, headers=JSON, body=[(0, b'{"detail":"Not Found"}')])
    )
    done = await there.run(FakeClient([(0, b'{"model":"gpt-4o","messages":[{"role":"user","content":"x"}]}')]))
    assert (done.client.status, len(gone.calls), upstream.calls) == (404, 1, [])


def failure(**said: Any) -> Failure:
    return Failure(kind=FailureKind.NOT_FOUND, message="m", **said)


def test_a_model_that_is_missing_is_no_missing_route() -> None:
    assert is_missing_route(failure(status=404, code="upstream_404"))
    assert not is_missing_route(failure(status=404, code="model_not_found"))
    assert not is_missing_route(failure(status=500, code="upstream_500"))


async def test_what_was_missed_long_ago_is_missing_no_more() -> None:
    detours = Detours(LoopClock())
    assert detours.missing() == frozenset()
    detours.note("openai_responses")
    assert detours.missing() == {"openai_responses"}
    await asyncio.sleep(600)
    assert detours.missing() == frozenset()

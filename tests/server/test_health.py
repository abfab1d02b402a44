"""Alive and ready, on virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from argo_relay.config.schema import Breaker, Config, Route, Step, Upstream
from support.site import Site, lists_models, site
from support.stage import FOREVER, JSON, WHOLE, Play, ask

pytestmark = pytest.mark.looptime


async def ready(there: Site) -> tuple[int, dict[str, Any]]:
    reply = await there.http.get("/ready")
    return reply.status_code, reply.json()


async def test_health_asks_nobody() -> None:
    async with site(Play(refuse=True)) as there:
        reply = await there.http.get("/health")
        assert (reply.status_code, reply.json()) == (200, {"status": "ok", "in_flight": 0})
        assert there.calls == []


async def test_exchanges_under_way_are_counted() -> None:
    async with site(Play(head=10, headers=JSON, body=[(0, WHOLE)])) as there:
        running = asyncio.create_task(there.http.post("/v1/chat/completions", content=ask()))
        await asyncio.sleep(1)
        assert (await there.http.get("/health")).json()["in_flight"] == 1
        await running
        assert (await there.http.get("/health")).json()["in_flight"] == 0


async def test_ready_asks_the_upstream_unless_it_answered_within_30_seconds() -> None:
    async with site(lists_models("gpt4o", "gpt5")) as there:
        status, body = await ready(there)
        assert status == 200
        assert body == {
            "status": "ready",
            "stopping": False,
            "in_flight": 0,
            "losses": {},
            "upstream": {
                "reachable": True,
                "last_seen": "2027-01-15T08:00:00+00:00",
                "trouble": None,
                "models": 2,
                "models_from": "upstream",
            },
        }
        assert there.calls == ["/argoapi/v1/models"]
        await asyncio.sleep(29)
        assert (await ready(there))[0] == 200
        assert len(there.calls) == 1
        await asyncio.sleep(2)
        assert (await ready(there))[1]["upstream"]["last_seen"] == "2027-01-15T08:00:31+00:00"
        assert len(there.calls) == 2


async def test_an_exchange_that_was_answered_shows_that_the_upstream_can_be_reached() -> None:
    async with site(Play(headers=JSON, body=[(0, WHOLE)])) as there:
        await there.http.post("/v1/chat/completions", content=ask())
        assert (await ready(there))[0] == 200
        assert there.calls == ["/argoapi/v1/chat/completions"]


async def test_what_did_not_cross_is_counted_since_the_start() -> None:
    config = Config(upstream=Upstream(kind="openai_responses"))
    asked = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}], "top_k": 5}
    async with site(Play(status=500, headers=JSON, body=[(0, b"{}")]), config) as there:
        for more in ({}, {"made_up": 1}):
            await there.http.post("/v1/messages", json=asked | more)
        strict = await there.http.post("/v1/messages", json=asked, headers={"x-strict": "true"})
        assert strict.status_code == 400
        assert (await ready(there))[1]["losses"] == {"top_k": 2, "made_up": 1}, "what was refused was not lost"


async def test_an_upstream_that_refuses_is_a_503_that_says_so_and_tells_no_address() -> None:
    async with site(Play(refuse=True)) as there:
        status, body = await ready(there)
    assert (status, body["status"]) == (503, "not ready")
    assert body["upstream"]["reachable"] is False
    assert body["upstream"]["last_seen"] is None
    assert "refused" in body["upstream"]["trouble"]
    assert "secret-upstream" not in str(body)
    assert body["upstream"]["models_from"] == "built-in catalogue"
    assert body["upstream"]["models"] > 20


async def test_other_upstreams_are_told_of_and_need_not_be_well() -> None:
    config = Config(
        user="tester",
        upstreams={"spare": Upstream(kind="openai", base_url="http://x.example")},
        routes={"gpt-4o": Route(to=(Step(upstream="spare"), Step(upstream="main")))},
        breaker=Breaker(failures=1),
    )
    async with site(None, config, others={"spare": Play(refuse=True)}) as there:
        await there.http.post("/v1/chat/completions", content=ask())
        status, body = await ready(there)
    assert (status, body["status"]) == (200, "ready")
    assert body["upstreams"] == {"spare": {"last_seen": None, "trouble": None, "models": 0, "resting": ["all models"]}}


async def test_where_names_are_passed_on_no_catalogue_stands_in() -> None:
    async with site(Play(refuse=True), Config(upstream=Upstream(kind="openai"))) as there:
        body = (await ready(there))[1]
    assert (body["upstream"]["models"], body["upstream"]["models_from"]) == (0, None)


async def test_an_upstream_that_says_nothing_is_waited_for_no_longer_than_3_seconds() -> None:
    async with site(Play(connect=FOREVER)) as there:
        start = asyncio.get_running_loop().time()
        statuses = await asyncio.gather(*(ready(there) for _ in range(5)))
        assert {status for status, _ in statuses} == {503}
        assert asyncio.get_running_loop().time() - start == 3
        assert len(there.calls) == 1, "those who ask at once share one call"
        there.stage.relay.main.directory.close()


async def test_an_answer_that_is_no_list_of_models_is_an_answer() -> None:
    async with site(Play(status=404, headers=JSON, body=[(0, b"{}")])) as there:
        for _ in range(2):
            status, body = await ready(there)
            assert status == 200
            assert body["upstream"]["reachable"] is True
            assert "404" in body["upstream"]["trouble"]


async def test_a_relay_that_stops_is_not_ready_but_alive() -> None:
    async with site() as there:
        there.stage.relay.stop()
        status, body = await ready(there)
        assert (status, body["status"], body["stopping"]) == (503, "not ready", True)
        assert body["upstream"]["reachable"] is True
        assert (await there.http.get("/health")).status_code == 200

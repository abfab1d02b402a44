"""Retries, fallbacks, rests, hedges and queues, all inside one budget; on virtual time."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal

import pytest

from argo_relay.config.schema import Breaker, Config, Route, Step, Timeouts, Upstream
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import DeadlinePassed
from argo_relay.exchange.entry import Entry
from argo_relay.observe.record import Outcome
from support.stage import (
    DONE,
    FINISH,
    FOREVER,
    JSON,
    MESSAGE,
    WHOLE,
    FakeClient,
    Play,
    Plays,
    Stage,
    ask,
    chunk,
    message_stream,
    stage,
)
from support.stage import Outcome as Done

pytestmark = pytest.mark.looptime

FINE = Play(headers=JSON, head=1, body=[(0, WHOLE)])
STREAM = Play(head=1, body=[(0, chunk("a")), (0, chunk("b") + FINISH + DONE)])
STREAM_OF_MESSAGES = Play(head=1, body=[(0, message_stream("one"))])
REFUSES = Play(refuse=True)
BREAKS = Play(headers=JSON, head=1, cut=True)
SILENT = Play(head=FOREVER)


def says(status: int, headers: dict[str, str] | None = None, after: float = 1.0) -> Play:
    error = {"error": {"message": f"it is {status}", "type": "server_error", "code": "broken"}}
    return Play(status=status, headers=JSON | (headers or {}), head=after, body=[(0, json.dumps(error).encode())])


def there(main: Plays, **fields: Any) -> Stage:
    """Return a relay with one upstream."""
    return stage(main, Config(user="tester", **fields))


def routed(plays: dict[str, Plays], route: Route | None = None, **fields: Any) -> Stage:
    """Return a relay whose upstreams play these, tried in this order; all but main are Chat servers."""
    names = list(plays)
    steps = tuple(Step(upstream=name) for name in names)
    config = Config(
        user="tester",
        upstreams={name: Upstream(kind="openai", base_url="http://x.example") for name in names if name != "main"},
        routes={"gpt-4o": route or Route(to=steps)},
        **fields,
    )
    others = {name: play for name, play in plays.items() if name != "main"}
    return stage(plays.get("main", FINE), config, others=others)


async def run(on: Stage, leave: float | None = None, **fields: Any) -> Done:
    return await on.run(FakeClient([(0, ask(**fields))], leave=leave))


def sent(on: Stage, name: str) -> Any:
    """Return the body of the last call to an upstream."""
    return json.loads(on.upstreams[name].calls[-1].body or b"null")


def said(done: Done) -> tuple[int | None, str | None, str | None]:
    """Return a reply's status, whose it is, and after how many attempts."""
    headers = done.client.headers
    return done.client.status, headers.get("x-upstream"), headers.get("x-attempts")


async def test_every_reply_says_who_has_answered() -> None:
    done = await run(there(FINE))
    assert said(done) == (200, "main", "1")
    assert done.client.headers["x-model"] == "argo:gpt-4o"
    assert (done.record.upstream, done.record.attempts, done.record.fallbacks) == ("main", 1, 0)


@pytest.mark.parametrize("first", [REFUSES, BREAKS, says(502), says(503), says(529)])
async def test_what_is_gone_in_a_moment_is_tried_once_more(first: Play) -> None:
    on = there([first, FINE])
    done = await run(on)
    assert said(done) == (200, "main", "2")
    assert done.client.body == WHOLE
    once, again = on.upstream.called
    assert again - once == (0.5 if first is REFUSES else 1.5), "half a second of pause, as the dice fell"
    assert done.record.attempts == 2


@pytest.mark.parametrize("first", [says(400), says(404), says(429), says(500), says(504)])
async def test_what_is_not_is_not(first: Play) -> None:
    on = there([first, FINE])
    done = await run(on)
    assert done.client.status == first.status
    assert done.client.json()["error"]["message"] == f"it is {first.status}"
    assert len(on.upstream.calls) == 1


async def test_there_are_as_many_retries_as_configured_and_their_pauses_grow() -> None:
    on = there(says(503, after=0), retries=4)
    done = await run(on)
    assert said(done) == (503, "main", "5")
    assert on.upstream.called == [0, 0.5, 1.5, 3.5, 7.5]
    none = there(says(503), retries=0)
    assert said(await run(none)) == (503, "main", "1")


@pytest.mark.parametrize("status", [429, 503, 500])
async def test_a_retry_after_that_fits_is_obeyed(status: int) -> None:
    on = there([says(status, {"retry-after": "20"}), FINE])
    done = await run(on, timeout=30)
    assert said(done) == (200, "main", "2")
    assert on.upstream.called == [0, 21]


async def test_one_that_does_not_fit_goes_back_with_the_error_at_once() -> None:
    on = there([says(503, {"retry-after": "20"}), FINE])
    done = await run(on, timeout=15)
    assert (done.took, said(done)) == (1, (503, "main", "1"))
    assert done.client.headers["retry-after"] == "20"
    assert "x-should-retry" not in done.client.headers


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("retries", [1, 2, 10])
async def test_retries_that_would_overrun_end_at_the_total(retries: int, stream: bool) -> None:
    on = there([REFUSES, SILENT], retries=retries)
    done = await run(on, timeout=2, stream=stream)
    assert (done.took, done.client.status) == (2, 504)
    error = done.client.json()["error"]
    assert error["code"] == "timeout_total"
    assert "2 attempts were made" in error["message"]
    assert done.client.headers["x-should-retry"] == "false"
    assert on.upstream.ended == [("cancelled", 2)]


async def test_the_total_passes_during_a_pause_too() -> None:
    on = there(says(503, after=0), retries=100)
    on.relay.chance = lambda: 0.999
    done = await run(on, timeout=3)
    assert done.took < 3, "a pause that does not fit is not begun"
    assert done.client.status == 503


async def test_a_client_that_leaves_during_a_pause_is_asked_for_no_more() -> None:
    on = there([says(503, {"retry-after": "20"}), FINE])
    done = await run(on, leave=5.0)
    assert (done.took, done.record.outcome, done.record.phase) == (5, Outcome.CANCELLED, "pausing")
    assert len(on.upstream.calls) == 1
    assert done.record.saved == 595


@pytest.mark.parametrize("first", [REFUSES, BREAKS, says(429), says(500), says(503), says(504)])
async def test_another_candidate_is_asked_at_once(first: Play) -> None:
    on = routed({"main": first, "spare": FINE})
    done = await run(on)
    assert said(done) == (200, "spare", "2")
    assert done.client.headers["x-model"] == "gpt-4o"
    assert sent(on, "spare")["model"] == "gpt-4o"
    assert done.took == (1 if first is REFUSES else 2)
    assert (done.record.upstream, done.record.attempts, done.record.fallbacks) == ("spare", 2, 1)
    assert done.record.calls == {"main": 1, "spare": 1}


@pytest.mark.parametrize("first", [says(400), says(401), says(404), says(413)])
async def test_but_not_for_what_is_the_requests_own_fault(first: Play) -> None:
    on = routed({"main": first, "spare": FINE})
    done = await run(on)
    assert said(done) == (first.status, "main", "1")
    assert on.upstreams["spare"].calls == []


@pytest.mark.parametrize(("timer", "slow"), [("connect", Play(connect=FOREVER)), ("first_event", SILENT)])
@pytest.mark.parametrize("stream", [False, True])
async def test_an_attempts_own_timer_leads_to_the_next_candidate(timer: str, slow: Play, stream: bool) -> None:
    on = routed({"main": slow, "spare": STREAM if stream else FINE})
    done = await run(on, stream=stream, timeout={"total": 60, timer: 4})
    assert said(done) == (200, "spare", "2")
    assert done.took == 5
    assert on.upstream.ended == [("cancelled", 4)]


async def test_with_no_other_candidate_it_ends_the_exchange() -> None:
    done = await run(there(SILENT, retries=5), timeout={"total": 60, "first_event": 4})
    assert (done.took, done.client.headers["x-timeout-timer"]) == (4, "first_event")
    assert done.record.attempts == 1


async def test_fallbacks_that_would_overrun_end_at_the_total() -> None:
    on = routed({"main": SILENT, "spare": SILENT, "third": FINE})
    done = await run(on, timeout={"total": 6, "first_event": 4})
    assert (done.took, said(done)) == (6, (504, "spare", "2"))
    assert done.client.headers["x-timeout-timer"] == "total"
    assert on.upstreams["third"].calls == []


async def test_the_list_is_gone_through_again_after_a_pause() -> None:
    on = routed({"main": says(503, after=0), "spare": [says(503, after=0), FINE]}, retries=1)
    done = await run(on)
    assert said(done) == (200, "spare", "4")
    assert on.upstream.called == [0, 0.5]
    assert on.upstreams["spare"].called == [0, 0.5]
    assert done.record.fallbacks == 3


async def test_a_routes_own_retries_count() -> None:
    on = routed({"main": says(503, after=0)}, Route(to=(Step(upstream="main"),), retries=0))
    assert said(await run(on)) == (503, "main", "1")


async def test_a_stream_that_has_begun_is_never_taken_over() -> None:
    on = routed({"main": Play(body=[(1, chunk("a"))], cut=True), "spare": STREAM})
    done = await run(on, stream=True)
    assert done.client.body.startswith(chunk("a"))
    assert b"upstream_disconnected" in done.client.body
    assert on.upstreams["spare"].calls == []


@pytest.mark.parametrize("end", [Play(cut=True).__dict__, {"body": [(FOREVER, b"")]}])
async def test_one_that_has_said_nothing_yet_is(end: dict[str, Any]) -> None:
    rest = end.get("body", [])
    first = Play(body=[(1, chunk(role="assistant")), (0, b": ping\n\n"), *rest], cut=end.get("cut", False))
    on = routed({"main": first, "spare": STREAM})
    done = await run(on, stream=True, timeout={"first_event": 9})
    assert said(done) == (200, "spare", "2")
    assert done.client.body == chunk("a") + chunk("b") + FINISH + DONE


async def test_signs_of_life_do_not_stand_in_the_way() -> None:
    on = routed({"main": SILENT, "spare": STREAM}, timeouts=Timeouts(heartbeat=15))
    done = await run(on, stream=True, timeout={"first_event": 40})
    assert done.client.body == b": keep-alive\n\n" * 2 + chunk("a") + chunk("b") + FINISH + DONE
    assert done.record.upstream == "spare"


async def test_a_head_that_a_sign_of_life_has_sent_says_nothing_that_may_turn_out_otherwise() -> None:
    timeouts = Timeouts(heartbeat=5, first_event=8)
    done = await run(routed({"main": SILENT, "spare": STREAM}, timeouts=timeouts), stream=True)
    assert (done.record.upstream, said(done), "x-model" in done.client.headers) == ("spare", (200, None, None), False)
    done = await run(there([BREAKS, STREAM], timeouts=Timeouts(heartbeat=0.5)), stream=True)
    assert (done.record.attempts, said(done)) == (2, (200, "main", None))


async def test_a_responses_stream_that_signs_of_life_have_begun_goes_on_with_another_upstream() -> None:
    config = Config(
        upstream=Upstream(kind="anthropic"),
        upstreams={"spare": Upstream(kind="anthropic"), "own": Upstream(kind="openai_responses")},
        routes={
            "a": Route(to=(Step(upstream="main"), Step(upstream="spare"))),
            "b": Route(to=(Step(upstream="main"), Step(upstream="own"))),
        },
    )
    said_by_spare = Play(head=1, body=[(0, message_stream("one"))])
    entry = Entry(dialect=DIALECTS["openai_responses"])
    for model, expected in (("a", "spare"), ("b", None)):
        on = stage(SILENT, config, others={"spare": said_by_spare, "own": STREAM})
        body = {"model": model, "input": "hi", "stream": True, "timeout": {"first_event": 20}}
        done = await on.run(FakeClient([(0, json.dumps(body).encode())]), entry)
        events = [json.loads(line[6:]) for line in done.client.body.splitlines() if line.startswith(b"data: {")]
        types = [event["type"] for event in events]
        assert types.count("response.created") == 1
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert types[-1] == ("response.completed" if expected else "response.failed")
        assert bool(on.upstreams["spare"].calls) is (expected is not None)


async def test_weights_share_the_first_attempts() -> None:
    steps = (Step(upstream="main", weight=1), Step(upstream="spare", weight=1))
    on = routed({"main": FINE, "spare": FINE}, Route(to=steps))
    dice = iter((0.2, 0.4, 0.6, 0.9))
    on.relay.chance = lambda: next(dice)
    seen = [(await run(on)).client.headers["x-upstream"] for _ in range(4)]
    assert seen == ["main", "main", "spare", "spare"]


class TestRests:
    """The circuit breaker."""

    async def test_an_upstream_that_fails_is_asked_last_until_it_has_rested(self) -> None:
        on = routed({"main": [*[says(500, after=0)] * 5, FINE], "spare": FINE}, breaker=Breaker(failures=5, rest=30))
        for _ in range(5):
            assert said(await run(on)) == (200, "spare", "2")
        assert said(await run(on)) == (200, "spare", "1")
        assert len(on.upstream.calls) == 5
        await asyncio.sleep(30)
        assert said(await run(on)) == (200, "main", "1")
        assert said(await run(on)) == (200, "main", "1")

    async def test_while_one_probes_the_others_go_elsewhere(self) -> None:
        slow = Play(headers=JSON, head=10, body=[(0, WHOLE)])
        on = routed({"main": [says(500, after=0), slow], "spare": FINE}, breaker=Breaker(failures=1, rest=30))
        await run(on)
        await asyncio.sleep(30)
        probe = asyncio.create_task(run(on))
        await asyncio.sleep(1)
        assert said(await run(on)) == (200, "spare", "1")
        assert said(await probe) == (200, "main", "1")

    async def test_a_probe_need_not_have_ended_for_others_to_follow(self) -> None:
        long = Play(head=1, body=[(0, chunk("a")), (100, FINISH + DONE)])
        on = routed({"main": [says(500, after=0), long, FINE], "spare": FINE}, breaker=Breaker(failures=1, rest=30))
        await run(on)
        await asyncio.sleep(40)
        probe = asyncio.create_task(run(on, stream=True))
        await asyncio.sleep(0.5)
        assert said(await run(on)) == (200, "spare", "1")
        assert said(await run(on)) == (200, "main", "1")
        await probe

    async def test_alone_it_is_asked_all_the_same(self) -> None:
        on = there([*[says(500, after=0)] * 20, FINE], breaker=Breaker(failures=2, rest=1000))
        for _ in range(20):
            assert said(await run(on)) == (500, "main", "1")
        assert said(await run(on)) == (200, "main", "1")

    async def test_one_model_rests_and_an_upstream_that_cannot_be_reached_as_a_whole(self) -> None:
        steps = (Step(upstream="main"), Step(upstream="spare"))
        for play, whole in ((says(500, after=0), False), (REFUSES, True)):
            on = routed({"main": play, "spare": FINE}, Route(to=steps), breaker=Breaker(failures=1, rest=30))
            await run(on)
            (site,) = (site for name, site in on.relay.sites.items() if name == "main")
            now = asyncio.get_running_loop().time()
            assert site.breaker.rests(now) is whole
            assert site.doing("gpt4o").breaker.rests(now) is not whole
            assert not site.doing("gpt41").breaker.rests(now)

    @pytest.mark.parametrize(
        "asked", [{"total": 60, "first_event": 4}, {"total": 60, "connect": 0.001}, {"total": 3, "first_event": None}]
    )
    async def test_a_clients_own_hurry_is_nobodys_failure(self, asked: dict[str, Any]) -> None:
        slow = Play(connect=1, head=FOREVER)
        on = routed({"main": slow, "spare": FINE}, breaker=Breaker(failures=1, rest=30))
        await run(on, timeout=asked)
        assert not on.relay.main.breaker.rests(0)
        assert not on.relay.main.doing("gpt4o").breaker.rests(0)

    @pytest.mark.parametrize("timeouts", [Timeouts(total=9), Timeouts(first_event=9)])
    async def test_the_operators_limits_are_another_matter(self, timeouts: Timeouts) -> None:
        on = routed({"main": SILENT, "spare": SILENT}, breaker=Breaker(failures=1, rest=30), timeouts=timeouts)
        await run(on)
        now = asyncio.get_running_loop().time()
        assert on.relay.main.doing("gpt4o").breaker.rests(now)

    async def test_an_upstream_that_does_not_let_itself_be_reached_in_the_total_cannot_be_reached(self) -> None:
        on = there(Play(connect=FOREVER), breaker=Breaker(failures=2, rest=30), timeouts=Timeouts(total=5), retries=0)
        for _ in range(2):
            assert (await run(on)).client.headers["x-timeout-timer"] == "total"
        assert on.relay.main.breaker.rests(10)
        assert not on.relay.main.doing("gpt4o").breaker.rests(10)

    async def test_nor_is_one_that_leaves(self) -> None:
        on = routed({"main": SILENT, "spare": FINE}, breaker=Breaker(failures=1, rest=30))
        await run(on, leave=3)
        assert not on.relay.main.doing("gpt4o").breaker.rests(3)

    @pytest.mark.parametrize("status", [400, 404, 429])
    async def test_a_refusal_is_an_answer(self, status: int) -> None:
        on = there(says(status), breaker=Breaker(failures=1, rest=30))
        await run(on)
        assert not on.relay.main.doing("gpt4o").breaker.rests(1)


class TestPace:
    """Candidates that cannot do it in time."""

    async def test_one_that_cannot_answer_in_what_is_left_is_skipped(self) -> None:
        slow = Play(headers=JSON, head=20, body=[(0, WHOLE)])
        on = routed({"main": slow, "spare": FINE})
        for _ in range(5):
            assert said(await run(on)) == (200, "main", "1")
        assert said(await run(on, timeout=10)) == (200, "spare", "1")
        assert said(await run(on, timeout=30)) == (200, "main", "1")
        await asyncio.sleep(300)
        assert said(await run(on, timeout=10)) == (504, "main", "1"), "it may have become quicker"

    async def test_where_none_can_the_first_is_tried(self) -> None:
        slow = Play(headers=JSON, head=20, body=[(0, WHOLE)])
        on = there(slow)
        for _ in range(5):
            await run(on)
        done = await run(on, timeout=10)
        assert (done.took, said(done)) == (10, (504, "main", "1"))

    async def test_streams_begin_sooner_and_are_known_by_themselves(self) -> None:
        slow = Play(headers=JSON, head=20, body=[(0, WHOLE)])
        on = routed({"main": [*[slow] * 5, STREAM], "spare": FINE})
        for _ in range(5):
            await run(on)
        assert said(await run(on, timeout=10, stream=True)) == (200, "main", "1")


class TestHedges:
    """A second attempt beside the first."""

    STEPS = (Step(upstream="main"), Step(upstream="spare"))
    ALWAYS = Route(to=STEPS, hedge_after=5, hedge_share=1)

    @pytest.mark.parametrize("stream", [False, True])
    async def test_a_slow_one_is_overtaken_and_cancelled_at_once(self, stream: bool) -> None:
        on = routed({"main": SILENT, "spare": STREAM if stream else FINE}, self.ALWAYS)
        done = await run(on, stream=stream)
        assert (done.took, said(done)) == (6, (200, "spare", "2"))
        assert on.upstream.ended == [("cancelled", 6)]
        assert (done.record.attempts, done.record.hedges, done.record.upstream) == (2, 1, "spare")

    async def test_a_quick_one_is_not(self) -> None:
        on = routed({"main": FINE, "spare": FINE}, self.ALWAYS)
        assert said(await run(on)) == (200, "main", "1")
        assert on.upstreams["spare"].calls == []

    async def test_what_carries_no_content_is_no_beginning(self) -> None:
        slow = Play(body=[(1, chunk(role="assistant")), (FOREVER, b"")])
        on = routed({"main": slow, "spare": STREAM}, self.ALWAYS)
        done = await run(on, stream=True)
        assert (done.took, said(done)) == (6, (200, "spare", "2"))
        assert done.client.body == chunk("a") + chunk("b") + FINISH + DONE
        assert on.upstream.ended == [("closed", 6)]

    async def test_the_first_may_win_after_all(self) -> None:
        late = Play(head=7, body=[(0, chunk("late")), (3, FINISH + DONE)])
        on = routed({"main": late, "spare": SILENT}, self.ALWAYS)
        done = await run(on, stream=True)
        assert (done.took, said(done)) == (10, (200, "main", "2"))
        assert on.upstreams["spare"].ended == [("cancelled", 7)]

    @pytest.mark.parametrize("partial", [False, True])
    async def test_signs_of_life_before_it_is_decided_leave_the_winner_its_own_beginning(self, partial: bool) -> None:
        config = Config(
            upstream=Upstream(kind="anthropic"),
            upstreams={"spare": Upstream(kind="anthropic")},
            routes={"a": self.ALWAYS},
            timeouts=Timeouts(heartbeat=2),
        )
        begun = message_stream("one").partition(b"event: content_block_stop")[0]
        spoken = Play(head=1, body=[(0, begun), (FOREVER, b"")]) if partial else STREAM_OF_MESSAGES
        limits = {"total": 9, "on_timeout": "partial"}
        on = stage(SILENT, config, others={"spare": spoken})
        said_so = json.dumps({"model": "a", "input": "hi", "stream": True, "timeout": limits}).encode()
        done = await on.run(FakeClient([(0, said_so)]), Entry(dialect=DIALECTS["openai_responses"]))
        events = [json.loads(line[6:]) for line in done.client.body.splitlines() if line.startswith(b"data: {")]
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert [event["type"] for event in events].count("response.created") == 1
        assert events[-1]["type"] == ("response.incomplete" if partial else "response.completed")
        on = stage(SILENT, config, others={"spare": spoken})
        contents = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "timeout": limits}
        entry = Entry(dialect=DIALECTS["google"], model="a", stream=True, array=True)
        done = await on.run(FakeClient([(0, json.dumps(contents).encode())]), entry)
        assert done.client.body.startswith(b"\n"), "there were signs of life"
        chunks = done.client.json()
        assert "one" in json.dumps(chunks[0])
        assert chunks[-1]["candidates"][0]["finishReason"] == ("MAX_TOKENS" if partial else "STOP")

    @pytest.mark.parametrize("spoken", ["openai_responses", "openai"])
    async def test_no_sign_of_life_says_more_than_what_is_held_back(
        self, spoken: Literal["openai_responses", "openai"]
    ) -> None:
        created = {"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1"}}
        first = f"event: response.created\ndata: {json.dumps(created)}\n\n".encode()
        if spoken == "openai":
            first = chunk(role="assistant")
        config = Config(
            upstream=Upstream(kind=spoken),
            upstreams={"spare": Upstream(kind=spoken)},
            routes={"a": Route(to=self.STEPS)},
            timeouts=Timeouts(heartbeat=2),
        )
        on = stage(Play(body=[(1, first), (FOREVER, b"")]), config, others={"spare": REFUSES})
        body = json.dumps({"model": "a", "input": "hi", "stream": True, "timeout": 5}).encode()
        done = await on.run(FakeClient([(0, body)]), Entry(dialect=DIALECTS["openai_responses"]))
        *beats, end, rest = done.client.body.split(b"\n\n")
        assert (beats, rest) == ([b": keep-alive"] * 2, b"")
        assert end.startswith(b"event: response.failed\n")

    async def test_a_limit_that_passes_when_all_has_been_written_comes_too_late(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        on = routed({"main": SILENT, "spare": STREAM}, self.ALWAYS)
        write = FakeClient.write

        async def write_then_pass(client: FakeClient, data: bytes, last: bool = False) -> None:
            await write(client, data, last)
            if last:
                # Before the race is told that its winner has ended.
                (watchdog,) = on.relay.running
                asyncio.get_running_loop().call_soon(watchdog.interrupt, DeadlinePassed("total"))

        monkeypatch.setattr(FakeClient, "write", write_then_pass)
        done = await run(on, stream=True)
        assert done.client.body == chunk("a") + chunk("b") + FINISH + DONE
        assert (done.record.outcome, done.client.aborted) == (Outcome.OK, None)

    async def test_alone_the_same_upstream_is_asked_twice(self) -> None:
        on = routed({"main": [SILENT, FINE]}, Route(to=self.STEPS[:1], hedge_after=5, hedge_share=1))
        done = await run(on)
        assert (done.took, said(done), len(on.upstream.calls)) == (6, (200, "main", "2"), 2)

    async def test_never_more_than_the_share(self) -> None:
        slow = Play(headers=JSON, head=8, body=[(0, WHOLE)])
        route = Route(to=self.STEPS, hedge_after=5, hedge_share=0.25)
        on = routed({"main": slow, "spare": FINE}, route)
        seen = [(await run(on)).client.headers["x-upstream"] for _ in range(12)]
        assert seen == ["main", "main", "main", "spare"] * 3

    async def test_when_both_fail_a_third_is_asked(self) -> None:
        steps = (*self.STEPS, Step(upstream="third"))
        on = routed(
            {"main": says(500, after=7), "spare": says(500, after=1), "third": FINE},
            Route(to=steps, hedge_after=5, hedge_share=1),
        )
        done = await run(on)
        assert (done.took, said(done)) == (8, (200, "third", "3"))

    async def test_an_answer_that_nobody_could_better_ends_both(self) -> None:
        on = routed({"main": says(400, after=7), "spare": SILENT}, self.ALWAYS)
        done = await run(on)
        assert (done.took, said(done)) == (7, (400, "main", "2"))
        assert on.upstreams["spare"].ended == [("cancelled", 7)]

    async def test_but_what_the_second_one_does_not_like_says_nothing_of_the_first(self) -> None:
        on = routed({"main": Play(headers=JSON, head=9, body=[(0, WHOLE)]), "spare": says(400)}, self.ALWAYS)
        done = await run(on)
        assert (done.took, said(done)) == (9, (200, "main", "2"))

    async def test_the_error_is_told_as_the_ones_whose_it_is(self) -> None:
        route = Route(to=self.STEPS, hedge_after=5, hedge_share=1, retries=0)
        on = routed({"main": says(500, after=7), "spare": says(503, after=4)}, route)
        assert said(await run(on)) == (503, "spare", "2")
        on = routed({"main": says(500, after=7), "spare": says(503, after=1)}, route)
        assert said(await run(on)) == (500, "main", "2")

    async def test_when_the_first_has_failed_it_is_the_second_that_is_waited_for(self) -> None:
        on = routed({"main": says(500, after=7), "spare": SILENT}, self.ALWAYS)
        done = await run(on, timeout=9)
        assert (done.took, said(done), done.record.phase) == (9, (504, "spare", "2"), "waiting")

    @pytest.mark.parametrize("alone", [False, True])
    async def test_none_is_asked_that_has_no_place(self, alone: bool) -> None:
        spare = Upstream(kind="openai", base_url="http://x.example", max_in_flight=1)
        config = Config(
            user="tester",
            upstream=Upstream(max_in_flight=1),
            upstreams={"spare": spare},
            routes={"gpt-4o": Route(to=self.STEPS[:1] if alone else self.STEPS, hedge_after=5, hedge_share=1)},
        )
        on = stage(SILENT, config, others={"spare": SILENT})
        await on.relay.sites["spare"].places.take(0)
        done = await run(on, timeout=9)
        assert (said(done), done.record.hedges) == ((504, "main", "1"), 0)
        assert (done.client.headers["x-timeout-timer"], done.record.phase) == ("total", "waiting")
        assert on.upstreams["spare"].calls == []

    @pytest.mark.parametrize("stream", [False, True])
    async def test_the_total_ends_both(self, stream: bool) -> None:
        on = routed({"main": SILENT, "spare": SILENT}, self.ALWAYS)
        done = await run(on, timeout=9, stream=stream)
        assert (done.took, done.client.status) == (9, 504)
        assert on.upstream.ended == on.upstreams["spare"].ended == [("cancelled", 9)]

    async def test_a_client_that_leaves_ends_both(self) -> None:
        on = routed({"main": SILENT, "spare": SILENT}, self.ALWAYS)
        done = await run(on, leave=8)
        assert (done.took, done.record.outcome) == (8, Outcome.CANCELLED)
        assert on.upstream.ended == on.upstreams["spare"].ended == [("cancelled", 8)]


class TestQueues:
    """Places, at the relay and at an upstream."""

    SLOW = Play(headers=JSON, head=10, body=[(0, WHOLE)])

    async def test_who_comes_later_waits_in_order_and_the_wait_counts(self) -> None:
        on = there(self.SLOW, max_in_flight=1)
        tasks = [asyncio.create_task(run(on)) for _ in range(3)]
        done = [await task for task in tasks]
        assert [one.took for one in done] == [10, 20, 30]
        assert [one.record.queued for one in done] == [None, 10, 20]
        assert on.upstream.called == [0, 10, 20]

    async def test_the_total_passes_in_the_queue(self) -> None:
        on = there(Play(head=FOREVER), max_in_flight=1)
        first = asyncio.create_task(run(on, timeout=100))
        await asyncio.sleep(0)
        done = await run(on, timeout=5)
        assert (done.took, done.client.status, done.client.headers["x-timeout-timer"]) == (5, 504, "queue")
        assert done.client.json()["error"]["code"] == "timeout_queue"
        assert (done.record.phase, done.record.attempts) == ("queued", 0)
        await first
        assert len(on.upstream.calls) == 1

    async def test_who_cannot_outlast_the_queue_is_refused_at_once(self) -> None:
        on = there(self.SLOW, max_in_flight=1)
        await run(on)
        first = asyncio.create_task(run(on))
        await asyncio.sleep(0)
        done = await run(on, timeout=4)
        assert (done.took, done.client.status) == (0, 503)
        assert done.client.headers["retry-after"] == "6"
        assert done.client.json()["error"]["code"] == "queue_too_long"
        await first

    async def test_a_client_that_leaves_the_queue_is_never_asked_for(self) -> None:
        on = there(self.SLOW, max_in_flight=1)
        first = asyncio.create_task(run(on))
        await asyncio.sleep(0)
        done = await run(on, leave=3)
        assert (done.took, done.record.outcome, done.record.phase) == (3, Outcome.CANCELLED, "queued")
        await first
        assert (len(on.upstream.calls), on.relay.places.in_use, on.relay.places.waiting) == (1, 0, 0)

    async def test_a_stream_is_kept_alive_while_it_waits(self) -> None:
        on = there([self.SLOW, STREAM], max_in_flight=1, timeouts=Timeouts(heartbeat=4))
        first = asyncio.create_task(run(on))
        await asyncio.sleep(0)
        done = await run(on, stream=True)
        assert done.client.body == b": keep-alive\n\n" * 2 + chunk("a") + chunk("b") + FINISH + DONE
        await first

    async def test_who_would_have_to_wait_for_an_upstream_is_served_by_one_with_room(self) -> None:
        row = {
            name: Upstream(kind="openai", base_url="http://x.example", max_in_flight=1) for name in ("main", "spare")
        }
        config = Config(
            upstream=row["main"],
            upstreams={"spare": row["spare"]},
            routes={"*": Route(to=(Step(upstream="main"), Step(upstream="spare")))},
        )
        on = stage(self.SLOW, config, others={"spare": self.SLOW})
        await run(on)
        tasks = []
        for _ in range(3):
            tasks.append(asyncio.create_task(run(on)))
            await asyncio.sleep(0)
        done = [await task for task in tasks]
        assert [said(one) for one in done] == [(200, "main", "1"), (200, "spare", "1"), (200, "main", "1")]
        assert [one.record.queued for one in done] == [None, None, 10]

    async def test_a_wait_that_is_too_long_leads_elsewhere(self) -> None:
        config = Config(
            upstream=Upstream(kind="openai", base_url="http://x.example", max_in_flight=1),
            upstreams={"spare": Upstream(kind="openai", base_url="http://y.example")},
            routes={"*": Route(to=(Step(upstream="main"), Step(upstream="spare")))},
            breaker=Breaker(failures=1, rest=1000),
        )
        on = stage(self.SLOW, config, others={"spare": [says(500, after=0), FINE]})
        await run(on)
        on.relay.sites["spare"].breaker.failed(asyncio.get_running_loop().time())
        first = asyncio.create_task(run(on))
        await asyncio.sleep(0)
        waits = asyncio.create_task(run(on, timeout=60))
        await asyncio.sleep(0)
        # It is asked of the one that rests rather than not at all.
        assert said(await run(on, timeout=15, stream=False))[1] == "spare"
        assert said(await first) == said(await waits) == (200, "main", "1")


async def test_what_is_left_of_the_time_goes_upstream_where_it_is_wanted() -> None:
    config = Config(
        upstream=Upstream(kind="openai", base_url="http://x.example", tell_timeout=True),
    )
    on = stage([says(503), FINE], config)
    await run(on, timeout=30)
    told = [dict(call.headers)["x-request-timeout"] for call in on.upstream.calls]
    assert told == ["30", "28.5"]
    silent = there(FINE)
    await run(silent, timeout=30)
    assert "x-request-timeout" not in dict(silent.upstream.calls[0].headers)


class TestPatience:
    """What the client's own timeout does."""

    @pytest.mark.parametrize("header", ["x-stainless-read-timeout", "x-stainless-timeout"])
    async def test_a_whole_reply_ends_before_the_client_gives_up(self, header: str) -> None:
        done = await there(SILENT).run(FakeClient([(0, ask(timeout=300))], {header: "130.0"}))
        assert (done.took, done.client.status) == (129.5, 504)
        assert done.client.headers["x-timeout"] == "129.5"
        assert done.client.headers["x-timeout-source"] == "patience"
        assert done.client.headers["x-timeout-timer"] == "patience"
        assert done.client.headers["x-should-retry"] == "false"
        error = done.client.json()["error"]
        assert error["code"] == "timeout_patience"
        assert f"130 s (header `{header}`)" in error["message"]
        assert "before the 300 s asked for" in error["message"]

    async def test_a_stream_outlives_it_by_signs_of_life(self) -> None:
        play = Play(head=20, body=[(0, chunk("a") + FINISH + DONE)])
        done = await there(play).run(FakeClient([(0, ask(stream=True))], {"x-stainless-read-timeout": "9"}))
        assert [when for when, _ in done.client.written] == [3, 6, 9, 12, 15, 18, 20, 20]
        assert done.client.headers["x-timeout-source"] == "default"

    async def test_so_does_a_whole_reply_that_is_kept_alive(self) -> None:
        play = Play(headers=JSON, head=20, body=[(0, WHOLE)])
        on = there(play, timeouts=Timeouts(whole_heartbeat=True))
        done = await on.run(FakeClient([(0, ask())], {"x-stainless-read-timeout": "9"}))
        assert (done.client.status, done.took) == (200, 20)
        assert done.client.body == b" " * 6 + WHOLE

    async def test_a_client_that_does_not_say_is_not_guessed_at(self) -> None:
        done = await there(SILENT).run(FakeClient([(0, ask(timeout=300))], {"x-stainless-timeout": "NOT_GIVEN"}))
        assert (done.took, done.client.headers["x-timeout-source"]) == (300, "body")


async def test_a_name_that_only_a_route_knows_is_served_and_listed() -> None:
    config = Config(
        user="tester",
        upstreams={"vllm": Upstream(kind="openai", base_url="http://x.example")},
        routes={"my-llama": Route(to=(Step(upstream="vllm", model="meta/llama-3"),))},
    )
    on = stage(FINE, config, others={"vllm": FINE})
    done = await run(on, model="my-llama")
    assert said(done) == (200, "vllm", "1")
    assert sent(on, "vllm")["model"] == "meta/llama-3"
    assert "my-llama" in [profile.public_id for profile in on.relay.listed()]
    assert (await run(on, model="no-such-model")).client.status == 404


async def test_lanes_may_differ_between_candidates() -> None:
    config = Config(
        upstream=Upstream(kind="openai", base_url="http://x.example"),
        upstreams={"claude": Upstream(kind="anthropic")},
        routes={"*": Route(to=(Step(upstream="main"), Step(upstream="claude", model="claude-x")))},
    )
    on = stage(says(500), config, others={"claude": Play(headers=JSON, body=[(0, MESSAGE)])})
    done = await run(on)
    assert said(done) == (200, "claude", "2")
    assert done.client.json()["choices"][0]["message"]["content"] == "hello"
    assert done.record.spoken == "anthropic"

"""One reply on its way: whole frames, bounded sizes, what of its head is passed on, and when the connection is kept."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_relay.config.schema import Config, Upstream
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange import lane
from argo_relay.exchange.attempt import Attempt
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.lane import stream_headers
from argo_relay.exchange.outlet import Outlet
from argo_relay.exchange.plan import Plan
from argo_relay.exchange.verbatim import VerbatimStage
from argo_relay.observe.record import Outcome
from argo_relay.upstreams.base import Operation
from argo_relay.upstreams.vendor import VendorUpstream
from support.guards import dog
from support.stage import (
    DONE,
    FINISH,
    FOREVER,
    JSON,
    MESSAGE,
    WHOLE,
    FakeClient,
    LoopClock,
    Play,
    ask,
    chunk,
    message_event,
    message_stream,
    stage,
)

pytestmark = pytest.mark.looptime

STREAM = chunk("a") + b": comment\n\n" + chunk("bé") + b"data: {\r\ndata: }\r\n\r\n" + chunk("c" * 50) + FINISH + DONE
SSE = {"content-type": "text/event-stream"}


def streaming(client_wants: Any = True, **fields: Any) -> FakeClient:
    return FakeClient([(0, ask(stream=client_wants, **fields))])


def last_error(client: FakeClient) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(client.body.strip().rpartition(b"\n\n")[2].removeprefix(b"data: "))["error"]
    return error


@given(cuts=st.lists(st.integers(1, len(STREAM) - 1), unique=True, max_size=12))
@settings(deadline=None)
async def test_however_a_stream_is_cut_its_bytes_go_out_in_whole_frames(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(edges)]
    done = await stage(Play(body=[(1, piece) for piece in pieces])).run(streaming())
    written = [data for _, data in done.client.written if data]
    assert b"".join(written) == STREAM
    assert len(written) <= len(pieces), "at most one write a read"
    assert all(data.endswith((b"\n\n", b"\r\n\r\n")) for data in written)
    assert (done.record.outcome, done.record.events) == (Outcome.OK, 4)
    assert done.record.bytes_out == len(STREAM)


@pytest.mark.parametrize(("size", "status"), [(100, 200), (101, 502)])
async def test_a_whole_reply_has_its_limit(size: int, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "_LARGEST_REPLY", 100)
    body = b'{"choices":[],"a":"' + b"x" * (size - 21) + b'"}'
    play = Play(headers=JSON, body=[(1, body[:60]), (1, body[60:]), (FOREVER if status == 502 else 0, b"")])
    done = await stage(play).run(FakeClient([(0, ask())]))
    assert (done.client.status, done.took) == (status, 2)
    if status == 502:
        error = done.client.json()["error"]
        assert (error["type"], error["code"]) == ("upstream_error", "upstream_bad_reply")
        assert done.upstream.ended == [("closed", 2.0)], "nothing more of it is read"


@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_has_its_limit(stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "_LARGEST_ERROR", 100)
    play = Play(status=400, headers=JSON, body=[(1, b'{"error":{"message":"'), (1, b"x" * 100), (FOREVER, b"")])
    done = await stage(play).run(FakeClient([(0, ask(stream=stream))]))
    assert (done.client.status, done.client.json()["error"]["code"], done.took) == (502, "upstream_bad_reply", 2)


async def test_an_event_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "_LARGEST_FRAME", len(chunk()))
    endless = [(1.0, b"data: "), *[(1.0, b"x" * 50)] * 100]
    at_once = await stage(Play(body=endless)).run(streaming())
    assert (at_once.client.status, at_once.client.json()["error"]["code"]) == (502, "upstream_bad_reply")
    later = await stage(Play(body=[(1, chunk()), *endless])).run(streaming())
    assert later.client.status == 200
    assert later.client.body.startswith(chunk())
    assert last_error(later.client)["code"] == "upstream_bad_reply"
    assert later.took < 10
    assert later.upstream.ended[0][0] == "closed"


async def test_many_events_in_one_read_are_within_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "_LARGEST_FRAME", len(chunk()))
    block = chunk() * 50 + FINISH + DONE
    done = await stage(Play(body=[(1, block)])).run(streaming())
    assert (done.record.outcome, done.client.body) == (Outcome.OK, block)


PASSED = {
    "retry-after-ms": "5",
    "openai-processing-ms": "12",
    "openai-organization": "org",
    "x-ratelimit-remaining-requests": "9",
}
NOT_PASSED = {
    "server": "secret",
    "set-cookie": "a=b",
    "location": "http://secret",
    "content-encoding": "identity",
    "transfer-encoding": "chunked",
    "connection": "close",
    "x-powered-by": "secret",
    "via": "secret",
    "x-timeout": "1",
    "access-control-allow-origin": "*",
}
HEAD = PASSED | NOT_PASSED | {"x-request-id": "up-1"}
REPLIES = {
    "whole": (Play(headers=HEAD | JSON, body=[(0, WHOLE)]), False, 200),
    "stream": (Play(headers=HEAD | SSE, body=[(0, STREAM)]), True, 200),
    "error": (Play(status=429, headers=HEAD | JSON, body=[(0, b'{"error":{"message":"slow down"}}')]), True, 429),
}


@pytest.mark.parametrize("case", REPLIES)
async def test_of_the_head_only_what_concerns_the_client_is_passed_on(case: str) -> None:
    play, stream, status = REPLIES[case]
    done = await stage(play).run(FakeClient([(0, ask(stream=stream))], {"x-request-id": "mine"}))
    headers = done.client.headers
    assert done.client.status == status
    assert PASSED.items() <= headers.items()
    assert headers["x-upstream-request-id"] == "up-1"
    assert headers["x-request-id"] == "mine"
    assert headers["x-timeout"] == "600"
    assert not (NOT_PASSED.keys() - {"x-timeout"}) & headers.keys()
    assert "secret" not in str(headers)


async def test_a_stream_says_what_keeps_it_moving_through_others_hands() -> None:
    done = await stage(Play(body=[(0, STREAM)])).run(streaming())
    assert done.client.headers["cache-control"] == "no-cache"
    assert done.client.headers["x-accel-buffering"] == "no"
    assert "content-length" not in done.client.headers


async def test_a_kind_with_parameters_is_the_same_kind() -> None:
    for kind in ("Text/Event-Stream; charset=utf-8", "text/event-stream;x"):
        done = await stage(Play(headers={"content-type": kind}, body=[(0, STREAM)])).run(streaming())
        assert done.client.body == STREAM
    unnamed = await stage(Play(headers={}, body=[(0, WHOLE)])).run(FakeClient([(0, ask())]))
    assert (unnamed.client.status, unnamed.client.body) == (200, WHOLE)


@pytest.mark.parametrize(("body", "how"), [(STREAM, "released"), (chunk(), "closed")])
async def test_only_after_a_whole_reply_is_the_connection_kept(body: bytes, how: str) -> None:
    done = await stage(Play(body=[(1, body)])).run(streaming())
    assert done.upstream.ended == [(how, 1.0)]


@pytest.mark.parametrize(
    ("media_type", "shown"),
    [("text/event-stream", "text/event-stream; charset=utf-8"), ("application/json", "application/json")],
)
def test_a_stream_says_what_it_is(media_type: str, shown: str) -> None:
    assert dict(stream_headers(media_type))["content-type"] == shown


ACROSS = Config(upstream=Upstream(kind="anthropic"), retries=0)
RESPONSES = Entry(dialect=DIALECTS["openai_responses"])
RATES = {
    "anthropic-ratelimit-tokens-remaining": "1",
    "x-ratelimit-limit": "2",
    "openai-version": "3",
    "retry-after": "4",
}


def said(**fields: Any) -> FakeClient:
    return FakeClient([(0, json.dumps({"model": "m", "input": "hi", **fields}).encode())])


async def test_what_concerns_only_the_upstreams_own_clients_does_not_cross() -> None:
    head = RATES | {"request-id": "req_up"}
    whole = await stage(Play(headers=head | JSON, body=[(0, MESSAGE)]), ACROSS).run(said(), RESPONSES)
    stream = await stage(Play(headers=head | SSE, body=[(0, message_stream("a"))]), ACROSS).run(
        said(stream=True), RESPONSES
    )
    for done in (whole, stream):
        assert done.client.status == 200
        assert RATES.keys() & done.client.headers.keys() == {"retry-after"}
        assert done.client.headers["x-upstream-request-id"] == "req_up"


@pytest.mark.parametrize("stream", [False, True])
async def test_an_upstreams_error_is_told_in_the_clients_dialect(stream: bool) -> None:
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}, "request_id": "r"}
    play = Play(status=429, headers=RATES | JSON, body=[(0, json.dumps(error).encode())])
    done = await stage(play, ACROSS).run(said(stream=stream), RESPONSES)
    assert (done.client.status, done.client.headers["retry-after"]) == (429, "4")
    told = done.client.json()
    assert list(told) == ["error"]
    assert "slow down" in told["error"]["message"]
    assert (done.record.outcome, done.record.at_fault) == (Outcome.ERROR, "upstream")
    assert done.record.first_event is None, "or any name that a client makes up would have been answered for"


async def test_an_error_within_the_stream_has_a_status_as_long_as_nothing_has_been_said() -> None:
    error = message_event({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
    early = await stage(Play(body=[(1, error), (FOREVER, b"")]), ACROSS).run(said(stream=True), RESPONSES)
    assert (early.client.status, early.took) == (529, 1)
    assert early.client.headers["content-type"] == "application/json"
    assert "busy" in early.client.json()["error"]["message"]
    begun = message_stream("word").partition(b"event: content_block_stop")[0]
    late = await stage(Play(body=[(1, begun), (1, error), (FOREVER, b"")]), ACROSS).run(said(stream=True), RESPONSES)
    assert (late.client.status, late.took) == (200, 2)
    assert b"word" in late.client.body
    assert b"busy" in late.client.body.rpartition(b"word")[2]
    for done in (early, late):
        assert done.record.outcome is Outcome.ERROR
        assert done.upstream.ended[0][0] == "closed"


async def test_what_cannot_be_read_is_not_passed_on() -> None:
    for play in (
        Play(headers=JSON, body=[(0, b'{"type":"message"')]),
        Play(headers=JSON, body=[(0, b"[]")]),
        Play(status=500, headers={"content-type": "text/html"}, body=[(0, b"<html>secret page</html>")]),
    ):
        done = await stage(play, ACROSS).run(said(), RESPONSES)
        assert done.client.status in (500, 502)
        assert "secret" not in done.client.body.decode()
        assert done.client.json()["error"]["message"]


async def test_what_is_answered_here_asks_nobody() -> None:
    entry = Entry(dialect=DIALECTS["anthropic"], operation=Operation.COUNT)
    body = b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}'
    done = await stage(Play(connect=FOREVER)).run(FakeClient([(0, body)]), entry)
    assert (done.client.status, done.took, done.upstream.calls) == (200, 0, [])
    assert done.client.headers["content-length"] == str(len(done.client.body))


async def test_most_of_a_stream_goes_on_as_it_comes() -> None:
    play = Play(body=[(1, chunk("a")), (1, chunk("b")), (1, chunk("c")[:9]), (1, chunk("c")[9:]), (1, FINISH + DONE)])
    done = await stage(play).run(streaming())
    (answer,) = done.upstream.answers
    assert answer.read_calls == 2, "the task is woken for the beginning, and for the end"
    assert [when for when, _ in done.client.written] == [1, 2, 4, 5, 5]
    assert (done.record.outcome, done.record.events) == (Outcome.OK, 4)


@pytest.mark.parametrize("late", [b"", FINISH + DONE])
async def test_what_could_not_go_on_at_once_is_owed(late: bytes) -> None:
    client = FakeClient([], reads=1)
    outlet = Outlet(client)
    spoken, vendor = DIALECTS["openai_chat"], VendorUpstream(kind="openai", base_url="http://up.example")
    plan = Plan(
        call=None, stage=VerbatimStage(spoken, vendor), upstream=vendor, spoken=spoken, stream=True, streamed=True
    )
    made = lane.Lane(plan, Attempt(LoopClock(), dog()), outlet, list)
    assert not made._pass_at_once(chunk("a")), "the reply has not begun"
    await made._pass_on(made._take(chunk("a")))
    assert not made._pass_at_once(chunk("b") + late)
    assert outlet.owed == chunk("b") + late, "its deadline may come before its task goes on"
    client.read_again()
    await made._pass_on(made._take(chunk("b") + late))
    assert client.body == chunk("a") + chunk("b") + late
    assert made.received == len(client.body)

"""A reply that runs into its limit is handed over as far as it has come, where its client wants that."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Literal

import pytest

from argo_relay.config.schema import Config, Route, Step, Timeouts
from argo_relay.config.schema import Upstream as UpstreamConfig
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.verbatim import VerbatimStage
from argo_relay.neutral.content import Text, ToolCall
from argo_relay.neutral.events import ArgumentsDelta, Ended, Event, PartEnded, PartStarted, Started, TextDelta
from argo_relay.neutral.reply import Reply, Stop
from argo_relay.observe.record import Outcome
from argo_relay.operations.completions import COMPLETIONS
from argo_relay.upstreams.base import Operation
from support.sights import events_of, folded, frames_of, plain_request
from support.stage import (
    DONE,
    FINISH,
    FOREVER,
    JSON,
    WHOLE,
    FakeClient,
    Play,
    Stage,
    ask,
    chunk,
    stage,
)
from support.stage import Outcome as Done

pytestmark = pytest.mark.looptime

Kind = Literal["openai", "openai_responses", "anthropic", "google"]
KINDS: tuple[Kind, ...] = ("openai", "openai_responses", "anthropic", "google")
BODIES: dict[str, dict[str, Any]] = {
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"model": "m", "input": "hi"},
    "anthropic": {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]},
    "google": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
TEXT: list[Event] = [
    Started(id="id_1", model="m", created=1),
    PartStarted(index=0, part=Text(text="")),
    *(TextDelta(index=0, text=piece) for piece in ("Once ", "upon ", "a ", "time")),
]
HALF: list[Event] = [
    Started(id="id_1", model="m", created=1),
    PartStarted(index=0, part=ToolCall(id="call_1", name="half")),
    *(ArgumentsDelta(index=0, text=piece) for piece in ('{"a":', '"b', "c")),
]
PARTIAL = {"total": 10, "on_timeout": "partial"}


def spoken(kind: Kind) -> str:
    """Return the dialect in which an upstream of this kind is asked."""
    return "openai_chat" if kind == "openai" else kind


def says(dialect: str, events: Sequence[Event], *, between: float = 1.0, then: float = FOREVER) -> Play:
    """Return an upstream that says a second's piece for each of these events, and then nothing."""
    encoder = DIALECTS[dialect].stream_encoder(plain_request(dialect, stream=True))
    pieces = [(between, piece) for event in events if (piece := encoder.feed(event))]
    return Play(body=[*pieces, (then, b"")])


def there(play: Play, kind: Kind = "openai", **settings: Any) -> Stage:
    return stage(play, Config(user="tester", upstream=UpstreamConfig(kind=kind), **settings))


async def run(at: Stage, client: str, *, stream: bool, headers: dict[str, str] | None = None, **fields: Any) -> Done:
    body = BODIES[client] | {"timeout": PARTIAL} | fields
    if client == "google":
        entry = Entry(dialect=DIALECTS[client], model="m", stream=stream)
    else:
        entry, body = Entry(dialect=DIALECTS[client]), body | ({"stream": True} if stream else {})
    return await at.run(FakeClient([(0, json.dumps(body).encode())], headers), entry)


def heard(client: str, body: bytes, *, stream: bool) -> Reply:
    dialect = DIALECTS[client]
    if not stream:
        return dialect.decode_reply(body)
    return folded(events_of(dialect, frames_of(dialect, body))).reply()


def text_of(reply: Reply) -> str:
    return "".join(part.text for part in reply.parts if isinstance(part, Text))


EACH = pytest.mark.parametrize("client", DIALECTS)
OF = pytest.mark.parametrize("kind", KINDS)
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@EACH
@OF
@BOTH
async def test_at_the_total_the_client_gets_what_there_is(client: str, kind: Kind, stream: bool) -> None:
    done = await run(there(says(spoken(kind), TEXT), kind), client, stream=stream)
    assert (done.client.status, done.took, done.client.ended) == (200, 10, 10)
    reply = heard(client, done.client.body, stream=stream)
    assert (text_of(reply), reply.stop.reason) == ("Once upon a time", "length")
    if not stream:
        assert done.client.headers["x-timeout-partial"] == "true"
        assert done.client.headers["x-timeout-timer"] == "total"
        assert done.client.headers["content-type"] == "application/json"
        assert int(done.client.headers["content-length"]) == len(done.client.body)
    assert done.client.headers["x-timeout"] == "10"
    record = done.record
    assert (record.outcome, record.partial, record.timer, record.status) == (Outcome.TIMEOUT, True, "total", 200)
    assert record.stream is stream
    assert done.upstream.ended == [("closed", 10.0)]


@EACH
@OF
@BOTH
async def test_with_nothing_generated_it_is_the_504(client: str, kind: Kind, stream: bool) -> None:
    quiet = {"timeouts": Timeouts(heartbeat=None)}
    for play in (says(spoken(kind), TEXT[:2]), Play(head=FOREVER), Play(connect=FOREVER)):
        done = await run(there(play, kind, **quiet), client, stream=stream, timeout=PARTIAL | {"connect": 60})
        assert done.took == 10
        if done.client.status == 504:
            assert "x-timeout-partial" not in done.client.headers
            assert done.client.headers["x-should-retry"] == "false"
        else:
            # The upstream's first event had gone out already.
            assert stream
            assert folded(events_of(DIALECTS[client], frames_of(DIALECTS[client], done.client.body))).failure
        assert (done.record.outcome, done.record.partial) == (Outcome.TIMEOUT, False)


@EACH
@BOTH
async def test_at_the_idle_limit_too(client: str, stream: bool) -> None:
    timeout = {"total": 60, "idle": 3, "on_timeout": "partial"}
    at = there(says("openai_chat", TEXT))
    done = await run(at, client, stream=stream, timeout=timeout)
    reply = heard(client, done.client.body, stream=stream)
    assert (text_of(reply), reply.stop.reason) == ("Once upon a time", "length")
    assert (done.record.partial, done.record.timer) == (True, "idle")
    # The role takes the first second, and the last piece comes in the fifth.
    assert done.took == 8


@EACH
@BOTH
async def test_who_does_not_ask_for_it_gets_the_error(client: str, stream: bool) -> None:
    for timeout in (10, {"total": 10, "on_timeout": "error"}):
        dialect = "openai_chat"
        play = says(dialect, TEXT) if stream else Play(head=FOREVER)
        done = await run(there(play), client, stream=stream, timeout=timeout)
        assert (
            b"timeout_total" in done.client.body
            or b"DEADLINE_EXCEEDED" in done.client.body
            or (b"timeout_error" in done.client.body)
        )
        assert (done.record.outcome, done.record.partial) == (Outcome.TIMEOUT, False)


@BOTH
async def test_a_header_asks_for_it(stream: bool) -> None:
    at = there(says("openai_chat", TEXT))
    done = await run(at, "openai_chat", stream=stream, timeout=10, headers={"x-on-timeout": "partial"})
    assert (done.client.status, done.record.partial) == (200, True)
    bad = await run(at, "openai_chat", stream=stream, timeout=10, headers={"x-on-timeout": "half"})
    assert bad.client.status == 400
    assert bad.client.json()["error"]["param"] == "x-on-timeout"
    assert len(at.upstream.calls) == 1


@EACH
@OF
async def test_a_whole_reply_is_asked_for_as_a_stream(client: str, kind: Kind) -> None:
    dialect = spoken(kind)
    whole = [*TEXT, PartEnded(index=0), Ended(stop=Stop(reason="end"))]
    done = await run(there(says(dialect, whole, between=0.5, then=0), kind), client, stream=False)
    (call,) = done.upstream.calls
    sent = json.loads(call.body or b"")
    if dialect == "google":
        assert call.url.endswith(":streamGenerateContent?alt=sse")
        assert "stream" not in sent
    else:
        assert sent["stream"] is True
    if dialect == "openai_chat":
        assert sent["stream_options"] == {"include_usage": True}
    assert "timeout" not in sent
    assert ("accept", "text/event-stream") in call.headers
    reply = heard(client, done.client.body, stream=False)
    assert (text_of(reply), reply.stop.reason) == ("Once upon a time", "end")
    assert (done.record.outcome, done.record.partial) == (Outcome.OK, False)
    assert "x-timeout-partial" not in done.client.headers


async def test_several_choices_are_not_gathered() -> None:
    done = await run(there(Play(headers=JSON, body=[(1, WHOLE)])), "openai_chat", stream=False, n=2)
    assert done.client.body == WHOLE
    assert "stream" not in json.loads(done.upstream.calls[0].body or b"")


async def test_legacy_completions_end_with_the_error() -> None:
    body = {"model": "m", "prompt": "hi", "timeout": PARTIAL}
    entry = Entry(dialect=COMPLETIONS, operation=Operation.COMPLETE)
    said = b'data: {"id":"c","choices":[{"index":0,"text":"Once"}]}\n\n'
    for stream in (False, True):
        at = there(Play(body=[(1, said), (FOREVER, b"")]) if stream else Play(headers=JSON, head=FOREVER))
        done = await at.run(FakeClient([(0, json.dumps(body | {"stream": stream}).encode())]), entry)
        assert b"timeout_total" in done.client.body
        assert not done.record.partial


@EACH
@OF
async def test_half_a_call_is_no_reply(client: str, kind: Kind) -> None:
    done = await run(there(says(spoken(kind), HALF), kind), client, stream=False)
    assert (done.client.status, done.record.partial) == (504, False)


async def test_after_white_space_the_reply_still_comes() -> None:
    at = there(says("openai_chat", TEXT), timeouts=Timeouts(heartbeat=2, whole_heartbeat=True))
    done = await run(at, "openai_chat", stream=False)
    assert done.client.body.startswith(b"  ")
    assert "x-timeout-partial" not in done.client.headers
    assert text_of(heard("openai_chat", done.client.body, stream=False)) == "Once upon a time"
    assert done.record.partial
    nothing = await run(
        there(Play(head=FOREVER), timeouts=Timeouts(heartbeat=2, whole_heartbeat=True)), "openai_chat", stream=False
    )
    assert nothing.client.json()["error"]["code"] == "timeout_total"
    assert not nothing.record.partial


async def test_a_stream_opened_by_a_heartbeat_alone_ends_with_the_error() -> None:
    at = there(Play(head=FOREVER), timeouts=Timeouts(heartbeat=2))
    done = await run(at, "openai_chat", stream=True)
    assert b"timeout_total" in done.client.body
    assert b"[DONE]" not in done.client.body


async def test_what_is_all_but_over_ends_by_itself() -> None:
    play = Play(body=[(1, chunk("all")), (1, FINISH), (FOREVER, b"")])
    done = await run(there(play), "openai_chat", stream=True)
    assert done.client.body == chunk("all") + FINISH + DONE
    whole = await run(there(play), "openai_chat", stream=False)
    assert heard("openai_chat", whole.client.body, stream=False).stop.reason == "end"


async def test_what_a_slow_client_has_not_taken_yet_comes_before_the_end() -> None:
    body = json.dumps(BODIES["openai_chat"] | {"timeout": PARTIAL, "stream": True}).encode()
    client = FakeClient([(0, body)], reads=1)
    at = there(Play(body=[(1, chunk("one")), (1, chunk("two")), (FOREVER, b"")]))
    running = asyncio.create_task(at.run(client))
    await asyncio.sleep(10.5)
    client.read_again()
    done = await running
    assert client.body.startswith(chunk("one") + chunk("two"))
    assert client.body.endswith(DONE)
    assert text_of(heard("openai_chat", client.body, stream=True)) == "onetwo"
    assert done.record.partial


async def test_who_does_not_take_the_end_is_cut_off() -> None:
    body = json.dumps(BODIES["openai_chat"] | {"timeout": PARTIAL, "stream": True}).encode()
    client = FakeClient([(0, body)], reads=1)
    done = await there(Play(body=[(1, chunk("one")), (1, chunk("two")), (FOREVER, b"")])).run(client)
    assert client.aborted == 11
    assert (done.record.outcome, done.record.partial) == (Outcome.TIMEOUT, False)


async def test_what_may_be_a_notice_is_handed_over_to_nobody() -> None:
    play = Play(body=[(1, chunk("IMPORTANT AUTHENTICATION")), (FOREVER, b"")])
    done = await stage(play).run(FakeClient([(0, ask(timeout=PARTIAL))]))
    assert (done.client.status, done.record.partial) == (504, False)
    assert b"IMPORTANT" not in done.client.body


async def test_what_cannot_be_handed_over_ends_with_the_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: VerbatimStage) -> bytes:
        raise RuntimeError("a bug")

    monkeypatch.setattr(VerbatimStage, "cut", broken)
    done = await run(there(says("openai_chat", TEXT)), "openai_chat", stream=True)
    assert b"timeout_total" in done.client.body
    assert not done.record.partial
    assert "RuntimeError" in caplog.text


def candidates(main: Play, other: Play, **route: Any) -> Stage:
    """Return a relay with two Chat servers for a model, asked in this order."""
    steps = (Step(upstream="main"), Step(upstream="other"))
    config = Config(
        user="tester",
        upstreams={"other": UpstreamConfig(kind="openai", base_url="http://x.example")},
        routes={"gpt-4o": Route(to=steps, **route)},
    )
    return stage(main, config, others={"other": other})


def saying(*texts: str, begin: float = 0.0) -> Play:
    return Play(body=[(begin, chunk(role="assistant")), *((1, chunk(text)) for text in texts), (FOREVER, b"")])


def handed(done: Done) -> tuple[str, str | None, bool]:
    """Return what was handed over, whose it is, and whether the log says so."""
    reply = heard("openai_chat", done.client.body, stream=False)
    assert reply.stop.reason == "length"
    return text_of(reply), done.client.headers.get("x-upstream"), done.record.partial


async def test_who_has_something_asks_nobody_else_at_the_idle_limit() -> None:
    at = candidates(saying("one"), saying("two"))
    done = await at.run(FakeClient([(0, ask(timeout=PARTIAL | {"idle": 3}))]))
    assert handed(done) == ("one", "main", True)
    assert (done.took, done.client.headers["x-attempts"]) == (4, "1")
    nothing = await candidates(saying(), saying("two")).run(
        FakeClient([(0, ask(timeout=PARTIAL | {"idle": 3, "first_event": 3}))])
    )
    assert handed(nothing) == ("two", "other", True)


async def test_what_an_earlier_attempt_had_said_is_better_than_nothing() -> None:
    broken = Play(body=[(1, chunk("one"))], cut=True)
    done = await candidates(broken, Play(head=FOREVER)).run(FakeClient([(0, ask(timeout=PARTIAL))]))
    assert handed(done) == ("one", "main", True)
    assert (done.took, done.record.attempts) == (10, 2)


async def test_of_two_that_were_asked_at_once_the_one_that_spoke_is_heard() -> None:
    at = candidates(Play(head=FOREVER), saying("two"), hedge_after=2.0, hedge_share=1.0)
    done = await at.run(FakeClient([(0, ask(timeout=PARTIAL))]))
    assert handed(done) == ("two", "other", True)
    assert done.took == 10


async def test_what_was_held_back_of_a_stream_comes_with_its_end() -> None:
    begun = [chunk(role="assistant"), chunk(tool_calls=[{"index": 0, "id": "c", "function": {"name": "n"}}])]
    main = Play(body=[*((1, piece) for piece in begun), (FOREVER, b"")])
    done = await candidates(main, Play()).run(FakeClient([(0, ask(stream=True, timeout=PARTIAL))]))
    assert done.client.body.startswith(b"".join(begun))
    assert done.client.body.endswith(DONE)
    assert heard("openai_chat", done.client.body, stream=True).stop.reason == "length"


async def test_the_clients_own_patience_counts_as_a_limit() -> None:
    headers = {"x-stainless-read-timeout": "5"}
    done = await stage(saying("one")).run(FakeClient([(0, ask(timeout={"on_timeout": "partial"}))], headers))
    assert handed(done)[0] == "one"
    assert (done.took, done.record.timer) == (4.5, "patience")
    assert done.client.headers["x-timeout-timer"] == "patience"

"""The upstream's bytes are the client's, but for what a stream lacks and what an error must not tell."""

from __future__ import annotations

import json

import pytest

from argo_relay.config.schema import Config, Upstream
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import BadJson, ConnectionBroken
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.verbatim import VerbatimStage
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.observe.record import Outcome
from argo_relay.upstreams.vendor import VendorUpstream
from support.stage import (
    DONE,
    FINISH,
    FOREVER,
    JSON,
    WHOLE,
    FakeClient,
    Play,
    ask,
    chunk,
    message_event,
    message_stream,
    stage,
)

LATE = Failure(kind=FailureKind.TIMEOUT, status=504, message="Too late.")
ERROR = b'data: {"error":{"message":"no at secret.example","type":"x","code":429}}\n\n'


VENDOR = VendorUpstream(kind="openai", base_url="http://secret.example")
hide = VENDOR.hide


def verbatim(name: str = "openai_chat", *, array: bool = False) -> VerbatimStage:
    return VerbatimStage(DIALECTS[name], VENDOR, array=array)


def feed(there: VerbatimStage, stream: bytes) -> bytes:
    return there.feed(there.upstream.splitter().feed(stream))


def test_a_whole_reply_stays_as_it_came() -> None:
    there = verbatim()
    body = b" " + WHOLE.replace(b"hello", b"secret.example") + b"\n"
    assert there.whole(body) == body, "only errors may tell the address"
    assert there.usage is not None
    with pytest.raises(BadJson):
        verbatim().whole(b"<html>")


def test_a_stream_stays_as_it_came() -> None:
    there = verbatim()
    body = b": hi\r\n\r\n" + chunk("secret.example") + b"event: odd\ndata: {}\n\n" + FINISH + DONE
    assert feed(there, body) == body
    assert there.ended
    assert there.finish([]) == b""


def test_after_its_end_or_its_error_nothing_more_of_it_counts() -> None:
    ended, failed = verbatim(), verbatim()
    assert feed(ended, FINISH + DONE + chunk("late")) == FINISH + DONE
    assert feed(failed, chunk() + ERROR + chunk("late")) == chunk() + hide(ERROR)
    assert (failed.ended, failed.failed, failed.failure) == (False, True, None)
    assert failed.finish([]) == b""


def test_what_a_complete_stream_lacks_is_added() -> None:
    there = verbatim()
    assert feed(there, chunk() + FINISH) == chunk() + FINISH
    assert there.finish([]) == DONE


@pytest.mark.parametrize("name", ["openai_chat", "openai_responses", "anthropic", "google"])
@pytest.mark.parametrize("array", [False, True])
def test_a_stream_that_says_nothing_has_broken_off(name: str, array: bool) -> None:
    with pytest.raises(ConnectionBroken):
        verbatim(name, array=array).finish([])


@pytest.mark.parametrize("name", ["openai_chat", "openai_responses", "anthropic", "google"])
def test_a_sign_of_life_is_the_dialects_own(name: str) -> None:
    dialect, there = DIALECTS[name], verbatim(name)
    assert there.heartbeat() == dialect.heartbeat
    feed(there, b'data: {"type":"response.created"}\n\n')
    assert there.heartbeat() == (dialect.heartbeat_later or dialect.heartbeat)


def element(text: str, **more: object) -> bytes:
    candidate = {"content": {"parts": [{"text": text}]}} | more
    return json.dumps({"candidates": [candidate]}).encode()


def test_an_array_stays_an_array() -> None:
    there = verbatim("google", array=True)
    assert there.client.media_type == "application/json"
    splitter = there.upstream.splitter()
    body = b"[" + element("a") + b",\r\n" + element("b", finishReason="STOP") + b"\n]"
    assert b"".join(there.feed(splitter.feed(body[start : start + 7])) for start in range(0, len(body), 7)) == body
    assert there.ended
    assert there.finish(splitter.finish()) == b""


@pytest.mark.parametrize("begun", [False, True])
def test_an_error_ends_an_array_as_its_last_element(begun: bool) -> None:
    there = verbatim("google", array=True)
    before = feed(there, b"[" + element("a") + b",\r\n" + element("b")) if begun else there.heartbeat()
    *elements, last = json.loads(before + there.fail(LATE))
    assert len(elements) == (2 if begun else 0)
    assert last["error"]["message"] == "Too late."


@pytest.mark.looptime
async def test_an_error_in_the_stream_is_passed_on_and_ends_it() -> None:
    play = Play(body=[(1, chunk()), (1, ERROR), (FOREVER, chunk())])
    done = await stage(play).run(FakeClient([(0, ask(stream=True))]))
    assert done.client.body == chunk() + ERROR
    assert done.took == 2
    assert (done.record.outcome, done.record.status) == (Outcome.ERROR, 200)
    assert done.client.ended == 2


@pytest.mark.looptime
async def test_usage_is_read_from_the_copy() -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n'
    done = await stage(Play(body=[(1, chunk() + FINISH + usage + DONE)])).run(FakeClient([(0, ask(stream=True))]))
    assert done.client.body == chunk() + FINISH + usage + DONE
    assert done.record.usage is not None
    assert (done.record.usage.input, done.record.usage.output) == (5, 2)


@pytest.mark.looptime
async def test_an_array_is_relayed_as_it_came_and_an_error_keeps_it_json() -> None:
    entry = Entry(dialect=DIALECTS["google"], model="m", stream=True, array=True)
    there = stage(Play(headers=JSON), Config(upstream=Upstream(kind="google")))
    asked = b'{"contents":[{"parts":[{"text":"hi"}]}]}'
    first, last = b"[" + element("a"), b",\r\n" + element("b", finishReason="STOP") + b"]\n"
    there.upstream.play = Play(headers=JSON, body=[(20, first), (20, last)])
    done = await there.run(FakeClient([(0, asked)]), entry)
    assert done.client.headers["content-type"] == "application/json"
    assert done.upstream.calls[0].url.endswith("/v1beta/models/m:streamGenerateContent")
    assert done.client.body.replace(b"\n\n", b"") == first + last.rstrip()
    assert [data for _, data in done.client.written].count(b"\n\n") == 2
    there.upstream.play = Play(headers=JSON, body=[(20, first), (FOREVER, b"")])
    late = await there.run(FakeClient([(0, asked)], {"x-request-timeout": "30"}), entry)
    text, error = late.client.json()
    assert text == json.loads(element("a"))
    assert error["error"]["status"] == "DEADLINE_EXCEEDED"


@pytest.mark.looptime
async def test_messages_are_relayed_as_they_came() -> None:
    config = Config(upstream=Upstream(kind="anthropic"))
    stream = message_event({"type": "ping"}) + message_stream("one", "two")
    body = b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"stream":true, "odd":1.0}'
    done = await stage(Play(body=[(1, stream)]), config).run(
        FakeClient([(0, body)], {"anthropic-beta": "b"}), Entry(dialect=DIALECTS["anthropic"])
    )
    assert done.client.body == stream
    call = done.upstream.calls[0]
    assert call.body == body
    assert ("anthropic-beta", "b") in call.headers
    assert (done.record.spoken, done.record.losses) == ("anthropic", None)
    assert "x-losses" not in done.client.headers


@pytest.mark.looptime
async def test_an_object_that_has_nothing_of_a_reply_is_none() -> None:
    done = await stage(Play(headers=JSON, body=[(0, b"{}")])).run(FakeClient([(0, ask())]))
    assert (done.client.status, done.client.json()["error"]["code"]) == (502, "upstream_bad_reply")
    assert done.record.outcome is Outcome.ERROR


@pytest.mark.looptime
async def test_a_reply_that_stands_alone_becomes_the_array_that_was_asked_for() -> None:
    told = b'{"candidates":[{"content":{"role":"model","parts":[{"text":"hi"}]},"finishReason":"STOP"}]}'
    body = json.dumps({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}).encode()
    entry = Entry(dialect=DIALECTS["google"], model="m", stream=True, array=True)
    on = stage(Play(headers=JSON, body=[(0, told[:9]), (1, told[9:])]), Config(upstream=Upstream(kind="google")))
    done = await on.run(FakeClient([(0, body)]), entry)
    assert (done.client.body, done.record.outcome) == (b"[" + told + b"]", Outcome.OK)

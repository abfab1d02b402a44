"""The lane between two dialects: on its own, and in whole exchanges on virtual time."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_relay.config.schema import Config, Upstream
from argo_relay.dialects.base import Incoming
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import BadJson, Refused
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.translate import TranslateStage
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.observe.record import Outcome
from support.stage import (
    FOREVER,
    JSON,
    MESSAGE,
    FakeClient,
    Play,
    message_event,
    message_stream,
    stage,
)
from support.stage import (
    Outcome as Done,
)

LATE = Failure(kind=FailureKind.TIMEOUT, status=504, message="Too late.")
ACROSS = Config(upstream=Upstream(kind="anthropic"))
STREAM = message_stream("one", "two", "three")
BEGUN = STREAM.partition(b"event: content_block_stop")[0]
HI: dict[str, dict[str, Any]] = {
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"model": "m", "input": "hi"},
    "google": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}


def translate(name: str = "openai_responses", *, array: bool = False) -> TranslateStage:
    client = DIALECTS[name]
    incoming = Incoming(body=json.dumps(HI[name] | {"stream": True}).encode(), model="m", stream=True, array=array)
    if name == "google":
        incoming = Incoming(body=json.dumps(HI[name]).encode(), model="m", stream=True, array=array)
    request = client.decode_request(client.outline(incoming))
    return TranslateStage(DIALECTS["anthropic"], client, request, array=array)


def feed(there: TranslateStage, stream: bytes) -> bytes:
    return there.feed(there.upstream.splitter().feed(stream))


def test_the_two_sides_have_their_own_framing() -> None:
    assert translate().client.media_type == translate("google").client.media_type == "text/event-stream"
    array = translate("google", array=True)
    assert (array.upstream.media_type, array.client.media_type) == ("text/event-stream", "application/json")


def test_a_whole_reply_is_told_in_the_clients_words() -> None:
    there = translate()
    reply = json.loads(there.whole(MESSAGE))
    assert (reply["object"], reply["status"]) == ("response", "completed")
    assert reply["output"][0]["content"][0]["text"] == "hello"
    assert there.usage is not None
    assert (there.usage.input, there.usage.output, there.losses) == (7, 5, [])


@pytest.mark.parametrize("name", HI)
def test_a_reply_that_names_no_model_is_from_the_one_that_was_asked(name: str) -> None:
    told = "modelVersion" if name == "google" else "model"
    nameless = json.dumps({key: value for key, value in json.loads(MESSAGE).items() if key != "model"}).encode()
    assert json.loads(translate(name).whole(nameless))[told] == "m"
    start = message_event({"type": "message_start", "message": {"id": "msg_1"}})
    rest = STREAM.partition(b"\n\n")[2]
    assert f'"{told}":"m"'.encode() in feed(translate(name), start + rest)


def test_what_is_no_reply_is_told_apart_from_an_error_in_a_200() -> None:
    with pytest.raises(BadJson):
        translate().whole(b"<html>")
    with pytest.raises(Refused):
        translate().whole(b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}')


def test_what_a_reply_loses_is_known() -> None:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    body = json.loads(MESSAGE)
    whole, streamed = translate("google"), translate("google")
    whole.whole(json.dumps(body | {"content": [block, *body["content"]]}).encode())
    start = message_event({"type": "content_block_start", "index": 0, "content_block": block})
    stop = message_event({"type": "content_block_stop", "index": 0})
    head, _, rest = message_stream("a").partition(b"event: content_block_start")
    rest = rest.replace(b'"index": 0', b'"index": 1')
    feed(streamed, head + start + stop + b"event: content_block_start" + rest)
    assert streamed.ended
    assert [loss.what for loss in whole.losses] == [loss.what for loss in streamed.losses] != []


def test_after_the_end_nothing_more_of_the_upstreams_counts() -> None:
    there = translate()
    out = feed(there, STREAM + message_event({"type": "error", "error": {"type": "x", "message": "late"}}))
    assert there.ended
    assert there.failure is None
    assert b"late" not in out
    assert out == feed(translate(), STREAM)


def test_an_error_in_the_stream_waits_to_be_told() -> None:
    error = message_event({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
    there = translate()
    out = feed(there, BEGUN + error)
    assert out == feed(translate(), BEGUN), "what came before it goes out"
    assert there.failure is not None
    assert (there.failure.message, there.ended, there.failed) == ("busy", False, False)
    assert b"busy" in there.fail(there.failure)


@pytest.mark.parametrize("cut", [0, 1, 200, len(BEGUN), len(BEGUN) + 80])
def test_a_stream_that_broke_off_has_failed(cut: int) -> None:
    there = translate()
    splitter = there.upstream.splitter()
    there.feed(splitter.feed(STREAM[:cut]))
    there.finish(splitter.finish())
    assert there.failure is not None
    assert not there.ended
    assert there.failure.at_fault == "upstream"


def test_usage_is_what_was_said_last() -> None:
    there = translate()
    feed(there, BEGUN)
    assert there.usage is not None
    assert (there.usage.input, there.usage.output) == (7, 1)
    feed(there, STREAM[len(BEGUN) :])
    assert (there.usage.input, there.usage.output) == (7, 5)


def test_a_sign_of_life_fits_what_has_been_said() -> None:
    there = translate()
    before = there.heartbeat()
    assert before.startswith(b"event: response.created"), "the official helpers raise at any event before it"
    assert b"response.created" not in feed(there, BEGUN)
    assert b"response.in_progress" in there.heartbeat()


def test_an_array_stays_an_array_to_the_end() -> None:
    there = translate("google", array=True)
    parts = json.loads(there.heartbeat() + feed(there, STREAM))
    texts = [part["text"] for one in parts for part in one["candidates"][0]["content"]["parts"]]
    assert "".join(texts) == "onetwothree"
    for begun in (b"", BEGUN):
        late = translate("google", array=True)
        *_, last = json.loads(late.heartbeat() + feed(late, begun) + late.fail(LATE))
        assert last["error"]["message"] == "Too late."


def asked(name: str, *, headers: Any = None, **fields: Any) -> FakeClient:
    return FakeClient([(0, json.dumps(HI[name] | fields).encode())], headers)


async def ran(play: Play, client: FakeClient, name: str = "openai_responses", **entry: Any) -> Done:
    return await stage(play, ACROSS).run(client, Entry(dialect=DIALECTS[name], **entry))


@pytest.mark.looptime
@given(cuts=st.lists(st.integers(1, len(STREAM) - 1), unique=True, max_size=10))
@settings(deadline=None, max_examples=50)
async def test_however_a_stream_is_cut_the_client_gets_the_same(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(edges)]
    done = await ran(Play(body=[(1, piece) for piece in pieces]), asked("openai_responses", stream=True))
    written = [data for _, data in done.client.written if data]
    dated = re.compile(rb'(?<="created_at":)\d+')
    assert dated.sub(b"0", b"".join(written)) == feed(translate(), STREAM)
    assert len(written) <= len(pieces), "at most one write a read"
    assert all(data.endswith(b"\n\n") for data in written)
    assert done.record.outcome is Outcome.OK
    assert done.record.usage is not None
    assert (done.record.usage.output, done.record.bytes_out) == (5, len(done.client.body))


@pytest.mark.looptime
async def test_what_is_sent_upstream_is_its_own_dialect() -> None:
    headers = {"openai-beta": "x", "anthropic-beta": "y", "traceparent": "t", "authorization": "Bearer client"}
    client = asked("openai_responses", headers=headers, max_output_tokens=9, timeout=5, instructions="be kind")
    done = await ran(Play(headers=JSON, body=[(0, MESSAGE)]), client)
    (call,) = done.upstream.calls
    body = json.loads(call.body or b"")
    assert call.url.endswith("/v1/messages")
    assert (body["model"], body["max_tokens"]) == ("m", 9)
    assert "timeout" not in body
    assert "be kind" in json.dumps(body["system"])
    names = [name for name, _ in call.headers]
    assert "traceparent" in names
    assert not {"openai-beta", "anthropic-beta", "authorization"} & set(names)


@pytest.mark.looptime
async def test_losses_are_told_in_a_header_and_in_the_record() -> None:
    for stream in (False, True):
        play = Play(body=[(0, STREAM)]) if stream else Play(headers=JSON, body=[(0, MESSAGE)])
        done = await ran(play, asked("openai_responses", stream=stream, truncation="auto", **{"odd\r\nx: y": 1}))
        assert done.client.status == 200
        assert "odd??x:?y=dropped" in done.client.headers["x-losses"]
        assert done.client.headers["x-losses"] == done.record.losses
    nothing = await ran(Play(headers=JSON, body=[(0, MESSAGE)]), asked("openai_responses"))
    assert "x-losses" not in nothing.client.headers or "max" in nothing.client.headers["x-losses"]


@pytest.mark.looptime
async def test_a_deadline_holds_across_dialects() -> None:
    before = await ran(Play(head=FOREVER), asked("openai_responses", timeout=5))
    assert (before.took, before.client.status) == (5, 504)
    assert before.client.json()["error"]["code"] == "timeout_total"
    within = await ran(Play(body=[(1, BEGUN), (FOREVER, b"")]), asked("openai_responses", stream=True, timeout=5))
    assert (within.took, within.client.status, within.record.outcome) == (5, 200, Outcome.TIMEOUT)
    assert b"response.failed" in within.client.body
    assert b"timeout_total" in within.client.body
    assert within.client.ended == 5
    assert [how for how, _ in within.upstream.ended] == ["closed"]


@pytest.mark.looptime
async def test_what_carries_no_content_resets_no_timer() -> None:
    ping = message_event({"type": "ping"})
    drip = [(1.0, ping)] * 100
    done = await ran(Play(body=[(1, BEGUN), *drip]), asked("openai_responses", stream=True, timeout={"idle": 7}))
    assert done.took == 8
    assert b"timeout_idle" in done.client.body


@pytest.mark.looptime
async def test_signs_of_life_while_the_upstream_is_silent() -> None:
    play = Play(head=20, body=[(0, BEGUN), (20, STREAM[len(BEGUN) :])])
    done = await ran(play, asked("openai_responses", stream=True))
    written = done.client.written
    assert [when for when, data in written if data] == [15, 20, 35, 40]
    assert [b"response.created" in data for _, data in written[:2]] == [True, False]
    assert written[2][1].startswith(b"event: response.in_progress"), "Codex counts events only"
    assert done.record.outcome is Outcome.OK


@pytest.mark.looptime
async def test_a_client_that_leaves_ends_the_upstream_at_once() -> None:
    client = FakeClient([(0, json.dumps(HI["openai_responses"] | {"stream": True}).encode())], leave=4)
    done = await ran(Play(body=[(1, BEGUN), (FOREVER, b"")]), client)
    assert (done.took, done.record.outcome) == (4, Outcome.CANCELLED)
    assert done.upstream.ended == [("closed", 4.0)]


@pytest.mark.looptime
@pytest.mark.parametrize("cut", [True, False])
async def test_a_stream_that_breaks_off_is_told_as_a_failure(cut: bool) -> None:
    done = await ran(Play(body=[(1, BEGUN)], cut=cut), asked("openai_responses", stream=True))
    assert done.record.outcome is Outcome.ERROR
    assert b"response.failed" in done.client.body
    assert b"response.completed" not in done.client.body
    early = await ran(Play(body=[(1, b"")], cut=cut), asked("openai_responses", stream=True))
    assert (early.client.status, early.record.outcome) == (502, Outcome.ERROR)


@pytest.mark.looptime
async def test_an_array_of_googles_from_another_upstream() -> None:
    client = FakeClient([(0, json.dumps(HI["google"]).encode())], {"x-request-timeout": "30"})
    play = Play(body=[(20, BEGUN), (FOREVER, b"")])
    done = await ran(play, client, "google", model="m", stream=True, array=True)
    assert done.client.headers["content-type"] == "application/json"
    *texts, error = done.client.json()
    assert len(texts) == 3
    assert error["error"]["status"] == "DEADLINE_EXCEEDED"

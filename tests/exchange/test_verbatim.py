"""The upstream's bytes are the client's, but for what a stream lacks and what an error must not tell."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.config.schema import Config, Upstream
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import BadJson, ConnectionBroken
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.verbatim import VerbatimStage
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.observe.record import Outcome
from argo_relay.upstreams.vendor import VendorUpstream
from support.skims import skimmed_otherwise
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


def event(name: bytes, data: bytes) -> bytes:
    return b"event: " + name + b"\ndata: " + data + b"\n\n"


def plain(choice: bytes, more: bytes = b"") -> bytes:
    return b'data: {"id":"c1","model":"m"%b,"choices":[%b]}\n\n' % (more, choice)


NOISE = (
    *(b": comment\n\n", b":\n\n", b"\n", b"\n\n\n\n", b"\xef\xbb\xbf", b"data: {\ndata: }\n\n", b"data:\n\n"),
    *(b"data: [DONE]\n\n", b"data: nonsense\n\n", b"data: []\n\n", b"retry: 3\n\n", b"id: 1\ndata: {}\n\n"),
    *(b'data: {"error":{"message":"no","code":429}}\n\n', b"data: {}\r\n\r\n", b"data: {}\r\r", b"data: \xff\n\n"),
)
DELTA = b'{"index":0,"delta":{"content":%b},"finish_reason":null}'
FRAMES = {
    "openai_chat": (
        *(
            plain(DELTA % text)
            for text in (b'"a"', b'""', b'"\\n"', b'"\\q"', b'"\\ud83d"', b'"\xc3\xa9"', b'"\xff"', b"1", b"null")
        ),
        *(plain(DELTA % b'"a"', more) for more in (b',"usage":null', b',"usage":{"prompt_tokens":1}', b',"error":"x"')),
        *(
            plain(DELTA % b'"a"', more)
            for more in (b',"note":"\xff"', b',"note":"\\q"', b',"note":' + b"[" * 250 + b"]" * 250)
        ),
        plain(DELTA % b'"a"', b',"note":"' + b"long" * 120 + b'"'),
        plain(DELTA % b'"a"' + b"," + DELTA % b'"b"'),
        plain(DELTA.replace(b'"index":0', b'"index":1') % b'"a"'),
        plain(DELTA.replace(b"null", b'"stop"') % b'"a"'),
        plain(DELTA.replace(b"null", b'null,"logprobs":{"content":[]}') % b'"a"'),
        plain(DELTA % b'"a","role":"assistant"'),
        plain(DELTA % b'"a","reasoning":"b"'),
        plain(DELTA % b'null,"tool_calls":[{"index":0}]'),
        plain(DELTA % b'"a"').replace(b'"c1"', b'"c2"'),
        plain(b'{"index":0,"text":"a"}'),
        plain(DELTA % b'"a"').replace(b'"choices":', b'"choices"\n:'),
        plain(DELTA % b'"a"').replace(b'"choices"', b'"choices":[{}\n\ndata: ],"choices"'),
        plain(DELTA % b'"a"').replace(b"data: ", b"data:"),
        plain(DELTA % b'"a"').replace(b"data: ", b"event: x\ndata: "),
        FINISH,
    ),
    "openai_responses": (
        *(
            event(b"response." + name, b'{"delta":"a","sequence_number":7}')
            for name in (b"output_text.delta", b"refusal.delta")
        ),
        *(
            event(b"response." + name, b'{"delta":"b","sequence_number":8}')
            for name in (b"reasoning_text.delta", b"created")
        ),
        *(
            event(b"response.output_text.delta", data)
            for data in (b'{"delta":""}', b'{"delta" : "" }', b"{}", b"nonsense")
        ),
        event(b"response.created", b'{"type":"response.created","response":{"id":"resp_1","model":"m"}}'),
        event(b"response.completed", b'{"type":"response.completed","response":{"usage":{"input_tokens":1}}}'),
        event(b"response.failed", b'{"type":"response.failed","response":{"error":{"message":"no"}}}'),
        b'data: {"type":"response.output_text.delta","delta":"a"}\n\n',
        b'event: response.output_text.delta\ndata: {"delta":\ndata: "a"}\n\n',
    ),
    "anthropic": (
        *(
            event(b"content_block_delta", b'{"type":"content_block_delta","delta":{"text":%b}}' % text)
            for text in (b'"a"', b'""')
        ),
        event(b"content_block_delta", b'{"type":"content_block_delta","delta":{"text":"a","note":""}}'),
        event(b"content_block_delta", b'{"delta":\ndata: {"text":"a"}}'),
        event(b"content_block_start", b'{"type":"content_block_start","content_block":{"type":"tool_use"}}'),
        event(b"message_start", b'{"type":"message_start","message":{"usage":{"input_tokens":1}}}'),
        event(
            b"message_delta", b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}'
        ),
        event(b"message_stop", b'{"type":"message_stop"}'),
        event(b"ping", b'{"type":"ping"}'),
        event(b"error", b'{"type":"error","error":{"type":"overloaded_error","message":"no"}}'),
        b'data: {"type":"content_block_delta","delta":{"text":"a"}}\n\n',
    ),
    "google": (
        *(b'data: {"candidates":[{"content":{"parts":[{"text":%b}]}}]}\n\n' % text for text in (b'"a"', b'""', b"1")),
        b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":1}}\n\n',
        b'data: {"candidates":[{"content":{"parts":[{"text":"b"}]}}],"usageMetadata":{"promptTokenCount":2}}\n\n',
        b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}\n\n',
        b'data: {"candidates":[{"content":{"parts":[{"functionCall":{}}]}}]}\n\n',
        b'data: {"promptFeedback":{"blockReason":"SAFETY"}}\n\n',
        b'data: {"usageMetadata":{"promptTokenCount":3}}\n\n',
        b'data: {"text":"a"}\n\n',
        b'data: {"candidates":[{"content":\ndata: {"parts":[{"text":"a"}]}}]}\n\n',
    ),
}


@pytest.mark.parametrize("name", FRAMES)
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_glance_at_many_frames_tells_the_same_as_a_look_at_each(name: str, data: st.DataObject) -> None:
    some = st.sampled_from(FRAMES[name])
    runs = st.tuples(some, st.integers(1, 4)).map(lambda run: run[0] * run[1])
    stream = b"".join(data.draw(st.lists(runs | some | st.sampled_from(NOISE), max_size=12)))
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    edges = sorted({0, len(stream), *places})
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    assert list(skimmed_otherwise(DIALECTS[name], pieces)) == []


@pytest.mark.parametrize("ending", [DONE, b'data: {"error":{"message":"no"}}\n\n', b""])
def test_what_is_made_after_a_glance_is_made_of_the_last_frame(ending: bytes) -> None:
    one, other = plain(DELTA % b'"a"'), plain(DELTA % b'"b"').replace(b'"c1"', b'"c2"')
    assert list(skimmed_otherwise(DIALECTS["openai_chat"], [one + other + ending])) == []
    first, second = (event(b"response.output_text.delta", b'{"sequence_number":%d}' % number) for number in (7, 8))
    opening = event(b"response.created", b'{"response":{}}')
    failed = event(b"response.failed", b'{"type":"response.failed"}')
    assert list(skimmed_otherwise(DIALECTS["openai_responses"], [opening + first + second + failed])) == []


@pytest.mark.parametrize("name", FRAMES)
def test_most_frames_are_told_with_a_glance(name: str) -> None:
    watch = DIALECTS[name].watch_stream()
    opening = event(b"response.created", b'{"response":{}}')
    for frame in DIALECTS[name].framing.splitter().feed(opening):
        watch.feed(frame)
    said = FRAMES[name][0]
    frames = [said.removesuffix(b"\n\n")] * 3
    assert [watch.skim([*frames, b""], start) for start in range(4)] == [3, 2, 1, 0]
    assert watch.skim([*frames, b": comment", *frames, b""], 0) == 3


def test_no_glance_is_enough_where_every_frame_must_be_known() -> None:
    stage = VerbatimStage(DIALECTS["openai_chat"], VENDOR, partial=True)
    assert stage.skim(chunk()) is None
    assert verbatim("google", array=True).skim(b'[{"candidates":[]}') is None
    assert verbatim().skim(chunk().replace(b"\n", b"\r\n")) is None
    assert verbatim().skim(chunk()) == chunk()

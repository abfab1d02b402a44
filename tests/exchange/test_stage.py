"""Whatever the lane, it may rely on the same promises."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from argo_relay.dialects.base import Incoming
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.convert import ConvertStage
from argo_relay.exchange.stage import Stage
from argo_relay.exchange.translate import TranslateStage
from argo_relay.exchange.verbatim import VerbatimStage
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.upstreams.vendor import VendorUpstream
from support.stage import MESSAGE, message_event, message_stream

LATE = Failure(kind=FailureKind.TIMEOUT, status=504, message="Too late.")
ASKED: dict[str, dict[str, Any]] = {
    "google": {"contents": [{"parts": [{"text": "hi"}]}]},
    "openai_responses": {"input": "hi"},
}


VENDOR = VendorUpstream(kind="anthropic", base_url="http://up.example")


def verbatim() -> Stage:
    return VerbatimStage(DIALECTS["anthropic"], VENDOR, partial=True)


def to(name: str) -> Stage:
    client = DIALECTS[name]
    body = json.dumps({"model": "m", "stream": True} | ASKED[name]).encode()
    request = client.decode_request(client.outline(Incoming(body=body, model="m", stream=True)))
    return TranslateStage(DIALECTS["anthropic"], client, request, partial=True)


STREAMED: dict[str, Callable[[], Stage]] = {
    "verbatim": verbatim,
    "to google": lambda: to("google"),
    "to responses": lambda: to("openai_responses"),
}
ALL: dict[str, Callable[[], Stage]] = {**STREAMED, "convert": lambda: ConvertStage(bytes)}


@pytest.fixture(params=STREAMED)
def stage(request: pytest.FixtureRequest) -> Stage:
    return STREAMED[request.param]()


def fed(stage: Stage, stream: bytes) -> list[bytes]:
    """Return what goes out for each frame of a stream."""
    splitter = stage.upstream.splitter()
    return [stage.feed([frame]) for frame in [*splitter.feed(stream), *splitter.finish()]]


@pytest.mark.parametrize("name", ALL)
def test_nothing_has_happened_at_first(name: str) -> None:
    stage = ALL[name]()
    assert (stage.usage, stage.events, stage.ended, stage.failed, stage.failure) == (None, 0, False, False, None)
    assert stage.losses == []


@pytest.mark.parametrize("name", ALL)
def test_a_whole_reply_is_an_event(name: str) -> None:
    stage = ALL[name]()
    assert b"hello" in stage.whole(MESSAGE)
    assert stage.events == 1
    if name != "convert":
        assert stage.usage is not None
        assert (stage.usage.input, stage.usage.output) == (7, 5)


def test_a_stream_ends_and_its_usage_is_known(stage: Stage) -> None:
    blocks = fed(stage, message_stream("one", "two"))
    assert (stage.ended, stage.failed, stage.failure) == (True, False, None)
    rest = stage.finish([])
    out = b"".join([*blocks, rest])
    assert all(out.count(word) >= 1 for word in (b"one", b"two"))
    assert out.index(b"one") < out.index(b"two")
    assert stage.usage is not None
    assert (stage.usage.input, stage.usage.output) == (7, 5)
    assert stage.events >= 2


def test_only_content_counts(stage: Stage) -> None:
    start, rest = message_stream("one").split(b"\n\n", 1)
    fed(stage, start + b"\n\n")
    before = stage.events
    fed(stage, message_event({"type": "ping"}) + b": comment\n\n")
    assert stage.events == before
    fed(stage, rest)
    assert stage.events > before


def test_every_block_is_whole_events(stage: Stage) -> None:
    blocks = fed(stage, message_stream("one", "two", "three"))
    splitter = stage.client.splitter()
    for block in blocks:
        splitter.feed(block)
        assert splitter.pending == 0


@pytest.mark.parametrize("name", STREAMED)
def test_frames_of_one_read_give_what_they_give_one_by_one(name: str) -> None:
    stream = message_stream("one", "two")
    at_once = STREAMED[name]()
    assert at_once.feed(at_once.upstream.splitter().feed(stream)) == b"".join(fed(STREAMED[name](), stream))


def test_a_sign_of_life_and_an_error_are_whole_events(stage: Stage) -> None:
    splitter = stage.client.splitter()
    splitter.feed(stage.heartbeat())
    fed(stage, message_stream("one")[:300])
    splitter.feed(stage.heartbeat())
    frames = splitter.feed(stage.fail(LATE))
    assert splitter.pending == 0
    assert b"Too late." in b"".join(frame.data or b"" for frame in frames)


@pytest.mark.parametrize("name", ALL)
def test_nothing_can_be_handed_over_of_what_has_not_begun(name: str) -> None:
    assert ALL[name]().cut() is None


def test_a_stream_can_be_cut_short_once(stage: Stage) -> None:
    splitter = stage.client.splitter()
    begun = fed(stage, message_stream("one", "two").partition(b"event: content_block_stop")[0])
    ending = stage.cut()
    assert ending
    frames = splitter.feed(b"".join([*begun, ending]))
    assert splitter.pending == 0
    assert any(
        word in b"".join(frame.raw for frame in frames) for word in (b"max_tokens", b"MAX_TOKENS", b"max_output_tokens")
    )
    assert stage.ended
    assert stage.cut() == b""
    assert stage.usage is not None
    assert (stage.usage.input, stage.usage.output) == (7, 1)


def test_a_stream_that_has_ended_is_not_cut(stage: Stage) -> None:
    fed(stage, message_stream("one"))
    assert stage.cut() == b""

from __future__ import annotations

import json

from argo_relay.dialects.base import Incoming
from argo_relay.dialects.openai_chat.dialect import OPENAI_CHAT
from argo_relay.framing.sse import Splitter
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.reply import Usage


def test_a_heartbeat_is_whole_frames_that_say_nothing() -> None:
    splitter = Splitter()
    frames = splitter.feed(OPENAI_CHAT.heartbeat)
    assert [frame.data for frame in frames] == [None]
    assert splitter.pending == 0
    assert [OPENAI_CHAT.watch_stream().feed(frame) for frame in frames] == [(False, b"")]


def test_each_stream_has_its_own_watch() -> None:
    first, second = OPENAI_CHAT.watch_stream(), OPENAI_CHAT.watch_stream()
    (done,) = Splitter().feed(b"data: [DONE]\n\n")
    first.feed(done)
    assert (first.ended, second.ended) == (True, False)


def test_every_question_has_its_answer() -> None:
    asked = OPENAI_CHAT.outline(Incoming(body=b'{"model":"m","messages":[{"role":"user","content":"x"}]}'))
    assert (asked.model, asked.stream) == ("m", False)
    assert OPENAI_CHAT.read_reply(b'{"usage":{"prompt_tokens":1}}').usage == Usage(input=1, raw={"prompt_tokens": 1})
    failure = Failure(kind=FailureKind.RATE_LIMIT, status=429, message="No.", at_fault="upstream")
    text = OPENAI_CHAT.encode_error(failure)
    assert OPENAI_CHAT.decode_error(429, "Too Many Requests", text) == failure
    (frame,) = Splitter().feed(OPENAI_CHAT.watch_stream().fail(failure))
    assert frame.data is not None
    assert json.loads(frame.data) == json.loads(text)

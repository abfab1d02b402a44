from __future__ import annotations

from argo_relay.dialects.anthropic.dialect import ANTHROPIC
from argo_relay.dialects.base import Incoming, Target, encode_events
from argo_relay.framing.sse import Splitter
from argo_relay.neutral.events import Heartbeat
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.fold import unfold

BODY = b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'
REPLY = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hi"}],'
    b'"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":2}}'
)


def test_a_heartbeat_is_a_whole_ping() -> None:
    splitter = Splitter()
    (frame,) = splitter.feed(ANTHROPIC.heartbeat)
    assert (frame.event, frame.data, splitter.pending) == (b"ping", b'{"type": "ping"}', 0)
    assert ANTHROPIC.watch_stream().feed(frame) == (False, b"")
    assert ANTHROPIC.stream_decoder().feed(frame) == [Heartbeat()]


def test_every_question_has_its_answer() -> None:
    asked = ANTHROPIC.decode_request(ANTHROPIC.outline(Incoming(body=BODY)))
    body, losses = ANTHROPIC.encode_request(asked, Target(model="n"))
    assert body == {"model": "n", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    assert losses == []
    reply = ANTHROPIC.decode_reply(REPLY)
    assert ANTHROPIC.encode_reply(reply, asked) == (REPLY, [])
    assert ANTHROPIC.read_reply(REPLY).usage == reply.usage
    written = encode_events(ANTHROPIC.stream_encoder(asked), unfold(reply))
    decoder = ANTHROPIC.stream_decoder()
    events = [event for frame in ANTHROPIC.framing.splitter().feed(written) for event in decoder.feed(frame)]
    assert [type(event).__name__ for event in events][-1] == "Ended"
    failure = Failure(kind=FailureKind.RATE_LIMIT, status=429, message="No.", at_fault="upstream")
    assert ANTHROPIC.decode_error(429, "Too Many Requests", ANTHROPIC.encode_error(failure)) == failure
    assert ANTHROPIC.watch_stream().fail(failure).startswith(b"event: error\n")

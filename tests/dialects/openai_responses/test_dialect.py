from __future__ import annotations

from argo_relay.dialects.base import Incoming, encode_events
from argo_relay.dialects.openai_responses.dialect import OPENAI_RESPONSES
from argo_relay.framing import jsonx
from argo_relay.framing.sse import SSE
from argo_relay.neutral.events import Heartbeat


def test_the_record_speaks_responses() -> None:
    assert OPENAI_RESPONSES.name == "openai_responses"
    assert OPENAI_RESPONSES.framing is SSE
    assert OPENAI_RESPONSES.watch_stream().finish() is None


def test_a_relayed_stream_is_kept_alive_by_a_comment_until_it_has_begun() -> None:
    (comment,) = SSE.splitter().feed(OPENAI_RESPONSES.heartbeat)
    assert comment.data is None
    (event,) = SSE.splitter().feed(OPENAI_RESPONSES.heartbeat_later or b"")
    assert jsonx.decode(event.data or b"") == {"type": "keepalive"}
    assert OPENAI_RESPONSES.watch_stream().feed(event) == (False, b"")


def test_a_translated_stream_is_kept_alive_by_its_own_events() -> None:
    request = OPENAI_RESPONSES.decode_request(OPENAI_RESPONSES.outline(Incoming(body=b'{"model":"m","input":"a"}')))
    wire = encode_events(OPENAI_RESPONSES.stream_encoder(request), [Heartbeat(), Heartbeat()])
    assert [frame.event for frame in SSE.splitter().feed(wire)] == [
        b"response.created",
        b"response.in_progress",
        b"response.in_progress",
    ]

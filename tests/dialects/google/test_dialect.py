from __future__ import annotations

from argo_relay.dialects.base import Incoming, encode_events
from argo_relay.dialects.google.dialect import GOOGLE
from argo_relay.framing.sse import SSE
from argo_relay.neutral.events import Heartbeat


def test_the_record_speaks_gemini() -> None:
    assert GOOGLE.name == "google"
    assert GOOGLE.framing is SSE
    assert GOOGLE.watch_stream().finish() is None


def test_a_sign_of_life_is_a_blank_line_whatever_has_gone_out() -> None:
    body = b'{"contents":[{"parts":[{"text":"a"}]}]}'
    request = GOOGLE.decode_request(GOOGLE.outline(Incoming(body=body, model="m", stream=True)))
    assert encode_events(GOOGLE.stream_encoder(request), [Heartbeat()]) == GOOGLE.heartbeat == b"\n\n"
    assert GOOGLE.heartbeat_later is None

from __future__ import annotations

import msgspec
import pytest

from argo_relay.dialects.base import Dialect, Incoming, encode_events
from argo_relay.dialects.openai_chat.dialect import OPENAI_CHAT
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import Refused
from argo_relay.neutral.content import Text
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.fold import unfold
from argo_relay.neutral.reply import Reply, Stop
from argo_relay.neutral.request import Request

EACH = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


def test_a_dialect_is_found_by_its_name() -> None:
    assert DIALECTS["openai_chat"] is OPENAI_CHAT
    assert all(dialect.name == name for name, dialect in DIALECTS.items())


@EACH
def test_every_dialect_refuses_what_is_no_request(dialect: Dialect) -> None:
    for body in (b"", b"hello", b"[]", b"{}"):
        with pytest.raises(Refused):
            dialect.outline(Incoming(body=body))


@EACH
def test_no_dialect_takes_silence_for_a_good_end(dialect: Dialect) -> None:
    assert dialect.watch_stream().finish() is None


@EACH
def test_every_dialect_ends_a_stream_with_whole_frames(dialect: Dialect) -> None:
    failure = Failure(kind=FailureKind.TIMEOUT, status=504, message="Too late.")
    splitter = dialect.framing.splitter()
    frames = splitter.feed(dialect.watch_stream().fail(failure))
    assert splitter.pending == 0
    watch = dialect.watch_stream()
    assert any(watch.feed(frame)[0] for frame in frames)
    assert watch.failure is not None


@pytest.mark.parametrize(("dialect", "field"), [("openai_chat", b'"created":'), ("openai_responses", b'"created_at":')])
def test_a_reply_without_a_time_is_given_that_of_its_request(dialect: str, field: bytes) -> None:
    client = DIALECTS[dialect]
    request = Request(dialect=dialect, model="m", messages=(), received=1234)
    reply = Reply(id="r", model="m", parts=(Text(text="a"),), stop=Stop(reason="end"))
    assert field + b"1234" in client.encode_reply(reply, request)[0]
    assert field + b"1234" in encode_events(client.stream_encoder(request), unfold(reply))
    timed = msgspec.structs.replace(reply, created=99)
    assert field + b"99" in client.encode_reply(timed, request)[0]
    assert field + b"1234" not in encode_events(client.stream_encoder(request), unfold(timed))

from __future__ import annotations

import pytest

from argo_relay.dialects.base import Dialect, Incoming
from argo_relay.dialects.openai_chat.dialect import OPENAI_CHAT
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import Refused
from argo_relay.neutral.failure import Failure, FailureKind

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
    assert watch.failed

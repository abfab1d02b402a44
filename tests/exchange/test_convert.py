"""Replies that a function turns into the client's; a stream has no place here."""

from __future__ import annotations

import pytest

from argo_relay.errors import BadJson, ConnectionBroken
from argo_relay.exchange.convert import ConvertStage
from argo_relay.framing.base import Frame
from argo_relay.neutral.failure import bad_request


def test_a_whole_reply_is_turned_into_another() -> None:
    stage = ConvertStage(bytes.upper)
    assert stage.events == 0
    assert stage.whole(b"abc") == b"ABC"
    assert (stage.events, stage.usage, stage.losses, stage.failure) == (1, None, [], None)


def test_what_the_function_refuses_is_no_reply() -> None:
    def refuse(_: bytes) -> bytes:
        raise BadJson("it holds no count")

    stage = ConvertStage(refuse)
    with pytest.raises(BadJson, match="no count"):
        stage.whole(b"{}")


@pytest.mark.parametrize("frames", [[], [Frame(b"data: {}\n\n", b"{}")]])
def test_a_stream_is_refused(frames: list[Frame]) -> None:
    stage = ConvertStage(bytes.upper)
    with pytest.raises(ConnectionBroken):
        stage.feed(frames)
    with pytest.raises(ConnectionBroken):
        stage.finish(frames)
    assert (stage.ended, stage.failed) == (False, False)


def test_there_is_nothing_to_keep_alive_or_to_end() -> None:
    stage = ConvertStage(bytes.upper)
    assert stage.heartbeat() == stage.fail(bad_request("No.", None)) == b""

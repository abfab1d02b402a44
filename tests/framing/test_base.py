from __future__ import annotations

import msgspec
import pytest

from argo_relay.framing import jsonarray, sse
from argo_relay.framing.base import Frame, Framing
from argo_relay.framing.jsonarray import JSON_ARRAY
from argo_relay.framing.sse import SSE

EACH = pytest.mark.parametrize("framing", [SSE, JSON_ARRAY], ids=lambda framing: framing.name)
WIRE = {
    "sse": (b"data: {}\n\n", b'data: {"a":'),
    "json_array": (b"[{}", b',{"a":'),
}


def test_a_frame_is_bytes_and_data_and_has_no_name_unless_it_is_given_one() -> None:
    comment = Frame(b": hello\n\n", None)
    assert (comment.raw, comment.data, comment.event) == (b": hello\n\n", None, None)
    assert Frame(b"event: a\ndata: b\n\n", b"b", b"a").event == b"a"


@EACH
def test_a_framing_stays_as_it_was_made(framing: Framing) -> None:
    with pytest.raises(AttributeError, match="immutable"):
        framing.name = "other"  # type: ignore[misc]


@EACH
def test_each_stream_has_a_splitter_of_its_own(framing: Framing) -> None:
    first, second = framing.splitter(), framing.splitter()
    _, unfinished = WIRE[framing.name]
    first.feed(unfinished)
    assert first.pending == len(unfinished)
    assert second.pending == 0
    assert second.finish() == []


@EACH
def test_a_splitter_holds_what_is_not_finished_until_it_is_told_to_let_go(framing: Framing) -> None:
    whole, unfinished = WIRE[framing.name]
    splitter = framing.splitter()
    (frame,) = splitter.feed(whole + unfinished)
    assert (frame.raw, frame.data, splitter.pending) == (whole, b"{}", len(unfinished))
    (last,) = splitter.finish()
    assert (last.raw, last.data, splitter.pending) == (unfinished, b'{"a":', 0)
    assert splitter.finish() == []


def test_framings_have_names_of_their_own() -> None:
    framings = [value for module in (sse, jsonarray) for value in vars(module).values() if isinstance(value, Framing)]
    assert len({framing.name for framing in framings}) == len(framings) == len(WIRE)
    assert all(msgspec.structs.asdict(framing)["media_type"] for framing in framings)

"""Law 2: any cutting of the bytes gives the same frames, and joined they are what came."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from argo_relay.framing import sse
from argo_relay.framing.base import Frame
from argo_relay.framing.sse import Splitter

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
LINES = [
    b"data: x",
    b"data:x",
    b"data:  two spaces",
    b"data:",
    b"data: ",
    b"data",
    b'data: {"a": "b:c"}',
    b"data: \x00",
    b"data: \xff\xfe",
    b"data: " + b"long " * 50,
    b": comment",
    b":",
    b"event: ping",
    b"event:",
    b"event",
    b"id: 1\x00",
    b"retry: 3",
    b"database: x",
    b" data: x",
    b"DATA: x",
    b"",
    b"",
    b"",
]
LINE_ENDS = [b"\n", b"\r\n", b"\r"]


def texts() -> st.SearchStrategy[bytes]:
    line = st.sampled_from(LINES) | st.binary(max_size=12)
    data = st.sampled_from([one for one in LINES if one.startswith(b"data")])
    end = st.sampled_from(LINE_ENDS)

    def frames(ends: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
        lines = st.lists(st.tuples(data | line, ends).map(b"".join), min_size=1, max_size=3).map(b"".join)
        return st.lists(st.tuples(lines, ends).map(b"".join), max_size=4).map(b"".join)

    whole = frames(st.just(b"\n")) | frames(st.just(b"\r\n")) | frames(st.just(b"\r")) | frames(end)
    unfinished = st.tuples(whole, line).map(b"".join)
    noise = st.lists(st.sampled_from([b"data", b":", b" ", b"x", b"\r", b"\n"]), max_size=40).map(b"".join)
    return whole | unfinished | noise


def cuts(text: bytes, places: Iterable[int]) -> list[bytes]:
    marks = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(marks)]


def split(pieces: Iterable[bytes]) -> list[Frame]:
    splitter = Splitter()
    frames = [frame for piece in pieces for frame in splitter.feed(piece)]
    return frames + splitter.finish()


def events(text: bytes) -> list[bytes]:
    """Return the data of a stream's events, read line by line as the standard tells it.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation, but for what is
    the relay's: bytes stay bytes, no byte order mark is expected, and a last event without its blank line counts.
    """
    found: list[bytes] = []
    buffer = b""
    lines = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    for line in [*lines, b""]:
        if not line:
            if buffer:
                found.append(buffer[:-1])
            buffer = b""
        elif line == b"data":
            buffer += b"\n"
        elif line.startswith(b"data:"):
            value = line[5:]
            buffer += (value[1:] if value[:1] == b" " else value) + b"\n"
    return found


@UNTIMED
@given(texts(), st.lists(st.integers(0, 10_000), max_size=30))
@example(b"data: a\r\n\r\ndata: b\r\n\r\n", [8, 9, 10])
@example(b"data: a\r\rdata: b\r\r", [8, 9])
def test_any_cutting_gives_the_same_frames(text: bytes, places: list[int]) -> None:
    assert split(cuts(text, places)) == split([text])


@UNTIMED
@given(texts())
def test_single_bytes_give_the_same_frames(text: bytes) -> None:
    assert split([text[at : at + 1] for at in range(len(text))]) == split([text])


@UNTIMED
@given(texts(), st.lists(st.integers(0, 10_000), max_size=30))
def test_frames_joined_are_the_bytes_that_came(text: bytes, places: list[int]) -> None:
    assert b"".join(frame.raw for frame in split(cuts(text, places))) == text


@UNTIMED
@given(texts())
def test_data_is_what_the_standard_says(text: bytes) -> None:
    assert [frame.data for frame in split([text]) if frame.data is not None] == events(text)


@UNTIMED
@given(texts())
def test_an_events_name_is_what_its_last_event_line_says(text: bytes) -> None:
    for frame in split([text]):
        lines = frame.raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        names = [line[6:].removeprefix(b" ") for line in lines if line == b"event" or line.startswith(b"event:")]
        assert frame.event == (names[-1] if names else None)


@UNTIMED
@given(texts())
def test_a_frame_holds_one_event_at_most(text: bytes) -> None:
    for frame in split([text]):
        assert events(frame.raw) == ([] if frame.data is None else [frame.data])


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize(
    ("lines", "data", "event"),
    [
        ([b"data: x"], b"x", None),
        ([b"data:x"], b"x", None),
        ([b"data:  x "], b" x ", None),
        ([b"data:\tx"], b"\tx", None),
        ([b"data:"], b"", None),
        ([b"data: "], b"", None),
        ([b"data"], b"", None),
        ([b"data: a", b"data: b"], b"a\nb", None),
        ([b"data: a", b"id: 1\x00"], b"a", None),
        ([b"data: a", b": comment", b"data", b"data:b"], b"a\n\nb", None),
        ([b"event: ping", b"data: {}"], b"{}", b"ping"),
        ([b"data: a:b: c"], b"a:b: c", None),
        ([b": comment"], None, None),
        ([b"event: ping"], None, b"ping"),
        ([b"database: x", b" data: x", b"Data: x"], None, None),
        ([b""], None, None),
        ([b"event:ping", b"data:{}"], b"{}", b"ping"),
        ([b"event:  two ", b"data: {}"], b"{}", b" two "),
        ([b"event:", b"data: {}"], b"{}", b""),
        ([b"event", b"data: {}"], b"{}", b""),
        ([b"data: {}", b"event: ping"], b"{}", b"ping"),
        ([b"event: a", b"data: {}", b"event: b"], b"{}", b"b"),
        ([b"event: ping", b": comment", b"id: 1", b"data: a", b"data: b"], b"a\nb", b"ping"),
        ([b"event: ping", b"id: 1"], None, b"ping"),
        ([b"eventual: ping", b"data: {}"], b"{}", None),
        ([b" event: ping", b"Event: ping", b"data: {}"], b"{}", None),
    ],
)
def test_what_a_frames_data_and_name_are(
    lines: list[bytes], data: bytes | None, event: bytes | None, end: bytes
) -> None:
    raw = b"".join(line + end for line in lines) + end
    # One byte more shows that a lone CR is not half of a CRLF.
    assert Splitter().feed(raw + b"d") == [Frame(raw, data, event)]


@pytest.mark.parametrize("end", LINE_ENDS)
def test_every_single_cut_of_every_kind_of_frame(end: bytes) -> None:
    lines = [
        b"data: one",
        b"",
        b": comment",
        b"",
        b"event: e",
        b"data: two",
        b"data:",
        b"data: three",
        b"",
        b"data",
        b"",
    ]
    text = b"".join(line + end for line in lines)
    whole = split([text])
    assert [frame.data for frame in whole] == [b"one", None, b"two\n\nthree", b""]
    for at in range(len(text) + 1):
        assert split([text[:at], text[at:]]) == whole


def test_a_frame_is_given_back_as_soon_as_its_blank_line_is_there() -> None:
    splitter = Splitter()
    assert splitter.feed(b"data: a\n") == []
    assert splitter.feed(b"\ndata: b\r\n\r") == [Frame(b"data: a\n\n", b"a")]
    assert splitter.feed(b"\n") == [Frame(b"data: b\r\n\r\n", b"b")]
    # After a lone CR, LF may follow and belong to it.
    assert splitter.feed(b"data: c\r\r") == []
    assert splitter.feed(b"d") == [Frame(b"data: c\r\r", b"c")]


def test_a_last_frame_without_its_blank_line_comes_out_at_the_end() -> None:
    splitter = Splitter()
    assert splitter.feed(b"data: a\n\ndata: b") == [Frame(b"data: a\n\n", b"a")]
    assert splitter.finish() == [Frame(b"data: b", b"b")]
    assert splitter.finish() == []
    assert splitter.pending == 0


def test_after_its_end_a_splitter_begins_anew() -> None:
    splitter = Splitter()
    splitter.feed(b"data: a\n")
    splitter.finish()
    assert splitter.feed(b"\ndata: b\n\n") == [Frame(b"\ndata: b\n\n", b"b")]


@UNTIMED
@given(texts(), st.lists(st.integers(0, 10_000), max_size=30))
def test_pending_is_what_has_come_and_not_gone(text: bytes, places: list[int]) -> None:
    splitter = Splitter()
    held = 0
    for piece in cuts(text, places):
        held += len(piece)
        held -= sum(len(frame.raw) for frame in splitter.feed(piece))
        assert splitter.pending == held


def test_a_huge_frame() -> None:
    text = b"data: a\n\ndata: " + b"x" * 3_000_000 + b"\n\ndata: b\n\n"
    pieces = [text[at : at + 65_536] for at in range(0, len(text), 65_536)]
    frames = split(pieces)
    assert [frame.data for frame in frames] == [b"a", b"x" * 3_000_000, b"b"]
    assert b"".join(frame.raw for frame in frames) == text


class Counted(bytes):
    """Bytes that know how many bytes were copied to put them behind others."""

    copied: ClassVar[int] = 0

    def __radd__(self, other: bytes) -> bytes:
        Counted.copied += len(other) + len(self)
        return bytes(other) + bytes(self)


def test_work_on_an_unfinished_frame_does_not_grow_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    last_end = sse._last_end

    def counting(text: bytes) -> tuple[int, list[int] | None]:
        searched.append(len(text))
        return last_end(text)

    monkeypatch.setattr(sse, "_last_end", counting)
    monkeypatch.setattr(Counted, "copied", 0)
    splitter = Splitter()
    size, pieces = 1_000, 2_000
    for _ in range(pieces):
        assert splitter.feed(Counted(b"x" * size)) == []
    assert splitter.pending == size * pieces
    assert size * pieces <= sum(searched) <= (size + 4) * pieces
    assert Counted.copied <= (size + 4) * pieces


@UNTIMED
@given(texts(), st.lists(st.integers(0, 10_000), max_size=8))
@example(b"data: x\n\n\n\n\ndata: y\n\n\n", [])
@example(b"data: x\r\rdata: y\r\n\r\r\n\n", [9])
def test_a_block_is_its_frames(text: bytes, places: list[int]) -> None:
    splitter, plain = Splitter(), Splitter()
    for piece in cuts(text, places):
        block = splitter.block(piece)
        frames = plain.feed(piece)
        assert block == b"".join(frame.raw for frame in frames)
        if len(piece) % 3:
            # Whoever has no use for a block's frames does not ask for them.
            assert splitter.frames() == frames
            assert splitter.frames() == []
        assert splitter.pending == plain.pending
    assert splitter.finish() == plain.finish()


@UNTIMED
@given(texts())
def test_closing_lets_the_next_frame_begin(text: bytes) -> None:
    for frame in split([text]):
        closed = frame.raw + sse.closing(frame.raw)
        assert events(closed + b"data: next\n\n") == [*events(frame.raw), b"next"]


@pytest.mark.parametrize("end", LINE_ENDS)
def test_only_a_frame_without_its_blank_line_needs_closing(end: bytes) -> None:
    whole = b"data: x" + end + end
    (frame,) = Splitter().feed(whole + b"d")
    assert frame.raw == whole
    assert sse.closing(b"data: x" + end) == sse.closing(b"data: x") == b"\n\n"
    if end != b"\r":
        assert sse.closing(whole) == b""


LINE = st.binary().filter(lambda data: not set(data) & set(b"\r\n"))


@UNTIMED
@given(LINE, LINE)
def test_what_is_written_is_read_back(data: bytes, event: bytes) -> None:
    assert split([sse.write(data, event)]) == [Frame(sse.write(data, event), data, event or None)]


def test_a_frame_has_a_name_only_where_one_is_given() -> None:
    assert sse.write(b"{}") == b"data: {}\n\n"
    assert sse.write(b"{}", b"ping") == b"event: ping\ndata: {}\n\n"


def test_the_framing_is_an_event_stream() -> None:
    assert (sse.SSE.name, sse.SSE.media_type) == ("sse", "text/event-stream")
    assert sse.SSE.splitter().feed(b"data: x\n\n") == [Frame(b"data: x\n\n", b"x")]

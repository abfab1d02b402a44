from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from argo_relay.framing import jsonx
from argo_relay.framing.base import Frame
from argo_relay.framing.jsonarray import JSON_ARRAY, Splitter, last_element


def split(*chunks: bytes) -> list[Frame]:
    splitter = Splitter()
    frames = [frame for chunk in chunks for frame in splitter.feed(chunk)]
    return frames + splitter.finish()


@pytest.mark.parametrize(
    ("wire", "data"),
    [
        (b'[{"a":1},\r\n{"b":2}]', [b'{"a":1}', b'{"b":2}', None]),
        (b' \n[ {"a":1}\n,\n{"b":{"c":[]}} ] \n', [b'{"a":1}', b'{"b":{"c":[]}}', None, None]),
        (b"[]", [None]),
        (b"", []),
        (b" \n", [None]),
        (b'[{"a":"}]{["},{"b":"\\"}\\\\"}]', [b'{"a":"}]{["}', b'{"b":"\\"}\\\\"}', None]),
        (b'["{", 1, {"a":1}]', [b'{"a":1}', None]),
        (b"[[1,[2]],{}]", [b"[1,[2]]", b"{}", None]),
        (b'{"error":{"code":400}}', [b'{"error":{"code":400}}']),
        (b' {"a":1} {"b":2}\n', [b'{"a":1} {"b":2}']),
        (b"<html>[{}]</html>", [b"<html>[{}]</html>"]),
        (b'[{"a":1},{"b":', [b'{"a":1}', b'{"b":']),
        (b'[{"a":1}', [b'{"a":1}']),
        (b'[{"a":1},', [b'{"a":1}', None]),
        (b'[{"a":1}]{"b":2}', [b'{"a":1}', None, None]),
        (b"[}{]", [None, None]),
    ],
)
def test_elements_are_frames(wire: bytes, data: list[bytes | None]) -> None:
    frames = split(wire)
    assert [frame.data for frame in frames] == data
    assert b"".join(frame.raw for frame in frames) == wire
    assert split(*(wire[at : at + 1] for at in range(len(wire)))) == frames


def test_a_frame_is_given_as_soon_as_its_brace_has_come() -> None:
    splitter = Splitter()
    assert splitter.feed(b'[{"a":"}') == []
    assert splitter.pending == 8
    assert splitter.feed(b'"}') == [Frame(b'[{"a":"}"}', b'{"a":"}"}')]
    assert splitter.pending == 0
    assert splitter.feed(b",\r\n") == []
    assert splitter.pending == 3
    assert splitter.feed(b"{}") == [Frame(b",\r\n{}", b"{}")]
    assert splitter.feed(b"]") == [Frame(b"]", None)]
    assert splitter.finish() == []


json = st.recursive(
    st.none() | st.integers() | st.text(st.sampled_from('ab"\\{}[],é\n'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\{', max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(max_size=2), json, max_size=3), max_size=4), st.data())
def test_any_cutting_gives_every_element(values: list[Any], data: st.DataObject) -> None:
    wire = b"[" + b",\r\n".join(jsonx.encode(value) for value in values) + b"]"
    places = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    frames = split(*(wire[start:end] for start, end in zip([0, *places], [*places, len(wire)], strict=True)))
    assert [jsonx.decode(frame.data) for frame in frames if frame.data is not None] == values
    assert b"".join(frame.raw for frame in frames) == wire
    assert frames == split(wire)


@given(st.binary(max_size=40) | st.text('[]{}"\\,a \n', max_size=30).map(str.encode), st.integers(1, 5))
@example(b'["\\', 1)
def test_whatever_comes_no_byte_is_lost(wire: bytes, size: int) -> None:
    frames = split(*(wire[at : at + size] for at in range(0, len(wire), size)))
    assert b"".join(frame.raw for frame in frames) == wire
    assert frames == split(wire)


def test_an_element_can_end_an_array() -> None:
    assert last_element(b"{}", begun=False) == b"[{}]"
    assert last_element(b"{}", begun=True) == b",\r\n{}]"


def test_the_framing_is_json() -> None:
    assert (JSON_ARRAY.name, JSON_ARRAY.media_type) == ("json_array", "application/json")
    assert JSON_ARRAY.splitter().feed(b"[{}") == [Frame(b"[{}", b"{}")]

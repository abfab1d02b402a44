from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from argo_relay.simulator.wire import encode, event, named_event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=JSON)
def test_what_is_encoded_reads_back(value: Any) -> None:
    assert json.loads(encode(value)) == value


def test_text_is_written_as_it_is_and_compact() -> None:
    assert encode({"a": ["é", 1], "b": None}) == '{"a":["é",1],"b":null}'.encode()


def test_half_a_surrogate_pair_stays_an_escape() -> None:
    assert encode({"model": "\ud800é"}) == b'{"model":"\\ud800' + "é".encode() + b'"}'


def test_integers_of_any_size() -> None:
    assert encode([2**70]) == b"[1180591620717411303424]"


def test_an_event() -> None:
    assert event({"a": 1}) == b'data: {"a":1}\n\n'


def test_an_event_may_bear_a_name() -> None:
    assert named_event("ping", {"type": "ping"}) == b'event: ping\ndata: {"type":"ping"}\n\n'

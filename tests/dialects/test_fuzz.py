"""Valid documents of every dialect with any of their values replaced: what comes of them keeps every promise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.framing import jsonx, sse
from support.fuzzing import TARGETS, seeds
from support.mutations import nodes, replaced
from support.replies import JSON

CHANGES = st.lists(st.tuples(st.integers(0, 2**16), JSON), min_size=1, max_size=3)
WHOLE = [name for name in TARGETS if name.startswith(("reads_request", "reads_reply", "reads_error"))]
STREAMS = [name for name in TARGETS if name.startswith(("reads_stream", "watches_stream"))]


def changed(value: Any, changes: list[tuple[int, Any]]) -> Any:
    for at, new in changes:
        value = replaced(value, at, new)
    return value


@pytest.mark.parametrize("target", WHOLE)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_value_of_a_document_may_be_another(target: str, data: st.DataObject) -> None:
    document = jsonx.decode_loosely(data.draw(st.sampled_from(seeds(target))))
    TARGETS[target](jsonx.encode(changed(document, data.draw(CHANGES))))


@pytest.mark.parametrize("target", STREAMS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_value_of_a_stream_may_be_another(target: str, data: st.DataObject) -> None:
    splitter = sse.Splitter()
    wire = data.draw(st.sampled_from(seeds(target)))
    frames = [*splitter.feed(wire), *splitter.finish()]
    with_json = [at for at, frame in enumerate(frames) if (frame.data or b"").startswith(b"{")]
    at = data.draw(st.sampled_from(with_json))
    document = changed(jsonx.decode_loosely(frames[at].data or b""), data.draw(CHANGES))
    new = sse.write(jsonx.encode(document), frames[at].event or b"")
    TARGETS[target](b"".join(new if place == at else frame.raw for place, frame in enumerate(frames)))


def test_a_node_is_replaced_and_the_rest_stays() -> None:
    document = {"a": [1, {"b": 2}], "c": 3}
    assert list(nodes(document)) == [document, [1, {"b": 2}], 1, {"b": 2}, 2, 3]
    made = [replaced(document, at, "x") for at in range(6)]
    assert made == [
        "x",
        {"a": "x", "c": 3},
        {"a": ["x", {"b": 2}], "c": 3},
        {"a": [1, "x"], "c": 3},
        {"a": [1, {"b": "x"}], "c": 3},
        {"a": [1, {"b": 2}], "c": "x"},
    ]
    assert replaced(document, 6, "x") == "x"

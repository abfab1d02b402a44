from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.anthropic.outline import outline
from argo_relay.dialects.base import Incoming
from argo_relay.errors import Refused

PLAIN: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def read(body: object) -> Any:
    return outline(Incoming(body=json.dumps(body).encode()))


def test_what_the_relay_must_know_is_read() -> None:
    plain = read(PLAIN)
    assert (plain.model, plain.stream, plain.timeout) == ("m", False, None)
    full = read({**PLAIN, "stream": True, "timeout": 3})
    assert (full.stream, full.timeout) == (True, 3)
    assert full.body.values["messages"] == PLAIN["messages"]


def test_what_no_reference_knows_is_let_through() -> None:
    assert read({**PLAIN, "safeguards": [{"type": "x"}], "thinking": {"type": "new"}, "temperature": None})


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": {}}]}, "messages[0].content"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"stream": 1}, "stream"),
        ({"system": {}}, "system"),
        ({"tools": {}}, "tools"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"thinking": True}, "thinking"),
        ({"metadata": []}, "metadata"),
        ({"output_config": []}, "output_config"),
        ({"temperature": "1"}, "temperature"),
    ],
)
def test_what_cannot_be_a_request_is_refused_by_name(change: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as caught:
        read({**PLAIN, **change})
    failure = caught.value.failure
    assert (failure.status, failure.param, failure.at_fault) == (400, param, "client")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"model": "x", ', b'{"model":"a","model":"b"}', b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        outline(Incoming(body=body))
    assert caught.value.failure.code == "invalid_json"


@given(st.dictionaries(st.sampled_from([*PLAIN, "system", "tools", "stream"]), JSON))
def test_any_object_is_read_or_refused(change: dict[str, Any]) -> None:
    try:
        read({**PLAIN, **change})
    except Refused as refused:
        assert refused.failure.status == 400  # noqa: PT017

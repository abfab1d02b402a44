from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Incoming
from argo_relay.dialects.bodies import NUMBER, Types, blocks, read_body, require, wrong_type
from argo_relay.errors import Refused

TYPES: Types = {"count": ((int,), "a whole number"), "share": (NUMBER, "a number"), "on": ((bool,), "true or false")}


@pytest.mark.parametrize("body", [b"{}", b'{"count":1,"share":0.5,"on":true}', b'{"count":null,"other":[]}'])
def test_a_body_is_read(body: bytes) -> None:
    assert read_body(Incoming(body=body), TYPES).text == body


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        (b"", None, "invalid_json"),
        (b"[]", None, "invalid_json"),
        (b'{"count":1.5}', "count", "invalid_type"),
        (b'{"count":true}', "count", "invalid_type"),
        (b'{"share":"1"}', "share", "invalid_type"),
        (b'{"on":1}', "on", "invalid_type"),
    ],
)
def test_what_is_no_body_is_refused_by_name(body: bytes, param: str | None, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read_body(Incoming(body=body), TYPES)
    assert (refused.value.failure.status, refused.value.failure.param, refused.value.failure.code) == (400, param, code)


@pytest.mark.parametrize("value", [None, "", [], 0])
def test_what_is_required_must_say_something(value: Any) -> None:
    require({"a": 1, "b": "x"}, "a", "b")
    with pytest.raises(Refused, match="`b` is required"):
        require({"a": 1, "b": value}, "a", "b")


def test_the_objects_of_a_list_are_found_and_none_elsewhere() -> None:
    assert blocks([{"a": 1}, 2, [{}], {}]) == [{"a": 1}, {}]
    nothing: tuple[object, ...] = (None, {"a": {}}, "text", ({},))
    for value in nothing:
        assert blocks(value) == []


def test_a_wrong_type_says_what_is_wanted() -> None:
    assert wrong_type("a.b", "an object").failure.message == "`a.b` must be an object."

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.dialects.table import DIALECTS
from argo_relay.dialects.urls import file_name, is_link, objects_in
from support.links import found, inlined


@pytest.mark.parametrize("value", ["http://a/b", "HTTPS://a", "ftp://a/b", "file:///etc/passwd", "s3://a/b"])
def test_what_lies_elsewhere_is_a_link(value: str) -> None:
    assert is_link(value)


@pytest.mark.parametrize(
    "value",
    ["data:image/png;base64,aGk=", "gs://a/b", "GS://a/b", "file-123", "files/abc", "aGk=", "", "http:a", None, 5, []],
)
def test_data_and_what_vendors_hold_is_none(value: Any) -> None:
    assert not is_link(value)


def test_objects_are_found_with_their_paths() -> None:
    assert list(objects_in([{"a": 1}, "x", None, {}], ("m",))) == [(("m", 0), {"a": 1}), (("m", 3), {})]
    for other in ("x", None, {"a": 1}, 5):
        assert list(objects_in(other, ())) == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a/b/report.pdf?x=y", "report.pdf"),
        ("https://a/b/My%20Report.PDF", "My Report.PDF"),
        ("https://a/b", "document.pdf"),
        ("https://a", "document.pdf"),
        ("https://a/.pdf", "document.pdf"),
        ("https://a/x%2Fy.pdf", "y.pdf"),
        ("https://a/x%0Ay.pdf", "document.pdf"),
        ("https://a/" + "x" * 200 + ".pdf", "document.pdf"),
        ("http://[::1", "document.pdf"),
    ],
)
def test_a_file_has_the_name_that_it_has_there(url: str, name: str) -> None:
    assert file_name(url) == name


URL = "https://example.org/a"
MEMBERS = ("source", "url", "file", "file_data", "image_url", "document_url", "file_url", "fileData", "fileUri")
WORDS = ("image", "document", "url", "content", "tool_result", "image_url", "file", "input_image", "input_file")
_leaves = st.sampled_from([URL, None, 1])
_inner = st.dictionaries(st.sampled_from([*MEMBERS, "content"]), _leaves | st.lists(_leaves, max_size=2), max_size=4)
_types: st.SearchStrategy[Any] = st.sampled_from([*WORDS, None, ["image"], {}])
_typed = st.builds(lambda one, kind: one | {"type": kind}, _inner, _types)
_parts = st.builds(
    lambda kind, members, within: members | {"type": kind} | ({"content": [within]} if within else {}),
    _types,
    st.dictionaries(st.sampled_from(MEMBERS), _leaves | _typed),
    st.none() | _inner,
)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(part=_parts)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_part_holds_its_urls_can_become_data(dialect: str, part: dict[str, Any]) -> None:
    values = {
        "messages": [{"content": [part]}],
        "input": [part, {"content": [part], "output": [part]}, {"output": part}],
        "contents": [{"parts": [part, {"functionResponse": {"parts": [part]}}]}],
    }
    assert all(link.url == URL for link in found(dialect, values))
    assert not found(dialect, inlined(dialect, values))

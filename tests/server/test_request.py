"""What a request line and headers say."""

from __future__ import annotations

import httptools
import pytest

from argo_relay.server import request as module
from argo_relay.server.request import Target, headers_of, target_of


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (b"/v1/models", Target("/v1/models", b"/v1/models", b"")),
        (b"/a%20b%2F?q=%20&r", Target("/a b/", b"/a%20b%2F", b"q=%20&r")),
        (b"/%FF?", Target("/\ufffd", b"/%FF", b"")),
        (b"http://host:1/a?b", Target("/a", b"/a", b"b")),
        (b"http://host", Target("/", b"/", b"")),
        (b"*", Target("*", b"*", b"")),
        (b"/a#b", Target("/a", b"/a", b"")),
    ],
)
def test_what_is_asked_for(url: bytes, target: Target) -> None:
    for _ in range(2):
        assert target_of(url) == target


@pytest.mark.parametrize("url", [b"", b"a:1", b"http://[", b"a b"])
def test_what_asks_for_nothing(url: bytes) -> None:
    for _ in range(2):
        with pytest.raises(httptools.HttpParserError):
            target_of(url)


def test_what_may_hold_a_key_is_not_remembered() -> None:
    module._known_target.cache_clear()
    target_of(b"/a?key=secret")
    target_of(b"/" + b"a" * 1000)
    assert module._known_target.cache_info().currsize == 0
    target_of(b"/a")
    assert module._known_target.cache_info().currsize == 1


def test_names_are_in_lower_case_and_of_repeated_ones_the_last_counts() -> None:
    headers = headers_of([(b"X-One", b"1"), (b"x-two", b"a"), (b"x-one", b"\xe9")], b"")
    assert headers == {"x-one": "é", "x-two": "a"}


def test_googles_key_in_the_query_counts_as_its_header() -> None:
    assert headers_of([], b"alt=sse&key=a%2Bb") == {"x-goog-api-key": "a+b"}
    assert headers_of([(b"X-Goog-Api-Key", b"theirs")], b"key=abc") == {"x-goog-api-key": "theirs"}
    assert headers_of([], b"monkey=1") == {}

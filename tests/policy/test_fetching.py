"""Which URLs are asked for, and what may come of it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.policy.addresses import Fence, fence_of
from argo_relay.policy.fetching import FetchRules, Kind
from support.said import DOT

STARTS = {
    "image/png": base64.b64decode(DOT),
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "image/gif": b"GIF89a\x01\x00\x01\x00",
    "image/webp": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
}


def rules(*kinds: Kind) -> FetchRules:
    return FetchRules(size=99, kinds=frozenset(kinds or ("image", "document")), fence=Fence())


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "https://example.org/a.png",
        "HTTPS://EXAMPLE.org:8443/a%20b?c=d&e=%2F#f",
        "http://[2001:db8::1]:80/x",
        "http://1.2.3.4/",
        "https://bücher.example/ü.png",
        "https://example.org/a@b",
    ],
)
def test_plain_urls_have_no_fault(url: str) -> None:
    assert rules().fault_of(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "only http"),
        ("ftp://example.org/a.png", "only http"),
        ("gopher://example.org/", "only http"),
        ("//example.org/a.png", "only http"),
        ("/a.png", "only http"),
        ("", "only http"),
        ("http://user@example.org/", "user name"),
        ("http://user:pw@example.org/", "user name"),
        ("http://@example.org/", "user name"),
        ("http://1.1.1.1@127.0.0.1/", "user name"),
        ("http://1.1.1.1\\@127.0.0.1/", "character"),
        ("http://example.org/\r\nx: y", "character"),
        ("http://exa\tmple.org/", "character"),
        ("http://exa mple.org/", "character"),
        (" http://example.org/", "character"),
        ("http://example.org/\x00", "character"),
        ("http:///a.png", "not a valid one"),
        ("http://:80/", "not a valid one"),
        ("http://[::1/", "not a valid one"),
        ("http://example.org:0/", "not a valid one"),
        ("http://example.org:65536/", "not a valid one"),
        ("http://example.org:80a/", "not a valid one"),
        ("http://example.org/" + "a" * 9000, "longer than 8192"),
    ],
)
def test_what_is_wrong_with_a_url_is_told(url: str, why: str) -> None:
    assert why in (rules().fault_of(url) or "")


@given(st.text())
def test_any_text_is_judged(url: str) -> None:
    fault = rules().fault_of(url)
    assert fault is not None or url.lower().startswith(("http://", "https://"))


@pytest.mark.parametrize("media_type", STARTS)
def test_the_first_bytes_tell_what_it_is(media_type: str) -> None:
    own: Kind = "document" if media_type == "application/pdf" else "image"
    other: Kind = "image" if own == "document" else "document"
    assert rules().type_of(STARTS[media_type][:16]) == media_type
    assert rules(own).type_of(STARTS[media_type][:12]) == media_type
    assert rules(other).type_of(STARTS[media_type][:16]) is None


@pytest.mark.parametrize(
    "start", [b"", b"<html>", b"<svg xmlns=", b"BM", b"RIFF1234WAVE", b"II*\x00", b" %PDF-1.7", b"\x89PNG", b"\x1f\x8b"]
)
def test_nothing_else_is_wanted(start: bytes) -> None:
    assert rules().type_of(start) is None


def test_what_is_wanted_is_said_to_servers_and_to_people() -> None:
    assert rules("image").accept == "image/png, image/jpeg, image/gif, image/webp"
    assert rules("document").accept == "application/pdf"
    assert rules("image").wanted == "a PNG, JPEG, GIF or WebP image"
    assert rules().wanted == "a PNG, JPEG, GIF or WebP image or a PDF"


def test_the_fence_is_asked() -> None:
    made = FetchRules(size=1, kinds=frozenset(), fence=fence_of(["10.0.0.1"]))
    assert made.lets("a", "10.0.0.1")
    assert not made.lets("a", "10.0.0.2")

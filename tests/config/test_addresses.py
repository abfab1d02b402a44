from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.config.addresses import CONNECT_TO, PROXY, RESOLVE, fields, without_password
from argo_relay.config.kinds import Kind
from argo_relay.errors import ConfigError


def refusal(kind: Kind, value: object) -> str:
    with pytest.raises(ConfigError) as caught:
        kind.accept(value)
    return str(caught.value)


@pytest.mark.parametrize("text", ["apps.inside.anl.gov:443:10.0.0.1", "h:1:[::1]", "[::1]:65535:127.0.0.1"])
def test_names_with_addresses(text: str) -> None:
    assert RESOLVE.accept(text) == text


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("h", "`h` is not of that form"),
        ("h:1", "not of that form"),
        ("h:0:10.0.0.1", "not of that form"),
        ("h:65536:10.0.0.1", "not of that form"),
        ("h:x:10.0.0.1", "not of that form"),
        ("*:1:10.0.0.1", "not of that form"),
        ("h:1:::1", "not of that form"),
        (":1:10.0.0.1", "not of that form"),
        ("h:1:other.example", "`other.example` is not an IP address; a name goes into connect_to"),
        ("h:1:10.0.0", "not an IP address"),
        (5, "it is a number"),
    ],
)
def test_what_is_no_name_with_an_address(text: object, what: str) -> None:
    assert what in refusal(RESOLVE, text)


@pytest.mark.parametrize("text", ["a:1:b:2", "::localhost:8443", "a:1::2", "a:1:b:", "a::[::1]:2", ":443:b:"])
def test_detours(text: str) -> None:
    assert CONNECT_TO.accept(text) == text


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a:1:b", "not of that form"),
        ("a:1:b:2:3", "not of that form"),
        ("a:1::", "leads nowhere else"),
        (":::", "leads nowhere else"),
        ("a:0:b:2", "`a:0` is not a host and a port"),
        ("a:1:b:x", "`b:x` is not a host and a port"),
        ("a b:1:b:2", "not a host and a port"),
        (None, "it is null"),
    ],
)
def test_what_is_no_detour(text: object, what: str) -> None:
    assert what in refusal(CONNECT_TO, text)


def test_a_detour_is_cut_at_its_colons() -> None:
    assert fields("[::1]:443:[fe80::2]:8443") == ["::1", "443", "fe80::2", "8443"]
    assert fields("::localhost:8443") == ["", "", "localhost", "8443"]


@pytest.mark.parametrize(
    "text",
    [
        "none",
        "http://proxy",
        "https://proxy.example:3128",
        "socks5://u:p%40ss@localhost:1080",
        "SOCKS5H://[::1]:1080",
        "http://u@proxy",
    ],
)
def test_proxies(text: str) -> None:
    assert PROXY.accept(text) == text
    assert PROXY.accept(None) is None


def test_a_proxy_needs_no_path() -> None:
    assert PROXY.accept("http://proxy:1/") == "http://proxy:1"


@pytest.mark.parametrize(
    "text",
    [
        "proxy:3128",
        "socks4://s3cret:s3cret@proxy",
        "http://s3cret@",
        "http://a:s3cret@proxy/path",
        "http://a:s3@cret@proxy",
        "http://proxy:0",
        "http://proxy:s3cret",
        "http://s3cret proxy",
    ],
)
def test_what_is_no_proxy_is_not_repeated(text: str) -> None:
    assert refusal(PROXY, text) == "it is not a proxy's address of that form"


_words = st.text(st.sampled_from("abc:%.-_~!$&'()*+,;=[]0"), min_size=1, max_size=20)


@given(_words, _words)
def test_no_password_is_shown(user: str, password: str) -> None:
    proxy = PROXY.accept(f"http://{user}X:{password}X@proxy:1")
    assert isinstance(proxy, str)
    assert without_password(proxy) == "http://***@proxy:1"

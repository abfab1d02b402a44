from __future__ import annotations

from pathlib import Path

import pytest

from argo_relay.config.load import load
from argo_relay.config.schema import Upstream
from argo_relay.errors import ConfigError
from argo_relay.transport.reach import DIRECT, Proxy, Reach, bracketed, is_local, place_of, reach_of
from argo_relay.transport.trust import ClientCertificate
from support.certificates import Authority

ARGO = "https://apps.inside.anl.gov/argoapi"


def reach(base_url: str = ARGO, environ: dict[str, str] | None = None, **upstream: object) -> Reach:
    settings = {f"upstream.{name}": value for name, value in upstream.items()}
    return reach_of(load(environ={"HOME": "/nowhere"}, overrides=settings).config.upstream, environ or {}, base_url)


def test_without_settings_it_is_direct() -> None:
    assert reach() == DIRECT
    assert DIRECT.destination("Apps.inside.anl.gov", 443) == ("apps.inside.anl.gov", 443)


@pytest.mark.parametrize(
    ("connect_to", "resolve", "there"),
    [
        (["apps.inside.anl.gov:443:localhost:8443"], [], ("localhost", 8443)),
        (["APPS.inside.anl.gov:443:localhost:8443"], [], ("localhost", 8443)),
        (["::localhost:8443"], [], ("localhost", 8443)),
        (["apps.inside.anl.gov::[::1]:"], [], ("::1", 443)),
        ([":443::8443"], [], ("apps.inside.anl.gov", 8443)),
        (["apps.inside.anl.gov:80:localhost:8443"], [], ("apps.inside.anl.gov", 443)),
        (["other:443:localhost:8443"], [], ("apps.inside.anl.gov", 443)),
        (["other:443:a:1", "apps.inside.anl.gov:443:b:2", "::c:3"], [], ("b", 2)),
        ([], ["Apps.inside.anl.gov:443:10.0.0.1"], ("10.0.0.1", 443)),
        ([], ["apps.inside.anl.gov:80:10.0.0.1"], ("apps.inside.anl.gov", 443)),
        (["::gate:1"], ["apps.inside.anl.gov:443:10.0.0.1", "gate:1:[fe80::2]"], ("fe80::2", 1)),
    ],
)
def test_where_a_connection_goes(connect_to: list[str], resolve: list[str], there: tuple[str, int]) -> None:
    assert reach(connect_to=connect_to, resolve=resolve).destination("apps.inside.anl.gov", 443) == there


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "user", "password"),
    [
        ("http://gate", "http", "gate", 80, None, None),
        ("https://gate", "https", "gate", 443, None, None),
        ("socks5://gate", "socks5", "gate", 1080, None, None),
        ("SOCKS5H://gate:1", "socks5", "gate", 1, None, None),
        ("http://a%40b:c%3Ad@[::1]:3128", "http", "::1", 3128, "a@b", "c:d"),
    ],
)
def test_a_proxy(url: str, scheme: str, host: str, port: int, user: str | None, password: str | None) -> None:
    proxy = reach(proxy=url).proxy
    assert proxy is not None
    assert (proxy.scheme, proxy.host, proxy.port) == (scheme, host, port)
    assert (proxy.user, proxy.password, proxy.origin) == (user, password, "upstream.proxy")


def test_a_proxy_never_shows_its_password() -> None:
    there = reach(proxy="socks5h://s3cret-a:s3cret-b@[::1]:1")
    assert "s3cret" not in repr(there)
    assert there.proxy is not None
    assert there.proxy.address == "socks5://[::1]:1"


@pytest.mark.parametrize(
    ("environ", "base_url", "origin"),
    [
        ({"HTTPS_PROXY": "http://a"}, ARGO, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://a", "https_proxy": "http://b"}, ARGO, "https_proxy"),
        ({"HTTP_PROXY": "http://a"}, ARGO, None),
        ({"HTTP_PROXY": "http://a"}, "http://argo.example", "HTTP_PROXY"),
        ({"ALL_PROXY": "socks5://a"}, ARGO, "ALL_PROXY"),
        ({"all_proxy": "socks5://a", "HTTPS_PROXY": "http://b"}, ARGO, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": " "}, ARGO, None),
        ({"HTTPS_PROXY": "gate:3128"}, ARGO, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://a/"}, ARGO, "HTTPS_PROXY"),
    ],
)
def test_the_environments_proxies(environ: dict[str, str], base_url: str, origin: str | None) -> None:
    proxy = reach(base_url, environ).proxy
    assert (proxy and proxy.origin) == origin


def test_an_environments_proxy_needs_no_scheme() -> None:
    assert reach(environ={"HTTPS_PROXY": "u:p@gate:3128"}).proxy == Proxy(
        scheme="http", host="gate", port=3128, user="u", password="p", origin="HTTPS_PROXY"
    )


@pytest.mark.parametrize("url", ["socks4://a:s3cret@gate", "http://a:s3cret@gate/x", "s3cret gate"])
def test_an_environments_proxy_that_cannot_be_used_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        reach(environ={"ALL_PROXY": url})
    assert "ALL_PROXY in the environment names a proxy that the relay cannot use" in str(caught.value)
    assert "`upstream.proxy: none`" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert reach(environ={"ALL_PROXY": url}, proxy="none") == DIRECT


def test_the_configuration_goes_before_the_environment() -> None:
    environ = {"HTTPS_PROXY": "http://a", "NO_PROXY": "*"}
    assert reach(environ=environ, proxy="none").proxy is None
    chosen = reach(environ=environ, proxy="http://b").proxy
    assert chosen is not None
    assert chosen.host == "b"


@pytest.mark.parametrize(
    ("listed", "excepted"),
    [
        ("*", True),
        ("apps.inside.anl.gov", True),
        ("other, Inside.anl.gov ,", True),
        (".anl.gov", True),
        ("*.anl.gov", True),
        ("anl.gov:443", True),
        ("anl.gov:80", False),
        ("nl.gov", False),
        ("apps", False),
        ("10.0.0.0/8", False),
        (",", False),
        (".", False),
    ],
)
def test_no_proxy(listed: str, excepted: bool) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        assert (reach(environ={"HTTPS_PROXY": "http://a", name: listed}).proxy is None) is excepted


@pytest.mark.parametrize(
    ("listed", "excepted"), [("10.0.0.0/8", True), ("10.1.2.3", True), ("11.0.0.0/8", False), ("::1", False)]
)
def test_no_proxy_for_networks(listed: str, excepted: bool) -> None:
    environ = {"HTTPS_PROXY": "http://a", "NO_PROXY": listed}
    assert (reach("https://10.1.2.3", environ).proxy is None) is excepted


@pytest.mark.parametrize(
    "base_url", ["https://localhost:1", "https://127.0.0.2", "https://[::1]:1", "https://a.localhost"]
)
def test_an_upstream_on_this_machine_is_not_asked_for_through_the_environments_proxy(base_url: str) -> None:
    assert reach(base_url, {"ALL_PROXY": "http://a"}).proxy is None
    assert reach(base_url, proxy="http://a").proxy is not None


def test_neither_is_one_that_a_detour_finds_there() -> None:
    environ = {"HTTPS_PROXY": "http://a"}
    assert reach(environ=environ, connect_to=["::localhost:8443"]).proxy is None
    assert reach(environ=environ, resolve=["apps.inside.anl.gov:443:127.0.0.1"]).proxy is None
    assert reach(environ=environ, connect_to=["::gate:8443"]).proxy is not None


def test_a_bundle_is_looked_at(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"upstream\.ca_bundle"):
        reach(ca_bundle=str(tmp_path / "absent.pem"))


def test_places() -> None:
    assert place_of(ARGO) == ("apps.inside.anl.gov", 443)
    assert place_of("http://[::1]/x") == ("::1", 80)
    assert place_of("http://H:1") == ("h", 1)
    assert (bracketed("::1"), bracketed("h")) == ("[::1]", "h")
    assert is_local("127.1.2.3")
    assert not is_local("10.0.0.1")
    assert not is_local("localhost.example")


def test_each_upstream_has_a_way_of_its_own() -> None:
    row = Upstream(proxy="http://gate:1")
    proxies = [reach_of(row, {}, ARGO).proxy, reach_of(row, {}, ARGO, "a").proxy]
    assert [proxy and proxy.origin for proxy in proxies] == ["upstream.proxy", "upstreams.a.proxy"]
    with pytest.raises(ConfigError, match=r"`upstreams\.a\.proxy: none` does without it"):
        reach_of(Upstream(), {"HTTPS_PROXY": "ftp://gate"}, ARGO, "a")


def test_a_socket_is_all_that_is_connected_to() -> None:
    found = reach("http://localhost", {"ALL_PROXY": "http://a"}, socket="/run/a.sock")
    assert found == Reach(socket="/run/a.sock")
    with pytest.raises(ConfigError, match=r"upstream\.socket: a Unix socket's path has \d+ bytes at most"):
        reach(socket="/" + "a" * 110)


def test_a_client_certificate(tmp_path: Path) -> None:
    file, key = Authority().client(tmp_path)
    shown = ClientCertificate(file=file, key_file=key)
    assert reach(client_cert=file, client_key=key).certificate == shown
    assert reach(client_cert=file, client_key=key, socket="/a").certificate == shown
    with pytest.raises(ConfigError, match=r"^upstream\.client_cert: .* holds no private key"):
        reach(client_cert=file)
    with pytest.raises(ConfigError, match=r"^upstream\.client_key: there is no `client_cert`"):
        reach(client_key=key)
    with pytest.raises(ConfigError, match=r"^upstreams\.a\.client_cert: only TLS asks for one"):
        reach_of(Upstream(client_cert=file, client_key=key), {}, "http://localhost", "a")

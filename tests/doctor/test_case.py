from __future__ import annotations

import msgspec
import pytest

from argo_relay.clock import SystemClock
from argo_relay.config.load import load
from argo_relay.config.schema import Config, Upstream
from argo_relay.doctor.case import Case, case_of
from argo_relay.errors import ConfigError
from argo_relay.transport.reach import DIRECT


def case(environ: dict[str, str] | None = None, **upstream: object) -> Case:
    settings = {f"upstream.{name}": value for name, value in upstream.items()}
    loaded = load(environ={"HOME": "/nowhere"}, overrides={"user": "jdoe", **settings})
    return case_of(loaded, environ or {}, SystemClock(), paid=False, model=None)


def test_where_a_connection_begins_and_where_it_ends() -> None:
    plain = case()
    assert plain.secure
    assert plain.own_place == plain.destination == plain.first_hop == ("apps.inside.anl.gov", 443)
    detour = case(connect_to=["::localhost:8443"])
    assert (detour.own_place, detour.first_hop) == (("apps.inside.anl.gov", 443), ("localhost", 8443))
    proxied = case({"HTTPS_PROXY": "http://gate:3128"}, resolve=["apps.inside.anl.gov:443:10.0.0.1"])
    assert (proxied.destination, proxied.first_hop) == (("10.0.0.1", 443), ("gate", 3128))
    assert not case(base_url="http://a").secure


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({}, "Argonne's network only"),
        ({"connect_to": ["::localhost:8443"]}, "is the tunnel"),
        ({"base_url": "http://127.0.0.1:1"}, "is the tunnel"),
        ({"proxy": "socks5://localhost:1080"}, "is the tunnel"),
        ({"proxy": "socks5://gate:1080"}, "Check the proxy's name and port (upstream.proxy)"),
        ({"base_url": "https://api.example.org"}, "`upstream.base_url`"),
        ({"socket": "/run/a.sock"}, "listen at `upstream.socket`"),
    ],
)
def test_what_to_do_depends_on_where_it_is(settings: dict[str, object], advice: str) -> None:
    assert advice in case({}, **settings).way


def test_nothing_to_begin_with() -> None:
    with pytest.raises(ConfigError, match=r"upstream\.key_env"):
        case(kind="openai", key_env="ABSENT")


def test_another_upstream_is_examined_by_its_own_keys() -> None:
    other = Upstream(kind="openai", base_url="https://api.example.org", proxy="http://gate:1")
    loaded = msgspec.structs.replace(load(environ={"HOME": "/nowhere"}), config=Config(upstreams={"a": other}))
    examined = case_of(loaded, {}, SystemClock(), paid=False, model=None, name="a")
    assert (examined.row, examined.key) == (other, "upstreams.a")
    assert examined.own_place == ("api.example.org", 443)
    assert "(upstreams.a.proxy)" in examined.way
    direct = msgspec.structs.replace(examined, reach=DIRECT)
    assert "`upstreams.a.base_url`" in direct.way
    with pytest.raises(ConfigError, match="no upstream is called `b`; known are main, a"):
        case_of(loaded, {}, SystemClock(), paid=False, model=None, name="b")

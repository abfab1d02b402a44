"""Defaults that are promises, and secrets that are never shown."""

from __future__ import annotations

from argo_relay.config.load import Loaded
from argo_relay.config.schema import Config, Upstream, masked


def test_the_built_in_timeouts_are_the_contracts() -> None:
    timeouts = Config().timeouts
    assert (timeouts.total, timeouts.connect, timeouts.first_event, timeouts.idle) == (600.0, 10.0, None, 300.0)
    assert (timeouts.max_total, timeouts.heartbeat, timeouts.whole_heartbeat) == (3600.0, 15.0, False)


def test_a_configuration_never_shows_its_client_keys() -> None:
    config = Config(keys=("s3cret-one", "s3cret-two"), users={"s3cret-three": "asmith"}, user="jdoe")
    loaded = Loaded(config=config, origins={}, path=None, searched=(), warnings=())
    for text in (repr(config), str(config), f"{config}", repr(loaded), repr([config])):
        assert "s3cret" not in text
        assert "keys=('***', '***')" in text
        assert "users=('***',)" in text
        assert "user='jdoe'" in text


def test_a_configuration_never_shows_its_proxys_password() -> None:
    config = Config(upstream=Upstream(proxy="http://jdoe:s3cret@proxy:3128"))
    for text in (repr(config), repr(config.upstream), f"{[config]}"):
        assert "s3cret" not in text
        assert "jdoe" not in text
        assert "proxy='http://***@proxy:3128'" in text


def test_masking_keeps_only_the_count_of_keys_and_the_place_of_a_proxy() -> None:
    assert masked(("a", "b", "c")) == ("***", "***", "***")
    assert masked("socks5://a:b@h:1") == "socks5://***@h:1"
    assert masked("socks5://h:1") == "socks5://h:1"
    assert masked(None) is None

from __future__ import annotations

import pytest

from argo_relay.config.named import MAIN, asks_argo, every_upstream, key_of
from argo_relay.config.schema import Config, Upstream, UpstreamKind


def test_the_main_upstream_has_a_name_too() -> None:
    config = Config(upstream=Upstream(kind="google"), upstreams={"a": Upstream(), "b": Upstream(kind="openai")})
    assert [(name, row.kind) for name, row in every_upstream(config).items()] == [
        (MAIN, "google"),
        ("a", "argo"),
        ("b", "openai"),
    ]
    assert [key_of(name) for name in (MAIN, "a")] == ["upstream", "upstreams.a"]


@pytest.mark.parametrize(
    ("main", "other", "asks"), [("argo", "openai", True), ("openai", "argo", True), ("openai", "google", False)]
)
def test_any_upstream_may_be_argo(main: UpstreamKind, other: UpstreamKind, asks: bool) -> None:
    assert asks_argo(Config(upstream=Upstream(kind=main), upstreams={"a": Upstream(kind=other)})) == asks

"""Which upstream a configuration means."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from argo_relay.config.schema import Upstream, UpstreamKind
from argo_relay.errors import ConfigError
from argo_relay.upstreams import base
from argo_relay.upstreams.argo.environments import ENVIRONMENTS
from argo_relay.upstreams.argo.upstream import ArgoUpstream
from argo_relay.upstreams.choose import address_of, upstream_of
from argo_relay.upstreams.llamacpp import LlamaUpstream
from argo_relay.upstreams.vendor import ADDRESSES, VendorUpstream


def of(environ: dict[str, str], base_url: str | None = None, **row: Any) -> base.Upstream:
    return upstream_of(Upstream(**row), "jdoe", environ, base_url)


def test_argo_is_the_one_that_nobody_has_to_name() -> None:
    assert of({}) == ArgoUpstream(base_url=ENVIRONMENTS["prod"], user="jdoe")
    assert address_of(Upstream(environment="dev")) == ENVIRONMENTS["dev"]


@pytest.mark.parametrize("kind", [kind for kind in get_args(UpstreamKind) if kind not in ("argo", "llamacpp")])
def test_every_other_kind_is_its_vendors_or_somebodys_server(kind: Any) -> None:
    assert of({}, kind=kind) == VendorUpstream(kind=kind, base_url=ADDRESSES[kind])
    own = Upstream(kind=kind, base_url="http://localhost:8000", key_env="MY_KEY")
    assert upstream_of(own, None, {"MY_KEY": " k\n"}) == VendorUpstream(
        kind=kind, base_url="http://localhost:8000", key="k"
    )
    assert upstream_of(own, None, {"MY_KEY": "k"}, "http://other").base_url == "http://other"


def test_llama_cpp_has_habits_of_its_own() -> None:
    assert of({}, kind="llamacpp") == LlamaUpstream(base_url="http://127.0.0.1:8080")
    own = of({"MY_KEY": "k"}, kind="llamacpp", base_url="http://localhost:8000", key_env="MY_KEY")
    assert own == LlamaUpstream(base_url="http://localhost:8000", key="k")


@pytest.mark.parametrize("environ", [{}, {"MY_KEY": " "}, {"MY_KEY": "k\u00e9"}])
def test_a_key_that_is_missing_or_no_key_is_told_at_once(environ: dict[str, str]) -> None:
    row = Upstream(kind="openai", key_env="MY_KEY")
    for name, key in (("main", r"upstream\.key_env"), ("vllm", r"upstreams\.vllm\.key_env")):
        with pytest.raises(ConfigError, match=rf"(^| ){key} names"):
            upstream_of(row, None, environ, name=name)


def test_a_key_in_the_variables_place_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        of({}, kind="google", key_env="AIzaSecret")
    assert "AIzaSecret" not in str(caught.value)

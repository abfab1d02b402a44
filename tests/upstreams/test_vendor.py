"""Servers that speak one vendor's dialect: addresses, keys, and that a key is never shown."""

from __future__ import annotations

from typing import Any

import pytest

from argo_relay.framing.jsonx import REMOVED
from argo_relay.models.live import passing_profile
from argo_relay.upstreams.base import Ask, Operation
from argo_relay.upstreams.vendor import ADDRESSES, VendorUpstream

BASE = "http://10.1.2.3:8000"
SPOKEN = {
    "openai": "openai_chat",
    "openai_responses": "openai_responses",
    "anthropic": "anthropic",
    "google": "google",
}


def upstream(kind: Any, **fields: Any) -> VendorUpstream:
    return VendorUpstream(kind=kind, base_url=fields.pop("base_url", BASE), **fields)


@pytest.mark.parametrize(("kind", "spoken"), SPOKEN.items())
@pytest.mark.parametrize("client", SPOKEN.values())
def test_it_is_asked_in_its_own_dialect_whoever_asks(kind: str, spoken: str, client: str) -> None:
    there = upstream(kind)
    assert there.dialect_for(client, passing_profile("m")) == spoken
    assert there.passes_names
    assert not there.lists_all
    assert there.fetches
    assert there.offers(Operation.GENERATE, spoken)


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        ("openai", ("authorization", "Bearer k")),
        ("openai_responses", ("authorization", "Bearer k")),
        ("anthropic", ("x-api-key", "k")),
        ("google", ("x-goog-api-key", "k")),
    ],
)
def test_each_vendor_gets_the_key_in_its_own_header(kind: str, header: tuple[str, str]) -> None:
    there = upstream(kind, key="k")
    ask = Ask(dialect=SPOKEN[kind], operation=Operation.GENERATE, model="m")
    for call in (
        there.call(ask, b"{}", {"authorization": "Bearer client", "x-api-key": "client"}, "r"),
        there.models(),
    ):
        assert header in call.headers
        assert "client" not in str(call.headers)
        assert call.url.startswith(BASE)
    assert "k" not in repr(there).removeprefix("VendorUpstream(kind=")
    without = upstream(kind).call(ask, b"{}", {}, "r")
    assert header[0] not in dict(without.headers)


def test_anthropics_version_is_the_clients_or_the_first() -> None:
    ask = Ask(dialect="anthropic", operation=Operation.GENERATE, model="m")
    assert ("anthropic-version", "2023-06-01") in upstream("anthropic").call(ask, b"", {}, "r").headers
    given = upstream("anthropic").call(ask, b"", {"anthropic-version": "2026-10-21"}, "r").headers
    assert [value for name, value in given if name == "anthropic-version"] == ["2026-10-21"]


def test_the_models_name_is_a_member_but_for_google() -> None:
    for kind, spoken in SPOKEN.items():
        changes = upstream(kind).changes(Ask(dialect=spoken, operation=Operation.GENERATE, model="m"), {}).members
        assert changes == ({"timeout": REMOVED} if kind == "google" else {"timeout": REMOVED, "model": "m"})


@pytest.mark.parametrize(
    ("kind", "base_url", "owner"),
    [
        ("openai", BASE, None),
        ("openai", ADDRESSES["openai"], "openai"),
        ("openai_responses", BASE, "openai"),
        ("anthropic", BASE, "anthropic"),
        ("google", BASE, "google"),
    ],
)
def test_whose_rules_hold(kind: str, base_url: str, owner: str | None) -> None:
    assert upstream(kind, base_url=base_url).owner_of(passing_profile("gpt-oss-120b")) == owner


def test_embeddings_and_completions_are_openais_in_both_its_apis() -> None:
    for operation in (Operation.EMBED, Operation.COMPLETE):
        assert upstream("openai").offers(operation, "openai_chat")
        assert upstream("openai_responses").offers(operation, "openai_chat")
        assert not upstream("anthropic").offers(operation, "openai_chat")
    assert upstream("google").offers(Operation.EMBED, "google")


def test_lists_of_models_and_addresses() -> None:
    assert upstream("google").models().url == f"{BASE}/v1beta/models"
    assert upstream("openai").models().url == f"{BASE}/v1/models"
    assert upstream("openai").hide(b"no route to 10.1.2.3:8000") == b"no route to the upstream"

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from argo_relay.config import import_rules, kinds
from argo_relay.config.import_rules import ADDRESSES, RULES, Fate, Old, unsaid
from argo_relay.config.key import Key
from argo_relay.config.keys import KEYS
from argo_relay.errors import ConfigError
from argo_relay.upstreams.argo.environments import ENVIRONMENTS

PROD, DEV = ENVIRONMENTS["prod"], ENVIRONMENTS["dev"]


def old(values: Mapping[str, object]) -> Old:
    return Old(values=values, environments=ENVIRONMENTS, log_file="/home/jdoe/argo-relay.log")


def fate(name: str, value: object, **beside: object) -> Fate:
    return RULES[name](value, old({name: value, **beside}))


def refusal(name: str, value: object) -> str:
    with pytest.raises(ConfigError) as caught:
        fate(name, value)
    return str(caught.value)


@pytest.fixture
def later_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the keys that other releases may lack."""
    known = {key.name: key for key in KEYS}
    text = kinds.choice("user", "client")
    for name, kind in {
        "identity": text,
        "upstream.refresh": kinds.DURATION_OR_NONE,
        "images.timeout": kinds.DURATION,
        "images.max_size": kinds.SIZE,
        "aliases": kinds.ROWS,
    }.items():
        known[name] = Key(name=name, kind=kind, meaning="")
    monkeypatch.setattr(import_rules, "_KEYS", known)


@pytest.mark.parametrize(
    ("name", "value", "expected", "ours"),
    [
        ("user", "jdoe", "taken", {"user": "jdoe"}),
        ("user", " JDoe@anl.gov ", "changed", {"user": "jdoe"}),
        ("user", "", "dropped", {}),
        ("user", None, "dropped", {}),
        ("user", "cels", "dropped", {}),
        ("host", "127.0.0.1", "taken", {"host": "127.0.0.1"}),
        ("host", "::1", "taken", {"host": "::1"}),
        ("host", "localhost", "taken", {"host": "localhost"}),
        ("host", "0.0.0.0", "changed", {"host": "127.0.0.1"}),
        ("host", "::", "changed", {"host": "127.0.0.1"}),
        ("host", "login1.anl.gov", "changed", {"host": "127.0.0.1"}),
        ("port", 8000, "taken", {"port": 8000}),
        ("port", "8000", "taken", {"port": 8000}),
        ("socket", "/run/a.sock", "taken", {"socket": "/run/a.sock"}),
        ("socket", "", "dropped", {}),
        ("timeout", 600, "changed", {"timeouts.total": 600}),
        ("timeout", 7200, "changed", {"timeouts.total": 7200, "timeouts.max_total": 7200}),
        ("log_to_file", True, "changed", {"log.file": "/home/jdoe/argo-relay.log"}),
        ("log_to_file", False, "dropped", {}),
        ("username_passthrough", True, "changed", {"identity": "client"}),
        ("username_passthrough", False, "dropped", {}),
        ("model_refresh_interval_hours", 1.5, "changed", {"upstream.refresh": 5400}),
        ("model_refresh_interval_hours", 0, "changed", {"upstream.refresh": None}),
        ("image_timeout", 30, "changed", {"images.timeout": 30}),
        ("max_payload_size", 20, "dropped", {}),
        ("resolve_overrides", {}, "dropped", {}),
        ("resolve_overrides", {"a:443": "10.0.0.1"}, "changed", {"upstream.resolve": ["a:443:10.0.0.1"]}),
        ("resolve_overrides", {"a:443": "::1"}, "changed", {"upstream.resolve": ["a:443:[::1]"]}),
        ("verbose", True, "dropped", {}),
        ("config_version", "3", "dropped", {}),
    ],
)
@pytest.mark.usefixtures("later_keys")
def test_what_becomes_of_a_key(name: str, value: object, expected: str, ours: dict[str, object]) -> None:
    found = fate(name, value)
    assert (found.fate, found.ours) == (expected, ours)
    assert found.reason or expected == "taken"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("user", 5, "it is a number"),
        ("user", "j doe", "`j doe` is not an Argo user name; expected the bare ANL domain name"),
        ("host", 5, "it is a number"),
        ("host", None, "it is null"),
        ("port", "abc", "`abc` is text; expected a whole number from 0 to 65535"),
        ("port", 70000, "`70000` is greater than 65535"),
        ("port", True, "it is a boolean"),
        ("socket", 5, "it is a number"),
        ("timeout", 0, "`0` is not greater than 0"),
        ("timeout", "soon", "`soon` is text"),
        ("argo_url", 5, "it is a number; expected an address"),
        ("argo_base_url", "apps.inside.anl.gov", "it is not an address of that form"),
        ("log_to_file", "maybe", "it is text; expected true or false"),
        ("model_refresh_interval_hours", True, "it is a boolean; expected a number of hours"),
        ("model_refresh_interval_hours", -1, "is not greater than 0"),
        ("resolve_overrides", ["a:443:10.0.0.1"], "it is a list; expected a mapping of HOST:PORT to an address"),
    ],
)
@pytest.mark.usefixtures("later_keys")
def test_what_cannot_have_been_meant(name: str, value: object, said: str) -> None:
    assert said in refusal(name, value)


def test_an_address_with_a_password_is_refused_and_not_repeated() -> None:
    said = refusal("argo_base_url", "http://jdoe:hunter2@localhost/argoapi")
    assert "it holds a user name or a password" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("name", "address", "ours"),
    [
        ("argo_base_url", PROD, {"upstream.environment": "prod"}),
        ("argo_base_url", f"{DEV}/", {"upstream.environment": "dev"}),
        ("argo_base_url", "https://Apps-Test.inside.anl.gov/argoapi", {"upstream.environment": "test"}),
        ("argo_base_url", f"{DEV}/api/v1/", {"upstream.environment": "dev"}),
        ("argo_url", f"{DEV}/api/v1/resource/chat/", {"upstream.environment": "dev"}),
        ("argo_stream_url", f"{DEV}/api/v1/resource/streamchat/", {"upstream.environment": "dev"}),
        ("argo_embedding_url", f"{PROD}/api/v1/resource/embed", {"upstream.environment": "prod"}),
        ("argo_model_url", f"{PROD}/api/v1/models/", {"upstream.environment": "prod"}),
        ("native_openai_base_url", f"{PROD}/v1/", {"upstream.environment": "prod"}),
        ("native_anthropic_base_url", f"{PROD}/v1/messages", {"upstream.environment": "prod"}),
        ("argo_base_url", "http://localhost:8443/argoapi/", {"upstream.base_url": "http://localhost:8443/argoapi"}),
        ("argo_url", "http://localhost:1/api/v1/resource/chat/", {"upstream.base_url": "http://localhost:1"}),
    ],
)
def test_an_address_is_an_environment_or_an_address_without_routes(
    name: str, address: str, ours: dict[str, object]
) -> None:
    assert fate(name, address).ours == ours


def test_the_first_address_leads_and_the_others_say_why_they_do_not() -> None:
    values = {
        "native_openai_base_url": "http://elsewhere/v1",
        "argo_embedding_url": f"{PROD}/api/v1/resource/embed/",
        "argo_stream_url": f"{DEV}/api/v1/resource/streamchat/",
        "argo_url": f"{DEV}/api/v1/resource/chat/",
        "argo_base_url": "",
    }
    fates = {name: RULES[name](value, old(values)) for name, value in values.items()}
    assert {name for name, found in fates.items() if found.ours} == {"argo_url"}
    assert "`argo_url` gives it already" in fates["argo_stream_url"].reason
    assert "another place, Argo's prod, than `argo_url`" in fates["argo_embedding_url"].reason
    assert "another place than `argo_url`" in fates["native_openai_base_url"].reason
    assert fates["argo_base_url"].reason == "it is empty"


@pytest.mark.usefixtures("later_keys")
def test_a_size_is_taken_where_it_was_in_force() -> None:
    found = fate("max_payload_size", 20, enable_payload_control=True)
    assert found.ours == {"images.max_size": "20MiB"}


@pytest.mark.usefixtures("later_keys")
def test_a_default_model_is_dropped_with_the_line_that_would_do_it() -> None:
    assert "`aliases: {NAME: gpt-5.4-nano}`" in fate("default_chat_model", "argo:gpt-5.4-nano").reason
    assert "aliases" not in fate("default_chat_model", None).reason


def test_a_key_that_this_release_lacks_is_said_to_be_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_rules, "_KEYS", {})
    for name, value in {"image_timeout": 30, "resolve_overrides": {"a:1": "::1"}, "port": "abc"}.items():
        found = fate(name, value)
        assert (found.fate, found.ours) == ("dropped", {})
        assert "this release of argo-relay has no `" in found.reason
    assert "aliases" not in fate("default_chat_model", "argo:gpt-4o").reason


def test_a_version_from_the_future_is_told_of() -> None:
    assert "`4` is none of the versions known here, 1 to 3" in fate("config_version", "4").reason
    for known in ("1", "2", "3", 3, "", None):
        assert "none" not in fate("config_version", known).reason.removeprefix("argo-relay's file needs no version")


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_key_has_a_reason_or_a_place(name: str) -> None:
    samples: tuple[Any, ...] = (True, False, None, "", 1, "1", "a", "http://a", {}, [], {"a:1": "b"})
    fates = []
    for sample in samples:
        try:
            fates.append(fate(name, sample))
        except ConfigError:
            continue
    assert fates
    for found in fates:
        assert (found.fate == "dropped") == (not found.ours)
        assert found.ours or found.reason


def test_the_page_for_those_who_come_has_every_key() -> None:
    page = (Path(__file__).parents[2] / "docs" / "migration.md").read_text()
    rows = [line.split(" | ")[0] for line in page.partition("## Keys")[2].splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(RULES)


def test_silence_is_told_of_where_it_meant_another_thing() -> None:
    found = unsaid(old({}))
    assert list(found) == ["user", "host", "argo_base_url"]
    assert found["host"].ours == {"host": "127.0.0.1"}
    assert found["argo_base_url"].ours == {"upstream.environment": "prod"}
    assert "dev up to 3.2" in found["argo_base_url"].reason
    assert set(unsaid(old({"user": "jdoe", "socket": "/a"}))) == {"argo_base_url"}
    for name in ADDRESSES:
        assert unsaid(old({"user": "jdoe", "host": "::1", name: PROD})) == {}

from __future__ import annotations

import pytest

from argo_relay.simulator.models import MODELS, find, listing

OPENAI = (
    "gpt4o gpto1 gpto3mini gpto3 gpto4mini gpt41 gpt41mini gpt41nano gpt5 gpt5mini gpt5nano gpt51 gpt52 gpt54 "
    "gpt54mini gpt54nano gpt55 gpt56sol gpt56terra gpt56luna"
)
ANTHROPIC = (
    "claudeopus5 claudeopus48 claudeopus47 claudeopus46 claudeopus45 claudeopus41 claudesonnet5 claudesonnet46 "
    "claudesonnet45 claudehaiku45"
)
GOOGLE = "gemini25pro gemini25flash gemini35flash gemini31flashlite"
EMBEDDING = "ada002 v3small v3large"
RETIRED = (
    "gpt35 gpt35large gpt4 gpt4large gpt4turbo gpt4olatest gpto1mini gpto1preview claudeopus4 claudesonnet4 "
    "claudesonnet37 claudesonnet35v2 claudehaiku35"
)


@pytest.mark.parametrize("name", f"{OPENAI} {ANTHROPIC} {GOOGLE} {EMBEDDING} {RETIRED}".split())
def test_every_internal_id_is_known(name: str) -> None:
    model = find(name)
    assert model is not None
    assert model.internal_id == name


@pytest.mark.parametrize(
    ("name", "internal"),
    [
        ("GPT-4o", "gpt4o"),
        ("Claude Sonnet 4.6", "claudesonnet46"),
        ("GPT-5.6 Sol", "gpt56sol"),
        ("GPT-5-mini", "gpt5mini"),
        ("Gemini 2.5 Pro", "gemini25pro"),
        ("Text Embedding Ada 002", "ada002"),
        ("claude-haiku-4-5", "claudehaiku45"),
        ("claude-opus-4-7", "claudeopus47"),
    ],
)
def test_display_ids_and_claudes_vendor_names(name: str, internal: str) -> None:
    model = find(name)
    assert model is not None
    assert model.internal_id == internal


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4o",
        "gpt4omini",
        "argo:gpt4o",
        "GPT4o",
        "gpt-4o-2024-11-20",
        "claude-haiku-4-5-20251001",
        "gemini-2.5-pro",
        "o3",
        "",
    ],
)
def test_every_other_spelling_is_unknown(name: str) -> None:
    assert find(name) is None


def test_no_name_means_two_models() -> None:
    names = [name for model in MODELS for name in model.names]
    assert len(set(names)) == len(names)


def test_served_names() -> None:
    served = {model.internal_id: model.served_as for model in MODELS}
    assert served["gpto3mini"] == "o3-mini-2025-01-31"
    assert served["gpt5"] == "gpt-5-2025-08-07"
    assert served["claudeopus45"] == "claude-opus-4-5-20251101"
    assert all(served[name] == name for name in GOOGLE.split())


def test_only_gpt5_insists_on_its_sampling() -> None:
    fixed = {model.internal_id for model in MODELS if model.default_sampling_only}
    assert fixed == {name for name in OPENAI.split() if name.startswith("gpt5")}


def test_the_list_has_five_keys_a_row_and_one_time() -> None:
    body = listing(1786728978)
    assert list(body) == ["object", "data"]
    assert len(body["data"]) == len(MODELS)
    row = next(row for row in body["data"] if row["internal_id"] == "claudesonnet46")
    assert list(row.items()) == [
        ("id", "Claude Sonnet 4.6"),
        ("object", "model"),
        ("created", 1786728978),
        ("owned_by", "anthropic"),
        ("internal_id", "claudesonnet46"),
    ]
    assert {row["owned_by"] for row in body["data"]} == {"openai", "anthropic", "google"}


def test_who_thinks_first() -> None:
    slow = {model.internal_id: model.thinks_first for model in MODELS if model.thinks_first}
    assert {name for name, tokens in slow.items() if tokens == 64} == {"gpto3mini", "gpt5"}
    assert "gpt55" in slow
    assert not slow.keys() & {"gpt4o", "gpt41", "claudeopus47", "gemini25pro", "v3small"}

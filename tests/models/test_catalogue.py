from __future__ import annotations

from collections import defaultdict

import msgspec

from argo_relay.models.catalogue import catalogue
from argo_relay.models.names import forms, key, slug
from argo_relay.models.profile import Profile

OFFERED = {
    *("gpt4o", "gpto1", "gpto3", "gpto3mini", "gpto4mini", "gpt41", "gpt41mini", "gpt41nano", "gpt5", "gpt5mini"),
    *("gpt5nano", "gpt51", "gpt52", "gpt54", "gpt54mini", "gpt54nano", "gpt55", "gpt56sol", "gpt56terra"),
    *("gpt56luna", "claudeopus5", "claudeopus48", "claudeopus47", "claudeopus46", "claudeopus45", "claudeopus41"),
    *("claudesonnet5", "claudesonnet46", "claudesonnet45", "claudehaiku45", "gemini25pro", "gemini25flash"),
    *("gemini35flash", "gemini31flashlite", "ada002", "v3small", "v3large"),
}
RETIRED = {
    *("gpt35", "gpt35large", "gpt4", "gpt4large", "gpt4turbo", "gpt4olatest", "gpto1mini", "gpto1preview"),
    *("claudeopus4", "claudesonnet4", "claudesonnet37", "claudesonnet35v2", "claudehaiku35"),
}


def names_of(profile: Profile) -> set[str]:
    written = {profile.internal_id, profile.public_id, profile.display, *profile.names}
    return written | {form for name in written for form in forms(slug(name))}


def test_the_catalogue_holds_what_argo_is_known_to_have() -> None:
    assert {p.internal_id for p in catalogue() if not p.retired} == OFFERED
    assert {p.internal_id for p in catalogue() if p.retired} == RETIRED


def test_public_ids_are_those_clients_already_use() -> None:
    public = {p.internal_id: p.public_id for p in catalogue()}
    assert public["gpt4o"] == "argo:gpt-4o"
    assert public["gpt4"] == "argo:gpt-4"
    assert public["gpt35"] == "argo:gpt-3.5-turbo"
    assert public["gpto3mini"] == "argo:o3-mini"
    assert public["gpt56sol"] == "argo:gpt-5.6-sol"
    assert public["claudeopus47"] == "argo:claude-opus-4.7"
    assert public["claudesonnet35v2"] == "argo:claude-sonnet-3.5-v2"
    assert public["gemini25pro"] == "argo:gemini-2.5-pro"
    assert public["gemini31flashlite"] == "argo:gemini-3.1-flash-lite"
    assert public["v3small"] == "argo:text-embedding-3-small"
    assert public["ada002"] == "argo:text-embedding-ada-002"


def test_ids_are_unique_and_no_two_models_share_a_name_however_it_is_squeezed() -> None:
    assert len({p.internal_id for p in catalogue()} | {p.public_id for p in catalogue()}) == 2 * len(catalogue())
    claims: dict[str, set[str]] = defaultdict(set)
    for profile in catalogue():
        for name in names_of(profile):
            claims[key(name)].add(profile.internal_id)
    assert "" not in claims
    assert {reading: ids for reading, ids in claims.items() if len(ids) > 1} == {}


def test_owners_and_kinds_follow_the_names() -> None:
    for profile in catalogue():
        word = profile.display.split()[0].lower()
        assert profile.owner == {"claude": "anthropic", "gemini": "google"}.get(word, "openai")
        assert (profile.kind == "embedding") == (word == "text")


def test_extra_names_are_only_those_that_the_rules_do_not_give() -> None:
    for profile in catalogue():
        by_rule = names_of(msgspec.structs.replace(profile, names=()))
        for name in profile.names:
            assert key(name) not in {key(rule) for rule in by_rule}, name


def test_retired_models_have_successors_that_are_offered_and_others_have_none() -> None:
    known = {p.internal_id: p for p in catalogue()}
    for profile in catalogue():
        assert bool(profile.successors) == profile.retired, profile.internal_id
        for successor in profile.successors:
            assert not known[successor].retired
            assert (known[successor].owner, known[successor].kind) == (profile.owner, profile.kind)
    assert known["gpt35"].successors == ("gpt41mini", "gpt56terra")
    assert known["claudehaiku35"].successors == ("claudehaiku45",)

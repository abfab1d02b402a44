from __future__ import annotations

import re
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_relay.models import roster as module
from argo_relay.models.catalogue import catalogue
from argo_relay.models.names import forms, key, slug
from argo_relay.models.profile import Profile
from argo_relay.models.roster import Roster, catalogue_roster


@cache
def only_current() -> Roster:
    """What Argo lists today: nothing retired."""
    return Roster([p for p in catalogue() if not p.retired], live=True, withdrawn=[p for p in catalogue() if p.retired])


def meaning(roster: Roster, name: str) -> str | None:
    found = roster.resolve(name)
    return found.internal_id if found else None


@pytest.mark.parametrize(
    ("name", "internal"),
    [
        ("argo:gpt-4o", "gpt4o"),
        ("gpt-4o", "gpt4o"),
        ("GPT-4O", "gpt4o"),
        ("argo/gpt-4o", "gpt4o"),
        ("openai/gpt-4o", "gpt4o"),
        ("openai/argo:gpt-4o", "gpt4o"),
        ("gpt4o", "gpt4o"),
        ("gpt-4o-2024-08-06", "gpt4o"),
        (" gpt-4o\n", "gpt4o"),
        ("argo:gpt-4", "gpt4"),
        ("gpt-4-0613", "gpt4"),
        ("gpt-3.5-turbo", "gpt35"),
        ("gpt-3.5-turbo-0125", "gpt35"),
        ("gpt-3.5-turbo-16k", "gpt35large"),
        ("gpt-4-32k", "gpt4large"),
        ("gpt-4-turbo", "gpt4turbo"),
        ("gpt-4-turbo-2024-04-09", "gpt4turbo"),
        ("argo:gpt-4-turbo-preview", "gpt4turbo"),
        ("chatgpt-4o-latest", "gpt4olatest"),
        ("gpt-4o-latest", "gpt4olatest"),
        ("o1", "gpto1"),
        ("argo:o1", "gpto1"),
        ("argo:gpt-o1", "gpto1"),
        ("o1-2024-12-17", "gpto1"),
        ("o1-preview-2024-09-12", "gpto1preview"),
        ("o3-mini", "gpto3mini"),
        ("gpt-o3-mini", "gpto3mini"),
        ("o3-mini-2025-01-31", "gpto3mini"),
        ("gpt-4.1-mini-2025-04-14", "gpt41mini"),
        ("gpt-5.6-sol", "gpt56sol"),
        ("anthropic/claude-opus-4.7", "claudeopus47"),
        ("claude-opus-4.7", "claudeopus47"),
        ("claude-4.7-opus", "claudeopus47"),
        ("claude-opus-4-7", "claudeopus47"),
        ("Claude Opus 4.7", "claudeopus47"),
        ("claudeopus47", "claudeopus47"),
        ("argo:claude-4-opus", "claudeopus4"),
        ("claude-opus-4-0", "claudeopus4"),
        ("claude-opus-4-20250514", "claudeopus4"),
        ("claude-sonnet-4-0", "claudesonnet4"),
        ("claude-sonnet-4-5-20250929", "claudesonnet45"),
        ("claude-haiku-4-5@20251001", "claudehaiku45"),
        ("claude-sonnet-4-6[1m]", "claudesonnet46"),
        ("claude-3-5-sonnet-20241022", "claudesonnet35v2"),
        ("claude-3.5-sonnet", "claudesonnet35v2"),
        ("claude-sonnet-3.5", "claudesonnet35v2"),
        ("claude-3-7-sonnet-latest", "claudesonnet37"),
        ("claude-3-5-haiku-20241022", "claudehaiku35"),
        ("google/gemini-2.5-pro", "gemini25pro"),
        ("models/gemini-2.5-pro", "gemini25pro"),
        ("gemini/gemini-2.5-flash", "gemini25flash"),
        ("gemini-3.1-flash-lite", "gemini31flashlite"),
        ("text-embedding-3-small", "v3small"),
        ("text-embedding-ada-002", "ada002"),
        ("v3large", "v3large"),
    ],
)
def test_names_as_users_write_them(name: str, internal: str) -> None:
    assert meaning(catalogue_roster(), name) == internal


@pytest.mark.parametrize("roster", [catalogue_roster(), only_current()], ids=["catalogue", "current"])
@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "argo:", "argo:argo:", "openai/", "o", "gpt", "claude", "gemini", "opus", "latest", "argo:-latest"),
        *("gpt-9000", "claude-sonnet-9", "gpt-4.1-preview-foo", "llama-3-70b", "mistral-large", "gpt-6", "o9-mini"),
        *("gpt-4o-mini", "gpt-4-1106-preview", "gpt-5-pro", "gemini-1.5-pro", "gemini-2.5-pro-preview-05-06"),
        *("claude-3-opus-20240229", "claude-opus-4-9", "claude-opus-4-7-fast", "claude-4", "text-embedding-3"),
        *("2024-08-06", "gpt-2024-08-06", "claude-20250929", "gpt-4o-2024-13-06", "[1m]", "gpt-4o[2m]"),
        *(
            "gpt-4o+",
            "gpt-4o!",
            "gpt-4\u00f6",
            "\uff47pt-4o",
            "gpt-4o/gpt-4o",
            "azure/gpt-4o",
            "gpt-4o,gpt-5",
            "\ud800",
        ),
        *("gpt-4o\x00", "x" * 1_000_000, "gpt-4o" + " " * 1_000_000, "argo:" * 200_000),
    ],
)
def test_a_name_that_is_no_model_never_means_one(roster: Roster, name: str) -> None:
    assert roster.resolve(name) is None
    assert roster.retired(name) is None
    assert len(roster.nearest(name)) <= 3


@pytest.mark.parametrize("profile", catalogue(), ids=lambda profile: profile.internal_id)
def test_every_name_of_a_model_means_it_and_no_other(profile: Profile) -> None:
    written = {profile.internal_id, profile.public_id, profile.display, *profile.names}
    for name in written | {form for one in written for form in forms(slug(one))}:
        assert catalogue_roster().resolve(name) == profile, name
        if profile.retired:
            assert only_current().resolve(name) is None, name
            assert only_current().retired(name) == profile, name
        else:
            assert only_current().resolve(name) == profile, name
            assert only_current().retired(name) is None, name


KNOWN = {key(name): p for p in catalogue() for name in (p.internal_id, p.public_id, p.display, *p.names)}


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, Profile]:
    """Draw a model and one of the ways in which people write its name."""
    profile = draw(st.sampled_from(catalogue()))
    others = (form for name in (profile.public_id, *profile.names) for form in forms(slug(name)))
    name = draw(st.sampled_from([profile.internal_id, profile.display, *others]))
    separators = st.sampled_from(["-", "_", ".", " ", "--", "\u2011", ""])
    name = re.sub(r"[-. ]", lambda _: draw(separators), name)
    suffixes = ["", "-2024-08-06", "-20250929", "@20251001", "-0613", "-latest", "@latest"]
    suffix = draw(st.sampled_from(suffixes))
    if key(name + suffix) not in KNOWN:  # gpt-4o-latest is a model of its own
        name += suffix
    name += draw(st.sampled_from(["", "[1m]", " [1m]"]))
    prefixes = ["argo:", "argo/", "openai/", "openai:", "anthropic/", "google/", "models/", "argo: "]
    name = "".join(draw(st.lists(st.sampled_from(prefixes), max_size=3))) + name
    capitals = draw(st.lists(st.booleans(), min_size=len(name), max_size=len(name)))
    name = "".join(c.upper() if capital else c for c, capital in zip(name, capitals, strict=True))
    white = st.sampled_from(["", " ", "\t", "\n", "\u00a0"])
    return draw(white) + name + draw(white), profile


@settings(deadline=None, max_examples=300)
@given(spellings())
def test_every_spelling_of_a_model_means_it(drawn: tuple[str, Profile]) -> None:
    name, profile = drawn
    assert catalogue_roster().resolve(name) == profile
    assert only_current().resolve(name) == (None if profile.retired else profile)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=300))
def test_arbitrary_text_upsets_nothing(name: str) -> None:
    roster = only_current()
    found = roster.resolve(name)
    assert found is None or not found.retired
    assert roster.retired(name) is None or found is None
    assert set(roster.nearest(name)) <= {profile.public_id for profile in roster.listed()}


def test_the_fallback_resolves_retired_models_but_does_not_list_or_suggest_them() -> None:
    roster = catalogue_roster()
    assert not roster.live
    assert meaning(roster, "gpt-4") == "gpt4"
    assert roster.retired("gpt-4") is None
    assert not any(profile.retired for profile in roster.listed())
    assert len(roster.listed()) == 37
    assert "argo:gpt-4" not in roster.nearest("gpt-4")


def test_what_is_not_offered_never_falls_through_to_a_similar_name() -> None:
    roster = only_current()
    assert roster.live
    # Known as another model, although its suffix could be dropped.
    assert roster.resolve("gpt-4o-latest") is None
    gone = roster.retired("gpt-4o-latest")
    assert gone is not None
    assert gone.internal_id == "gpt4olatest"
    assert meaning(roster, "gpt-4o-2024-08-06") == "gpt4o"


def test_a_known_model_that_is_not_offered_is_only_called_retired_when_it_is() -> None:
    gemini = next(p for p in catalogue() if p.internal_id == "gemini25pro")
    roster = Roster([], live=True, withdrawn=[gemini])
    assert roster.resolve("gemini-2.5-pro") is None
    assert roster.retired("gemini-2.5-pro") is None
    assert roster.listed() == []
    assert roster.nearest("gemini-2.5-pro") == []


def test_the_list_has_chat_models_first_and_does_not_depend_on_the_order_given() -> None:
    listed = [p.public_id for p in catalogue_roster().listed()]
    assert [p.public_id for p in Roster(reversed(catalogue()), live=False).listed()] == listed
    kinds = [p.kind for p in catalogue_roster().listed()]
    assert kinds == ["chat"] * 34 + ["embedding"] * 3
    catalogue_roster().listed().clear()
    assert [p.public_id for p in catalogue_roster().listed()] == listed


def named(internal: str, public: str, display: str) -> Profile:
    return Profile(internal_id=internal, public_id=public, display=display, owner="unknown")


def test_a_reading_that_two_models_claim_equally_means_neither_but_ids_are_exact() -> None:
    roster = Roster([named("a-b", "argo:a-b", "One"), named("a_b", "argo:a_b", "Two")], live=True)
    assert meaning(roster, "a-b") == "a-b"
    assert meaning(roster, "argo:a_b") == "a_b"
    assert meaning(roster, "a b") is None
    assert meaning(roster, "two") == "a_b"


def test_an_id_outweighs_a_public_id_which_outweighs_a_display_name() -> None:
    roster = Roster([named("one", "argo:two", "three"), named("two", "argo:three", "one")], live=True)
    assert meaning(roster, "ONE") == "one"
    assert meaning(roster, "TWO") == "two"
    assert meaning(roster, "THREE") == "two"


def test_an_offered_name_outweighs_a_withdrawn_one() -> None:
    roster = Roster([named("gpt-4", "argo:gpt-4", "gpt-4")], live=True, withdrawn=catalogue())
    assert meaning(roster, "GPT 4") == "gpt-4"
    assert roster.retired("GPT 4") is None


def test_a_model_without_letters_has_only_its_exact_id() -> None:
    roster = Roster([named("---", "argo:---", "...")], live=True)
    assert meaning(roster, "---") == "---"
    assert meaning(roster, "") is None
    assert meaning(roster, "--") is None


def test_a_roster_remembers_spellings_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_SPELLINGS", 12)
    roster = Roster([named("gpt4o", "argo:gpt-4o", "GPT-4o")], live=True)
    for spaces in range(50):
        for _ in range(2):
            assert meaning(roster, " " * spaces + "gpt-4o") == "gpt4o"
            assert meaning(roster, " " * spaces + "gpt-5o") is None
    assert len(roster._spelled) == 12


def test_profiles_reach_the_caller_as_they_were_given() -> None:
    profile = msgspec.structs.replace(catalogue()[0], display="Other")
    assert Roster([profile], live=True).resolve("gpt4o") is profile


ALIASES = {
    "best": "claude-opus-4.8",
    "gpt-4": "argo:gpt-4.1",
    "GPT-5": "o3",
    "lost": "gpt-9000",
    "gpt-4o-latest": "gpt-5",
}


def aliased(aliases: dict[str, str] | None = None) -> Roster:
    withdrawn = [p for p in catalogue() if p.retired]
    offered = [p for p in catalogue() if not p.retired]
    return Roster(offered, live=True, withdrawn=withdrawn, aliases=ALIASES if aliases is None else aliases)


@pytest.mark.parametrize(
    ("name", "internal"),
    [
        *(("best", "claudeopus48"), ("BEST", "claudeopus48"), ("argo:best", "claudeopus48"), ("be-st", "claudeopus48")),
        *(("gpt-4", "gpt41"), ("gpt4", "gpt41"), ("argo:gpt-4", "gpt41"), ("gpt-4-0613", "gpt41")),
        *(("gpt-5", "gpto3"), ("gpt5", "gpto3"), ("argo:gpt-5", "gpto3"), ("gpt-5-2025-08-07", "gpto3")),
        *(("lost", None), ("argo:lost", None), ("LOST", None)),
        # What only looks like an alias is what it was; targets are models, also where an alias has their name.
        *(("gpt-4o", "gpt4o"), ("gpt-5.1", "gpt51"), ("gpt-5-mini", "gpt5mini"), ("gpt-4o-latest", "gpt5")),
        *(("gpt-4.1", "gpt41"), ("o3", "gpto3"), ("best-2024-01-01", "claudeopus48"), ("bestest", None)),
    ],
)
def test_an_alias_means_its_target_and_nothing_else(name: str, internal: str | None) -> None:
    roster = aliased()
    for _ in range(2):
        assert meaning(roster, name) == internal


def test_an_alias_is_listed_as_what_it_is_and_what_it_hides_is_not() -> None:
    listed = {p.public_id: p for p in aliased().listed()}
    assert (listed["best"].alias_of, listed["best"].display) == ("argo:claude-opus-4.8", "Claude Opus 4.8")
    assert listed["GPT-5"].alias_of == "argo:o3"
    assert "argo:gpt-5" not in listed
    assert "lost" not in listed
    assert "argo:gpt-4.1" in listed
    plain = {p.public_id for p in only_current().listed()}
    assert plain - set(listed) == {"argo:gpt-5"}
    assert all(p.alias_of is None for p in only_current().listed())


def test_an_alias_of_a_model_that_is_gone_is_not_listed_and_is_not_retired() -> None:
    roster = aliased({"gpt-4": "gpt-4-turbo", "old": "gpt-4-turbo"})
    assert (roster.resolve("gpt-4"), roster.retired("gpt-4")) == (None, None)
    assert roster.target("argo:gpt-4") == "gpt-4-turbo"
    assert roster.target("gpt-4o") is None
    assert roster.target("never") is None
    assert roster.retired("gpt-4-turbo") is not None
    assert "old" not in {p.public_id for p in Roster(catalogue(), live=False, aliases={"old": "gpt-4-turbo"}).listed()}


def test_a_name_without_a_reading_means_itself_only() -> None:
    roster = aliased({"-": "gpt-5", "argo:": "o3"})
    assert (meaning(roster, "-"), meaning(roster, "argo:")) == ("gpt5", "gpto3")
    assert [meaning(roster, name) for name in ("", "--", "no-such-model", "argo:argo:")] == [None] * 4
    assert roster.target("no-such-model") is None


def test_a_successor_is_the_first_that_is_offered() -> None:
    known = {p.internal_id: p for p in catalogue()}
    for offered, expected in (
        (("gpt41mini", "gpt56terra"), "gpt41mini"),
        (("gpt56terra",), "gpt56terra"),
        (("gpt5",), None),
    ):
        successor = Roster([known[name] for name in offered], live=True).successor(known["gpt35"])
        assert (successor.internal_id if successor else None) == expected
    assert aliased({"gpt-4.1-mini": "gpt-5"}).successor(known["gpt35"]) is known["gpt56terra"]


def test_names_that_mean_a_model() -> None:
    known = {p.internal_id: p for p in catalogue()}
    names = aliased().spellings(known["claudeopus47"])
    assert names[:2] == ["argo:claude-opus-4.7", "claudeopus47"]
    assert "claude-4.7-opus" in names
    assert all(meaning(aliased(), name) == "claudeopus47" for name in names)
    assert aliased().spellings(known["gpt5"]) == [], "another has its names"
    assert "chatgpt-4o-latest" in only_current().spellings(known["gpt4olatest"])


@given(
    st.dictionaries(st.text(min_size=1, max_size=12), st.sampled_from([p.internal_id for p in catalogue()]), max_size=4)
)
@settings(deadline=None)
def test_whatever_an_alias_is_called_it_means_its_target_and_other_models_stay(aliases: dict[str, str]) -> None:
    if len({key(name) for name in aliases}) < len(aliases):
        return
    roster = aliased(aliases)
    gone = {p.internal_id for p in catalogue() if p.retired}
    for name, target in aliases.items():
        assert meaning(roster, name) == (None if target in gone else target)
    taken = {key(name) for name in aliases}
    for profile in only_current().listed():
        if key(profile.public_id) not in taken:
            assert roster.resolve(profile.public_id) is profile

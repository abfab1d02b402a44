from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_relay.models.catalogue import catalogue
from argo_relay.models.live import live_roster, passing_alias, passing_model, passing_profile, passing_roster
from argo_relay.models.roster import catalogue_roster


def argo(display: object, internal: object, owner: object = "openai") -> dict[str, object]:
    return {"id": display, "object": "model", "created": 1786728978, "owned_by": owner, "internal_id": internal}


def test_argos_list_is_the_truth_and_the_catalogue_adds_what_it_knows() -> None:
    roster = live_roster([argo("GPT-4o", "gpt4o"), argo("Claude Sonnet 4.6", "claudesonnet46", "anthropic")])
    assert roster.live
    assert [p.public_id for p in roster.listed()] == ["argo:claude-sonnet-4.6", "argo:gpt-4o"]
    known = {p.internal_id: p for p in catalogue()}
    assert roster.resolve("claude-4-6-sonnet") == known["claudesonnet46"]
    assert roster.resolve("gpt-5") is None
    assert roster.retired("gpt-5") is None
    assert roster.retired("gpt-4") == known["gpt4"]


def test_the_whole_catalogue_comes_back_from_its_own_list() -> None:
    roster = live_roster(argo(p.display, p.internal_id, p.owner) for p in catalogue() if not p.retired)
    assert roster.listed() == catalogue_roster().listed()


def test_the_older_shape_is_read() -> None:
    roster = live_roster([{"id": "gpt35", "model_name": "GPT-3.5 Turbo"}, {"id": "gptx", "model_name": "GPT-X Pro"}])
    assert [(p.internal_id, p.public_id, p.display) for p in roster.listed()] == [
        ("gpt35", "argo:gpt-3.5-turbo", "GPT-3.5 Turbo"),
        ("gptx", "argo:gpt-x-pro", "GPT-X Pro"),
    ]


def test_a_plain_list_is_read() -> None:
    roster = live_roster([{"id": "my-model", "object": "model", "owned_by": "vllm"}, {"id": "Qwen/Qwen2.5-Coder"}])
    mine, qwen = roster.listed()[1], roster.listed()[0]
    assert (mine.internal_id, mine.public_id, mine.display, mine.owner) == (
        "my-model",
        "argo:my-model",
        "my-model",
        "vllm",
    )
    assert (qwen.internal_id, qwen.public_id, qwen.owner) == (
        "Qwen/Qwen2.5-Coder",
        "argo:qwen-qwen2.5-coder",
        "unknown",
    )
    assert roster.resolve("qwen/qwen2.5-coder") is qwen
    assert roster.resolve("My_Model") is mine


def test_names_of_a_list_with_prefixes_are_not_prefixed_twice() -> None:
    roster = live_roster([{"id": "argo:gpt-4o"}, {"id": "models/gemini-9-pro"}])
    assert {p.internal_id: p.public_id for p in roster.listed()} == {
        "argo:gpt-4o": "argo:gpt-4o",
        "models/gemini-9-pro": "argo:gemini-9-pro",
    }
    found = roster.resolve("gpt-4o")
    assert found is not None
    assert found.internal_id == "argo:gpt-4o"


def test_a_new_model_gets_its_names_by_rule() -> None:
    roster = live_roster(
        [
            argo("Claude Fable 5.1", "claudefable51", "anthropic"),
            argo("o5-mini", "gpto5mini"),
            argo("Gemini 9 Pro", "gemini9pro", "google"),
            argo("Text Embedding 4", "v4"),
            argo("Nomic v2", "nomicembedding2", "nomic"),
        ]
    )
    for name, internal in [
        ("claude-fable-5.1", "claudefable51"),
        ("claude-5.1-fable", "claudefable51"),
        ("claude-fable-5-1-20270101", "claudefable51"),
        ("gpt-o5-mini", "gpto5mini"),
        ("models/gemini-9-pro", "gemini9pro"),
        ("text-embedding-4", "v4"),
    ]:
        found = roster.resolve(name)
        assert found is not None, name
        assert found.internal_id == internal
    assert {p.internal_id: p.kind for p in roster.listed() if p.kind != "chat"} == {
        "v4": "embedding",
        "nomicembedding2": "embedding",
    }


@pytest.mark.parametrize(
    ("record", "owner"),
    [
        (argo("Claude Fable 5", "claudefable5", "litellm"), "anthropic"),
        (argo("GPT-7", "gpt7", None), "openai"),
        (argo("o7", "gpto7", ""), "openai"),
        ({"id": "google/gemini-9"}, "google"),
        ({"id": "fable", "owned_by": "anthropic"}, "anthropic"),
        ({"id": "other", "owned_by": 5}, "unknown"),
    ],
)
def test_the_owner_is_the_maker_that_the_name_shows_before_the_one_the_list_claims(
    record: dict[str, object], owner: str
) -> None:
    assert [p.owner for p in live_roster([record]).listed()] == [owner]


def test_a_retired_model_that_is_listed_is_offered() -> None:
    roster = live_roster([argo("GPT-4", "gpt4")])
    assert [(p.public_id, p.retired) for p in roster.listed()] == [("argo:gpt-4", False)]
    assert roster.retired("gpt-4") is None


def test_the_lists_own_word_for_a_known_model_is_shown_and_understood_but_its_public_id_stays() -> None:
    roster = live_roster([argo("GPT-4o (Nov)", "gpt4o")])
    found = roster.resolve("GPT-4o (Nov)")
    assert found is not None
    assert (found.public_id, found.display) == ("argo:gpt-4o", "GPT-4o (Nov)")
    assert roster.resolve("gpt-4o") is found


def test_a_known_model_listed_without_a_display_name_keeps_the_catalogues() -> None:
    assert [p.display for p in live_roster([{"id": "gpt4o"}]).listed()] == ["GPT-4o"]


MALFORMED: list[object] = [
    *(None, 5, "gpt-4o", [], {}, {"id": None}, {"id": 5}, {"id": ""}, {"id": "  "}, {"id": ["x"]}),
    *({"internal_id": "x"}, argo("X", 5), argo("X", ""), argo(None, "x"), argo({}, "x"), {"id": "x", "model_name": 5}),
    *({"id": "a\nb"}, {"id": "\x00"}, {"id": "\ud800"}, {"id": "x" * 201}),
]


def test_malformed_records_are_passed_over() -> None:
    roster = live_roster([*MALFORMED, argo("GPT-4o", "gpt4o"), *MALFORMED])
    assert [p.internal_id for p in roster.listed()] == ["gpt4o"]


def test_of_two_records_of_one_model_the_first_counts() -> None:
    roster = live_roster([argo("Mine", "mine"), argo("Other", "mine")])
    assert [(p.internal_id, p.display) for p in roster.listed()] == [("mine", "Mine")]
    assert roster.resolve("other") is None


def test_a_list_with_nothing_usable_offers_nothing() -> None:
    roster = live_roster(MALFORMED)
    assert roster.live
    assert roster.listed() == []
    assert roster.resolve("gpt-4o") is None


def test_a_new_model_does_not_take_a_known_models_public_id_or_name() -> None:
    roster = live_roster([argo("GPT-4o", "gpt4o-next"), argo("GPT-4o", "gpt4o")])
    assert {p.internal_id: p.public_id for p in roster.listed()} == {
        "gpt4o": "argo:gpt-4o",
        "gpt4o-next": "argo:gpt4o-next",
    }
    found = roster.resolve("GPT-4o")
    assert found is not None
    assert found.internal_id == "gpt4o"


def test_public_ids_stay_unique_whatever_is_listed() -> None:
    roster = live_roster([{"id": "a b"}, {"id": "a-b"}, {"id": "argo:a-b"}, {"id": "模型"}, {"id": "a b"}])
    assert {p.internal_id: p.public_id for p in roster.listed()} == {
        "a b": "argo:a b",
        "a-b": "a-b",
        "argo:a-b": "argo:a-b",
        "模型": "argo:模型",
    }


def test_an_id_that_is_another_models_public_id_still_means_the_model_that_has_it() -> None:
    roster = live_roster([{"id": "gpt4o"}, {"id": "argo:gpt-4o"}])
    assert {p.internal_id: p.public_id for p in roster.listed()} == {
        "gpt4o": "argo:gpt4o",
        "argo:gpt-4o": "argo:gpt-4o",
    }


names = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["gpt4o", "GPT-4o", "argo:gpt-4o", "gpt 4o", "claudeopus47", "Claude Opus 4.7", "a-b", "a_b", "argo:a-b"]
    ),
)
anything = st.one_of(st.none(), st.integers(), names, st.lists(names, max_size=2))
records = st.fixed_dictionaries(
    {"id": st.one_of(names, anything)}, optional={"internal_id": anything, "model_name": anything, "owned_by": anything}
)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.one_of(records, anything), max_size=8))
def test_any_list_gives_a_roster_in_which_every_id_means_its_own_model(data: list[object]) -> None:
    roster = live_roster(data)
    listed = roster.listed()
    assert len({p.public_id for p in listed}) == len({p.internal_id for p in listed}) == len(listed)
    for profile in listed:
        assert roster.resolve(profile.public_id) is profile
        assert roster.resolve(profile.internal_id) is profile
        assert not profile.retired


@pytest.mark.parametrize(
    ("name", "owner", "kind"),
    [
        ("gpt-5", "openai", "chat"),
        ("o3-mini", "openai", "chat"),
        ("claude-opus-4.5", "anthropic", "chat"),
        ("models/gemini-2.5-pro", "google", "chat"),
        ("meta-llama/Llama-3.3-70B-Instruct", "unknown", "chat"),
        ("nomic-embed-text", "unknown", "embedding"),
        ("text-embedding-3-small", "openai", "embedding"),
        ("Any Thing:latest", "unknown", "chat"),
    ],
)
def test_a_name_that_is_passed_on_stays_as_it_is(name: str, owner: str, kind: str) -> None:
    profile = passing_profile(name)
    assert (profile.internal_id, profile.public_id, profile.display) == (name, name, name)
    assert (profile.owner, profile.kind, profile.retired) == (owner, kind, False)


def test_a_list_that_is_passed_on_keeps_its_names() -> None:
    roster = passing_roster([{"id": "gpt4o"}, {"id": "Llama 3"}, {"id": "gpt4o", "owned_by": "x"}, *MALFORMED])
    assert sorted(profile.public_id for profile in roster.listed()) == ["Llama 3", "gpt4o"]
    assert roster.live
    found = roster.resolve("gpt4o")
    assert found is not None
    assert found.public_id == "gpt4o"
    empty = passing_roster(MALFORMED)
    assert (empty.listed(), empty.live) == ([], False)


def test_aliases_of_names_that_are_passed_on_go_before_the_lists_own() -> None:
    roster = passing_roster([{"id": "llama"}, {"id": "qwen"}], {"best": "qwen", "llama": "llama-3"})
    assert {p.public_id: (p.internal_id, p.alias_of) for p in roster.listed()} == {
        "best": ("qwen", "qwen"),
        "llama": ("llama-3", "llama-3"),
        "qwen": ("qwen", None),
    }
    assert passing_alias("best", "text-embedding-3").kind == "embedding"
    assert not passing_roster([], {"best": "qwen"}).live


def test_aliases_follow_the_list() -> None:
    aliases = {"best": "gpt-99"}
    assert live_roster([{"id": "gpt5"}], aliases).resolve("best") is None
    found = live_roster([{"id": "gpt99"}], aliases).resolve("best")
    assert found is not None
    assert (found.internal_id, found.public_id, found.alias_of) == ("gpt99", "best", "argo:gpt99")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\udcff", "x" * 100_000])
def test_what_can_be_no_name_passes_as_no_model(name: str) -> None:
    assert passing_model(name) is None


def test_any_other_name_is_passed_on_as_it_is() -> None:
    assert passing_model("ft:gpt-4o:me") == passing_profile("ft:gpt-4o:me")

"""What is said of a model that is none."""

from __future__ import annotations

import pytest

from argo_relay.exchange.unknown import alias_line, reason, unknown
from argo_relay.models.catalogue import catalogue
from argo_relay.models.roster import Roster

KNOWN = {profile.internal_id: profile for profile in catalogue()}


def roster(*names: str, aliases: dict[str, str] | None = None) -> Roster:
    offered = [KNOWN[name] for name in names]
    withdrawn = [profile for name, profile in KNOWN.items() if name not in names]
    return Roster(offered, live=True, withdrawn=withdrawn, aliases=aliases)


def test_it_is_a_404_in_every_dialects_words() -> None:
    failure = unknown(roster("gpt5"), "gpt-9000")
    assert (failure.status, failure.code, failure.param, failure.at_fault) == (
        404,
        "model_not_found",
        "model",
        "client",
    )
    assert failure.message.endswith(" GET /v1/models lists all.")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpt-5x", "There is no model `gpt-5x` here; the closest are argo:gpt-5."),
        ("claude-3-5-haiku-20241022", "The model `claude-3-5-haiku-20241022` is retired."),
    ],
)
def test_nothing_is_recommended_that_is_not_offered(name: str, said: str) -> None:
    assert reason(roster("gpt5"), name) == said


def test_a_name_like_no_other_is_only_said_to_be_none() -> None:
    assert reason(roster("gpt5", "gpt4o"), "xyzzy") == "There is no model `xyzzy` here."


def test_where_there_is_one_model_it_is_named_however_little_it_is_alike() -> None:
    assert reason(roster("gpt5"), "xyzzy") == (
        "There is no model `xyzzy` here, only `argo:gpt-5`: ask for that, or have the relay take the name for it, with "
        "this line in its configuration: `aliases: {xyzzy: gpt-5}`."
    )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("claude-3-5-haiku-20241022", "aliases: {claude-3-5-haiku-20241022: claude-haiku-4.5}"),
        ("argo:Claude-Haiku-3.5", "aliases: {claude-haiku-3.5: claude-haiku-4.5}"),
        ("Claude Haiku 3.5", 'aliases: {"claude haiku 3.5": claude-haiku-4.5}'),
    ],
)
def test_the_line_maps_the_name_that_was_asked_for(name: str, line: str) -> None:
    said = reason(roster("claudehaiku45"), name)
    assert f"`{line}`" in said
    assert "`argo:claude-haiku-4.5`" in said
    assert alias_line(name, KNOWN["claudehaiku45"]) == line


def test_an_alias_of_a_retired_model_is_mapped_anew() -> None:
    said = reason(roster("claudehaiku45", aliases={"fast": "claude-haiku-3.5"}), "fast")
    assert said.startswith("`fast` is an alias of `claude-haiku-3.5` in the relay's configuration. The model")
    assert "`aliases: {fast: claude-haiku-4.5}`" in said

"""Names in a configuration that mean nothing here, and aliases that contradict each other."""

from __future__ import annotations

import pytest

from argo_relay.cli.names import check_names
from argo_relay.config.schema import Config, ModelRow, Upstream
from argo_relay.errors import ConfigError


def test_names_that_mean_a_model_are_fine() -> None:
    assert check_names(Config()) == []
    config = Config(models={"GPT 4o": ModelRow(), "best": ModelRow()}, aliases={"best": "gpt-5.5", "gpt-4": "gpt4o"})
    assert check_names(config) == []


def test_names_that_mean_none_are_warned_of() -> None:
    config = Config(models={"gpt-4oo": ModelRow()}, aliases={"best": "gpt-5.55", "old": "gpt-4"})
    row, unknown, retired = check_names(config)
    assert row.startswith("models.gpt-4oo: no model gpt-4oo is known here; the closest are argo:gpt-4o")
    assert unknown.startswith("aliases.best: no model gpt-5.55 is known here; the closest are argo:gpt-5.5")
    assert retired == "aliases.old: gpt-4 is known as retired"


@pytest.mark.parametrize(
    ("aliases", "what"),
    [
        ({"best": "gpt-5", "Argo:BEST": "o3"}, "aliases.Argo:BEST: it is the same name as best"),
        ({"best": "gpt-5", "fast": "argo:best"}, "aliases.fast: argo:best is an alias itself, best"),
        ({"gpt-5": "argo:gpt5"}, "aliases.gpt-5: argo:gpt5 is an alias itself, gpt-5"),
    ],
)
def test_aliases_are_compared_as_they_are_read(aliases: dict[str, str], what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_names(Config(aliases=aliases))
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(what)


def test_other_upstreams_have_names_of_their_own() -> None:
    aliases = {"best": "llama", "BEST": "best"}
    assert check_names(Config(upstream=Upstream(kind="openai"), models={"x": ModelRow()}, aliases=aliases)) == []

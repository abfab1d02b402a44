"""Names in a configuration that mean nothing here, and aliases that contradict each other."""

from __future__ import annotations

import pytest

from argo_relay.cli.names import check_names
from argo_relay.config.schema import Config, ModelRow, Route, Step, Upstream
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


def route(*steps: tuple[str, str | None]) -> Route:
    return Route(to=tuple(Step(upstream=upstream, model=model) for upstream, model in steps))


def test_routes_to_argo_are_held_against_its_catalogue() -> None:
    upstreams = {"vllm": Upstream(kind="openai"), "dev": Upstream(environment="dev")}
    routes = {
        "gpt-4o": route(("main", None), ("dev", "GPT 4.1"), ("vllm", "llama-3")),
        "best": route(("main", None)),
        "llama-3": route(("vllm", None), ("main", "gpt-4oo")),
        "llama-4": route(("vllm", None), ("dev", None)),
        "claude-*": route(("main", None), ("dev", None)),
    }
    config = Config(upstreams=upstreams, routes=routes, aliases={"best": "gpt-5.5"})
    step, name = check_names(config)
    assert step.startswith("routes.llama-3.to: no model gpt-4oo is known here; the closest are argo:gpt-4o")
    assert name.startswith("routes.llama-4: no model llama-4 is known here")


def test_routes_past_an_upstream_with_names_of_its_own_are_checked_where_they_lead_to_argo() -> None:
    openai, routes = Upstream(kind="openai"), {"llama": route(("main", None), ("a", "gpt-4oo")), "LLAMA": route()}
    (told,) = check_names(Config(upstream=openai, upstreams={"a": Upstream()}, routes=routes))
    assert told.startswith("routes.llama.to: no model gpt-4oo is known here")
    assert check_names(Config(upstream=openai, upstreams={"a": openai}, routes=routes)) == []


def test_the_names_of_routes_are_compared_as_they_are_read() -> None:
    patterns = {"gpt-*": route(), "gpt*": route()}
    assert check_names(Config(routes=patterns)) == []
    with pytest.raises(ConfigError) as caught:
        check_names(Config(routes=patterns | {"gpt-4o": route(), "argo:GPT-4o": route()}))
    assert caught.value.problems == ("routes.argo:GPT-4o: it is the same name as gpt-4o: leave one of them out",)

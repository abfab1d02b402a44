"""The names of models in a configuration, held against the built-in catalogue; the upstream may know more."""

from __future__ import annotations

from argo_relay.config.named import asks_argo, every_upstream
from argo_relay.config.routing import is_pattern
from argo_relay.config.schema import Config, Route
from argo_relay.errors import ConfigError
from argo_relay.models.names import key
from argo_relay.models.roster import Roster, catalogue_roster


def check_names(config: Config) -> list[str]:
    """Return a warning for each name that means no model here; raise ConfigError for names that contradict others.

    Upstreams that take names as they are have no models that anybody knows beforehand.
    """
    if not (config.models or config.aliases or config.routes):
        return []
    if config.upstream.kind != "argo":
        return _check_steps(config) if asks_argo(config) else []
    _check_aliases(config.aliases)
    _check_routes(config.routes)
    # Only now: the catalogue takes 5 ms to read.
    plain, roster = catalogue_roster(), catalogue_roster(config.aliases)
    rows = [_unknown(f"models.{name}", name, roster) for name in config.models if roster.resolve(name) is None]
    rows += _check_steps(config)
    return rows + [
        _unknown(f"aliases.{name}", target, plain) if found is None else f"aliases.{name}: {target} is known as retired"
        for name, target in config.aliases.items()
        if (found := plain.resolve(target)) is None or found.retired
    ]


def _check_aliases(aliases: dict[str, str]) -> None:
    """Hold names as they are read against each other: `gpt-4o` and `argo:GPT-4o` are one."""
    problems = []
    first: dict[str, str] = {}
    for name in aliases:
        other = first.setdefault(key(name), name)
        if other != name:
            problems.append(f"aliases.{name}: it is the same name as {other}: leave one of them out")
    problems += [
        f"aliases.{name}: {target} is an alias itself, {first[key(target)]}: write the model's own name"
        for name, target in aliases.items()
        if key(target) in first
    ]
    if problems:
        raise ConfigError(problems)


def _check_routes(routes: dict[str, Route]) -> None:
    """Hold the names of routes against each other; patterns may overlap, the longest that fits counts."""
    first: dict[str, str] = {}
    others = {name: first.setdefault(key(name), name) for name in routes if not is_pattern(name)}
    problems = [
        f"routes.{name}: it is the same name as {other}: leave one of them out"
        for name, other in others.items()
        if other != name
    ]
    if problems:
        raise ConfigError(problems)


def _check_steps(config: Config) -> list[str]:
    """Warn of models that Argo would be asked for in vain."""
    plain, roster = catalogue_roster(), catalogue_roster(config.aliases)
    upstreams = every_upstream(config)
    told = []
    for name, route in config.routes.items():
        steps = [step.model for step in route.to if upstreams[step.upstream].kind == "argo"]
        if None in steps and not is_pattern(name) and roster.resolve(name) is None:
            told.append(_unknown(f"routes.{name}", name, roster))
        told += [
            _unknown(f"routes.{name}.to", model, plain)
            for model in steps
            if model is not None and plain.resolve(model) is None
        ]
    return told


def _unknown(place: str, name: str, roster: Roster) -> str:
    return f"{place}: no model {name} is known here; the closest are {', '.join(roster.nearest(name)) or 'none'}"

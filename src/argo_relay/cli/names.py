"""The names of models in a configuration, held against the built-in catalogue; the upstream may know more."""

from __future__ import annotations

from argo_relay.config.schema import Config
from argo_relay.errors import ConfigError
from argo_relay.models.names import key
from argo_relay.models.roster import Roster, catalogue_roster


def check_names(config: Config) -> list[str]:
    """Return a warning for each name that means no model here; raise ConfigError for aliases that contradict others.

    Upstreams that take names as they are have no models that anybody knows beforehand.
    """
    if config.upstream.kind != "argo" or not (config.models or config.aliases):
        return []
    _check_aliases(config.aliases)
    # Only now: the catalogue takes 5 ms to read.
    plain, roster = catalogue_roster(), catalogue_roster(config.aliases)
    rows = [_unknown(f"models.{name}", name, roster) for name in config.models if roster.resolve(name) is None]
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


def _unknown(place: str, name: str, roster: Roster) -> str:
    return f"{place}: no model {name} is known here; the closest are {', '.join(roster.nearest(name)) or 'none'}"

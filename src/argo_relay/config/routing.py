"""What routes are made of, as people write them: names of upstreams, patterns of models' names, and candidates."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from argo_relay.config.kinds import MODEL_NAME, Kind, at_least, plainest, shown, sort_of, whole
from argo_relay.config.named import MAIN
from argo_relay.config.schema import Step
from argo_relay.errors import ConfigError

_UPSTREAM: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%")
_WILD: Final = re.compile(r"[*?]")
_NOT_IN_PATTERN: Final = re.compile(r"[^\w .:/@+*?-]")


def is_pattern(name: str) -> bool:
    """Say whether a route's name stands for all names that fit it."""
    return _WILD.search(name) is not None


def _upstream_name(value: object) -> str:
    if not isinstance(value, str):
        hint = " (put it in quotes if you mean text)" if isinstance(value, int | float) else ""
        raise ConfigError([f"it is {sort_of(value)}{hint}"])
    if not _UPSTREAM.fullmatch(value):
        what = "cannot be an upstream's name: it has letters, digits, `-`, `_` and `.` only, 64 at most"
        raise ConfigError([f"{shown(value)} {what}"])
    return value


def _new_upstream(value: object) -> str:
    name = _upstream_name(value)
    if name.lower() == MAIN:
        raise ConfigError([f"{shown(name)} is what routes call `upstream`: take another name"])
    return name


def _row_of_model(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ConfigError([f"{shown(value)} cannot be a model's name"])
    return value


def _route_name(value: object) -> str:
    name = _row_of_model(value)
    bad = _NOT_IN_PATTERN.search(name) if is_pattern(name) else None
    if bad:
        what = f"{shown(bad[0])} has no meaning in a pattern: only `*` (any characters) and `?` (any one) have"
        raise ConfigError([f"{shown(name)}: {what}"])
    return name


def _share(value: object) -> float:
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value)):
        value = float(match[1]) / 100
    share = at_least(0, value, above=True)
    if share > 1:
        raise ConfigError([f"{shown(share)} is greater than 1, which is all of them"])
    return share


def _step(value: object) -> Step:
    """Read UPSTREAM, UPSTREAM/MODEL, or a mapping of a Step's fields; a model's name may hold slashes."""
    if isinstance(value, str):
        upstream, slash, model = value.partition("/")
        members: dict[str, object] = {"upstream": upstream, **({"model": model} if slash else {})}
    elif isinstance(value, dict):
        members = value
    else:
        raise ConfigError([f"it is {sort_of(value)}"])
    if unknown := [name for name in members if name not in _MEMBERS]:
        raise ConfigError([f"unknown key {shown(unknown[0])}; known here are {', '.join(_MEMBERS)}"])
    if members.get("upstream") is None:
        raise ConfigError(["it names no `upstream`"])
    read = {name: _member(name, value) for name, value in members.items() if value is not None}
    return msgspec.convert(read, Step)


def _member(name: str, value: object) -> object:
    try:
        return _MEMBERS[name].accept(value)
    except ConfigError as error:
        raise ConfigError([f"{name}: {error}"]) from None


def step_text(step: Step) -> str | dict[str, object]:
    """Return a candidate as people write it: short, unless it has a weight."""
    if step.weight:
        fields = msgspec.structs.asdict(step) | {"weight": plainest(step.weight)}
        return {name: value for name, value in fields.items() if value is not None}
    return step.upstream if step.model is None else f"{step.upstream}/{step.model}"


_MEMBERS: Final = {
    "upstream": Kind(expected="the name of an upstream", read=_upstream_name, textual=True),
    "model": MODEL_NAME,
    "weight": Kind(expected="a number, 0 or more", read=lambda value: at_least(0, value)),
}
UPSTREAM_NAME: Final = Kind(expected="the name of an upstream", read=_new_upstream, textual=True)
ROW_OF_MODEL: Final = Kind(expected="the name of a model", read=_row_of_model, textual=True)
ROUTE_NAME: Final = Kind(expected="the name of a model, or a pattern of names", read=_route_name, textual=True)
STEPS: Final = Kind(
    expected="a list of upstreams, each as UPSTREAM, UPSTREAM/MODEL or {upstream: NAME, model: NAME, weight: NUMBER}",
    read=_step,
    many=True,
)
RETRIES: Final = Kind(expected="a whole number from 0 to 20", read=whole(0, 20))
RETRIES_OR_NONE: Final = Kind(
    expected="a whole number from 0 to 20, or null for as elsewhere", read=whole(0, 20), nullable=True
)
SHARE: Final = Kind(expected="a part of 1, or of a hundred with its sign, such as 0.05 or 5%", read=_share)

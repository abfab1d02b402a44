"""What becomes of a request's parameters for one model: rules applied to the members of a body, whoever wrote it.

What is dropped or changed is a Loss, so that the client hears of it. A renaming loses nothing, nor does a default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast

import msgspec

from argo_relay.errors import BadJson
from argo_relay.framing import jsonx
from argo_relay.models.rules import Deed, Rule
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.policy.thinking import as_adaptive, as_enabled, without_budget

_ORIGINS: Final = ("catalogue", "learned", "configuration")
_ORDER: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Efforts from little to much."""


class Bench:
    """The members of one body while rules are applied: `changes` is what differs, whole top-level members."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.changes: dict[str, object] = {}
        self.losses: Losses = []
        self._members = members

    def get(self, name: str) -> Any:
        """Return a member as it is now, by its dotted name; None when it is absent or null."""
        top, _, inner = name.partition(".")
        value = self.changes.get(top, self._members.get(top))
        value = None if value is jsonx.REMOVED else value
        return value if not inner else value.get(inner) if isinstance(value, dict) else None

    def put(self, name: str, value: object) -> None:
        """Set a member; REMOVED takes it away, and with it an object that has nothing else."""
        top, _, inner = name.partition(".")
        if inner:
            before = self.get(top)
            rest = {key: one for key, one in (before if isinstance(before, dict) else {}).items() if key != inner}
            value = rest | ({} if value is jsonx.REMOVED else {inner: value}) or jsonx.REMOVED
        self.changes[top] = value

    def lose(self, name: str, why: str, *, changed: bool = False) -> None:
        """Note what the client does not get as it asked for it."""
        self.losses.append(Loss(path=name, what=name, why=_sentence(why), how="approximated" if changed else "dropped"))


def apply_rules(rules: Iterable[Rule], dialect: str, members: Mapping[str, Any]) -> tuple[dict[str, object], Losses]:
    """Return the top-level members that change (REMOVED: that go), and what that loses.

    The packaged rules come first, then what was learned of bodies that they had written, and last what the user says:
    each works on what the ones before it have left. No other rule touches a parameter that the user has one for.
    """
    bench = Bench(members)
    for rule in _in_order([rule for rule in rules if not rule.dialects or dialect in rule.dialects]):
        _DEEDS[rule.do](rule, bench)
    return bench.changes, bench.losses


def _in_order(rules: list[Rule]) -> list[Rule]:
    if len({rule.origin for rule in rules}) < 2:
        # As it mostly is: the packaged ones alone.
        return rules
    own = {rule.parameter for rule in rules if rule.origin == "configuration"}
    left = [rule for rule in rules if rule.origin == "configuration" or rule.parameter not in own]
    return sorted(left, key=lambda rule: _ORIGINS.index(rule.origin))


def _drop(rule: Rule, bench: Bench) -> None:
    value = bench.get(rule.parameter)
    if value is None or (rule.unless is not None and value == rule.unless):
        return
    if rule.beside is not None and bench.get(rule.beside) is None:
        return
    bench.put(rule.parameter, jsonx.REMOVED)
    bench.lose(rule.parameter, rule.source)


def _rename(rule: Rule, bench: Bench) -> None:
    value = bench.get(rule.parameter)
    if value is None or rule.to is None:
        return
    if bench.get(rule.to) is None:
        bench.put(rule.to, value)
    bench.put(rule.parameter, jsonx.REMOVED)


def _default(rule: Rule, bench: Bench) -> None:
    if bench.get(rule.parameter) is None:
        bench.put(rule.parameter, rule.value)


def _nearest(rule: Rule, bench: Bench) -> None:
    value = bench.get(rule.parameter)
    if not isinstance(value, str) or value in rule.values or value not in _ORDER:
        return
    nearest = min(rule.values, key=lambda one: abs(_rank(one) - _rank(value)), default=None)
    if nearest is not None:
        bench.put(rule.parameter, nearest)
        bench.lose(rule.parameter, f"the nearest that there is is `{nearest}` ({rule.source})", changed=True)


def _rank(word: str) -> int:
    return _ORDER.index(word) if word in _ORDER else len(_ORDER)


def _think(rule: Rule, bench: Bench) -> None:
    wish = bench.get("thinking")
    if not isinstance(wish, dict):
        return
    told = _WAYS[rule.to](wish, bench.get("output_config.effort"), bench.get("max_tokens"))
    if told is None:
        return
    bench.put("thinking", jsonx.REMOVED if told.thinking is None else told.thinking)
    if told.effort is not None:
        bench.put("output_config.effort", told.effort)
    bench.lose("thinking", rule.source, changed=told.thinking is not None)


_WAYS: Final = {"adaptive": as_adaptive, "enabled": as_enabled, None: without_budget}
_DEEDS: Final[dict[str, Callable[[Rule, Bench], None]]] = {
    "keep": lambda _rule, _bench: None,
    "drop": _drop,
    "rename": _rename,
    "default": _default,
    "nearest": _nearest,
    "thinking": _think,
}


def own_rules(parameters: Mapping[str, str]) -> Iterator[Rule]:
    """Yield the rules that a configuration's rows mean; see `written` for their words."""
    for parameter, deed in parameters.items():
        do, *more = deed.split()
        rule = Rule(parameter=parameter, do=cast("Deed", do), source=_OWN, origin="configuration")
        yield msgspec.structs.replace(rule, **_READ[do](more))


def written(rule: Rule) -> str:
    """Return a rule as a configuration writes it.

    `keep`; `drop`, `drop unless VALUE`, `drop beside NAME`; `rename NAME`; `default VALUE`; `nearest WORD ...`;
    `thinking adaptive`, `thinking enabled`, `thinking` (without a budget where it is adaptive).
    """
    words: list[str] = [rule.do]
    if rule.do == "drop" and rule.unless is not None:
        words += ["unless", str(rule.unless)]
    elif rule.do == "drop" and rule.beside is not None:
        words += ["beside", rule.beside]
    elif rule.do == "default":
        words.append(str(rule.value))
    return " ".join([*words, *rule.values, *([rule.to] if rule.to else [])])


def shown(rules: Iterable[Rule]) -> list[dict[str, str]]:
    """Return rules for people and programs to read: the parameter, what becomes of it, whose rule it is and why."""
    return [
        {"parameter": rule.parameter, "rule": written(rule), "from": rule.origin, "source": rule.source}
        for rule in _in_order([*rules])
    ]


def _read_drop(more: list[str]) -> dict[str, Any]:
    return {more[0]: _value(more[1]) if more[0] == "unless" else more[1]} if more else {}


def _value(text: str) -> Any:
    try:
        return jsonx.decode(text.encode())
    except BadJson:
        return text


_OWN: Final = "the relay's configuration"
_READ: Final[dict[str, Callable[[list[str]], dict[str, Any]]]] = {
    "keep": lambda _: {},
    "drop": _read_drop,
    "rename": lambda more: {"to": more[0]},
    "default": lambda more: {"value": _value(more[0])},
    "nearest": lambda more: {"values": tuple(more)},
    "thinking": lambda more: {"to": more[0] if more else None},
}


def _sentence(why: str) -> str:
    text = why[:1].upper() + why[1:]
    return text if text.endswith(".") else f"{text}."

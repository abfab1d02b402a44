"""What a refusal teaches: an upstream that names a parameter it does not take, understood as a rule for its model.

Only parameters of the request as a whole are learned; a message or a tool that is refused is the client's to mend.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from argo_relay.models.rules import Rule
from argo_relay.neutral.failure import Failure

_NAME: Final = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_ESSENTIAL: Final = frozenset(
    {"model", "messages", "input", "contents", "prompt", "stream", "system", "instructions", "tools", "user"}
)
"""What a request is nothing without."""
_CODES: Final = frozenset({"unsupported_parameter", "unknown_parameter"})
_SAYINGS: Final[tuple[re.Pattern[str], ...]] = tuple(
    map(
        re.compile,
        (
            rf"Unsupported parameter: '?(?P<name>{_NAME})",
            rf"Unknown parameter: '?(?P<name>{_NAME})",
            rf"Unsupported value: '(?P<name>{_NAME})' does not support",
            rf"Unrecognized request arguments? supplied: (?P<name>{_NAME})",
            rf"`(?P<name>{_NAME})` (?:is|and `{_NAME}` are) (?:deprecated|not supported)",
            rf"(?P<name>{_NAME}): Extra inputs are not permitted",
            rf"Unknown name \"(?P<name>{_NAME})\": Cannot find field",
            rf"'?(?P<name>{_NAME})'? is not supported (?:with|by|for|in) this model",
        ),
    )
)
_USE_INSTEAD: Final = re.compile(rf"Use '({_NAME})' instead")
_CHOICE: Final = re.compile(r"'([a-z]+)'")
_ONE_OF: Final = re.compile(
    rf"(?:(?P<first>{_NAME}): Input should be|'(?P<second>{_NAME})' does not support .*?Supported values are:)"
    r" (?P<list>.+)",
    re.DOTALL,
)
_EXCLUSIVE: Final = re.compile(rf"`(?P<beside>{_NAME})` and `(?P<name>{_NAME})` cannot both be specified")
_SOURCE: Final = "refused by the upstream"
"""No more of its words: they may repeat what the client said, and others read them."""


def lesson(failure: Failure, dialect: str, sent: Mapping[str, Any]) -> Rule | None:
    """Return the rule that would have spared a refusal of a body with these members; None where it names none."""
    if failure.status not in (400, 422):
        return None
    for rule in _candidates(failure, dialect):
        if rule.parameter.partition(".")[0] not in _ESSENTIAL and _present(rule.parameter, sent):
            return rule
    return None


def _candidates(failure: Failure, dialect: str) -> Iterator[Rule]:
    for reading in _READINGS:
        yield from reading(failure, (dialect,))


def _of_thinking(failure: Failure, dialects: tuple[str, ...]) -> Iterator[Rule]:
    message = failure.message
    if re.search(r"thinking\.type\.enabled\S* is not supported", message):
        yield _learned("thinking", dialects, do="thinking", to="adaptive")
    elif message.startswith("thinking") and "'adaptive'" in message and "expected tags" in message:
        yield _learned("thinking", dialects, do="thinking", to="enabled")
    elif re.match(r"thinking\.adaptive\.budget_tokens: Extra inputs", message):
        yield _learned("thinking", dialects, do="thinking")


def _of_choices(failure: Failure, dialects: tuple[str, ...]) -> Iterator[Rule]:
    found = _ONE_OF.search(failure.message)
    words = tuple(_CHOICE.findall(found["list"])) if found else ()
    name = found and (found["first"] or found["second"])
    if name and name.endswith("effort") and words:
        # The Responses route says it of its own member by Chat's name.
        for spelling in dict.fromkeys((name, name.replace("reasoning_effort", "reasoning.effort"))):
            yield _learned(spelling, dialects, do="nearest", values=words)


def _of_pairs(failure: Failure, dialects: tuple[str, ...]) -> Iterator[Rule]:
    if found := _EXCLUSIVE.search(failure.message):
        yield _learned(found["name"], dialects, do="drop", beside=found["beside"])


def _of_names(failure: Failure, dialects: tuple[str, ...]) -> Iterator[Rule]:
    message = failure.message
    names = [found["name"] for saying in _SAYINGS if (found := saying.search(message))]
    if failure.param is not None and failure.code in _CODES:
        names.insert(0, failure.param)
    instead = _USE_INSTEAD.search(message)
    for name in dict.fromkeys(names):
        if instead:
            yield _learned(name, dialects, do="rename", to=instead[1])
        else:
            yield _learned(name, dialects, do="drop")


_READINGS: Final[tuple[Callable[[Failure, tuple[str, ...]], Iterator[Rule]], ...]] = (
    _of_thinking,
    _of_choices,
    _of_pairs,
    _of_names,
)


def _learned(parameter: str, dialects: tuple[str, ...], **deed: Any) -> Rule:
    return Rule(parameter=parameter, dialects=dialects, source=_SOURCE, origin="learned", **deed)


def _present(name: str, members: Mapping[str, Any]) -> bool:
    top, _, inner = name.partition(".")
    value = members.get(top)
    return value is not None and (not inner or (isinstance(value, dict) and value.get(inner) is not None))

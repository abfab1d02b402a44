"""Sampling, thinking and the form of the answer, both ways.

https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, TypeVar, cast

from argo_relay.dialects.anthropic.outline import DIALECT
from argo_relay.dialects.anthropic.tools import closed_schema
from argo_relay.dialects.base import Target, passed_over
from argo_relay.errors import Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.failure import bad_request
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.request import Effort, OutputFormat, ReasoningWish, Request, Sampling, budget_of, effort_of

KNOWN: Final = frozenset(
    {"temperature", "top_p", "top_k", "stop_sequences", "thinking", "output_config", "output_format", "metadata"}
)
"""The members of a request that this module reads."""

_Value = TypeVar("_Value")

_MODES: Final[dict[str, Literal["off", "on", "adaptive"]]] = {
    "disabled": "off",
    "enabled": "on",
    "adaptive": "adaptive",
}
_TYPES: Final = {mode: kind for kind, mode in _MODES.items()}
_VISIBLE: Final = {"omitted": False, "summarized": True}
_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})
_THINKING: Final = frozenset({"type", "budget_tokens"})
_FORMAT: Final = frozenset({"type", "schema"})
_LEAST_BUDGET: Final = 1024
_DEFAULT_OUTPUT: Final = 8192
_LONGEST_USER: Final = 256


# ---------------------------------------------------------------------------------------------------- wire to neutral


def decode_sampling(values: dict[str, Any]) -> Sampling:
    """Return how tokens are to be drawn; raise Refused for stop sequences that are no text."""
    stop = values.get("stop_sequences") or ()
    if not all(isinstance(one, str) for one in stop):
        raise Refused(bad_request("`stop_sequences` must be a list of strings.", "stop_sequences", "invalid_type"))
    return Sampling(
        temperature=values.get("temperature"),
        top_p=values.get("top_p"),
        top_k=values.get("top_k"),
        stop=tuple(stop),
    )


def decode_reasoning(values: dict[str, Any]) -> ReasoningWish | None:
    """Return how much is to be thought; None when a request says nothing of it."""
    thinking = values.get("thinking") or {}
    mode = _said(thinking.get("type"), _MODES)
    effort = (values.get("output_config") or {}).get("effort")
    effort = effort if isinstance(effort, str) and effort in _EFFORTS else None
    if mode is None and effort is None:
        return None
    if mode is None:
        return ReasoningWish(effort=cast("Effort", effort))
    budget = thinking.get("budget_tokens")
    extras = passed_over(thinking, _THINKING)
    return ReasoningWish(
        mode=mode,
        effort=cast("Effort | None", effort),
        budget=budget if isinstance(budget, int) and not isinstance(budget, bool) else None,
        visible=_said(thinking.get("display"), _VISIBLE),
        extras={DIALECT: extras} if extras else {},
    )


def decode_output(values: dict[str, Any]) -> OutputFormat | None:
    """Return the form of the answer; `output_format` is where the beta of it stood."""
    for field in ("output_config", "output_format"):
        form = values.get(field)
        form = form.get("format") if field == "output_config" and isinstance(form, dict) else form
        if isinstance(form, dict) and _is_schema(form):
            rest = passed_over(form, _FORMAT) | ({"field": field} if field == "output_format" else {})
            return OutputFormat(kind="schema", schema=form["schema"], extras={DIALECT: rest} if rest else {})
    return None


def decode_end_user(values: dict[str, Any]) -> str | None:
    """Return the name that the client gives to the one who asks."""
    user = (values.get("metadata") or {}).get("user_id")
    return user if isinstance(user, str) else None


_READ_IN_PART: Final = frozenset({"thinking", "output_config", "output_format", "metadata"})


def leftovers(values: dict[str, Any]) -> dict[str, Any]:
    """Return what the functions above do not read of the members they read, by member."""
    if _READ_IN_PART.isdisjoint(values):
        return {}
    thinking = values.get("thinking")
    config = values.get("output_config") or {}
    effort, form = config.get("effort"), config.get("format")
    read = {"effort"} if isinstance(effort, str) and effort in _EFFORTS else set()
    read |= {"format"} if _is_schema(form) else set()
    rest: dict[str, Any] = {
        "output_config": passed_over(config, frozenset(read)),
        "metadata": passed_over(
            values.get("metadata") or {}, frozenset({"user_id"} if decode_end_user(values) is not None else ())
        ),
    }
    if thinking and _said(thinking.get("type"), _MODES) is None:
        rest["thinking"] = thinking
    if values.get("output_format") is not None and (_is_schema(form) or not _is_schema(values["output_format"])):
        rest["output_format"] = values["output_format"]
    return {name: value for name, value in rest.items() if value}


def _said(word: Any, table: Mapping[str, _Value]) -> _Value | None:
    return table.get(word) if isinstance(word, str) else None


def _is_schema(form: Any) -> bool:
    return isinstance(form, dict) and form.get("type") == "json_schema" and isinstance(form.get("schema"), dict)


# ---------------------------------------------------------------------------------------------------- neutral to wire


class Asked(NamedTuple):
    """What there is to encode options from: the request, whom it goes to, and what its messages allow."""

    request: Request
    target: Target
    thinkable: bool
    """False: the conversation is in the middle of calls that came without signed thoughts (see `encode_options`)."""
    losses: Losses

    def lose(self, path: str, what: str, why: str, *, approximated: bool = False) -> None:
        """Note a loss."""
        self.losses.append(Loss(path=path, what=what, why=why, how="approximated" if approximated else "dropped"))


def encode_options(asked: Asked) -> tuple[dict[str, Any], str | None]:
    """Return the members of the body that are options, and an instruction for the system prompt where one is needed.

    With a budget of its own, thinking excludes an answer in the middle of tool calls whose thoughts are not there.
    https://platform.claude.com/docs/en/build-with-claude/extended-thinking#extended-thinking-with-tool-use
    """
    if asked.request.dialect == DIALECT:
        return _own_options(asked), None
    body: dict[str, Any] = {"max_tokens": _max_tokens(asked)}
    thinking = _encode_thinking(asked, body)
    _encode_sampling(asked, body, thinking=thinking)
    instruction = _encode_output(asked, body)
    _encode_rest(asked, body)
    return body, instruction


def _own_options(asked: Asked) -> dict[str, Any]:
    request = asked.request
    sampling, wish, output = request.sampling, request.reasoning, request.output
    body: dict[str, Any] = {"max_tokens": _max_tokens(asked)}
    config: dict[str, Any] = {}
    for name in ("temperature", "top_p", "top_k"):
        if (value := getattr(sampling, name)) is not None:
            body[name] = value
    if sampling.stop:
        body["stop_sequences"] = list(sampling.stop)
    if wish is not None and wish.mode is not None:
        budget = {} if wish.budget is None else {"budget_tokens": wish.budget}
        body["thinking"] = {"type": _TYPES[wish.mode], **budget, **wish.extras.get(DIALECT, {})}
    if wish is not None and wish.effort is not None:
        config["effort"] = wish.effort
    if output is not None and output.schema is not None:
        rest = dict(output.extras.get(DIALECT, {}))
        into = body if rest.pop("field", None) == "output_format" else config
        into["output_format" if into is body else "format"] = {"type": "json_schema", "schema": output.schema, **rest}
    if config:
        body["output_config"] = config
    if request.service_tier is not None:
        body["service_tier"] = request.service_tier
    if request.end_user is not None:
        body["metadata"] = {"user_id": request.end_user}
    return body


def _max_tokens(asked: Asked) -> int:
    wanted, most = asked.request.max_output, asked.target.max_output
    if wanted is None:
        return most or _DEFAULT_OUTPUT
    if most is not None and wanted > most:
        asked.lose("max_output", "max_tokens", f"The model writes {most} tokens at most.", approximated=True)
        return most
    return wanted


def _version(model: str) -> tuple[int, int] | None:
    """Return a Claude's version, whatever spelling its name has; None for a name that does not tell it."""
    found = re.search(r"claude\D*?(\d)(?:[-._]?(\d{1,2}))?(?!\d)", model.lower())
    return None if found is None else (int(found[1]), int(found[2] or 0))


def _encode_thinking(asked: Asked, body: dict[str, Any]) -> bool:
    """Write the wish for thought; return whether the model is going to think."""
    wish = asked.request.reasoning
    if wish is None:
        return False
    effort: Effort | None = "none" if wish.mode == "off" else effort_of(wish)
    version = _version(asked.target.model)
    adaptive = version is None or version >= (4, 6)
    shown = wish.visible or (wish.visible is None and wish.summary is not None)
    if effort is None and wish.mode is None and wish.budget is None and not (shown and adaptive):
        return False
    if effort == "none":
        if adaptive:
            body["thinking"] = {"type": "disabled"}
        return False
    if not adaptive:
        return _encode_budget(asked, body, wish, version or (0, 0))
    body["thinking"] = {"type": "adaptive"}
    if shown:
        body["thinking"]["display"] = "summarized"
    if effort is not None:
        body["output_config"] = {"effort": _known_effort(asked, effort, version)}
    return True


def _known_effort(asked: Asked, effort: Effort, version: tuple[int, int] | None) -> Effort:
    known: Effort = effort
    if effort == "minimal":
        known = "low"
    elif effort == "xhigh" and version == (4, 6):
        known = "high"
    if known != effort:
        asked.lose(
            "reasoning.effort", "reasoning_effort", f"The nearest that there is is `{known}`.", approximated=True
        )
    return known


def _encode_budget(asked: Asked, body: dict[str, Any], wish: ReasoningWish, version: tuple[int, int]) -> bool:
    if version < (3, 7):
        asked.lose("reasoning", "reasoning", "This model does not think before it answers.")
        return False
    if not asked.thinkable:
        why = "The calls that are being answered came without signed thoughts, which Anthropic requires when it thinks."
        asked.lose("reasoning", "reasoning", why)
        return False
    budget = max(budget_of(wish) or 0, _LEAST_BUDGET)
    if wish.budget == -1 and wish.effort is None:
        budget = budget_of(ReasoningWish(effort="medium")) or _LEAST_BUDGET
    limit = body["max_tokens"]
    if budget >= limit:
        most = asked.target.max_output
        answer = min(limit, _LEAST_BUDGET)
        limit = budget + limit if most is None else min(budget + limit, most)
        budget = min(budget, limit - answer)
    if budget < _LEAST_BUDGET:
        asked.lose("reasoning", "reasoning", "The model's longest answer leaves no room for thoughts.")
        return False
    if limit != body["max_tokens"] and asked.request.max_output is not None:
        why = "Thoughts count as output: the limit was raised so that it exceeds their budget."
        asked.lose("max_output", "max_tokens", why, approximated=True)
    body["max_tokens"] = limit
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    return True


_NEVER: Final = (
    # field, what a Loss calls it, the values that say nothing
    ("frequency_penalty", "frequency_penalty", (None, 0)),
    ("presence_penalty", "presence_penalty", (None, 0)),
    ("seed", "seed", (None,)),
    ("logprobs", "logprobs", (None, False)),
    ("top_logprobs", "top_logprobs", (None, 0)),
)


def _encode_sampling(asked: Asked, body: dict[str, Any], *, thinking: bool) -> None:
    sampling = asked.request.sampling
    for field, what, silent in _NEVER:
        if getattr(sampling, field) not in silent:
            asked.lose(f"sampling.{field}", what, f"Anthropic has no {what.replace('_', ' ')}.")
    _encode_drawing(asked, body, thinking=thinking)
    stop = [one for one in sampling.stop if one.strip()]
    if len(stop) < len(sampling.stop):
        asked.lose("sampling.stop", "stop", "A stop sequence must hold something but white space here.")
    if stop:
        body["stop_sequences"] = stop


def _encode_drawing(asked: Asked, body: dict[str, Any], *, thinking: bool) -> None:
    sampling = asked.request.sampling
    temperature, top_p, top_k = sampling.temperature, sampling.top_p, sampling.top_k
    version = _version(asked.target.model)
    # https://platform.claude.com/docs/en/build-with-claude/extended-thinking#feature-compatibility ; the newest models
    # take no values but the defaults at all, and the defaults go without saying.
    fixed = (
        "It cannot be set while the model thinks."
        if thinking
        else "This model takes no value but its default."
        if version is not None and version >= (4, 7)
        else None
    )
    kept = asked.target.kept
    if fixed is not None:
        for name, value, default in (("temperature", temperature, 1), ("top_p", top_p, 1), ("top_k", top_k, None)):
            if value is not None and name in kept:
                body[name] = value
            elif value is not None and value != default:
                asked.lose(f"sampling.{name}", name, fixed)
        return
    if temperature is not None:
        body["temperature"] = min(temperature, 1)
        if temperature > 1:
            asked.lose("sampling.temperature", "temperature", "Anthropic's go up to 1.", approximated=True)
    if top_p is not None and (temperature is None or "top_p" in kept):
        body["top_p"] = top_p
    elif top_p not in (None, 1):
        asked.lose("sampling.top_p", "top_p", "Claude takes a temperature or a top_p, not both.")
    if top_k is not None:
        body["top_k"] = int(top_k)


def _encode_output(asked: Asked, body: dict[str, Any]) -> str | None:
    output = asked.request.output
    if output is None or output.kind == "text":
        return None
    if output.kind == "json" or output.schema is None:
        asked.lose(
            "output", "json_object", "Anthropic has no such form: the model is told to use it.", approximated=True
        )
        return "Answer with one JSON object and nothing else."
    version = _version(asked.target.model)
    if version is not None and version < (4, 1):
        asked.lose("output", "json_schema", "This model has no such form: it is told to use it.", approximated=True)
        return (
            "Answer with one JSON value that fits this JSON Schema, and nothing else:\n"
            + jsonx.encode(output.schema).decode()
        )
    moved: set[str] = set()
    schema = closed_schema(output.schema, moved)
    if moved:
        words = ", ".join(sorted(moved))
        why = f"Anthropic's schemas do not know {words}: descriptions say it, or it is false."
        asked.lose("output.schema", "json_schema", why, approximated=True)
    for word, said in (("title", output.name), ("description", output.description)):
        if said:
            schema.setdefault(word, said)
    if output.strict is False:
        why = "Anthropic's answers always fit their schema."
        asked.lose("output.strict", "strict", why, approximated=True)
    body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": schema}
    return None


def _encode_rest(asked: Asked, body: dict[str, Any]) -> None:
    request = asked.request
    if request.verbosity not in (None, "medium"):
        asked.lose("verbosity", "verbosity", "Anthropic has no verbosity.")
    for path, what, value in (
        ("continues", "previous_response_id", request.continues),
        ("store", "store", request.store),
        ("metadata", "metadata", request.metadata),
    ):
        if value:
            asked.lose(path, what, "Anthropic keeps no replies.")
    if request.cache_key is not None:
        asked.lose("cache_key", "prompt_cache_key", "Anthropic's cache needs no key.")
    if request.service_tier not in (None, "auto", "default"):
        asked.lose("service_tier", "service_tier", "Anthropic has no tier of this name.")
    if request.end_user is not None:
        if len(request.end_user) <= _LONGEST_USER:
            body["metadata"] = {"user_id": request.end_user}
        else:
            asked.lose("end_user", "user", f"Anthropic takes {_LONGEST_USER} characters.")

"""Sampling, thinking and the form of the answer, both ways.

https://platform.openai.com/docs/api-reference/chat/create
What servers take beyond it: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (`top_k`),
https://openrouter.ai/docs/use-cases/reasoning-tokens (`reasoning`), https://api-docs.deepseek.com/guides/thinking_mode
(`thinking`), https://help.aliyun.com/zh/model-studio/deep-thinking (`enable_thinking`).
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal, cast, get_args

from argo_relay.dialects.base import Target, passed_over
from argo_relay.dialects.openai_chat.content_decoder import extras_of, str_or_none
from argo_relay.dialects.openai_chat.outline import DIALECT
from argo_relay.dialects.openai_chat.tools import lose_cache
from argo_relay.errors import Refused
from argo_relay.neutral.failure import bad_request
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.request import Effort, OutputFormat, ReasoningWish, Request, Sampling, effort_of

_EFFORTS: Final = frozenset(get_args(Effort))
_WISHES: Final = ("reasoning_effort", "reasoning", "thinking", "enable_thinking", "include_reasoning")
_LIMITS: Final = ("max_completion_tokens", "max_tokens")
_DRAWN: Final = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "logprobs", "top_logprobs")
_KINDS: Final[dict[str, Literal["text", "json", "schema"]]] = {
    "text": "text",
    "json_object": "json",
    "json_schema": "schema",
}
_TYPES: Final = {kind: word for word, kind in _KINDS.items()}
_SCHEMA: Final = frozenset({"name", "description", "schema", "strict"})
_OWN_NAME: Final = "output"
_MOST_STOPS: Final = 4
_TIERS: Final = frozenset({"auto", "default", "flex", "priority"})
# OpenAI's models that can be asked not to think at all; those before them think a little at least.
_SILENT: Final = re.compile(r"gpt-?5\.?[1-9]|gpt-?[6-9]", re.ASCII)
_MINIMAL: Final = re.compile(r"gpt-?5", re.ASCII)
_THINKS: Final = re.compile(r"(?:^|[^a-z])(?:gpt-?[5-9]|gpto[1-9]|o[1-9])", re.ASCII)

KNOWN: Final = frozenset(
    {"top_k", "stop", "response_format", "verbosity", "user", "metadata", "store", "service_tier"}
) | {"prompt_cache_key", *_DRAWN, *_WISHES, *_LIMITS}
"""The members of a request that this module reads."""


# ---------------------------------------------------------------------------------------------------- wire to neutral


def decode_sampling(values: dict[str, Any]) -> Sampling:
    """Return how tokens are to be drawn; raise Refused for what cannot be."""
    stop = values.get("stop")
    stop = [stop] if isinstance(stop, str) else stop or []
    if not all(isinstance(one, str) for one in stop):
        raise Refused(bad_request("`stop` must be a string or a list of strings.", "stop", "invalid_type"))
    for field in ("seed", "top_k"):
        _check_number(values, field)
    return Sampling(
        **{name: values.get(name) for name in _DRAWN},
        top_k=values.get("top_k"),
        stop=tuple(stop),
    )


def _check_number(values: dict[str, Any], field: str) -> None:
    value = values.get(field)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise Refused(bad_request(f"`{field}` must be a number.", field, "invalid_type"))


def decode_limit(values: dict[str, Any]) -> int | None:
    """Return how many tokens may be written; the newer field counts where both stand."""
    return next((value for name in _LIMITS if (value := values.get(name)) is not None), None)


def decode_reasoning(values: dict[str, Any]) -> ReasoningWish | None:
    """Return how much is to be thought, in whichever server's words it is said; the words are kept for this dialect."""
    said = {name: values[name] for name in _WISHES if values.get(name) is not None}
    if not said:
        return None
    wish, thinking = said.get("reasoning"), said.get("thinking")
    wish = wish if isinstance(wish, dict) else {}
    thinking = thinking if isinstance(thinking, dict) else {}
    effort = said.get("reasoning_effort", wish.get("effort"))
    budget = wish.get("max_tokens", thinking.get("budget_tokens", values.get("thinking_budget")))
    shown = wish.get("exclude")
    shown = not shown if isinstance(shown, bool) else said.get("include_reasoning")
    known = isinstance(effort, str) and effort in _EFFORTS
    return ReasoningWish(
        mode=_mode(wish.get("enabled", said.get("enable_thinking")), thinking.get("type")),
        effort=cast("Effort", effort) if known else None,
        budget=budget if isinstance(budget, int) and not isinstance(budget, bool) else None,
        summary=str_or_none(wish.get("summary")),
        visible=shown if isinstance(shown, bool) else None,
        extras={} if [*said] == ["reasoning_effort"] and known else {DIALECT: said},
    )


def _mode(enabled: Any, kind: Any) -> Literal["off", "on", "adaptive"] | None:
    if enabled is False or kind == "disabled":
        return "off"
    if kind in ("adaptive", "auto"):
        return "adaptive"
    return "on" if enabled is True or kind == "enabled" else None


def decode_output(form: Any) -> OutputFormat | None:
    """Return the form of the answer; raise Refused for a schema that is none."""
    if not isinstance(form, dict):
        return None
    kind = form.get("type") or ("json_schema" if "json_schema" in form else None)
    known = _KINDS.get(kind) if isinstance(kind, str) else None
    said = form.get("json_schema")
    if known is None or (known == "schema" and not isinstance(said, dict)):
        return OutputFormat(kind="text", extras={DIALECT: {"raw": form}})
    if known != "schema":
        return OutputFormat(kind=known, extras=extras_of(passed_over(form, frozenset({"type"}))))
    said = cast("dict[str, Any]", said)
    schema, strict = said.get("schema"), said.get("strict")
    if not isinstance(schema, dict | None):
        path = "response_format.json_schema.schema"
        raise Refused(bad_request(f"`{path}` must be an object.", path, "invalid_type"))
    rest = passed_over(form, frozenset({"type", "json_schema"}))
    if inner := passed_over(said, _SCHEMA if isinstance(strict, bool | None) else _SCHEMA - {"strict"}):
        rest["json_schema"] = inner
    return OutputFormat(
        kind="schema",
        schema=schema,
        name=str_or_none(said.get("name")),
        description=str_or_none(said.get("description")),
        strict=strict if isinstance(strict, bool) else None,
        extras=extras_of(rest),
    )


# ---------------------------------------------------------------------------------------------------- neutral to wire


class OptionEncoder:
    """Writes everything of one request but its messages and tools."""

    def __init__(self, request: Request, target: Target, losses: Losses) -> None:
        self._request = request
        self._target = target
        self._own = request.dialect == DIALECT
        self._losses = losses

    def encode(self) -> dict[str, Any]:
        """Return the members of the body."""
        body = self._sampling() | self._limit() | self._reasoning()
        if self._request.output is not None and (form := self._output(self._request.output)):
            body["response_format"] = form
        return body | self._rest()

    def _lose(self, path: str, what: str, why: str, *, approximated: bool = False) -> None:
        self._losses.append(Loss(path=path, what=what, why=why, how="approximated" if approximated else "dropped"))

    def _sampling(self) -> dict[str, Any]:
        sampling = self._request.sampling
        body = {name: value for name in _DRAWN if (value := getattr(sampling, name)) is not None}
        if sampling.top_logprobs is not None and not sampling.logprobs and not self._own:
            body["logprobs"] = True
        if sampling.top_k is not None:
            if self._own or self._target.owner is None:
                body["top_k"] = sampling.top_k
            else:
                self._lose("sampling.top_k", "top_k", "Chat Completions has no top_k.")
        stop = list(sampling.stop)
        if len(stop) > _MOST_STOPS and not self._own and self._target.owner == "openai":
            stop = stop[:_MOST_STOPS]
            why = f"OpenAI takes {_MOST_STOPS} stop sequences at most."
            self._lose("sampling.stop", "stop", why, approximated=True)
        return body | ({"stop": stop} if stop else {})

    def _limit(self) -> dict[str, Any]:
        limit, most = self._request.max_output, self._target.max_output
        if limit is None:
            return {}
        if most is not None and limit > most and not self._own:
            self._lose("max_output", "max_output", f"The model writes {most} tokens at most.", approximated=True)
            limit = most
        # OpenAI's models since o1 refuse the older name; most servers of other make know no other.
        newer = self._target.owner == "openai"
        return {"max_completion_tokens" if newer else "max_tokens": limit}

    def _reasoning(self) -> dict[str, Any]:
        wish = self._request.reasoning
        if wish is None:
            return {}
        if DIALECT in wish.extras:
            return dict(wish.extras[DIALECT])
        if not self._own and (wish.summary is not None or wish.visible):
            self._lose("reasoning.visible", "reasoning_summary", "Chat Completions cannot be asked to show thoughts.")
        effort = "none" if wish.mode == "off" else effort_of(wish)
        if effort is None:
            if wish.mode is not None or wish.budget is not None:
                self._lose("reasoning", "reasoning", "Here a model decides by itself whether it thinks.")
            return {}
        return self._effort(effort, wish)

    def _effort(self, wanted: Effort, wish: ReasoningWish) -> dict[str, Any]:
        effort = wanted
        if self._target.owner == "openai" and not self._own:
            if _THINKS.search(self._target.model) is None:
                if wanted != "none":
                    self._lose("reasoning", "reasoning", "This model does not think before it answers.")
                return {}
            effort = self._known_effort(wanted)
        elif wanted == "none" and wish.effort is None and not self._own:
            # Older servers refuse a word that they do not know, and then nothing is answered at all.
            self._lose("reasoning", "reasoning", "A server of unknown make may not know how not to think.")
            return {}
        if wish.budget is not None and not self._own:
            why = f"There is no number of tokens here: the model is asked for {effort} effort."
            self._lose("reasoning.budget", "budget", why, approximated=True)
        return {"reasoning_effort": effort}

    def _known_effort(self, wanted: Effort) -> Effort:
        newer = _SILENT.search(self._target.model) is not None
        known: Effort = wanted
        if wanted in ("none", "minimal") and not newer:
            known = "minimal" if _MINIMAL.search(self._target.model) else "low"
        elif wanted == "minimal":
            known = "low"
        elif wanted == "max" or (wanted == "xhigh" and not newer):
            known = "xhigh" if newer else "high"
        if known != wanted:
            why = f"The nearest effort that this model knows is `{known}`."
            self._lose("reasoning.effort", "reasoning_effort", why, approximated=True)
        return known

    def _output(self, output: OutputFormat) -> dict[str, Any]:
        mine = output.extras.get(DIALECT, {})
        if "raw" in mine:
            return dict(mine["raw"])
        if output.kind == "text" and not self._own:
            return {}
        made: dict[str, Any] = {"type": _TYPES[output.kind]}
        if output.kind == "schema":
            named = output.name if self._own else output.name or _OWN_NAME
            said = {"name": named, "description": output.description, "schema": output.schema, "strict": output.strict}
            made["json_schema"] = {name: value for name, value in said.items() if value is not None}
            made["json_schema"] |= mine.get("json_schema", {})
        return made | {name: value for name, value in mine.items() if name != "json_schema"}

    def _rest(self) -> dict[str, Any]:
        request = self._request
        body: dict[str, Any] = {
            "verbosity": request.verbosity,
            "user": request.end_user,
            "store": request.store,
            "service_tier": request.service_tier,
            "prompt_cache_key": request.cache_key,
            "metadata": request.metadata,
        }
        if not self._own:
            self._fit(body)
        if request.cache is not None and not self._own:
            lose_cache(request.cache, "cache", self._losses)
        if request.continues is not None:
            self._lose("continues", "previous_response_id", "Chat Completions keeps no conversations.")
        return {name: value for name, value in body.items() if value is not None}

    def _fit(self, body: dict[str, Any]) -> None:
        """Take out what the upstream's kind of server does not know, or would refuse."""
        if body["store"] is False:
            body["store"] = None
        if body["service_tier"] is not None and body["service_tier"] not in _TIERS:
            body["service_tier"] = None
            self._lose("service_tier", "service_tier", "OpenAI has other service tiers.")
        if body["metadata"] is not None and not body["store"]:
            body["metadata"] = None
            self._lose("metadata", "metadata", "OpenAI takes metadata only with what it keeps (`store`).")
        if self._target.owner in ("openai", None):
            return
        for name, what in (
            ("verbosity", "verbosity"),
            ("prompt_cache_key", "cache_key"),
            ("store", "store"),
            ("service_tier", "service_tier"),
            ("metadata", "metadata"),
        ):
            if body[name] is not None:
                body[name] = None
                self._lose(what, name, f"This model is no model of OpenAI's: it has no {name}.")

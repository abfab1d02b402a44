"""Sampling, thinking and the form of the answer, both ways: https://ai.google.dev/api/generate-content#GenerationConfig."""

from __future__ import annotations

import re
from typing import Any, Final

from argo_relay.dialects.base import Target, passed_over
from argo_relay.dialects.google.tools import json_schema
from argo_relay.errors import Refused
from argo_relay.neutral.failure import bad_request
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.request import Effort, OutputFormat, ReasoningWish, Request, Sampling, budget_of, effort_of

SAID: Final = frozenset(
    [
        "temperature",
        "topP",
        "topK",
        "maxOutputTokens",
        "stopSequences",
        "seed",
        "presencePenalty",
        "frequencyPenalty",
        "responseLogprobs",
        "logprobs",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "thinkingConfig",
        "candidateCount",
    ]
)
"""Members of `generationConfig` that neutral fields hold."""

_TEXT_ONLY: Final = ["TEXT"]
_LEVELS: Final[dict[str, Effort]] = {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high"}
# From version 3 on, models are told a level; those before take a number of tokens only.
_LEVELLED: Final = re.compile(r"gemini-(?:[3-9]|[1-9]\d)")
_LARGEST_BUDGET: Final = 24576
_LARGEST_PRO_BUDGET: Final = 32768
_SMALLEST_PRO_BUDGET: Final = 128
_MOST_STOPS: Final = 5
_SEEDS: Final = 2**31


def own_members(config: dict[str, Any]) -> dict[str, Any]:
    """Return the members of `generationConfig` that no neutral field holds."""
    rest = passed_over(config, SAID)
    if rest.get("responseModalities") == _TEXT_ONLY:
        # What everyone takes for granted; the form of the answer says it.
        del rest["responseModalities"]
    return rest


def decode_sampling(config: dict[str, Any]) -> Sampling:
    """Return how tokens are drawn; raise Refused for what is no number."""
    stop = config.get("stopSequences")
    logprobs = config.get("responseLogprobs")
    if not isinstance(logprobs, bool | None):
        raise _wrong("responseLogprobs", "true or false")
    if not isinstance(stop, list | None) or not all(isinstance(one, str) for one in stop or ()):
        raise _wrong("stopSequences", "a list of strings")
    return Sampling(
        temperature=_number(config, "temperature"),
        top_p=_number(config, "topP"),
        top_k=_number(config, "topK"),
        frequency_penalty=_number(config, "frequencyPenalty"),
        presence_penalty=_number(config, "presencePenalty"),
        seed=whole(config, "seed"),
        stop=tuple(stop or ()),
        logprobs=logprobs,
        top_logprobs=whole(config, "logprobs"),
    )


def _number(config: dict[str, Any], field: str) -> Any:
    value = config.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise _wrong(field, "a number")
    return value


def whole(config: dict[str, Any], field: str) -> int | None:
    """Return a member of `generationConfig` that counts something; raise Refused when it is no whole number."""
    value = _number(config, field)
    if isinstance(value, float):
        if not value.is_integer():
            raise _wrong(field, "a whole number")
        return int(value)
    return value if isinstance(value, int) else None


def _wrong(field: str, wanted: str) -> Refused:
    path = f"generationConfig.{field}"
    return Refused(bad_request(f"`{path}` must be {wanted}.", path, "invalid_type"))


def decode_reasoning(value: Any) -> ReasoningWish | None:
    """Return what a `thinkingConfig` wishes."""
    if not isinstance(value, dict):
        return None
    budget, visible = value.get("thinkingBudget"), value.get("includeThoughts")
    budget = budget if isinstance(budget, int) and not isinstance(budget, bool) else None
    return ReasoningWish(
        mode="off" if budget == 0 else None,
        effort=_LEVELS.get(str(value.get("thinkingLevel")).upper()),
        budget=budget,
        visible=visible if isinstance(visible, bool) else None,
        extras={"google": value},
    )


def decode_output(config: dict[str, Any]) -> OutputFormat | None:
    """Return what form the answer takes; the members that say it are kept for Gemini."""
    said = {
        field: config[field]
        for field in ("responseMimeType", "responseSchema", "responseJsonSchema")
        if config.get(field) is not None
    }
    if config.get("responseModalities") == _TEXT_ONLY:
        said["responseModalities"] = _TEXT_ONLY
    if not said:
        return None
    extras = {"google": said}
    schema = said.get("responseJsonSchema")
    if schema is None:
        schema = json_schema(said.get("responseSchema"))
    if isinstance(schema, dict):
        title = schema.get("title")
        name = title if isinstance(title, str) and title else None
        return OutputFormat(kind="schema", schema=schema, name=name, extras=extras)
    return OutputFormat(kind="json" if said.get("responseMimeType") == "application/json" else "text", extras=extras)


def encode_options(request: Request, target: Target, losses: Losses) -> dict[str, Any]:
    """Return the `generationConfig` of a request."""
    config = _sampling(request, losses)
    limit = request.max_output
    if limit is not None:
        if target.max_output is not None and limit > target.max_output:
            limit = target.max_output
            why = f"The model writes {limit} tokens at most."
            losses.append(Loss(path="max_output", what="max_output", why=why, how="approximated"))
        config["maxOutputTokens"] = limit
    if request.output is not None:
        config.update(_output(request.output, losses))
    if request.reasoning is not None and (thinking := _thinking(request.reasoning, target.model, losses)):
        config["thinkingConfig"] = thinking
    return config


def _sampling(request: Request, losses: Losses) -> dict[str, Any]:
    sampling = request.sampling
    values = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "frequencyPenalty": sampling.frequency_penalty,
        "presencePenalty": sampling.presence_penalty,
        "seed": sampling.seed,
        "responseLogprobs": sampling.logprobs,
        "logprobs": sampling.top_logprobs,
        "stopSequences": list(sampling.stop) or None,
    }
    if request.dialect != "google":
        _fit(values, losses)
    return {name: value for name, value in values.items() if value is not None}


def _fit(values: dict[str, Any], losses: Losses) -> None:
    """Bring what other vendors allow within Gemini's limits."""
    stops, seed = values["stopSequences"], values["seed"]
    if stops and len(stops) > _MOST_STOPS:
        values["stopSequences"] = stops[:_MOST_STOPS]
        why = f"Gemini takes {_MOST_STOPS} stop sequences at most."
        losses.append(Loss(path="sampling.stop", what="stop", why=why, how="approximated"))
    if seed is not None and not -_SEEDS <= seed < _SEEDS:
        values["seed"] = seed % _SEEDS
        why = "Gemini's seeds have 32 bits."
        losses.append(Loss(path="sampling.seed", what="seed", why=why, how="approximated"))


def _output(output: OutputFormat, losses: Losses) -> dict[str, Any]:
    if "google" in output.extras:
        return dict(output.extras["google"])
    if output.kind == "text":
        return {}
    config: dict[str, Any] = {"responseMimeType": "application/json"}
    if output.kind == "schema" and output.schema is not None:
        named = {"title": output.name, "description": output.description}
        schema = {field: value for field, value in named.items() if value is not None and field not in output.schema}
        config["responseJsonSchema"] = {**output.schema, **schema}
    if output.strict is False:
        why = "Gemini always holds its answer to the schema."
        losses.append(Loss(path="output.strict", what="strict", why=why, how="approximated"))
    return config


def _thinking(wish: ReasoningWish, model: str, losses: Losses) -> dict[str, Any]:
    if "google" in wish.extras:
        return dict(wish.extras["google"])
    thinking: dict[str, Any] = {}
    visible = wish.visible
    if visible is None and (wish.summary or (wish.mode in ("on", "adaptive"))):
        visible = True
    if visible is not None and effort_of(wish) != "none":
        thinking["includeThoughts"] = visible
    thinking.update(_amount(wish, model, losses))
    return thinking


def _amount(wish: ReasoningWish, model: str, losses: Losses) -> dict[str, Any]:
    """Return how much to think, in tokens or as a level, as the model takes it."""
    pro = "pro" in model
    effort = effort_of(wish)
    if effort is None:
        return {} if wish.budget is None else {"thinkingBudget": wish.budget}
    if wish.budget is None and _LEVELLED.search(model):
        level = "low" if pro else "minimal"
        said = level if effort in ("none", "minimal") else "high" if effort in ("xhigh", "max") else effort
        if said != effort:
            _approximate(f"The nearest level that this model has is {said}.", losses)
        return {"thinkingLevel": said.upper()}
    budget = 0 if effort == "none" else budget_of(wish) or 0
    most = _LARGEST_PRO_BUDGET if pro else _LARGEST_BUDGET
    fitting = min(max(budget, _SMALLEST_PRO_BUDGET if pro else 0), most)
    if fitting != budget:
        _approximate(f"The nearest number of tokens that this model takes is {fitting}.", losses)
    return {"thinkingBudget": fitting}


def _approximate(why: str, losses: Losses) -> None:
    losses.append(Loss(path="reasoning", what="reasoning_effort", why=why, how="approximated"))

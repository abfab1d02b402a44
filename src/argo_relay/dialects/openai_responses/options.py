"""Everything of a request but its messages and tools, both ways, and what of it a response repeats.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import Any, Final, cast, get_args

from argo_relay.dialects.base import Target, lose_extras, passed_over
from argo_relay.dialects.openai_responses.outline import DIALECT, extras_of, text_of
from argo_relay.dialects.openai_responses.tools import encode_tool_choice, encode_tools, lose_cache
from argo_relay.neutral.content import Text
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.request import Effort, OutputFormat, ReasoningWish, Request, Sampling, effort_of

LOGPROBS: Final = "message.output_text.logprobs"
ENCRYPTED: Final = "reasoning.encrypted_content"
INSTRUCTIONS: Final = "instructions"
"""Marks the message that was the request's `instructions`."""

_EFFORTS: Final = frozenset(get_args(Effort))
_LEAST_OUTPUT: Final = 16
"""OpenAI refuses a smaller `max_output_tokens`."""
_OWN_NAME: Final = "output"
_OF_FORMAT: Final = frozenset({"type", "name", "description", "schema", "strict"})
_KINDS: Final = {"text": "text", "json_object": "json", "json_schema": "schema"}
_TYPES: Final = {kind: word for word, kind in _KINDS.items()}
# What there is no field for, in the order of Sampling, with the reason that the client is given.
_UNSAID: Final = {
    "top_k": "OpenAI has no top_k.",
    "frequency_penalty": "The Responses API has no penalties.",
    "presence_penalty": "The Responses API has no penalties.",
    "seed": "The Responses API has no seed.",
}
_REPEATED: Final = (
    "background",
    "conversation",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
)
_UNLESS_SAID: Final[dict[str, Any]] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "store": False,
    "temperature": None,
    "text": {},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}


def decode_sampling(values: dict[str, Any]) -> Sampling:
    """Return how tokens are drawn."""
    include = values.get("include")
    return Sampling(
        temperature=values.get("temperature"),
        top_p=values.get("top_p"),
        logprobs=True if isinstance(include, list) and LOGPROBS in include else None,
        top_logprobs=values.get("top_logprobs"),
    )


def decode_reasoning_wish(value: dict[str, Any] | None) -> ReasoningWish | None:
    """Return how much the model should think."""
    if value is None:
        return None
    rest = passed_over(value, frozenset({"effort", "summary"}))
    effort, summary = value.get("effort"), value.get("summary")
    if effort is not None and (not isinstance(effort, str) or effort not in _EFFORTS):
        rest["effort"], effort = effort, None
    if summary is not None and not isinstance(summary, str):
        rest["summary"], summary = summary, None
    return ReasoningWish(effort=cast("Effort | None", effort), summary=summary, extras=extras_of(rest))


def decode_text(value: dict[str, Any] | None) -> tuple[OutputFormat | None, str | None, dict[str, Any]]:
    """Return the form of the answer, how long it may be, and what else `text` says."""
    if value is None:
        return None, None, {}
    rest = passed_over(value, frozenset({"format", "verbosity"}))
    verbosity, form = value.get("verbosity"), value.get("format")
    if verbosity is not None and not isinstance(verbosity, str):
        rest["verbosity"], verbosity = verbosity, None
    output = _decode_format(form)
    if output is None and form is not None:
        rest["format"] = form
    return output, verbosity, rest


def _decode_format(form: Any) -> OutputFormat | None:
    kind = _KINDS.get(text_of(form.get("type"))) if isinstance(form, dict) else None
    if kind is None:
        return None
    schema, strict = form.get("schema"), form.get("strict")
    if not isinstance(schema, dict | None) or not isinstance(strict, bool | None):
        return None
    return OutputFormat(
        kind="schema" if kind == "schema" else "json" if kind == "json" else "text",
        schema=schema,
        name=text_of(form.get("name")) or None,
        description=text_of(form.get("description")) or None,
        strict=strict,
        extras=extras_of(passed_over(form, _OF_FORMAT)),
    )


def encode_options(request: Request, target: Target | None, losses: Losses) -> dict[str, Any]:
    """Return every field of a request but `model`, `input`, `instructions` and `stream`.

    Without a target, it is what the client of this dialect asked for, as a response repeats it.
    """
    own = request.dialect == DIALECT
    sampling = request.sampling
    limit = request.max_output if target is None else _limit(request, target, losses, own=own)
    body: dict[str, Any] = {
        "tools": encode_tools(request.tools, losses, own=own),
        "tool_choice": encode_tool_choice(request.tool_choice, request.tools, losses),
        "parallel_tool_calls": request.parallel_tools,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_logprobs": sampling.top_logprobs,
        "max_output_tokens": limit,
        "reasoning": _encode_wish(request.reasoning, losses),
        "text": _encode_text(request),
        "prompt_cache_key": request.cache_key,
        "metadata": _encode_metadata(request.metadata, losses, own=own),
        "previous_response_id": request.continues,
        "service_tier": request.service_tier,
        # A client of another dialect never asked that its conversation be kept.
        "store": request.store if own or request.store is not None else False,
        "user": request.end_user,
        "include": _include(request, own=own),
    }
    mine = {name: value for name, value in request.extras.get(DIALECT, {}).items() if name != "text"}
    _lose_of_options(request, losses)
    return {name: value for name, value in body.items() if value not in (None, [])} | mine


def _limit(request: Request, target: Target, losses: Losses, *, own: bool) -> int | None:
    limit = request.max_output
    if limit is None:
        return None
    fitting = limit if own else max(limit, _LEAST_OUTPUT)
    if target.max_output is not None:
        fitting = min(fitting, target.max_output)
    if fitting != limit:
        why = f"The model is asked for {fitting} tokens at most: that is what it accepts."
        losses.append(Loss(path="max_output", what="max_output", why=why, how="approximated"))
    return fitting


def _encode_wish(wish: ReasoningWish | None, losses: Losses) -> dict[str, Any] | None:
    if wish is None:
        return None
    made: dict[str, Any] = {}
    effort = "none" if wish.mode == "off" else effort_of(wish)
    if effort is not None:
        made["effort"] = effort
        if wish.budget is not None:
            why = f"OpenAI takes no number of tokens: it is asked for {effort} effort."
            losses.append(Loss(path="reasoning.budget", what="budget", why=why, how="approximated"))
    elif wish.mode is not None or wish.budget is not None:
        why = "OpenAI's models decide by themselves whether they think."
        losses.append(Loss(path="reasoning", what="reasoning", why=why))
    if wish.summary is not None:
        made["summary"] = wish.summary
    elif wish.visible and effort != "none":
        made["summary"] = "auto"
    made |= wish.extras.get(DIALECT, {})
    return made or (None if wish.mode or wish.budget is not None or wish.visible is not None else {})


def _encode_text(request: Request) -> dict[str, Any] | None:
    made: dict[str, Any] = {}
    output = request.output
    if output is not None:
        form: dict[str, Any] = {"type": _TYPES[output.kind]}
        if output.kind == "schema":
            form["name"] = output.name or _OWN_NAME
            form["schema"] = output.schema if output.schema is not None else {}
        said = {"description": output.description, "strict": output.strict}
        form |= {name: value for name, value in said.items() if value is not None}
        made["format"] = form | output.extras.get(DIALECT, {})
    if request.verbosity is not None:
        made["verbosity"] = request.verbosity
    made |= request.extras.get(DIALECT, {}).get("text", {})
    return made or None


def _encode_metadata(metadata: dict[str, Any] | None, losses: Losses, *, own: bool) -> dict[str, Any] | None:
    if metadata is None or own:
        return metadata
    kept = {name: value for name, value in metadata.items() if isinstance(value, str)}
    losses += [
        Loss(path=f"metadata.{name}", what="metadata", why="OpenAI's metadata holds texts only.")
        for name in metadata
        if name not in kept
    ]
    return kept or None


def _include(request: Request, *, own: bool) -> list[str] | None:
    if own:
        return None
    wish = request.reasoning
    thinks = wish is not None and wish.mode != "off" and effort_of(wish) != "none"
    # Without it there is no seal, and the client's next turn could not give the thought back.
    asked = [ENCRYPTED] if thinks else []
    return asked + ([LOGPROBS] if request.sampling.logprobs else [])


def _lose_of_options(request: Request, losses: Losses) -> None:
    sampling = request.sampling
    for name, why in _UNSAID.items():
        if getattr(sampling, name) is not None:
            losses.append(Loss(path=f"sampling.{name}", what=name, why=why))
    if sampling.stop:
        losses.append(Loss(path="sampling.stop", what="stop", why="The Responses API has no stop sequences."))
    if request.cache is not None:
        lose_cache(request.cache, "cache", losses)
    lose_extras(request, DIALECT, losses)


def repeated(request: Request) -> dict[str, Any]:
    """Return the fields of a client's request that its response repeats, with the defaults where it was silent."""
    said = encode_options(request, None, [])
    made = {**_UNLESS_SAID, **{name: said[name] for name in _REPEATED if said.get(name) is not None}}
    first = request.messages[0] if request.messages else None
    if first is not None and INSTRUCTIONS in first.extras.get(DIALECT, {}):
        made["instructions"] = "".join(part.text for part in first.parts if isinstance(part, Text))
    made["tools"] = [_shown(tool) for tool in said.get("tools", ())]
    made["reasoning"] = {"effort": None, "summary": None} | made.get("reasoning", {})
    made["text"] = {"format": {"type": "text"}} | made["text"]
    if isinstance(made.get("conversation"), str):
        made["conversation"] = {"id": made["conversation"]}
    return made


def _shown(tool: dict[str, Any]) -> dict[str, Any]:
    """Return a tool as types of replies demand it, where some members are required that requests may leave out."""
    return {"parameters": None, "strict": None, **tool} if tool.get("type") == "function" else tool

"""A chat request, as far as its shape goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from argo_relay.simulator.request import (
    Choice,
    Heard,
    RefusedError,
    Request,
    Tool,
    Turn,
    cost,
    detail,
    dicts,
    images_in,
    positive,
    text_of,
)

_ASIDE = frozenset({"system", "developer"})


def _invalid(kind: str, loc: list[str | int], message: str, value: object) -> RefusedError:
    return RefusedError(detail(422, [{"type": kind, "loc": loc, "msg": message, "input": value}]))


def _prompt(messages: list[dict[str, Any]]) -> str:
    return next((text_of(message) for message in reversed(messages) if message.get("role") == "user"), "")


def _tools(body: dict[str, Any]) -> Iterator[Tool]:
    for tool in dicts(body.get("tools")):
        function = tool.get("function")
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            yield Tool(name=function["name"], schema=function.get("parameters"))


def _choice(body: dict[str, Any]) -> Choice:
    choice = body.get("tool_choice")
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    demanded = "any" if choice == "required" else name if isinstance(name, str) else None
    return Choice(demanded=demanded, forbidden=choice == "none", parallel=body.get("parallel_tool_calls") is not False)


def _schema(body: dict[str, Any]) -> tuple[bool, object]:
    wanted = body.get("response_format")
    if not isinstance(wanted, dict) or wanted.get("type") not in {"json_schema", "json_object"}:
        return False, None
    named = wanted.get("json_schema")
    return True, named.get("schema") if isinstance(named, dict) else None


def turn_of(body: dict[str, Any], messages: list[dict[str, Any]]) -> Turn:
    """Return what a body asks for, its messages apart."""
    said = [message.get("role") for message in messages if message.get("role") not in _ASIDE]
    structured, schema = _schema(body)
    limits = [positive(body.get("max_tokens")), positive(body.get("max_completion_tokens"))]
    return Turn(
        prompt=_prompt(messages),
        tools=tuple(_tools(body)),
        choice=_choice(body),
        answered=bool(said) and said[-1] == "tool",
        images=images_in(messages),
        structured=structured,
        schema=schema,
        limit=min((limit for limit in limits if limit is not None), default=None),
        tokens=sum(cost(text_of(message)) for message in messages),
    )


def read(heard: Heard) -> Request:
    """Return the request, or raise RefusedError with the 422 that names the field at fault."""
    if heard.problem:
        raise RefusedError(heard.problem)
    body = heard.value
    if not isinstance(body, dict):
        raise _invalid(
            "model_attributes_type",
            ["body"],
            "Input should be a valid dictionary or object to extract fields from",
            body,
        )
    for name in ("model", "messages"):
        if name not in body:
            raise _invalid("missing", ["body", name], "Field required", body)
    model, messages = body["model"], body["messages"]
    if not isinstance(model, str):
        raise _invalid("string_type", ["body", "model"], "Input should be a valid string", model)
    if not isinstance(messages, list):
        raise _invalid("list_type", ["body", "messages"], "Input should be a valid list", messages)
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            raise _invalid("dict_type", ["body", "messages", index], "Input should be a valid dictionary", message)
    return Request(body=body, model=model, messages=messages, turn=turn_of(body, messages))

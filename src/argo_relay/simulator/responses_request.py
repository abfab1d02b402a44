"""A request to `/v1/responses`, as far as its shape goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from argo_relay.simulator.errors import invalid_request
from argo_relay.simulator.request import (
    Choice,
    Heard,
    RefusedError,
    Request,
    Tool,
    Turn,
    cost,
    dicts,
    images_in,
    positive,
    text_of,
)

OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})
_ASIDE = frozenset({"system", "developer"})


def _prompt(items: list[dict[str, Any]]) -> str:
    return next((text_of(item) for item in reversed(items) if item.get("role") == "user"), "")


def _offered(tools: object, namespace: str | None = None) -> Iterator[Tool]:
    for tool in dicts(tools):
        name, kind = tool.get("name"), tool.get("type")
        if not isinstance(name, str):
            continue
        if kind == "namespace" and namespace is None:
            yield from _offered(tool.get("tools"), name)
        elif kind in {"function", "custom"}:
            yield Tool(name=name, schema=tool.get("parameters"), free=kind == "custom", namespace=namespace)


def _tools(body: dict[str, Any], items: list[dict[str, Any]]) -> Iterator[Tool]:
    """Yield what is offered, by the request or, as Codex does it, by an item of its input."""
    yield from _offered(body.get("tools"))
    for item in items:
        if item.get("type") == "additional_tools":
            yield from _offered(item.get("tools"))


def _choice(body: dict[str, Any]) -> Choice:
    choice = body.get("tool_choice")
    name = choice.get("name") if isinstance(choice, dict) and choice.get("type") in {"function", "custom"} else None
    demanded = "any" if choice == "required" else name if isinstance(name, str) else None
    return Choice(demanded=demanded, forbidden=choice == "none", parallel=body.get("parallel_tool_calls") is not False)


def _schema(body: dict[str, Any]) -> tuple[bool, object]:
    text = body.get("text")
    wanted = text.get("format") if isinstance(text, dict) else None
    if not isinstance(wanted, dict) or wanted.get("type") not in {"json_schema", "json_object"}:
        return False, None
    return True, wanted.get("schema")


def _turn(body: dict[str, Any], items: list[dict[str, Any]]) -> Turn:
    said = [item for item in items if item.get("role") not in _ASIDE]
    instructions = body.get("instructions")
    texts = [text_of(item) for item in items] + [instructions if isinstance(instructions, str) else ""]
    structured, schema = _schema(body)
    return Turn(
        prompt=_prompt(items),
        tools=tuple(_tools(body, items)),
        choice=_choice(body),
        answered=bool(said) and said[-1].get("type") in OUTPUTS,
        images=images_in(items),
        structured=structured,
        schema=schema,
        limit=positive(body.get("max_output_tokens")),
        tokens=3 + 3 * len(items) + sum(map(cost, texts)),
    )


def _items(given: object) -> list[dict[str, Any]] | None:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return dicts(given) if isinstance(given, list) and all(isinstance(item, dict) for item in given) else None


def _refused(message: str) -> RefusedError:
    return RefusedError(invalid_request(message))


def read(heard: Heard) -> Request:
    """Return the request, or raise RefusedError; its words are inferred."""
    body = heard.value
    if heard.problem:
        raise _refused("There was an error parsing the body")
    if not isinstance(body, dict):
        raise _refused("The body must be an object")
    model, items = body.get("model"), _items(body.get("input"))
    if not isinstance(model, str) or not model:
        raise _refused("model is required")
    if items is None:
        raise _refused("input is required")
    return Request(body=body, model=model, messages=items, turn=_turn(body, items))

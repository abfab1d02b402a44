"""A chat request as Argo's web framework reads it, before any model sees it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import msgspec

from argo_relay.simulator.wire import JSON_HEADERS, Headers, encode


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that ends the request, ready to be sent."""

    status: int
    body: bytes
    headers: Headers = JSON_HEADERS


class RefusedError(Exception):
    """Argo does not take this request."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status)
        self.refusal = refusal


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """The body as far as it could be read: `problem` is the refusal where it was not JSON."""

    raw: bytes
    value: Any = None
    problem: Refusal | None = None

    def field(self, name: str) -> Any:
        """Return a field of a body that may be anything, or None."""
        return self.value.get(name) if isinstance(self.value, dict) else None


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A body of the right shape. Nothing in it has been judged."""

    body: dict[str, Any]
    model: str
    messages: list[dict[str, Any]]

    @property
    def stream(self) -> bool:
        """Whether the client wants events."""
        return self.body.get("stream") is True

    @property
    def include_usage(self) -> bool:
        """Whether the client wants usage in its stream."""
        options = self.body.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True

    @property
    def prompt(self) -> str:
        """Return the text of the last user message: this is where directives are looked for."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                return text_of(message)
        return ""

    @property
    def token_limit(self) -> int | None:
        """Return the smaller of the two fields that cap a reply's tokens, or None."""
        limits = [self.body.get("max_tokens"), self.body.get("max_completion_tokens")]
        return min((limit for limit in limits if type(limit) is int and limit > 0), default=None)


def text_of(message: dict[str, Any]) -> str:
    """Return a message's text: its content, or its text parts joined by new lines."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(text for text in texts if isinstance(text, str))


def _detail(status: int, detail: object) -> Refusal:
    return Refusal(status=status, body=encode({"detail": detail}))


def hear(raw: bytes) -> Heard:
    """Return what `raw` says; what is not JSON is heard too, with the 422 or 400 that FastAPI answers it with."""
    try:
        return Heard(raw=raw, value=json.loads(raw.decode(), parse_constant=_no_constants))
    except json.JSONDecodeError as error:
        mistake = {
            "type": "json_invalid",
            "loc": ["body", error.pos],
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": error.msg},
        }
        return Heard(raw=raw, problem=_detail(422, [mistake]))
    except (ValueError, RecursionError):
        return Heard(raw=raw, problem=_detail(400, "There was an error parsing the body"))


def _no_constants(name: str) -> NoReturn:
    raise ValueError(name)


def _invalid(kind: str, loc: list[str | int], message: str, value: object) -> RefusedError:
    return RefusedError(_detail(422, [{"type": kind, "loc": loc, "msg": message, "input": value}]))


def read(heard: Heard) -> ChatRequest:
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
    return ChatRequest(body=body, model=model, messages=messages)

"""A request as Argo's web framework reads it, before any model sees it, and what every dialect asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec

from argo_relay.simulator.ways import TODAY, Ways
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


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the request offers."""

    name: str
    schema: object = None
    free: bool = False
    """Whether it takes text as it comes instead of JSON."""
    namespace: str | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What the request says about calling tools."""

    demanded: str | None = None
    """The tool that has to be called, or "any"."""
    forbidden: bool = False
    parallel: bool = True


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for, in whichever dialect it was written."""

    prompt: str = ""
    """The text that directives are looked for in."""
    tools: tuple[Tool, ...] = ()
    choice: Choice = Choice()
    answered: bool = False
    """Whether a tool's result came last."""
    images: int = 0
    structured: bool = False
    """Whether the answer has to be a JSON object, one that fits the schema."""
    schema: object = None
    limit: int | None = None
    """How many tokens the answer may have."""
    tokens: int = 0
    """What the prompt costs."""

    def priced(self, tokens: int) -> Turn:
        """Return the same turn at another cost."""
        return msgspec.structs.replace(self, tokens=tokens)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A body of the right shape. Nothing in it has been judged."""

    body: dict[str, Any]
    model: str
    messages: list[dict[str, Any]]
    turn: Turn
    ways: Ways = TODAY
    """How the Argo behaves that is asked."""

    @property
    def stream(self) -> bool:
        """Whether the client wants events."""
        return self.body.get("stream") is True


_TEXTS = frozenset({"text", "input_text", "output_text"})
_IMAGES = frozenset({"image_url", "image", "input_image"})


def blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parts of a message's content, or of a tool's output; none where that is a string."""
    content = message.get("content", message.get("output"))
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def text_of(message: dict[str, Any]) -> str:
    """Return a message's text: its content, or its text parts joined by new lines."""
    content = message.get("content", message.get("output"))
    if isinstance(content, str):
        return content
    texts = [part.get("text") for part in blocks(message) if part.get("type") in _TEXTS]
    return "\n".join(text for text in texts if isinstance(text, str))


def cost(text: str) -> int:
    """Return how many tokens a text is reckoned to have."""
    return -(-len(text) // 4)


def parts_in(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the parts of all messages, those in tools' results among them."""
    for message in messages:
        for part in blocks(message):
            yield part
            yield from blocks(part)


def images_in(messages: list[dict[str, Any]]) -> int:
    """Return how many images the messages show."""
    return sum(part.get("type") in _IMAGES for part in parts_in(messages))


def positive(value: object) -> int | None:
    """Return a limit that makes sense, or None."""
    return value if type(value) is int and value > 0 else None


def dicts(value: object) -> list[dict[str, Any]]:
    """Return the objects in what should be a list of them."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def detail(status: int, mistake: object) -> Refusal:
    """Return a refusal in FastAPI's words."""
    return Refusal(status=status, body=encode({"detail": mistake}))


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
        return Heard(raw=raw, problem=detail(422, [mistake]))
    except (ValueError, RecursionError):
        return Heard(raw=raw, problem=detail(400, "There was an error parsing the body"))


def _no_constants(name: str) -> NoReturn:
    raise ValueError(name)

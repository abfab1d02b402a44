"""Laws about requests: they come out as they went in, and they can be said in every dialect."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

from argo_relay.dialects.base import Dialect, Target
from argo_relay.errors import Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.content import Part, Text, ToolCall, ToolResult
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.request import Request
from support.corpus import Exchange
from support.sights import differences, shown
from support.table import TABLE

_ORDERED: Final = {"parameters", "input_schema", "schema", "responseSchema", "responseJsonSchema"}


def comes_back(dialect: Dialect, exchange: Exchange) -> Iterator[str]:
    """Law 1: decoded and encoded again for its own dialect, a request is the same JSON, and nothing is lost."""
    try:
        request = read(dialect, exchange)
    except Refused as refused:
        # What its own upstream refused may be refused here.
        if exchange.status < 400:
            yield f"refused: {refused.failure.message} ({refused.failure.param})"
        return
    body, losses = dialect.encode_request(request, Target(model=request.model))
    yield from (f"lost {loss.what} at {loss.path}: {loss.why}" for loss in losses)
    normal = _normal(dialect.name)
    given, made = normal(_plain(exchange.body)), normal(_plain(body))
    yield from differences(given, made)
    yield from _reordered(given, made, "", within=False)


def _plain(value: Any) -> Any:
    """Return a body as its reader sees it."""
    return jsonx.decode_loosely(jsonx.encode(value))


def _normal(name: str) -> Any:
    try:
        return import_module(f"support.normal_{name}").normal
    except ModuleNotFoundError:
        return lambda body: body


def _reordered(want: Any, got: Any, path: str, *, within: bool) -> Iterator[str]:
    """Yield where the keys of a schema, whose order models heed, changed places."""
    if isinstance(want, dict) and isinstance(got, dict):
        if within and set(want) == set(got) and list(want) != list(got):
            yield f"{path}: the keys {shown(list(want))} became {shown(list(got))}"
        for key in want.keys() & got.keys():
            yield from _reordered(want[key], got[key], f"{path}.{key}", within=within or key in _ORDERED)
    elif isinstance(want, list) and isinstance(got, list):
        for index, (one, other) in enumerate(zip(want, got, strict=False)):
            yield from _reordered(one, other, f"{path}[{index}]", within=within)


def read(dialect: Dialect, exchange: Exchange) -> Request:
    """Return an exchange's request in the neutral language."""
    return dialect.decode_request(dialect.outline(exchange.incoming))


def crosses(dialect: Dialect, exchange: Exchange) -> Iterator[str]:
    """Every request can be said in every other dialect: what is not in the body is a Loss."""
    try:
        request = read(dialect, exchange)
    except Refused:
        return
    for target in TABLE.values():
        if target.name != dialect.name:
            body, losses = target.encode_request(request, Target(model="target-model"))
            yield from (f"to {target.name}: {problem}" for problem in _crossed(request, body, losses))
            again = target.outline(Exchange(id="", dialect=target.name, body=_plain(body)).incoming)
            target.decode_request(again)


def _crossed(request: Request, body: dict[str, Any], losses: Losses) -> Iterator[str]:
    for loss in losses:
        if not (loss.path and loss.what and loss.why.strip().endswith(".") and loss.why.isprintable()):
            yield f"a loss that does not explain itself: {loss}"
    leaves = "\n".join(strings(_plain(body)))
    for at, message in enumerate(request.messages):
        lost = any(loss.path.startswith(f"messages[{at}]") for loss in losses)
        for words in _words(message.parts):
            if not lost and words not in leaves:
                yield f"messages[{at}] lost {shown(words)} in silence"


def _words(parts: tuple[Part, ...]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Text):
            yield part.text.strip()
        elif isinstance(part, ToolCall):
            yield part.name
        elif isinstance(part, ToolResult):
            yield from _words(part.parts)


def strings(value: Any) -> Iterator[str]:
    """Yield every string in a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from strings(member)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)

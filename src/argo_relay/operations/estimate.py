"""Tokens of a request, counted here, for models whose upstream does not count.

It is an estimate: vendors keep their tokenizers and the marks they put between messages to themselves. The tables ship
in the tokenizer's package; nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from argo_relay.framing import jsonx
from argo_relay.neutral.content import Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from argo_relay.neutral.request import Request
from argo_relay.neutral.tools import Tool

if TYPE_CHECKING:
    from splintr import AnyTokenizer

TABLES: Final = {"google": "gemma3"}
"""By the model's maker; Gemini's own table is not public, Gemma's is its sibling."""
_TABLE: Final = "o200k_base"
_PER_MESSAGE: Final = 4
_PER_REQUEST: Final = 3
_PER_IMAGE: Final = 1000
"""A picture of a megapixel or so costs 765 (GPT-4o) to 1,600 (Claude) tokens."""
_BYTES_PER_TOKEN: Final = 20
"""Of a document or sound in base64, whose tokens depend on what is in it."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """How many tokens, by which table."""

    tokens: int
    table: str


def estimate(request: Request, owner: str) -> Estimate:
    """Return about how many tokens a request's input has for a model of `owner`."""
    table = TABLES.get(owner, _TABLE)
    tokens = _PER_REQUEST + _PER_MESSAGE * len(request.messages)
    texts: list[str] = []
    for message in request.messages:
        for part in message.parts:
            tokens += _bulk(part)
            texts += _texts(part)
    texts += [_described(tool) for tool in request.tools]
    if request.output is not None and request.output.schema is not None:
        texts.append(jsonx.encode(request.output.schema).decode())
    tokens += sum(len(one) for one in _tokenizer(table).encode_batch(texts))
    return Estimate(tokens=tokens, table=table)


@cache
def _tokenizer(table: str) -> AnyTokenizer:
    # 30 ms, once, and 40 MB: most processes never count.
    from splintr import Tokenizer  # noqa: PLC0415

    return Tokenizer.from_pretrained(table)


def _texts(part: Part) -> Iterator[str]:
    if isinstance(part, Text | Reasoning | Refusal):
        yield part.text
    elif isinstance(part, ToolCall):
        yield part.name
        yield part.arguments
    elif isinstance(part, ToolResult):
        for inner in part.parts:
            yield from _texts(inner)
    elif isinstance(part, Opaque):
        yield jsonx.encode(part.payload).decode()
    elif part.text is not None:
        yield part.text


def _bulk(part: Part) -> int:
    """Return the tokens of what is not text."""
    if isinstance(part, ToolResult):
        return sum(_bulk(inner) for inner in part.parts)
    if not isinstance(part, Media) or part.text is not None:
        return 0
    if part.kind == "image" or part.data is None:
        return _PER_IMAGE
    return len(part.data) * 3 // 4 // _BYTES_PER_TOKEN


def _described(tool: Tool) -> str:
    return jsonx.encode(msgspec.to_builtins(tool)).decode()

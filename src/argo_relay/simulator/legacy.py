"""Argo's own API, older than the vendors' dialects: `POST /api/v1/resource/chat/`, `streamchat/`, `embed/`, `rerank/`.

Requests, and the answers that worked, are known from clients and their recordings. How it refuses was recorded once:
with status 200. Its other refusals are inferred from chat; what `rerank/` takes and gives is not known at all, and
follows other rerankers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from argo_relay.simulator import openai_refusals as openai
from argo_relay.simulator.access import Carriers
from argo_relay.simulator.answer import Answer, Part, compose, denial
from argo_relay.simulator.chat_request import turn_of
from argo_relay.simulator.dialect import Denied, Dialect
from argo_relay.simulator.directives import Directives
from argo_relay.simulator.embeddings import vector, width_of
from argo_relay.simulator.errors import (
    bad_directive,
    crashed,
    failed,
    invalid_model,
    invalid_request,
    ordered,
    unsupported_operation,
)
from argo_relay.simulator.ids import call_id
from argo_relay.simulator.legacy_voice import LegacyVoice
from argo_relay.simulator.models import Model
from argo_relay.simulator.plain import PlainVoice
from argo_relay.simulator.request import Heard, Refusal, RefusedError, Request, Tool, Turn, dicts
from argo_relay.simulator.script import Voice
from argo_relay.simulator.wire import TEXT_HEADERS, encode

_ROOT = "/api/v1/resource"
_MIXED = (
    "You passed a messages field along with a system and or prompt field. Please only pass messages with any system "
    "and user prompts included, or only pass system and prompt alone."
)
_BEYOND_ASCII = " (Größe: 3 µm.)"
"""Said in each stream, because its bytes are cut where no character ends."""


def _object(heard: Heard) -> dict[str, Any]:
    if heard.problem:
        raise RefusedError(heard.problem)
    if not isinstance(heard.value, dict):
        raise RefusedError(invalid_request("The body must be an object"))
    return heard.value


def _model(body: dict[str, Any]) -> str:
    if not isinstance(body.get("model"), str):
        raise RefusedError(invalid_request("model is required"))
    return str(body["model"])


def _texts(value: object) -> list[str]:
    given = [value] if isinstance(value, str) else value
    return [text for text in given if isinstance(text, str)] if isinstance(given, list) else []


def _tools(body: dict[str, Any]) -> tuple[Tool, ...]:
    """Return the tools, in whichever vendor's shape."""
    bare = [tool["function"] if isinstance(tool.get("function"), dict) else tool for tool in dicts(body.get("tools"))]
    return tuple(
        Tool(name=tool["name"], schema=tool.get("parameters", tool.get("input_schema")))
        for tool in bare
        if isinstance(tool.get("name"), str)
    )


def _read_chat(heard: Heard) -> Request:
    body = _object(heard)
    aside = body.get("system") is not None or body.get("prompt") is not None
    if body.get("messages") is not None and aside:
        raise RefusedError(Refusal(status=200, body=encode({"response": _MIXED})))
    messages = dicts(body.get("messages"))
    if aside:
        system = [{"role": "system", "content": text} for text in _texts(body.get("system"))]
        messages = [*system, *({"role": "user", "content": text} for text in _texts(body.get("prompt")))]
    turn = msgspec.structs.replace(turn_of(body, messages), tools=_tools(body))
    return Request(body=body, model=_model(body), messages=messages, turn=turn)


def _judge_chat(request: Request, model: Model) -> Refusal | None:
    if not model.chats:
        return unsupported_operation("chatCompletion", model.served_as)
    return openai.temperature(request, model) or openai.top_p(request, model)


def _deny(_request: Request, denied: Denied) -> Voice:
    return LegacyVoice(answer=denial(denied.text))


def _answer(request: Request, model: Model, orders: Directives) -> Answer:
    return compose(request.turn, model.internal_id, orders.thoughtless(), lambda: call_id(model))


def _speak(request: Request, model: Model, orders: Directives, _created: int) -> Voice:
    return LegacyVoice(
        answer=_answer(request, model, orders), owner=model.owner, tools=bool(dicts(request.body.get("tools")))
    )


def _stream(request: Request, model: Model, orders: Directives, _created: int) -> Voice:
    answer = _answer(request, model, orders)
    parts = [
        Part(kind=part.kind, pieces=(part.pieces[0] + _BEYOND_ASCII, *part.pieces[1:]), call=part.call)
        for part in answer.parts
    ]
    return LegacyVoice(answer=msgspec.structs.replace(answer, parts=tuple(parts)), owner=model.owner)


def _reader(*fields: str) -> Callable[[Heard], Request]:
    """Return what reads a body with texts in these fields, the last of them giving the orders."""

    def read(heard: Heard) -> Request:
        body = _object(heard)
        name = _model(body)
        for field in fields:
            if not _texts(body.get(field)):
                raise RefusedError(invalid_request(f"{field} is required"))
        return Request(body=body, model=name, messages=[], turn=Turn(prompt=_texts(body[fields[0]])[-1]))

    return read


def _judge_vectors(_request: Request, model: Model) -> Refusal | None:
    return unsupported_operation("embeddings", model.served_as) if model.chats else None


def _vector(model: Model, text: str) -> list[float]:
    width = width_of(model)
    return vector(model.internal_id, text, width, width)


def _embed(request: Request, model: Model, _orders: Directives, _created: int) -> Voice:
    vectors = [_vector(model, text) for text in _texts(request.body["prompt"])]
    return PlainVoice(body={"embedding": vectors}, fails=failed)


def _rerank(request: Request, model: Model, _orders: Directives, _created: int) -> Voice:
    query = _vector(model, _texts(request.body["query"])[-1])
    scores = [
        sum(one * other for one, other in zip(query, _vector(model, text), strict=True))
        for text in _texts(request.body["documents"])
    ]
    results = [{"index": index, "relevance_score": round(score, 6)} for index, score in enumerate(scores)]
    return PlainVoice(body={"results": sorted(results, key=lambda row: -row["relevance_score"])}, fails=failed)


def _deny_vectors(_request: Request, denied: Denied) -> Voice:
    return PlainVoice(body={"response": denied.text}, fails=failed)


_CHAT = Dialect(
    path=f"{_ROOT}/chat/",
    read=_read_chat,
    deny=_deny,
    judge=_judge_chat,
    speak=_speak,
    invalid_model=invalid_model,
    bad_directive=bad_directive,
    ordered=ordered,
    crashed=crashed,
    carriers=Carriers(bearer=False),
    streams=False,
)
_EMBED = msgspec.structs.replace(
    _CHAT,
    path=f"{_ROOT}/embed/",
    read=_reader("prompt"),
    deny=_deny_vectors,
    judge=_judge_vectors,
    speak=_embed,
)
DIALECTS = (
    _CHAT,
    msgspec.structs.replace(
        _CHAT, path=f"{_ROOT}/streamchat/", speak=_stream, streams=True, asks=False, stream_headers=TEXT_HEADERS
    ),
    _EMBED,
    msgspec.structs.replace(_EMBED, path=f"{_ROOT}/rerank/", read=_reader("query", "documents"), speak=_rerank),
)

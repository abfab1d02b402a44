"""`POST /v1/embeddings`: vectors that depend on nothing but the text, the model and the dimensions."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from typing import Any

from argo_relay.simulator.chat import deny
from argo_relay.simulator.dialect import Dialect
from argo_relay.simulator.directives import Directives
from argo_relay.simulator.errors import (
    bad_directive,
    crashed,
    failed,
    invalid_model,
    invalid_request,
    nameless,
    ordered,
    relayed,
    unsupported_operation,
)
from argo_relay.simulator.models import Model
from argo_relay.simulator.plain import PlainVoice
from argo_relay.simulator.request import Heard, Refusal, RefusedError, Request, Turn, cost
from argo_relay.simulator.script import Voice

_WIDTHS = {"ada002": 1536, "v3small": 1536, "v3large": 3072}
_FIXED = frozenset({"ada002"})
_MOST = 2048
"""Inputs of one request."""


def vector(model: str, text: str, width: int, dimensions: int) -> list[float]:
    """Return a unit vector: the first `dimensions` of the `width` that the text has."""
    raw = hashlib.shake_256(f"{model}\0{text}".encode("utf-8", "surrogatepass")).digest(4 * width)
    numbers = [number / 2**31 for number in struct.unpack(f"<{width}i", raw)][:dimensions]
    length = math.sqrt(sum(number * number for number in numbers)) or 1.0
    return [round(number / length, 9) for number in numbers]


def width_of(model: Model) -> int:
    """Return how many numbers a model's vectors have."""
    return _WIDTHS[model.internal_id]


def packed(numbers: list[float]) -> str:
    """Return a vector as OpenAI packs it: little-endian floats of four bytes in base64."""
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def _are_tokens(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)


def inputs(given: object) -> list[str | list[int]] | None:
    """Return what is to be embedded, one by one, or None for what no embedding takes."""
    if isinstance(given, str) or _are_tokens(given):
        given = [given]
    if not isinstance(given, list) or not 0 < len(given) <= _MOST:
        return None
    return given if all((isinstance(item, str) and item) or _are_tokens(item) for item in given) else None


def _text(item: str | list[int]) -> str:
    return item if isinstance(item, str) else " ".join(map(str, item))


def _read(heard: Heard) -> Request:
    body = heard.value
    if heard.problem:
        raise RefusedError(invalid_request("There was an error parsing the body"))
    if not isinstance(body, dict):
        raise RefusedError(invalid_request("The body must be an object"))
    for name in ("model", "input"):
        if name not in body:
            raise RefusedError(invalid_request(f"{name} is required"))
    model, found = body["model"], inputs(body["input"])
    if not isinstance(model, str):
        raise RefusedError(invalid_request("model must be a string"))
    texts = [item for item in found or () if isinstance(item, str)]
    tokens = sum(cost(item) if isinstance(item, str) else len(item) for item in found or ())
    return Request(body=body, model=model, messages=[], turn=Turn(prompt=texts[-1] if texts else "", tokens=tokens))


def _dimensions(body: dict[str, Any], model: Model) -> Refusal | None:
    given, width = body.get("dimensions"), width_of(model)
    if given is None:
        return None
    if model.internal_id in _FIXED:
        return relayed("This model does not support specifying dimensions.", "invalid_request_error", None, None)
    if type(given) is int and 0 < given <= width:
        return None
    message = f"Invalid value for 'dimensions' = {given}. Must be less than or equal to {width}."
    return relayed(message, "invalid_request_error", None, None)


def _judge(request: Request, model: Model) -> Refusal | None:
    """Return what OpenAI refuses, in its words; Argo's were not recorded."""
    if model.chats:
        return unsupported_operation("embeddings", model.served_as)
    if inputs(request.body["input"]) is None:
        message = (
            "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference."
        )
        return relayed(message, "invalid_request_error", None, None)
    return _dimensions(request.body, model)


def _speak(request: Request, model: Model, orders: Directives, _created: int) -> Voice:
    width = width_of(model)
    dimensions = request.body.get("dimensions") or width
    binary = request.body.get("encoding_format") == "base64"
    data = []
    for index, item in enumerate(inputs(request.body["input"]) or []):
        numbers = vector(model.internal_id, _text(item), width, dimensions)
        data.append({"embedding": packed(numbers) if binary else numbers, "index": index, "object": "embedding"})
    spent = None if orders.usage == "null" else request.turn.tokens
    counted = {"prompt_tokens": spent, "total_tokens": spent}
    return PlainVoice(
        body={"data": data, "model": model.served_as, "object": "list", "usage": counted},
        fails=failed,
    )


DIALECT = Dialect(
    path="/v1/embeddings",
    read=_read,
    deny=deny,
    judge=_judge,
    speak=_speak,
    invalid_model=invalid_model,
    bad_directive=bad_directive,
    ordered=ordered,
    crashed=crashed,
    nameless=nameless,
    streams=False,
)

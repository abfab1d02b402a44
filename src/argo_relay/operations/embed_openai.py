"""OpenAI's embeddings: https://platform.openai.com/docs/api-reference/embeddings."""

from __future__ import annotations

import base64
import binascii
from array import array
from typing import Any, Final

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.dialects.bodies import read_body
from argo_relay.errors import BadJson, Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.failure import bad_request
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.operations.embedding import Embedder, EmbedReply, EmbedRequest


def outline(incoming: Incoming) -> Outline:
    """Read a request; raise Refused (400, the field named) when it cannot be one."""
    document = read_body(incoming, {})
    values = document.values
    model = values.get("model")
    if not isinstance(model, str) or not model:
        raise Refused(bad_request("`model` is required: the name of a model.", "model", "missing_required_parameter"))
    if not values.get("input"):
        wanted = "a text, a list of texts, or token ids"
        raise Refused(bad_request(f"`input` is required: {wanted}.", "input", "missing_required_parameter"))
    return Outline(model=model, stream=False, timeout=values.get("timeout"), body=document)


def decode_request(outline: Outline) -> EmbedRequest:
    """Return what a client asks for; raise Refused (400, the field named) for what cannot be read."""
    values = outline.body.values
    dimensions, user = values.get("dimensions"), values.get("user")
    if dimensions is not None and (not isinstance(dimensions, int) or isinstance(dimensions, bool)):
        raise Refused(bad_request("`dimensions` must be a whole number.", "dimensions", "invalid_type"))
    form = values.get("encoding_format")
    if form not in (None, "float", "base64"):
        raise Refused(bad_request("`encoding_format` must be `float` or `base64`.", "encoding_format"))
    return EmbedRequest(
        model=outline.model,
        inputs=_inputs(values["input"]),
        dimensions=dimensions,
        end_user=user if isinstance(user, str) else None,
        base64=form == "base64",
    )


def _inputs(value: Any) -> tuple[str | tuple[int, ...], ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        if all(isinstance(one, str) for one in value):
            return tuple(value)
        if _is_ids(value):
            return (tuple(value),)
        if all(isinstance(one, list) and _is_ids(one) for one in value):
            return tuple(tuple(one) for one in value)
    raise Refused(
        bad_request("`input` must be a text, a list of texts, a list of token ids, or a list of those.", "input")
    )


def _is_ids(values: list[Any]) -> bool:
    return all(isinstance(one, int) and not isinstance(one, bool) for one in values)


def encode_request(request: EmbedRequest) -> tuple[dict[str, Any], Losses]:
    """Return the body that asks an upstream; vectors come back as lists of numbers."""
    inputs = [one if isinstance(one, str) else list(one) for one in request.inputs]
    body: dict[str, Any] = {"model": request.model, "input": inputs, "encoding_format": "float"}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if request.end_user is not None:
        body["user"] = request.end_user
    losses = [
        Loss(path=name, what=name, why=f"OpenAI's embeddings have no `{name}`.")
        for extras in request.extras.values()
        for name in extras
    ]
    return body, losses


def decode_reply(body: bytes) -> EmbedReply:
    """Return the vectors of a reply; raise BadJson when it holds none."""
    value = jsonx.decode(body)
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise BadJson("it holds no embeddings")
    usage = value.get("usage")
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    ordered = sorted(data, key=lambda one: one["index"] if isinstance(one.get("index"), int) else 0)
    return EmbedReply(
        model=str(value.get("model") or ""),
        vectors=tuple(_vector(one.get("embedding")) for one in ordered),
        tokens=tokens if isinstance(tokens, int) else None,
    )


def _vector(value: Any) -> tuple[float, ...]:
    if isinstance(value, str):
        try:
            return tuple(array("f", base64.b64decode(value, validate=True)))
        except (binascii.Error, ValueError):
            raise BadJson("an embedding is neither a list nor base64") from None
    if not isinstance(value, list) or not all(isinstance(one, int | float) for one in value):
        raise BadJson("an embedding is not a list of numbers")
    return tuple(value)


def encode_reply(reply: EmbedReply, request: EmbedRequest) -> bytes:
    """Return the reply in the form that the client asked for."""
    data = [
        {"object": "embedding", "index": index, "embedding": _written(vector) if request.base64 else vector}
        for index, vector in enumerate(reply.vectors)
    ]
    tokens = reply.tokens or 0
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return jsonx.encode({"object": "list", "data": data, "model": reply.model or request.model, "usage": usage})


def _written(vector: tuple[float, ...]) -> str:
    return base64.b64encode(array("f", vector).tobytes()).decode("ascii")


OPENAI_EMBEDDER: Final = Embedder(
    outline=outline,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_reply=decode_reply,
    encode_reply=encode_reply,
)

"""Google's embeddings: https://ai.google.dev/api/embeddings."""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.dialects.bodies import read_body
from argo_relay.errors import BadJson, Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.failure import bad_request
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.operations.embedding import Embedder, EmbedReply, EmbedRequest

_DIMENSIONS: Final = ("outputDimensionality", "output_dimensionality")
_KNOWN: Final = frozenset({"model", "content", *_DIMENSIONS})


def outline(incoming: Incoming) -> Outline:
    """Read a request, one text or a batch; raise Refused (400, the field named) when it cannot be one."""
    document = read_body(incoming, {})
    values = document.values
    if not values.get("content") and not values.get("requests"):
        raise Refused(
            bad_request("`content` (or, in a batch, `requests`) is required.", "content", "missing_required_parameter")
        )
    return Outline(model=incoming.model or "", stream=False, timeout=values.get("timeout"), body=document)


def decode_request(outline: Outline) -> EmbedRequest:
    """Return what a client asks for; what Google adds to a text (its task, its title) is taken from the first."""
    values = outline.body.values
    single = "requests" not in values
    requests = [values] if single else values["requests"]
    if not isinstance(requests, list) or not requests or not all(isinstance(one, dict) for one in requests):
        raise Refused(bad_request("`requests` must be a list of objects.", "requests", "invalid_type"))
    first = requests[0]
    dimensions = next((first[name] for name in _DIMENSIONS if isinstance(first.get(name), int)), None)
    rest = {name: value for name, value in first.items() if name not in _KNOWN | {"timeout"} and value is not None}
    return EmbedRequest(
        model=outline.model,
        inputs=tuple(_text(index, one.get("content")) for index, one in enumerate(requests)),
        dimensions=dimensions,
        single=single,
        extras={"google": rest} if rest else {},
    )


def _text(index: int, content: Any) -> str:
    parts = content.get("parts") if isinstance(content, dict) else None
    parts = [parts] if isinstance(parts, dict) else parts
    if not isinstance(parts, list):
        path = f"requests[{index}].content"
        raise Refused(bad_request(f"`{path}` must be an object with `parts`.", path, "invalid_type"))
    texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    if len(texts) != len(parts):
        path = f"requests[{index}].content.parts"
        raise Refused(bad_request(f"`{path}` may hold text only.", path, "invalid_value"))
    return "\n".join(texts)


def encode_request(request: EmbedRequest) -> tuple[dict[str, Any], Losses]:
    """Return the batch that asks an upstream; raise Refused (400) for token ids, which Google does not take."""
    if not all(isinstance(one, str) for one in request.inputs):
        raise Refused(bad_request("This model takes text, not token ids: send `input` as text.", "input"))
    shape: dict[str, Any] = dict(request.extras.get("google", {}))
    if request.dimensions is not None:
        shape["outputDimensionality"] = request.dimensions
    model = f"models/{request.model.removeprefix('models/')}"
    requests = [{"model": model, "content": {"parts": [{"text": one}]}, **shape} for one in request.inputs]
    losses = [Loss(path="user", what="user", why="Google's embeddings name no user.")] if request.end_user else []
    return {"requests": requests}, losses


def decode_reply(body: bytes) -> EmbedReply:
    """Return the vectors of a reply; raise BadJson when it holds none."""
    value = jsonx.decode(body)
    found = value.get("embeddings") if isinstance(value, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadJson("it holds no embeddings")
    vectors = [one.get("values") for one in found]
    if not all(isinstance(vector, list) for vector in vectors):
        raise BadJson("an embedding has no values")
    return EmbedReply(model="", vectors=tuple(tuple(vector) for vector in vectors if vector is not None))


def encode_reply(reply: EmbedReply, request: EmbedRequest) -> bytes:
    """Return the reply: one vector for one text, a list for a batch."""
    vectors = [{"values": vector} for vector in reply.vectors]
    if request.single:
        return jsonx.encode({"embedding": vectors[0] if vectors else {"values": []}})
    return jsonx.encode({"embeddings": vectors})


GOOGLE_EMBEDDER: Final = Embedder(
    outline=outline,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_reply=decode_reply,
    encode_reply=encode_reply,
)

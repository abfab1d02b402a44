"""A whole reply of Gemini's, both ways: https://ai.google.dev/api/generate-content#generatecontentresponse.

`extras["google"]` holds what has no neutral field: `reply` (members of the reply) and `candidate` (of its candidate).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from argo_relay.dialects.base import Digest, passed_over
from argo_relay.dialects.google.content_encoder import Citations, encode_logprobs, encode_reply_part
from argo_relay.dialects.google.errors import decode_error_object, error_in_reply
from argo_relay.dialects.google.outline import in_list
from argo_relay.dialects.google.stops import encode_block, encode_stop
from argo_relay.dialects.google.stream_decoder import GoogleStreamDecoder
from argo_relay.dialects.google.usage import decode_usage, encode_usage
from argo_relay.errors import BadJson, Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.content import Refusal, Text
from argo_relay.neutral.fold import Fold
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.reply import Reply
from argo_relay.neutral.request import Request

_TOLD: Final = frozenset({"candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"})
_KNOWN: Final = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId"})
_KNOWN_OF_CANDIDATE: Final = frozenset({"content", "finishReason", "index"})


def read_reply(body: bytes) -> Digest:
    """Return what a reply says; raise BadJson when it is not a JSON object, nor a list of such."""
    value = jsonx.decode_loosely(body)
    error = error_in_reply(value)
    usage = None
    chunks = _chunks(value)
    for chunk in chunks:
        usage = decode_usage(chunk.get("usageMetadata")) or usage
    return Digest(
        usage=usage,
        failure=decode_error_object(error) if error else None,
        is_reply=any(_TOLD & chunk.keys() for chunk in chunks),
    )


def decode_reply(body: bytes) -> Reply:
    """Return a whole reply; raise BadJson when it is not one, and Refused when it is an error in a 200.

    A list is a stream that was asked for without `alt=sse`, and read to its end.
    """
    value = jsonx.decode_loosely(body)
    if error := error_in_reply(value):
        raise Refused(decode_error_object(error))
    chunks = _chunks(value)
    if not any(_TOLD & chunk.keys() for chunk in chunks):
        raise BadJson("it holds no candidates")
    decoder, fold = GoogleStreamDecoder(whole=True), Fold()
    for event in [*decoder.take(chunks), *decoder.finish()]:
        fold.feed(event)
    if fold.failure is not None:
        raise Refused(fold.failure)
    return msgspec.structs.replace(fold.reply(), extras=_extras(value) if isinstance(value, dict) else {})


def _chunks(value: Any) -> list[dict[str, Any]]:
    chunks = [one for one in in_list(value) if isinstance(one, dict)]
    if not chunks:
        raise BadJson("it is not a JSON object")
    return chunks


def _extras(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    own: dict[str, Any] = {}
    if reply := passed_over(value, _KNOWN):
        own["reply"] = reply
    candidates = in_list(value.get("candidates"))
    if candidates and isinstance(candidates[0], dict):
        candidate = passed_over(candidates[0], _KNOWN_OF_CANDIDATE)
        if candidate:
            own["candidate"] = candidate
    return {"google": own} if own else {}


def encode_reply(reply: Reply, request: Request) -> tuple[bytes, Losses]:
    """Return a whole reply for the client that sent this request, and what it could not say."""
    losses: Losses = []
    own = reply.extras.get("google", {})
    body: dict[str, Any] = {}
    blocked = None if reply.parts else encode_block(reply.stop)
    if blocked is None:
        body["candidates"] = [_candidate(reply, losses) | own.get("candidate", {})]
    else:
        body["promptFeedback"] = {"blockReason": blocked}
    if reply.stop.reason == "pause":
        losses.append(Loss(path="stop", what="pause", why="Gemini's replies end; they do not pause."))
    if reply.usage is not None:
        body["usageMetadata"] = encode_usage(reply.usage)
    if reply.model:
        body["modelVersion"] = reply.model
    if reply.id:
        body["responseId"] = reply.id
    return jsonx.encode(body | own.get("reply", {})), losses


def _candidate(reply: Reply, losses: Losses) -> dict[str, Any]:
    parts = []
    citations = Citations()
    logprobs: list[dict[str, Any]] = []
    for index, part in enumerate(reply.parts):
        path = f"parts[{index}]"
        if (wire := encode_reply_part(part, path, losses)) is not None:
            parts.append(wire)
        if isinstance(part, Text):
            citations.add(part.text, part.citations, path, losses)
            logprobs += part.logprobs or ()
    candidate: dict[str, Any] = {
        "content": {"parts": parts, "role": "model"} if parts else {"role": "model"},
        "finishReason": encode_stop(reply.stop, refused=any(isinstance(part, Refusal) for part in reply.parts)),
        "index": 0,
        **citations.metadata(),
    }
    if logprobs:
        candidate["logprobsResult"] = encode_logprobs(logprobs)
    return candidate

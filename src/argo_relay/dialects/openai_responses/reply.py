"""Whole Responses replies, both ways: https://platform.openai.com/docs/api-reference/responses/object."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from argo_relay.dialects.base import Digest, passed_over
from argo_relay.dialects.openai_responses.content_decoder import decode_item, decode_time
from argo_relay.dialects.openai_responses.errors import decode_inner_error
from argo_relay.dialects.openai_responses.options import repeated
from argo_relay.dialects.openai_responses.outline import DIALECT, extras_of, text_of
from argo_relay.dialects.openai_responses.stops import decode_stop
from argo_relay.dialects.openai_responses.stream_encoder import ResponsesStreamEncoder
from argo_relay.dialects.openai_responses.usage import decode_usage
from argo_relay.errors import BadJson, Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.content import Part, Refusal, ToolCall, ToolResult
from argo_relay.neutral.fold import unfold
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.reply import Reply
from argo_relay.neutral.request import Request

_SAID: Final = frozenset(
    {"id", "object", "created_at", "status", "error", "incomplete_details", "model", "output", "usage", "service_tier"}
)
# A server that repeats the request says nothing of its own with it; the client's own request is repeated to it.
_REPEATED: Final = frozenset(repeated(Request(dialect=DIALECT, model="", messages=()))) | {
    "conversation",
    "frequency_penalty",
    "output_text",
    "presence_penalty",
    "prompt",
    "prompt_cache_options",
    "prompt_cache_retention",
}
_KNOWN: Final = _SAID | _REPEATED


class _Plain(msgspec.Struct, frozen=True, gc=False):
    """What is a reply for sure, and no error; nothing else is made of it."""

    status: Literal["completed", "incomplete"]
    output: list[msgspec.Raw]
    error: None = None
    usage: dict[str, Any] | None = None


_plain: Final = msgspec.json.Decoder(_Plain)


def read_reply(body: bytes) -> Digest:
    """Return what a reply says; raise BadJson when it is not a JSON object."""
    if (plain := jsonx.decode_shaped(_plain, body)) is not None:
        return Digest(usage=decode_usage(plain.usage))
    value = _object(body)
    return Digest(
        usage=decode_usage(value.get("usage")),
        failure=decode_inner_error(value),
        is_reply=isinstance(value.get("output"), list),
    )


def decode_reply(body: bytes) -> Reply:
    """Return a whole reply; raise BadJson when it is not one, and Refused when it is an error in a 200."""
    value = _object(body)
    failure = decode_inner_error(value)
    if failure is not None:
        raise Refused(failure)
    output = value.get("output")
    if not isinstance(output, list):
        raise BadJson("it has no list of output items", "output")
    parts: list[Part] = []
    for index, item in enumerate(output):
        if not isinstance(item, dict):
            raise BadJson("an output item is not an object", f"output[{index}]")
        parts += decode_item(item, index, client=False)
    return Reply(
        id=text_of(value.get("id")) or "resp_0",
        model=text_of(value.get("model")),
        parts=tuple(parts),
        stop=decode_stop(
            value,
            calls=any(isinstance(part, ToolCall) for part in parts),
            refused=any(isinstance(part, Refusal) for part in parts),
        ),
        usage=decode_usage(value.get("usage")),
        created=decode_time(value.get("created_at")),
        service_tier=text_of(value.get("service_tier")) or None,
        extras=extras_of(passed_over(value, _KNOWN)),
    )


def encode_reply(reply: Reply, request: Request) -> tuple[bytes, Losses]:
    """Return a whole reply for the client that sent this request: it is what a stream of the same would end with."""
    encoder = ResponsesStreamEncoder(request)
    for event in unfold(reply):
        encoder.feed(event)
    losses = encoder.losses + [
        Loss(path=f"parts[{index}]", what="tool_result", why="A reply holds no results of the client's tools.")
        for index, part in enumerate(reply.parts)
        if isinstance(part, ToolResult)
    ]
    return jsonx.encode(encoder.response | reply.extras.get(DIALECT, {})), losses


def _object(body: bytes) -> dict[str, Any]:
    value = jsonx.decode_loosely(body)
    if not isinstance(value, dict):
        raise BadJson("it is not a JSON object")
    return value

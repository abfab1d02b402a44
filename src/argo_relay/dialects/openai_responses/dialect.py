"""The dialect's record: which function answers which question."""

from __future__ import annotations

from typing import Final

from argo_relay.dialects.base import Dialect
from argo_relay.dialects.openai_responses.errors import decode_error, encode_error
from argo_relay.dialects.openai_responses.links import links
from argo_relay.dialects.openai_responses.outline import outline
from argo_relay.dialects.openai_responses.reply import decode_reply, encode_reply, read_reply
from argo_relay.dialects.openai_responses.request_decoder import decode_request
from argo_relay.dialects.openai_responses.request_encoder import encode_request
from argo_relay.dialects.openai_responses.stream_cut import ResponsesStreamCut
from argo_relay.dialects.openai_responses.stream_decoder import ResponsesStreamDecoder
from argo_relay.dialects.openai_responses.stream_encoder import ResponsesStreamEncoder
from argo_relay.dialects.openai_responses.stream_watch import ResponsesStreamWatch
from argo_relay.framing.sse import SSE

OPENAI_RESPONSES: Final = Dialect(
    name="openai_responses",
    outline=outline,
    read_reply=read_reply,
    watch_stream=ResponsesStreamWatch,
    cut_stream=ResponsesStreamCut,
    links=links,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_reply=decode_reply,
    encode_reply=encode_reply,
    stream_decoder=ResponsesStreamDecoder,
    stream_encoder=ResponsesStreamEncoder,
    decode_error=decode_error,
    encode_error=encode_error,
    # A comment: the official helpers raise at any event before the upstream's `response.created`.
    heartbeat=b": keep-alive\n\n",
    # Codex's idle timer counts events only.
    heartbeat_later=b'event: keepalive\ndata: {"type":"keepalive"}\n\n',
    framing=SSE,
)

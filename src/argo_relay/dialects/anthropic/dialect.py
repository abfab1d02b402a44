"""The dialect's record: which function answers which question."""

from __future__ import annotations

from typing import Final

from argo_relay.dialects.anthropic.errors import decode_error, encode_error
from argo_relay.dialects.anthropic.links import links
from argo_relay.dialects.anthropic.outline import outline
from argo_relay.dialects.anthropic.reply import decode_reply, encode_reply, read_reply
from argo_relay.dialects.anthropic.request_decoder import decode_request
from argo_relay.dialects.anthropic.request_encoder import encode_request
from argo_relay.dialects.anthropic.stream_cut import AnthropicStreamCut
from argo_relay.dialects.anthropic.stream_decoder import AnthropicStreamDecoder
from argo_relay.dialects.anthropic.stream_encoder import PING, AnthropicStreamEncoder
from argo_relay.dialects.anthropic.stream_watch import AnthropicStreamWatch
from argo_relay.dialects.base import Dialect
from argo_relay.framing.sse import SSE

ANTHROPIC: Final = Dialect(
    name="anthropic",
    outline=outline,
    read_reply=read_reply,
    watch_stream=AnthropicStreamWatch,
    cut_stream=AnthropicStreamCut,
    links=links,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_reply=decode_reply,
    encode_reply=encode_reply,
    stream_decoder=AnthropicStreamDecoder,
    stream_encoder=AnthropicStreamEncoder,
    decode_error=decode_error,
    encode_error=encode_error,
    # Anthropic's own sign of life; it may stand before message_start, too, and every client tried takes it.
    heartbeat=PING,
    framing=SSE,
)

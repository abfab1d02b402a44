"""The dialect's record: which function answers which question."""

from __future__ import annotations

from typing import Final

from argo_relay.dialects.base import Dialect
from argo_relay.dialects.openai_chat.errors import decode_error, encode_error
from argo_relay.dialects.openai_chat.links import links
from argo_relay.dialects.openai_chat.outline import outline
from argo_relay.dialects.openai_chat.reply import decode_reply, encode_reply, read_reply
from argo_relay.dialects.openai_chat.request_decoder import decode_request
from argo_relay.dialects.openai_chat.request_encoder import encode_request
from argo_relay.dialects.openai_chat.stream_cut import ChatStreamCut
from argo_relay.dialects.openai_chat.stream_decoder import ChatStreamDecoder
from argo_relay.dialects.openai_chat.stream_encoder import ALIVE, ChatStreamEncoder
from argo_relay.dialects.openai_chat.stream_watch import ChatStreamWatch
from argo_relay.framing.sse import SSE

OPENAI_CHAT: Final = Dialect(
    name="openai_chat",
    outline=outline,
    read_reply=read_reply,
    watch_stream=ChatStreamWatch,
    cut_stream=ChatStreamCut,
    links=links,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_reply=decode_reply,
    encode_reply=encode_reply,
    stream_decoder=ChatStreamDecoder,
    stream_encoder=ChatStreamEncoder,
    decode_error=decode_error,
    encode_error=encode_error,
    # A comment: every client tried skips it, and it resets their read timers.
    heartbeat=ALIVE,
    framing=SSE,
)

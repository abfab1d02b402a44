"""The dialect's record: which function answers which question."""

from __future__ import annotations

from typing import Final

from argo_relay.dialects.base import Dialect
from argo_relay.dialects.openai_chat.errors import decode_error, encode_error, encode_stream_error
from argo_relay.dialects.openai_chat.reply import read_reply
from argo_relay.dialects.openai_chat.request import outline
from argo_relay.dialects.openai_chat.stream_watch import ChatStreamWatch

OPENAI_CHAT: Final = Dialect(
    name="openai_chat",
    outline=outline,
    read_reply=read_reply,
    watch_stream=ChatStreamWatch,
    decode_error=decode_error,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
    # A comment: every client tried skips it, and it resets their read timers.
    heartbeat=b": keep-alive\n\n",
)

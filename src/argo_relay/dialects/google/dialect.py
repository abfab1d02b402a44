"""The dialect's record: which function answers which question."""

from __future__ import annotations

from typing import Final

from argo_relay.dialects.base import Dialect
from argo_relay.dialects.google.errors import decode_error, encode_error
from argo_relay.dialects.google.links import links
from argo_relay.dialects.google.outline import outline
from argo_relay.dialects.google.reply import decode_reply, encode_reply, read_reply
from argo_relay.dialects.google.request_decoder import decode_request
from argo_relay.dialects.google.request_encoder import encode_request
from argo_relay.dialects.google.stream_cut import GoogleStreamCut
from argo_relay.dialects.google.stream_decoder import GoogleStreamDecoder
from argo_relay.dialects.google.stream_encoder import GoogleStreamEncoder
from argo_relay.dialects.google.stream_watch import GoogleStreamWatch
from argo_relay.framing.sse import SSE

GOOGLE: Final = Dialect(
    name="google",
    outline=outline,
    read_reply=read_reply,
    watch_stream=GoogleStreamWatch,
    cut_stream=GoogleStreamCut,
    links=links,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_reply=decode_reply,
    encode_reply=encode_reply,
    stream_decoder=GoogleStreamDecoder,
    stream_encoder=GoogleStreamEncoder,
    decode_error=decode_error,
    encode_error=encode_error,
    # A blank line: comments break google-genai for Python, Gemini CLI and LiteLLM.
    heartbeat=b"\n\n",
    framing=SSE,
)

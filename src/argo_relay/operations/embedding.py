"""Embeddings in no vendor's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.neutral.content import Extras
from argo_relay.neutral.loss import Losses


class EmbedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Texts, or their token ids, that want a vector each."""

    model: str
    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None = None
    end_user: str | None = None
    base64: bool = False
    """The client wants little-endian 32-bit floats in base64 (OpenAI's SDKs ask for it by themselves)."""
    single: bool = False
    """The client sent one text, and wants one vector, not a list (Google's `embedContent`)."""
    extras: Extras = {}


class EmbedReply(msgspec.Struct, frozen=True, kw_only=True):
    """A vector for each input, in order; `tokens` of input, where the upstream says."""

    model: str
    vectors: tuple[tuple[float, ...], ...]
    tokens: int | None = None


class Embedder(msgspec.Struct, frozen=True, kw_only=True):
    """One vendor's embeddings, as functions; what each promises is as in `dialects.base.Dialect`."""

    outline: Callable[[Incoming], Outline]
    decode_request: Callable[[Outline], EmbedRequest]
    encode_request: Callable[[EmbedRequest], tuple[dict[str, Any], Losses]]
    decode_reply: Callable[[bytes], EmbedReply]
    encode_reply: Callable[[EmbedReply, EmbedRequest], bytes]

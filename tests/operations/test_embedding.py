"""Embeddings in no vendor's words."""

from __future__ import annotations

from argo_relay.operations.embedding import EmbedReply, EmbedRequest


def test_values_are_equal_by_content() -> None:
    assert EmbedRequest(model="m", inputs=("a", (1, 2))) == EmbedRequest(model="m", inputs=("a", (1, 2)))
    assert EmbedReply(model="m", vectors=((1.0,),)) != EmbedReply(model="m", vectors=((2.0,),))

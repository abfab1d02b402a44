"""A neutral request becomes the body of a Chat Completions request.

https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import Any

from argo_relay.dialects.base import Target, lose_extras
from argo_relay.dialects.openai_chat.content_encoder import MessagesEncoder
from argo_relay.dialects.openai_chat.options import OptionEncoder
from argo_relay.dialects.openai_chat.outline import DIALECT
from argo_relay.dialects.openai_chat.tools import ToolEncoder
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.request import Request


def encode_request(request: Request, target: Target) -> tuple[dict[str, Any], Losses]:
    """Return the body that asks an upstream for a reply, and what of the request it cannot say."""
    losses: Losses = []
    own = request.dialect == DIALECT
    messages = MessagesEncoder(target, losses, own=own)
    body: dict[str, Any] = {"model": target.model, "messages": []}
    for index, message in enumerate(request.messages):
        body["messages"] += messages.encode(message, index)
    ToolEncoder(request, target, losses).add_to(body)
    body |= OptionEncoder(request, target, losses).encode()
    mine = dict(request.extras.get(DIALECT, {}))
    stream_options = mine.pop("stream_options", {})
    if request.stream:
        body["stream"] = True
        # What a reply cost is known to nobody else; a client that did not ask is not told.
        if request.include_usage or not own:
            stream_options = {"include_usage": True, **stream_options}
    if stream_options:
        body["stream_options"] = stream_options
    lose_extras(request, DIALECT, losses)
    return body | mine, losses

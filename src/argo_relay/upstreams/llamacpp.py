"""llama.cpp's server, asked in the one way in which a request that is cut leaves its slot at once.

Found by measuring (docs/local.md has the figures; https://github.com/ggml-org/llama.cpp/issues/24496): the server
notices that its client has left only when it writes to it. So it never does while it makes a whole reply, and while it
reads a prompt only where it tells how far it has got, which `return_progress` asks for on its Chat and Responses
routes, and nothing on its Messages route. Of the two, Chat's events are as OpenAI's SDKs expect them; those of its
Responses route lack `output_index` and `sequence_number`. So it is asked for streams on Chat, whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from argo_relay.upstreams.base import Ask, Changes, Operation, has_path
from argo_relay.upstreams.vendor import VendorKind, VendorUpstream


class LlamaUpstream(VendorUpstream, frozen=True, kw_only=True):
    """One llama.cpp server: where it is, and the key that it asks for."""

    kind: VendorKind = "openai"

    def __repr__(self) -> str:
        """Return a form without the key."""
        return "LlamaUpstream()"

    @property
    def lists_all(self) -> bool:
        """It takes any name for the model that it has; who asked for another should know."""
        return True

    def offers(self, operation: Operation, dialect: str) -> bool:
        """Say whether it has a path for an operation in a dialect."""
        return dialect == "openai_chat" and has_path(operation, dialect)

    def changes(self, ask: Ask, members: Mapping[str, Any]) -> Changes:
        """Return the model's name, and have it tell how far it has got with a prompt, and what a reply cost."""
        changes, losses = super().changes(ask, members)
        if ask.operation is Operation.GENERATE:
            changes["return_progress"] = True
            if self.streams_only(ask, members, changes):
                changes["stream_options"] = {"include_usage": True}
        return Changes(changes, losses)

    def streams_only(self, ask: Ask, members: Mapping[str, Any], changes: Mapping[str, object]) -> bool:
        """Say whether a whole reply is to be gathered from a stream: all that are one reply."""
        number = changes.get("n", members.get("n"))
        several = isinstance(number, int) and number > 1
        return ask.operation is Operation.GENERATE and not ask.stream and not several

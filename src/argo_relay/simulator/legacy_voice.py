"""A reply of Argo's own older API: one object with the text, or the text itself, in bytes that are cut anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from argo_relay.simulator.answer import Answer, Part
from argo_relay.simulator.calls import Call
from argo_relay.simulator.directives import Directives
from argo_relay.simulator.errors import failed, fault
from argo_relay.simulator.models import Owner
from argo_relay.simulator.request import Refusal


def _made(part: Part, call: Call, owner: Owner) -> dict[str, Any]:
    """Return a call in the shape of its vendor's SDK."""
    if owner == "anthropic":
        return {"id": call.id, "input": json.loads(part.text), "name": call.name, "type": "tool_use"}
    if owner == "google":
        return {"name": call.name, "args": json.loads(part.text)}
    return {"id": call.id, "function": {"arguments": part.text, "name": call.name}, "type": "function"}


def _cut(data: bytes) -> int:
    """Return where to cut so that the last character beyond ASCII is in two; the length where there is none."""
    starts = [index for index, byte in enumerate(data) if byte >= 0xC0]
    return starts[-1] + 1 if starts else len(data)


class LegacyVoice(msgspec.Struct, frozen=True, kw_only=True):
    """What is said, and whose shape calls have. A stream has no framing, and nothing that says how it ended."""

    answer: Answer
    owner: Owner = "openai"
    tools: bool = False
    """Whether the request offered tools: then the response is an object."""

    @property
    def count(self) -> int:
        """Return how many pieces the reply has."""
        return self.answer.count

    @property
    def _text(self) -> str:
        return "".join(part.text for part in self.answer.parts if part.kind == "text")

    def opening(self) -> Iterator[bytes]:
        """Yield nothing."""
        yield from ()

    def beats(self) -> Iterator[list[bytes]]:
        """Yield the text's bytes piece by piece; a character beyond ASCII may begin in one and end in the next."""
        kept = b""
        beats = [beat for beat in self.answer.beats() if beat.part.kind == "text"]
        for number, beat in enumerate(beats, 1):
            data = kept + beat.piece.encode("utf-8", "replace")
            cut = len(data) if number == len(beats) else _cut(data)
            yield [data[:cut]]
            kept = data[cut:]

    def ending(self, _orders: Directives) -> Iterator[bytes]:
        """Yield nothing."""
        yield from ()

    def failing(self, _kind: str | None = None) -> Iterator[bytes]:
        """Yield nothing: how such a stream fails is not known, so it just ends."""
        yield from ()

    def whole(self, _orders: Directives) -> object:
        """Return the reply in one body."""
        if not self.tools:
            return {"response": self._text}
        calls = [_made(part, part.call, self.owner) for part in self.answer.parts if part.call]
        return {"response": {"content": self._text or None, "tool_calls": calls}}

    def failed(self, kind: str | None = None) -> Refusal:
        """Return a 429, unless it fails in another way; inferred from chat."""
        return failed(kind or "quota")

    def hidden(self, kind: str | None = None) -> object:
        """Return the error that may come with status 200; inferred from chat."""
        return fault(kind or "quota")

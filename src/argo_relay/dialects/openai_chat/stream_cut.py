"""A Chat Completions stream that is relayed as it came, ended where it stands as OpenAI ends one at its length limit.

https://platform.openai.com/docs/api-reference/chat/streaming
"""

from __future__ import annotations

from typing import Any, Final

from argo_relay.errors import BadJson
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame

_NAMED: Final = ("id", "object", "created", "model", "service_tier", "system_fingerprint")
"""Members that every chunk of a stream repeats."""


class ChatStreamCut:
    """Follows one stream; see `dialects.base.StreamCut`."""

    def __init__(self) -> None:
        self._chunk: dict[str, Any] = {}
        self._usage: Any = None
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._generated = False

    def feed(self, frame: Frame) -> None:
        """Take note of the choices that are open, and of the tokens."""
        if frame.data is None:
            return
        try:
            chunk = jsonx.decode_loosely(frame.data)
        except BadJson:
            return
        if not isinstance(chunk, dict):
            return
        self._usage = chunk.get("usage") or self._usage
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                self._chunk = chunk
                self._read(choice)

    def cut(self) -> bytes | None:
        """Return the finish of the open choices, with the tokens where the upstream has told them, and `[DONE]`."""
        if not self._generated:
            return None
        chunk: dict[str, Any] = {name: self._chunk[name] for name in _NAMED if name in self._chunk}
        chunk["choices"] = [
            {"index": index, "delta": {}, "logprobs": None, "finish_reason": "length"} for index in sorted(self._open)
        ]
        if self._usage is not None:
            # Who tells them before the end tells them with every chunk, whatever was asked for.
            chunk["usage"] = self._usage
        return sse.write(jsonx.encode(chunk)) + sse.write(b"[DONE]")

    def _read(self, choice: dict[str, Any]) -> None:
        index = choice.get("index")
        index = index if isinstance(index, int) else 0
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self._generated |= any(value for name, value in delta.items() if name != "role")
        if choice.get("finish_reason"):
            self._finished.add(index)
            self._open.discard(index)
        elif index not in self._finished:
            self._open.add(index)

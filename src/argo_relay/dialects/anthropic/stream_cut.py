"""A Messages stream that is relayed as it came, ended where it stands as Anthropic ends one at `max_tokens`.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.anthropic.usage import decode_usage, encode_delta_usage
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame

_GROWING: Final = ("text", "thinking")
"""Blocks that begin empty."""
_BEGINNING: Final = ("tool_use", "redacted_thinking")
"""Blocks that say something when they begin."""


class AnthropicStreamCut:
    """Follows one stream; see `dialects.base.StreamCut`."""

    def __init__(self) -> None:
        self._open: dict[Any, Any] = {}
        """The types of the blocks that have begun and not ended, by index."""
        self._generated = False
        self._counts: dict[str, Any] = {}

    def feed(self, frame: Frame) -> None:
        """Take note of the blocks that are open, and of the tokens."""
        if frame.data is None:
            return
        try:
            value = jsonx.decode_loosely(frame.data)
        except BadJson:
            return
        if isinstance(value, dict):
            self._read(value)

    def cut(self) -> bytes | None:
        """Return the end of the open blocks, the stop reason with the tokens as far as they are known, and the end."""
        if not self._generated:
            return None
        ends = [
            sse.write(jsonx.encode({"type": "content_block_stop", "index": index}), b"content_block_stop")
            for index in self._open
        ]
        delta = {
            "type": "message_delta",
            "delta": {"stop_reason": "max_tokens", "stop_sequence": None},
            "usage": encode_delta_usage(decode_usage(self._counts)),
        }
        stop = sse.write(jsonx.encode(delta), b"message_delta")
        return b"".join([*ends, stop, sse.write(b'{"type":"message_stop"}', b"message_stop")])

    def _read(self, value: dict[str, Any]) -> None:
        kind = value.get("type")
        if kind == "message_start":
            message = value.get("message")
            self._see(message.get("usage") if isinstance(message, dict) else None)
        elif kind == "content_block_start":
            block = value.get("content_block")
            if isinstance(block, dict):
                self._open[value.get("index")] = block.get("type")
                self._generated |= block.get("type") in _BEGINNING or (block.get("type") in _GROWING and _says(block))
        elif kind == "content_block_delta":
            delta = value.get("delta")
            plain = self._open.get(value.get("index"), "text") in _GROWING
            self._generated |= plain and isinstance(delta, dict) and _says(delta)
        elif kind == "content_block_stop":
            self._generated |= self._open.pop(value.get("index"), "text") not in _GROWING
        elif kind == "message_delta":
            self._see(value.get("usage"))

    def _see(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._counts |= {name: count for name, count in usage.items() if count is not None}


def _says(piece: dict[str, Any]) -> bool:
    return any(value for name, value in piece.items() if name != "type")

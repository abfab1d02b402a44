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


class AnthropicStreamCut:
    """Follows one stream; see `dialects.base.StreamCut`."""

    def __init__(self) -> None:
        self._open: list[object] = []
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
            self._open.append(value.get("index"))
            block = value.get("content_block")
            self._generated |= isinstance(block, dict) and (block.get("type") not in _GROWING or _says(block))
        elif kind == "content_block_delta":
            delta = value.get("delta")
            self._generated |= isinstance(delta, dict) and _says(delta)
        elif kind == "content_block_stop" and value.get("index") in self._open:
            self._open.remove(value.get("index"))
        elif kind == "message_delta":
            self._see(value.get("usage"))

    def _see(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._counts |= {name: count for name, count in usage.items() if count is not None}


def _says(piece: dict[str, Any]) -> bool:
    return any(value for name, value in piece.items() if name != "type")

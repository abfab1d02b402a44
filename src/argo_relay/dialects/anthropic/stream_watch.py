"""A Messages stream, watched while it is relayed.

It knows three things that the relay needs: when content came (for the timers), whether the stream ended properly, and
what it cost. It also mends one thing: a stream that is complete but says no `stop_reason` gets one, because a popular
client (opencode 1.18) repeats the request without pause when it is missing.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

import re
from typing import Any, Final

from argo_relay.dialects.anthropic.errors import decode_inner_error, encode_stream_error
from argo_relay.dialects.anthropic.usage import decode_usage
from argo_relay.dialects.statuses import UNREADABLE
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.reply import Usage

_CALL: Final = re.compile(rb'"type"\s*:\s*"tool_use"')
_EMPTY: Final = re.compile(rb'"(?:text|thinking|partial_json|signature)"\s*:\s*""')
"""What a delta that adds nothing holds: within a string the quotes would be escaped."""
_DELTA: Final = b"event: content_block_delta\ndata: "
_SILENT: Final = (False, b"")
_SAID: Final = (True, b"")


class AnthropicStreamWatch:
    """Follows one stream; fed every frame in order."""

    __slots__ = ("_calls", "_closing", "_counts", "_cut", "_started", "_stopped", "ended", "failure", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.ended = False
        self.failure: Failure | None = None
        self._closing = b""
        self._cut = False
        self._started = False
        self._stopped = False
        self._calls = False
        self._counts: dict[str, Any] = {}

    def feed(self, frame: Frame) -> tuple[bool, bytes]:
        """Read a frame; before a `message_stop` that no stop reason came before, the missing one goes out."""
        data = frame.data
        if data is None or self.ended:
            return _SILENT
        self._closing = b"" if frame.raw.endswith(b"\n\n") else sse.closing(frame.raw)
        event = frame.event
        # By far the most frames are deltas: their name tells all that the relay needs. A last frame without its blank
        # line is read, for it may have been cut off.
        if event == b"content_block_delta" and not self._closing:
            return _SILENT if _adds_nothing(data) else _SAID
        if event == b"content_block_start" and not self._closing:
            self._calls = self._calls or _CALL.search(data) is not None
            return _SAID
        if event == b"ping":
            return _SILENT
        return self._read(data)

    def skim(self, frames: list[bytes], start: int) -> int:
        """Read deltas that add something; see StreamWatch."""
        at = start
        while at < len(frames) and not self.ended and _is_plain(frames[at]):
            at += 1
        if at > start:
            self._closing = b""
        return at - start

    def finish(self) -> bytes | None:
        """Return what completes a stream whose connection ended: a blank line, `message_stop` after a stop reason."""
        if self.ended or self.failure is not None:
            return self._closing
        if not self._stopped or self._cut:
            return None
        return self._closing + sse.write(b'{"type":"message_stop"}', b"message_stop")

    def fail(self, failure: Failure) -> bytes:
        """Return the error as the stream's last event."""
        return encode_stream_error(failure)

    def _read(self, data: bytes) -> tuple[bool, bytes]:
        try:
            value = jsonx.decode_loosely(data)
        except BadJson:
            # Only a stream's last frame can lack its blank line, and then it was cut off before its end.
            self._cut = bool(self._closing)
            return _SILENT
        if not isinstance(value, dict):
            return _SILENT
        return self._read_event(value, data)

    def _read_event(self, value: dict[str, Any], data: bytes) -> tuple[bool, bytes]:
        kind = value.get("type")
        if kind == "error" or (kind is None and value.get("error")):
            self.failure = decode_inner_error(value) or UNREADABLE
            return _SAID
        if kind == "message_stop":
            self.ended = self._started or self._stopped
            return False, self._missing_stop()
        if kind == "message_start":
            message = value.get("message")
            self._started = True
            self._see(message.get("usage") if isinstance(message, dict) else None)
            return _SILENT
        if kind == "message_delta":
            delta = value.get("delta")
            self._stopped = self._stopped or (isinstance(delta, dict) and bool(delta.get("stop_reason")))
            self._see(value.get("usage"))
            return _SAID
        if kind == "content_block_start":
            self._calls = self._calls or _CALL.search(data) is not None
            return _SAID
        return kind == "content_block_delta" and not _adds_nothing(data), b""

    def _see(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._counts = self._counts | {name: count for name, count in usage.items() if count is not None}
            self.usage = decode_usage(self._counts)

    def _missing_stop(self) -> bytes:
        if self._stopped or not self._started:
            return b""
        self._stopped = True
        delta = {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use" if self._calls else "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": (self.usage.output if self.usage else None) or 0},
        }
        return sse.write(jsonx.encode(delta), b"message_delta")


def _is_plain(frame: bytes) -> bool:
    """Tell whether a frame, its end left out, is a delta of one line that adds something."""
    return frame.startswith(_DELTA) and b'""' not in frame and frame.count(b"\n") == 1


def _adds_nothing(data: bytes) -> bool:
    return b'""' in data and _EMPTY.search(data) is not None

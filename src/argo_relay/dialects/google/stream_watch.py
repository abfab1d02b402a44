"""A Gemini stream, watched while it is relayed: server-sent events, or one JSON array.

A frame is read only where its bytes say that it matters: it carries a finish, a block, an error, or no text. Every
chunk carries usage, so the last one that came with a finish or after it is the whole reply's.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from __future__ import annotations

import re
from typing import Any, Final

from argo_relay.dialects.google.errors import decode_error_object, encode_stream_error, error_in_reply
from argo_relay.dialects.google.outline import in_list
from argo_relay.dialects.google.stops import decode_block, finish_of
from argo_relay.dialects.google.usage import decode_usage
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.reply import Usage

_TEXT: Final = re.compile(rb'"text"\s*:\s*"[^"]')
_EMPTY: Final = frozenset({"text", "thought"})
"""Members of a part that say nothing where its text is empty."""
_AROUND: Final = frozenset({"content", "index", "safetyRatings", "tokenCount", "avgLogprobs"})
"""Members of a candidate that say nothing of the answer by themselves."""


class GoogleStreamWatch:
    """Follows one stream; fed every frame in order."""

    __slots__ = ("_array", "_closing", "_cut", "_finished", "_last", "ended", "failure", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.ended = False
        self.failure: Failure | None = None
        self._array = False
        self._closing = b""
        self._cut = False
        self._finished = False
        self._last: bytes | None = None

    def feed(self, frame: Frame) -> tuple[bool, bytes]:
        """Read a frame; nothing ever has to go out before one."""
        data = frame.data
        if data is None:
            self._read_mark(frame.raw)
            return False, b""
        if not frame.raw.endswith((b"\n\n", b"\r\n\r\n")):
            self._read_end(frame.raw, data)
        # Inside a text these quotes are escaped: only members of the chunk are met.
        if self._finished or b'"finishReason"' in data or b'"blockReason"' in data or b'"error"' in data:
            self._read(data)
        elif b'"usageMetadata"' in data:
            self._last = data
        return self.failure is not None or (b'"candidates"' in data and _says(data)), b""

    def skim(self, frames: list[bytes], start: int) -> int:
        """Read chunks that have text, and say nothing of an end; see StreamWatch."""
        at = start
        while not self._finished and at < len(frames) and _is_plain(frames[at]):
            if b'"usageMetadata"' in frames[at]:
                self._last = frames[at][len(sse.DATA) :]
            at += 1
        return at - start

    def finish(self) -> bytes | None:
        """Return what completes a stream whose connection ended: a last blank line, or the array's bracket."""
        if self.usage is None and self._last is not None:
            self._read(self._last)
        closing = (b"" if self.ended else b"]") if self._array else self._closing
        if self.ended or self.failure is not None or (self._finished and not self._cut):
            return closing
        return None

    def fail(self, failure: Failure) -> bytes:
        """Return the error as the stream's last event."""
        return encode_stream_error(failure)

    def _read_mark(self, raw: bytes) -> None:
        mark = raw.strip()
        if mark.startswith((b"[", b",", b"]")):
            self._array = True
            self.ended = self._finished and mark.endswith(b"]")

    def _read_end(self, raw: bytes, data: bytes) -> None:
        """Note in what form the stream is, and whether it stopped in this frame: an element ends with its brace."""
        if raw.lstrip()[:1] in (b"[", b",", b"{"):
            self._array = raw.lstrip()[:1] != b"{"
            self._cut = not data.rstrip().endswith(b"}")
        else:
            self._closing = sse.closing(raw)
            self._cut = bool(self._closing) and not _whole(data)

    def _read(self, data: bytes) -> None:
        try:
            value: Any = jsonx.decode_loosely(data)
        except BadJson:
            self.ended = self._finished and data.strip() == b"[DONE]"
            return
        if error := error_in_reply(value):
            self.failure = decode_error_object(error)
            return
        if not isinstance(value, dict):
            return
        self.usage = decode_usage(value.get("usageMetadata")) or self.usage
        self._finish(value)

    def _finish(self, chunk: dict[str, Any]) -> None:
        """Note whether the reply is complete with this chunk."""
        candidates = chunk.get("candidates")
        first = candidates[0] if isinstance(candidates, list) and candidates else None
        if isinstance(first, dict):
            self._finished = bool(finish_of(first, self._finished))
        if decode_block(chunk.get("promptFeedback")) is not None:
            self._finished = True


def _says(data: bytes) -> bool:
    """Tell whether a chunk with candidates holds more than an empty text."""
    if _TEXT.search(data) is not None:
        return True
    try:
        value: Any = jsonx.decode_loosely(data)
    except BadJson:
        return True
    candidates = [one for chunk in in_list(value) for one in _objects(chunk, "candidates")]
    parts = [part for one in candidates for part in _objects(one.get("content"), "parts")]
    return any(one.keys() - _AROUND for one in candidates) or any(
        part.get("text") or part.keys() - _EMPTY for part in parts
    )


def _is_plain(frame: bytes) -> bool:
    """Tell whether a frame, its end left out, is a chunk with text that need not be read."""
    return (
        frame.startswith(sse.DATA)
        and b"\n" not in frame
        and b'"candidates"' in frame
        and b'"finishReason"' not in frame
        and b'"blockReason"' not in frame
        and b'"error"' not in frame
        and _TEXT.search(frame) is not None
    )


def _objects(value: Any, field: str) -> list[dict[str, Any]]:
    members = value.get(field) if isinstance(value, dict) else None
    return [one for one in members if isinstance(one, dict)] if isinstance(members, list) else []


def _whole(data: bytes) -> bool:
    try:
        jsonx.decode_loosely(data)
    except BadJson:
        return False
    return True

"""A Responses stream, watched while it is relayed: when content came, whether it ended properly, what it cost.

Only the events that begin and end a stream are decoded; of all others the name is enough.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

import re
from typing import Any, Final

from argo_relay.dialects.openai_responses.errors import decode_failed, encode_stream_error
from argo_relay.dialects.openai_responses.usage import decode_usage
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.reply import Usage

_ENDS: Final = frozenset({b"response.completed", b"response.incomplete", b"response.failed", b"error"})
_MUTE: Final = frozenset(
    {b"response.created", b"response.in_progress", b"response.queued", b"keepalive", b"ping", b"heartbeat"}
)
_NUMBER: Final = re.compile(rb'"sequence_number"\s*:\s*(\d{1,9})')
# Within a string these would stand between escaped quotes, and so would an empty text.
_MARKS: Final = tuple(b'"%b"' % name for name in (*sorted(_ENDS), *sorted(_MUTE)))
_DELTAS: Final = tuple(
    b"event: response.%b.delta\ndata: " % name
    for name in (b"output_text", b"reasoning_text", b"reasoning_summary_text", b"function_call_arguments")
)
_EMPTY: Final = re.compile(rb'"delta"\s*:\s*""')


class ResponsesStreamWatch:
    """Follows one stream; fed every frame in order."""

    __slots__ = ("_before", "_closing", "_created", "_last", "ended", "failure", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.ended = False
        self.failure: Failure | None = None
        self._closing = b""
        self._created: dict[str, Any] | None = None
        self._last = self._before = b""

    def feed(self, frame: Frame) -> tuple[bool, bytes]:
        """Read a frame: whether it carries content; nothing ever goes out before it."""
        data, name = frame.data, frame.event
        if data is None or self.ended or self.failure is not None:
            return False, b""
        if self._created is None:
            self._created = _created(data)
        self._last, self._before = data, self._last
        if name is not None and name not in _ENDS:
            return name not in _MUTE and not _adds_nothing(data), b""
        if name is None and not any(mark in data for mark in _MARKS):
            return data.startswith(b"{") and not _adds_nothing(data), b""
        return self._read(frame, data), b""

    def skim(self, frames: list[bytes], start: int) -> int:
        """Read deltas that add something; see StreamWatch."""
        if self._created is None or self.ended or self.failure is not None:
            return 0
        at = start
        while at < len(frames) and _is_plain(frames[at]):
            at += 1
        if at > start:
            self._last = frames[at - 1].partition(b"\ndata: ")[2]
        return at - start

    def finish(self) -> bytes | None:
        """Return the blank line that an ended stream may lack; None when its last event never came."""
        return self._closing if self.ended or self.failure is not None else None

    def fail(self, failure: Failure) -> bytes:
        """Return the error as the last event of the response that has begun."""
        numbers = _NUMBER.findall(self._last)
        return encode_stream_error(failure, self._created or {}, int(numbers[-1]) + 1 if numbers else 0)

    def _read(self, frame: Frame, data: bytes) -> bool:
        try:
            value = jsonx.decode_loosely(data)
        except BadJson:
            return False
        if not isinstance(value, dict):
            return False
        kind = value.get("type")
        name = kind.encode("utf-8", "surrogatepass") if isinstance(kind, str) else frame.event or b""
        if name not in _ENDS and not (value.get("error") and not name.startswith(b"response.")):
            return name not in _MUTE
        self._closing = sse.closing(frame.raw)
        self._end(name, value)
        return True

    def _end(self, name: bytes, value: dict[str, Any]) -> None:
        response = value.get("response")
        response = response if isinstance(response, dict) else {}
        if name in (b"response.completed", b"response.incomplete") and response.get("status") != "failed":
            self.usage = decode_usage(response.get("usage"))
            self.ended = True
        else:
            # Whoever tells this error another way does so in this event's place.
            self._last = self._before
            self.failure = decode_failed(value.get("error") or response.get("error") or value)


def _is_plain(frame: bytes) -> bool:
    """Tell whether a frame, its end left out, is a delta of one line that adds something."""
    return frame.startswith(_DELTAS) and b'""' not in frame and frame.count(b"\n") == 1


def _adds_nothing(data: bytes) -> bool:
    return b'""' in data and _EMPTY.search(data) is not None


def _created(data: bytes) -> dict[str, Any] | None:
    """Return the response that a stream's first event holds, without what it says of its end."""
    try:
        value = jsonx.decode_loosely(data)
    except BadJson:
        return None
    response = value.get("response") if isinstance(value, dict) else None
    return response if isinstance(response, dict) else None

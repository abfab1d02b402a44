"""Server-sent events: bytes in any cuts become frames, and frames become bytes.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Two line ends in a row. A lone CR at the end of what has arrived may be half of a CRLF, so it waits for the next byte.
_END = re.compile(rb"(?:\r\n|\n|\r(?!\n|\Z)){2}")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Frame(NamedTuple):
    """One event: its very bytes, and its data (lines joined by LF; None for comments and other frames without data)."""

    raw: bytes
    data: bytes | None


class Splitter:
    """Cuts a byte stream into frames, however it arrives; what it gives back, joined, is what it was fed."""

    __slots__ = ("_rest", "_searched")

    def __init__(self) -> None:
        self._rest = b""
        self._searched = 0

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished frame are held."""
        return len(self._rest)

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames that `chunk` completes."""
        text = self._rest + chunk if self._rest else chunk
        frames = []
        start = 0
        for match in _END.finditer(text, self._searched):
            frames.append(_frame(text[start : match.end()]))
            start = match.end()
        self._rest = text[start:] if start else text
        # An end of up to three bytes may have begun in what is left; no need to look at more of it again.
        self._searched = max(0, len(self._rest) - 3)
        return frames

    def finish(self) -> list[Frame]:
        """Return the last frame of a stream that ended without its blank line."""
        rest, self._rest, self._searched = self._rest, b"", 0
        return [_frame(rest)] if rest else []


def _frame(raw: bytes) -> Frame:
    if raw.startswith(b"data:") and raw.endswith(b"\n\n") and raw.count(b"\n") == 2 and b"\r" not in raw:
        return Frame(raw, raw[6:-2] if raw[5:6] == b" " else raw[5:-2])
    data = []
    for line in _LINE_END.split(raw):
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
    return Frame(raw, b"\n".join(data) if data else None)


def write(data: bytes) -> bytes:
    """Return a frame that carries one line of data."""
    return b"data: " + data + b"\n\n"

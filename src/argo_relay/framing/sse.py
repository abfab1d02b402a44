"""Server-sent events: bytes in any cuts become frames, and frames become bytes.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import re
from typing import Final

from argo_relay.framing.base import Frame, Framing

# Two line ends in a row. A lone CR at the end of what has arrived may be half of a CRLF, so it waits for the next byte.
_END = re.compile(rb"(?:\r\n|\n|\r(?!\n|\Z)){2}")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Splitter:
    """Cuts a byte stream into frames, however it arrives; what it gives back, joined, is what it was fed."""

    __slots__ = ("_pieces", "_tail", "pending")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._tail = b""
        self.pending = 0
        """How many bytes of an unfinished frame are held."""

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames that `chunk` completes.

        No byte of an unfinished frame is looked at or copied again until its end has come: 64 MiB in reads of 64 KiB
        would keep the process busy for half a minute otherwise.
        """
        near = self._tail + chunk
        ends = _ends(near)
        if not ends:
            self._hold(near, chunk)
            return []
        text = b"".join((*self._pieces, chunk)) if self._pieces else chunk
        before = len(text) - len(near)
        frames = []
        start = 0
        for end in ends:
            frames.append(_frame(text[start : before + end]))
            start = before + end
        rest = text[start:]
        self._pieces.clear()
        self.pending = 0
        self._hold(rest, rest)
        return frames

    def finish(self) -> list[Frame]:
        """Return the last frame of a stream that ended without its blank line."""
        rest = b"".join(self._pieces)
        self._pieces.clear()
        self._tail = b""
        self.pending = 0
        return [_frame(rest)] if rest else []

    def _hold(self, near: bytes, piece: bytes) -> None:
        # An end of up to four bytes may have begun in the last three.
        self._tail = near[-3:]
        if piece:
            self._pieces.append(piece)
            self.pending += len(piece)


def _ends(text: bytes) -> list[int]:
    """Find where frames end. Nearly every stream has LF only, and finding that takes a tenth of the pattern's time."""
    if b"\r" in text:
        return [match.end() for match in _END.finditer(text)]
    ends = []
    at = text.find(b"\n\n")
    while at >= 0:
        ends.append(at + 2)
        at = text.find(b"\n\n", at + 2)
    return ends


def _frame(raw: bytes) -> Frame:
    # Nearly every frame is one line of data, or an event's name and one line of data; both need no pattern.
    lines = raw.count(b"\n")
    if lines <= 3 and b"\r" not in raw and raw.endswith(b"\n\n"):
        if lines == 2 and raw.startswith(b"data:"):
            return Frame(raw, _value(raw[5:-2]))
        if lines == 3 and raw.startswith(b"event:"):
            name, _, rest = raw[6:-2].partition(b"\n")
            if rest.startswith(b"data:"):
                return Frame(raw, _value(rest[5:]), _value(name))
    data = []
    event = None
    for line in _LINE_END.split(raw):
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(_value(value))
        elif name == b"event":
            event = _value(value)
    return Frame(raw, b"\n".join(data) if data else None, event)


def _value(text: bytes) -> bytes:
    return text[1:] if text.startswith(b" ") else text


def write(data: bytes, event: bytes = b"") -> bytes:
    """Return a frame that carries one line of data, under an event's name where one is given."""
    return b"event: " + event + b"\ndata: " + data + b"\n\n" if event else b"data: " + data + b"\n\n"


def closing(raw: bytes) -> bytes:
    """Return the blank line that a frame lacks when its stream has stopped in it; nothing for a whole frame."""
    return b"" if raw.endswith(b"\n\n") or _END.search(raw, len(raw) - 4) else b"\n\n"


SSE: Final = Framing(name="sse", media_type="text/event-stream", splitter=Splitter)

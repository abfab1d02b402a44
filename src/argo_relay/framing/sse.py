"""Server-sent events: bytes in any cuts become frames, and frames become bytes.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from argo_relay.framing.base import Frame, Framing

# Two line ends in a row. A lone CR at the end of what has arrived may be half of a CRLF, so it waits for the next byte.
_END = re.compile(rb"(?:\r\n|\n|\r(?!\n|\Z)){2}")
DATA: Final = b"data: "
"""What nearly every frame of one line begins with."""
BLANK: Final = b"\n\n"
"""What nearly every frame ends with."""
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Splitter:
    """Cuts a byte stream into frames, however it arrives; what it gives back, joined, is what it was fed."""

    __slots__ = ("_block", "_ends", "_pieces", "_tail", "pending")

    def __init__(self) -> None:
        self._block = b""
        self._ends: list[int] | None = None
        """Where the block's frames end; None: at each empty line, for it has LF only."""
        self._pieces: list[bytes] = []
        self._tail = b""
        self.pending = 0
        """How many bytes of an unfinished frame are held."""

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames that `chunk` completes."""
        self.block(chunk)
        return self.frames()

    def block(self, chunk: bytes) -> bytes:
        """Return the bytes of the frames that `chunk` completes: only the last one's end is looked for.

        No byte of an unfinished frame is looked at or copied again until its end has come: 64 MiB in reads of 64 KiB
        would keep the process busy for half a minute otherwise.
        """
        if not self._tail and chunk.endswith(BLANK) and chunk[-3:-2] != b"\n" and b"\r" not in chunk:
            # Whole frames and no more, as nearly always: it spares 0.25 us, more where nothing is in a cache any more.
            self._block, self._ends = chunk, None
            return chunk
        near = self._tail + chunk
        end, self._ends = _last_end(near)
        if not end:
            self._block = b""
            self._hold(near, chunk)
            return b""
        text = b"".join((*self._pieces, chunk)) if self._pieces else chunk
        before = len(text) - len(near)
        if self._ends is not None:
            self._ends = [before + one for one in self._ends]
        self._pieces.clear()
        self.pending = 0
        if before + end == len(text):
            # As nearly always where a read is one event.
            self._tail, self._block = b"", text
            return text
        rest = text[before + end :]
        self._hold(rest, rest)
        self._block = text[: before + end]
        return self._block

    def frames(self) -> list[Frame]:
        """Return the frames of the last block."""
        block, ends = self._block, self._ends
        self._block, self._ends = b"", None
        if ends is None:
            return [frame(raw + BLANK) for raw in block.split(BLANK)[:-1]]
        return [frame(block[start:end]) for start, end in pairwise([0, *ends])]

    def finish(self) -> list[Frame]:
        """Return the last frame of a stream that ended without its blank line."""
        rest = b"".join(self._pieces)
        self._pieces.clear()
        self._tail = b""
        self.pending = 0
        return [frame(rest)] if rest else []

    def _hold(self, near: bytes, piece: bytes) -> None:
        # An end of up to four bytes may have begun in the last three.
        self._tail = near[-3:]
        if piece:
            self._pieces.append(piece)
            self.pending += len(piece)


def _last_end(text: bytes) -> tuple[int, list[int] | None]:
    """Find where the last whole frame ends, 0 for none; with all ends where they had to be found for it."""
    last = text.rfind(b"\n\n")
    if b"\r" not in text and text[last - 1 : last + 2] != b"\n\n\n":
        return last + 2 if last >= 0 else 0, None
    # Which of several line ends in a row end a frame is known from the first one on.
    ends = _ends(text)
    return ends[-1] if ends else 0, ends


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


def frame(raw: bytes) -> Frame:
    """Return the frame of these bytes, which are a whole one's."""
    # Nearly every frame is one line of data, or an event's name and one line of data; both need no pattern.
    lines = raw.count(b"\n")
    if lines == 2 and raw.startswith(DATA) and raw.endswith(BLANK) and b"\r" not in raw:
        return Frame(raw, raw[6:-2])
    if lines <= 3 and b"\r" not in raw and raw.endswith(BLANK):
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

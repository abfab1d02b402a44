"""A JSON array that arrives element by element: how Gemini streams where `alt=sse` is not asked for.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from __future__ import annotations

import re
from typing import Final

from argo_relay.framing.base import Frame, Framing

_SPACE: Final = b" \t\r\n"
# Whole strings are passed over in one step; a quote that opens a string which has not ended yet comes alone.
_MARK = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{}]', re.DOTALL)
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_OPENING: Final = b"[{"


class Splitter:
    """Cuts a byte stream into frames, however it arrives; what it gives back, joined, is what it was fed.

    A frame is an element with whatever stands before it (the bracket, a comma, white space); the closing bracket is a
    frame without data, as is what follows it. A body that is no array, such as a bare error object, is one frame.
    """

    __slots__ = ("_array", "_begin", "_closed", "_depth", "_escaped", "_frames", "_pieces", "_quoted", "pending")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._array: bool | None = None
        """Whether the body is an array; None as long as only white space has come."""
        self._begin: int | None = None
        """Where, in the bytes that are held, the unfinished element begins."""
        self._depth = 0
        self._quoted = False
        self._escaped = False
        self._closed = False
        self._frames: list[Frame] = []
        self.pending = 0
        """How many bytes of an unfinished frame are held."""

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames that `chunk` completes; every byte is looked at once."""
        start = 0
        if self._array is None:
            start = self._look_for_array(chunk)
        ends = self._ends(chunk, start) if self._array and not self._closed else []
        frames = []
        taken = 0
        for end, begin in ends:
            raw = b"".join((*self._pieces, chunk[taken:end]))
            frames.append(Frame(raw, None if begin is None else raw[begin:]))
            self._pieces.clear()
            self.pending = 0
            taken = end
        if taken < len(chunk):
            self._pieces.append(chunk[taken:] if taken else chunk)
            self.pending += len(chunk) - taken
        return frames

    def block(self, chunk: bytes) -> bytes:
        """Return the bytes of the frames that `chunk` completes."""
        self._frames = self.feed(chunk)
        return b"".join([frame.raw for frame in self._frames])

    def frames(self) -> list[Frame]:
        """Return the frames of the last block."""
        frames, self._frames = self._frames, []
        return frames

    def finish(self) -> list[Frame]:
        """Return the last frame of a stream that ended without closing it."""
        raw = b"".join(self._pieces)
        self._pieces.clear()
        self.pending = 0
        if not raw:
            return []
        if not self._array:
            return [Frame(raw, raw.strip(_SPACE) or None)]
        return [Frame(raw, None if self._begin is None else raw[self._begin :])]

    def _look_for_array(self, chunk: bytes) -> int:
        """Find out what the body is; return where its elements begin in `chunk`."""
        rest = chunk.lstrip(_SPACE)
        if not rest:
            return len(chunk)
        self._array = rest.startswith(b"[")
        return len(chunk) - len(rest) + 1

    def _ends(self, chunk: bytes, start: int) -> list[tuple[int, int | None]]:
        """Return where frames end in `chunk`, and where in each the element begins."""
        ends: list[tuple[int, int | None]] = []
        at, held, size = start, self.pending, len(chunk)
        while at < size:
            if self._quoted:
                at = self._pass_string(chunk, at)
                continue
            match = _MARK.search(chunk, at)
            if match is None:
                break
            at = match.end()
            mark = match[0]
            if mark == b'"':
                self._quoted = True
            elif len(mark) == 1 and self._counts(mark, held + match.start()):
                ends.append((at, self._begin))
                self._begin, held = None, -at
                if self._closed:
                    break
        return ends

    def _counts(self, mark: bytes, position: int) -> bool:
        """Count a bracket; whether it closes an element or the array."""
        if mark in _OPENING:
            if self._depth == 0:
                self._begin = position
            self._depth += 1
            return False
        if self._depth == 0:
            self._closed = True
            return True
        self._depth -= 1
        return self._depth == 0

    def _pass_string(self, chunk: bytes, at: int) -> int:
        """Go on in a string whose beginning came earlier; return where it ends, or the chunk does."""
        if self._escaped:
            self._escaped = False
            at += 1
        match = _IN_STRING.match(chunk, at)
        end = match.end() if match else at
        if end >= len(chunk):
            return len(chunk)
        if chunk[end : end + 1] == b'"':
            self._quoted = False
            return end + 1
        self._escaped = True
        return len(chunk)


JSON_ARRAY: Final = Framing(name="json_array", media_type="application/json", splitter=Splitter)


def last_element(element: bytes, *, begun: bool) -> bytes:
    """Return what ends an array with an element; `begun`: other elements went before."""
    return (b",\r\n" if begun else b"[") + element + b"]"

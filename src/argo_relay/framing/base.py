"""What every framing gives: a splitter that turns bytes in any cuts into frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec


class Frame(NamedTuple):
    """One event: its very bytes, and its data (lines joined by LF; None for comments and other frames without data).

    `event` is the value of an `event:` line, where there is one.
    """

    raw: bytes
    data: bytes | None
    event: bytes | None = None


class Splitter(Protocol):
    """Cuts a byte stream into frames, however it arrives; what it gives back, joined, is what it was fed."""

    pending: int
    """How many bytes of an unfinished frame are held."""

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames that `chunk` completes."""
        ...

    def finish(self) -> list[Frame]:
        """Return the last frame of a stream that ended without closing it."""
        ...


class Framing(msgspec.Struct, frozen=True, kw_only=True):
    """One way to put events into bytes."""

    name: str
    media_type: str
    splitter: Callable[[], Splitter]

"""What every framing gives: a splitter that turns bytes in any cuts into frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec


class Frame(msgspec.Struct, frozen=True, gc=False):
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

    def block(self, chunk: bytes) -> bytes:
        """Return the bytes of the frames that `chunk` completes, in one piece: what most of them are looked at for."""
        ...

    def frames(self) -> list[Frame]:
        """Return the frames of the last block; to be asked once, before more is fed."""
        ...

    def finish(self) -> list[Frame]:
        """Return the last frame of a stream that ended without closing it."""
        ...


class Framing(msgspec.Struct, frozen=True, kw_only=True):
    """One way to put events into bytes."""

    name: str
    media_type: str
    splitter: Callable[[], Splitter]

"""Bodies that come compressed although nobody asked for it, a bounded piece at a time."""

from __future__ import annotations

import zlib
from typing import Final

from argo_relay.errors import ConnectionBroken
from argo_relay.transport.http1 import CLOSED

_MOST: Final = 256 * 1024
"""Bytes that come out at once, however few went in."""
_STRANGE: Final = "it answered with something that is not compressed as its head says"
_GZIP: Final = 31
_ZLIB: Final = 15


class Inflater:
    """Undoes gzip or deflate (https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1); raises ConnectionBroken."""

    def __init__(self, encoding: str) -> None:
        self._bits = 0 if encoding == "deflate" else _GZIP
        self._machine = zlib.decompressobj(self._bits) if self._bits else None
        self._left = b""
        self.waiting = False
        """Whether there may be more without another byte going in."""

    def feed(self, data: bytes) -> bytes:
        """Return some of what these bytes, after those before, hold."""
        data = self._left + data
        self._left = b""
        self.waiting = False
        if self._machine is None:
            if not data:
                return b""
            # Some servers say deflate and leave out the zlib header, whose first byte has an 8 in it.
            self._machine = zlib.decompressobj(_ZLIB if data[0] & 0x0F == 8 else -_ZLIB)
        if self._machine.eof:
            # gzip may be several, one after the other.
            if not data:
                return b""
            self._machine = zlib.decompressobj(self._bits or _ZLIB)
        try:
            out = self._machine.decompress(data, _MOST)
        except zlib.error:
            raise ConnectionBroken(_STRANGE) from None
        self._left = self._machine.unused_data if self._machine.eof else self._machine.unconsumed_tail
        # What goes in may be used up with some of what comes out still to come.
        self.waiting = bool(self._left) or len(out) == _MOST
        return out

    def finish(self) -> None:
        """Take note that the body is over; raise ConnectionBroken when it lacks its end."""
        if self._machine is not None and not self._machine.eof:
            raise ConnectionBroken(CLOSED)


def inflater_of(encoding: str) -> Inflater | None:
    """Return what undoes a content encoding; None for one that is left as it is."""
    name = encoding.strip().lower()
    return Inflater(name) if name in ("gzip", "x-gzip", "deflate") else None

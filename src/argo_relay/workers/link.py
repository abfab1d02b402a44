"""A worker's line to its supervisor: messages on a socket pair, each after its length. Each end sees the other's end.

Both ends trust each other: they are one program, and the pair has no name that others could open.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import msgspec

_LENGTH: Final = 4
_encode = msgspec.msgpack.Encoder().encode

_Heard = TypeVar("_Heard")
Send = Callable[[msgspec.Struct], object]
"""Says something to the other end."""


class Link(asyncio.Protocol, Generic[_Heard]):
    """One end of the line; what it hears goes to `on_message`, and its end to `on_end`, once."""

    def __init__(
        self, heard: Any, on_message: Callable[[_Heard], object], on_end: Callable[[], object] = lambda: None
    ) -> None:
        """`heard` is the type of what comes, as msgspec takes it."""
        self._decode = msgspec.msgpack.Decoder(heard).decode
        self.on_message = on_message
        self.on_end = on_end
        self._unread = bytearray()
        self._transport: asyncio.Transport | None = None
        self._over = asyncio.Event()

    async def open(self, end: socket.socket) -> None:
        """Begin to listen on one socket of a pair, which belongs to the link from now on."""
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=end)

    @property
    def closed(self) -> bool:
        """Whether nothing can be said any more."""
        return self._transport is None or self._transport.is_closing()

    def send(self, message: msgspec.Struct) -> None:
        """Say something; to an end that is dead it is said in vain."""
        if self._transport is not None and not self._transport.is_closing():
            said = _encode(message)
            self._transport.write(len(said).to_bytes(_LENGTH) + said)

    def close(self) -> None:
        """End the line once all has been said."""
        if self._transport is not None:
            self._transport.close()

    async def ended(self) -> None:
        """Return when all has been heard and said, and the line is closed."""
        if self._transport is not None:
            await self._over.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the transport."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Hand on the messages that are whole."""
        unread = self._unread
        unread += data
        at = 0
        while len(unread) - at >= _LENGTH:
            end = at + _LENGTH + int.from_bytes(unread[at : at + _LENGTH])
            if len(unread) < end:
                break
            message = self._decode(bytes(unread[at + _LENGTH : end]))
            at = end
            self.on_message(message)
        del unread[:at]

    def connection_lost(self, _: Exception | None) -> None:
        """Tell that the other end is gone."""
        self._over.set()
        self.on_end()

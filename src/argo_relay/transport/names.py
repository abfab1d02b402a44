"""From names to addresses: looked up once for all who ask at the same time, kept a little while; then connected to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiohappyeyeballs import start_connection

Address = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]
"""As `getaddrinfo` describes it."""

_KEPT_SECONDS: Final = 30.0
_MOST: Final = 1000
_SECOND_SECONDS: Final = 0.25
"""After which the next address is tried beside the one before: https://www.rfc-editor.org/rfc/rfc8305#section-8."""


class Names:
    """Looks names up, and keeps what it finds."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[float, Sequence[Address]]] = {}
        self._asked: dict[tuple[str, int], asyncio.Task[Sequence[Address]]] = {}

    async def look_up(self, host: str, port: int) -> Sequence[Address]:
        """Return the addresses of a host; raise OSError when it has none."""
        literal = address_of(host, port)
        if literal is not None:
            return [literal]
        key = (host, port)
        loop = asyncio.get_running_loop()
        known = self._known.get(key)
        if known is not None and known[0] > loop.time():
            return known[1]
        asked = self._asked.get(key)
        if asked is None:
            # A task of its own: who gives up waiting must not take the answer from the others.
            asked = self._asked[key] = loop.create_task(_getaddrinfo(host, port))
            asked.add_done_callback(lambda task: self._learn(key, task))
        return await asyncio.shield(asked)

    def forget(self, host: str, port: int) -> None:
        """Drop what is known of a host: nothing answered there."""
        self._known.pop((host, port), None)

    async def close(self) -> None:
        """Ask no more."""
        asked = list(self._asked.values())
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    def _learn(self, key: tuple[str, int], task: asyncio.Task[Sequence[Address]]) -> None:
        self._asked.pop(key, None)
        if task.cancelled() or task.exception() is not None:
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = (task.get_loop().time() + _KEPT_SECONDS, task.result())


async def dial(
    addresses: Sequence[Address], socket_factory: Callable[[Address], socket.socket] | None = None
) -> socket.socket:
    """Return a socket that is connected to one of the addresses, whichever answers first; raise OSError."""
    try:
        sock = await start_connection(
            addresses, happy_eyeballs_delay=_SECOND_SECONDS, interleave=1, socket_factory=socket_factory
        )
    except RuntimeError:
        # uvloop's word for an address that it cannot use.
        raise OSError from None
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return sock


def address_of(host: str, port: int) -> Address | None:
    """Return what is an address already, so that nobody need be asked; None for a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port)
    if address.scope_id is not None:
        # Which card a name or number stands for, the system must say.
        return None
    return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port, 0, 0)


async def _getaddrinfo(host: str, port: int) -> Sequence[Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        # A label that is too long, or empty.
        raise socket.gaierror(socket.EAI_NONAME) from None
    if not found:
        raise socket.gaierror(socket.EAI_NONAME)
    return found

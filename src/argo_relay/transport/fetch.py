"""What clients give by URL, fetched: on connections of its own, which carry no key, no cookie and nothing of a client.

Every socket is made by `_Gate.socket`, which is given the very address that is connected to next. So it does not matter
how a host was written, what its name says a moment later, or where a server redirects to: there is no way around it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from typing import Final
from urllib.parse import urljoin

from argo_relay.errors import ConnectionBroken, FetchFailed
from argo_relay.transport.base import Fetched, Rules
from argo_relay.transport.connect import on_socket
from argo_relay.transport.connection import Connection, Reply
from argo_relay.transport.http1 import request_head, target_of
from argo_relay.transport.names import Address, address_of, dial
from argo_relay.transport.trust import trust

_MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ENOUGH: Final = 16
"""Bytes after which it can be told what something is."""
_threads = ThreadPoolExecutor(8, "argo-relay-names")
"""Names are looked up in threads of their own: one that nobody answers must not keep the upstream's name waiting."""
_BAD_URL: Final = "invalid_image_url"


async def fetch(url: str, rules: Rules) -> Fetched:
    """Return what is at a URL; see Fetch. Redirects are followed, a few of them, each as if it had been given."""
    here = _checked(url, rules)
    for _ in range(_MOST_REDIRECTS + 1):
        async with _answer(here, rules) as reply:
            location = reply.headers.get("location", "").strip()
            if reply.status not in _REDIRECTS or not location:
                return await _read(reply, rules)
            here = _checked(_joined(here, location), rules)
    raise FetchFailed(f"it was redirected more than {_MOST_REDIRECTS} times", _BAD_URL)


class _Gate:
    """Makes sockets, each for one address, when that is one that may be connected to."""

    def __init__(self, host: str, rules: Rules) -> None:
        self._host = host
        self._rules = rules

    def socket(self, place: Address) -> socket.socket:
        """Return a socket for a place as `getaddrinfo` describes it."""
        family, kind, protocol, _, address = place
        if not self._rules.lets(self._host, str(address[0])):
            raise PermissionError
        return socket.socket(family, kind, protocol)


class _Nowhere:
    """No connection is used twice: a Home that keeps none."""

    def made(self, connection: Connection) -> None:
        """Take no note."""

    def idle(self, connection: Connection) -> None:
        """Cut it."""
        connection.cut()

    def lost(self, connection: Connection) -> None:
        """Take no note."""


@asynccontextmanager
async def _answer(url: str, rules: Rules) -> AsyncIterator[Reply]:
    """Give what a server answers; what is open of it in the end, for whatever reason it ends, is closed."""
    try:
        # What is a URL already is sent as it is: a signature may cover its very characters.
        origin, authority, path = target_of(url)
    except ValueError:
        raise _invalid() from None
    asked = [("accept", rules.accept), ("accept-encoding", "identity"), ("user-agent", "argo-relay")]
    head = request_head("GET", path, authority, [*asked, ("connection", "close")], None)
    gate = _Gate(origin.host, rules)
    try:
        trusted = await asyncio.to_thread(_trusted) if origin.scheme == "https" else None
        sock = await dial(await _look_up(origin.host, origin.port), gate.socket)
        connection = await on_socket(sock, lambda: Connection(origin, _Nowhere()), trusted, origin.host)
    except ssl.SSLError:
        raise FetchFailed("the certificate of its server is not valid", _BAD_URL) from None
    except OSError:
        raise _unreachable() from None
    try:
        # What was asked for as it is, and comes compressed, might have any size.
        reply = connection.send(head, None)
        await reply.begun(inflate=False)
        yield reply
    except ConnectionBroken:
        raise FetchFailed(
            "its server broke the connection, or answered with something that is not HTTP", _BAD_URL
        ) from None
    finally:
        connection.cut()


async def _look_up(host: str, port: int) -> Sequence[Address]:
    """Return the addresses of a host; raise OSError when it has none, FetchFailed when it is no host."""
    literal = address_of(host, port)
    if literal is not None:
        return [literal]
    if host.replace(".", "").isdigit():
        # The system would take 2130706433 and 127.1 for addresses, which no server's name is.
        raise _invalid()
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, _addresses, host, port)
    except UnicodeError:
        raise _invalid() from None


def _addresses(host: str, port: int) -> Sequence[Address]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


@cache
def _trusted() -> ssl.SSLContext:
    return trust(None)


async def _read(reply: Reply, rules: Rules) -> Fetched:
    if reply.status != 200:
        raise FetchFailed(f"its server answered {reply.status}", _BAD_URL)
    if int(reply.headers.get("content-length", 0)) > rules.size:
        raise _too_large(rules)
    data = bytearray()
    media_type = None
    while piece := await reply.read():
        data += piece
        if media_type is None and len(data) >= _ENOUGH:
            media_type = _type_of(data, rules)
        if len(data) > rules.size:
            raise _too_large(rules)
    return Fetched(media_type or _type_of(data, rules), bytes(data))


def _type_of(data: bytearray, rules: Rules) -> str:
    media_type = rules.type_of(bytes(data[:_ENOUGH]))
    if media_type is None:
        raise FetchFailed(f"what is there is not {rules.wanted}", "invalid_image_format")
    return media_type


def _too_large(rules: Rules) -> FetchFailed:
    return FetchFailed(
        f"it is larger than the {rules.size} bytes that `images.max_size` and `max_body` leave", "image_too_large"
    )


def _checked(url: str, rules: Rules) -> str:
    """Return a URL that may be asked for."""
    fault = rules.fault_of(url)
    if fault is not None:
        raise FetchFailed(fault, _BAD_URL)
    return url


def _joined(here: str, location: str) -> str:
    try:
        return urljoin(here, location)
    except ValueError:
        raise _invalid() from None


def _invalid() -> FetchFailed:
    return FetchFailed("its URL is not a valid one", _BAD_URL)


def _unreachable() -> FetchFailed:
    # One sentence for a name that is unknown, a server that is down and an address that is not to be asked: a client
    # must not learn which machines there are.
    reason = "its server cannot be reached, or is not one that the relay may ask (the public internet, `images.allow`)"
    return FetchFailed(reason, _BAD_URL)

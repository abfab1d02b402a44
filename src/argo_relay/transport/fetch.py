"""What clients give by URL, fetched: on connections of its own, which carry no key, no cookie and nothing of a client.

Every socket is made by `_Gate.socket`, which is given the very address that is connected to next. So it does not matter
how a host was written, what its name says a moment later, or where a server redirects to: there is no way around it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from argo_relay.errors import FetchFailed
from argo_relay.transport.base import Fetched, Rules

_MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ENOUGH: Final = 16
"""Bytes after which it can be told what something is."""
_threads = ThreadPoolExecutor(8, "argo-relay-names")
_NO_TIMERS: Final = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_BAD_URL: Final = "invalid_image_url"


async def fetch(url: str, rules: Rules) -> Fetched:
    """Return what is at a URL; see Fetch. Redirects are followed, a few of them, each as if it had been given."""
    gate = _Gate(rules)
    async with _session(gate) as session:
        here = _checked(url, rules)
        for _ in range(_MOST_REDIRECTS + 1):
            gate.host = here.raw_host or ""
            async with _answer(session, here, rules) as response:
                location = response.headers.get("location", "").strip()
                if response.status not in _REDIRECTS or not location:
                    return await _read(response, rules)
                here = _checked(_joined(here, location), rules)
    raise FetchFailed(f"it was redirected more than {_MOST_REDIRECTS} times", _BAD_URL)


class _Names(AbstractResolver):
    """Looks names up in threads of its own: one that nobody answers must not keep the upstream's name waiting."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return a host's addresses; raise OSError when it has none."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(_threads, _addresses, host, port, family)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in found
        ]

    async def close(self) -> None:
        """Hold nothing."""


def _addresses(host: str, port: int, family: int) -> list[tuple[int, str]]:
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    return [(kind, str(address[0])) for kind, _, _, _, address in found]


class _Gate:
    """Makes sockets, each for one address, when that is one that may be connected to."""

    def __init__(self, rules: Rules) -> None:
        self.host = ""
        self._rules = rules

    def socket(
        self, place: tuple[int | socket.AddressFamily, int, int, str, tuple[str | int | bytes, ...]]
    ) -> socket.socket:
        """Return a socket for a place as `getaddrinfo` describes it."""
        family, kind, protocol, _, address = place
        if not self._rules.lets(self.host, str(address[0])):
            raise PermissionError
        return socket.socket(family, kind, protocol)


@asynccontextmanager
async def _session(gate: _Gate) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a session for one URL; what is open of it in the end, for whatever reason it ends, is closed."""
    connector = aiohttp.TCPConnector(
        resolver=_Names(), socket_factory=gate.socket, use_dns_cache=False, force_close=True
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=_NO_TIMERS,
        # What was asked for as it is, and comes compressed, might have any size.
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield session


@asynccontextmanager
async def _answer(session: aiohttp.ClientSession, url: URL, rules: Rules) -> AsyncIterator[aiohttp.ClientResponse]:
    headers = {"accept": rules.accept, "accept-encoding": "identity", "user-agent": "argo-relay"}
    try:
        response = await session.get(url, headers=headers, allow_redirects=False)
        try:
            yield response
        finally:
            response.close()
    except ValueError:
        # aiohttp's InvalidURL is one, and what a name that no server can have ends in.
        raise _invalid() from None
    except aiohttp.ClientSSLError:
        raise FetchFailed("the certificate of its server is not valid", _BAD_URL) from None
    except aiohttp.ClientConnectorError:
        raise _unreachable() from None
    except (aiohttp.ClientError, OSError):
        raise FetchFailed(
            "its server broke the connection, or answered with something that is not HTTP", _BAD_URL
        ) from None


async def _read(response: aiohttp.ClientResponse, rules: Rules) -> Fetched:
    if response.status != 200:
        raise FetchFailed(f"its server answered {response.status}", _BAD_URL)
    if (response.content_length or 0) > rules.size:
        raise _too_large(rules)
    data = bytearray()
    media_type = None
    async for piece in response.content.iter_any():
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


def _checked(url: str, rules: Rules) -> URL:
    """Return a URL that may be asked for."""
    fault = rules.fault_of(url)
    if fault is not None:
        raise FetchFailed(fault, _BAD_URL)
    try:
        # What is a URL already is sent as it is: a signature may cover its very characters.
        return URL(str(URL(url, encoded=url.isascii())), encoded=True)
    except ValueError:
        raise _invalid() from None


def _joined(here: URL, location: str) -> str:
    try:
        return str(here.join(URL(location, encoded=location.isascii())))
    except ValueError:
        raise _invalid() from None


def _invalid() -> FetchFailed:
    return FetchFailed("its URL is not a valid one", _BAD_URL)


def _unreachable() -> FetchFailed:
    # One sentence for a name that is unknown, a server that is down and an address that is not to be asked: a client
    # must not learn which machines there are.
    reason = "its server cannot be reached, or is not one that the relay may ask (the public internet, `images.allow`)"
    return FetchFailed(reason, _BAD_URL)

"""What the rest of the house knows of a transport: `open(call, progress)`, and an answer to read.

Beside it stands Fetch, for what clients give by URL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from argo_relay.dialects.base import Call


class Progress(Protocol):
    """Is told how far a call has got, so that the right timer runs."""

    def connecting(self) -> None:
        """Take note that the connection had been closed before it was asked, and that another one is being made."""
        ...

    def connected(self) -> None:
        """Take note that a connection stands (a new one, or one from the pool)."""
        ...

    def sent(self) -> None:
        """Take note that the request is on its way."""
        ...


class Answer(Protocol):
    """An upstream's reply whose head has arrived."""

    status: int
    reason: str
    headers: Mapping[str, str]
    """By lower-case name."""

    async def read(self, take: Callable[[bytes], bool] | None = None) -> bytes:
        """Return what has arrived, waiting if nothing has; b"" at the proper end.

        `take` is offered what arrives during the wait, as it does, outside of any task: while it says that it has taken
        it the wait goes on; what it has not taken is returned, and what it raises is raised here.

        Cancelling it loses nothing. Raises ConnectionBroken when the connection ends before the reply does.
        """
        ...

    def release(self) -> None:
        """Say that the reply is complete: the connection may serve again."""
        ...

    def close(self) -> None:
        """Say that no more is wanted: unless the reply has ended, its connection is cut at once."""
        ...


class Transport(Protocol):
    """Sends calls to upstreams, without redirects, retries or time limits of its own: those belong to the exchange.

    Only what cannot have been read, since a connection from the pool was closed just then, is sent once more.
    """

    async def open(self, call: Call, progress: Progress) -> Answer:
        """Send a call and return its answer; raise UpstreamError. Cancelling it closes the connection."""
        ...

    async def close(self) -> None:
        """Cut all connections."""
        ...


class Rules(Protocol):
    """What may be fetched; the decisions are made elsewhere."""

    @property
    def size(self) -> int:
        """The most bytes."""
        ...

    @property
    def accept(self) -> str:
        """What the header `accept` says."""
        ...

    @property
    def wanted(self) -> str:
        """What it must be, in words."""
        ...

    def fault_of(self, url: str) -> str | None:
        """Return what is wrong with a URL, as the end of a sentence; None when it may be asked for."""
        ...

    def lets(self, host: str, address: str) -> bool:
        """Say whether a connection may be made to an address that a host's name led to."""
        ...

    def type_of(self, start: bytes) -> str | None:
        """Return the MIME type of what begins with these bytes; None when it is not wanted."""
        ...


class Fetched(NamedTuple):
    """What a URL led to."""

    media_type: str
    data: bytes


class Fetch(Protocol):
    """Fetches what a client gave by URL, without a time limit of its own."""

    async def __call__(self, url: str, rules: Rules) -> Fetched:
        """Return what is there; raise FetchFailed. Cancelling it closes the connection."""
        ...

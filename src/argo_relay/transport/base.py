"""What the rest of the house knows of a transport: `open(call, progress)`, and an answer to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from argo_relay.dialects.base import Call


class Progress(Protocol):
    """Is told how far a call has got, so that the right timer runs."""

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

    async def read(self) -> bytes:
        """Return what has arrived, waiting if nothing has; b"" at the proper end.

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
    """Sends calls to upstreams, without redirects, retries or time limits of its own: those belong to the exchange."""

    async def open(self, call: Call, progress: Progress) -> Answer:
        """Send a call and return its answer; raise UpstreamError. Cancelling it closes the connection."""
        ...

    async def close(self) -> None:
        """Cut all connections."""
        ...

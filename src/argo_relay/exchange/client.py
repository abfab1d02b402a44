"""What an exchange knows of its client: a request's headers, bytes to read, a reply to write, and that it may leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from argo_relay.dialects.base import Headers


class Client(Protocol):
    """The client's connection, for one request and its reply."""

    request_headers: Mapping[str, str]
    """By lower-case name; of repeated ones the last counts."""

    async def receive(self) -> bytes | None:
        """Return the next piece of the request's body, None at its end; raise ClientLeft."""
        ...

    def watch(self, on_leave: Callable[[], None]) -> None:
        """Call `on_leave` once, as soon as the client closes its connection; for when the body has been read."""
        ...

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the reply's head."""
        ...

    async def write(self, data: bytes, last: bool = False) -> None:
        """Send a piece of the reply's body; wait while the client does not read. `last` ends the reply."""
        ...

    def write_nowait(self, data: bytes) -> bool:
        """Send a piece of the reply's body, not its last, unless that has to wait: then False, and nothing is sent.

        For when the reply has begun and nothing else is being written.
        """
        ...

    def abort(self) -> None:
        """Cut the connection, with whatever has not been sent yet."""
        ...

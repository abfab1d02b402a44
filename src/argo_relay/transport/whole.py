"""Calls of the relay's own, which no exchange and no timer of one belongs to: the whole reply, at once."""

from __future__ import annotations

from argo_relay.dialects.base import Call
from argo_relay.transport.base import Progress, Transport


class Unwatched(Progress):
    """For calls whose progress nobody follows."""

    def connecting(self) -> None:
        """Take no note."""

    def connected(self) -> None:
        """Take no note."""

    def sent(self) -> None:
        """Take no note."""


async def whole_reply(transport: Transport, call: Call) -> tuple[int, bytes]:
    """Send a call; return its reply's status and body. Raises UpstreamError; cancelling it closes the connection."""
    answer = await transport.open(call, Unwatched())
    pieces = []
    try:
        while piece := await answer.read():
            pieces.append(piece)
    finally:
        answer.close()
    return answer.status, b"".join(pieces)

"""The request's body, read whole but never larger than allowed."""

from __future__ import annotations

from argo_relay.errors import Refused
from argo_relay.exchange.client import Client
from argo_relay.neutral.failure import Failure, FailureKind


async def read_body(client: Client, most: int) -> bytes:
    """Return the body; raise Refused (413) as soon as it is known to be larger than `most` bytes, and ClientLeft."""
    declared = client.request_headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise Refused(_too_large(most))
    pieces = []
    size = 0
    while (piece := await client.receive()) is not None:
        size += len(piece)
        if size > most:
            raise Refused(_too_large(most))
        pieces.append(piece)
    return b"".join(pieces)


def _too_large(most: int) -> Failure:
    return Failure(
        kind=FailureKind.TOO_LARGE,
        status=413,
        code="request_too_large",
        message=f"The request's body is larger than the {most} bytes that `max_body` allows. Send less, or raise it.",
        at_fault="client",
    )

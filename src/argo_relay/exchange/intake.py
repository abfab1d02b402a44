"""The request's body, read whole but never larger than allowed."""

from __future__ import annotations

from io import BytesIO

from argo_relay.errors import Refused
from argo_relay.exchange.client import Client
from argo_relay.neutral.failure import Failure, FailureKind


async def read_body(client: Client, most: int) -> bytes:
    """Return the body; raise Refused (413) as soon as it is known to be larger than `most` bytes, and ClientLeft."""
    declared = client.request_headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise Refused(_too_large(most))
    first = await client.receive()
    if first is None:
        return b""
    if len(first) > most:
        raise Refused(_too_large(most))
    second = await client.receive()
    if second is None:
        return first
    # Its buffer grows in place and becomes the bytes: pieces that are joined are held twice for a moment, and what they
    # leave in the heap is not given back (64 MiB: 27 MiB).
    body = BytesIO()
    body.write(first)
    piece: bytes | None = second
    while piece is not None:
        if body.tell() + len(piece) > most:
            raise Refused(_too_large(most))
        body.write(piece)
        piece = await client.receive()
    return body.getvalue()


def _too_large(most: int) -> Failure:
    return Failure(
        kind=FailureKind.TOO_LARGE,
        status=413,
        code="request_too_large",
        message=f"The request's body is larger than the {most} bytes that `max_body` allows. Send less, or raise it.",
        at_fault="client",
    )

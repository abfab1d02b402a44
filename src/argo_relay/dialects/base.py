"""What a dialect is: a frozen record of functions. Nothing to inherit; tests call the functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from argo_relay.framing.jsonx import JsonObject
from argo_relay.framing.sse import Frame
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.reply import Usage

Headers = list[tuple[str, str]]
"""Header fields in order; names are lower case."""


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """What the relay must know of a request that it passes on as it came."""

    model: str
    stream: bool
    timeout: Any
    """The body's `timeout` as the client wrote it; None when absent or null. `policy.wish` reads it."""
    body: JsonObject


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request to an upstream."""

    method: str
    url: str
    headers: Headers
    body: bytes | None = None


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What an upstream's whole reply says, read from a copy."""

    usage: Usage | None = None


class StreamWatch(Protocol):
    """Reads a copy of a stream that is being relayed, so that the relay knows how it goes and how it ends."""

    usage: Usage | None
    ended: bool
    """The stream's own terminator has been seen."""
    failed: bool
    """The stream carried an error of its own."""

    def feed(self, frame: Frame) -> tuple[bool, bytes]:
        """Read a frame: whether it carries content, and bytes that must go out before it (mostly none)."""
        ...

    def finish(self) -> bytes | None:
        """Return the bytes that complete a stream which has stopped, or None when it broke off unfinished."""
        ...


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """One vendor's way of speaking, as functions."""

    name: str
    outline: Callable[[bytes], Outline]
    """Read a request's body; raise Refused when it cannot be passed on."""
    read_reply: Callable[[bytes], Digest]
    """Read a whole reply; raise BadJson when it is not one."""
    watch_stream: Callable[[], StreamWatch]
    decode_error: Callable[[int, str, bytes], Failure]
    """Turn an upstream's error (status, reason, body) into a Failure."""
    encode_error: Callable[[Failure], bytes]
    """Return the body of an error reply."""
    encode_stream_error: Callable[[Failure], bytes]
    """Return the bytes that end a running stream with an error."""
    heartbeat: bytes
    """What keeps a silent stream alive; measured with the real clients (docs/timeouts.md)."""

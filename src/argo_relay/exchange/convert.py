"""Whole replies that are no replies of a model: a function turns the upstream's body into the client's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from argo_relay.errors import ConnectionBroken
from argo_relay.framing.base import Frame
from argo_relay.framing.sse import SSE
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.reply import Usage

_NO_STREAM: Final = "it sent a stream where there is none"


class ConvertStage:
    """See `exchange.stage.Stage`; there is no stream."""

    gathers = False

    def __init__(self, convert: Callable[[bytes], bytes]) -> None:
        self.upstream = self.client = SSE
        self.usage: Usage | None = None
        self.events = 0
        self.ended = False
        self.failed = False
        self.failure: Failure | None = None
        self.losses: Losses = []
        self._convert = convert

    def whole(self, body: bytes) -> bytes:
        """Return what the client gets."""
        self.events = 1
        return self._convert(body)

    def at_once(self, body: bytes) -> bytes:
        """Refuse a stream."""
        raise ConnectionBroken(_NO_STREAM)

    def feed(self, frames: list[Frame]) -> bytes:
        """Refuse a stream."""
        raise ConnectionBroken(_NO_STREAM)

    def skim(self, block: bytes) -> None:
        """Leave a stream to be refused."""
        del block

    def finish(self, frames: list[Frame]) -> bytes:
        """Refuse a stream."""
        raise ConnectionBroken(_NO_STREAM)

    def cut(self) -> None:
        """Return nothing: there is no half of such a reply."""

    def heartbeat(self) -> bytes:
        """Return nothing: there is no stream to keep alive."""
        return b""

    def fail(self, failure: Failure) -> bytes:
        """Return nothing: there is no stream to end."""
        return b""

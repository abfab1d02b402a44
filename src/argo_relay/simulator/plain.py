"""A reply that is one JSON body and nothing else: there is no piece of it to wait for, and no stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from argo_relay.simulator.directives import Directives
from argo_relay.simulator.request import Refusal


class PlainVoice(msgspec.Struct, frozen=True, kw_only=True):
    """The body, and how the reply fails."""

    body: dict[str, Any]
    fails: Callable[[str], Refusal]
    """Takes the name of a failure."""
    count: int = 1

    def opening(self) -> Iterator[bytes]:
        """Yield nothing."""
        yield from ()

    def beats(self) -> Iterator[list[bytes]]:
        """Yield nothing."""
        yield from ()

    def ending(self, _orders: Directives) -> Iterator[bytes]:
        """Yield nothing."""
        yield from ()

    def failing(self, _kind: str | None = None) -> Iterator[bytes]:
        """Yield nothing."""
        yield from ()

    def whole(self, _orders: Directives) -> object:
        """Return the body."""
        return self.body

    def failed(self, kind: str | None = None) -> Refusal:
        """Return how it fails."""
        return self.fails(kind or "quota")

    def hidden(self, kind: str | None = None) -> object:
        """Return the error that may come with status 200."""
        return msgspec.Raw(self.failed(kind).body)

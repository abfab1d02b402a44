"""Where a request came in: what its path says, before a byte of its body has been read."""

from __future__ import annotations

import msgspec

from argo_relay.dialects.base import Dialect, Incoming
from argo_relay.upstreams.base import Operation


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A path of the relay's: the dialect spoken there, what is asked for, and what Google says in its paths."""

    dialect: Dialect
    operation: Operation = Operation.GENERATE
    model: str | None = None
    stream: bool | None = None
    array: bool = False
    single: bool = False
    """Google's `embedContent`: one text, and one vector back, not in a list."""

    def incoming(self, body: bytes) -> Incoming:
        """Return a request that came in here."""
        apart = self.operation is Operation.GENERATE
        return Incoming(body=body, model=self.model, stream=self.stream, array=self.array, apart=apart)

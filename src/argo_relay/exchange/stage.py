"""What happens to an upstream's reply on its way to the client: bytes in, bytes out, no IO. Each lane has its own."""

from __future__ import annotations

from typing import Protocol

from argo_relay.framing.base import Frame, Framing
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.reply import Usage


class Stage(Protocol):
    """One reply's way. A stream is fed frame by frame; a whole reply is given at once."""

    gathers: bool
    """A stream is gathered into one whole reply: nothing goes out before its end."""
    upstream: Framing
    """How the upstream's stream is cut into frames."""
    client: Framing
    """What the client gets for a stream."""
    usage: Usage | None
    events: int
    """Events so far that carried content."""
    ended: bool
    """The reply is complete: nothing more of the upstream's counts."""
    failed: bool
    """The reply has ended in an error of the upstream's that went out as it came."""
    failure: Failure | None
    """The reply has failed, and nobody has told the client yet."""

    @property
    def losses(self) -> Losses:
        """What could not be said so far."""
        ...

    def whole(self, body: bytes) -> bytes:
        """Return what the client gets for a whole reply; raise BadJson or Refused when it is none."""
        ...

    def at_once(self, body: bytes) -> bytes:
        """Return the client's stream for an upstream that answers with a whole reply; raise BadJson or Refused."""
        ...

    def feed(self, frames: list[Frame]) -> bytes:
        """Return what the client gets for these frames: a number of whole events, perhaps none."""
        ...

    def skim(self, block: bytes) -> bytes | None:
        """Return what the client gets for a block of whole frames, where one look at all of them is enough.

        None, and nothing has been taken, where it is not: then its frames are to be fed, which comes to the same.
        """
        ...

    def finish(self, frames: list[Frame]) -> bytes:
        """Return what the client gets when the upstream's stream is over, its last frames given.

        Raise ConnectionBroken for a stream that broke off before its end.
        """
        ...

    def cut(self) -> bytes | None:
        """Return what ends the running reply as one cut short at its length limit, which it is then.

        None when nothing has been generated; nothing more when it has ended already.
        """
        ...

    def heartbeat(self) -> bytes:
        """Return what keeps the stream alive now."""
        ...

    def fail(self, failure: Failure) -> bytes:
        """Return what ends a running stream with an error."""
        ...

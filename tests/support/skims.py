"""Whether a block of frames that is skimmed comes to the same as its frames, each looked at."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from argo_relay.dialects.base import Dialect, StreamWatch
from argo_relay.exchange.verbatim import VerbatimStage
from argo_relay.framing.base import Frame
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.upstreams.vendor import VendorUpstream

_VENDOR: Final = VendorUpstream(kind="openai", base_url="http://up.example")
_LATE: Final = Failure(kind=FailureKind.TIMEOUT, status=504, message="Too late.", code="timeout_total")
_DONE: Final = Frame(b"data: [DONE]\n\n", b"[DONE]")


class _Watched:
    """A stage of the verbatim lane, and the watch that it has."""

    def __init__(self, dialect: Dialect) -> None:
        self.watch = dialect.watch_stream()
        self.stage = VerbatimStage(msgspec.structs.replace(dialect, watch_stream=lambda: self.watch), _VENDOR)

    def standing(self) -> tuple[object, ...]:
        """Return all that can be seen of them now, and what would come if the stream ended here, in several ways."""
        stage, watch = self.stage, self.watch
        told = (stage.events, stage.ended, stage.failed, stage.failure, watch.usage, watch.ended, watch.failure)
        return (*told, stage.heartbeat(), self._then(_finished), self._then(_done), watch.fail(_LATE))

    def _then(self, how: Callable[[StreamWatch], object]) -> tuple[object, ...]:
        watch = copy.deepcopy(self.watch)
        return how(watch), watch.usage, watch.ended


def _finished(watch: StreamWatch) -> object:
    return watch.finish()


def _done(watch: StreamWatch) -> object:
    return watch.feed(_DONE)


def skimmed_otherwise(dialect: Dialect, pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield where a stream that comes in these pieces differs, skimmed, from what it is when each frame is fed."""
    splitter = dialect.framing.splitter()
    exact, quick = _Watched(dialect), _Watched(dialect)
    for number, piece in enumerate(pieces):
        block = splitter.block(piece)
        frames = splitter.frames()
        if not block:
            continue
        told = exact.stage.feed(frames)
        skimmed = quick.stage.skim(block)
        if skimmed is None:
            skimmed = quick.stage.feed(frames)
        if skimmed != told:
            yield f"piece {number}: {skimmed!r} instead of {told!r}"
        if quick.standing() != exact.standing():
            yield f"piece {number}: {quick.standing()} instead of {exact.standing()}"
        stage = exact.stage
        if stage.ended or stage.failed or stage.failure is not None:
            return

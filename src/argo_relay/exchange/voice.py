"""What a client hears while nothing comes from the upstream: a sign of life in a stream, white space before JSON."""

from __future__ import annotations

from collections.abc import Callable

from argo_relay.dialects.base import Headers
from argo_relay.exchange.lane import WHOLE_HEADERS, stream_headers
from argo_relay.exchange.outlet import Outlet
from argo_relay.exchange.plan import Asked
from argo_relay.exchange.stage import Stage
from argo_relay.exchange.translate import TranslateStage
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.framing.jsonarray import JSON_ARRAY, last_element
from argo_relay.neutral.failure import Failure


class Voice:
    """Speaks for one exchange: before there is a stage in its dialect's own way, then in its stage's."""

    def __init__(self, asked: Asked, outlet: Outlet, headers: Callable[[], Headers]) -> None:
        dialect, self._stream = asked.entry.dialect, asked.outline.stream
        self._dialect, self._array = dialect, asked.outline.array
        framing = JSON_ARRAY if self._array else dialect.framing
        self._plain = dialect.heartbeat if self._stream else b" "
        self._head = stream_headers(framing.media_type) if self._stream else WHOLE_HEADERS
        self.outlet = outlet
        self.headers = headers
        """Gives what goes out with every reply."""
        self._stage: Stage | None = None
        self._holds: Callable[[], bool] = lambda: False
        self._bound = False
        """The stage has begun the reply in its own words: no other may, unless it can go on from there."""

    def speak(self, watchdog: Watchdog, every: float) -> None:
        """Give a sign of life whenever nothing has been written for so many seconds."""
        watchdog.beat(every, self._beat)

    def adopt(self, stage: Stage, holds: Callable[[], bool]) -> bool:
        """Have another stage speak from now on; False when the client has heard too much of the one before.

        While `holds`, its beginning is held back, and nothing of it must be said before that.
        """
        before = self._stage
        if self._bound and stage is not before:
            if not (isinstance(stage, TranslateStage) and isinstance(before, TranslateStage)):
                return False
            stage.go_on_from(before)
        self._stage, self._holds = stage, holds
        return True

    def fail(self, failure: Failure) -> bytes:
        """Return what ends a stream that has begun with an error."""
        if self._stage is not None:
            return self._stage.fail(failure)
        if self._array:
            return last_element(self._dialect.encode_error(failure), begun=False)
        return self._dialect.watch_stream().fail(failure)

    def _beat(self) -> None:
        plain = self._stage is None or not self._stream or self._holds()
        data = self._plain if plain or self._stage is None else self._stage.heartbeat()
        self._bound = self._bound or data != self._plain
        self.outlet.beat(data, [*self._head, *self.headers()])

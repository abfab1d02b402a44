"""What a client hears while nothing comes from the upstream: a sign of life in a stream, white space before JSON."""

from __future__ import annotations

from collections.abc import Callable

from argo_relay.dialects.base import Headers
from argo_relay.exchange.lane import WHOLE_HEADERS, Lane, stream_headers
from argo_relay.exchange.outlet import Outlet
from argo_relay.exchange.plan import Asked
from argo_relay.exchange.translate import TranslateStage
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.framing.jsonarray import JSON_ARRAY, last_element
from argo_relay.neutral.failure import Failure


class Voice:
    """Speaks for one exchange: before there is a stage in its dialect's own way, then in its stage's."""

    _lane: Lane | None = None
    _bound = False
    """The stage has begun the reply in its own words: no other may, unless it can go on from there."""

    def __init__(self, asked: Asked, outlet: Outlet, headers: Callable[[], Headers]) -> None:
        self.outlet = outlet
        self.headers = headers
        """Gives what goes out with every reply."""
        self._asked = asked

    def speak(self, watchdog: Watchdog, every: float) -> None:
        """Give a sign of life whenever nothing has been written for so many seconds."""
        watchdog.beat(every, self._beat)

    def adopt(self, lane: Lane) -> bool:
        """Have another lane's stage speak from now on; False when the client has heard too much of the one before.

        While a lane holds its beginning back, nothing of it must be said.
        """
        if self._bound and self._lane is not None and lane.stage is not self._lane.stage:
            stage, before = lane.stage, self._lane.stage
            if not (isinstance(stage, TranslateStage) and isinstance(before, TranslateStage)):
                return False
            stage.go_on_from(before)
        self._lane = lane
        return True

    def fail(self, failure: Failure) -> bytes:
        """Return what ends a stream that has begun with an error."""
        if self._lane is not None:
            return self._lane.stage.fail(failure)
        dialect = self._asked.entry.dialect
        if self._asked.outline.array:
            return last_element(dialect.encode_error(failure), begun=False)
        return dialect.watch_stream().fail(failure)

    def _beat(self) -> None:
        asked, lane = self._asked, self._lane
        dialect, stream = asked.entry.dialect, asked.outline.stream
        data = plain = dialect.heartbeat if stream else b" "
        if stream and lane is not None and not lane.held:
            data = lane.stage.heartbeat()
        self._bound = self._bound or data != plain
        framing = JSON_ARRAY if asked.outline.array else dialect.framing
        head = stream_headers(framing.media_type) if stream else WHOLE_HEADERS
        self.outlet.beat(data, [*head, *self.headers()])

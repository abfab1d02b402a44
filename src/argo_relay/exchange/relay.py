"""What all exchanges share, and the list of those under way."""

from __future__ import annotations

from collections.abc import Mapping

from argo_relay.clock import Clock
from argo_relay.config.schema import Config
from argo_relay.errors import Refused
from argo_relay.exchange.detours import Detours
from argo_relay.exchange.directory import Directory
from argo_relay.exchange.images import Images
from argo_relay.exchange.rejoin import Rejoin
from argo_relay.exchange.rulebook import Rulebook
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.models.profile import Profile
from argo_relay.observe.log import Sink
from argo_relay.observe.losses import LossCount
from argo_relay.policy.admission import Admission, stopping
from argo_relay.policy.deadline import Limit, Limits, Timer, settle
from argo_relay.transport.deferred import deferred_fetch
from argo_relay.upstreams.base import Upstream


class Relay:
    """The running relay: configuration, upstream, models, places, and where records go."""

    def __init__(
        self,
        config: Config,
        defaults: Mapping[Timer, Limit | None],
        upstream: Upstream,
        directory: Directory,
        sink: Sink,
        clock: Clock,
    ) -> None:
        self.config = config
        self.upstream = upstream
        self.directory = directory
        self.sink = sink
        self.clock = clock
        self.images = Images(config, upstream, deferred_fetch)
        self.admission = Admission(config.max_in_flight)
        self.rejoin = Rejoin(config.rejoin, config.rejoin_memory)
        self.running: set[Watchdog] = set()
        self.losses = LossCount()
        self.detours = Detours(clock)
        self.rulebook = Rulebook(config.models, packaged=upstream.has_rules, learns=config.learn)
        self._defaults = defaults

    def limits(self, asked: Mapping[Timer, Limit | None] | None = None, model: Profile | None = None) -> Limits:
        """Return the limits for a request: what it asks for, then its model's, then the defaults."""
        row = self.directory.limits_of(model) if model is not None else {}
        return settle([asked or {}, row, self._defaults], self.config.timeouts.max_total)

    def stop(self) -> None:
        """Take no more exchanges; those under way go on, but for those that nobody waits for."""
        self.admission.stopping = True
        self.rejoin.stop()

    def end_all(self) -> None:
        """End the exchanges under way with an error in their client's dialect."""
        for watchdog in tuple(self.running):
            watchdog.interrupt(Refused(stopping()))

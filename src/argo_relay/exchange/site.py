"""One upstream as the running relay knows it: how it is asked, what it offers, and how it has been doing."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from argo_relay.clock import Clock
from argo_relay.config.named import every_upstream
from argo_relay.config.schema import Config
from argo_relay.exchange.detours import Detours
from argo_relay.exchange.directory import Directory
from argo_relay.exchange.images import Images
from argo_relay.exchange.places import Capacity, Places
from argo_relay.exchange.rulebook import Rulebook
from argo_relay.models.profile import Profile
from argo_relay.policy.breaker import Breaker, State
from argo_relay.policy.pace import Pace
from argo_relay.transport.fetch import fetch
from argo_relay.upstreams.base import Upstream

_MOST_MODELS: Final = 500
"""Models of which it is remembered how they have been doing: clients may make up names."""


class Doing:
    """How one model of an upstream's has been doing; replies that are streamed begin sooner than whole ones."""

    def __init__(self, breaker: Breaker) -> None:
        self.breaker = breaker
        self._paces = (Pace(), Pace())

    def pace(self, streamed: bool) -> Pace:
        """Return how fast it has begun to answer."""
        return self._paces[streamed]


class Site:
    """See the module."""

    def __init__(
        self,
        name: str,
        upstream: Upstream,
        directory: Directory,
        config: Config,
        clock: Clock,
    ) -> None:
        row = every_upstream(config)[name]
        self.name = name
        self.upstream = upstream
        self.directory = directory
        self.tell_timeout = row.tell_timeout
        self.images = Images(config, upstream, fetch)
        self.detours = Detours(clock)
        self.rulebook = Rulebook(config.models, packaged=upstream.has_rules, learns=config.learn)
        self.places: Capacity = Places(row.max_in_flight, f"at the upstream `{name}` (`max_in_flight`)")
        self.breaker = Breaker(config.breaker.failures, config.breaker.rest)
        """The whole upstream's."""
        self._config = config.breaker
        self._clock = clock
        self._doing: OrderedDict[str, Doing] = OrderedDict()

    def doing(self, model: str) -> Doing:
        """Return how a model, by its internal id, has been doing."""
        doing = self._doing.get(model)
        if doing is None:
            doing = self._doing[model] = Doing(Breaker(self._config.failures, self._config.rest))
            if len(self._doing) > _MOST_MODELS:
                self._doing.popitem(last=False)
        else:
            self._doing.move_to_end(model)
        return doing

    def states(self) -> dict[str | None, State]:
        """Return what the breakers say: the whole upstream's under None, and those of models that do not do well."""
        resting = {model: one.breaker.state for model, one in self._doing.items()}
        return {None: self.breaker.state} | {model: state for model, state in resting.items() if state != State.CLOSED}


class Candidate:
    """A model, and the upstream that may be asked for it."""

    __slots__ = ("_doing", "profile", "site")

    def __init__(self, site: Site, profile: Profile) -> None:
        self.site = site
        self.profile = profile
        self._doing: Doing | None = None

    @property
    def doing(self) -> Doing:
        """How the model has been doing there; of a name that is only looked up nothing is kept."""
        if self._doing is None:
            self._doing = self.site.doing(self.profile.internal_id)
        return self._doing

    @property
    def model(self) -> str:
        """What the model is called towards clients."""
        return self.profile.alias_of or self.profile.public_id

    def rests(self, now: float) -> bool:
        """Say whether others are to be asked first."""
        return self.site.breaker.rests(now) or self.doing.breaker.rests(now)

    def began(self, now: float) -> None:
        """Take note of an attempt."""
        for breaker in (self.site.breaker, self.doing.breaker):
            if not breaker.clean:
                breaker.began(now)

    def answers(self) -> None:
        """Take note that an answer has begun: a stream may take its time to end."""
        for breaker in (self.site.breaker, self.doing.breaker):
            if not breaker.clean:
                breaker.answers()

    def worked(self) -> None:
        """Take note of a whole answer."""
        for breaker in (self.site.breaker, self.doing.breaker):
            if not breaker.clean:
                breaker.worked()

    def failed(self, now: float, *, unreachable: bool) -> bool:
        """Take note of a failure, the whole upstream's when it cannot be reached; return whether a rest begins."""
        if unreachable:
            self.doing.breaker.ended()
            return self.site.breaker.failed(now)
        self.site.breaker.worked()
        return self.doing.breaker.failed(now)

    def ended(self) -> None:
        """Take note that an attempt is over and has told nothing."""
        self.site.breaker.ended()
        self.doing.breaker.ended()

"""What all exchanges share, and the list of those under way."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import NamedTuple

import msgspec

from argo_relay.clock import Clock
from argo_relay.config.named import MAIN, every_upstream
from argo_relay.config.routing import is_pattern
from argo_relay.config.schema import Config, Route
from argo_relay.errors import Refused
from argo_relay.exchange.alarm import Alarm
from argo_relay.exchange.places import Capacity, Places
from argo_relay.exchange.rejoin import Rejoin
from argo_relay.exchange.site import Candidate, Site
from argo_relay.exchange.unknown import unknown
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.models.live import passing_profile
from argo_relay.models.names import bare
from argo_relay.models.profile import Profile
from argo_relay.models.roster import Roster
from argo_relay.observe.log import Sink
from argo_relay.observe.losses import LossCount
from argo_relay.policy.admission import Admission, stopping
from argo_relay.policy.deadline import Limit, Limits, Timer, settle
from argo_relay.policy.hedging import HedgeShare
from argo_relay.policy.routing import order, route_for


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """Who may answer a request, in order; `hedges` grants second attempts beside the first ones.

    `limits`: what is configured for the model that the client means, and then for the one that is asked first.
    """

    candidates: Sequence[Candidate]
    retries: int
    limits: Sequence[Mapping[Timer, Limit | None]] = ()
    hedge_after: float | None = None
    hedges: HedgeShare | None = None


class Standing(NamedTuple):
    """How many exchanges are under way, and what has been lost in those that were."""

    in_flight: int
    losses: Mapping[str, int]


class Relay:
    """The running relay: configuration, upstreams, places, and where records go."""

    def __init__(
        self, config: Config, defaults: Mapping[Timer, Limit | None], sites: Sequence[Site], sink: Sink, clock: Clock
    ) -> None:
        """`sites`: the configuration's upstreams, the main one first."""
        self.config = config
        self.sites = {site.name: site for site in sites}
        self.main = self.sites[MAIN]
        self.sink = sink
        self.clock = clock
        self.chance: Callable[[], float] = random.random
        """Draws a number from 0 to 1, for shares and pauses."""
        self.admission = Admission(config.max_in_flight, config.max_queue)
        self.places: Capacity = Places(config.max_in_flight, "of the relay (`max_in_flight`)")
        self.rejoin = Rejoin(config.rejoin, config.rejoin_memory)
        self.running: set[Watchdog] = set()
        self.alarms: list[Alarm] = []
        """Of the timers of exchanges: those that none has now."""
        self.losses = LossCount()
        self.standing: Callable[[], Awaitable[Standing]] = self.own_standing
        """Tells of the whole relay, where it is more than this process."""
        self._defaults = defaults
        self.plain_limits = settle([defaults], config.timeouts.max_total)
        """Those of a request until more is known of it, and of most of them then, too."""
        self._routed: tuple[Roster | None, dict[str, str]] = (None, {})
        """For a list of models: the routes that have a model's name, by its internal id."""
        self._hedges = {name: HedgeShare(route.hedge_share) for name, route in config.routes.items()}

    def limits(self, *layers: Mapping[Timer, Limit | None]) -> Limits:
        """Return the limits for a request: what it asks for, then its model's, then the defaults."""
        return settle([*layers, self._defaults], self.config.timeouts.max_total) if any(layers) else self.plain_limits

    def knows(self, name: str) -> bool:
        """Say whether somebody can be asked for a model of this name now."""
        return bool(self._candidates(name, 0)[0])

    def find(self, name: str) -> Profile:
        """Return the model that a client means; raise Refused (404 with the closest names). Never another one."""
        return self.seek(name, 0).candidates[0].profile

    def seek(self, name: str, chance: float) -> Sought:
        """Return who may answer for a model of this name; raise Refused (404) where nobody does.

        `chance`, from 0 to 1, decides among those of a route that share its requests.
        """
        candidates, named = self._candidates(name, chance)
        if not candidates:
            raise Refused(unknown(self.main.directory.roster, name))
        first = candidates[0]
        there = first.site.directory
        asked_first = there.limits_of(first.profile)
        if named is None:
            return Sought(candidates=candidates, retries=self.config.retries, limits=(asked_first,))
        key, route = named
        meant = self.main.directory.meant(name)
        own = there.limits_of(passing_profile(name)) if meant is None else self.main.directory.limits_of(meant)
        return Sought(
            candidates=candidates,
            retries=self.config.retries if route.retries is None else route.retries,
            limits=[own, asked_first],
            hedge_after=route.hedge_after,
            hedges=self._hedges[key],
        )

    def listed(self) -> Sequence[Profile]:
        """Return the models on offer: the main upstream's, and those that routes alone make known."""
        roster = self.main.directory.roster
        added = [name for name in self.config.routes if not is_pattern(name) and roster.resolve(name) is None]
        return [*roster.listed(), *(passing_profile(name) for name in added)]

    def lists(self, upstream: str, model: str) -> bool:
        """Say whether an upstream lists a model; `model` is its own name of it."""
        site = self.sites.get(upstream)
        found = site.directory.roster.resolve(model) if site is not None else None
        return found is not None and found.internal_id == model

    def keeping_fresh(self) -> list[Coroutine[None, None, None]]:
        """Return what keeps the upstreams' lists of models fresh, for as long as it runs."""
        rows = every_upstream(self.config)
        return [site.directory.keep_fresh(rows[name].refresh) for name, site in self.sites.items()]

    def hide(self, body: bytes) -> bytes:
        """Return an error's bytes without the upstreams' addresses."""
        for site in self.sites.values():
            body = site.upstream.hide(body)
        return body

    async def own_standing(self) -> Standing:
        """Tell of this process."""
        return Standing(self.admission.in_flight, self.losses.shown())

    def stop(self) -> None:
        """Take no more exchanges; those under way go on, but for those that nobody waits for."""
        self.admission.stopping = True
        self.rejoin.stop()

    def end_all(self) -> None:
        """End the exchanges under way with an error in their client's dialect."""
        for watchdog in tuple(self.running):
            watchdog.interrupt(Refused(stopping()))

    def _candidates(self, name: str, chance: float) -> tuple[list[Candidate], tuple[str, Route] | None]:
        main = self.main
        profile = main.directory.meant(name)
        named = self._route(name, profile) if self.config.routes else None
        if named is None:
            return ([] if profile is None else [Candidate(main, profile)]), None
        found = []
        for step in order(named[1].to, chance):
            site = self.sites[step.upstream]
            there = site.directory.meant(step.model or _name_at(site, name, profile))
            if there is not None:
                found.append(Candidate(site, there))
        return found, named

    def _route(self, name: str, profile: Profile | None) -> tuple[str, Route] | None:
        """Return the route for a model, and what it is called; it may be written under any name of the model's."""
        routes, roster = self.config.routes, self.main.directory.roster
        if profile is None:
            return route_for(routes, [name])
        if self._routed[0] is not roster:
            # What a name means changes with the list of models only.
            keys = [(self.main.directory.meant(key), key) for key in routes if not is_pattern(key)]
            self._routed = roster, {meant.internal_id: key for meant, key in reversed(keys) if meant is not None}
        key = self._routed[1].get(profile.internal_id)
        return route_for(routes, _names(name, profile)) if key is None else (key, routes[key])


def _name_at(site: Site, name: str, profile: Profile | None) -> str:
    """Return what another upstream calls the main one's model: where names are its own, without Argo's ways."""
    if profile is None or profile.internal_id == name or not site.upstream.passes_names:
        return name
    return bare(profile.alias_of or profile.public_id)


def _names(name: str, profile: Profile) -> list[str]:
    whole = [one for one in (name, profile.public_id, profile.alias_of, profile.internal_id) if one]
    return [*whole, *(bare(one) for one in whole)]

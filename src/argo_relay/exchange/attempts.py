"""Tries a request's candidates, one after the other and perhaps two at once, until one serves it or time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from argo_relay.dialects.base import Call, Headers, Link, Outline
from argo_relay.errors import DeadlinePassed, Refused, RelayError, UpstreamError
from argo_relay.exchange.attempt import Attempt
from argo_relay.exchange.detours import is_missing_route
from argo_relay.exchange.lane import Lane, UpstreamRefused
from argo_relay.exchange.operations import plan
from argo_relay.exchange.partial import ending_of
from argo_relay.exchange.places import Capacity
from argo_relay.exchange.plan import Asked, Plan, route
from argo_relay.exchange.race import Race
from argo_relay.exchange.relay import Relay, Sought
from argo_relay.exchange.site import Candidate, Site
from argo_relay.exchange.verdict import Trial, note_failed, note_worked, trouble_of
from argo_relay.exchange.voice import Voice
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.policy.deadline import Phase, shown
from argo_relay.policy.retry import Trouble, may_go_elsewhere, pause_before

_MOST_LESSONS: Final = 4
"""How often a request is sent once more because the upstream has named a parameter that it does not take."""
_TROUBLES: Final = (UpstreamRefused, Refused, UpstreamError, DeadlinePassed)


class _TooLateError(Refused):
    """The client has heard too much of one upstream for another to take over."""


class Attempts:
    """The attempts of one exchange; `await serve()` once. What became of them is in the attributes."""

    fallbacks = 0
    """Calls to another candidate than the one before."""
    hedges = 0
    """Calls beside another that was still under way."""
    queued = 0.0
    """Seconds spent waiting for places."""
    _inlined: Outline | None = None
    """The request with its images as data, once they have been fetched: whoever is asked gets the same."""
    _failed: RelayError | None = None
    """How the newest attempt that failed did."""
    _beside: Trial | None = None
    """The second attempt of the race."""
    _trials: tuple[Trial, ...] = ()
    """All attempts, where what there is of them may be handed over."""

    def __init__(
        self,
        relay: Relay,
        sought: Sought,
        asked: Asked,
        watchdog: Watchdog,
        voice: Voice,
    ) -> None:
        """`asked` is the request as it came; `voice` speaks to its client."""
        self.trial: Trial | None = None
        """The attempt that has the client's reply, else the newest."""
        self.calls: list[str] = []
        """Calls that were sent upstream, or begun to be, by the upstreams' names."""
        self._relay = relay
        self._sought = sought
        self._asked = asked
        self._watchdog = watchdog
        self._outlet = voice.outlet
        self._voice = voice
        self._race: Race | None = None
        self._last: Candidate | None = None
        self._settled = False
        """It is known who has the client's reply, or that nobody has."""

    async def serve(self) -> None:
        """Have the request served; raise what the last attempt ended in when none has done it."""
        if self._sought.hedges is not None:
            self._sought.hedges.asked()
        places, clock = self._relay.places, self._relay.clock
        if not places.take_now():
            await self._wait_for(places)
        since = clock.now()
        number = 1
        try:
            while (pause := await self._round(number)) is not None:
                self._watchdog.enter(Phase.PAUSING)
                await asyncio.sleep(pause)
                number += 1
        finally:
            places.give(clock.now() - since)
            # An error holds all that it came through.
            self._settled, self._failed = True, None

    @property
    def served(self) -> Headers:
        """Which model of which upstream the newest attempt was for, and how many there were, as headers.

        A sign of life opens the reply before all of that is known: then only what cannot turn out otherwise.
        """
        if self.trial is None or not (self._settled or len(self._sought.candidates) == 1):
            return []
        candidate = self.trial.candidate
        return [*_named(candidate.model, candidate.site.name, len(self.calls) if self._settled else None)]

    def ending(self) -> bytes | None:
        """Return what ends the client's reply as one cut short at its length limit; None where there is nothing.

        Of a whole reply the client has got nothing yet: there any attempt may have it, the newest first.
        """
        trials = [] if self.trial is None else [self.trial]
        if not self._asked.outline.stream and not self._outlet.claimed:
            trials += [one for one in reversed(self._trials) if one is not self.trial]
        for trial in trials:
            ending = ending_of(trial.plan, trial.lane, self._outlet)
            if ending is not None:
                if trial is not self.trial:
                    self._follow(trial)
                return ending
        return None

    async def _round(self, number: int) -> float | None:
        """Try the candidates once, each in its turn; return the seconds until the next round, None once it is done.

        Raise the last one's error when there is no next round, or no time for it.
        """
        tried: list[Candidate] = []
        failed: RelayError | None = None
        turns = self._turns()
        for candidate in turns:
            if candidate in tried or (failed is not None and not self._can(candidate)):
                continue
            tried.append(candidate)
            try:
                if self.calls or self._sought.hedge_after is None:
                    await self._one(candidate)
                else:
                    await self._hedged(candidate, turns, tried, self._sought.hedge_after)
            except _TooLateError:
                # What was wrong before says more.
                failed = self._failed or Refused(_TOO_LATE)
                break
            except _TROUBLES as error:
                # Without what it came through, which holds what was sent.
                self._failed = failed = error.with_traceback(None)
                if self._is_final(error):
                    break
            else:
                return None
        try:
            pause = None if failed is None else self._pause(number, failed)
            if pause is None and failed is not None:
                raise failed
            return pause
        finally:
            del failed

    def _turns(self) -> Sequence[Candidate]:
        """Return the candidates that can still do it; if there is none, the first one, for want of better.

        Those that rest come last, and before them those where one would have to wait for a place.
        """
        candidates = self._sought.candidates
        if len(candidates) == 1:
            return candidates
        now = self._relay.clock.now()
        candidates = sorted(candidates, key=lambda one: (one.rests(now), one.site.places.full))
        return [one for one in candidates if self._can(one)] or candidates[:1]

    def _can(self, candidate: Candidate) -> bool:
        pace = candidate.doing.pace(self._asked.outline.stream)
        return pace.can_within(self._watchdog.left(), self._relay.clock.now())

    async def _hedged(
        self, candidate: Candidate, turns: Sequence[Candidate], tried: list[Candidate], after: float
    ) -> None:
        """Ask a candidate, with the next one beside it when it takes longer than so many seconds."""
        hedges = self._sought.hedges
        beside = turns[1] if len(turns) > 1 else candidate
        race = self._race = Race()

        def granted() -> bool:
            # One that had to wait for a place would not be the quicker one.
            if hedges is None or self._outlet.claimed or beside.site.places.full or not hedges.take():
                return False
            self.hedges += 1
            tried.append(beside)
            return True

        try:
            await race.run(lambda: self._first(candidate, race), lambda: self._second(beside), after, granted)
        finally:
            self._race = None

    async def _first(self, candidate: Candidate, race: Race) -> None:
        """Ask the first one of a race. What no other could better ends it; else the second one stands alone."""
        try:
            await self._one(candidate)
        except _TROUBLES as error:
            if self._is_final(error):
                race.win()
            elif self._beside is not None:
                self._follow(self._beside)
            raise

    async def _second(self, candidate: Candidate) -> None:
        """Ask the second one of a race. Its refusal is not final: the first one may be another model."""
        try:
            await self._one(candidate)
        finally:
            self._beside = None

    async def _one(self, candidate: Candidate) -> None:
        """Ask one candidate, and again when its refusal teaches how."""
        asked = self._asked
        links = candidate.site.images.linked(asked.entry, asked.outline, candidate.profile)
        asked = self._asked_of(candidate, await self._inline(candidate, links) if links else asked.outline)
        for lessons in range(_MOST_LESSONS + 1):
            trial = self._begin(candidate, plan(candidate.site.upstream, asked))
            try:
                await self._ask(trial)
            except UpstreamRefused as refused:
                open_ = lessons < _MOST_LESSONS and not self._outlet.claimed
                wiser = self._learn(asked, trial, refused.failure) if open_ else None
                if wiser is None:
                    raise
                asked = wiser
            else:
                return

    async def _inline(self, candidate: Candidate, links: Sequence[Link]) -> Outline:
        """Return the request with its images as data, for a candidate that fetches none."""
        self._enter(Phase.FETCHING)
        outline = self._inlined = self._inlined or await candidate.site.images.inlined(self._asked.outline, links)
        self._enter(Phase.PREPARING)
        return outline

    def _asked_of(self, candidate: Candidate, outline: Outline) -> Asked:
        """Return the request as it is put to a candidate."""
        site, profile, asked = candidate.site, candidate.profile, self._asked
        rules, missing = site.rulebook.of(profile, site.directory.roster), site.detours.missing()
        if outline is asked.outline and profile is asked.profile and not rules and not missing:
            return asked
        return msgspec.structs.replace(asked, outline=outline, profile=profile, rules=rules, missing=missing)

    def _begin(self, candidate: Candidate, chosen: Plan) -> Trial:
        name, sought = candidate.site.name, self._sought
        attempt = Attempt(self._relay.clock, self._watchdog, lambda: self.calls.append(name))
        several = sought.hedge_after is not None or len(sought.candidates) > 1
        lane = Lane(chosen, attempt, self._outlet, self._voice.headers, lambda: self._commit(trial), several)
        trial = Trial(candidate, chosen, attempt, lane)
        if self._asked.partial:
            self._trials += (trial,)
        return trial

    async def _ask(self, trial: Trial) -> None:
        """Make one call, and relay its answer; the candidate is known by how that ends."""
        candidate, attempt, lane = trial.candidate, trial.attempt, trial.lane
        site, clock = candidate.site, self._relay.clock
        try:
            if self._race is not None and self._race.aside:
                self._beside = trial
            else:
                self._follow(trial)
            if trial.plan.call is None:
                await lane.answer()
                return
            if not site.places.take_now():
                await self._wait_for(site.places, trial)
            since = clock.now()
            try:
                self._count(candidate)
                candidate.began(since)
                attempt.connect()
                async with attempt:
                    answer = await site.directory.transport.open(self._call(trial.plan.call, site), attempt)
                    site.directory.seen()
                    await lane.relay(answer)
                note_worked(trial, clock.now())
            except BaseException as error:
                note_failed(trial, error, self._watchdog, clock.now())
                raise
            finally:
                site.places.give(clock.now() - since)
        finally:
            lane.settled()
            attempt.rest()

    def _follow(self, trial: Trial, committed: bool = False) -> None:
        """Let a trial stand for the exchange: in its headers, its log line, and towards a silent client."""
        # Of two side by side nobody knows yet who goes on: what the one began, the other could not end.
        if (self._race is None or committed) and not self._voice.adopt(trial.lane):
            raise _TooLateError(_TOO_LATE)
        self.trial = trial
        self._watchdog.follow(trial.attempt.stamps)

    def _enter(self, phase: Phase) -> None:
        """Say what the exchange waits for now; what runs beside another attempt is not what it waits for."""
        if self._race is None or not self._race.aside:
            self._watchdog.enter(phase)

    def _commit(self, trial: Trial) -> None:
        """Let a trial have the client's reply, now that it has something for it."""
        if self.trial is not trial or self._race is not None:
            self._follow(trial, committed=True)
        self._settled = True
        if trial.plan.call is not None:
            trial.candidate.answers()
        if self._race is not None:
            self._race.win()

    def _count(self, candidate: Candidate) -> None:
        if self._last is not candidate:
            self.fallbacks += self._last is not None
            self._last = candidate
        self.calls.append(candidate.site.name)

    def _call(self, call: Call, site: Site) -> Call:
        if not site.tell_timeout:
            return call
        return msgspec.structs.replace(call, headers=[*call.headers, (_LEFT, shown(max(self._watchdog.left(), 0.001)))])

    def _trouble(self, error: RelayError) -> Trouble | None:
        """Return what an error says of the attempt; None when no other may follow."""
        if isinstance(error, DeadlinePassed) and self._has_part():
            return None
        return None if self._outlet.claimed else trouble_of(error, self._relay.clock.wall())

    def _is_final(self, error: RelayError) -> bool:
        """Say whether no other candidate may be asked after such an error."""
        trouble = self._trouble(error)
        return trouble is None or not may_go_elsewhere(trouble)

    def _has_part(self) -> bool:
        """Tell whether there is something of a whole reply that its client would rather have than another attempt."""
        return any(one.plan.stage.gathers and one.plan.stage.cut() is not None for one in self._trials)

    def _pause(self, number: int, error: RelayError) -> float | None:
        """Return the seconds until the next round; None when there is none, or no time for it."""
        trouble = self._trouble(error)
        if trouble is None or number > self._sought.retries:
            return None
        pause = pause_before(number, trouble, self._relay.chance())
        return None if pause is None or pause >= self._watchdog.left() else pause

    def _learn(self, asked: Asked, trial: Trial, failure: Failure) -> Asked | None:
        """Return the request under what its refusal teaches; None where that is nothing."""
        site, spoken, profile = trial.candidate.site, trial.plan.spoken.name, asked.profile
        if is_missing_route(failure):
            around = msgspec.structs.replace(asked, missing=asked.missing | {spoken})
            if route(site.upstream, around) == spoken:
                return None
            site.detours.note(spoken)
            return around
        if not site.rulebook.learn(profile, failure, spoken, trial.plan.sent(), asked.rules):
            return None
        return msgspec.structs.replace(asked, rules=site.rulebook.of(profile, site.directory.roster))

    async def _wait_for(self, places: Capacity, trial: Trial | None = None) -> None:
        """Take a place that others have now: for an attempt, or for all of them."""
        clock = self._relay.clock
        began = clock.now()
        self._enter(Phase.QUEUED)
        try:
            await places.take(self._watchdog.left())
        finally:
            self.queued += clock.now() - began
        self._enter(Phase.PREPARING)
        if trial is not None and self.trial is trial:
            self._watchdog.follow(trial.attempt.stamps)


@lru_cache(256)
def _named(model: str, upstream: str, calls: int | None) -> tuple[tuple[str, str], ...]:
    """Return what says who has answered, and after how many calls, as headers; without what cannot stand in one."""
    named = [("x-model", model), ("x-upstream", upstream)]
    if calls is not None:
        named.append(("x-attempts", str(calls)))
    return tuple((name, value) for name, value in named if value.isascii() and value.isprintable())


_LEFT: Final = "x-request-timeout"
_TOO_LATE: Final = Failure(
    kind=FailureKind.UPSTREAM,
    status=502,
    code="upstream_failed",
    message="The upstream failed after the reply had begun, so that no other could take over. Try again.",
    at_fault="gateway",
)

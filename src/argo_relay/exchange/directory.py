"""Which models the upstream offers now, and whether it can be reached: kept fresh in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from argo_relay.clock import Clock
from argo_relay.config.schema import ModelRow
from argo_relay.errors import BadJson, ConnectionBroken, Refused, UpstreamError
from argo_relay.exchange.unknown import unknown
from argo_relay.models.live import live_roster, passing_alias, passing_model, passing_roster
from argo_relay.models.profile import Profile
from argo_relay.models.roster import Roster, catalogue_roster
from argo_relay.policy.deadline import Limit, Timer
from argo_relay.policy.defaults import model_layer
from argo_relay.transport.base import Transport
from argo_relay.transport.whole import whole_reply
from argo_relay.upstreams.base import Upstream, read_models

_RETRY_SECONDS: Final = 30.0
_FETCH_SECONDS: Final = 10.0
_CALM_SECONDS: Final = 60.0
"""Between two looks at the list that unknown names lead to: a client that asks for one again and again is no reason."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one look at an upstream's list, for other processes to know; times as the two clocks give them."""

    body: bytes | None
    """The list as it came; None: the last one known stays in use."""
    trouble: str | None
    seen: float | None
    looked: float | None


class Directory:
    """The models on offer: the built-in catalogue's until, and while, the upstream cannot be asked."""

    def __init__(
        self,
        upstream: Upstream,
        transport: Transport,
        clock: Clock,
        rows: Mapping[str, ModelRow] | None = None,
        aliases: Mapping[str, str] | None = None,
        warn: Callable[[str], object] = lambda _: None,
    ) -> None:
        """`rows` and `aliases` are the configuration's; `warn` is told when the list can no longer be had, or again."""
        self.transport = transport
        self.last_seen: float | None = None
        """When the upstream last answered anything, in Unix seconds."""
        self.trouble: str | None = None
        """Why the last attempt to fetch the list failed; None when it did not."""
        self._upstream = upstream
        self._rows = rows or {}
        self._aliases = aliases or {}
        self._warn = warn
        self._clock = clock
        self._refreshing: asyncio.Task[bool] | None = None
        self._looked: float | None = None
        """When an unknown name last had the list fetched."""
        self.share: Callable[[Listing], object] = lambda _: None
        """Told of each look at the list."""
        self._adopt(passing_roster((), self._aliases) if upstream.passes_names else catalogue_roster(self._aliases))

    @property
    def roster(self) -> Roster:
        """The models on offer now."""
        return self._roster

    def find(self, name: str) -> Profile:
        """Return the model that a client means; raise Refused (404 with the closest names). Never another one."""
        profile = self.meant(name)
        if profile is None:
            raise Refused(unknown(self._roster, name))
        return profile

    def meant(self, name: str) -> Profile | None:
        """Return the model that a name means now, if any."""
        upstream, roster = self._upstream, self._roster
        # As long as nobody knows what is on the list of an upstream that cannot be asked, it gets to hear the name.
        closed = upstream.lists_all and (roster.live or self.trouble is None)
        if closed or not upstream.passes_names:
            return roster.resolve(name)
        if name in self._aliases:
            return passing_alias(name, self._aliases[name])
        return passing_model(name)

    def knows(self, name: str) -> bool:
        """Say whether a name means a model now."""
        return self.meant(name) is not None

    async def look_again(self) -> None:
        """Fetch the list because of an unknown name: the model may be new. At most once a minute, all at once share."""
        running = self._refreshing is not None and not self._refreshing.done()
        now = self._clock.now()
        if not running:
            if self._looked is not None and now - self._looked < _CALM_SECONDS:
                return
            self._looked = now
        await self.refresh()

    def limits_of(self, model: Profile) -> Mapping[Timer, Limit | None]:
        """Return the limits that the configuration sets for a model."""
        return self._layers.get(model.internal_id, {})

    def seen(self) -> None:
        """Take note that the upstream has answered."""
        self.last_seen = self._clock.wall()

    async def refresh(self) -> bool:
        """Fetch the list and adopt it; on failure keep the one there is, and say False. Those who ask at once share."""
        return await asyncio.shield(self.refresh_soon())

    def refresh_soon(self) -> asyncio.Task[bool]:
        """Begin to fetch the list, unless that is under way, and return the task."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())
        return self._refreshing

    def close(self) -> None:
        """Give up a refresh that is under way."""
        if self._refreshing is not None:
            self._refreshing.cancel()

    async def _refresh(self) -> bool:
        before, (self.trouble, body) = self.trouble, await self._attempt()
        self.share(Listing(body=body, trouble=self.trouble, seen=self.last_seen, looked=self._looked))
        if (before is None) != (self.trouble is None):
            self._warn(
                f"the upstream does not say which models it has ({self.trouble}); the last list known stays in use"
                if self.trouble
                else "the upstream says again which models it has"
            )
        return self.trouble is None

    def learn(self, listing: Listing) -> None:
        """Take over what another process has seen of the same upstream."""
        if listing.body is not None:
            self._read(listing.body)
        self.trouble = listing.trouble
        self.last_seen = _later(self.last_seen, listing.seen)
        self._looked = _later(self._looked, listing.looked)

    async def _attempt(self) -> tuple[str | None, bytes | None]:
        """Fetch and adopt the list; return what went wrong, or the list as it came."""
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                body = await self._fetch()
            trouble = self._read(body)
        except TimeoutError:
            return f"it did not list its models within {_FETCH_SECONDS:g} s", None
        except (UpstreamError, BadJson) as error:
            return str(error), None
        return trouble, None if trouble else body

    def _read(self, body: bytes) -> str | None:
        """Adopt a list; return what is wrong with it. Raises BadJson."""
        records = read_models(body)
        roster = (passing_roster if self._upstream.passes_names else live_roster)(records, self._aliases)
        if all(profile.alias_of for profile in roster.listed()):
            return "it lists no models"
        self._adopt(roster)
        return None

    async def keep_fresh(self, every: float | None) -> None:
        """Refresh now, and every so many seconds (None: not again); sooner after a failure."""
        while True:
            fine = await self.refresh()
            if fine and every is None:
                return
            await asyncio.sleep(every if fine and every is not None else _RETRY_SECONDS)

    async def _fetch(self) -> bytes:
        status, body = await whole_reply(self.transport, self._upstream.models())
        self.seen()
        if status != 200:
            raise ConnectionBroken(f"it answered {status} when asked for its models")
        return body

    def _adopt(self, roster: Roster) -> None:
        self._roster = roster
        self._layers: dict[str, dict[Timer, Limit | None]] = {}
        for name, row in self._rows.items():
            profile = self.meant(name)
            if profile is not None:
                # Two rows may mean one model, by different names: what only one of them says holds, too.
                layer = self._layers.setdefault(profile.internal_id, {})
                layer.update(model_layer(name, row.timeouts))


def _later(one: float | None, other: float | None) -> float | None:
    known = [moment for moment in (one, other) if moment is not None]
    return max(known, default=None)

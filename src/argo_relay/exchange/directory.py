"""Which models the upstream offers now, and whether it can be reached: kept fresh in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from argo_relay.clock import Clock
from argo_relay.config.schema import ModelRow
from argo_relay.errors import BadJson, ConnectionBroken, Refused, UpstreamError
from argo_relay.models.live import live_roster, passing_profile, passing_roster
from argo_relay.models.profile import Profile
from argo_relay.models.roster import Roster, catalogue_roster
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.policy.deadline import Limit, Timer
from argo_relay.policy.defaults import model_layer
from argo_relay.transport.base import Transport
from argo_relay.upstreams.base import Upstream, read_models

_FRESH_SECONDS: Final = 3600.0
_RETRY_SECONDS: Final = 30.0
_FETCH_SECONDS: Final = 10.0
_SHOWN_NAME: Final = 80


class Directory:
    """The models on offer: the built-in catalogue's until, and while, the upstream cannot be asked."""

    def __init__(self, upstream: Upstream, transport: Transport, rows: Mapping[str, ModelRow], clock: Clock) -> None:
        self.transport = transport
        self.last_seen: float | None = None
        """When the upstream last answered anything, in Unix seconds."""
        self.trouble: str | None = None
        """Why the last attempt to fetch the list failed; None when it did not."""
        self._upstream = upstream
        self._rows = rows
        self._clock = clock
        self._refreshing: asyncio.Task[bool] | None = None
        self._adopt(passing_roster(()) if upstream.passes_names else catalogue_roster())

    @property
    def roster(self) -> Roster:
        """The models on offer now."""
        return self._roster

    def find(self, name: str) -> Profile:
        """Return the model that a client means; raise Refused (404 with the closest names). Never another one."""
        if self._upstream.passes_names:
            return passing_profile(name)
        profile = self._roster.resolve(name)
        if profile is None:
            raise Refused(self._unknown(name))
        return profile

    def limits_of(self, model: Profile) -> Mapping[Timer, Limit | None]:
        """Return the limits that the configuration sets for a model."""
        return self._layers.get(model.internal_id, {})

    def seen(self) -> None:
        """Take note that the upstream has answered."""
        self.last_seen = self._clock.wall()

    async def refresh(self) -> bool:
        """Fetch the list and adopt it; on failure keep the one there is, and say False. Those who ask at once share."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())
        return await asyncio.shield(self._refreshing)

    def close(self) -> None:
        """Give up a refresh that is under way."""
        if self._refreshing is not None:
            self._refreshing.cancel()

    async def _refresh(self) -> bool:
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                body = await self._fetch()
            records = read_models(body)
            roster = passing_roster(records) if self._upstream.passes_names else live_roster(records)
        except TimeoutError:
            self.trouble = f"it did not list its models within {_FETCH_SECONDS:g} s"
        except (UpstreamError, BadJson) as error:
            self.trouble = str(error)
        else:
            self.trouble = None if roster.listed() else "it lists no models"
            if roster.listed():
                self._adopt(roster)
        return self.trouble is None

    async def keep_fresh(self) -> None:
        """Refresh now and then, for ever; sooner after a failure."""
        while True:
            fine = await self.refresh()
            await asyncio.sleep(_FRESH_SECONDS if fine else _RETRY_SECONDS)

    async def _fetch(self) -> bytes:
        answer = await self.transport.open(self._upstream.models(), _NoProgress())
        self.seen()
        try:
            pieces = []
            while piece := await answer.read():
                pieces.append(piece)
        finally:
            answer.close()
        if answer.status != 200:
            raise ConnectionBroken(f"it answered {answer.status} when asked for its models")
        return b"".join(pieces)

    def _adopt(self, roster: Roster) -> None:
        self._roster = roster
        self._layers: dict[str, dict[Timer, Limit | None]] = {}
        for name, row in self._rows.items():
            profile = passing_profile(name) if self._upstream.passes_names else roster.resolve(name)
            if profile is not None:
                # Two rows may mean one model, by different names: what only one of them says holds, too.
                layer = self._layers.setdefault(profile.internal_id, {})
                layer.update(model_layer(name, row.timeouts))

    def _unknown(self, name: str) -> Failure:
        shown = name[:_SHOWN_NAME]
        retired = self._roster.retired(name)
        what = f"The model `{shown}` is retired" if retired else f"There is no model `{shown}` here"
        near = self._roster.nearest(name)
        hint = f"; the closest are {', '.join(near)}" if near else ""
        return Failure(
            kind=FailureKind.NOT_FOUND,
            status=404,
            code="model_not_found",
            param="model",
            message=f"{what}{hint}. GET /v1/models lists all.",
            at_fault="client",
        )


class _NoProgress:
    """For calls that no timer of an exchange belongs to."""

    def connected(self) -> None:
        """Take no note."""

    def sent(self) -> None:
        """Take no note."""

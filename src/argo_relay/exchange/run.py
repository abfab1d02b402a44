"""Run one exchange: admit, read, settle the limits, find the model, relay, report."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import traceback
from typing import Final

import msgspec

from argo_relay.dialects.base import Headers
from argo_relay.errors import ClientLeft, ConnectFailed, DeadlinePassed, Refused, UpstreamError
from argo_relay.exchange.client import Client
from argo_relay.exchange.detours import is_missing_route
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.intake import read_body
from argo_relay.exchange.lane import WHOLE_HEADERS, Lane, UpstreamRefused, stream_headers
from argo_relay.exchange.operations import outline_of, plan
from argo_relay.exchange.outlet import Outlet
from argo_relay.exchange.plan import Asked, Plan, route
from argo_relay.exchange.relay import Relay
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.models.profile import Profile
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.loss import shown as losses_shown
from argo_relay.observe.record import Outcome, Record
from argo_relay.policy.deadline import Phase, Timer, shown
from argo_relay.policy.identity import user_of
from argo_relay.policy.overrun import overrun
from argo_relay.policy.wish import wish

_FAREWELL_SECONDS: Final = 1.0
"""How long a client may take to read the error that ends its reply before the connection is cut."""
_LONGEST_NAME: Final = 200
_MOST_LESSONS: Final = 4
"""How often a request is sent once more because the upstream has named a parameter that it does not take."""
_REQUEST_ID: Final = re.compile(r"[!-~]{1,128}")

_log = logging.getLogger("argo_relay")


def request_id_of(given: str | None) -> str:
    """Return the client's own request id when it can stand in a header and a log line, else a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"


class Exchange:
    """One request and its reply. `await run()` once; it raises nothing of ours and always leaves a record."""

    def __init__(self, relay: Relay, entry: Entry, client: Client) -> None:
        self._relay = relay
        self._entry = entry
        self._dialect = entry.dialect
        self._client = client
        self._request_id = request_id_of(client.request_headers.get("x-request-id"))
        self._watchdog = Watchdog(relay.clock, relay.limits())
        self._outlet = Outlet(client)
        self._began = relay.clock.now()
        self._time = relay.clock.wall()
        self._plan: Plan | None = None
        self._lane: Lane | None = None
        self._model: str | None = None
        self._stream = False
        self._profile: Profile | None = None
        self._received = 0
        self._user: str | None = None

    async def run(self) -> None:
        """Serve the request."""
        failure: Failure | None = None
        outcome = Outcome.ERROR
        self._relay.running.add(self._watchdog)
        try:
            failure, outcome = await self._guarded()
        except asyncio.CancelledError:
            outcome = Outcome.CANCELLED
            raise
        finally:
            self._relay.running.discard(self._watchdog)
            self._relay.losses.note(self._losses())
            self._relay.sink(self._record(outcome, failure))

    async def _guarded(self) -> tuple[Failure | None, Outcome]:
        """Serve, and turn whatever ends the exchange early into the client's error."""
        own: UpstreamRefused | None = None
        try:
            async with self._watchdog:
                await self._serve()
        except ClientLeft:
            return None, Outcome.CANCELLED
        except DeadlinePassed as passed:
            failure = overrun(Timer(passed.timer), self._watchdog.limits, self._watchdog.stamps, self._arrived())
        except Refused as refused:
            failure = refused.failure
            own = refused if isinstance(refused, UpstreamRefused) else None
        except UpstreamError as error:
            failure = _upstream_failed(error)
        except Exception as error:  # noqa: BLE001 -- the border: a bug of ours must end as a reply, not as a cut
            self._log_bug(error)
            failure = _INTERNAL
        else:
            return None, Outcome.ERROR if self._plan is not None and self._plan.stage.failed else Outcome.OK
        try:
            await self._say(failure, own)
        except Exception as error:  # noqa: BLE001 -- the same border, where nothing is left to say
            self._log_bug(error)
            self._client.abort()
        return failure, Outcome.TIMEOUT if failure.timer else Outcome.ERROR

    async def _serve(self) -> None:
        relay = self._relay
        relay.admission.enter()
        try:
            self._user = user_of(relay.config, self._client.request_headers)
            asked = await self._prepare(await read_body(self._client, relay.config.max_body))
            for lessons in range(_MOST_LESSONS + 1):
                chosen = self._plan = plan(relay.upstream, asked)
                self._keep_alive(chosen)
                try:
                    await self._attempt(chosen)
                except UpstreamRefused as refused:
                    wiser = self._learn(asked, chosen, refused.failure) if lessons < _MOST_LESSONS else None
                    if wiser is None:
                        raise
                    asked = wiser
                else:
                    return
        finally:
            relay.admission.leave()

    async def _attempt(self, chosen: Plan) -> None:
        relay, watchdog = self._relay, self._watchdog
        lane = self._lane = Lane(chosen, watchdog, self._outlet, self._every_reply)
        if chosen.call is None:
            await lane.answer()
            return
        watchdog.enter(Phase.CONNECTING)
        answer = await relay.directory.transport.open(chosen.call, watchdog)
        relay.directory.seen()
        await lane.relay(answer)

    def _learn(self, asked: Asked, chosen: Plan, failure: Failure) -> Asked | None:
        """Return the request under what its refusal teaches; None where that is nothing, or comes too late."""
        if self._outlet.status is not None and (self._stream or not self._outlet.early):
            return None
        relay, profile = self._relay, asked.profile
        if is_missing_route(failure):
            around = msgspec.structs.replace(asked, missing=asked.missing | {chosen.spoken.name})
            if route(relay.upstream, around) == chosen.spoken.name:
                return None
            relay.detours.note(chosen.spoken.name)
            return around
        book = relay.rulebook
        if not book.learn(profile, failure, chosen.spoken.name, chosen.sent, asked.rules):
            return None
        return msgspec.structs.replace(asked, rules=book.of(profile, relay.directory.roster))

    async def _prepare(self, body: bytes) -> Asked:
        """Read the request, settle its limits, find its model."""
        relay, watchdog, headers = self._relay, self._watchdog, self._client.request_headers
        watchdog.received()
        self._client.watch(lambda: watchdog.interrupt(ClientLeft()))
        self._received = len(body)
        outline = outline_of(self._entry, body)
        self._model, self._stream = outline.model[:_LONGEST_NAME], outline.stream
        asked = wish(outline.timeout, headers)
        watchdog.limits = relay.limits(asked)
        if not relay.directory.knows(outline.model):
            watchdog.enter(Phase.PREPARING)
            await relay.directory.look_again()
        profile = self._profile = relay.directory.find(outline.model)
        watchdog.limits = relay.limits(asked, profile)
        if links := relay.images.linked(self._entry, outline, profile):
            watchdog.enter(Phase.FETCHING)
            outline = await relay.images.inlined(outline, links)
            watchdog.enter(Phase.PREPARING)
        return Asked(
            entry=self._entry,
            outline=outline,
            profile=profile,
            headers=headers,
            request_id=self._request_id,
            received=int(self._time),
            rules=relay.rulebook.of(profile, relay.directory.roster),
            user=self._user,
            missing=relay.detours.missing(),
        )

    def _log_bug(self, error: Exception) -> None:
        # The frames name code only; the error's own text might hold a prompt.
        frames = "".join(traceback.format_tb(error.__traceback__))
        _log.error("request %s failed: %s\n%s", self._request_id, type(error).__name__, frames)

    def _keep_alive(self, chosen: Plan) -> None:
        """Have something sent while the upstream is silent: a sign of life in a stream, white space before JSON."""
        timeouts = self._relay.config.timeouts
        if not timeouts.heartbeat or not (chosen.stream or timeouts.whole_heartbeat):
            return
        stage = chosen.stage
        head = stream_headers(stage.client.media_type) if chosen.stream else WHOLE_HEADERS

        def beat() -> None:
            data = stage.heartbeat() if chosen.stream else b" "
            self._outlet.beat(data, [*head, *self._every_reply()])

        self._watchdog.beat(timeouts.heartbeat, beat)

    async def _say(self, failure: Failure, own: UpstreamRefused | None) -> None:
        """Write a failure to the client, as far as its reply has not gone too far; else cut the connection."""
        outlet, hide = self._outlet, self._relay.upstream.hide
        failure = msgspec.structs.replace(failure, request_id=self._request_id)
        try:
            async with asyncio.timeout(_FAREWELL_SECONDS):
                if outlet.status is None:
                    body = hide(own.body if own and own.body else self._dialect.encode_error(failure))
                    extra = _failure_headers(failure, own.headers if own else [])
                    length = ("content-length", str(len(body)))
                    await outlet.begin(failure.status, [*WHOLE_HEADERS, length, *self._every_reply(), *extra])
                    await outlet.end(body)
                elif self._stream and self._plan is not None:
                    await outlet.end(hide(self._plan.stage.fail(failure)))
                elif outlet.early:
                    await outlet.end(hide(self._dialect.encode_error(failure)))
                else:
                    self._client.abort()
        except TimeoutError:
            self._client.abort()

    def _every_reply(self) -> Headers:
        """Return the headers that every reply carries."""
        total = self._watchdog.limits.total
        headers = [
            ("x-request-id", self._request_id),
            ("x-timeout", shown(total.seconds)),
            ("x-timeout-source", total.source.value),
        ]
        if self._plan is not None:
            headers += self._plan.headers
        if losses := self._losses():
            headers.append(("x-losses", losses_shown(losses)))
        return headers

    def _losses(self) -> Losses:
        return [*self._plan.losses, *self._plan.stage.losses] if self._plan is not None else []

    def _arrived(self) -> str:
        lane = self._lane
        if lane is None or not lane.received:
            return "nothing had arrived"
        count = lane.stage.events
        events = f"{count} event{'' if count == 1 else 's'} of it, " if count else ""
        return f"{events}{lane.received} bytes had arrived"

    def _record(self, outcome: Outcome, failure: Failure | None) -> Record:
        lane, profile, watchdog, chosen = self._lane, self._profile, self._watchdog, self._plan
        total = watchdog.limits.total
        well = outcome is Outcome.OK
        return Record(
            time=self._time,
            request_id=self._request_id,
            dialect=self._dialect.name,
            user=self._user,
            outcome=outcome,
            seconds=self._relay.clock.now() - self._began,
            status=self._outlet.status,
            model=self._model,
            served=profile.internal_id if profile else None,
            upstream="main" if chosen else None,
            spoken=chosen.spoken.name if chosen else None,
            attempts=1 if lane is not None else 0,
            stream=self._stream,
            code=failure.code if failure else None,
            at_fault=failure.at_fault if failure else None,
            phase=None if well else watchdog.stamps.phase.value,
            timer=failure.timer if failure else None,
            timeout=total.seconds,
            timeout_source=total.source.value,
            first_event=lane.first_event if lane else None,
            events=chosen.stage.events if chosen else 0,
            bytes_in=self._received,
            bytes_out=self._outlet.sent,
            usage=chosen.stage.usage if chosen else None,
            losses=losses_shown(self._losses()) or None,
            saved=watchdog.left() if outcome is Outcome.CANCELLED and profile else None,
        )


def _failure_headers(failure: Failure, passed: Headers) -> Headers:
    headers = list(passed)
    given = {name for name, _ in passed}
    if failure.timer or failure.final:
        # Without it the official SDKs send the same paid request twice more.
        headers.append(("x-should-retry", "false"))
    if failure.timer:
        headers.append(("x-timeout-timer", failure.timer))
    if failure.retry_after is not None and "retry-after" not in given:
        headers.append(("retry-after", shown(failure.retry_after)))
    if failure.upstream_request_id is not None and "x-upstream-request-id" not in given:
        headers.append(("x-upstream-request-id", failure.upstream_request_id))
    if failure.kind is FailureKind.SLOW_REQUEST:
        # The rest of the body may still come, and must not be taken for the next request.
        headers.append(("connection", "close"))
    return headers


def _upstream_failed(error: UpstreamError) -> Failure:
    code = "upstream_unreachable" if isinstance(error, ConnectFailed) else "upstream_disconnected"
    return Failure(
        kind=FailureKind.UPSTREAM,
        status=502,
        code=code,
        message=f"The upstream failed: {error}. Try again; `/ready` says whether the upstream can be reached.",
        at_fault="upstream",
    )


_INTERNAL: Final = Failure(
    kind=FailureKind.INTERNAL,
    status=500,
    code="internal_error",
    message="The relay failed on this request. Its log says where, under this reply's x-request-id.",
)

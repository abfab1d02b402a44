"""Run one exchange: admit, read, settle the limits, find the model, relay, report."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from typing import Any, Final

import msgspec

from argo_relay.dialects.base import Headers
from argo_relay.errors import ClientLeft, DeadlinePassed, Refused, UpstreamError
from argo_relay.exchange.attempts import Attempts
from argo_relay.exchange.client import Client
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.failures import INTERNAL, failure_headers, upstream_failed
from argo_relay.exchange.ids import new_id
from argo_relay.exchange.intake import read_body
from argo_relay.exchange.lane import WHOLE_HEADERS, UpstreamRefused
from argo_relay.exchange.operations import outline_of
from argo_relay.exchange.outlet import Outlet
from argo_relay.exchange.partial import hand_over
from argo_relay.exchange.plan import Asked
from argo_relay.exchange.rejoin import Recorded
from argo_relay.exchange.relay import Relay, Sought
from argo_relay.exchange.verdict import Trial
from argo_relay.exchange.voice import Voice
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.loss import shown as losses_shown
from argo_relay.observe.record import Outcome, Record
from argo_relay.policy.deadline import Limits, Timer, shown
from argo_relay.policy.identity import user_of
from argo_relay.policy.overrun import overrun
from argo_relay.policy.patience import Patience, beat_every, patience_of, within
from argo_relay.policy.wish import wants_partial, wish
from argo_relay.upstreams.base import Operation

_FAREWELL_SECONDS: Final = 1.0
"""How long a client may take to read the error that ends its reply before the connection is cut."""
_LONGEST_NAME: Final = 200
_REQUEST_ID: Final = re.compile(r"[!-~]{1,128}")

_GENERATE: Final = Operation.GENERATE
_FROM_OUTSIDE: Final = (ClientLeft, DeadlinePassed, Refused)
"""What may end an exchange at any moment."""

_log = logging.getLogger("argo_relay")


def request_id_of(given: str | None) -> str:
    """Return the client's own request id when it can stand in a header and a log line, else a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else new_id()


class Exchange:
    """One request and its reply. `await run()` once; it raises nothing of ours and always leaves a record."""

    def __init__(self, relay: Relay, entry: Entry, client: Client) -> None:
        self._relay = relay
        self._entry = entry
        self._dialect = entry.dialect
        self._recorded = relay.rejoin.around(client, entry)
        """What keeps the reply for a client that may come back for it."""
        self._client: Client = self._recorded or client
        self._request_id = request_id_of(client.request_headers.get("x-request-id"))
        self._watchdog = Watchdog(relay.clock, relay.plain_limits, relay.alarms)
        self._outlet = Outlet(self._client)
        self._began = self._watchdog.stamps.started
        self._time = relay.clock.wall()
        self._attempts: Attempts | None = None
        self._voice: Voice | None = None
        self._patience: Patience | None = None
        self._model: str | None = None
        self._stream = False
        self._received = 0
        self._user: str | None = None
        self._wants_partial = False
        self._partial = False

    async def run(self) -> None:
        """Serve the request, and turn whatever ends it early into the client's error."""
        failure: Failure | None = None
        outcome = Outcome.CANCELLED
        self._relay.running.add(self._watchdog)
        try:
            async with self._watchdog:
                await self._serve()
            outcome = Outcome.OK
        except Exception as error:  # noqa: BLE001 -- the border: a bug of ours must end as a reply, not as a cut
            if self._outlet.over and isinstance(error, _FROM_OUTSIDE):
                # All of the reply has been written: it comes too late.
                outcome = Outcome.OK
            else:
                failure, outcome = await self._failed(error)
        finally:
            self._close(outcome, failure)

    def _close(self, outcome: Outcome, failure: Failure | None) -> None:
        """Leave the record, and undo what holds each other: the collector's work would make others wait."""
        relay, trial, recorded = self._relay, self._trial, self._recorded
        relay.running.discard(self._watchdog)
        if outcome is Outcome.OK and trial is not None and trial.plan.stage.failed:
            outcome = Outcome.ERROR
        if recorded is not None:
            outcome, failure = recorded.close(outcome, failure)
        losses = [] if trial is None else trial.losses
        if losses:
            relay.losses.note(losses)
        relay.sink(self._record(outcome, failure, losses))
        self._attempts = self._voice = None
        self._watchdog.rest()

    async def _failed(self, error: Exception) -> tuple[Failure | None, Outcome]:
        """Tell the client what has ended the exchange early, unless it has left."""
        own: tuple[bytes | None, Headers] = (None, [])
        if isinstance(error, ClientLeft):
            return None, Outcome.CANCELLED
        if isinstance(error, DeadlinePassed):
            failure = overrun(Timer(error.timer), self._watchdog.limits, self._watchdog.phase, self._arrived())
            if await self._hand_over(error.timer):
                return failure, Outcome.TIMEOUT
        elif isinstance(error, Refused):
            failure = error.failure
            own = (error.body, error.headers) if isinstance(error, UpstreamRefused) else own
        elif isinstance(error, UpstreamError):
            failure = upstream_failed(error)
        else:
            self._log_bug(error)
            failure = INTERNAL
        try:
            await self._say(failure, own)
        except Exception as bug:  # noqa: BLE001 -- the same border, where nothing is left to say
            self._log_bug(bug)
            self._client.abort()
        return failure, Outcome.TIMEOUT if failure.timer else Outcome.ERROR

    async def _hand_over(self, timer: str) -> bool:
        """Hand over what there is of the reply, if the client wants that; whether the exchange is over."""
        attempts, outlet = self._attempts, self._outlet
        if not self._wants_partial or attempts is None:
            return False
        try:
            ending = attempts.ending()
            if ending is None or attempts.trial is None:
                return False
            async with asyncio.timeout(_FAREWELL_SECONDS):
                headers = [*self._every_reply(), ("x-timeout-timer", timer)]
                await hand_over(ending, attempts.trial.plan, outlet, headers)
                self._partial = True
        except TimeoutError:
            self._client.abort()
            return True
        except Exception as error:  # noqa: BLE001 -- the border: what cannot be handed over ends with the error
            self._log_bug(error)
        return self._partial

    async def _serve(self) -> None:
        relay = self._relay
        await relay.admission.admit()
        try:
            self._user = user_of(relay.config, self._client.request_headers)
            sought, asked = await self._prepare(await read_body(self._client, relay.config.max_body))
            if self._recorded is not None and await self._rejoin(self._recorded):
                return
            voice = self._voice = Voice(asked, self._outlet, self._every_reply)
            self._keep_alive(voice)
            self._attempts = Attempts(relay, sought, asked, self._watchdog, voice)
            await self._attempts.serve()
        finally:
            relay.admission.leave()

    async def _rejoin(self, recorded: Recorded) -> bool:
        """Relay the reply to the same request of before, if that is still to be had, and say whether it was."""
        twin = recorded.twin(self._request_id)
        if twin is None:
            return False
        if twin.outcome is None:
            # Whatever ends that exchange is told to this client by it.
            self._relay.running.discard(self._watchdog)
        await twin.follow(self._outlet, recorded)
        return True

    async def _prepare(self, body: bytes) -> tuple[Sought, Asked]:
        """Read the request, find who may answer it, settle its limits."""
        relay, watchdog, headers = self._relay, self._watchdog, self._client.request_headers
        watchdog.received()
        self._client.watch(watchdog.client_left)
        self._received = len(body)
        outline = outline_of(self._entry, body)
        self._model, self._stream = outline.model[:_LONGEST_NAME], outline.stream
        wished = wish(outline.timeout, headers)
        self._wants_partial = wants_partial(outline.timeout, headers)
        if wished:
            watchdog.settle(relay.limits(wished))
        try:
            sought = relay.seek(outline.model, relay.chance())
        except Refused:
            # The timer may still be set for the body's limit; the total may be less.
            watchdog.settle(watchdog.limits)
            await relay.main.directory.look_again()
            sought = relay.seek(outline.model, relay.chance())
        watchdog.settle(self._within_patience(relay.limits(wished, *sought.limits)))
        return sought, Asked(
            entry=self._entry,
            outline=outline,
            profile=sought.candidates[0].profile,
            headers=self._client.request_headers,
            request_id=self._request_id,
            received=int(self._time),
            user=self._user,
            partial=self._wants_partial,
        )

    def _within_patience(self, limits: Limits) -> Limits:
        """Return the limits, the total no longer than the client waits where nothing helps it to wait longer."""
        timeouts = self._relay.config.timeouts
        self._patience = patience_of(self._client.request_headers)
        kept_alive = self._stream or (timeouts.whole_heartbeat and timeouts.heartbeat)
        # Who may come back for the reply has not given it up.
        may_return = self._recorded is not None and self._recorded.may_return
        return limits if kept_alive or may_return else within(limits, self._patience)

    def _log_bug(self, error: Exception) -> None:
        # The frames name code only; the error's own text might hold a prompt.
        frames = "".join(traceback.format_tb(error.__traceback__))
        _log.error("request %s failed: %s\n%s", self._request_id, type(error).__name__, frames)

    def _keep_alive(self, voice: Voice) -> None:
        """Have something sent while nothing comes from the upstream."""
        timeouts = self._relay.config.timeouts
        if timeouts.heartbeat and (self._stream or timeouts.whole_heartbeat):
            voice.speak(self._watchdog, beat_every(timeouts.heartbeat, self._patience))

    async def _say(self, failure: Failure, own: tuple[bytes | None, Headers]) -> None:
        """Write a failure to the client, as far as its reply has not gone too far; else cut the connection.

        `own`: the upstream's words for it, if they may stand, and its headers.
        """
        outlet, hide = self._outlet, self._relay.hide
        failure = msgspec.structs.replace(failure, request_id=self._request_id)
        try:
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await outlet.settle()
                if outlet.status is None:
                    body = hide(own[0] or self._dialect.encode_error(failure))
                    extra = failure_headers(failure, own[1])
                    length = ("content-length", str(len(body)))
                    await outlet.begin(failure.status, [*WHOLE_HEADERS, length, *self._every_reply(), *extra])
                    await outlet.end(body)
                elif self._stream and self._voice is not None:
                    await outlet.end(hide(self._voice.fail(failure)))
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
            ("x-timeout-source", total.source),
        ]
        attempts, trial = self._attempts, self._trial
        if attempts is not None:
            headers += attempts.served
        if trial is not None:
            headers += trial.plan.headers
            if losses := trial.losses:
                headers.append(("x-losses", losses_shown(losses)))
        return headers

    @property
    def _trial(self) -> Trial | None:
        """The attempt that stands for the exchange."""
        return None if self._attempts is None else self._attempts.trial

    def _arrived(self) -> str:
        trial, attempts = self._trial, self._attempts
        calls = 0 if attempts is None else len(attempts.calls)
        made = f"{calls} attempts were made, " if calls > 1 else ""
        if trial is None or not trial.lane.received:
            return f"{made}nothing had arrived"
        count = trial.lane.stage.events
        events = f"{count} event{'' if count == 1 else 's'} of it, " if count else ""
        return f"{made}{events}{trial.lane.received} bytes had arrived"

    def _record(self, outcome: Outcome, failure: Failure | None, losses: Losses) -> Record:
        # What most exchanges have nothing to say of is left to the record's defaults: that is half of what it costs.
        total = self._watchdog.limits.total
        as_usual = outcome is Outcome.OK and self._recorded is None and self._entry.operation is _GENERATE
        return Record(
            time=self._time,
            request_id=self._request_id,
            dialect=self._dialect.name,
            user=self._user,
            outcome=outcome,
            seconds=self._relay.clock.now() - self._began,
            status=self._outlet.status,
            model=self._model,
            stream=self._stream,
            timeout=total.seconds,
            timeout_source=total.source,
            bytes_in=self._received,
            bytes_out=self._outlet.sent,
            losses=losses_shown(losses) if losses else None,
            **self._served(),
            **({} if as_usual else self._unusual(outcome, failure)),
        )

    def _served(self) -> dict[str, Any]:
        """Return what the record says of the attempts, if there were any."""
        trial, attempts = self._trial, self._attempts
        if trial is None or attempts is None:
            return {}
        lane, stage, calls = trial.lane, trial.plan.stage, attempts.calls
        said = {
            "served": trial.candidate.profile.internal_id,
            "upstream": trial.candidate.site.name,
            "spoken": trial.plan.spoken.name,
            "attempts": len(calls),
            "events": stage.events,
            "usage": stage.usage,
        }
        if lane.first_event is not None:
            said["first_event"] = trial.attempt.stamps.started - self._watchdog.stamps.started + lane.first_event
        if attempts.queued:
            said["queued"] = attempts.queued
        if attempts.fallbacks or attempts.hedges:
            said |= {"fallbacks": attempts.fallbacks, "hedges": attempts.hedges}
            said["calls"] = {name: calls.count(name) for name in calls} if len(set(calls)) > 1 else {}
        return said

    def _unusual(self, outcome: Outcome, failure: Failure | None) -> dict[str, Any]:
        """Return what the record says of an exchange that ended early, asked for no reply, or whose reply is kept."""
        watchdog, recorded = self._watchdog, self._recorded
        timer = failure.timer if failure else None
        rejoined = recorded.rejoined if recorded is not None else None
        asked = self._trial is not None
        return {
            # Its value is what the record is without, where it is the usual one; an equal text would be told each time.
            "operation": self._entry.operation.value,
            "code": failure.code if failure else None,
            "at_fault": failure.at_fault if failure else None,
            "phase": None if outcome is Outcome.OK else watchdog.phase,
            "timer": timer,
            "timer_source": watchdog.limits.of(Timer(timer)).source if timer else None,
            "partial": self._partial,
            "rejoined": rejoined,
            "saved": watchdog.left() if asked and outcome is Outcome.CANCELLED and not rejoined else None,
        }

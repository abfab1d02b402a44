"""Relays one reply through a stage: reads from the upstream, writes to the client, and tells the watchdog what happens.

A whole reply is passed on when it is complete, so that until then every failure can still have its own status. A stream
is passed on as it arrives, one write a read, in whole events: whatever ends it early ends it between two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NoReturn

from argo_relay.dialects.base import Headers
from argo_relay.errors import BadJson, Refused
from argo_relay.exchange.attempt import Attempt
from argo_relay.exchange.outlet import Outlet
from argo_relay.exchange.plan import Plan
from argo_relay.exchange.screen import Screen
from argo_relay.framing.base import Frame, Splitter
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.policy.deadline import Phase
from argo_relay.transport.base import Answer

_LARGEST_REPLY: Final = 256 * 1024 * 1024
_LARGEST_ERROR: Final = 1024 * 1024
_LARGEST_FRAME: Final = 64 * 1024 * 1024
_MOST_HELD: Final = 256 * 1024
"""Bytes without content of which a stream's beginning is held back at most."""
_TAKEN_AT_ONCE: Final = 16 * 1024
"""Bytes of a whole reply that a connection takes without making anyone wait."""
_STREAMING: Final = Phase.STREAMING
WHOLE_HEADERS: Final[Headers] = [("content-type", "application/json")]
# What an upstream says about its reply that concerns any client, and what concerns one of its own dialect.
_PASSED_ALWAYS: Final = ("retry-after", "retry-after-ms")
_PASSED_OWN: Final = (*_PASSED_ALWAYS, "openai-", "anthropic-", "x-ratelimit-")


def stream_headers(media_type: str) -> Headers:
    """Return the head of a stream."""
    kind = f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
    # nginx and its like would hold a stream back without the last one.
    return [("content-type", kind), ("cache-control", "no-cache"), ("x-accel-buffering", "no")]


def _nobody() -> None:
    return None


class UpstreamRefused(Refused):
    """The upstream answered with an error; `body` is its own where the client can read it, to be passed on."""

    def __init__(self, failure: Failure, body: bytes | None, headers: Headers) -> None:
        super().__init__(failure)
        self.body = body
        self.headers = headers


class Lane:
    """Relays one reply."""

    # What is called for each reply or event takes its arguments by place: Python 3.11 takes 45 ns for each by name.

    # A stream's.
    _splitter: Splitter
    _taken: bytes | None
    """What the client gets for what the task has been woken for."""
    _carried: bool
    """Whether there was content in what came last."""
    _open: bool
    """The client has got something of it: more can go on as it comes."""

    def __init__(
        self,
        plan: Plan,
        attempt: Attempt,
        outlet: Outlet,
        headers: Callable[[], Headers],
        commit: Callable[[], None] = _nobody,
        hold: bool = False,
    ) -> None:
        """`headers` gives what goes out with every reply; `commit` is called before the first byte of this one does.

        `hold`: what comes before a stream's first content is held back until then, since another upstream may be asked
        instead as long as the client has got nothing.
        """
        self.stage = plan.stage
        self._plan = plan
        self._attempt = attempt
        self._outlet = outlet
        self._headers = headers
        self._commit = commit
        self._hold = hold
        notices = plan.upstream.notices if plan.screened else None
        self._screen = Screen(plan.spoken, notices) if notices is not None else None
        self._passed: Headers = []
        """What goes on of the reply's headers."""
        self.held = b""
        """What was held back so far."""
        self.received = 0
        """Bytes of the upstream's reply."""
        self.first_event: float | None = None
        """Seconds from the moment the upstream was asked."""
        if plan.streamed:
            self._open, self._taken, self._carried = False, None, False
            self._splitter = plan.stage.upstream.splitter()

    def settled(self) -> None:
        """Take note that it has had its turn: nobody is to be told of its first byte any more."""
        self._commit = _nobody

    async def answer(self) -> None:
        """Send the reply that the stage makes by itself."""
        await self._send_whole(self.stage.whole(b""))

    async def relay(self, answer: Answer) -> None:
        """Relay a reply whose head has come; raise Refused or UpstreamRefused when it is none, or no whole one."""
        plan, stage = self._plan, self.stage
        self._passed = _passed(answer.headers, plan.own)
        try:
            if not 200 <= answer.status < 300:
                await self._refuse(answer)
            kind = self._check_type(answer)
            if not plan.streamed:
                await self._send_whole(self._read(stage.whole, await self._read_all(answer, _LARGEST_REPLY)))
            elif kind == stage.upstream.media_type:
                await self._stream(answer)
            else:
                # A whole reply, where a stream was asked for.
                await self._pass_on(self._read(stage.at_once, await self._read_all(answer, _LARGEST_REPLY)))
                self._attempt.writing()
                await self._outlet.end()
        except BaseException:
            answer.close()
            raise
        answer.release()

    def _read(self, step: Callable[[bytes], bytes], body: bytes) -> bytes:
        if self._screen is not None:
            self._screen.check(body)
        try:
            return step(body)
        except BadJson as bad:
            raise Refused(_upstream_failure(f"answered with something that is not a reply: {bad.reason}")) from None
        except Refused as refused:
            raise self._refused(refused.failure) from None

    async def _send_whole(self, body: bytes) -> None:
        outlet = self._outlet
        self._commit()
        self._attempt.writing()
        await outlet.begin(200, self._head(body))
        if len(body) > _TAKEN_AT_ONCE:
            # The end waits until the client has read what was written, which is when the exchange is over.
            await outlet.write(body)
            body = b""
        await outlet.end(body)

    def _head(self, body: bytes) -> Headers:
        if self._plan.stream:
            head = stream_headers(self.stage.client.media_type)
        else:
            head = [*WHOLE_HEADERS, ("content-length", str(len(body)))]
        return [*head, *self._headers(), *self._passed]

    async def _stream(self, answer: Answer) -> None:
        stage = self.stage
        while chunk := await answer.read(self._pass_at_once):
            await self._pass_on(self._take(chunk))
            if stage.ended or stage.failed:
                break
        block = self._rest()
        held, self._hold = self.held, False
        await self._pass_on(held + block if stage.failure is None else b"")
        self._attempt.writing()
        await self._outlet.end()

    def _pass_at_once(self, chunk: bytes) -> bool:
        """Pass on what has come, here and now; False: the task has to, for it must wait for the client, or do more.

        Nearly all of a stream goes this way, which spares waking the task (`bench/events.py`).
        """
        stage, outlet = self.stage, self._outlet
        if not self._open:
            return False
        block = self._through(chunk)
        if stage.ended or stage.failed or stage.failure is not None or not (not block or outlet.write_nowait(block)):
            self._taken = outlet.owed = block
            return False
        if self._carried and self.first_event is None:
            self._note_content()
        if block:
            self._attempt.passed(self._carried)
        elif self._carried:
            self._attempt.content()
        return True

    def _take(self, chunk: bytes) -> bytes:
        """Return what the client gets for what has come; it may be known already."""
        block, self._taken = self._through(chunk) if self._taken is None else self._taken, None
        if self._carried:
            self._note_content()
        return block

    def _through(self, chunk: bytes) -> bytes:
        if not self.received:
            self._attempt.enter(_STREAMING)
        self.received += len(chunk)
        stage, splitter = self.stage, self._splitter
        before = stage.events
        if block := splitter.block(chunk):
            out = stage.skim(block) if self._screen is None else None
            block = stage.feed(self._let_through(splitter.frames())) if out is None else out
        elif splitter.pending > _LARGEST_FRAME:
            raise Refused(_upstream_failure("sent an event of unreasonable size"))
        self._carried = stage.events != before
        return block

    def _rest(self) -> bytes:
        """Return what the client gets when no more comes."""
        stage = self.stage
        before = stage.events
        frames = [] if stage.ended or stage.failed else self._let_through(self._splitter.finish(), last=True)
        block = stage.finish(frames)
        if stage.events != before:
            self._note_content()
        return block

    def _note_content(self) -> None:
        since = self._attempt.content()
        if self.first_event is None:
            self.first_event = since
        if self.stage.gathers:
            # Nothing of it goes out before its end, but it has an answer: a second attempt beside it is no use.
            self._commit()

    def _let_through(self, frames: list[Frame], *, last: bool = False) -> list[Frame]:
        screen = self._screen
        if screen is None:
            return frames
        try:
            frames = screen.finish(frames) if last else screen.feed(frames)
        except Refused as refused:
            raise self._refused(refused.failure) from None
        if screen.clear:
            self._screen = None
        return frames

    async def _pass_on(self, block: bytes) -> None:
        outlet, stage = self._outlet, self.stage
        if self._hold and block:
            block = self._released(block)
        if block:
            self._attempt.writing()
            if not outlet.claimed:
                self._commit()
                outlet.owed = block
                await outlet.begin(200, self._head(block))
            await outlet.write(block)
            self._attempt.written()
            self._open = True
        if stage.failure is not None:
            raise self._refused(stage.failure)

    def _released(self, block: bytes) -> bytes:
        """Return all that was held back when it is time, and nothing until then."""
        self.held += block
        stage = self.stage
        if not (stage.events or stage.ended or stage.failed or len(self.held) > _MOST_HELD):
            return b""
        block, self.held, self._hold = self.held, b"", False
        return block

    def _refused(self, failure: Failure, body: bytes | None = None) -> UpstreamRefused:
        """Return the upstream's error as it is to be told: in its own words only where nothing is to be bettered."""
        told = self._plan.upstream.mend(failure)
        return UpstreamRefused(told, body if told is failure else None, self._passed)

    async def _read_all(self, answer: Answer, most: int, begins: bool = True) -> bytes:
        """Return all of an answer; `begins`: with its first bytes the reply has begun."""
        attempt = self._attempt
        pieces: list[bytes] = []
        while chunk := await answer.read():
            since = attempt.content()
            if not pieces:
                attempt.enter(_STREAMING)
                self.first_event = since if begins else None
            self.received += len(chunk)
            if self.received > most:
                raise Refused(_upstream_failure("sent a reply of unreasonable size"))
            pieces.append(chunk)
        return b"".join(pieces)

    async def _refuse(self, answer: Answer) -> NoReturn:
        """Raise what an answer with another status than a reply's comes to."""
        # An error is no beginning of a reply.
        body = await self._read_all(answer, _LARGEST_ERROR, begins=False)
        if not 400 <= answer.status < 600:
            raise Refused(_upstream_failure(f"answered {answer.status} {answer.reason}, which is no reply"))
        failure = self._plan.spoken.decode_error(answer.status, answer.reason, body)
        # A body that the dialect could not read is not passed on: it may be a gateway's page.
        legible = self._plan.own and failure.code != f"upstream_{answer.status}"
        raise self._refused(failure, body if legible else None)

    def _check_type(self, answer: Answer) -> str:
        """Return a reply's kind, and refuse the wrong one: who asked for JSON must never get a stream, nor a page."""
        kind = _kind_of(answer.headers.get("content-type", ""))
        streamed = self._plan.streamed
        if streamed and kind not in (self.stage.upstream.media_type, "application/json"):
            raise Refused(_upstream_failure(f"was asked for a stream and answered with {kind or 'no content type'}"))
        if not streamed and kind in ("text/event-stream", "text/html"):
            raise Refused(_upstream_failure(f"was asked for a whole reply and answered with {kind}"))
        return kind


@lru_cache(64)
def _kind_of(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _passed(headers: Mapping[str, str], own: bool) -> Headers:
    names = _PASSED_OWN if own else _PASSED_ALWAYS
    passed = [(name, value) for name, value in headers.items() if name.startswith(names) and _can_stand(value)]
    # Vendors name the id of a request in three ways; ours is in x-request-id.
    given = headers.get("x-request-id") or headers.get("request-id")
    if given is not None and _can_stand(given):
        passed.append(("x-upstream-request-id", given))
    return passed


def _can_stand(value: str) -> bool:
    """Say whether a header may go on: other bytes have no one meaning there, and none could be sent as it came."""
    return value.isascii() and value.isprintable()


def _upstream_failure(what: str) -> Failure:
    return Failure(
        kind=FailureKind.UPSTREAM,
        status=502,
        code="upstream_bad_reply",
        message=f"The upstream {what}. Try again; if it goes on, tell whoever runs the upstream.",
        at_fault="upstream",
    )

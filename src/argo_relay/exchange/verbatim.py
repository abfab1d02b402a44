"""The verbatim lane: client and upstream speak the same dialect, so the upstream's bytes are the client's reply.

A whole reply is passed on when it is complete, so that until then every failure can still have its own status. A stream
is passed on as it arrives, one write a read, in whole frames: whatever ends it early ends it between two of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from argo_relay.dialects.base import Dialect, Digest, Headers, StreamWatch
from argo_relay.errors import BadJson, ConnectionBroken, Refused
from argo_relay.exchange.outlet import Outlet
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.framing.sse import Frame, Splitter
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.reply import Usage
from argo_relay.policy.deadline import Phase
from argo_relay.transport.base import Answer

_LARGEST_REPLY: Final = 256 * 1024 * 1024
_LARGEST_ERROR: Final = 1024 * 1024
_LARGEST_FRAME: Final = 64 * 1024 * 1024
STREAM_HEADERS: Final[Headers] = [
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
    # nginx and its like would hold a stream back otherwise.
    ("x-accel-buffering", "no"),
]
WHOLE_HEADERS: Final[Headers] = [("content-type", "application/json")]
# What an upstream says about its reply that concerns the client.
_PASSED: Final = ("retry-after", "retry-after-ms", "openai-", "x-ratelimit-")


class UpstreamRefused(Refused):
    """The upstream answered with an error: its own body, to be passed on where the client's reply has not begun."""

    def __init__(self, failure: Failure, body: bytes | None, headers: Headers) -> None:
        super().__init__(failure)
        self.body = body
        self.headers = headers


class VerbatimLane:
    """Relays one reply."""

    def __init__(
        self,
        dialect: Dialect,
        watchdog: Watchdog,
        outlet: Outlet,
        headers: Headers,
        hide: Callable[[bytes], bytes],
    ) -> None:
        """`headers` go out with every reply; `hide` takes the upstream's address out of an error's bytes."""
        self._dialect = dialect
        self._watchdog = watchdog
        self._outlet = outlet
        self._headers = headers
        self._hide = hide
        self.usage: Usage | None = None
        self.failed = False
        """The stream carried an error of the upstream's own, which was passed on."""
        self.events = 0
        """Events that carried content."""
        self.received = 0
        """Bytes of the upstream's reply."""
        self.first_event: float | None = None
        """Seconds from the moment the request's body had been read."""

    async def relay(self, answer: Answer, stream: bool) -> None:
        """Relay a reply whose head has come; raise Refused or UpstreamError when it is none, or no whole one."""
        try:
            await self._check_status(answer)
            _check_type(answer, stream)
            if stream:
                await self._stream(answer)
            else:
                await self._whole(answer)
        except BaseException:
            answer.close()
            raise
        answer.release()

    async def _whole(self, answer: Answer) -> None:
        body = await self._read_all(answer, _LARGEST_REPLY)
        try:
            digest: Digest = self._dialect.read_reply(body)
        except BadJson as bad:
            raise Refused(_upstream_failure(f"answered with something that is not a reply: {bad.reason}")) from None
        self.usage = digest.usage
        self.events = 1
        length = ("content-length", str(len(body)))
        self._watchdog.writing()
        await self._outlet.begin(answer.status, [*WHOLE_HEADERS, length, *self._headers, *_passed(answer)])
        await self._outlet.write(body)
        # The end waits until the client has read what was written, which is when the exchange is over.
        await self._outlet.end()

    async def _stream(self, answer: Answer) -> None:
        splitter, watch = Splitter(), self._dialect.watch_stream()
        while chunk := await answer.read():
            self.received += len(chunk)
            frames = splitter.feed(chunk)
            if frames:
                await self._pass_on(answer, self._watched(frames, watch))
                if watch.ended or watch.failed:
                    break
            elif splitter.pending > _LARGEST_FRAME:
                raise Refused(_upstream_failure("sent an event of unreasonable size"))
        block = b"" if watch.ended or watch.failed else self._watched(splitter.finish(), watch)
        rest = watch.finish()
        self.usage, self.failed = watch.usage, watch.failed
        if rest is None:
            raise ConnectionBroken("it ended the stream before the answer was complete")
        if block or rest:
            await self._pass_on(answer, block + rest)
        self._watchdog.writing()
        await self._outlet.end()

    async def _pass_on(self, answer: Answer, block: bytes) -> None:
        outlet = self._outlet
        self._watchdog.writing()
        if outlet.status is None:
            await outlet.begin(200, [*STREAM_HEADERS, *self._headers, *_passed(answer)])
        await outlet.write(block)
        self._watchdog.written()

    def _watched(self, frames: list[Frame], watch: StreamWatch) -> bytes:
        block: list[bytes] = []
        for frame in frames:
            carries, before = watch.feed(frame)
            if carries:
                self._note_content()
            block += (before, self._hide(frame.raw) if watch.failed else frame.raw)
            if watch.ended or watch.failed:
                # What an upstream says after its end, or after its own error, is no part of the reply.
                break
        return b"".join(block)

    def _note_content(self) -> None:
        if self.first_event is None:
            self.first_event = self._watchdog.elapsed()
        self.events += 1
        self._watchdog.content()

    async def _read_all(self, answer: Answer, most: int) -> bytes:
        pieces = []
        while chunk := await answer.read():
            if self.first_event is None:
                self.first_event = self._watchdog.elapsed()
                self._watchdog.enter(Phase.STREAMING)
            self._watchdog.content()
            self.received += len(chunk)
            if self.received > most:
                raise Refused(_upstream_failure("sent a reply of unreasonable size"))
            pieces.append(chunk)
        return b"".join(pieces)

    async def _check_status(self, answer: Answer) -> None:
        if 200 <= answer.status < 300:
            return
        body = await self._read_all(answer, _LARGEST_ERROR)
        if not 400 <= answer.status < 600:
            raise Refused(_upstream_failure(f"answered {answer.status} {answer.reason}, which is no reply"))
        failure = self._dialect.decode_error(answer.status, answer.reason, body)
        # A body that the dialect could not read is not passed on: it may be a gateway's page.
        own = None if failure.code == f"upstream_{answer.status}" else body
        raise UpstreamRefused(failure, own, _passed(answer))


def _check_type(answer: Answer, stream: bool) -> None:
    """Refuse a reply of the wrong kind: a client that asked for JSON must never get a stream, nor a page."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if stream and kind != "text/event-stream":
        raise Refused(_upstream_failure(f"was asked for a stream and answered with {kind or 'no content type'}"))
    if not stream and kind in ("text/event-stream", "text/html"):
        raise Refused(_upstream_failure(f"was asked for a whole reply and answered with {kind}"))


def _passed(answer: Answer) -> Headers:
    passed = [(name, value) for name, value in answer.headers.items() if name.startswith(_PASSED)]
    if "x-request-id" in answer.headers:
        passed.append(("x-upstream-request-id", answer.headers["x-request-id"]))
    # Other bytes than these have no one meaning in a header, and none could be sent on as it came.
    return [(name, value) for name, value in passed if value.isascii() and value.isprintable()]


def _upstream_failure(what: str) -> Failure:
    return Failure(
        kind=FailureKind.UPSTREAM,
        status=502,
        code="upstream_bad_reply",
        message=f"The upstream {what}. Try again; if it goes on, tell whoever runs the upstream.",
        at_fault="upstream",
    )

"""What every generating route does with a request, in which order; how it reads and speaks is its dialect's matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from argo_relay.simulator import script
from argo_relay.simulator.access import BEARER, Carriers, notice, user_of
from argo_relay.simulator.directives import BadDirectiveError, Directives, parse
from argo_relay.simulator.models import Model, find
from argo_relay.simulator.request import Heard, Refusal, RefusedError, Request
from argo_relay.simulator.script import Step, Voice
from argo_relay.simulator.ways import Ways
from argo_relay.simulator.wire import STREAM_HEADERS, Headers

BROKEN_AFTER = 7.5
"""Seconds until a broken model says so; measured 7.4 to 8.8."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came: its headers by their names in small letters, and when (seconds since 1970)."""

    heard: Heard
    headers: dict[str, str]
    at: int


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom Argo turns away, and its words."""

    text: str
    user: str | None
    created: int


Speak = Callable[[Request, Model, Directives, int], Voice]


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """One route's ways."""

    path: str
    read: Callable[[Heard], Request]
    """Raises RefusedError for a body of the wrong shape."""
    deny: Callable[[Request, Denied], Voice]
    judge: Callable[[Request, Model], Refusal | None]
    """What is refused of a request to a model that exists."""
    speak: Speak
    invalid_model: Callable[[str], Refusal]
    bad_directive: Callable[[str], Refusal]
    ordered: Callable[[int, float | None], Refusal]
    crashed: Callable[[], Refusal]
    """What becomes of a reply that Argo itself cannot read."""
    nameless: Callable[[], Refusal] | None = None
    """What a body without `user` gets in the eras that want one; None where no era does."""
    carriers: Carriers = BEARER
    streams: bool = True
    asks: bool = True
    """Whether a client asks for a stream; False: it gets nothing else."""
    stream_headers: Headers = STREAM_HEADERS
    exists: Callable[[Ways], bool] = lambda _ways: True

    def carriers_in(self, ways: Ways) -> Carriers:
        """Return what names the user; in the eras that want `user` nothing else does, which is inferred."""
        return Carriers(bearer=False) if self.nameless and ways.era.user_field else self.carriers


def _told(dialect: Dialect, request: Request, voice: Voice, orders: Directives) -> Iterator[Step]:
    if dialect.stream_headers is not STREAM_HEADERS:
        orders = msgspec.structs.replace(orders, comments=None)
    stream = dialect.streams and (request.stream or not dialect.asks)
    steps = script.streamed(voice, orders, dialect.stream_headers) if stream else script.whole(voice, orders)
    return script.in_pieces(steps, orders.pieces) if orders.pieces else steps


def _decide(dialect: Dialect, asked: Asked, ways: Ways) -> Iterator[Step]:
    request = msgspec.structs.replace(dialect.read(asked.heard), ways=ways)
    user = user_of(asked.headers, request.body, dialect.carriers_in(ways))
    if user is None and dialect.nameless and ways.era.user_field:
        raise RefusedError(dialect.nameless())
    text = notice(user)
    if text is not None:
        voice = dialect.deny(request, Denied(text=text, user=user, created=asked.at))
        return _told(dialect, request, voice, parse("[first_token=0]"))
    model = find(request.model)
    if model is None or (model.retired and not ways.retired):
        raise RefusedError(dialect.invalid_model(request.model))
    refusal = dialect.judge(request, model)
    if refusal is not None:
        raise RefusedError(refusal)
    orders = parse(request.turn.prompt)
    if orders.status is not None:
        return script.refused(dialect.ordered(orders.status, orders.retry_after), orders.headers)
    if orders.crash:
        return script.refused(dialect.crashed(), orders.headers)
    if dialect.streams and model.internal_id in ways.era.broken:
        late = max(orders.first_token, BROKEN_AFTER)
        orders = msgspec.structs.replace(orders, hidden_error=True, first_token=late, headers=late, gap=0.0)
    return _told(dialect, request, dialect.speak(request, model, orders, asked.at), orders)


def plan(dialect: Dialect, asked: Asked, ways: Ways) -> Iterator[Step]:
    """Return what is done about a request, judged in this order: shape, user, model, what the model refuses, orders."""
    try:
        return _decide(dialect, asked, ways)
    except RefusedError as error:
        return script.refused(error.refusal)
    except BadDirectiveError as error:
        return script.refused(dialect.bad_directive(str(error)))

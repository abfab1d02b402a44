"""What every generating route does with a request, in which order; how it reads and speaks is its dialect's matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from argo_relay.simulator import script
from argo_relay.simulator.access import notice, user_of
from argo_relay.simulator.directives import BadDirectiveError, Directives, parse
from argo_relay.simulator.models import Model, find
from argo_relay.simulator.request import Heard, Refusal, RefusedError, Request
from argo_relay.simulator.script import Step, Voice


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
    keyed: bool = False
    """Whether `x-api-key` names the user."""
    streams: bool = True


def _told(dialect: Dialect, request: Request, voice: Voice, orders: Directives) -> Iterator[Step]:
    stream = dialect.streams and request.stream
    steps = script.streamed(voice, orders) if stream else script.whole(voice, orders)
    return script.in_pieces(steps, orders.pieces) if orders.pieces else steps


def _decide(dialect: Dialect, heard: Heard, headers: Mapping[str, str], created: int) -> Iterator[Step]:
    request = dialect.read(heard)
    user = user_of(headers, request.body, keyed=dialect.keyed)
    text = notice(user)
    if text is not None:
        voice = dialect.deny(request, Denied(text=text, user=user, created=created))
        return _told(dialect, request, voice, parse("[first_token=0]"))
    model = find(request.model)
    if model is None:
        raise RefusedError(dialect.invalid_model(request.model))
    refusal = dialect.judge(request, model)
    if refusal is not None:
        raise RefusedError(refusal)
    orders = parse(request.turn.prompt)
    if orders.status is not None:
        return script.refused(dialect.ordered(orders.status, orders.retry_after), orders.headers)
    return _told(dialect, request, dialect.speak(request, model, orders, created), orders)


def plan(dialect: Dialect, heard: Heard, headers: Mapping[str, str], created: int) -> Iterator[Step]:
    """Return what is done about a request, judged in this order: shape, user, model, what the model refuses, orders."""
    try:
        return _decide(dialect, heard, headers, created)
    except RefusedError as error:
        return script.refused(error.refusal)
    except BadDirectiveError as error:
        return script.refused(dialect.bad_directive(str(error)))

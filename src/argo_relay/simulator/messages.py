"""`POST /v1/messages` and `POST /v1/messages/count_tokens`: Claude, in its own dialect."""

from __future__ import annotations

from argo_relay.simulator import messages_errors as errors
from argo_relay.simulator.access import Carriers
from argo_relay.simulator.answer import compose, denial
from argo_relay.simulator.dialect import Denied, Dialect
from argo_relay.simulator.directives import Directives
from argo_relay.simulator.ids import blocked_id, call_id, chat_id
from argo_relay.simulator.messages_refusals import judge, judge_count
from argo_relay.simulator.messages_request import read
from argo_relay.simulator.messages_voice import MessagesVoice
from argo_relay.simulator.models import Model
from argo_relay.simulator.plain import PlainVoice
from argo_relay.simulator.request import Request
from argo_relay.simulator.script import Voice


def _deny(request: Request, denied: Denied) -> Voice:
    name = blocked_id(denied.user, denied.created)
    return MessagesVoice(id=name, model=request.model, answer=denial(denied.text))


def _speak(request: Request, model: Model, orders: Directives, created: int) -> Voice:
    answer = compose(request.turn, model.internal_id, orders, lambda: call_id(model))
    return MessagesVoice(id=chat_id(model), model=model.served_as, answer=answer, created=created)


def _count(request: Request, _model: Model, _orders: Directives, _created: int) -> Voice:
    return PlainVoice(body={"input_tokens": request.turn.tokens}, fails=errors.failed)


DIALECT = Dialect(
    path="/v1/messages",
    read=read,
    deny=_deny,
    judge=judge,
    speak=_speak,
    invalid_model=errors.invalid_model,
    bad_directive=errors.bad_directive,
    ordered=errors.ordered,
    crashed=errors.crashed,
    carriers=Carriers(key=True),
)
COUNTING = Dialect(
    path="/v1/messages/count_tokens",
    read=read,
    deny=_deny,
    judge=judge_count,
    speak=_count,
    invalid_model=errors.invalid_model,
    bad_directive=errors.bad_directive,
    ordered=errors.ordered,
    crashed=errors.crashed,
    carriers=Carriers(key=True),
    streams=False,
)

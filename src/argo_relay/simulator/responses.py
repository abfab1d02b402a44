"""`POST /v1/responses`: OpenAI's models, in OpenAI's newer dialect. Nothing is stored."""

from __future__ import annotations

from argo_relay.simulator.answer import Part, compose, denial, wordless
from argo_relay.simulator.dialect import Denied, Dialect
from argo_relay.simulator.directives import Directives
from argo_relay.simulator.errors import bad_directive, crashed, invalid_model, ordered
from argo_relay.simulator.ids import blocked_id, call_id
from argo_relay.simulator.models import Model
from argo_relay.simulator.request import Request
from argo_relay.simulator.responses_bodies import Head
from argo_relay.simulator.responses_refusals import judge
from argo_relay.simulator.responses_request import read
from argo_relay.simulator.responses_voice import ResponsesVoice
from argo_relay.simulator.script import Voice


def _deny(request: Request, denied: Denied) -> Voice:
    """Return Argo's notice as a response; inferred from the other routes."""
    name = blocked_id(denied.user, denied.created)
    head = Head(id=name, created=denied.created, model=request.model, request=request)
    return ResponsesVoice(head, denial(denied.text))


def _speak(request: Request, model: Model, orders: Directives, created: int) -> Voice:
    limit = request.turn.limit
    if limit is not None and limit <= model.thinks_first:
        answer = wordless(Part(kind="thinking", pieces=()), request.turn.tokens, limit)
    else:
        answer = compose(request.turn, model.internal_id, orders, lambda: call_id(model))
    return ResponsesVoice(Head.of(model, request, created), answer)


DIALECT = Dialect(
    path="/v1/responses",
    read=read,
    deny=_deny,
    judge=judge,
    speak=_speak,
    invalid_model=invalid_model,
    bad_directive=bad_directive,
    ordered=ordered,
    crashed=crashed,
    exists=lambda ways: ways.has_responses,
)

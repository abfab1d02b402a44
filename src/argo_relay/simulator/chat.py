"""`POST /v1/chat/completions`: every model that chats."""

from __future__ import annotations

from argo_relay.simulator.answer import Part, compose, denial, leaked, wordless
from argo_relay.simulator.chat_bodies import blocked_stamp, stamp
from argo_relay.simulator.chat_refusals import judge
from argo_relay.simulator.chat_request import read
from argo_relay.simulator.chat_voice import ChatVoice
from argo_relay.simulator.dialect import Denied, Dialect
from argo_relay.simulator.directives import Directives
from argo_relay.simulator.errors import bad_directive, crashed, invalid_model, nameless, ordered
from argo_relay.simulator.ids import call_id
from argo_relay.simulator.models import Model
from argo_relay.simulator.request import Request
from argo_relay.simulator.script import Voice


def _include_usage(request: Request) -> bool:
    options = request.body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def deny(request: Request, denied: Denied) -> Voice:
    """Return Argo's notice as a chat reply."""
    return ChatVoice(
        stamp=blocked_stamp(denied.user, request.model, denied.created),
        answer=denial(denied.text),
        include_usage=_include_usage(request),
    )


def _speak(request: Request, model: Model, orders: Directives, created: int) -> Voice:
    turn = request.turn
    if model.owner == "openai":
        # "ping" was 7 tokens for OpenAI's models and 1 for Gemini, as recorded.
        turn = turn.priced(turn.tokens + 3 + 3 * len(request.messages))
    if turn.limit is not None and turn.limit <= model.thinks_first:
        answer = wordless(Part(kind="text", pieces=("",)), turn.tokens, turn.limit)
    else:
        answer = compose(turn, model.internal_id, orders.thoughtless(), lambda: call_id(model))
    if model.owner == "anthropic" and request.ways.era.leaking_calls:
        answer = leaked(answer)
    return ChatVoice(stamp=stamp(model, created), answer=answer, include_usage=_include_usage(request))


DIALECT = Dialect(
    path="/v1/chat/completions",
    read=read,
    deny=deny,
    judge=judge,
    speak=_speak,
    invalid_model=invalid_model,
    bad_directive=bad_directive,
    ordered=ordered,
    crashed=crashed,
    nameless=nameless,
)

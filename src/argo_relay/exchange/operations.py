"""Plans for what is no reply of a model: token counts and embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from argo_relay.dialects.base import Call, Dialect, Incoming, Outline
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import ReadInFull, Refused
from argo_relay.exchange.convert import ConvertStage
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.plan import (
    Asked,
    Plan,
    adapted,
    changed,
    check_strict,
    foreign,
    plan_reply,
    spliced,
    target_of,
)
from argo_relay.exchange.verbatim import VerbatimStage
from argo_relay.framing import jsonx
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.loss import Losses
from argo_relay.operations.count import count_body, counted, decode_count, encode_count, outline_count
from argo_relay.operations.embed_google import GOOGLE_EMBEDDER
from argo_relay.operations.embed_openai import OPENAI_EMBEDDER
from argo_relay.operations.embedding import Embedder, EmbedRequest
from argo_relay.operations.estimate import estimate
from argo_relay.upstreams.base import Ask, Operation, Upstream

_EMBEDDERS: Final[dict[str, Embedder]] = {"openai_chat": OPENAI_EMBEDDER, "google": GOOGLE_EMBEDDER}


def outline_of(entry: Entry, body: bytes) -> Outline:
    """Read a request as its path wants it; raise Refused (400, the field named) when it cannot be one."""
    incoming: Incoming = entry.incoming(body)
    if entry.operation is Operation.COUNT:
        return outline_count(entry.dialect, incoming)
    if entry.operation is Operation.EMBED:
        return _EMBEDDERS[entry.dialect.name].outline(incoming)
    return entry.dialect.outline(incoming)


def plan(upstream: Upstream, asked: Asked) -> Plan:
    """Return the plan for a request, whatever it asks for."""
    while True:
        try:
            return _PLANS[asked.entry.operation](upstream, asked)
        except ReadInFull:
            # Each time fewer of a large body's long texts are set apart.
            continue
        except Refused:
            # What is wrong with a request is said of all of it.
            if not asked.outline.body.read_in_full():
                raise


def _plan_count(upstream: Upstream, asked: Asked) -> Plan:
    """Have the upstream count where it can; otherwise count here, and say that it is an estimate."""
    client = asked.entry.dialect
    spoken = DIALECTS[upstream.dialect_for(client.name, asked.profile)]
    ask = Ask(dialect=spoken.name, operation=Operation.COUNT, model=asked.profile.internal_id, user=asked.user)
    if upstream.offers(Operation.COUNT, spoken.name) and spoken.name == client.name:
        return _own(upstream, ask, asked, spoken)
    request = client.decode_request(counted(asked.outline))
    if not upstream.offers(Operation.COUNT, spoken.name):
        guess = estimate(request, asked.profile.owner)
        stage = ConvertStage(lambda _: encode_count(client.name, guess.tokens))
        return Plan(
            call=None, stage=stage, upstream=upstream, spoken=spoken, headers=[("x-tokens-estimated", guess.table)]
        )
    members, losses = spoken.encode_request(request, target_of(upstream, asked))
    members = count_body(spoken.name, members, ask.model)
    changes, more = adapted(upstream, asked, ask, members)
    return _converted(
        upstream,
        asked,
        spoken,
        upstream.call(ask, jsonx.encode(changed(members, changes)), foreign(asked.headers), asked.request_id),
        lambda body: encode_count(client.name, decode_count(spoken.name, body)),
        [*losses, *more],
    )


def _plan_embedding(upstream: Upstream, asked: Asked) -> Plan:
    client = asked.entry.dialect.name
    spoken = next((name for name in _EMBEDDERS if upstream.offers(Operation.EMBED, name)), None)
    if spoken is None:
        raise Refused(_NO_EMBEDDINGS)
    ask = Ask(dialect=spoken, operation=Operation.EMBED, model=asked.profile.internal_id, user=asked.user)
    if spoken == client and not asked.entry.single:
        return _own(upstream, ask, asked, DIALECTS[spoken])
    reader, writer = _EMBEDDERS[client], _EMBEDDERS[spoken]
    request: EmbedRequest = reader.decode_request(asked.outline)
    members, losses = writer.encode_request(request)
    changes, more = adapted(upstream, asked, ask, members)
    return _converted(
        upstream,
        asked,
        DIALECTS[spoken],
        upstream.call(ask, jsonx.encode(changed(members, changes)), foreign(asked.headers), asked.request_id),
        lambda body: reader.encode_reply(writer.decode_reply(body), request),
        [*losses, *more],
    )


def _own(upstream: Upstream, ask: Ask, asked: Asked, spoken: Dialect) -> Plan:
    """Return the plan for the client's own body with the upstream's changes."""
    changes, losses = adapted(upstream, asked, ask, asked.outline.body.values)
    check_strict(asked, losses)
    body, sent = spliced(asked.outline.body, changes)
    return Plan(
        call=upstream.call(ask, body, asked.headers, asked.request_id),
        stage=VerbatimStage(spoken, upstream, streams=False),
        upstream=upstream,
        spoken=spoken,
        own=True,
        sent=sent,
        losses=losses,
    )


def _converted(
    upstream: Upstream, asked: Asked, spoken: Dialect, call: Call, convert: Callable[[bytes], bytes], losses: Losses
) -> Plan:
    check_strict(asked, losses)
    return Plan(call=call, stage=ConvertStage(convert), upstream=upstream, spoken=spoken, losses=losses)


_NO_EMBEDDINGS: Final = Failure(
    kind=FailureKind.NOT_FOUND,
    status=404,
    code="no_embeddings",
    message="The upstream has no embeddings. Ask one that has: `upstream.kind` argo, openai or google.",
    at_fault="client",
)
_PLANS: Final[dict[Operation, Callable[[Upstream, Asked], Plan]]] = {
    Operation.GENERATE: plan_reply,
    Operation.COMPLETE: plan_reply,
    Operation.COUNT: _plan_count,
    Operation.EMBED: _plan_embedding,
}

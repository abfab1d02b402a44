"""What is to be done for a request: which lane, what is sent upstream, and how the reply gets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from argo_relay.dialects.base import Call, Dialect, Headers, Outline, Target
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import Refused
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.gather import GatherStage
from argo_relay.exchange.stage import Stage
from argo_relay.exchange.translate import TranslateStage
from argo_relay.exchange.verbatim import VerbatimStage
from argo_relay.framing import jsonx
from argo_relay.framing.jsonx import JsonObject
from argo_relay.models.profile import Profile
from argo_relay.models.rules import Rule
from argo_relay.neutral.failure import Failure, bad_request
from argo_relay.neutral.loss import Losses, shown
from argo_relay.neutral.request import Request
from argo_relay.neutral.seals import may_carry
from argo_relay.policy.rules import apply_rules
from argo_relay.upstreams.base import Ask, Operation, Upstream

_KEPT_STATE: Final = {
    "continues": ("previous_response_id", "Send the earlier turns in `input` instead."),
    "conversation": ("conversation", "Send the earlier turns in `input` instead."),
    "background": ("background", "Leave it out; a long reply is best streamed, with a `timeout` that allows for it."),
    "prompt": ("prompt", "Send the prompt's own text in `instructions` and `input` instead."),
}
"""What the Responses API keeps on its server, which no other upstream can look up."""

# See `policy.deadline`.
_GENERATE, _COMPLETE, _COUNT = Operation.GENERATE, Operation.COMPLETE, Operation.COUNT
_STREAMED: Final[dict[str, dict[str, object]]] = {
    "openai_chat": {"stream": True, "stream_options": {"include_usage": True}},
    "google": {},
}
"""By dialect: the members that ask for a stream, tokens and all, where they are not just `stream`."""


class Plan(msgspec.Struct, kw_only=True):
    """One way to answer a request.

    `call` None: the answer is made here, by the stage alone; or the attempt has failed. `own`: the upstream speaks the
    client's dialect, so that its errors are legible, too. `stream`: the client wants events; `streamed`: the upstream
    is asked for them. `headers` go out with the reply.
    """

    call: Call | None
    stage: Stage
    upstream: Upstream
    spoken: Dialect
    """The upstream's for this request."""
    own: bool = False
    stream: bool = False
    streamed: bool = False
    screened: bool = False
    """The upstream may say no in the form of an answer here."""
    sent: Callable[[], Mapping[str, Any]] = dict
    """Gives the members of the body that is sent; of a large one they are read once more for it."""
    losses: Losses = []
    headers: Headers = []


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request that has been read, and the model that it means."""

    entry: Entry
    outline: Outline
    profile: Profile
    headers: Mapping[str, str]
    """The client's."""
    request_id: str
    received: int
    """When the request came, in Unix seconds."""
    rules: tuple[Rule, ...] = ()
    """What is known of the model's parameters."""
    user: str | None = None
    """In whose name the upstream is asked; None: in its own."""
    missing: frozenset[str] = frozenset()
    """Dialects whose routes the upstream turned out not to have."""
    partial: bool = False
    """At its time limit the reply is handed over as far as it has come."""

    @property
    def strict(self) -> bool:
        """The client would rather have an error than a request that lost something on its way."""
        return self.headers.get("x-strict", "").strip().lower() in ("true", "1", "yes")


def plan_reply(upstream: Upstream, asked: Asked) -> Plan:
    """Return the plan for one reply of a model; raise Refused for what cannot cross to the upstream's dialect.

    Raise ReadInFull where more of a large body must be known for it, as it is from then on.
    """
    client = asked.entry.dialect
    operation = asked.entry.operation
    spoken = DIALECTS[route(upstream, asked)]
    if operation is _COMPLETE and not upstream.offers(operation, spoken.name):
        operation = _GENERATE
    if operation is _COMPLETE or client.name == spoken.name:
        return _verbatim(upstream, asked, spoken, operation)
    return _translated(upstream, asked, spoken)


def route(upstream: Upstream, asked: Asked) -> str:
    """Return the dialect in which the model is asked; chat's where the route for the client's own is missing."""
    best = upstream.dialect_for(asked.entry.dialect.name, asked.profile)
    return upstream.dialect_for("openai_chat", asked.profile) if best in asked.missing else best


def _verbatim(upstream: Upstream, asked: Asked, spoken: Dialect, operation: Operation) -> Plan:
    client, outline = asked.entry.dialect, asked.outline
    ask = Ask(
        dialect=spoken.name,
        operation=operation,
        model=asked.profile.internal_id,
        owner=asked.profile.owner,
        stream=outline.stream,
        array=outline.array,
        user=asked.user,
    )
    generating = operation is _GENERATE
    if generating and (crossed := unsealed(upstream, asked, spoken)) is not None:
        members, lost = crossed
        ask, changes, more = _changed(upstream, asked, ask, members)
        losses = [*lost, *more]
        body, sent = _encoded(upstream, asked, spoken, members, changes)
    else:
        ask, changes, losses = _changed(upstream, asked, ask, outline.body.values)
        body, sent = spliced(outline.body, changes)
    check_strict(asked, losses)

    def translating() -> TranslateStage:
        return _translating(upstream, asked, spoken, _request_of(asked))

    # Legacy completions are the upstream's chat dialect by name only: their streams have a form of their own.
    stage: Stage = (
        GatherStage(spoken, client, _opening(_request_of(asked), asked))
        if ask.stream != outline.stream
        else VerbatimStage(
            client, upstream, ask.array, asked.partial and generating, ask.stream, translating if generating else None
        )
    )
    return Plan(
        call=upstream.call(ask, body, asked.headers, asked.request_id),
        stage=stage,
        upstream=upstream,
        spoken=spoken,
        own=True,
        stream=outline.stream,
        streamed=ask.stream,
        screened=generating,
        sent=sent,
        losses=losses,
    )


def _translated(upstream: Upstream, asked: Asked, spoken: Dialect) -> Plan:
    request = _request_of(asked)
    _check_state(request)
    members, losses = spoken.encode_request(request, target_of(upstream, asked))
    ask = Ask(
        dialect=spoken.name,
        operation=_GENERATE,
        model=asked.profile.internal_id,
        owner=asked.profile.owner,
        stream=request.stream,
        user=asked.user,
    )
    ask, changes, more = _changed(upstream, asked, ask, members)
    losses = [*losses, *more]
    check_strict(asked, losses)
    body, sent = _encoded(upstream, asked, spoken, members, changes)
    stage: Stage = (
        GatherStage(spoken, asked.entry.dialect, _opening(request, asked))
        if ask.stream != request.stream
        else _translating(upstream, asked, spoken, request)
    )
    return Plan(
        call=upstream.call(ask, body, foreign(asked.headers), asked.request_id),
        stage=stage,
        upstream=upstream,
        spoken=spoken,
        stream=request.stream,
        streamed=ask.stream,
        screened=True,
        sent=sent,
        losses=losses,
    )


def unsealed(upstream: Upstream, asked: Asked, spoken: Dialect) -> tuple[dict[str, Any], Losses] | None:
    """Return the members of a request that carries other issuers' seals, without these; None for any other request.

    So it is where a conversation goes on with another model. The codecs know whom a seal is for; bytes do not tell.
    """
    if not may_carry(asked.outline.body.text, encoded=asked.entry.dialect.name == "google"):
        return None
    return _crossed(upstream, asked, spoken)


def _crossed(upstream: Upstream, asked: Asked, spoken: Dialect) -> tuple[dict[str, Any], Losses]:
    return spoken.encode_request(_request_of(asked), target_of(upstream, asked))


def _request_of(asked: Asked) -> Request:
    request = asked.entry.dialect.decode_request(asked.outline)
    asked.outline.body.forget()
    return request


def _opening(request: Request, asked: Asked) -> Request:
    """Return what replies are written by: of a large request's turns the first, which some repeat, and the last.

    All turns would be held for as long as the reply takes. The last one tells the request from others that begin so.
    """
    turns = request.messages
    if asked.outline.body.is_large:
        turns = (*turns[:1], *turns[1:][-1:])
    return msgspec.structs.replace(request, messages=turns, received=asked.received)


def _translating(upstream: Upstream, asked: Asked, spoken: Dialect, request: Request) -> TranslateStage:
    strays = [DIALECTS[name] for name in upstream.strays(spoken.name)]
    array, partial = asked.outline.array, asked.partial
    return TranslateStage(
        spoken, asked.entry.dialect, _opening(request, asked), array=array, strays=strays, partial=partial
    )


class Adapted(NamedTuple):
    """What differs from a body's members, and what that loses."""

    changes: dict[str, object]
    losses: Losses


def adapted(upstream: Upstream, asked: Asked, ask: Ask, members: Mapping[str, Any]) -> Adapted:
    """Return a body's members as the model and the upstream want them, whoever wrote them."""
    # A count is of what is said, and of nothing that it may say in return.
    counting = ask.operation is _COUNT
    rules = [rule for rule in asked.rules if rule.do != "default"] if counting else asked.rules
    changes, losses = apply_rules(rules, ask.dialect, members) if rules else ({}, [])
    more, lost = upstream.changes(ask, changed(members, changes))
    return Adapted(changes | more, [*losses, *lost])


def changed(members: Mapping[str, Any], changes: Mapping[str, object]) -> Mapping[str, Any]:
    """Return a body's members with these changes; the same object where there are none."""
    if not changes:
        return members
    sent = {**members, **changes}
    for name, value in changes.items():
        if value is jsonx.REMOVED:
            del sent[name]
    return sent


def spliced(body: JsonObject, changes: Mapping[str, object]) -> tuple[bytes, Callable[[], Mapping[str, Any]]]:
    """Return a request's bytes with some members changed, and what gives its members as they then are.

    While it is sent, and its reply waited for, a large one is held twice: as it came, and as it goes out.
    """
    body.forget()
    return body.splice(changes), lambda: changed(body.values, changes)


def _encoded(
    upstream: Upstream, asked: Asked, spoken: Dialect, members: Mapping[str, Any], changes: Mapping[str, object]
) -> tuple[bytes, Callable[[], Mapping[str, Any]]]:
    """Return the same of a request that was written here, of what the client's said.

    Of a large one the members are made anew for whoever asks for them: they may take several times its size.
    """
    body, sent = asked.outline.body, changed(members, changes)
    written = body.write(sent)
    if not body.is_large:
        return written, lambda: sent
    return written, lambda: changed(_crossed(upstream, asked, spoken)[0], changes)


def _changed(
    upstream: Upstream, asked: Asked, ask: Ask, members: Mapping[str, Any]
) -> tuple[Ask, dict[str, object], Losses]:
    """Return what is asked for, what differs from a body's members, and what that loses."""
    added: dict[str, object] = {}
    if asked.partial and _folds(ask, members):
        added = _STREAMED.get(ask.dialect, {"stream": True})
        ask, members = msgspec.structs.replace(ask, stream=True), {**members, **added}
    changes, losses = adapted(upstream, asked, ask, members)
    changes = added | changes
    if upstream.streams_only(ask, members, changes):
        ask, changes = msgspec.structs.replace(ask, stream=True), changes | {"stream": True}
    return ask, changes, losses


def _folds(ask: Ask, members: Mapping[str, Any]) -> bool:
    """Say whether a reply that may have to be handed over in part is a whole one, to be asked for as a stream.

    Gathered are the first of several choices only: then the reply is asked for as it is.
    """
    if ask.stream or ask.operation is not _GENERATE:
        return False
    google = members.get("generationConfig")
    several = members.get("n") or (google.get("candidateCount") if isinstance(google, dict) else None) or 1
    return bool(several == 1)


def target_of(upstream: Upstream, asked: Asked) -> Target:
    """Return whom a request is encoded for."""
    profile = asked.profile
    kept = frozenset(rule.parameter for rule in asked.rules if rule.origin == "configuration")
    return Target(model=profile.internal_id, owner=upstream.owner_of(profile), max_output=profile.max_output, kept=kept)


def foreign(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the client's headers without those that only its own dialect's upstream understands."""
    return {name: value for name, value in headers.items() if not name.startswith(("anthropic-", "openai-"))}


def check_strict(asked: Asked, losses: Losses) -> None:
    """Raise Refused (400) when something would be lost and the client does not want that."""
    if losses and asked.strict:
        raise Refused(_too_strict(losses))


def _check_state(request: Request) -> None:
    """Refuse what has no meaning outside the client's own dialect, and would change the answer if it were left out."""
    extras = request.extras.get(request.dialect, {})
    number = extras.get("n")
    if isinstance(number, int) and number > 1:
        what = "This model is reached through another dialect, where a request has one reply."
        raise Refused(bad_request(f"`n` must be 1 here. {what} Send the request {number} times instead.", "n"))
    for name, (field, advice) in _KEPT_STATE.items():
        if request.continues if name == "continues" else extras.get(name):
            raise Refused(
                bad_request(
                    f"`{field}` is not supported for this model: the relay keeps no state. {advice}",
                    field,
                    "unsupported_parameter",
                )
            )


def _too_strict(losses: Losses) -> Failure:
    first = losses[0]
    more = f" {len(losses)} things in all: {shown(losses)}." if len(losses) > 1 else ""
    return bad_request(
        f"`X-Strict: true` forbids what this model's dialect cannot say: {first.path}: {first.why}{more} "
        "Leave these out, or send the request without the header.",
        first.path,
        "translation_loss",
    )

"""What the chaos run asks, and what its upstreams do with it: all of it drawn from a seed, request by request.

A request's draw depends on the seed and its number only, so that one request can be had again without the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

DIALECTS: Final = ("chat", "messages", "responses", "google")
KEEP_SECONDS: Final = 0.6
"""`rejoin` of the relay that has it."""

ROUTES: Final = {
    "r-chat": "{to: [chat/m]}",
    "r-messages": "{to: [messages/m]}",
    "r-responses": "{to: [responses/m]}",
    "r-google": "{to: [google/m], retries: 3}",
    "r-fall": "{to: [chat/m, messages/m, main/gpt-4o], retries: 2}",
    "r-fall-other": "{to: [main/claude-sonnet-4.5, responses/m, google/m], retries: 1}",
    "r-share": "{to: [{upstream: google, model: m, weight: 2}, {upstream: responses, model: m, weight: 1}, chat/m]}",
    "r-hedge": "{to: [responses/m, google/m], hedge_after: 150ms, hedge_share: 100%}",
    "r-hedge-same": "{to: [messages/m], hedge_after: 100ms, hedge_share: 50%}",
    "r-hedge-far": "{to: [messages/m, chat/m, google/m], hedge_after: 50ms, hedge_share: 100%, retries: 2}",
    "r-narrow": "{to: [narrow/m]}",
    "r-narrow-first": "{to: [narrow/m, messages/m]}",
    "r-dead": "{to: [dead/m], retries: 2}",
    "r-dead-first": "{to: [dead/m, google/m]}",
    "r-deaf": "{to: [deaf/m]}",
    "r-deaf-first": "{to: [deaf/m, chat/m]}",
}
ARGO: Final = ("gpt-4o", "claude-sonnet-4.5", "gemini-2.5-flash")
UNREACHED: Final = ("dead", "deaf")

_MODELS: Final = (*((name, 5) for name in ARGO), *((name, 2) for name in ROUTES))
_STATUSES: Final = (302, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504, 529)
_BAD_TIMEOUTS: Final[tuple[Any, ...]] = (0, -1, "soon", True, [], {"total": 0}, {"totl": 3}, {"on_timeout": "never"})

_DEEDS: Final = {
    "good": 24,
    "slow": 8,
    "drip": 10,
    "stall": 8,
    "comments": 4,
    "drop": 6,
    "reset": 4,
    "hang_up": 4,
    "status": 14,
    "hidden_error": 4,
    "truncated": 3,
    "half_event": 3,
    "garbage": 3,
    "garbage_http": 3,
    "garbage_chunk": 2,
    "wrong_type": 4,
    "length_long": 3,
    "length_short": 3,
    "no_end": 3,
    "after_end": 3,
    "fat": 3,
    "empty": 2,
    "nothing": 2,
    "slow_head": 3,
}
"""What an upstream may do with one call, and how often; `chaos_upstreams` says what each is."""


@dataclass(frozen=True)
class Deed:
    """What a scripted upstream does with one call; times in seconds."""

    name: str
    delay: float
    events: int
    gap: float
    at: float
    """Where it breaks off, as a part of the whole."""
    status: int
    retry_after: str | None
    html: bool
    size: int


@dataclass(frozen=True)
class Case:
    """One request."""

    number: int
    dialect: str
    model: str
    stream: bool
    array: bool
    total: float
    partial: bool
    timers: tuple[str, ...]
    keep: bool
    """To the relay that keeps replies for clients that come back."""
    leave: float | None = None
    """Seconds after which the client leaves; None: it stays. Negative: in the middle of its body."""
    reset: bool = False
    back: float | None = None
    """Seconds after its leaving until the client sends the same again."""
    reading: str = "well"
    """well | slowly | not"""
    fault: str | None = None
    """body | timeout: what is wrong with the request itself."""
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    deeds: tuple[Deed, ...] = field(default=(), repr=False)

    @property
    def told(self) -> str:
        """Return it in a line, for a person."""
        said = [self.dialect, self.model, "stream" if self.stream else "whole", f"total {self.total:g}"]
        said += [name for name in ("array", "partial", "keep") if getattr(self, name)]
        said += [] if self.leave is None else [f"leaves at {self.leave:.3f}{' by reset' if self.reset else ''}"]
        said += [] if self.back is None else [f"is back {self.back:.3f} later"]
        said += [] if self.reading == "well" else [f"reads {self.reading}"]
        said += [f"wrong {self.fault}"] if self.fault else []
        return f"#{self.number} {', '.join((*said, *self.timers))}; {[deed.name for deed in self.deeds[:4]]}"


def draw(seed: int, number: int) -> Case:
    """Return a request."""
    chance = Random(f"{seed}/{number}")
    dialect = chance.choice(DIALECTS)
    stream = chance.random() < 0.6
    total = round(min(3.0, 0.2 + chance.expovariate(1.6)), 3)
    reading = chance.choices(("well", "slowly", "not"), (94, 4, 2))[0]
    keep = chance.random() < 0.12
    leave = chance.uniform(0, 1.1 * total) if chance.random() < 0.17 or (keep and chance.random() < 0.6) else None
    if leave is not None and chance.random() < 0.08:
        leave = -1.0
    back = chance.uniform(0, 1.3 * KEEP_SECONDS) if keep and leave is not None and leave > 0 else None
    fault = chance.choices((None, "timeout", "body"), (97.5, 1.5, 1))[0] if leave is None else None
    partial = chance.random() < 0.35
    model = chance.choices([name for name, _ in _MODELS], [share for _, share in _MODELS])[0]
    deeds = tuple(_deed(chance, fat=reading != "well") for _ in range(6))
    array = dialect == "google" and stream and chance.random() < 0.4
    where, headers, timeout, timers = _timeout(chance, total, partial, fault)
    body = _body(dialect, model, stream, f"chaos-{number}- hello {_directives(chance, fat=reading != 'well')}")
    if where == "body":
        body["timeout"] = timeout
    sent = json.dumps(body).encode()
    return Case(
        number=number,
        dialect=dialect,
        model=model,
        stream=stream,
        array=array,
        total=total,
        partial=partial,
        timers=timers,
        keep=keep,
        leave=leave,
        reset=chance.random() < 0.4,
        back=back,
        reading=reading if leave is None else "well",
        fault=fault,
        path=_path(dialect, model, stream, array),
        headers=tuple(headers),
        body=sent[: len(sent) // 2] if fault == "body" else sent,
        deeds=deeds,
    )


def _deed(chance: Random, *, fat: bool) -> Deed:
    name = chance.choices(list(_DEEDS), list(_DEEDS.values()))[0]
    return Deed(
        name="fat" if fat and chance.random() < 0.7 else name,
        delay=chance.uniform(0, 3) if name == "slow" else chance.expovariate(12),
        events=chance.randint(1, 14),
        gap=chance.uniform(0.03, 0.3) if name == "drip" else chance.choice((0, 0, 0.01, 0.03)),
        at=chance.random(),
        status=chance.choice(_STATUSES),
        retry_after=chance.choice((None, None, "0", "0.3", "1", "20", "Wed, 21 Oct 2015 07:28:00 GMT", "soon")),
        html=chance.random() < 0.25,
        size=chance.randrange(20_000, 60_000),
    )


def _timeout(
    chance: Random, total: float, partial: bool, fault: str | None
) -> tuple[str, list[tuple[str, str]], Any, tuple[str, ...]]:
    """Return where the limits stand, the headers, the body's member, and the timers beside the total."""
    headers: list[tuple[str, str]] = []
    if fault == "timeout":
        return "body", headers, chance.choice(_BAD_TIMEOUTS), ()
    form = chance.choice(("number", "text", "object", "object", "x-request-timeout", "x-server-timeout"))
    if form == "object":
        members: dict[str, Any] = {"total": total}
        for name, share in (("connect", 0.3), ("first_event", 0.25), ("idle", 0.25)):
            if chance.random() < share:
                members[name] = round(chance.uniform(0.1, 1.0), 3)
        if partial:
            members["on_timeout"] = "partial"
        return "body", headers, members, tuple(f"{name} {members[name]}" for name in members if name != "total")
    if partial:
        headers.append(("x-on-timeout", "partial"))
    if form.startswith("x-"):
        return "header", [*headers, (form, f"{total:g}")], None, ()
    return "body", headers, total if form == "number" else f"{total:g}", ()


def _body(dialect: str, model: str, stream: bool, prompt: str) -> dict[str, Any]:
    if dialect == "google":
        return {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}
    if dialect == "responses":
        return {"model": model, "input": prompt, "stream": stream}
    more = {"max_tokens": 1000} if dialect == "messages" else {}
    return {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": stream, **more}


def _path(dialect: str, model: str, stream: bool, array: bool) -> str:
    if dialect != "google":
        return {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}[dialect]
    method = "streamGenerateContent" if stream else "generateContent"
    return f"/v1beta/models/{model}:{method}{'?alt=sse' if stream and not array else ''}"


def _directives(chance: Random, *, fat: bool) -> str:
    """Return what the Argo simulator is told to do."""
    most = chance.choice((0.0, 0.3, 1.0, 3.0))
    said = [f"first_token={chance.uniform(0, most):.3f}", f"chunks={chance.randint(1, 30)}"]
    said.append(f"gap={chance.choice((0, 0.01, 0.05, 0.2))}")
    if fat:
        said.append(f"size={chance.randrange(20_000, 60_000)}")
    count = chance.randint(0, 12)
    turn = chance.choice(
        (
            *("",) * 9,
            f"status={chance.choice((400, 401, 404, 429, 500, 502, 503))}",
            f"status={chance.choice((429, 503))}] [retry_after={chance.choice((0, 0.2, 1, 30))}",
            f"drop_after={count}",
            f"stall_after={count}",
            f"error_after={count}",
            f"comments={chance.uniform(0.01, 0.2):.3f}",
            f"pieces={chance.randint(3, 50)}",
            "hidden_error",
            "no_finish",
            "no_done",
            "usage=null",
            "crash",
        )
    )
    return " ".join(f"[{one}]" for one in (*said, turn) if one)

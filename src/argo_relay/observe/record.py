"""One finished exchange, as data."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from argo_relay.neutral.reply import Usage


class Outcome(StrEnum):
    """How an exchange ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is worth knowing of an exchange afterwards; times in seconds, sizes in bytes.

    `phase` is where it ended when it did not end well; `saved` is the time that an upstream need not work any more
    because its client left. `user` is whom Argo was asked for; `upstream` is the name of the one that answered, and
    `spoken` the dialect that it was asked in; `losses` what did not cross. `operation` is what was asked for, in the
    words of `upstreams.base`.

    `attempts` counts the calls sent upstream (`calls` by upstream, where there were several), `fallbacks` those of them
    that went to another candidate than the one before, `hedges` those that ran beside another; `queued` is the time
    spent waiting for places. `rejoined` is the id of an earlier request, whose reply this one's client got.

    `timer` is the one that fired, and `timer_source` where its limit came from; `timeout` is the total, and
    `timeout_source` where that came from. `partial`: a timer fired, and the client got what there was.
    """

    time: float
    request_id: str
    dialect: str
    operation: str = "generate"
    outcome: Outcome
    seconds: float
    user: str | None = None
    status: int | None = None
    model: str | None = None
    served: str | None = None
    upstream: str | None = None
    spoken: str | None = None
    attempts: int = 0
    calls: dict[str, int] = {}
    fallbacks: int = 0
    hedges: int = 0
    queued: float | None = None
    partial: bool = False
    losses: str | None = None
    stream: bool = False
    code: str | None = None
    phase: str | None = None
    at_fault: str | None = None
    timer: str | None = None
    timer_source: str | None = None
    timeout: float | None = None
    timeout_source: str | None = None
    first_event: float | None = None
    events: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    usage: Usage | None = None
    saved: float | None = None
    rejoined: str | None = None

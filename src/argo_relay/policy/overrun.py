"""A timer that fired, told to the client in one sentence that a person can act on."""

from __future__ import annotations

from typing import Final

from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.policy.deadline import Limit, Limits, Phase, Source, Timer, shown

_WHAT: Final = {
    Timer.TOTAL: "The request took longer than its total timeout of {limit}",
    Timer.CONNECT: "No connection to the upstream was made within the connect timeout of {limit}",
    Timer.FIRST_EVENT: "The upstream began no answer within the first_event timeout of {limit}",
    Timer.IDLE: "The upstream fell silent for longer than the idle timeout of {limit}",
    Timer.PATIENCE: "The answer was not complete after {limit}, and the client was about to give up",
    Timer.QUEUE: "The request's total timeout of {limit} passed before its turn came",
}
_WHEN: Final = {
    Phase.RECEIVING: "while the request was being read",
    Phase.PREPARING: "while the request was being looked at",
    Phase.FETCHING: "while its images were being fetched",
    Phase.QUEUED: "while it waited for a place",
    Phase.PAUSING: "during the pause before another attempt",
    Phase.CONNECTING: "while connecting to the upstream",
    Phase.SENDING: "while the request was being sent to the upstream",
    Phase.WAITING: "while waiting for the upstream to answer",
    Phase.STREAMING: "while the answer was coming in",
    Phase.WRITING: "while the client was reading the answer",
}


def overrun(timer: Timer, limits: Limits, phase: Phase, arrived: str) -> Failure:
    """Return the 504 for a timer (the 408 for a body that came too slowly); `arrived` says what had come by then."""
    limit = limits.of(timer)
    if timer is Timer.BODY:
        return Failure(
            kind=FailureKind.SLOW_REQUEST,
            status=408,
            code="request_too_slow",
            message=f"The request's body did not arrive within {shown(limit.seconds)} s. "
            f"Send it faster, or raise {limit.field}.",
            at_fault="client",
        )
    what = _WHAT[timer].format(limit=f"{shown(limit.seconds)} s")
    return Failure(
        kind=FailureKind.TIMEOUT,
        status=504,
        code=f"timeout_{timer.value}",
        param="timeout",
        timer=timer.value,
        message=f"{what} (set by {_origin(limit)}) {_WHEN[phase]}; {arrived}. {_advice(timer, limit)}",
    )


def _origin(limit: Limit) -> str:
    if limit.asked is None:
        return limit.field
    if limit.source is Source.PATIENCE:
        return f"{limit.field}, which ends before the {shown(limit.asked)} s asked for"
    return f"`timeouts.max_total`, which caps the {shown(limit.asked)} s of {limit.field}"


def _advice(timer: Timer, limit: Limit) -> str:
    if timer is Timer.PATIENCE:
        return "Raise the client's own timeout, or ask for a stream, which its timeout does not end while it moves."
    if limit.asked is not None:
        return "Raise `timeouts.max_total` in the configuration to allow more."
    if timer is Timer.QUEUE:
        return "Raise `timeout` in the request (total), or try again when less is under way."
    if timer is Timer.CONNECT:
        return "Check that the upstream can be reached from this machine (VPN, tunnel, `/ready`)."
    return f"Raise `timeout` in the request ({timer.value}) to allow more."

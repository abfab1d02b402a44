"""Why a reply ended, both ways: a status, and for an incomplete reply its reason.

https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from argo_relay.neutral.loss import Loss
from argo_relay.neutral.reply import Stop, StopReason

_INCOMPLETE: Final[dict[str, StopReason]] = {"max_output_tokens": "length", "content_filter": "content_filter"}
_REASONS: Final[dict[StopReason, str]] = {
    "length": "max_output_tokens",
    "context_full": "max_output_tokens",
    "content_filter": "content_filter",
}
_UNSAID: Final[frozenset[StopReason]] = frozenset({"pause", "cancelled", "error"})


class Ending(NamedTuple):
    """How a reply's end is written."""

    status: str
    details: dict[str, str] | None
    loss: Loss | None


def decode_stop(response: dict[str, Any], *, calls: bool, refused: bool) -> Stop:
    """Return why a reply ended, by its status and by what it holds."""
    status = response.get("status")
    if status == "incomplete":
        details = response.get("incomplete_details")
        raw = details.get("reason") if isinstance(details, dict) else None
        raw = raw if isinstance(raw, str) else None
        return Stop(reason=_INCOMPLETE.get(raw or "", "other"), raw=raw or "incomplete")
    if status == "cancelled":
        return Stop(reason="cancelled", raw="cancelled")
    if status in ("queued", "in_progress"):
        # A background reply, which goes on without us.
        return Stop(reason="other", raw=status)
    if calls:
        return Stop(reason="tool_calls", raw="completed")
    return Stop(reason="refusal" if refused else "end", raw="completed")


def encode_stop(stop: Stop, *, refused: bool) -> Ending:
    """Return how a client of this dialect is told; `refused` says that the reply holds the refusal's words."""
    reason = stop.reason
    if reason in ("end", "stop_sequence", "tool_calls") or (reason == "refusal" and refused):
        return Ending("completed", None, None)
    if reason == "refusal":
        return Ending("incomplete", {"reason": "content_filter"}, None)
    if reason in _REASONS:
        return Ending("incomplete", {"reason": _REASONS[reason]}, None)
    if reason == "other" and stop.raw in ("queued", "in_progress"):
        return Ending(stop.raw, None, None)
    loss = None
    if reason in _UNSAID:
        why = "A reply is complete or incomplete here; why it stopped cannot be said."
        loss = Loss(path="stop.reason", what=reason, why=why, how="approximated")
    known = reason == "other" and stop.raw in ("max_messages", "steered")
    return Ending("incomplete", {"reason": str(stop.raw)} if known else None, loss)

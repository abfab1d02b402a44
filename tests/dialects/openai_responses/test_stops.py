from __future__ import annotations

from typing import Any, get_args

import pytest

from argo_relay.dialects.openai_responses.stops import Ending, decode_stop, encode_stop
from argo_relay.neutral.reply import Stop, StopReason

LIMIT = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}


@pytest.mark.parametrize(
    ("response", "stop"),
    [
        ({"status": "completed"}, Stop(reason="end", raw="completed")),
        ({}, Stop(reason="end", raw="completed")),
        (LIMIT, Stop(reason="length", raw="max_output_tokens")),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            Stop(reason="content_filter", raw="content_filter"),
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "steered"}},
            Stop(reason="other", raw="steered"),
        ),
        ({"status": "incomplete", "incomplete_details": None}, Stop(reason="other", raw="incomplete")),
        ({"status": "incomplete", "incomplete_details": {"reason": 5}}, Stop(reason="other", raw="incomplete")),
        ({"status": "cancelled"}, Stop(reason="cancelled", raw="cancelled")),
        ({"status": "queued"}, Stop(reason="other", raw="queued")),
    ],
)
def test_statuses_become_reasons(response: dict[str, Any], stop: Stop) -> None:
    assert decode_stop(response, calls=False, refused=False) == stop


@pytest.mark.parametrize(
    ("calls", "refused", "reason"), [(True, False, "tool_calls"), (False, True, "refusal"), (True, True, "tool_calls")]
)
def test_what_a_complete_reply_holds_says_why_it_ended(calls: bool, refused: bool, reason: str) -> None:
    assert decode_stop({"status": "completed"}, calls=calls, refused=refused).reason == reason
    assert decode_stop(LIMIT, calls=calls, refused=refused).reason == "length"


@pytest.mark.parametrize(
    ("stop", "refused", "status", "details"),
    [
        (Stop(reason="end", raw="end_turn"), False, "completed", None),
        (Stop(reason="stop_sequence", sequence="x"), False, "completed", None),
        (Stop(reason="tool_calls"), False, "completed", None),
        (Stop(reason="refusal"), True, "completed", None),
        (Stop(reason="refusal"), False, "incomplete", {"reason": "content_filter"}),
        (Stop(reason="length"), False, "incomplete", {"reason": "max_output_tokens"}),
        (Stop(reason="context_full"), False, "incomplete", {"reason": "max_output_tokens"}),
        (Stop(reason="content_filter"), False, "incomplete", {"reason": "content_filter"}),
        (Stop(reason="other", raw="steered"), False, "incomplete", {"reason": "steered"}),
        (Stop(reason="other", raw="FINISH"), False, "incomplete", None),
        (Stop(reason="other", raw="in_progress"), False, "in_progress", None),
    ],
)
def test_reasons_become_statuses(stop: Stop, refused: bool, status: str, details: Any) -> None:
    assert encode_stop(stop, refused=refused) == Ending(status, details, None)


@pytest.mark.parametrize("reason", ["pause", "cancelled", "error"])
def test_what_cannot_be_said_is_a_loss(reason: StopReason) -> None:
    ending = encode_stop(Stop(reason=reason), refused=False)
    assert (ending.status, ending.details) == ("incomplete", None)
    assert ending.loss is not None
    assert (ending.loss.path, ending.loss.what, ending.loss.how) == ("stop.reason", reason, "approximated")


def test_every_reason_has_its_words() -> None:
    for reason in get_args(StopReason):
        assert encode_stop(Stop(reason=reason), refused=False).status in ("completed", "incomplete")

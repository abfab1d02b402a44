from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.google.stops import decode_block, decode_stop, encode_block, encode_stop, finish_of
from argo_relay.neutral.reply import Stop


@pytest.mark.parametrize(
    ("word", "called", "stop"),
    [
        ("STOP", False, Stop(reason="end", raw="STOP")),
        ("STOP", True, Stop(reason="tool_calls", raw="STOP")),
        (1, False, Stop(reason="end", raw="STOP")),
        ("MAX_TOKENS", True, Stop(reason="length", raw="MAX_TOKENS")),
        ("SAFETY", False, Stop(reason="content_filter", raw="SAFETY")),
        ("MALFORMED_FUNCTION_CALL", False, Stop(reason="error", raw="MALFORMED_FUNCTION_CALL")),
        ("NEW_REASON", False, Stop(reason="other", raw="NEW_REASON")),
        (77, False, Stop(reason="other", raw="77")),
    ],
)
def test_words_become_reasons(word: Any, called: bool, stop: Stop) -> None:
    assert decode_stop(word, called=called) == stop


@pytest.mark.parametrize(
    ("stop", "word"),
    [
        (Stop(reason="end", raw="end_turn"), "STOP"),
        (Stop(reason="tool_calls", raw="tool_use"), "STOP"),
        (Stop(reason="stop_sequence"), "STOP"),
        (Stop(reason="context_full"), "MAX_TOKENS"),
        (Stop(reason="content_filter", raw="RECITATION"), "RECITATION"),
        (Stop(reason="content_filter", raw="content_filter"), "SAFETY"),
        (Stop(reason="refusal", raw="refusal"), "SAFETY"),
        (Stop(reason="error", raw="MALFORMED_FUNCTION_CALL"), "MALFORMED_FUNCTION_CALL"),
        (Stop(reason="cancelled"), "OTHER"),
    ],
)
def test_reasons_become_words(stop: Stop, word: str) -> None:
    assert encode_stop(stop, refused=False) == word


@pytest.mark.parametrize(("reason", "word"), [("end", "SAFETY"), ("length", "MAX_TOKENS"), ("tool_calls", "STOP")])
def test_a_refusal_in_words_is_seen_by_its_stop(reason: Any, word: str) -> None:
    assert encode_stop(Stop(reason=reason, raw="stop"), refused=True) == word


def test_a_blocked_prompt_is_a_content_filter_and_goes_back() -> None:
    stop = decode_block({"blockReason": "JAILBREAK"})
    assert stop == Stop(reason="content_filter", raw="JAILBREAK")
    assert encode_block(stop) == "JAILBREAK"


@pytest.mark.parametrize("feedback", [None, [], {}, {"safetyRatings": []}])
def test_feedback_that_blocks_nothing_is_no_stop(feedback: Any) -> None:
    assert decode_block(feedback) is None


@pytest.mark.parametrize(
    "stop",
    [Stop(reason="content_filter", raw="SAFETY"), Stop(reason="content_filter", raw="refusal"), Stop(reason="end")],
)
def test_what_a_candidate_can_say_is_no_block(stop: Stop) -> None:
    assert encode_block(stop) is None


@pytest.mark.parametrize(
    ("candidate", "before", "after"),
    [
        ({"finishReason": "STOP"}, None, "STOP"),
        ({}, "STOP", "STOP"),
        ({"content": {"parts": [{"text": ""}]}}, "STOP", "STOP"),
        ({"content": {"parts": [{"text": "more"}]}}, "STOP", None),
        ({"content": {"parts": [{"functionCall": {}}]}}, "STOP", None),
        ({"content": {"parts": [{"executableCode": {}}]}, "finishReason": "STOP"}, None, None),
        ({"content": {"parts": "x"}, "finishReason": 0}, None, None),
        ({"content": 1, "finishReason": "MAX_TOKENS"}, None, "MAX_TOKENS"),
    ],
)
def test_a_finish_stands_until_content_follows(candidate: dict[str, Any], before: Any, after: Any) -> None:
    assert finish_of(candidate, before) == after

from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.openai_chat.stops import decode_stop, encode_stop
from argo_relay.neutral.reply import Stop


@pytest.mark.parametrize(
    ("raw", "calls", "stop"),
    [
        ("stop", False, Stop(reason="end", raw="stop")),
        ("stop", True, Stop(reason="tool_calls", raw="stop")),
        ("tool_calls", True, Stop(reason="tool_calls", raw="tool_calls")),
        ("tool_calls", False, Stop(reason="end", raw="tool_calls")),
        ("function_call", True, Stop(reason="tool_calls", raw="function_call")),
        ("length", True, Stop(reason="length", raw="length")),
        ("model_length", False, Stop(reason="context_full", raw="model_length")),
        ("content_filter", False, Stop(reason="content_filter", raw="content_filter")),
        ("eos", False, Stop(reason="end", raw="eos")),
        ("end_turn", False, Stop(reason="end", raw="end_turn")),
        ("error", False, Stop(reason="error", raw="error")),
        ("unheard_of", False, Stop(reason="other", raw="unheard_of")),
        ("", False, Stop(reason="end")),
        (None, True, Stop(reason="tool_calls")),
        (5, False, Stop(reason="end")),
        ({}, False, Stop(reason="end")),
    ],
)
def test_words_become_reasons(raw: Any, calls: bool, stop: Stop) -> None:
    assert decode_stop(raw, calls=calls) == stop


@pytest.mark.parametrize(
    ("stop", "word"),
    [
        (Stop(reason="end", raw="STOP"), "stop"),
        (Stop(reason="stop_sequence", sequence="x"), "stop"),
        (Stop(reason="length"), "length"),
        (Stop(reason="context_full"), "length"),
        (Stop(reason="content_filter", raw="SAFETY"), "content_filter"),
        (Stop(reason="refusal", raw="refusal"), "content_filter"),
        (Stop(reason="other", raw="compaction"), "compaction"),
    ],
)
def test_reasons_become_words(stop: Stop, word: str) -> None:
    assert encode_stop(stop, calls=False, refused=False) == (word, None)


def test_a_refusal_in_words_has_ended_of_itself() -> None:
    assert encode_stop(Stop(reason="refusal"), calls=False, refused=True) == ("stop", None)


@pytest.mark.parametrize("reason", ["end", "tool_calls", "stop_sequence"])
def test_clients_run_calls_only_when_told_so(reason: Any) -> None:
    assert encode_stop(Stop(reason=reason), calls=True, refused=False) == ("tool_calls", None)
    assert encode_stop(Stop(reason=reason), calls=True, refused=False, legacy=True) == ("function_call", None)


def test_calls_that_were_cut_off_are_not_run() -> None:
    assert encode_stop(Stop(reason="length"), calls=True, refused=False) == ("length", None)


@pytest.mark.parametrize(
    "stop",
    [
        Stop(reason="pause", raw="pause_turn"),
        Stop(reason="cancelled"),
        Stop(reason="error", raw="MALFORMED_FUNCTION_CALL"),
        Stop(reason="other", raw="LANGUAGE"),
        Stop(reason="other"),
    ],
)
def test_what_has_no_word_is_a_loss(stop: Stop) -> None:
    word, loss = encode_stop(stop, calls=False, refused=False)
    assert word == "stop"
    assert loss is not None
    assert (loss.what, loss.how, (stop.raw or stop.reason) in loss.why) == ("finish_reason", "approximated", True)

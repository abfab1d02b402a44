from __future__ import annotations

import pytest

from argo_relay.dialects.anthropic.stops import decode_stop, encode_stop
from argo_relay.neutral.reply import Stop, StopReason


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "end"),
        ("stop_sequence", "stop_sequence"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "context_full"),
        ("tool_use", "tool_calls"),
        ("refusal", "refusal"),
        ("pause_turn", "pause"),
        ("compaction", "other"),
        ("enlightenment", "other"),
    ],
)
def test_each_word_has_its_reason_and_goes_back(word: str, reason: StopReason) -> None:
    stop = decode_stop(word, None, calls=False)
    assert stop == Stop(reason=reason, raw=word)
    assert encode_stop(stop, calls=False, refused=False) == (word, None)


def test_a_missing_word_is_filled_in() -> None:
    assert decode_stop(None, None, calls=False) == Stop(reason="end")
    assert decode_stop(None, None, calls=True) == Stop(reason="tool_calls")
    assert decode_stop({}, 5, calls=False) == Stop(reason="end")


def test_calls_and_refusals_outweigh_an_end() -> None:
    assert decode_stop("end_turn", None, calls=True) == Stop(reason="tool_calls", raw="end_turn")
    assert decode_stop("max_tokens", None, calls=True).reason == "length"
    assert encode_stop(Stop(reason="end"), calls=True, refused=False)[0] == "tool_use"
    assert encode_stop(Stop(reason="end"), calls=False, refused=True)[0] == "refusal"
    assert encode_stop(Stop(reason="length"), calls=True, refused=True)[0] == "max_tokens"
    assert encode_stop(Stop(reason="content_filter"), calls=False, refused=False)[0] == "refusal"


def test_the_stop_sequence_is_kept() -> None:
    assert decode_stop("stop_sequence", "END", calls=False).sequence == "END"


@pytest.mark.parametrize(
    "stop", [Stop(reason="other", raw="MALFORMED_FUNCTION_CALL"), Stop(reason="error"), Stop(reason="cancelled")]
)
def test_what_has_no_word_is_a_loss(stop: Stop) -> None:
    word, loss = encode_stop(stop, calls=False, refused=False)
    assert word == "end_turn"
    assert loss is not None
    assert (loss.what, loss.how) == ("stop_reason", "approximated")

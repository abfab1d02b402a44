from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.google.usage import decode_usage, encode_usage
from argo_relay.neutral.reply import Usage

FULL: dict[str, Any] = {
    "promptTokenCount": 100,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 30,
    "toolUsePromptTokenCount": 7,
    "cachedContentTokenCount": 64,
    "totalTokenCount": 157,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 90}, {"modality": "AUDIO", "tokenCount": 10}],
}


def test_thoughts_count_as_output_and_tools_prompts_as_input() -> None:
    assert decode_usage(FULL) == Usage(input=107, output=50, cache_read=64, reasoning=30, input_audio=10, raw=FULL)


@pytest.mark.parametrize("value", [None, [], {}, {"trafficType": "ON_DEMAND"}, {"promptTokenCount": "3"}])
def test_what_counts_nothing_is_no_usage(value: Any) -> None:
    assert decode_usage(value) is None


def test_thoughts_alone_are_output() -> None:
    usage = decode_usage({"promptTokenCount": 5, "thoughtsTokenCount": 9})
    assert usage is not None
    assert (usage.output, usage.reasoning) == (9, 9)


def test_own_counts_go_back_as_they_came() -> None:
    usage = decode_usage(FULL)
    assert usage is not None
    assert encode_usage(usage) == FULL


def test_numbers_for_enums_become_names_or_go() -> None:
    usage = decode_usage(
        {"promptTokenCount": 1, "trafficType": 1, "promptTokensDetails": [{"modality": 4, "tokenCount": 1}]}
    )
    assert usage is not None
    assert encode_usage(usage) == {
        "totalTokenCount": 1,
        "promptTokenCount": 1,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 1}],
    }


def test_other_dialects_counts_are_counted_anew() -> None:
    usage = Usage(input=50, output=30, cache_read=20, reasoning=10, input_audio=5, raw={"prompt_tokens": 50})
    assert encode_usage(usage) == {
        "promptTokenCount": 50,
        "candidatesTokenCount": 20,
        "totalTokenCount": 80,
        "cachedContentTokenCount": 20,
        "thoughtsTokenCount": 10,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 45}, {"modality": "AUDIO", "tokenCount": 5}],
    }


counts = st.none() | st.integers(min_value=0, max_value=10**6)


@given(
    st.builds(
        Usage, input=counts, output=counts, cache_read=counts, cache_write=counts, reasoning=counts, output_audio=counts
    )
)
def test_the_parts_are_never_more_than_the_whole(usage: Usage) -> None:
    again = decode_usage(encode_usage(usage))
    assert again is not None
    assert (again.input or 0) >= (again.cache_read or 0)
    assert (again.output or 0) >= (again.reasoning or 0)

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from argo_relay.dialects.openai_responses.usage import decode_usage, encode_usage
from argo_relay.neutral.reply import Usage
from support.replies import USAGES

FULL: dict[str, Any] = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 16},
    "output_tokens": 50,
    "output_tokens_details": {"reasoning_tokens": 30},
    "total_tokens": 150,
}


def test_counts_go_both_ways() -> None:
    usage = Usage(input=100, output=50, cache_read=64, cache_write=16, reasoning=30, raw=FULL)
    assert decode_usage(FULL) == usage
    assert encode_usage(usage) == FULL


@pytest.mark.parametrize(
    "value",
    [None, [], {}, {"input_tokens": None}, {"input_tokens": "3"}, {"input_tokens": True}, {"output_tokens": -1}],
)
def test_what_counts_nothing_is_no_usage(value: Any) -> None:
    assert decode_usage(value) is None


def test_what_is_not_said_is_not_known() -> None:
    value = {"input_tokens": 3, "input_tokens_details": None}
    assert decode_usage(value) == Usage(input=3, raw=value)
    assert encode_usage(None) is None


def test_thoughts_that_stand_in_the_total_alone_are_output() -> None:
    usage = decode_usage({"input_tokens": 10, "output_tokens": 5, "total_tokens": 45})
    assert usage is not None
    assert usage.output == 35


def test_details_are_never_more_than_the_whole() -> None:
    value = {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 5},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 9},
    }
    usage = decode_usage(value)
    assert usage is not None
    assert (usage.input, usage.output) == (5, 9)


@given(USAGES)
def test_what_is_written_keeps_the_convention(usage: Usage) -> None:
    made = encode_usage(usage)
    assert made is not None
    assert made["total_tokens"] == made["input_tokens"] + made["output_tokens"]
    again = decode_usage(made)
    assert again is not None
    assert (again.input or 0) >= (again.cache_read or 0) + (again.cache_write or 0)
    assert (again.output or 0) >= (again.reasoning or 0)
    assert encode_usage(again) == made

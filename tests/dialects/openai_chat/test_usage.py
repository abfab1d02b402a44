from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given

from argo_relay.dialects.openai_chat.usage import decode_usage, encode_usage, usage_of
from argo_relay.neutral.reply import Usage
from support.replies import USAGES
from support.sights import honest


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}, Usage(input=9, output=3)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 30,
                "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": None},
            },
            Usage(input=9, output=30, cache_read=8, reasoning=20, input_audio=0),
        ),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage(input=0, output=0)),
        ({"prompt_tokens": 9, "completion_tokens": None}, Usage(input=9)),
        ({"prompt_tokens": 9, "prompt_tokens_details": None, "completion_tokens_details": None}, Usage(input=9)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": None}}, Usage(input=9)),
        ({"prompt_tokens": 9, "prompt_tokens_details": [8]}, Usage(input=9)),
        ({"prompt_tokens": 9, "completion_tokens": "3"}, Usage(input=9)),
        ({"prompt_tokens": 9, "completion_tokens": 3.0}, Usage(input=9)),
        ({"prompt_tokens": 9, "completion_tokens": True}, Usage(input=9)),
        ({"completion_tokens_details": {"reasoning_tokens": 20}}, Usage(reasoning=20)),
    ],
)
def test_counters_that_are_numbers_are_reported(value: dict[str, Any], expected: Usage) -> None:
    assert decode_usage(value) == msgspec.structs.replace(expected, raw=value)


@pytest.mark.parametrize(
    "value", [None, 5, "x", [], {}, {"prompt_tokens": None, "completion_tokens": None}, {"total_tokens": 12}]
)
def test_what_counts_nothing_is_no_usage(value: object) -> None:
    assert decode_usage(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"prompt_cache_hit_tokens": 8}, Usage(input=9, output=3, cache_read=8)),
        ({"cached_tokens": 8}, Usage(input=9, output=3, cache_read=8)),
        ({"num_cached_tokens": 0}, Usage(input=9, output=3, cache_read=0)),
        (
            {"cache_read_input_tokens": 4, "cache_creation_input_tokens": 5},
            Usage(input=9, output=3, cache_read=4, cache_write=5),
        ),
        ({"prompt_tokens_details": {"cache_write_tokens": 2}}, Usage(input=9, output=3, cache_write=2)),
        ({"reasoning_tokens": 2}, Usage(input=9, output=3, reasoning=2)),
        (
            {"prompt_tokens_details": {"audio_tokens": 1}, "completion_tokens_details": {"audio_tokens": 2}},
            Usage(input=9, output=3, input_audio=1, output_audio=2),
        ),
    ],
)
def test_what_other_servers_call_it(value: dict[str, Any], expected: Usage) -> None:
    value = {"prompt_tokens": 9, "completion_tokens": 3, **value}
    assert decode_usage(value) == msgspec.structs.replace(expected, raw=value)


def test_reasoning_that_only_the_total_counts_is_output() -> None:
    value = {
        "prompt_tokens": 9,
        "completion_tokens": 3,
        "total_tokens": 22,
        "completion_tokens_details": {"reasoning_tokens": 10},
    }
    assert decode_usage(value) == Usage(input=9, output=13, reasoning=10, raw=value)
    assert encode_usage(Usage(input=9, output=13, reasoning=10, raw=value))["completion_tokens"] == 13


def test_a_cache_is_never_larger_than_its_prompt() -> None:
    value = {"prompt_tokens": 78, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 158}}
    assert decode_usage(value) == Usage(input=78, output=1, cache_read=78, raw=value)


@pytest.mark.parametrize(
    ("chunk", "tokens"),
    [
        ({"usage": {"prompt_tokens": 9}}, 9),
        ({"x_groq": {"usage": {"prompt_tokens": 8}}}, 8),
        ({"usage": {"prompt_tokens": 9}, "x_groq": {"usage": {"prompt_tokens": 8}}}, 9),
        ({"usage": None, "x_groq": {"id": "req_1"}}, None),
        ({"usage": None, "x_groq": "req_1"}, None),
        ({}, None),
    ],
)
def test_where_a_chunk_has_its_usage(chunk: dict[str, Any], tokens: int | None) -> None:
    usage = usage_of(chunk)
    assert (usage.input if usage is not None else None) == tokens


def test_an_upstreams_own_words_stand_where_they_still_hold() -> None:
    value = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12, "cost": 0.5}
    usage = decode_usage(value)
    assert usage is not None
    assert encode_usage(usage) == value
    assert encode_usage(msgspec.structs.replace(usage, output=4))["total_tokens"] == 13


def test_counts_of_another_vendor_are_written_in_full() -> None:
    raw = {"input_tokens": 1}
    usage = Usage(input=9, output=5, cache_read=2, cache_write=3, cache_write_1h=3, reasoning=4, raw=raw)
    assert encode_usage(usage) == {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 4},
        "cache_creation": {"ephemeral_1h_input_tokens": 3},
    }


@given(USAGES)
def test_what_is_written_adds_up_and_is_read_again(usage: Usage) -> None:
    written = encode_usage(usage)
    again = decode_usage(written)
    assert again is not None
    assert list(honest(again)) == []
    assert written["total_tokens"] == written["prompt_tokens"] + written["completion_tokens"]
    assert (again.cache_read or 0, again.reasoning or 0) == (usage.cache_read or 0, usage.reasoning or 0)

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.anthropic.usage import decode_tier, decode_usage, encode_delta_usage, encode_usage
from argo_relay.neutral.reply import Usage


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"input_tokens": 9, "output_tokens": 3}, Usage(input=9, output=3)),
        (
            {
                "input_tokens": 9,
                "output_tokens": 30,
                "cache_read_input_tokens": 100,
                "cache_creation_input_tokens": 20,
                "cache_creation": {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5},
                "output_tokens_details": {"thinking_tokens": 12},
            },
            Usage(input=129, output=30, cache_read=100, cache_write=20, cache_write_1h=5, reasoning=12),
        ),
        (
            {"input_tokens": 9, "cache_creation": {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5}},
            Usage(input=29, cache_write=20, cache_write_1h=5),
        ),
        ({"output_tokens": 3, "input_tokens": None, "cache_read_input_tokens": None}, Usage(output=3)),
        ({"output_tokens": 0, "input_tokens": 0}, Usage(input=0, output=0)),
        ({"output_tokens": 3.0, "input_tokens": True, "cache_read_input_tokens": 4}, Usage(cache_read=4)),
        ({"output_tokens": 3, "cache_creation": [], "output_tokens_details": 5}, Usage(output=3)),
    ],
)
def test_cached_tokens_are_part_of_the_input(value: dict[str, Any], expected: Usage) -> None:
    usage = decode_usage(value)
    assert usage is not None
    assert usage.raw == value
    assert msgspec.structs.replace(usage, raw=None) == expected


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, {"input_tokens": None}, {"service_tier": "standard"}])
def test_what_counts_nothing_is_no_usage(value: object) -> None:
    assert decode_usage(value) is None


def test_the_upstreams_own_object_goes_back_as_it_came() -> None:
    value = {
        "input_tokens": 1,
        "output_tokens": 2,
        "server_tool_use": {"web_search_requests": 1},
        "inference_geo": "us",
    }
    usage = decode_usage(value)
    assert encode_usage(usage) == value
    assert encode_delta_usage(usage) == {name: value[name] for name in value if name != "inference_geo"}


def test_another_dialects_object_is_counted_anew() -> None:
    usage = Usage(input=10, output=5, cache_read=4, reasoning=2, raw={"input_tokens": 10, "total_tokens": 15})
    assert encode_usage(usage) == {
        "input_tokens": 6,
        "output_tokens": 5,
        "cache_read_input_tokens": 4,
        "output_tokens_details": {"thinking_tokens": 2},
    }


def test_what_is_not_known_counts_nothing() -> None:
    assert encode_usage(None) == {"input_tokens": 0, "output_tokens": 0}
    assert encode_delta_usage(None) == {"input_tokens": 0, "output_tokens": 0}
    assert encode_usage(Usage(output=3), "priority")["service_tier"] == "priority"
    assert "service_tier" not in encode_usage(None, "flex")


COUNT = st.none() | st.integers(0, 1000)


@given(COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
def test_no_encoded_count_is_less_than_its_parts(
    tokens: int | None, output: int | None, read: int | None, write: int | None, long: int | None, thought: int | None
) -> None:
    usage = Usage(
        input=tokens, output=output, cache_read=read, cache_write=write, cache_write_1h=long, reasoning=thought
    )
    for counts in (encode_usage(usage), encode_delta_usage(usage)):
        again = decode_usage(counts)
        assert again is not None
        assert counts["input_tokens"] >= 0
        assert (again.input or 0) >= (again.cache_read or 0) + (again.cache_write or 0)
        assert (again.output or 0) >= (again.reasoning or 0)


@pytest.mark.parametrize(("said", "neutral"), [("standard", "default"), ("priority", "priority"), ("batch", "batch")])
def test_the_ordinary_tier_has_the_neutral_name(said: str, neutral: str) -> None:
    assert decode_tier({"service_tier": said}) == neutral
    assert encode_usage(None, neutral)["service_tier"] == said


def test_a_tier_of_others_is_not_said() -> None:
    assert decode_tier({"service_tier": None}) is None
    assert decode_tier(None) is None
    assert "service_tier" not in encode_usage(None, "flex")

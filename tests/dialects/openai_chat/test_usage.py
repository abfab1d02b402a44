from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.openai_chat.usage import decode_usage
from argo_relay.neutral.reply import Usage


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
            Usage(input=9, output=30, cache_read=8, reasoning=20),
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
    assert decode_usage(value) == expected


@pytest.mark.parametrize(
    "value", [None, 5, "x", [], {}, {"prompt_tokens": None, "completion_tokens": None}, {"total_tokens": 12}]
)
def test_what_counts_nothing_is_no_usage(value: object) -> None:
    assert decode_usage(value) is None

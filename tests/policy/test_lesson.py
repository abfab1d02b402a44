"""What a refusal teaches, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.policy.lesson import lesson
from argo_relay.policy.rules import written

SENT = {
    "model": "m",
    "messages": [],
    "temperature": 0.5,
    "top_p": 0.9,
    "max_tokens": 5,
    "reasoning_effort": "max",
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "none"},
    "seed": 7,
}


def taught(message: str, status: int = 400, sent: dict[str, Any] = SENT, **fields: Any) -> str | None:
    kind = FailureKind.BAD_REQUEST
    rule = lesson(Failure(kind=kind, status=status, message=message, **fields), "openai_chat", sent)
    if rule is None:
        return None
    assert (rule.origin, rule.dialects) == ("learned", ("openai_chat",))
    assert message not in rule.source
    return f"{rule.parameter}: {written(rule)}"


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ("Unsupported parameter: 'top_p' is not supported with this model.", "top_p: drop"),
        (
            (
                "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is "
                "supported."
            ),
            "temperature: drop",
        ),
        (
            "Unsupported parameter: 'max_tokens' is not supported here. Use 'max_completion_tokens' instead.",
            "max_tokens: rename max_completion_tokens",
        ),
        (
            (
                "Unsupported value: 'reasoning_effort' does not support 'max' with this model. "
                "Supported values are: 'low', 'medium', and 'high'."
            ),
            "reasoning_effort: nearest low medium high",
        ),
        ("Unrecognized request argument supplied: seed", "seed: drop"),
        ("`temperature` is deprecated for this model.", "temperature: drop"),
        (
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
            "top_p: drop beside temperature",
        ),
        (
            (
                '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
                '"output_config.effort" to control thinking behavior.'
            ),
            "thinking: thinking adaptive",
        ),
        (
            (
                "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: "
                "'disabled', 'enabled'"
            ),
            "thinking: thinking enabled",
        ),
        ("thinking.adaptive.budget_tokens: Extra inputs are not permitted", "thinking: thinking"),
        (
            "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
            "output_config.effort: nearest low medium high xhigh max",
        ),
        ("seed: Extra inputs are not permitted", "seed: drop"),
        ('Invalid JSON payload received. Unknown name "seed": Cannot find field.', "seed: drop"),
        ("Unknown parameter: 'messages[0].tool_calls'.", None),
        ("Unknown parameter: 'absent'.", None),
        ("Unsupported parameter: 'messages'", None),
        ("max_tokens is required", None),
        ("`max_tokens` must be greater than `thinking.budget_tokens`.", None),
        ("The model does not exist.", None),
    ],
)
def test_what_is_said_of_a_parameter(message: str, rule: str | None) -> None:
    assert taught(message) == rule


def test_the_responses_route_says_it_by_chats_name() -> None:
    message = "Unsupported value: 'reasoning_effort' does not support 'x'. Supported values are: 'low' and 'high'."
    assert taught(message, sent={"reasoning": {"effort": "x"}}) == "reasoning.effort: nearest low high"


def test_a_code_and_a_param_are_enough() -> None:
    assert taught("No.", code="unsupported_parameter", param="seed") == "seed: drop"
    assert taught("No.", code="other", param="seed") is None
    for status in (401, 429, 500):
        assert taught("Unsupported parameter: 'top_p'", status) is None


@given(st.text(max_size=200), st.none() | st.text(max_size=20), st.sampled_from([400, 422, 500]))
def test_no_words_break_it(message: str, param: str | None, status: int) -> None:
    taught(message, status, param=param, code="unsupported_parameter")

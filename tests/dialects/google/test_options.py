from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Target
from argo_relay.dialects.google.options import decode_output, decode_reasoning, decode_sampling, encode_options, whole
from argo_relay.errors import Refused
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.request import OutputFormat, ReasoningWish, Request, Sampling


def encoded(model: str = "gemini-2.5-flash", **said: Any) -> tuple[dict[str, Any], list[str]]:
    losses: Losses = []
    request = Request(**{"dialect": "openai_chat", "model": "m", "messages": (), **said})
    config = encode_options(request, Target(model=model, max_output=65536), losses)
    return config, [f"{loss.what}={loss.how}" for loss in losses]


CONFIG: dict[str, Any] = {
    "temperature": 0.5,
    "topP": 0.9,
    "topK": 40,
    "frequencyPenalty": 0.1,
    "presencePenalty": 0.2,
    "seed": 7,
    "responseLogprobs": True,
    "logprobs": 3,
    "stopSequences": ["END"],
}


def test_sampling_goes_both_ways() -> None:
    sampling = decode_sampling(CONFIG)
    assert sampling == Sampling(
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        seed=7,
        stop=("END",),
        logprobs=True,
        top_logprobs=3,
    )
    assert encoded(sampling=sampling) == (CONFIG, [])


@pytest.mark.parametrize(
    ("config", "param"),
    [
        ({"temperature": "0.5"}, "temperature"),
        ({"topP": True}, "topP"),
        ({"seed": 1.5}, "seed"),
        ({"stopSequences": "END"}, "stopSequences"),
        ({"stopSequences": [1]}, "stopSequences"),
        ({"responseLogprobs": 1}, "responseLogprobs"),
    ],
)
def test_what_is_no_number_is_refused_by_name(config: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as caught:
        decode_sampling(config)
    assert caught.value.failure.param == f"generationConfig.{param}"


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert whole({"a": 100.0}, "a") == 100
    assert whole({}, "a") is None


def test_what_others_allow_is_brought_within_limits() -> None:
    config, lost = encoded(sampling=Sampling(stop=tuple("abcdefg"), seed=2**40 + 5), max_output=100_000)
    assert config == {"stopSequences": list("abcde"), "seed": 5, "maxOutputTokens": 65536}
    assert lost == ["stop=approximated", "seed=approximated", "max_output=approximated"]


@pytest.mark.parametrize(
    ("thinking", "wish"),
    [
        ({"includeThoughts": True, "thinkingBudget": 1024}, {"budget": 1024, "visible": True}),
        ({"thinkingBudget": 0}, {"budget": 0, "mode": "off"}),
        ({"thinkingBudget": -1}, {"budget": -1}),
        ({"thinkingLevel": "low"}, {"effort": "low"}),
        ({"thinkingLevel": "HIGH"}, {"effort": "high"}),
        ({"thinkingLevel": "HUGE", "thinkingBudget": "x"}, {}),
    ],
)
def test_wishes_are_read_and_go_back(thinking: dict[str, Any], wish: dict[str, Any]) -> None:
    read = decode_reasoning(thinking)
    assert read == ReasoningWish(**wish, extras={"google": thinking})
    assert encoded(reasoning=read)[0] == {"thinkingConfig": thinking}


def test_no_object_is_no_wish() -> None:
    assert decode_reasoning(None) is None


@pytest.mark.parametrize(
    ("model", "wish", "thinking", "lost"),
    [
        ("gemini-2.5-flash", {"effort": "medium"}, {"thinkingBudget": 8192}, 0),
        ("gemini-2.5-flash", {"effort": "none"}, {"thinkingBudget": 0}, 0),
        ("gemini-2.5-flash", {"effort": "max"}, {"thinkingBudget": 24576}, 1),
        ("gemini-2.5-pro", {"effort": "none"}, {"thinkingBudget": 128}, 1),
        ("gemini-2.5-pro", {"effort": "max"}, {"thinkingBudget": 32768}, 0),
        ("gemini-3-flash-preview", {"effort": "medium"}, {"thinkingLevel": "MEDIUM"}, 0),
        ("gemini-3-flash-preview", {"effort": "none"}, {"thinkingLevel": "MINIMAL"}, 1),
        ("gemini-3-pro-preview", {"effort": "minimal"}, {"thinkingLevel": "LOW"}, 1),
        ("gemini-3-pro-preview", {"effort": "xhigh"}, {"thinkingLevel": "HIGH"}, 1),
        ("gemini-3-pro-preview", {"mode": "on", "budget": 4096}, {"includeThoughts": True, "thinkingBudget": 4096}, 0),
        ("gemini-2.5-flash", {"mode": "adaptive"}, {"includeThoughts": True}, 0),
        ("gemini-2.5-flash", {"mode": "off"}, {"thinkingBudget": 0}, 0),
        ("gemini-2.5-flash", {"budget": -1, "visible": False}, {"includeThoughts": False, "thinkingBudget": -1}, 0),
        ("gemini-2.5-flash", {"summary": "auto"}, {"includeThoughts": True}, 0),
    ],
)
def test_wishes_of_others_are_said_as_the_model_takes_them(
    model: str, wish: dict[str, Any], thinking: dict[str, Any], lost: int
) -> None:
    config, losses = encoded(model, reasoning=ReasoningWish(**wish))
    assert config == {"thinkingConfig": thinking}
    assert len(losses) == lost


SCHEMA: dict[str, Any] = {"type": "object", "title": "Answer"}


@pytest.mark.parametrize(
    ("config", "kind", "schema"),
    [
        ({"responseMimeType": "application/json"}, "json", None),
        ({"responseMimeType": "text/plain"}, "text", None),
        ({"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}, "schema", SCHEMA),
        ({"responseSchema": {"type": "OBJECT", "title": "Answer"}}, "schema", SCHEMA),
        ({"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING"}}, "schema", {"type": "string"}),
    ],
)
def test_forms_are_read_and_go_back(config: dict[str, Any], kind: str, schema: dict[str, Any] | None) -> None:
    output = decode_output(config)
    assert output is not None
    assert (output.kind, output.schema) == (kind, schema)
    assert encoded(output=output) == (config, [])


def test_no_form_is_none() -> None:
    assert decode_output({"temperature": 1}) is None


@pytest.mark.parametrize(
    ("output", "config", "lost"),
    [
        (OutputFormat(kind="text"), {}, []),
        (OutputFormat(kind="json"), {"responseMimeType": "application/json"}, []),
        (
            OutputFormat(kind="schema", schema=SCHEMA, name="answer", description="What I want.", strict=False),
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": {**SCHEMA, "description": "What I want."},
            },
            ["strict=approximated"],
        ),
    ],
)
def test_forms_of_others_become_json_schema(output: OutputFormat, config: dict[str, Any], lost: list[str]) -> None:
    assert encoded(output=output) == (config, lost)

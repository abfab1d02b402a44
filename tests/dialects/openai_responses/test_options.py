from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Target
from argo_relay.dialects.openai_responses.options import (
    decode_reasoning_wish,
    decode_sampling,
    decode_text,
    encode_options,
    repeated,
)
from argo_relay.neutral.content import CacheMark, Text
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.request import Message, OutputFormat, ReasoningWish, Request, Sampling
from argo_relay.neutral.tools import FunctionTool

SCHEMA = {"type": "object", "properties": {}}


def encoded(dialect: str = "anthropic", **said: Any) -> tuple[dict[str, Any], list[str]]:
    losses: Losses = []
    request = Request(**{"dialect": dialect, "model": "m", "messages": (), **said})
    body = encode_options(request, Target(model="m", max_output=1000), losses)
    return body, [f"{loss.path}={loss.how}" for loss in losses]


def test_a_foreign_client_never_asked_to_be_stored() -> None:
    assert encoded() == ({"store": False}, [])
    assert encoded(store=True)[0]["store"] is True
    assert encoded("openai_responses") == ({}, [])


def test_sampling() -> None:
    values = {"temperature": 0.5, "top_p": 0.9, "top_logprobs": 2, "include": ["message.output_text.logprobs"]}
    sampling = decode_sampling(values)
    assert sampling == Sampling(temperature=0.5, top_p=0.9, logprobs=True, top_logprobs=2)
    assert encoded(sampling=sampling) == ({**values, "store": False}, [])


def test_what_there_is_no_field_for_is_lost() -> None:
    sampling = Sampling(top_k=4, frequency_penalty=0.1, presence_penalty=0.2, seed=7, stop=("x",))
    body, lost = encoded(sampling=sampling, cache=CacheMark(), extras={"anthropic": {"container": "c"}})
    assert body == {"store": False}
    assert lost == [
        "sampling.top_k=dropped",
        "sampling.frequency_penalty=dropped",
        "sampling.presence_penalty=dropped",
        "sampling.seed=dropped",
        "sampling.stop=dropped",
        "cache=dropped",
        "extras.anthropic.container=dropped",
    ]


@pytest.mark.parametrize(
    ("dialect", "limit", "said", "lost"),
    [
        ("anthropic", 99, 99, []),
        ("anthropic", 1, 16, ["max_output=approximated"]),
        ("openai_responses", 1, 1, []),
        ("anthropic", 9999, 1000, ["max_output=approximated"]),
    ],
)
def test_the_limit_is_one_that_the_model_accepts(dialect: str, limit: int, said: int, lost: list[str]) -> None:
    body, told = encoded(dialect, max_output=limit)
    assert (body["max_output_tokens"], told) == (said, lost)


@pytest.mark.parametrize(
    ("wish", "said", "lost"),
    [
        (ReasoningWish(effort="high", summary="auto"), {"effort": "high", "summary": "auto"}, []),
        (ReasoningWish(mode="off"), {"effort": "none"}, []),
        (ReasoningWish(budget=2048), {"effort": "low"}, ["reasoning.budget=approximated"]),
        (
            ReasoningWish(mode="on", budget=16384, visible=True),
            {"effort": "high", "summary": "auto"},
            ["reasoning.budget=approximated"],
        ),
        (ReasoningWish(mode="adaptive"), None, ["reasoning=dropped"]),
        (ReasoningWish(budget=-1, visible=True), {"summary": "auto"}, ["reasoning=dropped"]),
        (ReasoningWish(visible=False), None, []),
    ],
)
def test_wishes_for_thought(wish: ReasoningWish, said: Any, lost: list[str]) -> None:
    body, told = encoded(reasoning=wish)
    assert (body.get("reasoning"), told) == (said, lost)


def test_seals_are_asked_for_where_the_model_thinks() -> None:
    assert encoded(reasoning=ReasoningWish(effort="low"))[0]["include"] == ["reasoning.encrypted_content"]
    assert "include" not in encoded(reasoning=ReasoningWish(mode="off"))[0]
    assert "include" not in encoded("openai_responses", reasoning=ReasoningWish(effort="low"))[0]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"effort": "low", "summary": "detailed"},
        {"effort": "ludicrous"},
        {"effort": 5, "summary": ["x"], "generate_summary": "auto"},
    ],
)
def test_own_wishes_come_out_as_they_went_in(value: dict[str, Any]) -> None:
    assert encoded("openai_responses", reasoning=decode_reasoning_wish(value)) == ({"reasoning": value}, [])
    assert decode_reasoning_wish(None) is None


@pytest.mark.parametrize(
    "value",
    [
        {"format": {"type": "text"}},
        {"format": {"type": "json_object"}, "verbosity": "low"},
        {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "description": "d", "strict": True, "x": 1}},
        {"format": {"type": "grammar", "syntax": "lark"}},
        {"format": {"type": "json_schema", "schema": "odd"}},
        {"verbosity": 5, "new": 1},
    ],
)
def test_own_formats_come_out_as_they_went_in(value: dict[str, Any]) -> None:
    output, verbosity, rest = decode_text(value)
    extras = {"openai_responses": {"text": rest}} if rest else {}
    body, lost = encoded("openai_responses", output=output, verbosity=verbosity, extras=extras)
    assert (body, lost) == ({"text": value}, [])
    assert decode_text(None) == (None, None, {})


def test_a_schema_without_a_name_gets_one() -> None:
    body, _ = encoded(output=OutputFormat(kind="schema", schema=SCHEMA))
    assert body["text"] == {"format": {"type": "json_schema", "name": "output", "schema": SCHEMA}}


def test_metadata_holds_texts() -> None:
    body, lost = encoded(metadata={"a": "b", "c": 1})
    assert (body["metadata"], lost) == ({"a": "b"}, ["metadata.c=dropped"])
    assert encoded("openai_responses", metadata={"c": 1}) == ({"metadata": {"c": 1}}, [])


def test_a_response_repeats_its_request() -> None:
    request = Request(
        dialect="openai_responses",
        model="m",
        messages=(
            Message(role="system", parts=(Text(text="Be kind."),), extras={"openai_responses": {"instructions": True}}),
        ),
        tools=(FunctionTool(name="f"),),
        reasoning=ReasoningWish(effort="low"),
        extras={"openai_responses": {"conversation": "conv_1", "truncation": "auto"}},
    )
    said = repeated(request)
    assert (said["instructions"], said["truncation"], said["store"]) == ("Be kind.", "auto", False)
    assert said["tools"] == [{"type": "function", "name": "f", "parameters": None, "strict": None}]
    assert said["reasoning"] == {"effort": "low", "summary": None}
    assert said["text"] == {"format": {"type": "text"}}
    assert said["conversation"] == {"id": "conv_1"}

from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Target
from argo_relay.dialects.openai_chat.options import (
    OptionEncoder,
    decode_limit,
    decode_output,
    decode_reasoning,
    decode_sampling,
)
from argo_relay.errors import Refused
from argo_relay.neutral.content import CacheMark
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.request import OutputFormat, ReasoningWish, Request, Sampling

GPT5 = Target(model="gpt-5", owner="openai", max_output=1000)
GPT51 = Target(model="gpt51", owner="openai")
O3 = Target(model="gpto3mini", owner="openai")
GPT4 = Target(model="gpt-4o-2025-05-05", owner="openai")
GEMINI = Target(model="gemini25pro", owner="google")
OTHER = Target(model="llama")
SCHEMA = {"type": "object", "properties": {}}


def encoded(target: Target = OTHER, dialect: str = "anthropic", **said: Any) -> tuple[dict[str, Any], list[str]]:
    losses: Losses = []
    request = Request(dialect=dialect, model="m", messages=(), **said)
    return OptionEncoder(request, target, losses).encode(), [f"{loss.what}={loss.how}" for loss in losses]


DRAWN: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.2,
    "seed": 7,
    "logprobs": True,
    "top_logprobs": 3,
    "stop": ["END"],
}


def test_sampling_goes_both_ways() -> None:
    sampling = decode_sampling(DRAWN)
    assert sampling == Sampling(**{**DRAWN, "stop": ("END",)})
    assert encoded(sampling=sampling) == (DRAWN, [])
    assert decode_sampling({"stop": "END"}).stop == ("END",)
    assert decode_sampling({"stop": None}) == Sampling()


@pytest.mark.parametrize(("field", "value"), [("stop", [1]), ("seed", "7"), ("top_k", True)])
def test_what_cannot_be_drawn_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(Refused) as refused:
        decode_sampling({field: value})
    assert refused.value.failure.param == field


def test_sampling_is_fitted_to_openai() -> None:
    sampling = Sampling(top_k=4, stop=("a", "b", "c", "d", "e"), top_logprobs=2)
    body, lost = encoded(GPT4, sampling=sampling)
    assert body == {"top_logprobs": 2, "logprobs": True, "stop": ["a", "b", "c", "d"]}
    assert lost == ["top_k=dropped", "stop=approximated"]
    assert len(encoded(OTHER, sampling=sampling)[0]["stop"]) == 5


@pytest.mark.parametrize(
    ("target", "field", "limit", "lost"),
    [
        (GPT5, "max_completion_tokens", 1000, ["max_output=approximated"]),
        (GPT51, "max_completion_tokens", 2000, []),
        (GEMINI, "max_tokens", 2000, []),
        (OTHER, "max_tokens", 2000, []),
    ],
)
def test_a_limit_has_the_name_that_the_model_knows(target: Target, field: str, limit: int, lost: list[str]) -> None:
    assert encoded(target, max_output=2000) == ({field: limit}, lost)


def test_the_newer_limit_counts() -> None:
    assert decode_limit({"max_tokens": 1, "max_completion_tokens": 2}) == 2
    assert decode_limit({"max_tokens": 1, "max_completion_tokens": None}) == 1
    assert decode_limit({}) is None


@pytest.mark.parametrize(
    ("values", "wish"),
    [
        ({"reasoning_effort": "low"}, ReasoningWish(effort="low")),
        ({"reasoning": {"effort": "high", "exclude": True}}, ReasoningWish(effort="high", visible=False)),
        ({"reasoning": {"max_tokens": 2000, "enabled": True}}, ReasoningWish(mode="on", budget=2000)),
        ({"thinking": {"type": "enabled", "budget_tokens": 5}}, ReasoningWish(mode="on", budget=5)),
        ({"thinking": {"type": "disabled"}}, ReasoningWish(mode="off")),
        ({"thinking": {"type": "auto"}}, ReasoningWish(mode="adaptive")),
        ({"enable_thinking": False}, ReasoningWish(mode="off")),
        ({"include_reasoning": True}, ReasoningWish(visible=True)),
        ({"reasoning_effort": "extreme"}, ReasoningWish()),
        ({"reasoning": "high", "thinking": [1]}, ReasoningWish()),
    ],
)
def test_a_wish_for_thought_is_read_in_any_servers_words(values: dict[str, Any], wish: ReasoningWish) -> None:
    read = decode_reasoning(values)
    assert read is not None
    assert ReasoningWish(
        **{name: getattr(read, name) for name in ("mode", "effort", "budget", "summary", "visible")}
    ) == (wish)
    assert encoded(dialect="openai_chat", reasoning=read) == (values, [])


def test_nothing_is_wished_where_nothing_is_said() -> None:
    assert decode_reasoning({"reasoning": None}) is None


@pytest.mark.parametrize(
    ("target", "wish", "effort", "lost"),
    [
        (OTHER, ReasoningWish(effort="high"), "high", []),
        (OTHER, ReasoningWish(effort="none"), "none", []),
        (OTHER, ReasoningWish(mode="off"), None, ["reasoning=dropped"]),
        (OTHER, ReasoningWish(mode="on", budget=2000), "low", ["budget=approximated"]),
        (OTHER, ReasoningWish(mode="adaptive"), None, ["reasoning=dropped"]),
        (OTHER, ReasoningWish(budget=-1), None, ["reasoning=dropped"]),
        (OTHER, ReasoningWish(effort="low", visible=True), "low", ["reasoning_summary=dropped"]),
        (OTHER, ReasoningWish(effort="low", summary="auto"), "low", ["reasoning_summary=dropped"]),
        (GPT4, ReasoningWish(effort="high"), None, ["reasoning=dropped"]),
        (GPT4, ReasoningWish(mode="off"), None, []),
        (GPT5, ReasoningWish(mode="off"), "minimal", ["reasoning_effort=approximated"]),
        (GPT5, ReasoningWish(effort="minimal"), "minimal", []),
        (GPT5, ReasoningWish(effort="max"), "high", ["reasoning_effort=approximated"]),
        (GPT51, ReasoningWish(mode="off"), "none", []),
        (GPT51, ReasoningWish(effort="minimal"), "low", ["reasoning_effort=approximated"]),
        (GPT51, ReasoningWish(effort="xhigh"), "xhigh", []),
        (GPT51, ReasoningWish(effort="max"), "xhigh", ["reasoning_effort=approximated"]),
        (O3, ReasoningWish(mode="off"), "low", ["reasoning_effort=approximated"]),
        (O3, ReasoningWish(effort="medium"), "medium", []),
    ],
)
def test_a_wish_is_fitted_to_the_model(
    target: Target, wish: ReasoningWish, effort: str | None, lost: list[str]
) -> None:
    body = {} if effort is None else {"reasoning_effort": effort}
    assert encoded(target, reasoning=wish) == (body, lost)


@pytest.mark.parametrize(
    "form",
    [
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_object", "schema": {"a": 1}},
        {"type": "grammar", "grammar": "x"},
        {"type": "json_schema"},
        {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": SCHEMA, "strict": False}},
        {"type": "json_schema", "json_schema": {"schema": SCHEMA, "more": 1}, "most": 2},
    ],
)
def test_a_form_comes_back(form: dict[str, Any]) -> None:
    body, lost = encoded(dialect="openai_chat", output=decode_output(form))
    assert body == {"response_format": form}
    assert not lost


def test_a_schema_without_its_type_is_one() -> None:
    assert decode_output({"json_schema": {"name": "n", "schema": SCHEMA}}) == OutputFormat(
        kind="schema", name="n", schema=SCHEMA
    )
    assert decode_output(None) is None
    with pytest.raises(Refused) as refused:
        decode_output({"type": "json_schema", "json_schema": {"schema": "x"}})
    assert refused.value.failure.param == "response_format.json_schema.schema"


def test_a_foreign_schema_gets_the_name_that_is_required() -> None:
    body, lost = encoded(output=OutputFormat(kind="schema", schema=SCHEMA))
    assert body == {"response_format": {"type": "json_schema", "json_schema": {"name": "output", "schema": SCHEMA}}}
    assert not lost
    assert encoded(output=OutputFormat(kind="text")) == ({}, [])
    assert encoded(output=OutputFormat(kind="json")) == ({"response_format": {"type": "json_object"}}, [])


REST: dict[str, Any] = {
    "verbosity": "low",
    "end_user": "ann",
    "store": True,
    "service_tier": "flex",
    "cache_key": "k",
    "metadata": {"a": "b"},
}
WRITTEN = {
    "verbosity": "low",
    "user": "ann",
    "store": True,
    "service_tier": "flex",
    "prompt_cache_key": "k",
    "metadata": {"a": "b"},
}


def test_the_rest_is_written_for_openai() -> None:
    assert encoded(GPT5, **REST) == (WRITTEN, [])
    assert encoded(OTHER, **REST) == (WRITTEN, [])


def test_the_rest_is_a_loss_where_it_is_not_known() -> None:
    body, lost = encoded(GEMINI, **REST)
    assert body == {"user": "ann"}
    assert lost == [
        "verbosity=dropped",
        "prompt_cache_key=dropped",
        "store=dropped",
        "service_tier=dropped",
        "metadata=dropped",
    ]


def test_what_openai_would_refuse_is_a_loss() -> None:
    body, lost = encoded(
        GPT5, store=False, service_tier="standard_only", metadata={"a": "b"}, cache=CacheMark(), continues="resp_1"
    )
    assert body == {}
    assert lost == [
        "service_tier=dropped",
        "metadata=dropped",
        "cache=dropped",
        "previous_response_id=dropped",
    ]

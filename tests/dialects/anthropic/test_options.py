from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.anthropic.options import (
    Asked,
    decode_end_user,
    decode_output,
    decode_reasoning,
    decode_sampling,
    encode_options,
    leftovers,
)
from argo_relay.dialects.base import Target
from argo_relay.errors import Refused
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.request import OutputFormat, ReasoningWish, Request, Sampling

SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
FORM = {"type": "json_schema", "schema": SCHEMA}


def encoded(
    model: str = "claude-opus-4-5", *, most: int | None = None, thinkable: bool = True, **said: Any
) -> tuple[dict[str, Any], list[str], str | None]:
    losses: Losses = []
    request = Request(dialect="openai_chat", model="m", messages=(), **said)
    body, instruction = encode_options(Asked(request, Target(model=model, max_output=most), thinkable, losses))
    return body, [loss.what for loss in losses], instruction


def test_sampling_is_read() -> None:
    values = {"temperature": 0, "top_p": 0.5, "top_k": 7, "stop_sequences": ["END"]}
    assert decode_sampling(values) == Sampling(temperature=0, top_p=0.5, top_k=7, stop=("END",))
    with pytest.raises(Refused) as caught:
        decode_sampling({"stop_sequences": [5]})
    assert caught.value.failure.param == "stop_sequences"


@pytest.mark.parametrize(
    ("values", "wish"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}}, ReasoningWish(mode="off")),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, ReasoningWish(mode="on", budget=2000)),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "xhigh"}},
            ReasoningWish(mode="adaptive", effort="xhigh", visible=False, extras={"anthropic": {"display": "omitted"}}),
        ),
        ({"output_config": {"effort": "max"}}, ReasoningWish(effort="max")),
        ({"output_config": {"effort": "new"}, "thinking": {"type": ["x"]}}, None),
        (
            {"thinking": {"type": "enabled", "budget_tokens": "x", "display": []}},
            ReasoningWish(mode="on", extras={"anthropic": {"display": []}}),
        ),
    ],
)
def test_the_wish_for_thought_is_read(values: dict[str, Any], wish: ReasoningWish | None) -> None:
    assert decode_reasoning(values) == wish


def test_the_form_of_the_answer_is_read() -> None:
    assert decode_output({"output_config": {"format": FORM}}) == OutputFormat(kind="schema", schema=SCHEMA)
    beta = OutputFormat(kind="schema", schema=SCHEMA, extras={"anthropic": {"field": "output_format"}})
    assert decode_output({"output_format": FORM}) == beta
    assert decode_output({"output_config": {"format": {"type": "new"}}}) is None
    assert decode_output({"output_config": {}}) is None


def test_the_end_user_is_read() -> None:
    assert decode_end_user({"metadata": {"user_id": "u"}}) == "u"
    assert decode_end_user({"metadata": {"user_id": 5}}) is None
    assert decode_end_user({}) is None


def test_what_is_not_read_is_kept() -> None:
    values = {
        "thinking": {"type": "new"},
        "output_config": {"effort": "new", "format": FORM, "task_budget": {"total": 1}},
        "output_format": {"type": "new"},
        "metadata": {"user_id": "u", "team": "t"},
    }
    assert leftovers(values) == {
        "thinking": {"type": "new"},
        "output_config": {"effort": "new", "task_budget": {"total": 1}},
        "output_format": {"type": "new"},
        "metadata": {"team": "t"},
    }
    assert leftovers({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}, "metadata": {}}) == {}


@pytest.mark.parametrize(
    ("model", "adaptive"),
    [
        ("claude-opus-4-6", True),
        ("claudeopus47", True),
        ("claude-sonnet-4-6@20260101", True),
        ("anthropic.claude-sonnet-5-v1:0", True),
        ("claude-opus-5-5", True),
        ("some-other-model", True),
        ("claude-opus-4-5-20251101", False),
        ("claude-opus-4-20250514", False),
        ("claude-4-opus", False),
        ("claudehaiku45", False),
        ("claude-3-7-sonnet-20250219", False),
    ],
)
def test_an_effort_is_said_as_the_model_knows_it(model: str, adaptive: bool) -> None:
    body, lost, _ = encoded(model, reasoning=ReasoningWish(effort="high"))
    assert lost == []
    if adaptive:
        assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})
    else:
        assert body["thinking"] == {"type": "enabled", "budget_tokens": 16384}
        assert body["max_tokens"] == 16384 + 8192
        assert "output_config" not in body


@pytest.mark.parametrize(
    ("model", "effort", "known", "lost"),
    [
        ("claude-opus-4-6", "minimal", "low", ["reasoning_effort"]),
        ("claude-opus-4-6", "xhigh", "high", ["reasoning_effort"]),
        ("claude-opus-4-7", "xhigh", "xhigh", []),
        ("claude-opus-4-6", "max", "max", []),
    ],
)
def test_an_effort_that_is_not_known_becomes_the_nearest(model: str, effort: Any, known: str, lost: list[str]) -> None:
    body, losses, _ = encoded(model, reasoning=ReasoningWish(effort=effort))
    assert (body["output_config"]["effort"], losses) == (known, lost)


@pytest.mark.parametrize(
    ("said", "thinking", "limit", "lost"),
    [
        ({"wanted": 20000, "budget": 2000}, 2000, 20000, []),
        ({"wanted": 1000, "budget": 2000}, 2000, 3000, ["max_tokens"]),
        ({"wanted": 1000, "budget": 2000, "most": 2500}, 1500, 2500, ["max_tokens"]),
        ({"wanted": 1000, "budget": 10}, 1024, 2024, ["max_tokens"]),
        ({"wanted": None, "budget": 9000, "most": 64000}, 9000, 64000, []),
        ({"wanted": 1000, "budget": 2000, "most": 1500}, None, 1000, ["reasoning"]),
        ({"wanted": 20000, "budget": -1}, 8192, 20000, []),
    ],
)
def test_a_budget_stays_below_the_limit(
    said: dict[str, Any], thinking: int | None, limit: int, lost: list[str]
) -> None:
    wish = ReasoningWish(budget=said["budget"])
    body, losses, _ = encoded(max_output=said["wanted"], most=said.get("most"), reasoning=wish)
    assert body.get("thinking") == (None if thinking is None else {"type": "enabled", "budget_tokens": thinking})
    assert (body["max_tokens"], losses) == (limit, lost)


def test_a_model_does_not_think_where_it_cannot() -> None:
    wish = ReasoningWish(effort="low")
    assert encoded("claude-3-5-sonnet", reasoning=wish)[:2] == ({"max_tokens": 8192}, ["reasoning"])
    assert encoded(thinkable=False, reasoning=wish)[:2] == ({"max_tokens": 8192}, ["reasoning"])
    assert "thinking" in encoded("claude-opus-4-6", thinkable=False, reasoning=wish)[0]
    none = ReasoningWish(effort="none")
    assert encoded("claude-opus-4-6", reasoning=none)[0]["thinking"] == {"type": "disabled"}
    assert "thinking" not in encoded(reasoning=none)[0]
    assert "thinking" not in encoded(reasoning=ReasoningWish())[0]


def test_thoughts_are_shown_to_who_asks_for_them() -> None:
    shown = {"type": "adaptive", "display": "summarized"}
    assert encoded("claude-opus-4-7", reasoning=ReasoningWish(summary="auto"))[0]["thinking"] == shown
    assert encoded("claude-opus-4-7", reasoning=ReasoningWish(effort="low", visible=True))[0]["thinking"] == shown
    hidden = ReasoningWish(effort="low", summary="auto", visible=False)
    assert encoded("claude-opus-4-7", reasoning=hidden)[0]["thinking"] == {"type": "adaptive"}


@pytest.mark.parametrize(
    ("model", "sampling", "body", "lost"),
    [
        ("claude-opus-4-5", Sampling(temperature=1.5), {"temperature": 1}, ["temperature"]),
        ("claude-opus-4-5", Sampling(temperature=0.5, top_p=1), {"temperature": 0.5}, []),
        ("claude-opus-4-5", Sampling(temperature=0.5, top_p=0.9), {"temperature": 0.5}, ["top_p"]),
        ("claude-opus-4-5", Sampling(top_p=0.9, top_k=7.0), {"top_p": 0.9, "top_k": 7}, []),
        ("claude-opus-4-7", Sampling(temperature=1, top_p=1), {}, []),
        ("claude-opus-4-7", Sampling(temperature=0, top_p=0.9), {}, ["temperature", "top_p"]),
        ("x", Sampling(stop=("END", " ")), {"stop_sequences": ["END"]}, ["stop"]),
        ("x", Sampling(frequency_penalty=0, presence_penalty=0.0, logprobs=False, top_logprobs=0), {}, []),
        (
            "x",
            Sampling(frequency_penalty=1, presence_penalty=1, seed=0, logprobs=True, top_logprobs=2),
            {},
            ["frequency_penalty", "presence_penalty", "seed", "logprobs", "top_logprobs"],
        ),
    ],
)
def test_sampling_is_fitted(model: str, sampling: Sampling, body: dict[str, Any], lost: list[str]) -> None:
    assert encoded(model, sampling=sampling)[:2] == ({"max_tokens": 8192, **body}, lost)


def test_nothing_is_drawn_otherwise_while_a_model_thinks() -> None:
    wish = ReasoningWish(effort="low")
    body, lost, _ = encoded(sampling=Sampling(temperature=0.5, top_k=5, stop=("END",)), reasoning=wish)
    assert lost == ["temperature", "top_k"]
    assert body["stop_sequences"] == ["END"]
    assert encoded(sampling=Sampling(temperature=1), reasoning=wish)[1] == []


def test_what_the_operator_has_a_word_on_is_not_decided_here() -> None:
    sampling = Sampling(temperature=0.5, top_p=0.5, top_k=3)
    for model, kept in (("claudeopus47", {"temperature", "top_k"}), ("claudeopus45", {"top_p"})):
        losses: Losses = []
        request = Request(dialect="openai_chat", model="m", messages=(), sampling=sampling)
        target = Target(model=model, kept=frozenset(kept))
        body, _ = encode_options(Asked(request, target, True, losses))
        assert kept <= body.keys()
        assert not kept & {loss.what for loss in losses}


def test_the_limit_is_what_the_model_can_write() -> None:
    assert encoded(max_output=10)[0]["max_tokens"] == 10
    assert encoded(most=4096)[0]["max_tokens"] == 4096
    assert encoded(max_output=9999, most=4096)[:2] == ({"max_tokens": 4096}, ["max_tokens"])


def test_a_form_is_asked_for_or_told() -> None:
    assert encoded(output=OutputFormat(kind="text")) == ({"max_tokens": 8192}, [], None)
    body, lost, instruction = encoded(output=OutputFormat(kind="json"))
    assert (body, lost) == ({"max_tokens": 8192}, ["json_object"])
    assert instruction == "Answer with one JSON object and nothing else."
    wanted = OutputFormat(kind="schema", schema=SCHEMA, name="n", description="d", strict=True)
    body, lost, instruction = encoded(output=wanted)
    assert (lost, instruction) == ([], None)
    schema = {**SCHEMA, "additionalProperties": False, "title": "n", "description": "d"}
    assert body["output_config"]["format"] == {"type": "json_schema", "schema": schema}
    body, lost, instruction = encoded("claude-sonnet-4-20250514", output=wanted)
    assert ("output_config" in body, lost) == (False, ["json_schema"])
    assert '{"type":"object","properties":{}}' in (instruction or "")
    bounded = OutputFormat(kind="schema", schema={"type": "integer", "minimum": 0}, strict=False)
    assert encoded(output=bounded)[1] == ["json_schema", "strict"]


def test_the_rest_is_said_or_lost() -> None:
    body, lost, _ = encoded(end_user="u", service_tier="auto", verbosity="medium", store=False)
    assert (body["metadata"], lost) == ({"user_id": "u"}, [])
    _, lost, _ = encoded(
        end_user="u" * 300,
        service_tier="flex",
        verbosity="low",
        store=True,
        metadata={"a": "b"},
        cache_key="k",
        continues="r",
    )
    assert lost == [
        *("verbosity", "previous_response_id", "store", "metadata", "prompt_cache_key", "service_tier", "user"),
    ]

from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.dialects.anthropic.outline import outline
from argo_relay.dialects.anthropic.request_decoder import decode_request
from argo_relay.dialects.anthropic.request_encoder import encode_request
from argo_relay.dialects.base import Incoming, Target
from argo_relay.neutral.content import Reasoning, Seal, Text, ToolCall, ToolResult
from argo_relay.neutral.request import Message, OutputFormat, ReasoningWish, Request, Sampling
from argo_relay.neutral.tools import FunctionTool, ToolChoice
from support.normal_anthropic import normal

LOOK = FunctionTool(name="look", schema={"type": "object", "properties": {}})
HI = Message(role="user", parts=(Text(text="hi"),))
CALL = Message(role="assistant", parts=(ToolCall(id="t", name="look", arguments="{}"),))
RESULT = Message(role="user", parts=(ToolResult(call="t", parts=(Text(text="ok"),)),))
AGENT: dict[str, Any] = {
    "model": "m",
    "max_tokens": 32000,
    "system": [
        {"type": "text", "text": "billing"},
        {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
    ],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "system", "content": "Now.", "output_config": {"effort": "low"}},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"},
                {"type": "tool_use", "id": "t", "name": "ToolSearch", "input": {"z": 1, "a": 2}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "tool_reference", "tool_name": "look"}],
                    "is_error": False,
                    "cache_control": {"type": "ephemeral"},
                },
                {"type": "container_upload", "file_id": "f"},
            ],
        },
    ],
    "tools": [
        {"name": "look", "input_schema": {"$schema": "s", "type": "object"}, "defer_loading": True},
        {"type": "bash_20250124", "name": "bash"},
    ],
    "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": False},
    "thinking": {"type": "adaptive", "display": "omitted"},
    "output_config": {"effort": "high", "task_budget": {"type": "tokens", "total": 9}},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "metadata": {"user_id": '{"device":"x"}', "team": "t"},
    "safeguards": [{"type": "dangerous_tool_use"}],
    "temperature": 0.7,
    "top_k": 5,
    "stop_sequences": ["END", " "],
    "cache_control": {"type": "ephemeral"},
    "service_tier": "standard_only",
    "stream": True,
}


def encoded(
    *messages: Message, model: str = "claude-opus-4-5", **said: Any
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    request = Request(dialect="openai_chat", model="m", messages=messages, **said)
    body, losses = encode_request(request, Target(model=model))
    return body, [(loss.what, loss.how) for loss in losses]


@pytest.mark.parametrize("change", [{}, {"output_format": {"type": "json_schema", "schema": {}}}, {"system": "x"}])
def test_an_agents_request_comes_out_as_it_went_in(change: dict[str, Any]) -> None:
    given = {**AGENT, **change}
    request = decode_request(outline(Incoming(body=json.dumps(given).encode())))
    body, losses = encode_request(request, Target(model="m"))
    assert normal(body) == normal(given)
    assert losses == []


def test_another_dialects_conversation_is_fitted() -> None:
    body, losses = encoded(
        Message(role="system", parts=(Text(text="A"),)),
        Message(role="developer", parts=(Text(text="B"),)),
        HI,
        Message(role="user", parts=(Text(text="there"), Text(text=" "))),
        CALL,
        Message(role="user", parts=(Text(text="late"),), name="bob"),
        RESULT,
        Message(role="system", parts=(Text(text="C"),)),
        Message(role="assistant", parts=(Reasoning(text="Hm"),)),
        tools=(LOOK,),
        stream=True,
    )
    assert body == {
        "model": "claude-opus-4-5",
        "max_tokens": 8192,
        "system": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "there"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "look", "input": {}}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "ok"}]},
                    {"type": "text", "text": "late"},
                    {"type": "text", "text": "C"},
                ],
            },
        ],
        "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {}}}],
        "stream": True,
    }
    assert losses == [("name", "dropped"), ("system", "approximated"), ("reasoning", "dropped")]


def test_instructions_alone_are_a_message() -> None:
    body, losses = encoded(Message(role="system", parts=(Text(text="A"),)))
    assert "system" not in body
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "A"}]}]
    assert losses == [("system", "moved")]


def test_instructions_hold_nothing_but_text() -> None:
    body, losses = encoded(Message(role="system", parts=(Text(text="A"), Reasoning(text="x"))), HI)
    assert (body["system"], losses) == ("A", [("system", "dropped")])


def test_an_instruction_joins_the_others() -> None:
    body, losses = encoded(HI, output=OutputFormat(kind="json"))
    assert body["system"] == "Answer with one JSON object and nothing else."
    assert losses == [("json_object", "approximated")]


def test_who_thinks_chooses_freely() -> None:
    wish = ReasoningWish(effort="low")
    forced = ToolChoice(mode="required")
    body, losses = encoded(HI, tools=(LOOK,), tool_choice=forced, reasoning=wish)
    assert ("tool_choice" in body, losses) == (False, [("tool_choice", "dropped")])
    body, _ = encoded(HI, tools=(LOOK,), tool_choice=forced, reasoning=wish, parallel_tools=False)
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert encoded(HI, tools=(LOOK,), tool_choice=forced)[0]["tool_choice"] == {"type": "any"}
    assert "tool_choice" not in encoded(HI, tool_choice=ToolChoice(mode="none"))[0]


def test_unsigned_calls_are_answered_without_a_budget() -> None:
    wish = ReasoningWish(effort="low")
    body, losses = encoded(HI, CALL, RESULT, tools=(LOOK,), reasoning=wish, sampling=Sampling(temperature=0.5))
    assert ("thinking" in body, body["temperature"], losses) == (False, 0.5, [("reasoning", "dropped")])
    assert "thinking" in encoded(HI, CALL, RESULT, model="claude-opus-4-6", tools=(LOOK,), reasoning=wish)[0]
    seal = Seal(issuer="anthropic", kind="signature", value="s")
    signed = Message(role="assistant", parts=(Reasoning(text="Hm", seal=seal), *CALL.parts))
    assert "thinking" in encoded(HI, signed, RESULT, tools=(LOOK,), reasoning=wish)[0]
    assert "thinking" in encoded(HI, CALL, RESULT, CALL, HI, tools=(LOOK,), reasoning=wish)[0]


def test_what_only_another_dialect_knows_is_lost() -> None:
    message = Message(role="user", parts=HI.parts, extras={"openai_chat": {"id": "1", "prefix": True}})
    tool = FunctionTool(name="look", extras={"google": {"behavior": "BLOCKING"}})
    extras = {"openai_chat": {"n": 1, "logit_bias": {"1": 5}, "stream_options": {}}}
    _, losses = encoded(message, tools=(tool,), extras=extras)
    assert losses == [("logit_bias", "dropped"), ("prefix", "dropped"), ("behavior", "dropped")]


def test_what_says_nothing_to_anthropic_is_no_loss() -> None:
    where = Message(role="system", parts=HI.parts, extras={"openai_responses": {"instructions": True}})
    message = Message(role="user", parts=HI.parts, extras={"openai_chat": {"prefix": False}})
    tool = FunctionTool(name="look", extras={"openai_responses": {"additional": True}})
    assert encoded(where, message, tools=(tool,), extras={"openai_chat": {"safe_prompt": False}})[1] == []

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.anthropic.outline import outline
from argo_relay.dialects.anthropic.request_decoder import decode_request
from argo_relay.dialects.base import Incoming
from argo_relay.errors import Refused
from argo_relay.neutral.content import CacheMark, Opaque, Text, ToolCall, ToolResult
from argo_relay.neutral.request import Message, OutputFormat, ReasoningWish, Request, Sampling
from argo_relay.neutral.tools import FunctionTool, ToolChoice

PLAIN: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
SCHEMA: dict[str, Any] = {"type": "object"}
SAFEGUARDS = [{"type": "dangerous_tool_use", "classifier_context": {}}]


def decoded(**change: Any) -> Request:
    return decode_request(outline(Incoming(body=json.dumps({**PLAIN, **change}).encode())))


def test_a_plain_request() -> None:
    assert decoded() == Request(
        dialect="anthropic", model="m", messages=(Message(role="user", parts=(Text(text="hi"),)),), max_output=9
    )


def test_a_request_as_an_agent_sends_it() -> None:
    request = decoded(
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "system", "content": "Now.", "output_config": {"effort": "low"}},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "t", "name": "look", "input": {}},
                    {"type": "server_tool_use", "id": "s"},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]},
        ],
        tools=[{"name": "look", "input_schema": SCHEMA, "defer_loading": True}],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        stream=True,
        temperature=1,
        thinking={"type": "adaptive", "display": "updates"},
        output_config={"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}, "task_budget": {}},
        metadata={"user_id": "u"},
        cache_control={"type": "ephemeral", "ttl": "1h"},
        service_tier="auto",
        context_management={"edits": []},
        safeguards=SAFEGUARDS,
        timeout=3,
    )
    inline = {"anthropic": {"output_config": {"effort": "low"}, "inline": True}}
    assert request == Request(
        dialect="anthropic",
        model="m",
        messages=(
            Message(role="system", parts=(Text(text="Be brief.", cache=CacheMark()),)),
            Message(role="user", parts=(Text(text="hi"),)),
            Message(role="system", parts=(Text(text="Now."),), extras=inline),
            Message(
                role="assistant",
                parts=(
                    ToolCall(id="t", name="look", arguments="{}"),
                    Opaque(dialect="anthropic", payload={"type": "server_tool_use", "id": "s"}),
                ),
            ),
            Message(role="user", parts=(ToolResult(call="t", parts=(Text(text="ok"),)),)),
        ),
        tools=(FunctionTool(name="look", schema=SCHEMA, deferred=True),),
        tool_choice=ToolChoice(mode="required"),
        parallel_tools=False,
        sampling=Sampling(temperature=1),
        max_output=9,
        reasoning=ReasoningWish(mode="adaptive", effort="high", extras={"anthropic": {"display": "updates"}}),
        output=OutputFormat(kind="schema", schema=SCHEMA),
        cache=CacheMark(ttl="1h"),
        stream=True,
        end_user="u",
        service_tier="auto",
        extras={
            "anthropic": {
                "context_management": {"edits": []},
                "safeguards": SAFEGUARDS,
                "output_config": {"task_budget": {}},
            }
        },
    )


def test_a_cache_mark_of_another_form_is_kept() -> None:
    mark = {"type": "ephemeral", "scope": "global"}
    request = decoded(cache_control=mark)
    assert (request.cache, request.extras) == (CacheMark(), {"anthropic": {"cache_control": mark}})


def test_calls_without_ids_get_different_ones() -> None:
    call = {"type": "tool_use", "name": "n", "input": {}}
    turn = {"role": "assistant", "content": [call, call]}
    request = decoded(messages=[turn, turn])
    ids = [part.id for message in request.messages for part in message.parts if isinstance(part, ToolCall)]
    assert ids == ["call_0_0", "call_0_1", "call_1_0", "call_1_1"]


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (["hi"], "[0]"),
        ([{"text": "hi"}], "[0].type"),
        ([{"type": "text", "text": 5}], "[0].text"),
        ([{"type": "thinking"}], "[0].thinking"),
        ([{"type": "tool_use", "name": "n", "input": "{}"}], "[0].input"),
        ([{"type": "tool_result"}], "[0].tool_use_id"),
        ([{"type": "tool_result", "tool_use_id": "t", "content": {}}], "[0].content"),
        ([{"type": "tool_result", "tool_use_id": "t", "content": ["x"]}], "[0].content[0]"),
        ([{"type": "image", "source": "x"}], "[0].source"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(content: Any, param: str) -> None:
    with pytest.raises(Refused) as caught:
        decoded(messages=[{"role": "user", "content": content}])
    assert caught.value.failure.param == f"messages[0].content{param}"


def test_other_refusals_name_their_field() -> None:
    for change, param in (
        ({"messages": [{"role": "robot", "content": "hi"}]}, "messages[0].role"),
        ({"system": [5]}, "system[0]"),
        ({"tools": [5]}, "tools[0]"),
        ({"stop_sequences": [5]}, "stop_sequences"),
    ):
        with pytest.raises(Refused) as caught:
            decoded(**change)
        assert caught.value.failure.param == param


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["text", "tool_result", "auto"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "role", "name", "display", "format"]), inner)
    ),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    ["messages", "system", "tools", "tool_choice", "thinking", "output_config", "metadata", "cache_control"]
)


@given(st.dictionaries(FIELDS, JSON))
def test_any_request_is_read_or_refused(change: dict[str, Any]) -> None:
    try:
        decoded(**change)
    except Refused as refused:
        assert refused.failure.status == 400  # noqa: PT017

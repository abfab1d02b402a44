from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Incoming
from argo_relay.dialects.openai_chat.outline import outline
from argo_relay.dialects.openai_chat.request_decoder import decode_request
from argo_relay.errors import Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.content import Reasoning, Seal, Text, ToolCall, ToolResult
from argo_relay.neutral.request import Message, Request
from argo_relay.neutral.seals import with_seal

THOUGHT = Seal(issuer="google", kind="thought", value="c2ln")


def decoded(*messages: dict[str, Any], **said: Any) -> Request:
    body = {"model": "m", "messages": messages or [{"role": "user", "content": "x"}], **said}
    return decode_request(outline(Incoming(body=jsonx.encode(body))))


def test_a_request_is_read() -> None:
    request = decoded(
        {"role": "developer", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "x"}], "name": "ann"},
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
        max_completion_tokens=5,
        prompt_cache_key="k",
        user="u",
        verbosity="low",
        store=True,
        service_tier="flex",
        metadata={"a": "b"},
        parallel_tool_calls=False,
        logit_bias={"5": 1},
        n=2,
        timeout=3,
    )
    assert request == Request(
        dialect="openai_chat",
        model="m",
        messages=(
            Message(role="developer", parts=(Text(text="be kind"),)),
            Message(role="user", parts=(Text(text="x"),), name="ann"),
        ),
        stream=True,
        include_usage=True,
        max_output=5,
        cache_key="k",
        end_user="u",
        verbosity="low",
        store=True,
        service_tier="flex",
        metadata={"a": "b"},
        parallel_tools=False,
        extras={
            "openai_chat": {"logit_bias": {"5": 1}, "n": 2, "stream_options": {"include_obfuscation": False}},
        },
    )


@pytest.mark.parametrize("text", ["a", ""])
@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_the_short_way_of_a_text_comes_to_what_the_long_one_does(role: str, text: str) -> None:
    short = {"role": role, "content": text}
    long = {**short, "name": None}
    assert decoded(short).messages == decoded(long).messages


def test_results_in_a_row_are_one_message() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    request = decoded(
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"},
        {"role": "tool", "tool_call_id": "c1", "content": "a", "name": "f"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "b"}]},
        {"role": "user", "content": "go on"},
    )
    assert request.messages == (
        Message(role="assistant", parts=(Reasoning(text="hm"), ToolCall(id="c1", name="f", arguments="{}"))),
        Message(
            role="user",
            parts=(
                ToolResult(call="c1", name="f", parts=(Text(text="a"),)),
                ToolResult(call="c2", parts=(Text(text="b"),)),
            ),
        ),
        Message(role="user", parts=(Text(text="go on"),)),
    )


def test_a_seal_in_an_id_is_taken_out() -> None:
    sealed = with_seal("c1", THOUGHT)
    call = {"id": sealed, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    request = decoded(
        {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": sealed, "content": "a"}
    )
    assert request.messages[0].parts == (ToolCall(id="c1", name="f", arguments="{}", seal=THOUGHT),)
    assert request.messages[1].parts == (ToolResult(call="c1", parts=(Text(text="a"),)),)


def test_an_old_function_is_answered() -> None:
    request = decoded(
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "a"},
    )
    (called,) = request.messages[0].parts
    (answered,) = request.messages[1].parts
    assert isinstance(called, ToolCall)
    assert isinstance(answered, ToolResult)
    assert answered.call == called.id
    assert (answered.name, answered.extras) == ("f", {"openai_chat": {"legacy": True}})


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "wizard", "content": "x"}, "messages[0].role"),
        ({"role": "user", "content": ["x"]}, "messages[0].content[0]"),
        ({"role": "tool", "content": "x"}, "messages[0].tool_call_id"),
        ({"role": "tool", "tool_call_id": "c", "content": [1]}, "messages[0].content[0]"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(message: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as refused:
        decoded(message)
    assert refused.value.failure.param == param


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("verbosity", 1),
        ("prompt_cache_key", 1),
        ("metadata", "x"),
        ("store", "x"),
        ("service_tier", 1),
        ("functions", {}),
    ],
)
def test_a_field_of_the_wrong_type_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(Refused) as refused:
        decoded(**{field: value})
    assert refused.value.failure.param == field

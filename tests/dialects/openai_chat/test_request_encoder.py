from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Incoming, Target
from argo_relay.dialects.openai_chat.outline import outline
from argo_relay.dialects.openai_chat.request_decoder import decode_request
from argo_relay.dialects.openai_chat.request_encoder import encode_request
from argo_relay.framing import jsonx
from argo_relay.neutral.content import Text, ToolCall, ToolResult
from argo_relay.neutral.request import Message, Request, Sampling
from argo_relay.neutral.tools import FunctionTool, ToolChoice
from support.normal_openai_chat import normal

PNG = {"url": "data:image/png;base64,aGk=", "detail": "low"}
PDF = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "x"}]},
        {
            "role": "user",
            "name": "ann",
            "content": [
                {"type": "image_url", "image_url": PNG, "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "new": 1}, "newer": 2},
                {"type": "video_url", "video_url": {"url": "https://example.org/a.mp4"}},
                {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
                {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "flac"}},
                {"type": "file", "file": PDF},
                {"type": "file", "file": {"file_id": "f1"}},
                {"type": "file", "file": {"file_data": "aGk="}},
                {"type": "document_url", "document_url": "https://example.org/a.pdf", "document_name": "a"},
                {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}, "y": 1},
                {"type": "unheard_of", "z": [1]},
            ],
        },
        {"role": "assistant", "content": "a", "reasoning_content": "hm", "prefix": True},
        {"role": "assistant", "content": "a", "reasoning": "hm"},
        {"role": "assistant", "content": "a", "reasoning": "hm", "reasoning_content": "hm"},
        {
            "role": "assistant",
            "content": "a",
            "reasoning": "hm",
            "reasoning_details": [
                {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
                {"type": "reasoning.summary", "summary": "short", "id": "r1"},
                {"type": "reasoning.encrypted", "data": "e", "id": "r2"},
                {"type": "reasoning.unheard_of", "x": 1},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True},
                {"type": "text", "text": "a"},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        {"role": "assistant", "refusal": "no"},
        {"role": "assistant", "audio": {"id": "a1"}},
        {
            "role": "assistant",
            "content": "a",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}, "index": 0},
                {
                    "id": "c2",
                    "type": "function",
                    "function": {"name": "f", "arguments": "{"},
                    "extra_content": {"google": {"thought_signature": "c2ln", "x": 1}, "y": 2},
                },
                {"id": "c3", "type": "custom", "custom": {"name": "p", "input": "text"}},
            ],
        },
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "x"},
        {"role": "tool", "tool_call_id": "c1", "content": "x", "is_error": True},
        {
            "role": "tool",
            "tool_call_id": "c1",
            "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": PNG}],
        },
        {"role": "system", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "developer", "content": "a"},
    ],
)
def test_a_message_comes_back_as_it_was(message: dict[str, Any]) -> None:
    body = {"model": "m", "messages": [message]}
    request = decode_request(outline(Incoming(body=jsonx.encode(body))))
    again, losses = encode_request(request, Target(model="m"))
    assert normal(again) == normal(body)
    assert not losses


def test_what_came_in_goes_out() -> None:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        "temperature": 0,
        "max_tokens": 5,
        "n": 2,
        "logit_bias": {"5": 1},
        "some_new_thing": [1],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "response_format": {"type": "json_object"},
    }
    request = decode_request(outline(Incoming(body=jsonx.encode(body))))
    assert encode_request(request, Target(model="m")) == (body, [])


def test_a_conversation_of_another_dialect() -> None:
    request = Request(
        dialect="anthropic",
        model="m",
        messages=(
            Message(role="system", parts=(Text(text="a"),)),
            Message(role="user", parts=(Text(text="b"),)),
            Message(role="assistant", parts=(ToolCall(id="c", name="f", arguments="{}"),)),
            Message(role="user", parts=(ToolResult(call="c", parts=(Text(text="d"),)), Text(text="e"))),
        ),
        tools=(FunctionTool(name="f", schema={"type": "object"}),),
        tool_choice=ToolChoice(mode="required"),
        sampling=Sampling(temperature=0.5),
        max_output=5,
        stream=True,
        extras={"anthropic": {"container": "x", "labels": ["y"]}},
    )
    body, losses = encode_request(request, Target(model="gpt-5", owner="openai"))
    assert body == {
        "model": "gpt-5",
        "messages": [
            {"role": "system", "content": "a"},
            {"role": "user", "content": "b"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "d"},
            {"role": "user", "content": "e"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": "required",
        "temperature": 0.5,
        "max_completion_tokens": 5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert [(loss.path, loss.what) for loss in losses] == [("extras.anthropic.container", "container")]

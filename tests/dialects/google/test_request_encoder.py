from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Incoming, Target
from argo_relay.dialects.google.outline import outline
from argo_relay.dialects.google.request_decoder import decode_request
from argo_relay.dialects.google.request_encoder import encode_request
from argo_relay.framing import jsonx
from argo_relay.neutral.content import CacheMark, Opaque, Text, ToolCall, ToolResult
from argo_relay.neutral.request import Message, Request
from support.normal_google import normal

GEMINI = Target(model="gemini-3-pro-preview", owner="google")
SIGNATURE = "skip_thought_signature_validator"


def text(role: Any, words: str, **more: Any) -> Message:
    return Message(role=role, parts=(Text(text=words),), **more)


def encoded(*messages: Message, target: Target = GEMINI, **said: Any) -> tuple[dict[str, Any], list[str]]:
    request = Request(**{"dialect": "openai_chat", "model": "m", "messages": messages, **said})
    body, losses = encode_request(request, target)
    return body, [f"{loss.what}={loss.how}" for loss in losses]


@pytest.mark.parametrize(
    "body",
    [
        {"contents": [{"parts": [{"text": "hello"}]}]},
        {"contents": {"parts": {"text": "hello"}}, "systemInstruction": {"role": "user", "parts": {"text": ""}}},
        {
            "contents": [
                {
                    "role": "user",
                    "parts": [
                        {"text": "a", "thought": False},
                        {"inline_data": {"mime_type": "image/png", "data": "aGk="}},
                    ],
                },
                {
                    "role": "model",
                    "parts": [
                        {"text": "t", "thought": True},
                        {"functionCall": {"name": "f", "args": {"x_y": 1}}, "thoughtSignature": "c2ln"},
                    ],
                },
                {"role": "function", "parts": [{"functionResponse": {"name": "f", "response": {"a": [1, 2.5]}}}]},
                {
                    "role": "model",
                    "parts": [{"executableCode": {"code": "1"}}, {"codeExecutionResult": {"output": "1"}}],
                },
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"id": "z", "name": "f", "response": {"error": "x"}, "willContinue": True}}
                    ],
                },
                {"role": "user", "parts": [{"functionResponse": {"id": "y", "name": "f", "response": {}}}]},
                {"role": "system", "parts": [{"text": "inline"}]},
                {"role": "user", "parts": []},
            ],
            "system_instruction": {"parts": [{"text": "be kind"}]},
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}], "codeExecution": {}}],
            "tool_config": {
                "function_calling_config": {"mode": "any", "allowed_function_names": ["f"]},
                "includeServerSideToolInvocations": True,
            },
            "generation_config": {
                "temperature": 1,
                "candidateCount": 1,
                "thinking_config": {"thinking_level": "low"},
                "speechConfig": {"a": 1},
            },
            "labels": {"team": "x"},
            "someNewThing": [1],
        },
    ],
)
def test_what_came_in_goes_out(body: dict[str, Any]) -> None:
    request = decode_request(outline(Incoming(body=jsonx.encode(body), model="m")))
    again, losses = encode_request(request, Target(model="gemini-2.5-flash", owner="google"))
    assert normal(again) == normal(body)
    assert not losses


def test_leading_instructions_are_the_systems_and_later_ones_the_users() -> None:
    body, lost = encoded(
        text("system", "a"), text("developer", "b"), text("user", "c"), text("system", "d"), text("assistant", "")
    )
    assert body == {
        "systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}]},
        "contents": [{"role": "user", "parts": [{"text": "c"}]}, {"role": "user", "parts": [{"text": "d"}]}],
    }
    assert lost == ["system=approximated"]


def test_instructions_alone_leave_one_turn() -> None:
    body, lost = encoded(text("system", "a"), text("system", "b"))
    assert body["contents"] == [{"role": "user", "parts": [{"text": "b"}]}]
    assert body["systemInstruction"] == {"parts": [{"text": "a"}]}
    assert lost == ["system=moved"]


def test_instructions_are_the_turn_where_nothing_else_can_be_said() -> None:
    unknown = Message(role="user", parts=(Opaque(dialect="openai_chat", payload={"type": "hologram"}),))
    body, lost = encoded(text("system", "a"), text("system", "b"), unknown)
    assert body == {"contents": [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]}
    assert lost == ["opaque=dropped", "system=moved"]


def conversation(dialect: str = "openai_chat") -> dict[str, Any]:
    old = ToolCall(id="c0", name="f", arguments="{}")
    new = ToolCall(id="c1", name="f", arguments="{}")
    return {
        "dialect": dialect,
        "messages": (
            text("user", "a"),
            Message(role="assistant", parts=(old,)),
            Message(role="user", parts=(ToolResult(call="c0"),)),
            text("user", "b"),
            Message(role="assistant", parts=(new, new)),
            Message(role="user", parts=(ToolResult(call="c1"),)),
        ),
    }


@pytest.mark.parametrize("owner", ["google", None])
def test_steps_of_the_current_turn_get_the_signature_that_stands_for_none(owner: Any) -> None:
    body, lost = encoded(**conversation(), target=Target(model="m", owner=owner))
    signatures = [[part.get("thoughtSignature") for part in content["parts"]] for content in body["contents"]]
    assert signatures == [[None], [None], [None], [None], [SIGNATURE, None], [None]]
    assert lost == ["seal=approximated"]


@pytest.mark.parametrize(
    ("dialect", "target"), [("google", GEMINI), ("openai_chat", Target(model="m", owner="openai"))]
)
def test_no_one_else_gets_it(dialect: str, target: Target) -> None:
    body, lost = encoded(**conversation(dialect), target=target)
    assert SIGNATURE.encode() not in jsonx.encode(body)
    assert not lost


def test_what_gemini_has_no_field_for_is_lost_aloud() -> None:
    _, lost = encoded(
        text("user", "a", name="Ann"),
        parallel_tools=False,
        verbosity="low",
        continues="resp_1",
        cache=CacheMark(),
        service_tier="priority",
        store=True,
        extras={"openai_chat": {"logit_bias": {"1": 2}, "n": 2}},
    )
    assert lost == [
        f"{what}=dropped"
        for what in ("name", "parallel_tools", "verbosity", "continues", "store", "cache", "service_tier", "logit_bias")
    ]


def test_nothing_said_is_nothing_written() -> None:
    assert encoded(text("user", "a"), parallel_tools=True, store=False, service_tier="auto") == (
        {"contents": [{"role": "user", "parts": [{"text": "a"}]}]},
        [],
    )

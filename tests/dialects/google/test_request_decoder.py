from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Incoming
from argo_relay.dialects.google.outline import outline
from argo_relay.dialects.google.request_decoder import decode_request
from argo_relay.errors import Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.content import Text
from argo_relay.neutral.request import Message, OutputFormat, ReasoningWish, Request, Sampling
from argo_relay.neutral.tools import FunctionTool, ToolChoice


def decoded(body: dict[str, Any], **said: Any) -> Request:
    return decode_request(outline(Incoming(**{"body": jsonx.encode(body), "model": "m", **said})))


def test_a_request_in_both_spellings() -> None:
    assert decoded(
        {
            "system_instruction": {"parts": [{"text": "be kind"}]},
            "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
            "tools": [{"function_declarations": [{"name": "look"}]}],
            "toolConfig": {"function_calling_config": {"mode": "ANY"}, "retrievalConfig": {"a": 1}},
            "generation_config": {
                "temperature": 0,
                "max_output_tokens": 100,
                "candidateCount": 2,
                "thinkingConfig": {"include_thoughts": True},
                "responseModalities": ["TEXT"],
                "imageConfig": {"aspectRatio": "1:1"},
            },
            "safetySettings": [{"category": "x", "threshold": "y"}],
            "cachedContent": None,
            "model": "models/other",
            "timeout": 5,
        },
        stream=True,
        array=True,
    ) == Request(
        dialect="google",
        model="m",
        stream=True,
        messages=(
            Message(role="system", parts=(Text(text="be kind"),)),
            Message(role="user", parts=(Text(text="hello"),)),
        ),
        tools=(FunctionTool(name="look"),),
        tool_choice=ToolChoice(mode="required", extras={"google": {"mode": "ANY"}}),
        sampling=Sampling(temperature=0),
        max_output=100,
        reasoning=ReasoningWish(visible=True, extras={"google": {"includeThoughts": True}}),
        output=OutputFormat(kind="text", extras={"google": {"responseModalities": ["TEXT"]}}),
        extras={
            "google": {
                "safetySettings": [{"category": "x", "threshold": "y"}],
                "generationConfig": {"imageConfig": {"aspectRatio": "1:1"}},
                "toolConfig": {"retrievalConfig": {"a": 1}},
                "n": 2,
                "array": True,
            }
        },
    )


def test_a_short_request_has_no_extras() -> None:
    request = decoded({"contents": [{"parts": [{"text": "hello"}]}], "generationConfig": None})
    assert request.extras == {}
    assert not request.stream


def test_what_is_nested_too_deeply_is_refused() -> None:
    schema = b'{"items":' * 900 + b"{}" + b"}" * 900
    tools = b'[{"functionDeclarations":[{"name":"a","parameters":' + schema + b"}]}]"
    body = b'{"contents":[{"parts":[{"text":"hello"}]}],"tools":' + tools + b"}"
    with pytest.raises(Refused) as caught:
        decode_request(outline(Incoming(body=body, model="m")))
    assert caught.value.failure.code == "invalid_json"


def test_a_wrong_number_names_its_field() -> None:
    with pytest.raises(Refused, match=r"generationConfig\.maxOutputTokens"):
        decoded({"contents": [{"parts": []}], "generationConfig": {"maxOutputTokens": "many"}})

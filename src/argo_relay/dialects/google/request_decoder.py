"""A Gemini request in neutral words: https://ai.google.dev/api/generate-content#request-body."""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.base import Outline, passed_over
from argo_relay.dialects.google.content_decoder import decode_contents, decode_instruction
from argo_relay.dialects.google.options import decode_output, decode_reasoning, decode_sampling, own_members, whole
from argo_relay.dialects.google.outline import in_camel_case, in_list
from argo_relay.dialects.google.tools import decode_tool_choice, decode_tools
from argo_relay.errors import Refused
from argo_relay.neutral.failure import bad_request
from argo_relay.neutral.request import Request

_KNOWN: Final = frozenset(
    {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "model", "timeout"}
)


def decode_request(outline: Outline) -> Request:
    """Return what a client asks for; raise Refused (400, the field named) for what cannot be read.

    `extras["google"]` holds what is Gemini's alone: members of the body, of `generationConfig` and of `toolConfig`
    under these names, `n` for `candidateCount`, and `array` for a stream that is a JSON array.
    """
    try:
        return _decode(outline)
    except RecursionError:
        raise Refused(bad_request("The request body is nested too deeply.", None, "invalid_json")) from None


def _decode(outline: Outline) -> Request:
    body = in_camel_case(outline.body.values)
    config = body.get("generationConfig") or {}
    choice, tool_config = decode_tool_choice(body.get("toolConfig"))
    extras: dict[str, Any] = passed_over(body, _KNOWN)
    if rest := own_members(config):
        extras["generationConfig"] = rest
    if tool_config:
        extras["toolConfig"] = tool_config
    if (count := whole(config, "candidateCount")) is not None:
        extras["n"] = count
    if outline.array:
        extras["array"] = True
    messages = decode_contents(in_list(body.get("contents")))
    if body.get("systemInstruction"):
        messages.insert(0, decode_instruction(body["systemInstruction"]))
    return Request(
        dialect="google",
        model=outline.model,
        messages=tuple(messages),
        tools=decode_tools(body.get("tools")),
        tool_choice=choice,
        sampling=decode_sampling(config),
        max_output=whole(config, "maxOutputTokens"),
        reasoning=decode_reasoning(config.get("thinkingConfig")),
        output=decode_output(config),
        stream=outline.stream,
        extras={"google": extras} if extras else {},
    )

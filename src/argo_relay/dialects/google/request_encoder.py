"""A neutral request as the body of `generateContent`; model and stream belong into the path.

https://ai.google.dev/api/generate-content#request-body
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from argo_relay.dialects.base import Target, lose_extras
from argo_relay.dialects.google.content_encoder import RequestParts, lose_mark
from argo_relay.dialects.google.options import encode_options
from argo_relay.dialects.google.tools import encode_tool_choice, encode_tools
from argo_relay.neutral.content import ToolCall
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.request import Message, Request

_SKIPPED_SIGNATURE: Final = "skip_thought_signature_validator"
_OURS: Final = frozenset({"generationConfig", "toolConfig", "n", "array"})


def encode_request(request: Request, target: Target) -> tuple[dict[str, Any], Losses]:
    """Return the body that asks an upstream for it, and what Gemini's dialect cannot say."""
    losses: Losses = []
    own = request.dialect == "google"
    messages, leading = _arranged(request, losses)
    parts = RequestParts(own=own, model=target.model, losses=losses)
    body: dict[str, Any] = {}
    if leading:
        body["systemInstruction"] = _instruction(messages[:leading], parts)
    body["contents"] = _contents(messages, leading, parts, own, losses)
    if not own and not body["contents"] and (instruction := body.pop("systemInstruction", None)):
        body["contents"] = [{"role": "user", **instruction}]
        _move(0, losses)
    if not own and target.owner in ("google", None):
        _sign(messages, body["contents"], losses)
    extras = request.extras.get("google", {})
    if tools := encode_tools(request.tools, losses):
        body["tools"] = tools
    tool_config = dict(extras.get("toolConfig", {}))
    if request.tool_choice is not None and (calling := encode_tool_choice(request.tool_choice, losses)):
        tool_config["functionCallingConfig"] = calling
    if tool_config:
        body["toolConfig"] = tool_config
    config = encode_options(request, target, losses) | extras.get("generationConfig", {})
    if "n" in extras:
        config["candidateCount"] = extras["n"]
    if config:
        body["generationConfig"] = config
    _lose_options(request, losses)
    return body | {name: value for name, value in extras.items() if name not in _OURS}, losses


def _arranged(request: Request, losses: Losses) -> tuple[tuple[Message, ...], int]:
    """Return the messages, and how many of the first are the system's: a request must hold some content besides."""
    messages = request.messages
    leading = 0
    while leading < len(messages) and _is_system(messages[leading]) and not _own(messages[leading]).get("inline"):
        leading += 1
    if request.dialect == "google" or leading < len(messages) or not messages:
        return messages, leading
    _move(leading - 1, losses)
    return (*messages[:-1], msgspec.structs.replace(messages[-1], role="user")), leading - 1


def _move(index: int, losses: Losses) -> None:
    why = "Gemini wants a turn besides the system's; its last instruction is the user's first turn."
    losses.append(Loss(path=f"messages[{index}]", what="system", why=why, how="moved"))


def _is_system(message: Message) -> bool:
    return message.role in ("system", "developer")


def _own(message: Message) -> dict[str, Any]:
    return message.extras.get("google", {})


def _instruction(messages: tuple[Message, ...], parts: RequestParts) -> dict[str, Any]:
    encoded = []
    for index, message in enumerate(messages):
        encoded += parts.encode(message.parts, f"messages[{index}]")
    return {"parts": encoded, **_own(messages[0])}


def _contents(
    messages: tuple[Message, ...], leading: int, parts: RequestParts, own: bool, losses: Losses
) -> list[dict[str, Any]]:
    contents = []
    for index, message in enumerate(messages[leading:], leading):
        path = f"messages[{index}]"
        members = {name: value for name, value in _own(message).items() if name != "inline"}
        if _is_system(message):
            if _own(message).get("inline"):
                members["role"] = "system"
            else:
                why = "Gemini takes the system's words before all others only; these stand as the user's."
                losses.append(Loss(path=path, what="system", why=why, how="approximated"))
        if message.name is not None:
            losses.append(Loss(path=path, what="name", why="Gemini's turns have no names."))
        encoded = parts.encode(message.parts, path)
        if encoded or own:
            role = "model" if message.role == "assistant" else "user"
            contents.append({"role": role, "parts": encoded, **members})
    return contents


def _sign(messages: tuple[Message, ...], contents: list[dict[str, Any]], losses: Losses) -> None:
    """Give each step of the current turn the signature that stands for none: Gemini 3 refuses a step without.

    https://ai.google.dev/gemini-api/docs/thought-signatures
    """
    begin = max((at for at, content in enumerate(contents) if _is_question(content)), default=-1)
    signed = False
    for content in contents[begin + 1 :]:
        if content["role"] != "model":
            continue
        first = next((part for part in content["parts"] if "functionCall" in part), None)
        if first is not None and "thoughtSignature" not in first:
            first["thoughtSignature"] = _SKIPPED_SIGNATURE
            signed = True
    if signed:
        index = next(at for at, message in enumerate(messages) if any(isinstance(p, ToolCall) for p in message.parts))
        why = "These calls come from another model: Gemini is told not to look for its signature."
        losses.append(Loss(path=f"messages[{index}]", what="seal", why=why, how="approximated"))


def _is_question(content: dict[str, Any]) -> bool:
    parts = content["parts"]
    return content["role"] == "user" and not any("functionResponse" in part for part in parts)


def _lose_options(request: Request, losses: Losses) -> None:
    """Say what of a request Gemini has no field for, as far as it changes the answer."""
    if request.parallel_tools is False:
        losses.append(Loss(path="parallel_tools", what="parallel_tools", why="Gemini may always call several tools."))
    for field in ("verbosity", "continues", "cache_key", "end_user", "metadata", "store"):
        if getattr(request, field) not in (None, False):
            losses.append(Loss(path=field, what=field, why="Gemini has no field for it."))
    if request.cache is not None:
        lose_mark(request.cache, "cache", losses)
    if request.service_tier not in (None, "auto", "default", "standard", "standard_only"):
        losses.append(Loss(path="service_tier", what="service_tier", why="Gemini's requests have no service tiers."))
    lose_extras(request, "google", losses)

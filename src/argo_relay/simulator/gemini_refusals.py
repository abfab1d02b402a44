"""What Gemini refuses behind Argo, and where Argo itself fails on it. Only on chat: elsewhere there is no Gemini.

The 500 was recorded from production in May 2026, three times in eighteen; why is inferred, from a probe to which tiny
limits always did that. The 400 for calls is known from reports. The other words are Google's, the wrapping inferred.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from argo_relay.simulator.errors import crashed, wrapped
from argo_relay.simulator.models import Model
from argo_relay.simulator.openai_refusals import by_url
from argo_relay.simulator.request import Refusal, Request, dicts
from argo_relay.simulator.seals import gemini_takes
from argo_relay.simulator.vertex_schemas import problems
from argo_relay.simulator.wire import encode

TINY = 16
"""Tokens: thoughts that nobody sees take all of them, and Argo trips over a reply without parts."""
_MILLION = 1_000_000


def _invalid(message: str) -> Refusal:
    inner = {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}
    return Refusal(status=400, body=encode(wrapped(400, inner)))


def _null_content(request: Request) -> Refusal | None:
    return crashed() if any(message.get("content", "") is None for message in request.messages) else None


def _system(request: Request) -> Refusal | None:
    """Refuse a system message in parts: that Argo does is known from a client that flattens them."""
    asides = [message for message in request.messages if message.get("role") in {"system", "developer"}]
    if not any(isinstance(message.get("content"), list) for message in asides):
        return None
    return _invalid("Invalid value at 'system_instruction.parts[0].text' (TYPE_STRING), Starting an object on a scalar")


def _schemas(request: Request) -> Refusal | None:
    found: list[str] = []
    for index, tool in enumerate(dicts(request.body.get("tools"))):
        function = tool.get("function")
        schema = function.get("parameters") if isinstance(function, dict) else None
        where = f"tools[0].function_declarations[{index}].parameters"
        found += problems(schema, where)
        if isinstance(function, dict) and isinstance(schema, dict) and "type" not in schema:
            name = function.get("name")
            found.append(
                f"Unable to submit request because `{name}` functionDeclaration `parameters` schema should be of type "
                "OBJECT."
            )
    return _invalid("\n".join(found)) if found else None


def _unpaired(messages: list[dict[str, Any]]) -> bool:
    """Whether a turn's calls are more than one, which Argo answers in turns of their own, or not what is answered."""
    waiting: list[str] = []
    for message in [*messages, {}]:
        if message.get("role") == "tool":
            if str(message.get("tool_call_id")) not in waiting:
                return True
            waiting.remove(str(message.get("tool_call_id")))
            continue
        calls = dicts(message.get("tool_calls"))
        if waiting or len(calls) > 1:
            return True
        waiting = [str(call.get("id")) for call in calls]
    return False


def _calls(request: Request) -> Refusal | None:
    if not _unpaired(request.messages):
        return None
    return _invalid(
        "Please ensure that the number of function response parts is equal to the number of function call parts of "
        "the function call turn."
    )


def _signatures(request: Request) -> Refusal | None:
    calls = [call for message in request.messages for call in dicts(message.get("tool_calls"))]
    extras = [call["extra_content"].get("google") for call in calls if isinstance(call.get("extra_content"), dict)]
    given = [extra["thought_signature"] for extra in extras if isinstance(extra, dict) and "thought_signature" in extra]
    return None if all(map(gemini_takes, given)) else _invalid("Corrupted thought signature.")


def _images(request: Request) -> Refusal | None:
    """Refuse what Argo would have to fetch: whether it does is not known."""
    if request.ways.fetch_images or by_url(request) is None:
        return None
    return _invalid(
        "Cannot fetch content from the provided URL. Please ensure the URL is valid and accessible by Vertex AI."
    )


def _speechless(request: Request) -> Refusal | None:
    limit = request.turn.limit
    chance = secrets.randbelow(_MILLION) < request.ways.gemini_500 * _MILLION
    return crashed() if chance or (limit is not None and limit <= TINY) else None


_RULES: tuple[Callable[[Request], Refusal | None], ...] = (
    _null_content,
    _system,
    _schemas,
    _signatures,
    _calls,
    _images,
    _speechless,
)


def gemini(request: Request, model: Model) -> Refusal | None:
    """Return what Gemini refuses first, or how Argo fails on it."""
    if model.owner != "google":
        return None
    return next((refusal for rule in _RULES if (refusal := rule(request))), None)

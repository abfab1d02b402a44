"""What Argo and Azure refuse of a request to `/v1/responses`. Only that Gemini ends in a 500 is known from Argo.

The rest are OpenAI's words in the wrapping that Argo gives them on chat.
"""

from __future__ import annotations

from collections.abc import Callable

from argo_relay.simulator import imagined
from argo_relay.simulator import openai_refusals as openai
from argo_relay.simulator.errors import error, invalid_request, relayed, unsupported_operation
from argo_relay.simulator.models import Model
from argo_relay.simulator.request import Refusal, Request
from argo_relay.simulator.responses_request import OUTPUTS
from argo_relay.simulator.seals import is_sealed
from argo_relay.simulator.wire import encode

_CALLS = frozenset({"function_call", "custom_tool_call"})
_LEAST = 16
"""Tokens: OpenAI takes no smaller limit on this route."""
_INVALID = "invalid_request_error"


def _only_openai(_request: Request, model: Model) -> Refusal | None:
    message = f"Model '{model.internal_id}' is not supported on the /v1/responses endpoint."
    if model.owner == "google":
        return Refusal(status=500, body=encode(error(message, "ValueError")))
    if model.owner == "anthropic":
        return invalid_request(f"{message} For Anthropic Claude models, use /argoapi/v1/messages")
    return None if model.chats else unsupported_operation("responses", model.served_as)


def _limit(request: Request, _model: Model) -> Refusal | None:
    limit = request.body.get("max_output_tokens")
    if type(limit) is not int or limit >= _LEAST:
        return None
    message = (
        f"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= {_LEAST}, "
        f"but got {limit} instead."
    )
    return relayed(message, _INVALID, "max_output_tokens", "integer_below_min_value")


def _previous(request: Request, _model: Model) -> Refusal | None:
    """Refuse to go on from a response: none is kept."""
    name = request.body.get("previous_response_id")
    if not isinstance(name, str):
        return None
    message = f"Previous response with id '{name}' not found."
    return relayed(message, _INVALID, "previous_response_id", "previous_response_not_found")


def _encrypted(request: Request, _model: Model) -> Refusal | None:
    for item in request.messages:
        content = item.get("encrypted_content")
        if item.get("type") == "reasoning" and content is not None and not is_sealed("reasoning", content):
            message = (
                f"The encrypted content {str(content)[:8]}... could not be verified. "
                "Reason: Encrypted content could not be decrypted or parsed."
            )
            return relayed(message, _INVALID, None, "invalid_encrypted_content")
    return None


def _pairs(request: Request, _model: Model) -> Refusal | None:
    called = [str(item.get("call_id")) for item in request.messages if item.get("type") in _CALLS]
    answered = [str(item.get("call_id")) for item in request.messages if item.get("type") in OUTPUTS]
    orphans = [name for name in called if name not in answered]
    if orphans:
        return relayed(f"No tool output found for function call {orphans[0]}.", _INVALID, "input", None)
    strange = [name for name in answered if name not in called]
    if strange:
        message = f"No tool call found for function call output with call_id {strange[0]}."
        return relayed(message, _INVALID, "input", None)
    return None


RULES: tuple[Callable[[Request, Model], Refusal | None], ...] = (
    _only_openai,
    _limit,
    _previous,
    _encrypted,
    _pairs,
    imagined.on_chat,
    openai.temperature,
    openai.top_p,
    openai.effort,
    openai.descriptions,
    openai.images,
)
"""Each looks at one thing that Argo or a vendor behind it refuses; the first to refuse answers."""


def judge(request: Request, model: Model) -> Refusal | None:
    """Return what Argo answers at once, or None for a request that reaches the model."""
    return next((refusal for rule in RULES if (refusal := rule(request, model))), None)

"""Refusals that nobody has seen yet: `refused` in the switches makes any model refuse any parameter from now on.

Argo changes without a word; this is such a change, made up, in the words of those that were recorded.
"""

from __future__ import annotations

from argo_relay.simulator import errors, messages_errors
from argo_relay.simulator.models import Model
from argo_relay.simulator.request import Refusal, Request

BUDGETS = "thinking.enabled"
"""Names thinking with a budget, in whose place adaptive thinking is then taken."""


def _present(request: Request, name: str) -> bool:
    top, _, inner = name.partition(".")
    value = request.body.get(top)
    return value is not None if not inner else isinstance(value, dict) and value.get(inner) is not None


def _refused(request: Request, model: Model) -> str | None:
    names = request.ways.refused.get(model.internal_id, ())
    return next((name for name in names if _present(request, name)), None)


def on_chat(request: Request, model: Model) -> Refusal | None:
    """Refuse in OpenAI's words, on chat and on Responses."""
    name = _refused(request, model)
    if name is None:
        return None
    message = f"Unsupported parameter: '{name}' is not supported with this model."
    return errors.relayed(message, "invalid_request_error", name, "unsupported_parameter")


def on_messages(request: Request, model: Model) -> Refusal | None:
    """Refuse in Anthropic's words."""
    name = _refused(request, model)
    return None if name is None else messages_errors.relayed(f"`{name}` is deprecated for this model.")


def no_budgets(request: Request, model: Model) -> bool:
    """Say whether thinking with a budget is refused; it has words of its own."""
    return BUDGETS in request.ways.refused.get(model.internal_id, ())

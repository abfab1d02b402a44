"""What OpenAI's models refuse behind Argo, on chat and on Responses alike.

Of temperature and top_p the words were recorded from production in May 2026, and that of max_tokens is known from
reports. That there are limits for images and descriptions is known from clients that keep them. All other words are
OpenAI's or Azure's, in the wrapping that Argo gave those which were recorded.
"""

from __future__ import annotations

from collections.abc import Iterator

from argo_relay.simulator.errors import relayed
from argo_relay.simulator.models import Model
from argo_relay.simulator.request import Refusal, Request, dicts, parts_in

MOST_IMAGES = 50
LONGEST_DESCRIPTION = 1024
"""Characters of a tool's."""

_INVALID = "invalid_request_error"
_LOW_TO_HIGH = ("low", "medium", "high")
_O_SERIES = frozenset({"gpto1", "gpto3", "gpto3mini", "gpto4mini"})
_PENALTIES = ("presence_penalty", "frequency_penalty", "logit_bias")
_FIRST_GPT_5 = frozenset({"gpt5", "gpt5mini", "gpt5nano"})


def efforts(internal_id: str) -> tuple[str, ...]:
    """Return the efforts that a model knows, by OpenAI's documentation; none where it does not reason."""
    if internal_id in _O_SERIES:
        return _LOW_TO_HIGH
    if internal_id in _FIRST_GPT_5:
        return ("minimal", *_LOW_TO_HIGH)
    if internal_id == "gpt51":
        return ("none", *_LOW_TO_HIGH)
    return ("none", *_LOW_TO_HIGH, "xhigh") if internal_id.startswith("gpt5") else ()


def temperature(request: Request, model: Model) -> Refusal | None:
    """Refuse another temperature than 1 where the model has but that."""
    value = request.body.get("temperature")
    if not model.default_sampling_only or not isinstance(value, (int, float)) or value == 1:
        return None
    return relayed(
        f"Unsupported value: 'temperature' does not support {float(value)} with this model. "
        "Only the default (1) value is supported.",
        _INVALID,
        "temperature",
        "unsupported_value",
    )


def top_p(request: Request, model: Model) -> Refusal | None:
    """Refuse any top_p where the model takes none."""
    if not model.default_sampling_only or request.body.get("top_p") is None:
        return None
    return relayed(
        "Unsupported parameter: 'top_p' is not supported with this model.", _INVALID, "top_p", "unsupported_parameter"
    )


def max_tokens(request: Request, model: Model) -> Refusal | None:
    """Refuse max_tokens in the months in which Argo wanted max_completion_tokens."""
    refusing = {"taken": (), "not by gpt4o": ("gpt4o",), "not by openai": (model.internal_id,)}
    if model.owner != "openai" or request.body.get("max_tokens") is None:
        return None
    if model.internal_id not in refusing[request.ways.era.max_tokens]:
        return None
    return relayed(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        _INVALID,
        "max_tokens",
        "unsupported_parameter",
    )


def penalties(request: Request, model: Model) -> Refusal | None:
    """Refuse penalties and biases where the model reasons, in the months in which that was looked at."""
    if request.ways.era.penalties or model.owner != "openai" or not efforts(model.internal_id):
        return None
    given = next((name for name in _PENALTIES if request.body.get(name) is not None), None)
    if given is None:
        return None
    message = f"Unsupported parameter: '{given}' is not supported with this model."
    return relayed(message, _INVALID, given, "unsupported_parameter")


def effort(request: Request, model: Model) -> Refusal | None:
    """Refuse an effort that the model does not know."""
    reasoning = request.body.get("reasoning")
    nested = isinstance(reasoning, dict)
    name = "reasoning.effort" if nested else "reasoning_effort"
    wanted = reasoning.get("effort") if isinstance(reasoning, dict) else request.body.get("reasoning_effort")
    known = efforts(model.internal_id)
    if model.owner != "openai" or wanted is None or wanted in known:
        return None
    if known:
        listed = ", ".join(f"'{one}'" for one in known[:-1]) + f", and '{known[-1]}'"
        message = f"Unsupported value: '{name}' does not support '{wanted}' with this model. "
        return relayed(f"{message}Supported values are: {listed}.", _INVALID, name, "unsupported_value")
    if nested:
        message = f"Unsupported parameter: '{name}' is not supported with this model."
        return relayed(message, _INVALID, name, "unsupported_parameter")
    return relayed(f"Unrecognized request argument supplied: {name}", _INVALID, None, None)


def descriptions(request: Request, model: Model) -> Refusal | None:
    """Refuse a tool that says too much of itself."""
    if model.owner != "openai":
        return None
    for index, tool in enumerate(dicts(request.body.get("tools"))):
        function, where = tool.get("function"), f"tools[{index}]"
        if isinstance(function, dict):
            tool, where = function, f"{where}.function"  # noqa: PLW2901 - chat wraps what Responses has bare
        said = tool.get("description")
        if isinstance(said, str) and len(said) > LONGEST_DESCRIPTION:
            message = (
                f"Invalid '{where}.description': string too long. Expected a string with maximum length "
                f"{LONGEST_DESCRIPTION}, but got a string with length {len(said)} instead."
            )
            return relayed(message, _INVALID, f"{where}.description", "string_above_max_length")
    return None


def _addresses(request: Request) -> Iterator[str]:
    for part in parts_in(request.messages):
        shown = part.get("image_url")
        address = shown.get("url") if isinstance(shown, dict) else shown
        if isinstance(address, str):
            yield address


def by_url(request: Request) -> str | None:
    """Return the first image that somebody would have to fetch."""
    return next((one for one in _addresses(request) if one.lower().startswith(("http://", "https://"))), None)


def images(request: Request, model: Model) -> Refusal | None:
    """Refuse more images than Azure takes, and ones that Argo would have to fetch: whether it does is not known."""
    if model.owner != "openai":
        return None
    if len(list(_addresses(request))) > MOST_IMAGES:
        message = f"Exceeded maximum number of images ({MOST_IMAGES}) allowed in the request."
        return relayed(message, _INVALID, "input" if "input" in request.body else "messages", None)
    address = None if request.ways.fetch_images else by_url(request)
    if address is None:
        return None
    return relayed(f"Failed to download image from {address}.", _INVALID, None, "invalid_image_url")

"""Requests for OpenAI's models as Argo's chat and Responses routes take them."""

from __future__ import annotations

from typing import Any, Final

from argo_relay.neutral.loss import Loss, Losses

LONGEST_DESCRIPTION: Final = 1024
"""Characters: "Invalid 'tools[5].function.description': string too long. Expected a string with maximum length 1024"
(https://github.com/rusiaaman/wcgw/issues/51). OpenAI itself has given the limit up since
(https://github.com/run-llama/llama_index/pull/18784); of Argo the existing proxy knows it."""

_CUT: Final = "…"


def roles(messages: Any) -> tuple[Any, Losses]:
    """Return a chat's messages with `system` for `developer`: Argo's SDK knows that role only. It is no loss.

    Argo answers `developer` with a 400 about `messages[0].tool_calls` (argo-proxy#107, 2026-04).
    """
    if not isinstance(messages, list) or not any(map(_is_developers, messages)):
        return messages, []
    return [one | {"role": "system"} if _is_developers(one) else one for one in messages], []


def _is_developers(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") == "developer"


def descriptions(tools: Any) -> tuple[Any, Losses]:
    """Return the tools of a chat or Responses request with descriptions that are not too long."""
    if not isinstance(tools, list):
        return tools, []
    losses: Losses = []
    made = [_described(tool, f"tools[{index}]", losses) for index, tool in enumerate(tools)]
    return (made if losses else tools), losses


def _described(tool: Any, path: str, losses: Losses) -> Any:
    if not isinstance(tool, dict):
        return tool
    for name in ("function", "custom"):
        # Chat has what it says of a tool in an object of its own, Responses beside the type.
        if isinstance(tool.get(name), dict):
            return tool | {name: _described(tool[name], f"{path}.{name}", losses)}
    text = tool.get("description")
    if not isinstance(text, str) or len(text) <= LONGEST_DESCRIPTION:
        return tool
    why = f"A tool's description has {LONGEST_DESCRIPTION} characters at most here: its end is cut off."
    losses.append(Loss(path=f"{path}.description", what="description", why=why, how="approximated"))
    return tool | {"description": shortened(text, LONGEST_DESCRIPTION)}


def shortened(text: str, longest: int) -> str:
    """Return the beginning of a text, whole words where it has some, with an ellipsis for the rest."""
    kept = text[: longest - len(_CUT)]
    if not text[len(kept)].isspace():
        words = kept.rsplit(maxsplit=1)
        # A text without spaces, or with a last "word" that is half of it, is cut where it is.
        kept = words[0] if len(words) == 2 and len(words[0]) > longest // 2 else kept
    return kept.rstrip() + _CUT

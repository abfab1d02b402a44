"""Requests for Claude as Argo's Messages route takes them; Argo passes them on to Vertex.

What Anthropic would refuse as the client's own mistake (no messages, an empty question, no `max_tokens`) stays: its
error says best what is wrong. What agents leave behind in a history is mended, as it would come again with every turn.
"""

from __future__ import annotations

from typing import Any, Final

from argo_relay.framing import jsonx
from argo_relay.neutral.loss import Loss, Losses

Object = dict[str, Any]

_BETWEEN: Final = "\n\n"


def conversation(messages: Any) -> tuple[Any, Losses]:
    """Return the messages without the blocks that Anthropic refuses; the same object if it takes them all.

    - Texts of white space ("text content blocks must be non-empty", "must contain non-whitespace text":
      https://github.com/anthropics/claude-code/issues/23440).
    - Thoughts without a signature ("each thinking block must contain thinking", "thinking.signature: Field required").
      Claude's own always have one, and it holds the thought: newer models leave the words out and still want the block
      back (https://platform.claude.com/docs/en/build-with-claude/thinking#controlling-thinking-display; that an empty,
      signed block is taken on Vertex, too, was measured on 2026-09-22: https://github.com/BerriAI/litellm/issues/42550).
    - What is left of the assistant's messages without those, if nothing is: turns of one side that follow each other
      are one (https://platform.claude.com/docs/en/api/messages).
    - White space at the very end ("final assistant content cannot end with trailing whitespace":
      https://github.com/langchain-ai/langchain/pull/35072).
    """
    if not isinstance(messages, list):
        return messages, []
    losses: Losses = []
    kept = []
    for index, message in enumerate(messages):
        one = _message(message, index, losses)
        if not _is_nothing(one):
            kept.append(one)
    if not kept:
        return messages, []
    kept[-1] = _trimmed(kept[-1], f"messages[{len(messages) - 1}]", losses)
    unchanged = len(kept) == len(messages) and all(one is before for one, before in zip(kept, messages, strict=True))
    return (messages if unchanged else kept), losses


def _message(message: Any, index: int, losses: Losses) -> Any:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    said: Losses = []
    blocks = [_block(block) for block in content if not _is_refused(block)]
    for number, block in enumerate(content):
        if _is_unsigned(block) and isinstance(block.get("thinking"), str) and block["thinking"].strip():
            why = "Anthropic takes no thoughts that it did not sign."
            said.append(Loss(path=f"messages[{index}].content[{number}]", what="reasoning", why=why))
    if len(blocks) == len(content) and all(one is before for one, before in zip(blocks, content, strict=True)):
        return message
    if not blocks and message.get("role") != "assistant":
        return message
    losses += said
    return message | {"content": blocks}


def _block(block: Any) -> Any:
    """Return a block; of a tool's result, without the texts that hold nothing."""
    content = block.get("content") if isinstance(block, dict) and block.get("type") == "tool_result" else None
    if not isinstance(content, list) or not any(map(_is_blank, content)):
        return block
    return block | {"content": [one for one in content if not _is_blank(one)]}


def _is_refused(block: Any) -> bool:
    return _is_blank(block) or _is_unsigned(block)


def _is_blank(block: Any) -> bool:
    return (
        isinstance(block, dict)
        and block.get("type") == "text"
        and isinstance(block.get("text"), str)
        and not block["text"].strip()
    )


def _is_unsigned(block: Any) -> bool:
    if not isinstance(block, dict):
        return False
    seal = {"thinking": "signature", "redacted_thinking": "data"}.get(str(block.get("type")))
    return seal is not None and (not isinstance(block.get(seal), str) or not block[seal])


def _is_nothing(message: Any) -> bool:
    """Say whether a message of the assistant's says nothing."""
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return False
    content = message.get("content")
    return content == [] or (isinstance(content, str) and not content.strip())


def _trimmed(message: Any, path: str, losses: Losses) -> Any:
    """Return the last message without white space at its end, if it is the assistant's."""
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return message
    content = message.get("content")
    last = content[-1] if isinstance(content, list) and content else None
    text = last.get("text") if isinstance(last, dict) and last.get("type") == "text" else content
    if not isinstance(text, str) or text == text.rstrip():
        return message
    why = "Anthropic goes on from no text that ends in white space."
    losses.append(Loss(path=path, what="text", why=why, how="approximated"))
    if isinstance(content, list) and isinstance(last, dict):
        return message | {"content": [*content[:-1], last | {"text": text.rstrip()}]}
    return message | {"content": text.rstrip()}


def instructions(system: Any, messages: Any) -> tuple[Any, Any, Losses]:
    """Return `system` (None: there is none) and the messages, with the instructions among these moved to the former.

    For models up to Opus 4.7 ("role 'system' is not supported on this model"); later ones take `system` where it
    stands: https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages. No model takes
    `developer`. It is a loss where they did not stand at the beginning.
    """
    if not isinstance(messages, list) or not any(map(_instructs, messages)):
        return system, messages, []
    if not isinstance(system, str | list | None):
        return system, messages, []
    losses: Losses = []
    texts: list[Any] = [*(system if isinstance(system, list) else [system] if system else [])]
    kept: list[Any] = []
    for index, message in enumerate(messages):
        if not _instructs(message):
            kept.append(message)
            continue
        if kept:
            why = "This model takes instructions at the beginning only."
            losses.append(Loss(path=f"messages[{index}]", what="system", why=why, how="moved"))
        texts += _texts(message["content"], f"messages[{index}].content", losses)
    if all(isinstance(one, str) for one in texts):
        return _BETWEEN.join(texts) or None, kept, losses
    return [{"type": "text", "text": one} if isinstance(one, str) else one for one in texts], kept, losses


def _instructs(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and message.get("role") in ("system", "developer")
        and isinstance(message.get("content"), str | list)
    )


def _texts(content: Any, path: str, losses: Losses) -> list[Any]:
    if isinstance(content, str):
        return [content] if content.strip() else []
    kept = []
    for number, block in enumerate(content):
        if isinstance(block, dict) and block.get("type") == "text":
            kept.append(block)
        else:
            why = "Anthropic's instructions hold nothing but text."
            losses.append(Loss(path=f"{path}[{number}]", what="system", why=why))
    return [block for block in kept if not _is_blank(block)]


def tools(values: Any) -> tuple[Any, Losses]:
    """Return the tools with schemas that say they are objects ("tools.0.custom.input_schema.type: Field required")."""
    if not isinstance(values, list) or not any(map(_is_untyped, values)):
        return values, []
    typed = [
        one | {"input_schema": {"type": "object"} | one["input_schema"]} if _is_untyped(one) else one for one in values
    ]
    return typed, []


def _is_untyped(tool: Any) -> bool:
    schema = tool.get("input_schema") if isinstance(tool, dict) else None
    return isinstance(schema, dict) and "type" not in schema


def choice(value: Any, offered: Any) -> tuple[Any, Losses]:
    """Return `tool_choice`, or jsonx.REMOVED where no tools are offered.

    "tool_choice may only be specified while providing tools". It is a loss where it wanted one to be called.
    """
    if value is None or offered not in (None, []):
        return value, []
    if isinstance(value, dict) and value.get("type") in ("auto", "none"):
        return jsonx.REMOVED, []
    why = "Anthropic takes a choice among tools only together with tools."
    return jsonx.REMOVED, [Loss(path="tool_choice", what="tool_choice", why=why)]

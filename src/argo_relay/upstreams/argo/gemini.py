"""A conversation with a Gemini model as Argo's chat route can take it.

Three quirks of Argo's own: `content: null` is a 500 (`'NoneType' object is not iterable`); calls made in parallel are a
400, because each result reaches Gemini in a turn of its own (both reported in 2026-04); and instructions must be one
text, not a list of parts.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any, Final

from argo_relay.neutral.loss import Loss, Losses

Message = dict[str, Any]

# Gemini signs the first of the calls that it makes at once, and refuses a step of the current turn whose first call has
# no signature; for calls that it did not make in that step its documentation has this word instead:
# https://ai.google.dev/gemini-api/docs/thought-signatures#faqs
# https://docs.cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures (this word of the two, there)
_UNSIGNED: Final = "skip_thought_signature_validator"


def conversation(messages: Any) -> tuple[Any, Losses]:
    """Return the messages without nulls, instructions as one text, each call with its result right after it.

    They are the same object if they are so already. Losses name the messages by the places where they came.
    """
    if not isinstance(messages, list) or not any(map(_is_odd, messages)):
        return messages, []
    losses: Losses = []
    plain = [_plain(message, f"messages[{index}]", losses) for index, message in enumerate(messages)]
    return [*_in_sequence(plain, losses)], losses


def _is_odd(message: Any) -> bool:
    return isinstance(message, dict) and (
        message.get("content", "") is None or len(_calls(message)) > 1 or _is_listed(message)
    )


def _is_listed(message: Message) -> bool:
    return message.get("role") in ("system", "developer") and isinstance(message.get("content"), list)


def _calls(message: Any) -> list[Any]:
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    return calls if isinstance(calls, list) else []


def _plain(message: Any, path: str, losses: Losses) -> Any:
    """Return a message with a text where Argo wants one."""
    if not isinstance(message, dict):
        return message
    if message.get("content", "") is None:
        return message | {"content": ""}
    if not _is_listed(message):
        return message
    texts = []
    for number, part in enumerate(message["content"]):
        text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
        if isinstance(text, str):
            texts.append(text)
        else:
            why = "Argo's instructions for Gemini hold nothing but text."
            losses.append(Loss(path=f"{path}.content[{number}]", what="system", why=why))
    return message | {"content": "\n\n".join(texts)}


def _in_sequence(messages: list[Any], losses: Losses) -> Iterator[Any]:
    at = 0
    while at < len(messages):
        message, at = messages[at], at + 1
        if len(_calls(message)) < 2:
            yield message
            continue
        start = at
        while at < len(messages) and _role(messages[at]) != "assistant" and not _calls(messages[at]):
            at += 1
        yield from _one_by_one(_signed(message, f"messages[{start - 1}]", losses), messages[start:at])


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None


def _signed(message: Message, path: str, losses: Losses) -> Message:
    """Return a message whose calls can each be a step of their own: all signed, if the first is."""
    first, *others = message["tool_calls"]
    if not _signature(first):
        return message
    calls = [first]
    for number, call in enumerate(others, 1):
        if isinstance(call, dict) and not _signature(call):
            why = "Gemini signed its calls together, and Argo takes them one by one: those after the first say so."
            at = f"{path}.tool_calls[{number}]"
            losses.append(Loss(path=at, what="seal", why=why, how="approximated"))
            beside = _object(call, "extra_content")
            google = _object(beside, "google") | {"thought_signature": _UNSIGNED}
            calls.append(call | {"extra_content": beside | {"google": google}})
        else:
            calls.append(call)
    return message | {"tool_calls": calls}


def _object(value: Any, member: str) -> dict[str, Any]:
    inner = value.get(member) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _signature(call: Any) -> Any:
    return _object(_object(call, "extra_content"), "google").get("thought_signature")


def _one_by_one(message: Message, following: list[Any]) -> Iterator[Any]:
    """Yield a message's calls one a message, each with its result; then what else was said before the next turn."""
    results: defaultdict[str, deque[Message]] = defaultdict(deque)
    others = []
    for one in following:
        if _role(one) == "tool":
            results[str(one.get("tool_call_id"))].append(one)
        else:
            others.append(one)
    for index, call in enumerate(_calls(message)):
        spoken = message if index == 0 else {"role": "assistant", "content": ""}
        yield spoken | {"tool_calls": [call]}
        mine = results[str(call.get("id"))] if isinstance(call, dict) else None
        if mine:
            yield mine.popleft()
    for left in results.values():
        yield from left
    yield from others

"""Which result answers which tool call, and what is said where one of the two is missing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from argo_relay.framing import jsonx
from argo_relay.neutral.loss import Loss

Place = tuple[int, ...]
"""Where something stands: the number of its message or item, then that of the call or block in it."""

UNANSWERED: Final = "No result was recorded for this call."


class Called(msgspec.Struct, frozen=True):
    """A tool call; `turn` is the same for the calls that were made at once."""

    id: str
    place: Place
    turn: int


class Answered(msgspec.Struct, frozen=True):
    """A tool's result."""

    id: str
    place: Place


class Pairs(msgspec.Struct, frozen=True):
    """Each call's place with that of its result, or None; and the results that no call is left for."""

    answers: dict[Place, Place | None]
    strays: list[Place]


def pair(events: Iterable[Called | Answered]) -> Pairs:
    """Return what answers what: the first result after a call, before a later turn calls under the same id."""
    answers: dict[Place, Place | None] = {}
    strays: list[Place] = []
    waiting: dict[str, tuple[int, deque[Place]]] = {}
    for one in events:
        turn, calls = waiting.get(one.id, (-1, deque()))
        if isinstance(one, Called):
            answers[one.place] = None
            calls = calls if turn == one.turn else deque()
            calls.append(one.place)
            waiting[one.id] = (one.turn, calls)
        elif calls:
            answers[calls.popleft()] = one.place
        else:
            strays.append(one.place)
    return Pairs(answers, strays)


def retold(call: str, content: Any, kind: str, kept: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return a result without a call as parts of a user's message, the texts as one of the type `kind`.

    Parts of the types `kept` stay as they are; an empty result has no parts.
    """
    pieces = content if isinstance(content, list) else [{"text": content}] if isinstance(content, str) else []
    parts = [one for one in pieces if isinstance(one, dict)]
    others = [one for one in parts if one.get("type") in kept]
    text = "\n".join(one["text"] for one in parts if isinstance(one.get("text"), str) and one.get("type") not in kept)
    if not text and not others and content and not isinstance(content, str):
        text = jsonx.encode(content).decode()
    if not text.strip() and not others:
        return []
    return [{"type": kind, "text": f"The result of the tool call {call}:\n{text}".rstrip()}, *others]


def unanswered(path: str) -> Loss:
    """Return what is said of a call that was given a result."""
    why = "A tool call without a result is refused: it was given one that says that there is none."
    return Loss(path=path, what="tool_call", why=why, how="approximated")


def moved(path: str) -> Loss:
    """Return what is said of a result that was put behind its call."""
    return Loss(path=path, what="tool_result", why="A tool's result must follow its call.", how="moved")


def stray(path: str, *, empty: bool) -> Loss:
    """Return what is said of a result that became text, or that held nothing."""
    why = "A tool's result is refused where no call before it waits for one: "
    said = "this one was empty." if empty else "its text is the user's now."
    return Loss(path=path, what="tool_result", why=why + said, how="dropped" if empty else "approximated")

"""Tool calls without results and results without calls, mended on Anthropic's Messages route.

Anthropic refuses both ("`tool_use` ids were found without `tool_result` blocks immediately after", "unexpected
`tool_use_id` found in `tool_result` blocks": https://github.com/anthropics/claude-code/issues/3003), a call that
nothing at all follows included (https://github.com/anthropics/claude-quickstarts/issues/160), and wants results first
in what the user says next: https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls
Messages of one side that follow each other are one turn there.

A member that is not what it should be is passed on as it is: the vendor's own error says best what is wrong with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from argo_relay.neutral.loss import Losses
from argo_relay.upstreams.argo.pairing import (
    UNANSWERED,
    Answered,
    Called,
    Pairs,
    Place,
    moved,
    pair,
    retold,
    stray,
    unanswered,
)

Object = dict[str, Any]


def answered(messages: Any) -> tuple[Any, Losses]:
    """Return the messages with every call answered first thing after its turn, and no other results."""
    if not isinstance(messages, list):
        return messages, []
    pairs = pair(_events(messages))
    losses: Losses = []
    fronts: dict[int, list[Object]] = {}
    taken: list[Place] = []
    for end, calls in _turns(messages, pairs).items():
        found = sorted(place for call in calls if (place := pairs.answers[call]) is not None)
        missing = [call for call in calls if pairs.answers[call] is None]
        late = set(found).difference(_leading(messages, end, set(found)))
        if missing or late:
            losses += [unanswered(_path(call)) for call in missing] + [moved(_path(place)) for place in sorted(late)]
            silent = [_silent(_block(messages, call)) for call in missing]
            fronts[end + 1] = [*(_block(messages, place) for place in found), *silent]
            taken += found
    texts = {place: _text(_block(messages, place)) for place in pairs.strays}
    losses += [stray(_path(place), empty=not parts) for place, parts in texts.items()]
    if not losses:
        return messages, []
    return [*_rebuilt(messages, fronts, texts | {place: [] for place in taken})], losses


def _is(message: Any, role: str) -> bool:
    return isinstance(message, dict) and message.get("role") == role


def _blocks(message: Any) -> Sequence[tuple[int, Object]]:
    """Return the blocks of a message, each with its number."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return ()
    return [(number, block) for number, block in enumerate(content) if isinstance(block, dict)]


def _block(messages: list[Any], place: Place) -> Object:
    block: Object = messages[place[0]]["content"][place[1]]
    return block


def _path(place: Place) -> str:
    return f"messages[{place[0]}].content[{place[1]}]"


def _events(messages: list[Any]) -> Iterator[Called | Answered]:
    turn = 0
    for index, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        turn = turn if role == "assistant" else index + 1
        for number, block in _blocks(message):
            kind = block.get("type")
            if role == "assistant" and kind == "tool_use" and isinstance(block.get("id"), str):
                yield Called(block["id"], (index, number), turn)
            elif role == "user" and kind == "tool_result" and isinstance(block.get("tool_use_id"), str):
                yield Answered(block["tool_use_id"], (index, number))


def _turns(messages: list[Any], pairs: Pairs) -> dict[int, list[Place]]:
    """Return the calls of each of the assistant's turns under the number of its last message."""
    turns: defaultdict[int, list[Place]] = defaultdict(list)
    end = 0
    for place in pairs.answers:
        end = max(end, place[0])
        while end + 1 < len(messages) and _is(messages[end + 1], "assistant"):
            end += 1
        turns[end].append(place)
    return turns


def _leading(messages: list[Any], end: int, results: set[Place]) -> Iterator[Place]:
    """Yield those of the results that the user's next turn begins with."""
    for index in range(end + 1, len(messages)):
        content = messages[index].get("content") if _is(messages[index], "user") else None
        places = [(index, number) for number in range(len(content) if isinstance(content, list) else 1)]
        yield from takewhile(results.__contains__, places)
        if not results.issuperset(places):
            return


def _silent(call: Object) -> Object:
    return {"type": "tool_result", "tool_use_id": call["id"], "content": UNANSWERED, "is_error": True}


def _text(result: Object) -> list[Object]:
    return retold(result["tool_use_id"], result.get("content"), "text", ("image", "document", "search_result"))


def _rebuilt(
    messages: list[Any], fronts: dict[int, list[Object]], instead: dict[Place, list[Object]]
) -> Iterator[Object]:
    """Yield the messages with results in front, each under the number of its message, and parts instead of blocks."""
    touched = {place[0] for place in instead}
    for index, message in enumerate(messages):
        front = fronts.get(index, [])
        content = message.get("content") if _is(message, "user") else None
        if not isinstance(content, str | list):
            if front:
                yield {"role": "user", "content": front}
            yield message
        elif front or index in touched:
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) and content else content
            kept = [part for number, one in enumerate(blocks) for part in instead.get((index, number), [one])]
            if front or kept:
                yield message | {"content": [*front, *kept]}
        else:
            yield message
    if len(messages) in fronts:
        yield {"role": "user", "content": fronts[len(messages)]}

"""Tool calls without results and results without calls, mended on OpenAI's two routes.

Agents that are interrupted leave them behind, and then no request of that conversation succeeds any more. OpenAI
refuses both, a call that nothing at all follows included:

- chat: "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'",
  "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'"
  (https://github.com/tidyverse/ellmer/issues/459, https://github.com/livekit/agents/pull/1977);
- Responses: "No tool output found for function call", "No tool call found for function call output with call_id"
  (https://github.com/Azure/azure-sdk-for-python/issues/46092); there a result may come any time after its call.

A member that is not what it should be is passed on as it is: the vendor's own error says best what is wrong with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Final

from argo_relay.neutral.loss import Loss, Losses
from argo_relay.upstreams.argo.pairing import (
    UNANSWERED,
    Answered,
    Called,
    Pairs,
    moved,
    pair,
    retold,
    stray,
    unanswered,
)

Object = dict[str, Any]


def chat(messages: Any) -> tuple[Any, Losses]:
    """Return the messages of a chat request with every call answered right after its turn, and no other results."""
    if not isinstance(messages, list):
        return messages, []
    pairs = pair(_chat_events(messages))
    if not pairs.answers and not pairs.strays:
        return messages, []
    losses = [*_chat_losses(messages, pairs)]
    if not losses:
        return messages, []
    mended: list[Any] = []
    texts: list[Any] = []
    strays, placed = set(pairs.strays), set(pairs.answers.values())
    results = _chat_results(messages, pairs)
    for index, message in enumerate(messages):
        if (index,) in strays:
            texts += _chat_text(message)
        elif (index,) not in placed:
            # The results of one turn stay together: what became text waits until they are over.
            if not _is(message, "tool"):
                mended += texts
                texts = []
            mended += [message, *results[index]]
    return mended + texts, losses


def _is(message: Any, role: str) -> bool:
    return isinstance(message, dict) and message.get("role") == role


def _listed(message: Object, member: str) -> list[Any]:
    value = message.get(member)
    return value if isinstance(value, list) else []


def _chat_events(messages: list[Any]) -> Iterator[Called | Answered]:
    for index, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role == "tool" and isinstance(message.get("tool_call_id"), str):
            yield Answered(message["tool_call_id"], (index,))
        elif role == "assistant":
            for number, call in enumerate(_listed(message, "tool_calls")):
                if isinstance(call, dict) and isinstance(call.get("id"), str):
                    yield Called(call["id"], (index, number), index)


def _chat_losses(messages: list[Any], pairs: Pairs) -> Iterator[Loss]:
    turns = [*accumulate((index * (not _is(message, "tool")) for index, message in enumerate(messages)), max)]
    for (turn, number), place in pairs.answers.items():
        if place is None:
            yield unanswered(f"messages[{turn}].tool_calls[{number}]")
        elif turns[place[0]] != turn:
            yield moved(f"messages[{place[0]}]")
    for (index,) in pairs.strays:
        yield stray(f"messages[{index}]", empty=not _chat_text(messages[index]))


def _chat_results(messages: list[Any], pairs: Pairs) -> defaultdict[int, list[Object]]:
    """Return the results that follow each message: those that there are in their order, then those that are missing."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    missing: defaultdict[int, list[Object]] = defaultdict(list)
    for (turn, number), place in pairs.answers.items():
        if place is None:
            call = messages[turn]["tool_calls"][number]["id"]
            missing[turn].append({"role": "tool", "tool_call_id": call, "content": UNANSWERED})
        else:
            found[turn].append(place[0])
    results: defaultdict[int, list[Object]] = defaultdict(list)
    for turn in [*found, *missing]:
        results[turn] = [*(messages[index] for index in sorted(found[turn])), *missing[turn]]
    return results


def _chat_text(message: Object) -> list[Object]:
    parts = retold(message["tool_call_id"], message.get("content"), "text", ("image_url",))
    if not parts:
        return []
    return [{"role": "user", "content": parts[0]["text"] if len(parts) == 1 else parts}]


# --------------------------------------------------------------------------------------------------------- Responses

_SILENT: Final[dict[str, Object]] = {
    "function_call": {"type": "function_call_output", "output": UNANSWERED},
    "custom_tool_call": {"type": "custom_tool_call_output", "output": UNANSWERED},
    "local_shell_call": {"type": "local_shell_call_output", "output": UNANSWERED, "status": "incomplete"},
    "apply_patch_call": {"type": "apply_patch_call_output", "output": UNANSWERED, "status": "failed"},
}
"""Items that call a tool of the client's, with the result that a call without one is given."""
_OUTPUTS: Final = tuple(silent["type"] for silent in _SILENT.values())


def responses(items: Any, *, stored: bool = False) -> tuple[Any, Losses]:
    """Return the input items of a Responses request with every call answered, and no other results.

    `stored`: the request goes on from what the server keeps (`previous_response_id`, `conversation`), where the call
    of any result may be; so may it where an item is a reference.
    """
    if not isinstance(items, list):
        return items, []
    stored = stored or any(_kind(item) == "item_reference" for item in items)
    pairs = pair(_response_events(items))
    silent = [place[0] for place, answer in pairs.answers.items() if answer is None]
    strays = {} if stored else {index: _response_text(items[index]) for (index,) in pairs.strays}
    if not silent and not strays:
        return items, []
    added: defaultdict[int, list[Object]] = defaultdict(list)
    end = 0
    for index in silent:
        # Calls of one turn are answered in one place, so the end that one found is that of those up to it.
        end = end if index < end else _after_results(items, index)
        added[end].append(_silent_result(items[index]))
    mended: list[Any] = []
    for index, item in enumerate(items):
        mended += [*added[index], *strays.get(index, [item])]
    losses = [unanswered(f"input[{index}]") for index in silent]
    losses += [stray(f"input[{index}]", empty=not parts) for index, parts in strays.items()]
    return mended + added[len(items)], losses


def _kind(item: Any) -> Any:
    return item.get("type") if isinstance(item, dict) else None


def _call_of(item: Object) -> Any:
    """Return the id of the call that an item makes or answers; a local shell's output has it as its own id."""
    if item["type"] == "local_shell_call_output":
        return item.get("call_id", item.get("id"))
    return item.get("call_id")


def _response_events(items: list[Any]) -> Iterator[Called | Answered]:
    turn = 0
    for index, item in enumerate(items):
        kind = _kind(item)
        if kind in tuple(_SILENT):
            if isinstance(call := _call_of(item), str):
                yield Called(call, (index,), turn)
            continue
        turn = index + 1
        if kind in _OUTPUTS and isinstance(call := _call_of(item), str):
            yield Answered(call, (index,))


def _after_results(items: list[Any], index: int) -> int:
    """Return where the results of the calls around an item end."""
    while index < len(items) and _kind(items[index]) in tuple(_SILENT):
        index += 1
    while index < len(items) and _kind(items[index]) in _OUTPUTS:
        index += 1
    return index


def _silent_result(item: Object) -> Object:
    silent = _SILENT[item["type"]]
    # Of a local shell's output the id is the call's: https://platform.openai.com/docs/guides/tools-local-shell
    named = {"id" if item["type"] == "local_shell_call" else "call_id": item["call_id"]}
    # A call that a program made wants its result to say so.
    made_by = {"caller": item["caller"]} if "caller" in item else {}
    return silent | named | made_by


def _response_text(item: Object) -> list[Object]:
    parts = retold(_call_of(item), item.get("output"), "input_text", ("input_image", "input_file"))
    return [{"type": "message", "role": "user", "content": parts}] if parts else []

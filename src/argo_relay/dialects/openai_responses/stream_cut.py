"""A Responses stream that is relayed as it came, ended where it stands as OpenAI ends one at `max_output_tokens`.

The last event of a stream holds the whole response, so all that has gone out is gathered here.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.openai_responses.content_decoder import Item
from argo_relay.dialects.openai_responses.tools import CALLS
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame
from argo_relay.neutral.fold import is_object, joined

_SLOTS: Final = {
    "response.content_part": ("content", "content_index", "part"),
    "response.reasoning_summary_part": ("summary", "summary_index", "part"),
}
"""Events about parts of items: where the parts stand in the item, what numbers them, and what holds one."""
_TEXTS: Final = {
    "output_text": ("content", "content_index", "text"),
    "refusal": ("content", "content_index", "refusal"),
    "reasoning_text": ("content", "content_index", "text"),
    "reasoning_summary_text": ("summary", "summary_index", "text"),
}
"""Events about texts: where the part stands, what numbers it, and its member that holds the text."""
_MEMBERS: Final = {
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.mcp_call_arguments": "arguments",
    "response.code_interpreter_call_code": "code",
}
"""Events about a call: its member that holds the text."""
_SUMMARY: Final = ("summary_text", "reasoning_summary_text")
"""The one sort of part that its events call by another name."""
_SPOKEN: Final = ("message", "reasoning")
_SAID: Final = ("content", "summary", "encrypted_content")

_Place = tuple[int, str, int]
"""Where a text stands: in which item, in which member of it, and at which number there."""


class ResponsesStreamCut:
    """Follows one stream; see `dialects.base.StreamCut`."""

    def __init__(self) -> None:
        self._response: dict[str, Any] = {}
        self._items: dict[int, Item] = {}
        self._open: set[int] = set()
        self._slots: dict[_Place, Item] = {}
        """The parts that have begun and not ended."""
        self._pieces: dict[_Place, list[str]] = {}
        self._told: set[_Place] = set()
        """The texts that were told to be done."""
        self._generated = False
        self._number = -1

    def feed(self, frame: Frame) -> None:
        """Take note of what an event adds to the response."""
        if frame.data is None:
            return
        try:
            value = jsonx.decode_loosely(frame.data)
        except BadJson:
            return
        if isinstance(value, dict):
            self._number = _count(value, "sequence_number", self._number)
            self._read(value)

    def cut(self) -> bytes | None:
        """Return the end of what is open, and `response.incomplete` with all that has come.

        A call that is not complete stays open: some clients run whatever is told to be done.
        """
        if not self._generated:
            return None
        written = [self._end_slot(place, self._slots[place]) for place in sorted(self._slots)]
        written += [self._end_item(at, self._items[at]) for at in sorted(self._open)]
        last = {
            "usage": None,
            **self._response,
            "status": "incomplete",
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": [item for _, item in sorted(self._items.items())],
        }
        return b"".join([*written, self._event("response.incomplete", {"response": last})])

    # --------------------------------------------------------------------------------------------------- reading

    def _read(self, value: dict[str, Any]) -> None:
        kind = value.get("type")
        name, _, what = kind.rpartition(".") if isinstance(kind, str) else ("", "", "")
        at = _count(value, "output_index")
        if isinstance(value.get("response"), dict):
            self._response = value["response"]
        elif name == "response.output_item":
            self._read_item(at, what, value.get("item"))
        elif name in _SLOTS:
            field, number, member = _SLOTS[name]
            self._read_slot((at, field, _count(value, number)), what, value.get(member))
        elif (sort := name.removeprefix("response.")) in _TEXTS:
            field, number, member = _TEXTS[sort]
            place = (at, field, _count(value, number))
            if place not in self._slots and place not in self._pieces:
                # Some servers leave out that a part begins.
                kind = _SUMMARY[0] if sort == _SUMMARY[1] else sort
                self._read_slot(place, "added", {"type": kind, member: ""})
            self._generated |= bool(value.get("delta") or value.get(member))
            self._read_text(place, what, value, member)
        elif name in _MEMBERS:
            self._read_text((at, _MEMBERS[name], 0), what, value, _MEMBERS[name])
        elif kind == "response.output_text.annotation.added":
            slot = self._slots.get((at, "content", _count(value, "content_index")), {})
            slot["annotations"] = [*slot.get("annotations", ()), value.get("annotation")]

    def _read_item(self, at: int, what: str, item: Any) -> None:
        if not isinstance(item, dict):
            return
        self._items[at] = item
        if what == "added":
            self._generated |= item.get("type") in CALLS
            self._open.add(at)
            return
        self._generated |= item.get("type") not in _SPOKEN or any(item.get(field) for field in _SAID)
        self._open.discard(at)
        for place in [place for place in self._slots if place[0] == at]:
            del self._slots[place]

    def _read_slot(self, place: _Place, what: str, slot: Any) -> None:
        at, field, number = place
        if not isinstance(slot, dict) or at not in self._items:
            return
        slots = self._items[at].get(field)
        slots = self._items[at][field] = slots if isinstance(slots, list) else []
        if number < len(slots):
            slots[number] = slot
        else:
            slots.append(slot)
        if what == "added":
            self._slots[place] = slot
        else:
            self._slots.pop(place, None)

    def _read_text(self, place: _Place, what: str, value: dict[str, Any], member: str) -> None:
        text = value.get("delta" if what == "delta" else member)
        if not isinstance(text, str) or not text:
            return
        if what == "delta":
            self._pieces.setdefault(place, []).append(text)
        else:
            self._pieces[place] = [text]
            self._told.add(place)

    # --------------------------------------------------------------------------------------------------- writing

    def _event(self, kind: str, members: dict[str, Any]) -> bytes:
        self._number += 1
        return sse.write(jsonx.encode({"type": kind, "sequence_number": self._number, **members}), kind.encode())

    def _end_slot(self, place: _Place, slot: Item) -> bytes:
        at, field, number = place
        summary = field == "summary"
        where = {"item_id": self._items[at].get("id"), "output_index": at}
        where["summary_index" if summary else "content_index"] = number
        written = b""
        sort = _SUMMARY[1] if summary else slot.get("type")
        if sort in _TEXTS:
            member = _TEXTS[sort][2]
            slot[member] = joined(self._pieces.get(place, ()))
            logprobs = {"logprobs": slot.get("logprobs") or []} if sort == "output_text" else {}
            if place not in self._told:
                written = self._event(f"response.{sort}.done", where | {member: slot[member]} | logprobs)
        kind = "response.reasoning_summary_part.done" if summary else "response.content_part.done"
        return written + self._event(kind, where | {"part": slot})

    def _end_item(self, at: int, item: Item) -> bytes:
        item["status"] = "incomplete"
        written = b""
        if item.get("type") not in _SPOKEN:
            for (place, member, _), pieces in self._pieces.items():
                if place == at:
                    item[member] = joined(pieces)
            if item.get("type") != "function_call" or not is_object(str(item.get("arguments"))):
                return b""
            item["status"] = "completed"
            if (at, "arguments", 0) not in self._told:
                said = {"item_id": item.get("id"), "output_index": at} | {
                    name: item[name] for name in ("name", "arguments") if name in item
                }
                written = self._event("response.function_call_arguments.done", said)
        return written + self._event("response.output_item.done", {"output_index": at, "item": item})


def _count(value: dict[str, Any], field: str, otherwise: int = 0) -> int:
    count = value.get(field)
    return count if isinstance(count, int) and not isinstance(count, bool) else otherwise

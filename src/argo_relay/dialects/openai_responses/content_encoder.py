"""Parts become parts of the wire: what requests and replies have in common, and the items of a reply.

https://platform.openai.com/docs/api-reference/responses-streaming

`ItemWriter` is the lower half of the stream encoder: it adds items and finishes them, and writes what comes whole or is
a call. A message's or a thought's item stays open until it is plain that no further part joins it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from argo_relay.dialects.base import free_text
from argo_relay.dialects.openai_responses.content_decoder import CONTENT_PART, Item, spelled
from argo_relay.dialects.openai_responses.outline import DIALECT
from argo_relay.dialects.openai_responses.tools import CALLS, call_item, called_tool
from argo_relay.framing import jsonx
from argo_relay.neutral.content import (
    Citation,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from argo_relay.neutral.events import ArgumentsDelta, StreamedPart
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.request import Request

MARKS: Final = frozenset({"message", "joins", "lengths"})
"""Members of extras that tell a part's place, and are no members of the wire's parts."""


def own_members(part: Text | Media | Reasoning | ToolCall | ToolResult | Refusal) -> dict[str, Any]:
    """Return the members of the wire's part that no neutral field holds."""
    mine = part.extras.get(DIALECT)
    if not mine:
        return {}
    return {name: value for name, value in mine.items() if name not in MARKS}


def encode_annotations(citations: Sequence[Citation], path: str, losses: Losses) -> list[dict[str, Any]]:
    """Return citations as annotations; one that names no address cannot be said."""
    made = []
    for citation in citations:
        annotation = encode_annotation(citation)
        if annotation is None:
            why = "An annotation needs a URL here."
            losses.append(Loss(path=f"{path}.citations", what="citation", why=why))
        else:
            made.append(annotation)
    return made


def encode_annotation(citation: Citation) -> dict[str, Any] | None:
    """Return a citation as an annotation; None when it names no address."""
    if citation.dialect == DIALECT:
        return citation.payload
    if citation.url is None:
        return None
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or "",
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
    }


def encode_logprobs(logprobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return log probabilities with everything that the dialect's types demand."""
    return [_typed(one) for one in logprobs]


def _typed(one: dict[str, Any]) -> dict[str, Any]:
    if isinstance(one.get("bytes"), list) and not one.get("top_logprobs"):
        return one if "top_logprobs" in one else {**one, "top_logprobs": []}
    others = [_with_bytes(other) for other in one.get("top_logprobs") or () if isinstance(other, dict)]
    return {**_with_bytes(one), "top_logprobs": others}


def _with_bytes(one: dict[str, Any]) -> dict[str, Any]:
    if isinstance(one.get("bytes"), list):
        return one
    token = one.get("token")
    return {**one, "bytes": spelled(token) if isinstance(token, str) else []}


class Open:
    """A part that has begun, and the item that it belongs to."""

    __slots__ = ("at", "begun", "delta", "held", "item", "part", "pieces", "place", "seal", "slot", "unwraps")

    def __init__(self, part: StreamedPart) -> None:
        self.part = part
        self.item: Item = {}
        self.at = 0
        self.place = 0
        self.slot: Item = {}
        self.delta = b""
        self.pieces: list[str] = []
        self.begun = False
        self.held: str | None = None
        self.seal: Seal | None = None
        self.unwraps = False


class ItemWriter:
    """Writes the items of one reply, and numbers the events."""

    def __init__(self, request: Request) -> None:
        self.losses: Losses = []
        self._tools = request.tools
        self._number = 0
        self._bare = ""
        self._output: list[Item] = []
        self._unfinished: set[int] = set()
        self._open: dict[int, Open] = {}
        self._waiting: Open | None = None
        self._lingering: Open | None = None

    def _event(self, kind: bytes, members: bytes) -> bytes:
        number = self._number
        self._number = number + 1
        return b'event: %b\ndata: {"type":"%b","sequence_number":%d,%b}\n\n' % (kind, kind, number, members)

    def _add_item(self, opened: Open, item: Item) -> bytes:
        opened.item = item
        opened.at = len(self._output)
        self._output.append(item)
        self._unfinished.add(id(item))
        return self._item_event(b"response.output_item.added", opened)

    def _item_event(self, kind: bytes, opened: Open) -> bytes:
        return self._event(kind, b'"output_index":%d,"item":%b' % (opened.at, jsonx.encode(opened.item)))

    def _finish_item(self, opened: Open, status: str | None) -> bytes:
        if status is not None:
            opened.item["status"] = status
        self._unfinished.discard(id(opened.item))
        return self._item_event(b"response.output_item.done", opened)

    def _settle(self, status: str) -> bytes:
        """Finish the item that was kept open for parts that might have joined it."""
        opened, self._lingering = self._lingering, None
        if opened is None:
            return b""
        kept = isinstance(opened.part, Reasoning) or opened.item.get("status") == "incomplete"
        return self._finish_item(opened, None if kept else status)

    def _linger(self, opened: Open) -> bytes:
        written = b""
        if self._lingering is not None and self._lingering.item is not opened.item:
            written = self._settle("completed")
        self._lingering = opened
        return written

    def _item_id(self, known: Any, prefix: str) -> str:
        return known if isinstance(known, str) and known else f"{prefix}_{self._bare}_{len(self._output)}"

    def _place(self, opened: Open, place: bytes = b"content_index") -> bytes:
        where = (jsonx.encode(opened.item.get("id")), opened.at)
        return b'"item_id":%b,"output_index":%d' % where + (b',"%b":%d' % (place, opened.place) if place else b"")

    def _start_message(self, opened: Open, mine: dict[str, Any]) -> bytes:
        last = self._lingering
        if last is not None:
            opened.item, opened.at = last.item, last.at
            opened.place = len(last.item["content"])
            self._lingering = None
            return b""
        fields = mine.get("message")
        fields = fields if isinstance(fields, dict) else {}
        item = {
            "id": self._item_id(fields.get("id"), "msg"),
            "type": "message",
            "role": "assistant",
            "status": "in_progress",
            "content": [],
        }
        return self._add_item(opened, item | {name: value for name, value in fields.items() if name != "id"})

    def _slot_event(self, kind: bytes, opened: Open) -> bytes:
        return self._event(kind, self._place(opened) + b',"part":%b' % jsonx.encode(opened.slot))

    def _say(self, opened: Open, text: str) -> bytes:
        opened.pieces.append(text)
        number = self._number
        self._number = number + 1
        return b'%b%b,"sequence_number":%d}\n\n' % (opened.delta, jsonx.encode(text), number)

    # ------------------------------------------------------------------------------------------------- calls

    def start_call(self, opened: Open, index: int) -> bytes:
        """Keep a call until its second event: a seal stands in the id, and it may come after the arguments."""
        del index
        part = opened.part
        if isinstance(part, ToolCall):
            self._waiting = opened
            opened.seal = part.seal
            opened.held = part.arguments
        return b""

    def arguments_delta(self, event: ArgumentsDelta) -> bytes:
        """Write more of a call's arguments."""
        opened = self._open[event.index]
        if opened is self._waiting:
            if not opened.held:
                opened.held = event.text
                return b""
            return self._release() + self._argue(opened, event.text)
        return self._argue(opened, event.text)

    def _argue(self, opened: Open, text: str) -> bytes:
        if not text:
            return b""
        if opened.unwraps:
            opened.pieces.append(text)
            return b""
        return self._say(opened, text)

    def _release(self) -> bytes:
        """Begin the call that waited for its seal."""
        opened, self._waiting = self._waiting, None
        if opened is None or not isinstance(opened.part, ToolCall):
            return b""
        part = opened.part
        custom = part.kind == "custom" or called_tool(part, self._tools)[2]
        identifier = self._item_id(part.item, "ctc" if custom else "fc")
        item, opened.unwraps = call_item(part, self._tools, opened.seal, identifier)
        written = self._add_item(opened, item)
        delta = b"response.custom_tool_call_input.delta" if custom else b"response.function_call_arguments.delta"
        opened.delta = b'event: %b\ndata: {"type":"%b",%b,"delta":' % (delta, delta, self._place(opened, b""))
        return written + (self._argue(opened, opened.held) if opened.held else b"")

    def end_call(self, opened: Open) -> bytes:
        """Finish a call."""
        kind = opened.item["type"]
        text = "".join(opened.pieces)
        opened.pieces = []
        written = b""
        if opened.unwraps:
            text = free_text(text)
            written = self._say(opened, text) if text else b""
        elif not text and kind == "function_call":
            # Clients read the arguments as JSON.
            text = "{}"
            written = self._say(opened, text)
        opened.item[CALLS[kind]] = text
        if kind == "function_call":
            done = b"response.function_call_arguments.done"
            said = b',"name":%b,"arguments":%b' % (jsonx.encode(opened.item["name"]), jsonx.encode(text))
        else:
            done = b"response.custom_tool_call_input.done"
            said = b',"input":%b' % jsonx.encode(text)
        written += self._event(done, self._place(opened, b"") + said)
        return written + self._finish_item(opened, "completed")

    def cut_call(self, opened: Open) -> None:
        """Leave a call as far as it has come; one that has not been shown yet never is."""
        if opened is self._waiting:
            self._waiting = None
            return
        # The text of an object that never ended is not known.
        opened.item[CALLS[opened.item["type"]]] = "" if opened.unwraps else "".join(opened.pieces)
        opened.item["status"] = "incomplete"

    # ------------------------------------------------------------------------------------- what comes whole

    def lost(self, part: StreamedPart, index: int) -> bool:
        """Tell whether a part cannot be shown, and say so; the items around it are as if it had never come."""
        if isinstance(part, Media) and (part.kind != "image" or part.data is None):
            what, why = str(part.kind), f"A reply holds no {part.kind} here, but images that it has made."
        elif isinstance(part, Opaque) and (part.dialect != DIALECT or _type_of(part.payload) is None):
            what, why = _type_of(part.payload) or "part", f"Only {part.dialect} knows this part."
        else:
            return False
        self.losses.append(Loss(path=f"parts[{index}]", what=what, why=why))
        return True

    def start_opaque(self, opened: Open, index: int) -> bytes:
        """Begin what only this dialect knows: an item, or a part of a message."""
        del index
        payload = opened.part.payload if isinstance(opened.part, Opaque) else {}
        if payload["type"] == CONTENT_PART and isinstance(payload.get("part"), dict):
            written = self._start_message(opened, payload)
            opened.slot = payload["part"]
            opened.item["content"].append(opened.slot)
            return written + self._slot_event(b"response.content_part.added", opened)
        return self._add_item(opened, payload)

    def start_media(self, opened: Open, index: int) -> bytes:
        """Begin an image as an item of the tool that makes images."""
        part = opened.part
        if not isinstance(part, Media):
            return b""
        if part.seal is not None:
            self._lose_seal(index)
        name = self._item_id(None, "ig")
        item = {"id": name, "type": "image_generation_call", "status": "in_progress", "result": None}
        written = self._add_item(opened, item)
        item["result"] = part.data
        return written

    def end_opaque(self, opened: Open) -> bytes:
        """Finish what only this dialect knows."""
        if opened.slot:
            return self._slot_event(b"response.content_part.done", opened) + self._linger(opened)
        return self._finish_item(opened, None)

    def end_media(self, opened: Open) -> bytes:
        """Finish an image."""
        return self._finish_item(opened, "completed")

    def _lose_seal(self, index: int) -> None:
        why = "Only thoughts and calls have a field for it here."
        self.losses.append(Loss(path=f"parts[{index}].seal", what="seal", why=why))


def _type_of(payload: Any) -> str | None:
    kind = payload.get("type") if isinstance(payload, dict) else None
    return kind if isinstance(kind, str) else None

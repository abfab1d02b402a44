"""A Responses stream becomes events: https://platform.openai.com/docs/api-reference/responses-streaming.

Servers differ in what they leave out (the first event, deltas, the items of the last event), and say it some other way:
what an event that ends something says over what has come before is caught up with.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar, Final

from argo_relay.dialects.openai_responses.content_decoder import (
    BETWEEN,
    Item,
    ItemReader,
    ItemSoFar,
    PartSoFar,
    decode_annotation,
    decode_logprobs,
    decode_time,
    rest_of_arguments,
    rest_of_text,
)
from argo_relay.dialects.openai_responses.errors import decode_failed
from argo_relay.dialects.openai_responses.outline import DIALECT, text_of
from argo_relay.dialects.openai_responses.stops import decode_stop
from argo_relay.dialects.openai_responses.tools import CALLS
from argo_relay.dialects.openai_responses.usage import decode_usage
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx
from argo_relay.framing.base import Frame
from argo_relay.neutral.content import Opaque
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Cited,
    Ended,
    Event,
    Failed,
    Heartbeat,
    Started,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.failure import Failure, FailureKind

Data = dict[str, Any]

_GROWING: Final = ("message", "reasoning", *CALLS)
_SILENT: Final = frozenset(
    {"response.content_part.done", "response.reasoning_part.added", "response.reasoning_part.done"}
)


class ResponsesStreamDecoder(ItemReader):
    """Reads one stream; fed every frame in order."""

    def __init__(self) -> None:
        super().__init__()
        self._started = False
        self._over = False
        self._items: dict[object, ItemSoFar] = {}

    def feed(self, frame: Frame) -> list[Event]:
        """Return what a frame says; after Ended or Failed, nothing. Never raises."""
        if self._over or (frame.data or b"").strip() == b"[DONE]":
            return []
        if frame.data is None:
            return self._alive()
        try:
            value = jsonx.decode_loosely(frame.data)
        except BadJson:
            return self._fail(_broken("sent an event that is not JSON"))
        if not isinstance(value, dict):
            return []
        kind = value.get("type")
        reader = self._READERS.get(kind) if isinstance(kind, str) else None
        events = reader(self, value) if reader is not None else self._other(frame, value)
        if events and not self._started and not isinstance(events[0], Failed):
            # It left its first event out.
            return self._start({}) + events
        return events

    def finish(self) -> list[Event]:
        """Return the failure that a stream without its last event is."""
        if self._over:
            return []
        return self._fail(_broken("ended the stream before the answer was complete", "upstream_incomplete"))

    def _other(self, frame: Frame, value: Data) -> list[Event]:
        """Read an event by another sign than its type; what hosted tools report on their way is a sign of life."""
        kind = value.get("type")
        if not isinstance(kind, str):
            kind = (frame.event or b"").decode("utf-8", "replace")
            if kind in self._READERS:
                return self._READERS[kind](self, value)
        if value.get("error") and not kind.startswith("response."):
            return self._error(value)
        return [] if kind in _SILENT else self._alive()

    def _alive(self) -> list[Event]:
        # Before the first event it would have a client told an id that is not the upstream's.
        return [Heartbeat()] if self._started else []

    def _fail(self, failure: Failure) -> list[Event]:
        self._over = True
        return [Failed(failure=failure)]

    def _error(self, value: Data) -> list[Event]:
        error = value.get("error")
        return self._fail(decode_failed(error if isinstance(error, dict | str) and error else value))

    # ----------------------------------------------------------------------------------------------- the response

    def _response(self, value: Data) -> list[Event]:
        response = value.get("response")
        return self._start(response if isinstance(response, dict) else {})

    def _start(self, response: Data) -> list[Event]:
        if self._started:
            return []
        self._started = True
        return [
            Started(
                id=text_of(response.get("id")) or "resp_0",
                model=text_of(response.get("model")),
                created=decode_time(response.get("created_at")),
                service_tier=text_of(response.get("service_tier")) or None,
            )
        ]

    def _failed(self, value: Data) -> list[Event]:
        response = value.get("response")
        error = response.get("error") if isinstance(response, dict) else None
        return self._fail(decode_failed(error or value.get("error")))

    def _completed(self, value: Data) -> list[Event]:
        given = value.get("response")
        response: Data = given if isinstance(given, dict) else {}
        if response.get("status") == "failed":
            return self._failed(value)
        events = self._start(response)
        output = response.get("output")
        events += self._catch_up(output if isinstance(output, list) else [])
        for item in self._items.values():
            events += self._close(item)
        usage = decode_usage(response.get("usage"))
        if usage is not None:
            events.append(UsageSeen(usage=usage))
        if "status" not in response:
            response = {**response, "status": text_of(value.get("type")).removeprefix("response.")}
        events.append(Ended(stop=decode_stop(response, calls=self._calls, refused=self._refused)))
        self._over = True
        return events

    def _catch_up(self, output: list[Any]) -> list[Event]:
        """Say what only the last event says: items that never came, or that were never done."""
        names = {item.name: key for key, item in self._items.items() if item.name is not None}
        seen = len(self._items)
        events: list[Event] = []
        for place, value in enumerate(output):
            if not isinstance(value, dict):
                continue
            name = value.get("id")
            key = names.get(name) if isinstance(name, str) else None
            if key is None and place in self._items and self._items[place].value.get("type") == value.get("type"):
                key = place
            if key is None and place < seen:
                # Its place is taken: it has come under another id.
                continue
            events += self._finish_item(self._items.setdefault(place if key is None else key, ItemSoFar(value)), value)
        return events

    # -------------------------------------------------------------------------------------------------- the items

    def _item(self, value: Data) -> ItemSoFar:
        """Return the item that an event is about; an event without one before it makes one."""
        key = value.get("output_index")
        if not isinstance(key, int):
            name = value.get("item_id")
            known = (one for one, item in self._items.items() if item.name == name and not (item.done and name is None))
            key = next(known, None)
        item = self._items.get(key)
        if item is None:
            name = value.get("item_id")
            made = {"id": name} if isinstance(name, str) else {}
            item = self._items[self._free() if key is None else key] = ItemSoFar(made)
        return item

    def _free(self) -> int:
        return next(key for key in count(len(self._items)) if key not in self._items)

    def _item_added(self, value: Data) -> list[Event]:
        given = value.get("item")
        if not isinstance(given, dict):
            return []
        key = value.get("output_index")
        key = key if isinstance(key, int) else self._free()
        if key in self._items:
            return []
        item = self._items[key] = ItemSoFar(given)
        return self._begin_call(item) if given.get("type") in tuple(CALLS) else []

    def _item_done(self, value: Data) -> list[Event]:
        given = value.get("item")
        if not isinstance(given, dict):
            return []
        name = given.get("id")
        item = self._item(value if isinstance(value.get("output_index"), int) else {"item_id": name})
        return self._finish_item(item, given)

    def _finish_item(self, item: ItemSoFar, value: Item) -> list[Event]:
        if item.done:
            return []
        kind = value.get("type")
        if kind not in _GROWING:
            item.done = True
            return self._say_whole(Opaque(dialect=DIALECT, payload=value))
        if "type" not in item.value:
            item.value = value
            item.name = item.name or text_of(value.get("id")) or None
        if kind == "message":
            events = self._finish_message(item, value)
        elif kind == "reasoning":
            events = self._finish_reasoning(item, value)
        else:
            events = self._finish_call(item, value)
        return events + self._close(item)

    # --------------------------------------------------------------------------------------------------- messages

    def _content_added(self, value: Data) -> list[Event]:
        given = value.get("part")
        if not isinstance(given, dict) or given.get("type") not in ("output_text", "refusal"):
            # A thought begins with its first words; what nobody knows comes whole, with its item.
            return []
        item, place = self._item(value), _place(value, "content_index")
        return [] if item.done or ("said", place) in item.parts else self._begin_said(item, place, given)[1]

    def _said(self, value: Data, kind: str) -> tuple[PartSoFar | None, list[Event]]:
        """Return the part of a message that an event is about, begun where it was not."""
        item, place = self._item(value), _place(value, "content_index")
        part = item.parts.get(("said", place))
        if part is not None:
            return (part if part.open else None), []
        return (None, []) if item.done else self._begin_said(item, place, {"type": kind})

    def _text_delta(self, value: Data) -> list[Event]:
        part, events = self._said(value, "output_text")
        return events if part is None else events + _grow(part, value)

    def _text_done(self, value: Data) -> list[Event]:
        part, events = self._said(value, "output_text")
        return events if part is None else events + rest_of_text(part, value.get("text"))

    def _refusal_delta(self, value: Data) -> list[Event]:
        part, events = self._said(value, "refusal")
        return events if part is None else events + _grow(part, value)

    def _refusal_done(self, value: Data) -> list[Event]:
        part, events = self._said(value, "refusal")
        return events if part is None else events + rest_of_text(part, value.get("refusal"))

    def _annotation_added(self, value: Data) -> list[Event]:
        part, events = self._said(value, "output_text")
        annotation = value.get("annotation")
        if part is None or not part.cites or not isinstance(annotation, dict):
            return events
        part.cited += 1
        return [*events, Cited(index=part.index, citation=decode_annotation(annotation))]

    # --------------------------------------------------------------------------------------------------- thoughts

    def _summary_delta(self, value: Data) -> list[Event]:
        return self._think(value, "summary", _place(value, "summary_index"), grow=True)

    def _summary_done(self, value: Data) -> list[Event]:
        return self._think(value, "summary", _place(value, "summary_index"), grow=False)

    def _thought_delta(self, value: Data) -> list[Event]:
        return self._think(value, "content", _place(value, "content_index"), grow=True)

    def _thought_done(self, value: Data) -> list[Event]:
        return self._think(value, "content", _place(value, "content_index"), grow=False)

    def _think(self, value: Data, field: str, place: int, *, grow: bool) -> list[Event]:
        item = self._item(value)
        if item.done:
            return []
        text = text_of(value.get("delta" if grow else "text"))
        part = item.parts.get((field, 0))
        if not text or (not grow and part is not None and part.length):
            return []
        events: list[Event] = []
        if part is None:
            part, events = self._begin_thought(item, field)
        if place != part.place and part.length:
            part.length += len(BETWEEN)
            events.append(TextDelta(index=part.index, text=BETWEEN))
        part.place = place
        part.length += len(text)
        events.append(TextDelta(index=part.index, text=text))
        return events

    # ------------------------------------------------------------------------------------------------------ calls

    def _arguments_delta(self, value: Data) -> list[Event]:
        part = self._item(value).parts.get(("call", 0))
        text = value.get("delta")
        if part is None or not part.open or not isinstance(text, str) or not text:
            return []
        part.length += len(text)
        return [ArgumentsDelta(index=part.index, text=text)]

    def _arguments_done(self, value: Data) -> list[Event]:
        part = self._item(value).parts.get(("call", 0))
        text = value.get("arguments", value.get("input"))
        return [] if part is None or not part.open else rest_of_arguments(part, text)

    _READERS: ClassVar[dict[str, Callable[[ResponsesStreamDecoder, Data], list[Event]]]] = {
        "response.created": _response,
        "response.in_progress": _response,
        "response.queued": _response,
        "response.completed": _completed,
        "response.incomplete": _completed,
        "response.failed": _failed,
        "error": _error,
        "response.output_item.added": _item_added,
        "response.output_item.done": _item_done,
        "response.content_part.added": _content_added,
        "response.output_text.delta": _text_delta,
        "response.output_text.done": _text_done,
        "response.output_text.annotation.added": _annotation_added,
        "response.refusal.delta": _refusal_delta,
        "response.refusal.done": _refusal_done,
        "response.reasoning_summary_text.delta": _summary_delta,
        "response.reasoning_summary_text.done": _summary_done,
        "response.reasoning_text.delta": _thought_delta,
        "response.reasoning_text.done": _thought_done,
        "response.function_call_arguments.delta": _arguments_delta,
        "response.function_call_arguments.done": _arguments_done,
        "response.custom_tool_call_input.delta": _arguments_delta,
        "response.custom_tool_call_input.done": _arguments_done,
    }


def _grow(part: PartSoFar, value: Data) -> list[Event]:
    text = value.get("delta")
    text = text if isinstance(text, str) else ""
    given = value.get("logprobs")
    logprobs = decode_logprobs(given) if given else None
    if logprobs is not None:
        part.logged = True
    elif not text:
        return []
    part.length += len(text)
    return [TextDelta(index=part.index, text=text, logprobs=logprobs)]


def _place(value: Data, field: str) -> int:
    place = value.get(field)
    return place if isinstance(place, int) else 0


def _broken(what: str, code: str = "upstream_bad_reply") -> Failure:
    return Failure(
        kind=FailureKind.UPSTREAM,
        status=502,
        code=code,
        message=f"The upstream {what}. Try again; if it goes on, tell whoever runs the upstream.",
        at_fault="upstream",
    )

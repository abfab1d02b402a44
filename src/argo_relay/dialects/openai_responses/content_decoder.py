"""The model's items become parts of messages and replies, whole or as they arrive.

https://platform.openai.com/docs/api-reference/responses/create#responses-create-input

A message item's own fields ride on its first part under `message`; a part that continues an item has `joins`. So parts
that lie flat in a reply come apart into the items that they came in.

`ItemReader` is the lower half of the stream decoder: it begins parts and, with a whole item, says what has not come of
it yet.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from argo_relay.dialects.base import passed_over
from argo_relay.dialects.openai_responses.outline import DIALECT, ISSUER, extras_of, text_of
from argo_relay.dialects.openai_responses.tools import CALLS, decode_call
from argo_relay.neutral import seals
from argo_relay.neutral.content import Citation, Opaque, Part, Reasoning, Refusal, Seal, Text
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Cited,
    Event,
    PartEnded,
    PartStarted,
    SealDelta,
    StreamedPart,
    TextDelta,
)

Item = dict[str, Any]

BETWEEN: Final = "\n\n"
"""What stands between the texts of one reasoning item where they are one text."""
CONTENT_PART: Final = "message.content"
"""The type of an Opaque that holds a part of a message, not an item: `{"type", "part", "message"?, "joins"?}`."""

TEXTS: Final = frozenset({"input_text", "output_text", "text"})
_OF_MESSAGE: Final = frozenset({"type", "role", "content"})
_OF_TEXT: Final = frozenset({"type", "text", "annotations", "logprobs"})
_OF_REFUSAL: Final = frozenset({"type", "refusal"})
_OF_REASONING: Final = frozenset({"type", "id", "summary", "content", "encrypted_content"})
_THOUGHTS: Final = ("summary", "content")


def decode_item(item: Item, number: int, *, client: bool) -> list[Part]:
    """Return the parts of an item of the model's; `number` makes an id for a call that has none.

    What a client sends back keeps even its status; in a reply that says only how far it had come.
    """
    kind = item.get("type")
    if kind == "message":
        return decode_message(item, client=client)
    if kind == "reasoning":
        return list(_decode_reasoning(item, client=client))
    call = decode_call(item, number, client=client) if kind in ("function_call", "custom_tool_call") else None
    if call is None:
        return [Opaque(dialect=DIALECT, payload=item)]
    return [msgspec.structs.replace(call, arguments=text_of(item.get(CALLS[item["type"]])))]


def message_extras(item: Item, *, client: bool) -> dict[str, Any]:
    """Return what the first part of an assistant's message carries for the item."""
    fields = passed_over(item, _OF_MESSAGE)
    if not client:
        fields.pop("status", None)
    if item.get("role", "assistant") != "assistant":
        fields["role"] = item["role"]
    return {"message": fields}


def decode_message(item: Item, *, client: bool) -> list[Part]:
    """Return the parts of an assistant's message."""
    marks: dict[str, Any] = message_extras(item, client=client)
    content = item.get("content")
    if isinstance(content, str):
        return [Text(text=content, extras={DIALECT: marks})]
    parts: list[Part] = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict):
            parts.append(decode_output_part(part, marks))
            marks = {"joins": True}
    if not parts and client:
        return [Text(text="", extras={DIALECT: marks})]
    return parts


def decode_output_part(part: Item, marks: dict[str, Any]) -> Text | Refusal | Opaque:
    """Return a part of an assistant's message; `marks` tell its place in the item."""
    kind = part.get("type")
    if isinstance(kind, str) and kind in TEXTS:
        rest = passed_over(part, _OF_TEXT)
        if kind != "output_text":
            rest["type"] = kind
        return Text(
            text=text_of(part.get("text")),
            citations=decode_annotations(part.get("annotations")),
            logprobs=decode_logprobs(part.get("logprobs")),
            extras={DIALECT: marks | rest},
        )
    if kind == "refusal":
        return Refusal(text=text_of(part.get("refusal")), extras={DIALECT: marks | passed_over(part, _OF_REFUSAL)})
    return Opaque(dialect=DIALECT, payload={"type": CONTENT_PART, "part": part, **marks})


def decode_annotations(value: Any) -> tuple[Citation, ...]:
    """Return the citations of a text."""
    if not value or not isinstance(value, list):
        return ()
    return tuple(decode_annotation(one) for one in value if isinstance(one, dict))


def decode_annotation(value: dict[str, Any]) -> Citation:
    """Return one citation; what cites a file has no address that others could use."""
    start, end = value.get("start_index"), value.get("end_index")
    return Citation(
        url=text_of(value.get("url")) or None,
        title=text_of(value.get("title")) or text_of(value.get("filename")) or None,
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
        dialect=DIALECT,
        payload=value,
    )


def decode_time(value: Any) -> int | None:
    """Return a time in whole seconds; None where none was said."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 2**63
    return int(value) if fits else None


def decode_logprobs(value: Any) -> tuple[dict[str, Any], ...] | None:
    """Return log probabilities in their full form: deltas leave out what the whole text's have."""
    if not value or not isinstance(value, list):
        return None
    return tuple(_full(one) for one in value if isinstance(one, dict)) or None


def _full(one: dict[str, Any]) -> dict[str, Any]:
    if isinstance(one.get("bytes"), list) and "top_logprobs" in one:
        return one
    token = text_of(one.get("token"))
    return {**one, "bytes": one.get("bytes") or spelled(token), "top_logprobs": one.get("top_logprobs") or []}


def spelled(token: str) -> list[int]:
    """Return a token's bytes."""
    return list(token.encode("utf-8", "surrogatepass"))


def reasoning_extras(item: Item, *, client: bool) -> dict[str, Any]:
    """Return what the first part of a reasoning item carries for the item."""
    fields = passed_over(item, _OF_REASONING)
    if not client:
        fields.pop("status", None)
    return fields


def _decode_seal(value: Any, *, client: bool) -> Seal | None:
    """Return what `encrypted_content` holds; what an upstream gives is its own, even where it looks like ours."""
    if not value or not isinstance(value, str):
        return None
    packed = seals.unpack(value) if client else None
    return packed or Seal(issuer=ISSUER, kind="encrypted", value=value)


def _decode_reasoning(item: Item, *, client: bool) -> list[Reasoning]:
    """Return what a reasoning item says: its summary, its full text, or neither; the seal stands on the last part."""
    rest = reasoning_extras(item, client=client)
    found: list[Reasoning] = []
    for field in _THOUGHTS:
        texts = _texts_of(item.get(field))
        if texts or (field == "content" and not found):
            own: dict[str, Any] = {"joins": True} if found else dict(rest)
            if client and (len(texts) > 1 or texts == [""]):
                own["lengths"] = [len(text) for text in texts]
            form: Literal["full", "summary"] = "full" if texts and field == "content" else "summary"
            name = text_of(item.get("id")) or None
            found.append(Reasoning(text=BETWEEN.join(texts), form=form, item=name, extras=extras_of(own)))
    seal = _decode_seal(item.get("encrypted_content"), client=client)
    return [*found[:-1], msgspec.structs.replace(found[-1], seal=seal)]


def _texts_of(value: Any) -> list[str]:
    """Return the texts of a summary, or of a reasoning item's content."""
    if not isinstance(value, list):
        return []
    return [part["text"] for part in value if isinstance(part, dict) and isinstance(part.get("text"), str)]


class PartSoFar:
    """A part that has begun: its number, and how much of it has come."""

    __slots__ = ("cited", "cites", "index", "length", "logged", "open", "place")

    def __init__(self, index: int, *, cites: bool) -> None:
        self.index = index
        self.cites = cites
        """It is a text for people, not a refusal."""
        self.length = 0
        self.cited = 0
        self.logged = False
        self.open = True
        self.place = 0
        """Which text of a thought is being written."""


class ItemSoFar:
    """An item of the output: what is known of it, and its parts by kind and place."""

    __slots__ = ("done", "name", "parts", "value")

    def __init__(self, value: Item) -> None:
        self.value = value
        self.name = text_of(value.get("id")) or None
        self.parts: dict[tuple[str, int], PartSoFar] = {}
        self.done = False


class ItemReader:
    """Begins the parts of the items of one stream, and finishes them."""

    def __init__(self) -> None:
        self._next = 0
        self._calls = False
        self._refused = False

    def _begin(self, item: ItemSoFar, key: tuple[str, int], start: StreamedPart) -> tuple[PartSoFar, list[Event]]:
        part = item.parts[key] = PartSoFar(self._next, cites=isinstance(start, Text))
        self._next += 1
        return part, [PartStarted(index=part.index, part=start)]

    def _say_whole(self, start: Opaque) -> list[Event]:
        index = self._next
        self._next += 1
        return [PartStarted(index=index, part=start), PartEnded(index=index)]

    def _close(self, item: ItemSoFar) -> list[Event]:
        item.done = True
        events: list[Event] = []
        for part in item.parts.values():
            if part.open:
                part.open = False
                events.append(PartEnded(index=part.index))
        return events

    def _begin_said(self, item: ItemSoFar, place: int, given: Item) -> tuple[PartSoFar, list[Event]]:
        """Begin a text or a refusal, empty."""
        start: StreamedPart = decode_output_part(given, self._marks(item))
        if isinstance(start, Refusal):
            self._refused = True
            start = Refusal(text="", extras=start.extras)
        else:
            start = Text(text="", extras=start.extras if isinstance(start, Text) else {})
        return self._begin(item, ("said", place), start)

    def _marks(self, item: ItemSoFar) -> dict[str, Any]:
        return {"joins": True} if item.parts else message_extras(item.value, client=False)

    def _finish_message(self, item: ItemSoFar, value: Item) -> list[Event]:
        events: list[Event] = []
        content = value.get("content")
        places = _places(item, content if isinstance(content, list) else [])
        for place, given in places:
            whole = decode_output_part(given, self._marks(item))
            if isinstance(whole, Opaque):
                gone = item.parts[("whole", place)] = PartSoFar(self._next, cites=False)
                gone.open = False
                events += self._say_whole(whole)
                continue
            part = item.parts.get(("said", place))
            if part is None:
                part, begun = self._begin_said(item, place, given)
                events += begun
            events += _complete(part, whole)
        return events

    def _begin_thought(self, item: ItemSoFar, field: str) -> tuple[PartSoFar, list[Event]]:
        own = {"joins": True} if item.parts else reasoning_extras(item.value, client=False)
        form: Literal["full", "summary"] = "full" if field == "content" else "summary"
        start = Reasoning(form=form, item=item.name, extras=extras_of(own))
        return self._begin(item, (field, 0), start)

    def _finish_reasoning(self, item: ItemSoFar, value: Item) -> list[Event]:
        events: list[Event] = []
        last: PartSoFar | None = None
        for field in _THOUGHTS:
            text = BETWEEN.join(_texts_of(value.get(field)))
            part = item.parts.get((field, 0))
            if text and part is None:
                part, begun = self._begin_thought(item, field)
                events += begun
            if part is not None:
                last = part
                events += rest_of_text(part, text)
        if last is None:
            last, begun = self._begin_thought(item, "summary")
            events += begun
        seal = _decode_seal(value.get("encrypted_content"), client=False)
        if seal is not None:
            events.append(SealDelta(index=last.index, seal=seal))
        return events

    def _begin_call(self, item: ItemSoFar) -> list[Event]:
        call = decode_call(item.value, self._next, client=False)
        if call is None:
            return []
        self._calls = True
        return self._begin(item, ("call", 0), call)[1]

    def _finish_call(self, item: ItemSoFar, value: Item) -> list[Event]:
        events: list[Event] = []
        if ("call", 0) not in item.parts:
            item.value = value
            events = self._begin_call(item)
        part = item.parts.get(("call", 0))
        if part is None:
            return self._say_whole(Opaque(dialect=DIALECT, payload=value))
        return events + rest_of_arguments(part, value.get(CALLS[value["type"]]))


def _places(item: ItemSoFar, content: list[Any]) -> list[tuple[int, Item]]:
    """Return the parts of a whole message with the places at which they came, where they did.

    Bedrock counts the thought before a message as the message's first part, until the message is whole.
    """
    given = [(place, part) for place, part in enumerate(content) if isinstance(part, dict)]
    known = sorted(place for kind, place in item.parts if kind == "said")
    return [(place, part) for place, (_, part) in zip(known, given, strict=True)] if len(known) == len(given) else given


def rest_of_text(part: PartSoFar, text: Any) -> list[Event]:
    """Return what a whole text says over what has come of it."""
    if not part.open or not isinstance(text, str) or len(text) <= part.length:
        return []
    more = text[part.length :]
    part.length = len(text)
    return [TextDelta(index=part.index, text=more)]


def rest_of_arguments(part: PartSoFar, text: Any) -> list[Event]:
    """Return what a call's whole arguments say over what has come of them."""
    return [
        ArgumentsDelta(index=event.index, text=event.text)
        for event in rest_of_text(part, text)
        if isinstance(event, TextDelta)
    ]


def _complete(part: PartSoFar, whole: Text | Refusal) -> list[Event]:
    if not part.open:
        return []
    events = rest_of_text(part, whole.text)
    if not isinstance(whole, Text) or not part.cites:
        return events
    if whole.logprobs and not part.logged:
        part.logged = True
        events.append(TextDelta(index=part.index, text="", logprobs=whole.logprobs))
    missing = whole.citations[part.cited :]
    part.cited += len(missing)
    events += [Cited(index=part.index, citation=citation) for citation in missing]
    return events

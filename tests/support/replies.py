"""Draws replies and streams in the neutral language, for the properties that hold for any of them."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from argo_relay.neutral.content import Citation, Media, Opaque, Reasoning, Refusal, Seal, Text, ToolCall
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Cited,
    Ended,
    Event,
    Failed,
    Heartbeat,
    PartEnded,
    PartStarted,
    SealDelta,
    Started,
    StreamedPart,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.reply import Reply, Stop, Usage

TEXTS: Final = st.text(max_size=12)
_NAMES: Final = st.text("abcdefghij_0123456789", min_size=1, max_size=8)
_COUNTS: Final = st.none() | st.integers(0, 10_000)

JSON: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)

SEALS: Final = st.builds(
    Seal,
    issuer=st.sampled_from(["openai", "anthropic", "google", "openai_chat"]),
    kind=st.sampled_from(["signature", "redacted", "encrypted", "thought"]),
    value=st.text(min_size=1, max_size=10),
)
CITATIONS: Final = st.builds(
    Citation,
    url=st.none() | st.just("https://example.org"),
    title=st.none() | TEXTS,
    quote=st.none() | TEXTS,
    start=st.none() | st.just(0),
    end=st.none() | st.just(1),
    dialect=st.sampled_from(["openai_chat", "openai_responses", "anthropic", "google"]),
    payload=st.just({"type": "x"}),
)
_LOGPROBS: Final = st.none() | st.tuples(st.fixed_dictionaries({"token": TEXTS, "logprob": st.just(-0.5)}))
_SEALED: Final = st.none() | SEALS

PARTS: Final[st.SearchStrategy[StreamedPart]] = st.one_of(
    st.builds(
        Text,
        text=TEXTS,
        citations=st.lists(CITATIONS, max_size=2).map(tuple),
        seal=_SEALED,
        logprobs=_LOGPROBS,
    ),
    st.builds(Reasoning, text=TEXTS, form=st.sampled_from(["full", "summary"]), seal=_SEALED),
    st.builds(
        ToolCall,
        id=_NAMES,
        name=_NAMES,
        arguments=st.sampled_from(["", "{}", '{"a":1}', "{broken", "[]"]) | TEXTS,
        kind=st.sampled_from(["function", "custom"]),
        namespace=st.none() | _NAMES,
        seal=_SEALED,
    ),
    st.builds(Refusal, text=TEXTS),
    st.builds(Media, kind=st.just("image"), media_type=st.just("image/png"), data=st.just("aGk="), seal=_SEALED),
    st.builds(
        Opaque,
        dialect=st.sampled_from(["openai_chat", "openai_responses", "anthropic", "google"]),
        payload=st.just({"type": "unheard_of", "id": "x_1"}) | JSON,
    ),
)
USAGES: Final = st.builds(
    Usage, input=_COUNTS, output=_COUNTS, cache_read=_COUNTS, cache_write=_COUNTS, reasoning=_COUNTS
)
STOPS: Final = st.builds(
    Stop,
    reason=st.sampled_from(["end", "stop_sequence", "length", "tool_calls", "content_filter", "refusal", "pause"])
    | st.sampled_from(["context_full", "cancelled", "error", "other"]),
    raw=st.none() | _NAMES,
    sequence=st.none() | TEXTS,
)
REPLIES: Final = st.builds(
    Reply,
    id=_NAMES,
    model=_NAMES,
    parts=st.lists(PARTS, max_size=4).map(tuple),
    stop=STOPS,
    usage=st.none() | USAGES,
    created=st.none() | st.integers(0, 2**33),
    service_tier=st.none() | st.just("default"),
)


@st.composite
def interleaved(draw: st.DrawFn) -> list[Event]:
    """Draw any stream that the grammar allows: parts open at once, silence in between, a good or a bad end."""
    events: list[Event] = [Heartbeat()] * draw(st.integers(0, 1))
    end = draw(st.sampled_from(["ended", "failed", "failed before it started"]))
    failed = Failed(failure=Failure(kind=FailureKind.UPSTREAM, message="It broke.", status=502))
    if end == "failed before it started":
        return [*events, failed]
    events.append(Started(id=draw(_NAMES), model=draw(_NAMES)))
    waiting = [msgspec.structs.replace(part, **_emptied(part)) for part in draw(st.lists(PARTS, max_size=4))]
    opened: dict[int, StreamedPart] = {}
    for step in draw(st.lists(st.sampled_from(["start", "add", "end", "usage", "heartbeat"]), max_size=20)):
        events += _step(draw, step, opened, waiting, events)
    if end == "failed":
        return [*events, failed]
    return [*events, *(PartEnded(index=index) for index in opened), Ended(stop=draw(STOPS))]


def _emptied(part: StreamedPart) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"text": "", "citations": (), "logprobs": None}
    return {"text": ""} if isinstance(part, Reasoning | Refusal) else {}


def _step(
    draw: st.DrawFn, step: str, opened: dict[int, StreamedPart], waiting: list[StreamedPart], so_far: list[Event]
) -> list[Event]:
    if step == "heartbeat":
        return [Heartbeat()]
    if step == "usage":
        return [UsageSeen(usage=draw(USAGES))]
    if step == "start" and waiting:
        index = sum(isinstance(event, PartStarted) for event in so_far)
        opened[index] = waiting.pop()
        return [PartStarted(index=index, part=opened[index])]
    if step in {"start", "usage"} or not opened:
        return []
    index = draw(st.sampled_from(sorted(opened)))
    if step == "end":
        del opened[index]
        return [PartEnded(index=index)]
    return _more(draw, index, opened[index])


def _more(draw: st.DrawFn, index: int, part: StreamedPart) -> list[Event]:
    if isinstance(part, ToolCall):
        return [ArgumentsDelta(index=index, text=draw(TEXTS))]
    if isinstance(part, Media | Opaque):
        return []
    kinds = {Text: ["text", "seal", "cited"], Reasoning: ["text", "seal"], Refusal: ["text"]}[type(part)]
    kind = draw(st.sampled_from(kinds))
    if kind == "seal":
        return [SealDelta(index=index, seal=draw(SEALS))]
    if kind == "cited":
        return [Cited(index=index, citation=draw(CITATIONS))]
    return [TextDelta(index=index, text=draw(TEXTS))]

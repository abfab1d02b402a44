"""What of a reply must be the same on both sides of a codec, and where two values differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from argo_relay.dialects.base import Dialect
from argo_relay.framing.base import Frame
from argo_relay.neutral import seals
from argo_relay.neutral.content import Media, Part, Reasoning, Refusal, Seal, Text, ToolCall, ToolResult
from argo_relay.neutral.events import Event
from argo_relay.neutral.fold import Fold
from argo_relay.neutral.reply import Reply, Stop, Usage
from argo_relay.neutral.request import Message, Request

STOP_CLASSES: Final[dict[str, str]] = {
    "end": "end",
    "stop_sequence": "end",
    "length": "length",
    "context_full": "length",
    "tool_calls": "tool_calls",
    "content_filter": "withheld",
    "refusal": "withheld",
}
_OBJECTS_ONLY: Final = {"anthropic", "google"}
_FLAT: Final = {"openai_chat", "anthropic", "google"}


class Said(NamedTuple):
    """A reply as every dialect can say it."""

    text: str
    thought: str
    calls: tuple[tuple[str, str, Any], ...]
    stop: str
    tokens: tuple[int, int] | None


def said(reply: Reply, dialect: str) -> Said:
    """Return what a client of `dialect` must learn from a reply."""
    texts = [part.text for part in reply.parts if isinstance(part, Text | Refusal)]
    thoughts = [part.text for part in reply.parts if isinstance(part, Reasoning)]
    usage = reply.usage
    return Said(
        text="".join(texts),
        thought="".join("".join(thoughts).split()),
        calls=tuple(_call(part, dialect) for part in reply.parts if isinstance(part, ToolCall)),
        stop=_stop_class(reply),
        tokens=(usage.input or 0, usage.output or 0) if usage is not None else None,
    )


def _stop_class(reply: Reply) -> str:
    # A refusal in words is a part where a dialect has one, and a stop reason where it has none.
    if any(isinstance(part, Refusal) for part in reply.parts) and reply.stop.reason == "end":
        return "withheld"
    return STOP_CLASSES.get(reply.stop.reason, "any")


def _call(call: ToolCall, dialect: str) -> tuple[str, str, Any]:
    name = f"{call.namespace}__{call.name}" if call.namespace and dialect in _FLAT else call.name
    return seals.without_seal(call.id)[0], name, _arguments(call, objects=dialect in _OBJECTS_ONLY)


def _arguments(call: ToolCall, *, objects: bool) -> Any:
    """Return a call's arguments as a value; where only objects can be said, text and other values are wrapped."""
    if call.kind == "custom":
        return {"input": call.arguments} if objects else call.arguments
    try:
        value = json.loads(call.arguments or "{}")
    except ValueError:
        value = call.arguments
    return value if isinstance(value, dict) or not objects else {"arguments": call.arguments}


def bare(reply: Reply) -> dict[str, Any]:
    """Return all that must survive within one dialect: everything but what neither form can hold.

    `Usage.raw` and `Stop.raw` are the upstream's own words; a stream has no place for a reply's extras, nor for
    results of tools.
    """
    usage = None if reply.usage is None else _counted(reply.usage)
    parts = tuple(_unpacked(part) for part in reply.parts if not isinstance(part, ToolResult) and not _empty(part))
    plain = msgspec.structs.replace(
        reply, usage=usage, parts=parts, extras={}, stop=msgspec.structs.replace(reply.stop, raw=None)
    )
    built: dict[str, Any] = msgspec.to_builtins(plain)
    built["parts"] = [{"is": type(part).__name__, **msgspec.to_builtins(part)} for part in parts]
    return built


def _empty(part: Part) -> bool:
    return isinstance(part, Text) and not (part.text or part.citations or part.seal or part.logprobs)


def _counted(usage: Usage) -> Usage:
    """Return the counts; of the details, none said is none used."""
    details = [name for name in usage.__struct_fields__ if name not in {"input", "output", "raw"}]
    return msgspec.structs.replace(usage, raw=None, **{name: getattr(usage, name) or None for name in details})


def _unpacked(part: Part) -> Part:
    if isinstance(part, ToolCall):
        own, inside = seals.without_seal(part.id)
        part = msgspec.structs.replace(part, id=own, seal=part.seal or inside, arguments=_spaced(part.arguments))
    if isinstance(part, Text | Reasoning | ToolCall | Media) and part.seal is not None:
        return msgspec.structs.replace(part, seal=seals.unpack(part.seal.value) or part.seal)
    return part


def _spaced(arguments: str) -> str:
    """Return arguments with one sort of white space: objects on the wire have none of their own. The order stays."""
    try:
        return json.dumps(json.loads(arguments or "{}"))
    except ValueError:
        return arguments


def seals_of(parts: Iterable[Part]) -> list[Seal]:
    """Return the seals of parts, in order."""
    bearing = [_unpacked(part) for part in parts]
    return [part.seal for part in bearing if isinstance(part, Text | Reasoning | ToolCall | Media) and part.seal]


def frames_of(dialect: Dialect, stream: bytes) -> list[Frame]:
    """Return a stream's frames."""
    splitter = dialect.framing.splitter()
    return [*splitter.feed(stream), *splitter.finish()]


def events_of(dialect: Dialect, frames: Iterable[Frame]) -> list[Event]:
    """Return what a stream that ends after these frames says."""
    decoder = dialect.stream_decoder()
    events = [event for frame in frames for event in decoder.feed(frame)]
    return events + decoder.finish()


def folded(events: Iterable[Event]) -> Fold:
    """Return the gathered stream."""
    fold = Fold()
    for event in events:
        fold.feed(event)
    return fold


def replied(fold: Fold) -> Reply:
    """Return a gathered stream as a reply, also one that failed after it had started."""
    return fold.reply() if fold.stop is not None else fold.partial(Stop(reason="error"))


def plain_request(dialect: str, *, stream: bool = False) -> Request:
    """Return a small request of a client."""
    asks = (Message(role="user", parts=(Text(text="Hello."),)),)
    return Request(dialect=dialect, model="case-model", messages=asks, stream=stream, include_usage=True)


def differences(want: Any, got: Any, path: str = "") -> Iterator[str]:
    """Yield where two JSON values differ, the wanted one first."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in [*want, *(key for key in got if key not in want)]:
            here = f"{path}.{key}" if path else str(key)
            if key not in got:
                yield f"{here}: {shown(want[key])} is missing"
            elif key not in want:
                yield f"{here}: {shown(got[key])} is new"
            else:
                yield from differences(want[key], got[key], here)
    elif isinstance(want, list | tuple) and isinstance(got, list | tuple) and len(want) == len(got):
        for index, (one, other) in enumerate(zip(want, got, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif want != got or isinstance(want, bool) != isinstance(got, bool):
        yield f"{path}: {shown(want)} became {shown(got)}"


def shown(value: Any, width: int = 120) -> str:
    """Return a value short enough for one line."""
    text = value if isinstance(value, str) else json.dumps(value, default=repr)
    return text if len(text) <= width else f"{text[:width]}... ({len(text)})"


def honest(usage: Usage | None) -> Iterator[str]:
    """Yield where token counts break the convention of `neutral.reply`."""
    if usage is None:
        return
    cached = (usage.cache_read or 0) + (usage.cache_write or 0)
    if (usage.input or 0) < cached:
        yield f"input {usage.input} is less than the cached {cached}"
    if (usage.output or 0) < (usage.reasoning or 0):
        yield f"output {usage.output} is less than its reasoning {usage.reasoning}"

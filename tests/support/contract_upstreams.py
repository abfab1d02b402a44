"""What an upstream of each dialect sends, written by hand: words, calls, the ways of saying nothing, whole replies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from support.stage import FOREVER, JSON, Play

EVENTS: Final = {"content-type": "text/event-stream"}
TEXTS: Final = ("Once ", "upon ", "a time")
CALL: Final = ("find", {"a": "b"})


class Piece(NamedTuple):
    """Some bytes, after so many seconds; `says`: they carry content."""

    wait: float
    data: bytes
    says: bool = True


class Script(NamedTuple):
    """What an upstream does with one call, in seconds from the step before; after its last piece it is silent."""

    connect: float = 0.0
    send: float = 0.0
    head: float = 0.0
    pieces: Sequence[Piece] = ()
    headers: Mapping[str, str] = EVENTS

    def play(self) -> Play:
        body = [*((piece.wait, piece.data) for piece in self.pieces), (FOREVER, b"")]
        return Play(connect=self.connect, send=self.send, head=self.head, headers=self.headers, body=body)


def _data(value: Any, event: str = "") -> bytes:
    return (f"event: {event}\n" if event else "").encode() + b"data: " + json.dumps(value).encode() + b"\n\n"


def _named(value: dict[str, Any]) -> bytes:
    return _data(value, value["type"])


def _chunk(delta: dict[str, Any] | None) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": None}]
    return _data({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices})


def _called(arguments: str, **more: Any) -> bytes:
    return _chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments} | more}]})


def _first_call() -> bytes:
    function = {"name": CALL[0], "arguments": ""}
    return _chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]})


_RESPONSE: Final = {"id": "resp_1", "object": "response", "status": "in_progress", "model": "m", "output": []}
_ITEM: Final = {"id": "item_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
_CALL_ITEM: Final = {
    "id": "item_1",
    "type": "function_call",
    "call_id": "call_1",
    "name": CALL[0],
    "status": "in_progress",
    "arguments": "",
}
_AT: Final = {"output_index": 0, "item_id": "item_1"}
_TEXT_AT: Final = _AT | {"content_index": 0}
_ALL: Final = json.dumps(CALL[1])


def _gemini(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0}], "modelVersion": "m"}


_MESSAGE: Final = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
_COUNTS: Final = {"usage": {"input_tokens": 3, "output_tokens": 1}}

HEADS: Final[dict[str, bytes]] = {
    "openai_chat": _chunk({"role": "assistant", "content": ""}),
    "openai_responses": _named({"type": "response.created", "sequence_number": 0, "response": _RESPONSE})
    + _named({"type": "response.in_progress", "sequence_number": 1, "response": _RESPONSE}),
    "anthropic": _named({"type": "message_start", "message": _MESSAGE | _COUNTS}),
    "google": b"",
}
"""What begins a stream and says nothing yet."""


def _texts(dialect: str) -> list[bytes]:
    if dialect == "openai_chat":
        return [_chunk({"content": text}) for text in TEXTS]
    if dialect == "google":
        return [_data(_gemini({"text": text})) for text in TEXTS]
    if dialect == "anthropic":
        opening = _named({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        deltas = [_block_delta({"type": "text_delta", "text": text}) for text in TEXTS]
    else:
        part = {"type": "output_text", "text": "", "annotations": []}
        opening = _named({"type": "response.output_item.added", "output_index": 0, "item": _ITEM})
        opening += _named({"type": "response.content_part.added", "part": part} | _TEXT_AT)
        deltas = [_named({"type": "response.output_text.delta", "delta": text} | _TEXT_AT) for text in TEXTS]
    return [opening + deltas[0], *deltas[1:]]


def _block_delta(delta: dict[str, Any]) -> bytes:
    return _named({"type": "content_block_delta", "index": 0, "delta": delta})


def _half(dialect: str) -> list[bytes]:
    if dialect == "openai_chat":
        return [_first_call(), _called('{"a":'), _called(' "b')]
    if dialect == "anthropic":
        block = {"type": "tool_use", "id": "call_1", "name": CALL[0], "input": {}}
        opening = _named({"type": "content_block_start", "index": 0, "content_block": block})
        return [
            opening,
            *(_block_delta({"type": "input_json_delta", "partial_json": text}) for text in ('{"a":', ' "b')),
        ]
    kind = "response.function_call_arguments.delta"
    opening = _named({"type": "response.output_item.added", "output_index": 0, "item": _CALL_ITEM})
    return [opening, *(_named({"type": kind, "delta": text} | _AT) for text in ('{"a":', ' "b'))]


def _finished(dialect: str) -> list[bytes]:
    """Return a call that is complete; what a dialect has to say so has been said."""
    if dialect == "google":
        return [_data(_gemini({"functionCall": {"name": CALL[0], "args": CALL[1]}}))]
    if dialect == "openai_chat":
        return [*_half(dialect), _called('"}')]
    if dialect == "anthropic":
        last = _block_delta({"type": "input_json_delta", "partial_json": '"}'})
        return [*_half(dialect), last + _named({"type": "content_block_stop", "index": 0})]
    done = _CALL_ITEM | {"status": "completed", "arguments": _ALL}
    last = _named({"type": "response.function_call_arguments.delta", "delta": '"}'} | _AT)
    last += _named({"type": "response.function_call_arguments.done", "arguments": _ALL, "name": CALL[0]} | _AT)
    last += _named({"type": "response.output_item.done", "output_index": 0, "item": done})
    return [*_half(dialect), last]


HALVES: Final = ("openai_chat", "openai_responses", "anthropic")
"""Who can say half a call; Google's come whole."""
SAYINGS: Final = {
    "text": _texts,
    "half a call": lambda dialect: _half(dialect) if dialect in HALVES else [],
    "a call": _finished,
}

QUIET: Final[dict[str, dict[str, bytes]]] = {
    "openai_chat": {
        "comments": b": ping\n\n",
        "roles": HEADS["openai_chat"],
        "empty texts": _chunk({"content": ""}),
        "no choices": _chunk(None),
        "counts": HEADS["openai_chat"].replace(b'"created"', b'"usage": {"prompt_tokens": 3}, "created"'),
        "empty objects": b"data: {}\n\n",
    },
    "openai_responses": {
        "comments": b": ping\n\n",
        "pings": _named({"type": "response.in_progress", "sequence_number": 2, "response": _RESPONSE}),
        "keepalives": _named({"type": "keepalive", "sequence_number": 2}),
    },
    "anthropic": {"comments": b": ping\n\n", "pings": _named({"type": "ping"})},
    "google": {
        "comments": b": ping\n\n",
        "blank lines": b"\n\n",
        "empty objects": b"data: {}\n\n",
        "empty texts": _data(_gemini({"text": ""})),
        "no parts": _data(_gemini()),
        "counts": _data({"usageMetadata": {"promptTokenCount": 3}}),
    },
}
"""What reads as an event, or as nothing, and carries no content, before a reply's first word and after it."""
LATER: Final[dict[str, dict[str, bytes]]] = {
    "openai_responses": {"empty texts": _named({"type": "response.output_text.delta", "delta": ""} | _TEXT_AT)},
    "anthropic": {"empty texts": _block_delta({"type": "text_delta", "text": ""})},
}
"""What can come after a first word only."""


def array_of(stream: bytes, begun: bool) -> bytes:
    """Return what Google sends for a piece of an event stream where the stream is a JSON array."""
    elements = [line[6:] for line in stream.split(b"\n") if line.startswith(b"data: ")]
    written = b"\r\n"
    for number, element in enumerate(elements):
        written += (b",\r\n" if begun or number else b"[") + element
    return written


_WORDS: Final = "".join(TEXTS)
_DONE: Final = _RESPONSE | {
    "status": "completed",
    "output": [_ITEM | {"status": "completed", "content": [{"type": "output_text", "text": _WORDS}]}],
}
WHOLE: Final[dict[str, bytes]] = {
    dialect: json.dumps(body).encode()
    for dialect, body in {
        "openai_chat": {
            "id": "c",
            "object": "chat.completion",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": _WORDS}, "finish_reason": "stop"}],
        },
        "openai_responses": _DONE,
        "anthropic": _MESSAGE
        | _COUNTS
        | {"content": [{"type": "text", "text": _WORDS}], "stop_reason": "end_turn", "stop_sequence": None},
        "google": {
            "candidates": [
                {"content": {"role": "model", "parts": [{"text": _WORDS}]}, "finishReason": "STOP", "index": 0}
            ]
        },
    }.items()
}


def answering(dialect: str, way: str, said: Sequence[Piece]) -> Script:
    """Return an upstream that says these pieces of a stream, in the form in which this `way` has it asked."""
    if way != "array":
        begins = [Piece(0.0, HEADS[dialect], False)] if HEADS[dialect] else []
        return Script(head=0.5, pieces=[*begins, *said])
    begun, pieces = False, []
    for piece in said:
        pieces.append(piece._replace(data=array_of(piece.data, begun)))
        begun = begun or b"data: " in piece.data
    return Script(head=0.5, pieces=pieces, headers=JSON)


_ENDS: Final[dict[str, bytes]] = {
    "openai_chat": _chunk({}).replace(b'"finish_reason": null', b'"finish_reason": "stop"') + b"data: [DONE]\n\n",
    "openai_responses": _named(
        {
            "type": "response.completed",
            "response": _DONE,
        }
    ),
    "anthropic": _named({"type": "content_block_stop", "index": 0})
    + _named({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}})
    + _named({"type": "message_stop"}),
    "google": _data(_gemini() | {"candidates": [{"finishReason": "STOP", "index": 0}]}),
}


def fine_stream(dialect: str, way: str) -> Script:
    """Return an upstream that says everything at once, and ends well."""
    last = _ENDS[dialect]
    said = answering(dialect, way, [*(Piece(0.0, data) for data in SAYINGS["text"](dialect)), Piece(0.0, last)])
    bracket = [Piece(0.0, b"]")] if way == "array" else []
    return said._replace(head=0.0, pieces=[*said.pieces, *bracket, Piece(0.0, b"")])


def fine_whole(dialect: str) -> Script:
    """Return an upstream that gives its whole reply."""
    return Script(pieces=[Piece(0.0, WHOLE[dialect]), Piece(0.0, b"")], headers=JSON)


def in_whole(dialect: str, waits: Sequence[float]) -> Script:
    """Return an upstream that says its whole reply's bytes one after the other, after these seconds each."""
    body = WHOLE[dialect]
    return Script(head=0.5, pieces=[Piece(wait, body[at : at + 1]) for at, wait in enumerate(waits)], headers=JSON)

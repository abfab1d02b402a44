"""What an upstream of the chaos run says when all is well: replies, streams and errors of the four dialects."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

MODEL: Final = "m"
END: Final = b"\r\n\r\n"


def whole(dialect: str, text: str) -> bytes:
    """Return a whole reply."""
    return json.dumps(_WHOLES[dialect](text)).encode()


def stream(dialect: str, pieces: Sequence[str]) -> list[bytes]:
    """Return the events of a stream, its terminator last; between are those that carry the pieces, one each."""
    return _STREAMS[dialect](pieces)


def error(dialect: str, status: int, message: str) -> bytes:
    """Return the body of an error."""
    if dialect == "messages":
        body: dict[str, Any] = {"type": "error", "error": {"type": "api_error", "message": message}}
    elif dialect == "google":
        body = {"error": {"code": status, "message": message, "status": "UNKNOWN"}}
    else:
        body = {"error": {"message": message, "type": "server_error", "param": None, "code": None}}
    return json.dumps(body).encode()


def stream_error(dialect: str, message: str) -> bytes:
    """Return the event that says that a stream has failed."""
    name = b"event: error\n" if dialect == "messages" else b""
    return name + b"data: " + error(dialect, 500, message) + b"\n\n"


def listing(dialect: str) -> bytes:
    """Return the list of models."""
    rows: list[dict[str, Any]] = [{"id": MODEL, "object": "model", "name": f"models/{MODEL}", "type": "model"}]
    return json.dumps({"models": rows} if dialect == "google" else {"object": "list", "data": rows}).encode()


def _chat(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }


def _chat_stream(pieces: Sequence[str]) -> list[bytes]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
        return _data(head | {"choices": choices})

    parts = [chunk({"content": piece}) for piece in pieces]
    return [chunk({"role": "assistant", "content": ""}), *parts, chunk({}, "stop"), b"data: [DONE]\n\n"]


def _message(content: list[dict[str, Any]], stop: str | None) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 5},
    }


def _messages(text: str) -> dict[str, Any]:
    return _message([{"type": "text", "text": text}], "end_turn")


def _messages_stream(pieces: Sequence[str]) -> list[bytes]:
    def delta(piece: str) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}

    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": _message([], None)},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(delta(piece) for piece in pieces),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 5},
        },
        {"type": "message_stop"},
    ]
    return [_data(event, event["type"]) for event in events]


def _response(text: str | None, status: str) -> dict[str, Any]:
    output = [] if text is None else [_item(text, "completed")]
    usage = {
        "input_tokens": 3,
        "output_tokens": 5,
        "total_tokens": 8,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": MODEL,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "output": output,
        "usage": None if text is None else usage,
    }


def _item(text: str | None, status: str) -> dict[str, Any]:
    content = [] if text is None else [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": status, "content": content}


def _responses_stream(pieces: Sequence[str]) -> list[bytes]:
    text = "".join(pieces)
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": text, "annotations": []}
    events: list[tuple[str, dict[str, Any]]] = [
        ("created", {"response": _response(None, "in_progress")}),
        ("in_progress", {"response": _response(None, "in_progress")}),
        ("output_item.added", {"output_index": 0, "item": _item(None, "in_progress")}),
        ("content_part.added", place | {"part": part | {"text": ""}}),
        *(("output_text.delta", place | {"delta": piece}) for piece in pieces),
        ("output_text.done", place | {"text": text}),
        ("content_part.done", place | {"part": part}),
        ("output_item.done", {"output_index": 0, "item": _item(text, "completed")}),
        ("completed", {"response": _response(text, "completed")}),
    ]
    return [
        _data({"type": f"response.{name}", "sequence_number": number} | event, f"response.{name}")
        for number, (name, event) in enumerate(events)
    ]


def _google(text: str, finish: str | None = "STOP") -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}
    said: dict[str, Any] = {"candidates": [candidate], "modelVersion": MODEL}
    if finish is not None:
        candidate["finishReason"] = finish
        said["usageMetadata"] = {"promptTokenCount": 3, "candidatesTokenCount": 5, "totalTokenCount": 8}
    return said


def _google_stream(pieces: Sequence[str]) -> list[bytes]:
    return [*(_data(_google(piece, None)) for piece in pieces), _data(_google("."))]


def _data(value: object, event: str | None = None) -> bytes:
    named = b"" if event is None else f"event: {event}\n".encode()
    return named + b"data: " + json.dumps(value).encode() + b"\n\n"


_WHOLES: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    "chat": _chat,
    "messages": _messages,
    "responses": lambda text: _response(text, "completed"),
    "google": _google,
}
_STREAMS: Final[dict[str, Callable[[Sequence[str]], list[bytes]]]] = {
    "chat": _chat_stream,
    "messages": _messages_stream,
    "responses": _responses_stream,
    "google": _google_stream,
}

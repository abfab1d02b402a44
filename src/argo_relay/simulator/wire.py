"""JSON as Argo writes it: compact, in UTF-8, keys in the order given."""

from __future__ import annotations

import json

import msgspec

JSON_HEADERS = ((b"content-type", b"application/json"),)
HTML_HEADERS = ((b"content-type", b"text/html"),)
TEXT_HEADERS = ((b"content-type", b"text/plain; charset=utf-8"),)
STREAM_HEADERS = ((b"content-type", b"text/event-stream; charset=utf-8"),)

Headers = tuple[tuple[bytes, bytes], ...]


def encode(value: object) -> bytes:
    """Return `value` as compact JSON; half of a surrogate pair, which UTF-8 cannot hold, stays an escape."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):  # msgspec refuses half pairs, and integers beyond 64 bits
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


def event(value: object) -> bytes:
    """Return `value` as one server-sent event."""
    return b"data: " + encode(value) + b"\n\n"


def named_event(name: str, value: object) -> bytes:
    """Return `value` as one server-sent event that bears a name."""
    return b"event: " + name.encode() + b"\n" + event(value)

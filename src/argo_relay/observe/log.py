"""The log: one line an exchange, as logfmt for people or as JSON for machines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from argo_relay.observe.record import Record

Sink = Callable[[Record], None]
"""Takes a finished exchange; must not raise and must not wait."""


def log_sink(stream: TextIO, form: str) -> Sink:
    """Return a sink that writes lines in the given form (`text` or `json`) to a stream."""
    line = _json_line if form == "json" else _text_line

    def write(record: Record) -> None:
        # A full disk, or a pipe that nobody reads any more, is no reason to fail an exchange.
        with contextlib.suppress(OSError):
            stream.write(line(record) + "\n")
            stream.flush()

    return write


def _fields(record: Record) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(record)
    fields |= {f"tokens_{name}": count for name, count in (fields.pop("usage", None) or {}).items()}
    moment = datetime.fromtimestamp(record.time, UTC)
    fields["time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in fields.items()
        if value is not None
    }


def _json_line(record: Record) -> str:
    return msgspec.json.encode(_fields(record)).decode()


def _text_line(record: Record) -> str:
    return " ".join(f"{name}={_text(value)}" for name, value in _fields(record).items())


def _text(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    # A model's name is the client's own text: quoted, it can neither start a line nor look like a field.
    return text if text and text.isascii() and text.isprintable() and not set(text) & set(" '\"=") else ascii(text)

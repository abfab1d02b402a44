"""The log, as logfmt for people or as JSON for machines: one line an exchange, and one for what should not happen."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from argo_relay.observe.record import Record

Sink = Callable[[Record], None]
"""Takes a finished exchange; must not raise and must not wait."""


class Lines(Protocol):
    """Where lines go."""

    def write(self, line: str, /) -> object:
        """Take a line with its end."""
        ...


def log_sink(lines: Lines, form: str) -> Sink:
    """Return a sink that writes exchanges in the given form (`text` or `json`)."""
    shown = _FORMS[form]

    def write(record: Record) -> None:
        lines.write(shown(_fields(record)) + "\n")

    return write


def every(*sinks: Sink) -> Sink:
    """Return a sink that hands each record to all of these, in order."""

    def take(record: Record) -> None:
        for sink in sinks:
            sink(record)

    return take


class TroubleLog(logging.Handler):
    """Writes what the program and its libraries warn of, in the same form as exchanges.

    Of an exception only its type and its frames: its own text might hold a prompt.
    """

    def __init__(self, lines: Lines, form: str) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines
        self._shown = _FORMS[form]

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        fields = {"time": _moment(record.created), "level": record.levelname.lower(), "message": record.getMessage()}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            fields |= {"error": type(error).__name__, "frames": "".join(traceback.format_tb(error.__traceback__))}
        self._lines.write(self._shown(fields) + "\n")


def _fields(record: Record) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(record)
    usage = fields.pop("usage", None) or {}
    if calls := fields.get("calls"):
        fields["calls"] = ", ".join(f"{upstream}={count}" for upstream, count in calls.items())
    fields |= {f"tokens_{name}": count for name, count in usage.items() if name != "raw"}
    fields["time"] = _moment(record.time)
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in fields.items()
        if value is not None
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json_line(fields: dict[str, Any]) -> str:
    return msgspec.json.encode(fields).decode()


def _text_line(fields: dict[str, Any]) -> str:
    return " ".join(f"{name}={_text(value)}" for name, value in fields.items())


def _text(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    # A model's name is the client's own text: quoted, it can neither start a line nor look like a field.
    return text if text and text.isascii() and text.isprintable() and not set(text) & set(" '\"=") else ascii(text)


_FORMS = {"text": _text_line, "json": _json_line}

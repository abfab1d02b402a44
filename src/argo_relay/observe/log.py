"""The log, as logfmt for people or as JSON for machines: one line an exchange, and one for what should not happen."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Protocol

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
    """Writes what the program tells of itself, and what libraries warn of, in the same form as exchanges.

    Of an exception only its type and its frames: its own text might hold a prompt.
    """

    def __init__(self, lines: Lines, form: str) -> None:
        super().__init__(logging.INFO)
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
    usage = fields.pop("usage", None)
    if calls := fields.get("calls"):
        fields["calls"] = ", ".join([f"{upstream}={count}" for upstream, count in calls.items()])
    if usage is not None:
        for name, count in usage.items():
            if count is not None and name != "raw":
                fields[f"tokens_{name}"] = count
    fields["time"] = _moment(record.time)
    return fields


def _moment(seconds: float) -> str:
    milliseconds = int(seconds * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _json_line(fields: dict[str, Any]) -> str:
    shown = {name: round(value, 4) if type(value) is float else value for name, value in fields.items()}
    return msgspec.json.encode(shown).decode()


def _text_line(fields: dict[str, Any]) -> str:
    words = []
    for name, value in fields.items():
        kind = type(value)
        if kind is str:
            words.append(_word(name, value))
        elif kind is float:
            words.append(f"{name}={round(value, 4)}")
        else:
            words.append(f"{name}={value}" if kind is not bool else f"{name}={str(value).lower()}")
    return " ".join(words)


@lru_cache(256)
def _word(name: str, value: str) -> str:
    """Return a field with a text; nearly all of them are the same in line after line."""
    # A model's name is the client's own text: quoted, it can neither start a line nor look like a field.
    return f"{name}={value if _PLAIN(value) else ascii(value)}"


_PLAIN: Final = re.compile(r"""[!#-&(-<>-~]+""").fullmatch
"""Says whether a value can stand as it is: printable ASCII without a space, a quote or an equals sign."""
_FORMS = {"text": _text_line, "json": _json_line}

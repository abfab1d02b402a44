"""The log, as logfmt for people or as JSON for machines: one line an exchange, and one for what should not happen."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from argo_relay.neutral.reply import Usage
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
    text = _FORMS[form].value

    def write(record: Record) -> None:
        usage, queued, first_event, saved = record.usage, record.queued, record.first_event, record.saved
        # In the order of _VARYING.
        values = (
            _moment(record.time),
            text(record.request_id),
            round(record.seconds, 4),
            text(_calls(record.calls)) if record.calls else None,
            queued and round(queued, 4),
            first_event and round(first_event, 4),
            record.events or None,
            record.bytes_in or None,
            record.bytes_out or None,
            saved and round(saved, 4),
            None if record.rejoined is None else text(record.rejoined),
            *(_NO_COUNTS if usage is None else _counts_of(usage)),
        )
        lines.write(_template(form, _steady_of(record), tuple(map(type, values))) % values)

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
        self._form = _FORMS[form]

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        fields = {"time": _moment(record.created), "level": record.levelname.lower(), "message": record.getMessage()}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            fields |= {"error": type(error).__name__, "frames": "".join(traceback.format_tb(error.__traceback__))}
        words = [self._form.word(name, value) for name, value in fields.items()]
        self._lines.write(self._form.line(words))


class _Form(NamedTuple):
    """How a line is written: what stands around its fields, and what says one."""

    start: str
    label: str
    gap: str
    end: str
    value: Callable[[Any], str]

    def word(self, name: str, value: object) -> str:
        """Return a field with its name."""
        return self.label % name + self.value(value)

    def line(self, words: Iterable[str]) -> str:
        """Return a line of such fields, with its end."""
        return f"{self.start}{self.gap.join(words)}{self.end}"


@lru_cache(512)
def _template(form: str, steady: tuple[object, ...], kinds: tuple[type, ...]) -> str:
    """Return the line of all records that have these values in common, with a place for each that varies.

    Nearly all of a line is the same in line after line: so one takes 3 us, and 5.7 where each field is looked at.
    """
    way = _FORMS[form]
    said, there = dict(zip(_STEADY, steady, strict=True)), dict(zip(_VARYING, kinds, strict=True))
    words, absent = [], ""
    for name in _ORDER:
        if name in said:
            if said[name] != _DEFAULTS[name]:
                words.append(way.word(name, said[name]).replace("%", "%%"))
        elif there[name] is type(None):
            absent += "%.0s"
        else:
            words.append(f"{absent}{way.label % name}{way.value('%s') if name == 'time' else '%s'}")
            absent = ""
    return way.line(words) + absent


def _calls(calls: Mapping[str, int]) -> str:
    return ", ".join([f"{upstream}={count}" for upstream, count in calls.items()])


def _moment(seconds: float) -> str:
    milliseconds = int(seconds * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _as_json(value: object) -> str:
    return msgspec.json.encode(round(value, 4) if type(value) is float else value).decode()


def _as_word(value: object) -> str:
    if isinstance(value, str):
        # A model's name is the client's own text: quoted, it can neither start a line nor look like a field.
        return value if _PLAIN(value) else ascii(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(round(value, 4) if isinstance(value, float) else value)


_PLAIN: Final = re.compile(r"""[!#-&(-<>-~]+""").fullmatch
"""Says whether a value can stand as it is: printable ASCII without a space, a quote or an equals sign."""
_FORMS: Final = {
    "text": _Form("", "%s=", " ", "\n", _as_word),
    "json": _Form("{", '"%s":', ",", "}\n", _as_json),
}
_COUNTS: Final = tuple(name for name in Usage.__struct_fields__ if name != "raw")
_counts_of: Final = attrgetter(*_COUNTS)
_NO_COUNTS: Final = (None,) * len(_COUNTS)
_TOKENS: Final = tuple(f"tokens_{name}" for name in _COUNTS)
_VARYING: Final = (
    *("time", "request_id", "seconds", "calls", "queued", "first_event", "events", "bytes_in", "bytes_out"),
    *("saved", "rejoined"),
    *_TOKENS,
)
"""Fields that are hardly twice the same, in the order in which they stand in a line."""
_DEFAULTS: Final = {field.name: field.default for field in msgspec.structs.fields(Record) if field.name != "usage"}
_ORDER: Final = (*_DEFAULTS, *_TOKENS)
_STEADY: Final = tuple(name for name in _DEFAULTS if name not in _VARYING)
_steady_of: Final = attrgetter(*_STEADY)

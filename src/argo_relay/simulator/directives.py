"""What a prompt can order the simulator to do: `[first_token=2] [chunks=40] [gap=0.25]`.

TABLE is the one list: it parses, it holds the defaults, and `argo-relay simulate --help` prints it. Prompts are full of
brackets, so a name that is not in the table is left alone; a name that is in it, with a value that makes no sense, is
refused, because a test that believes it asked for a stall and did not get one proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from argo_relay.simulator.access import SPECIAL_USERS
from argo_relay.simulator.failures import FAILURES

LONGEST = 86_400
"""Seconds: nobody waits longer than a day."""
MOST_CHUNKS = 100_000
MOST_TEXT = 64 * 1024 * 1024
"""Characters of one reply."""

# Both repetitions are bounded: a prompt of megabytes with one bracket in it must not cost more than a glance.
_STUB = re.compile(r"\bSTUBTOOL(?::([A-Za-z0-9_.-]{1,128}))?")
_BRACKET = re.compile(r"\[\s{0,8}([a-z][a-z_]{0,30})\s{0,8}(?:=([^\[\]]{0,200}))?\]")


class BadDirectiveError(ValueError):
    """A directive that is known, with a value that is not."""


class Directives(msgspec.Struct, frozen=True, kw_only=True):
    """What one prompt ordered. Times are seconds from the moment the request's body was read."""

    first_token: float
    headers: float
    chunks: int
    gap: float
    size: int | None
    status: int | None
    retry_after: float | None
    drop_after: int | None
    stall_after: int | None
    error_after: int | None
    tool: tuple[str, ...] | None
    think: int
    comments: float | None
    pieces: int | None
    no_finish: bool
    no_done: bool
    usage: str | None
    hidden_error: bool
    error_kind: str | None
    openai_shape: bool
    notice: str | None
    crash: bool
    stub: str | None = None
    """The tool that a prompt names with STUBTOOL, as tests of agents do: called where it is offered."""

    def thoughtless(self) -> Directives:
        """Return the same without reasoning, for those who show none."""
        return msgspec.structs.replace(self, think=0)

    def time_of(self, chunk: int) -> float:
        """Return when the chunk with this index (the first is 0) goes out."""
        return self.first_token + max(chunk, 0) * self.gap


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """How a value is written: its placeholder, its wording in a refusal, and a reader that raises ValueError."""

    placeholder: str
    wording: str
    read: Callable[[str], Any]


class Directive(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table; a row without a kind is a flag and takes no value."""

    name: str
    kind: Kind | None
    default: Any
    help: str

    @property
    def written(self) -> str:
        """Return how a prompt writes it."""
        return f"[{self.name}={self.kind.placeholder}]" if self.kind else f"[{self.name}]"


def _within(number: float, low: float, high: float) -> None:
    if not low <= number <= high:  # NaN is within nothing
        raise ValueError


def _seconds(low: float = 0) -> Kind:
    def read(text: str) -> float:
        number = float(text)
        _within(number, low, LONGEST)
        return number

    return Kind(placeholder="S", wording=f"seconds, {low:g} to {LONGEST}", read=read)


def _count(low: int, high: int, placeholder: str = "N") -> Kind:
    def read(text: str) -> int:
        number = int(text)
        _within(number, low, high)
        return number

    return Kind(placeholder=placeholder, wording=f"a whole number, {low} to {high}", read=read)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", name) for name in names):
        raise ValueError
    return names


def _one_of(names: Iterable[str], placeholder: str) -> Kind:
    known = tuple(names)

    def read(text: str) -> str:
        if text not in known:
            raise ValueError
        return text

    return Kind(placeholder=placeholder, wording=f"one of {', '.join(known)}", read=read)


def _null(text: str) -> str:
    if text != "null":
        raise ValueError
    return text


_TOOLS = Kind(placeholder="NAME", wording="a tool's name, or any, or several with commas between", read=_names)
_KINDS = _one_of(FAILURES, "KIND")
_USERS = _one_of(SPECIAL_USERS, "USER")
_NULL = Kind(placeholder="null", wording="null", read=_null)

_MANY = _count(0, MOST_CHUNKS)

# fmt: off
_ROWS: tuple[tuple[str, Kind | None, Any, str], ...] = (
    ("first_token", _seconds(), 0.05, "seconds until the first content"),
    ("headers", _seconds(), None, "seconds until the status line (default first_token; with comments 0)"),
    ("chunks", _count(1, MOST_CHUNKS), 12, "pieces of content; each counts as one token"),
    ("gap", _seconds(), 0.01, "seconds between two pieces; a whole reply takes first_token + (chunks - 1) * gap"),
    ("size", _count(1, 1_000_000), None, "characters in each piece"),
    ("status", _count(400, 599), None, "answer this error, as Argo would; 502 is its web server's HTML page"),
    ("retry_after", _seconds(), None, "send Retry-After with that error"),
    ("drop_after", _MANY, None, "cut the connection after N pieces (a whole reply: half way through its body)"),
    ("stall_after", _MANY, None, "after N pieces say nothing more until the client leaves"),
    ("error_after", _MANY, None, "after N pieces fail inside the stream (a whole reply: fail with 429)"),
    ("tool", _TOOLS, None, "call this tool of those offered (any: the first; a,b: both) until a tool's result follows"),
    ("think", _MANY, 0, "pieces of reasoning before the answer, from Claude on /v1/messages and on /v1/responses"),
    ("comments", _seconds(0.001), None, "send a comment line this often while waiting, in streams"),
    ("pieces", _count(1, 1_000_000), None, "write N bytes at a time, wherever that cuts"),
    ("no_finish", None, False, "leave out what says why it ended: finish_reason, message_delta, response.completed"),
    ("no_done", None, False, "leave out what ends the stream: data: [DONE], message_stop, response.completed"),
    ("usage", _NULL, None, "count no tokens: usage fields are null"),
    ("hidden_error", None, False, "fail with an error's body under status 200, as Argo does at times"),
    ("error_kind", _KINDS, None, f"how those two fail: {', '.join(FAILURES)}"),
    ("openai_shape", None, False, "a whole reply on /v1/messages in the shape of chat, as Argo sends it at times"),
    ("notice", _USERS, None, "before the words, the notice that this user would get; as in March 2026"),
    ("crash", None, False, "fail with 500 as Gemini does at times: 'NoneType' object is not iterable"),
)
# fmt: on

TABLE = {name: Directive(name=name, kind=kind, default=default, help=text) for name, kind, default, text in _ROWS}


def _value(name: str, text: str | None) -> Any:
    kind = TABLE[name].kind
    if kind is None:
        if text is not None:
            raise BadDirectiveError(f"[{name}={text}]: {name} takes no value; write [{name}].")
        return True
    try:
        return kind.read((text or "").strip())
    except ValueError:
        raise BadDirectiveError(f"[{name}={text}]: {name} takes {kind.wording}.") from None


def _given(prompt: str) -> Iterator[tuple[str, Any]]:
    for name, text in ((found[1], found[2]) for found in _BRACKET.finditer(prompt)):
        # "[status]" is a word in brackets: only a flag is ordered without a value.
        if name in TABLE and (text is not None or TABLE[name].kind is None):
            yield name, _value(name, text)


def parse(prompt: str) -> Directives:
    """Return what `prompt` orders, the last of two equal names winning; raise BadDirectiveError for nonsense."""
    values = {name: row.default for name, row in TABLE.items()} | dict(_given(prompt))
    if values["headers"] is None:
        # Real upstreams answer when the first token is there; but comments need a status line before them.
        values["headers"] = 0.0 if values["comments"] is not None else values["first_token"]
    if values["headers"] > values["first_token"]:
        raise BadDirectiveError(
            f"[headers={values['headers']:g}]: the status line cannot come after the first content"
            f" (first_token={values['first_token']:g})."
        )
    if values["chunks"] * (values["size"] or 1) > MOST_TEXT:
        raise BadDirectiveError(f"[size={values['size']}]: chunks times size is at most {MOST_TEXT} characters.")
    stub = _STUB.search(prompt)
    return Directives(**values, stub=(stub[1] or "any").rstrip(".") if stub else None)


def explained() -> list[tuple[str, str]]:
    """Return each directive as a prompt writes it, and what it does, defaults included."""
    return [
        (
            row.written,
            row.help + (f" (default {row.default:g})" if isinstance(row.default, (int, float)) and row.kind else ""),
        )
        for row in TABLE.values()
    ]
